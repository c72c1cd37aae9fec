/* Requests over HTTP as handlers answer them: a task each, which Lua's side (lua/lectern/api.lua,
 * lua/lectern/routes.lua) turns into status, headers and body. */
#ifndef LEC_SCRIPT_REQUESTS_H
#define LEC_SCRIPT_REQUESTS_H

#include "script/host.h"

/* Fills in the hooks route, forget_route, on_request and on_request_over. */
void lec_requests_hook(struct lec_hooks *hooks);

/* Loads Lua's side. May raise. */
void lec_requests_open(lua_State *L, struct lec_script *s);

/* Registers core.decode_body in the table on top. */
void lec_lib_request(lua_State *L);

#endif
