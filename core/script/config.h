/* lectern.lua, which returns the configuration as a table. It runs in a state of its own that lives
 * only for this, with the limits of scripts and without the API. */
#ifndef LEC_SCRIPT_CONFIG_H
#define LEC_SCRIPT_CONFIG_H

#include "script/host.h"

/* The `app` table of dir/lectern.lua as JSON text, "{}" without one. LEC_EINVAL as
 * lec_script_read_config. */
int lec_config_read_app(const char *dir, const struct lec_config *cfg, struct lec_buf *json,
                        char *err, size_t err_size) LEC_CHECK;

/* Pushes a table of all settings that are no secret, nested at the dots of their keys. Needs
 * protection. */
void lec_config_push(lua_State *L, const struct lec_config *cfg);

#endif
