/* socket.handshake, made of what the handshake's request said. */
#ifndef LEC_SCRIPT_HANDSHAKE_H
#define LEC_SCRIPT_HANDSHAKE_H

#include <lua.h>

struct eio_handshake;

/* Pushes the table, of all but `auth`. */
void lec_push_handshake(lua_State *L, const struct eio_handshake *hs);

/* Pushes what a JSON text says; an empty table for NULL, and for what is none. */
void lec_push_json(lua_State *L, const char *json);

#endif
