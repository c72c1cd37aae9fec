/* The Lua host: one LuaJIT state, the handlers of one script directory, their coroutines.
 * The only folder that includes lua.h. Owner: main; borrows the server, which must outlive it. */
#ifndef LEC_SCRIPT_SCRIPT_H
#define LEC_SCRIPT_SCRIPT_H

#include "server/hooks.h"
#include "server/server.h"

struct lec_script;

/* Reads dir/lectern.lua, if there is one, into cfg (source LEC_FROM_LUA). It runs without the API,
 * and under a time limit. LEC_EINVAL with a sentence in err that names file, key or line. */
int lec_script_read_config(const char *dir, struct lec_config *cfg, char *err,
                           size_t err_size) LEC_CHECK;

struct lec_plugin; /* server/plugins.h */

/* Fills a plugin from its plugin.lua, as lec_plugins_find wants it. */
int lec_script_read_plugin(struct lec_plugin *plugin, const char *path, char *err,
                           size_t err_size) LEC_CHECK;

/* Makes the state and loads dir/handlers/ *.lua. NULL with the failure in err: file, line, what. */
struct lec_script *lec_script_new(struct lec_server *server, const char *dir, struct lec_buf *err);
/* After the server's sockets are gone. */
void lec_script_free(struct lec_script *s);

const struct lec_hooks *lec_script_hooks(struct lec_script *s);

/* For `lectern check`: loads without serving; a report of handlers and API calls, or of all
 * failures, to out. LEC_OK or LEC_ESCRIPT. */
int lec_script_check(const char *dir, const struct lec_config *cfg, struct lec_log *log,
                     struct lec_buf *out) LEC_CHECK;

#endif
