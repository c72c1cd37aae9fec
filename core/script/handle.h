/* A socket as scripts hold it: the handle is C's side, the box is Lua's.
 *
 * A handle lives from on_connect to on_free and belongs to the script; the peer points to it. Its box
 * is a userdata, made when the socket is first given to Lua and then anchored in the registry, so
 * that a socket is one value in Lua: tables may be keyed by it. When the socket goes, the box gets a
 * copy of what it must still answer from (claims, handshake), is emptied of the pointer, and let go:
 * scripts may keep it as long as they like. Tables are made of these when a script asks for them,
 * never before: most sockets come and go without. */
#ifndef LEC_SCRIPT_HANDLE_H
#define LEC_SCRIPT_HANDLE_H

#include "script/held.h"
#include "script/host.h"

struct lec_handlers;

struct lec_handle {
    struct lec_list link;   /* script->handles */
    struct lec_list person; /* in those of one person (script/people.h) */
    struct lec_list tasks;  /* that work for it */
    unsigned n_tasks;
    struct lec_held held; /* events that wait for one of them */
    struct lec_script *script;
    struct sio_socket *socket;
    struct lec_peer *peer;
    struct lec_handlers *handlers; /* of its namespace, in the serving generation; or NULL */
    char *auth;                    /* its CONNECT payload without the token; NULL for none */
    int box;                       /* registry reference, LUA_NOREF while there is none */
    bool box_kept;                 /* the reference has another owner by now */
};

struct lec_box {
    struct lec_handle *handle; /* NULL: the socket has gone */
    unsigned char transport;
    unsigned char recovery; /* enum sio_recovery_result */
    bool has_slots;         /* its environment is the table of its fields */
    char id[];              /* zero-terminated */
};

/* auth: the CONNECT payload. */
struct lec_handle *lec_handle_new(struct lec_script *s, struct sio_socket *socket,
                                  struct lec_slice auth);
/* Cancels its tasks, drops what is held and empties its box. */
void lec_handle_free(struct lec_handle *h);

/* The box of a socket that may come back outlives its handle, as what is kept for it (NULL: it has none,
 * so there is nothing to keep). It ends in the handle of the socket that came back, or is dropped. */
void *lec_handle_keep_box(struct lec_handle *h);
void lec_handle_take_box(struct lec_handle *h, void *kept);
void lec_handle_drop_box(struct lec_script *s, void *kept);

struct lec_who lec_handle_who(const struct lec_handle *h);

/* Pushes its box. */
void lec_handle_push(lua_State *L, struct lec_handle *h);
/* The peer's claims are new: `user`, if somebody has it, is the same table with what they say. */
void lec_handle_renew(struct lec_handle *h);
/* on_connect has ended: pushes the id that it has set in `user` in place of the peer's, as text. False: it has
 * set none, and nothing is pushed. Raises for what is neither a string nor an integer. */
bool lec_handle_push_person(lua_State *L, struct lec_handle *h);
/* Handlers were loaded: the pattern that its namespace is a child of may be another. */
void lec_handle_renew_match(struct lec_handle *h);
/* Pushes handshake.auth of the box at index. */
void lec_handle_push_auth(lua_State *L, int index);

/* The box that argument `index` must be; raises if it is none. */
struct lec_box *lec_box_check(lua_State *L, int index);

/* lua_CFunctions of the boxes' metatable. */
int lec_box_index(lua_State *L);
int lec_box_newindex(lua_State *L);
int lec_box_tostring(lua_State *L);

/* The fields by name, for checks against the documented ones; ends with NULL. */
extern const char *const lec_box_fields[];

#endif
