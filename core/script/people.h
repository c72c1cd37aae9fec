/* Who is connected, by the ids of verified tokens, for calls that name people. Owner: the script. */
#ifndef LEC_SCRIPT_PEOPLE_H
#define LEC_SCRIPT_PEOPLE_H

#include "script/handle.h"

void lec_people_add(struct lec_script *s, struct lec_handle *h);
void lec_people_remove(struct lec_script *s, struct lec_handle *h);

/* Registers core.users and core.sockets_of in the table on top. */
void lec_lib_people(lua_State *L);

#endif
