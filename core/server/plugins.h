/* The plugins of a server: folders with a plugin.lua, found in the server's own plugin folder and in the
 * script directory's plugins/; and those that are compiled in.
 *
 * Life cycle: made, filled (add, find), given values (configure), started, which runs the code of
 * those that have a C library; freed when nothing of them runs any more. A library stays loaded as
 * long as the process lives.
 *
 * Owner: main. What reads the list borrows it, by the configuration. */
#ifndef LEC_SERVER_PLUGINS_H
#define LEC_SERVER_PLUGINS_H

#include "base/log.h"
#include "lectern/plugin.h"
#include "net/loop.h"
#include "server/config.h"
#include "server/host.h"

enum lec_plugin_kind { LEC_PLUGIN_TEXT, LEC_PLUGIN_NUMBER, LEC_PLUGIN_FLAG };

/* value: the default's copy, until lec_plugins_configure. The kind is the default's. */
struct lec_plugin_setting {
    char *name, *help, *fallback, *value;
    enum lec_plugin_kind kind;
};

struct lec_plugin {
    char *name, *version;
    char *dir;    /* its folder; NULL: it is compiled in */
    char *owner;  /* of its migrations: "plugin:NAME" */
    char **needs; /* names of plugins that must be there too; ends with NULL */
    bool has_library, has_handlers, has_migrations;
    struct lec_plugin_setting *settings;
    size_t n_settings;
    const struct lectern_plugin *table; /* once started, of those with C code */
    struct lec_host *host;
    const struct lectern_plugin *(*get)(const struct lectern_host *host); /* compiled in */
};

struct lec_plugins;

struct lec_plugins *lec_plugins_new(void);
void lec_plugins_free(struct lec_plugins *plugins);

typedef const struct lectern_plugin *lec_plugin_get(const struct lectern_host *host);
/* One that is compiled in. */
struct lec_plugin *lec_plugins_add_builtin(struct lec_plugins *plugins, const char *name,
                                           lec_plugin_get *get);

/* Fills version, needs and settings of a plugin from its plugin.lua, whose path is given; it checks the name.
 * LEC_OK, or LEC_EINVAL with a sentence. Core/script reads Lua, so main brings this. */
typedef int lec_plugin_read_fn(struct lec_plugin *plugin, const char *path, char *err,
                               size_t err_size);

/* Adds the plugins of the server's folder and of the script directory, and settles who needs whom. Two
 * of a name: the script directory's counts. */
int lec_plugins_find(struct lec_plugins *plugins, const struct lec_config *cfg, const char *dir,
                     lec_plugin_read_fn *read, char *err, size_t err_size) LEC_CHECK;
/* Gives settings their values; one that no plugin has is an error. */
int lec_plugins_configure(struct lec_plugins *plugins, const struct lec_config *cfg, char *err,
                          size_t err_size) LEC_CHECK;
/* Loads libraries and lets them begin. state_dir is borrowed. */
int lec_plugins_start(struct lec_plugins *plugins, struct lec_loop *loop, struct lec_log *log,
                      const char *state_dir, char *err, size_t err_size) LEC_CHECK;

/* For readers of plugin.lua. */
struct lec_plugin_setting *lec_plugin_add_setting(struct lec_plugin *plugin, const char *name,
                                                  enum lec_plugin_kind kind, const char *value,
                                                  const char *help);
void lec_plugin_add_need(struct lec_plugin *plugin, const char *name);

/* All, those that others need before them. NULL plugins have none. */
struct lec_plugin *lec_plugins_next(const struct lec_plugins *plugins, size_t *pos);
struct lec_plugin *lec_plugins_named(const struct lec_plugins *plugins, const char *name);
/* Of the started ones, whose driver knows this scheme. NULL: nobody's. */
struct lec_plugin *lec_plugins_driver(const struct lec_plugins *plugins, struct lec_slice scheme);
/* What `lectern plugins` prints. */
void lec_plugins_list(const struct lec_plugins *plugins, struct lec_buf *out);

/* The folder of the server's own plugins, for free(). */
char *lec_plugins_folder(const struct lec_config *cfg, const char *dir);

#endif
