#include "script/handle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/handshake.h"
#include "script/people.h"
#include "script/task.h"
#include "socketio/dynamic.h"
#include "socketio/pattern.h"

/* Fields, by their place in the enum. Those up to KEPT have a slot in the box' environment table,
 * where they stay once they are made. The table is made with the first of them. */
enum field {
    USER = 1,
    DATA,
    HANDSHAKE,
    BROADCAST,
    NAMESPACE,
    NAMESPACE_MATCH,
    KEPT = NAMESPACE_MATCH,
    ID,
    ROOMS,
    TRANSPORT,
    CONNECTED,
    RECOVERED,
    RECOVERY_FAILED
};

/* Slots that are no fields: handshake.auth, and what is left of a socket that has gone. */
enum slot { AUTH = KEPT + 1, REMAINS, SLOTS = REMAINS };

/* Pushes the table of slots of the box at index. */
static void push_slots(lua_State *L, int index, struct lec_box *box)
{
    if (box->has_slots) {
        lua_getfenv(L, index);
        return;
    }
    lua_createtable(L, SLOTS, 0);
    lua_pushvalue(L, -1);
    lua_setfenv(L, index);
    box->has_slots = true;
}

const char *const lec_box_fields[] = { "user",      "data",      "handshake",
                                       "broadcast", "namespace", "namespace_match",
                                       "id",        "rooms",     "transport",
                                       "connected", "recovered", "recovery_failed",
                                       NULL };

/* Copies the members of a JSON object but `token` and the `pid` of recovery: scripts have no use for
 * secrets. NULL if there are none. */
static char *without_secrets(struct lec_slice auth)
{
    struct lec_json j;
    struct lec_json_token t;
    struct lec_buf out = { 0 };
    char separator = '{';
    lec_json_init(&j, auth, LEC_JSON_MAX_DEPTH);
    if (auth.n <= 2 || lec_json_next(&j, &t) != LEC_OK || t.kind != LEC_JSON_OBJECT)
        return NULL;
    while (lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_KEY) {
        const char *member = t.text.p - 1;
        bool secret = lec_slice_is(t.text, "token") || lec_slice_is(t.text, "pid");
        if (lec_json_next(&j, &t) != LEC_OK)
            break;
        if ((t.kind == LEC_JSON_OBJECT || t.kind == LEC_JSON_ARRAY) && lec_json_skip(&j) != LEC_OK)
            break;
        if (secret)
            continue;
        lec_buf_addc(&out, separator);
        lec_buf_add(&out, member, (size_t)(auth.p + lec_json_offset(&j) - member));
        separator = ',';
    }
    if (out.n == 0)
        return NULL;
    lec_buf_addc(&out, '}');
    char *text = lec_strndup(out.p, out.n);
    lec_buf_fini(&out);
    return text;
}

struct lec_handle *lec_handle_new(struct lec_script *s, struct sio_socket *socket,
                                  struct lec_slice auth)
{
    struct lec_handle *h = lec_alloc0(sizeof *h);
    h->script = s;
    h->socket = socket;
    h->peer = sio_socket_user(socket);
    h->peer->script = h;
    h->auth = without_secrets(auth);
    h->box = LUA_NOREF;
    lec_list_init(&h->tasks);
    lec_held_init(&h->held);
    lec_list_init(&h->link);
    lec_list_init(&h->person);
    lec_list_append(&s->handles, &h->link);
    lec_people_add(s, h);
    return h;
}

struct lec_who lec_handle_who(const struct lec_handle *h)
{
    return (struct lec_who){ sio_socket_log_id(h->socket), h->peer->id };
}

/* --- what fields are made from; each pushes one value --- */

/* What user and handshake are made from: the handle's, or a copy. */
struct source {
    struct eio_handshake handshake;
    const char *id, *claims, *auth; /* auth may be NULL */
};

/* The copy, a userdata; its source points to its bytes. */
struct remains {
    struct source source;
    char bytes[];
};

static struct source source_of(const struct lec_handle *h)
{
    return (struct source){ *sio_socket_handshake(h->socket), h->peer->id, h->peer->claims,
                            h->auth };
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep(char **at, const char *p, size_t n)
{
    if (n == 0)
        return NULL;
    char *copy = memcpy(*at, p, n);
    *at += n;
    return copy;
}

/* Pushes it. */
static void push_remains(lua_State *L, const struct source *from)
{
    const struct eio_handshake *hs = &from->handshake;
    const char *const texts[] = { from->id,  from->claims, from->auth,     hs->url,
                                  hs->query, hs->address,  hs->certificate };
    const char *copies[sizeof texts / sizeof texts[0]];
    size_t n = hs->headers.n;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        n += size_of(texts[i]);
    struct remains *to = lua_newuserdata(L, sizeof *to + n);
    char *at = to->bytes;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        copies[i] = keep(&at, texts[i], size_of(texts[i]));
    to->source = (struct source){ *hs, copies[0], copies[1], copies[2] };
    to->source.handshake.url = copies[3];
    to->source.handshake.query = copies[4];
    to->source.handshake.address = copies[5];
    to->source.handshake.certificate = copies[6];
    to->source.handshake.headers.p = keep(&at, hs->headers.p, hs->headers.n);
}

static void push_user(lua_State *L, const struct source *from)
{
    lec_push_json(L, from->claims);
    lua_pushstring(L, from->id);
    lua_setfield(L, -2, "id");
}

/* The Lua side makes it, once it has registered how. */
static void push_broadcast(lua_State *L, int box)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, lec_script_of(L)->fields);
    lua_getfield(L, -1, "broadcast"); // fields make
    lua_remove(L, -2);
    if (!lua_isfunction(L, -1))
        return;
    lua_pushvalue(L, box);
    lua_call(L, 1, 1);
}

static void push_namespace(lua_State *L, const struct lec_box *box)
{
    struct lec_slice name = { "", 0 };
    if (box->handle)
        name = sio_namespace_name(sio_socket_namespace(box->handle->socket));
    lua_pushlstring(L, name.p, name.n);
}

/* What the stars of its namespace's pattern stand for; an empty list if it has none. */
static void push_match(lua_State *L, const struct lec_box *box)
{
    struct lec_slice stars[SIO_MAX_STARS], pattern = { NULL, 0 };
    const struct sio_namespace *nsp =
        box->handle ? sio_socket_namespace(box->handle->socket) : NULL;
    int n = 0;
    if (nsp)
        pattern = sio_namespace_pattern(nsp);
    if (pattern.n > 0)
        n = sio_pattern_match(pattern, sio_namespace_name(nsp), stars);
    lua_newtable(L);
    for (int i = 0; i < n; i++) {
        lua_pushlstring(L, stars[i].p, stars[i].n);
        lua_rawseti(L, -2, i + 1);
    }
    lec_value_push_array_mt(L);
    lua_setmetatable(L, -2);
}

static void push_rooms(lua_State *L, const struct lec_box *box)
{
    size_t n = box->handle ? sio_socket_room_count(box->handle->socket) : 0;
    lua_createtable(L, (int)n + 1, 0);
    if (box->handle) {
        lua_pushstring(L, box->id);
        lua_rawseti(L, -2, 1);
    }
    for (size_t i = 0; i < n; i++) {
        struct lec_slice room = sio_socket_room(box->handle->socket, i);
        lua_pushlstring(L, room.p, room.n);
        lua_rawseti(L, -2, (int)i + 2);
    }
    lec_value_push_array_mt(L);
    lua_setmetatable(L, -2);
}

static void push_transport(lua_State *L, struct lec_box *box)
{
    if (box->handle)
        box->transport = (unsigned char)sio_socket_transport(box->handle->socket);
    lua_pushstring(L, box->transport == EIO_WEBSOCKET ? "websocket" : "polling");
}

/* Pushes what the slot of a box is for, made at the first use. */
static void push_kept(lua_State *L, int index, struct lec_box *box, int slot)
{
    struct source from = { 0 };
    luaL_checkstack(L, 12, "socket");
    push_slots(L, index, box); // env
    int env = lua_gettop(L);
    lua_rawgeti(L, env, slot); // env value|nil
    if (!lua_isnil(L, -1)) {
        lua_remove(L, env);
        return;
    }
    lua_rawgeti(L, env, REMAINS); // env nil remains|nil
    const struct remains *remains = lua_touserdata(L, -1);
    if (box->handle)
        from = source_of(box->handle);
    else if (remains)
        from = remains->source;
    lua_settop(L, env);
    if (slot == BROADCAST) {
        push_broadcast(L, index);
    } else if (slot == NAMESPACE) {
        push_namespace(L, box);
    } else if (slot == NAMESPACE_MATCH) {
        push_match(L, box);
    } else if (slot == DATA || !from.id) {
        lua_newtable(L);
    } else if (slot == USER) {
        push_user(L, &from);
    } else if (slot == AUTH) {
        lec_push_json(L, from.auth);
    } else {
        lec_push_handshake(L, &from.handshake);
        push_kept(L, index, box, AUTH);
        lua_setfield(L, -2, "auth");
    }
    lua_pushvalue(L, -1); // env value value
    lua_rawseti(L, env, slot);
    lua_remove(L, env);
}

/* Pushes exactly one value. */
static void push_field(lua_State *L, int index, struct lec_box *box, enum field field)
{
    if (field <= KEPT) {
        push_kept(L, index, box, (int)field);
        return;
    }
    switch (field) {
    case ID:
        lua_pushstring(L, box->id);
        break;
    case ROOMS:
        push_rooms(L, box);
        break;
    case TRANSPORT:
        push_transport(L, box);
        break;
    case CONNECTED:
        lua_pushboolean(L, box->handle && sio_socket_connected(box->handle->socket));
        break;
    case RECOVERED:
        lua_pushboolean(L, box->recovery == SIO_RECOVERED);
        break;
    default: /* RECOVERY_FAILED; nil for NULL */
        lua_pushstring(L, sio_recovery_text(box->recovery));
        break;
    }
}

/* --- boxes --- */

struct lec_box *lec_box_check(lua_State *L, int index)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_box *box = lua_touserdata(L, index);
    if (box && lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, s->box_mt);
        bool ours = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (ours)
            return box;
    }
    lec_vm_raise(L, "a socket was expected as argument %d (call its methods with a colon)", index);
    return NULL;
}

/* Upvalues: methods, numbers of the fields by name. The metatable is out of scripts' reach, so
 * argument 1 is a box. */
int lec_box_index(lua_State *L)
{
    lua_settop(L, 2); // box key
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1))
        return 1;
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    enum field field = (enum field)lua_tointeger(L, -1);
    if (field == 0)
        return 0;
    push_field(L, 1, lua_touserdata(L, 1), field);
    return 1;
}

int lec_box_newindex(lua_State *L)
{
    return lec_vm_raise(L, "socket.%s cannot be set; keep what you like in socket.data",
                        lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

int lec_box_tostring(lua_State *L)
{
    struct lec_box *box = lec_box_check(L, 1);
    lua_pushfstring(L, "socket %s", box->id);
    return 1;
}

void lec_handle_push(lua_State *L, struct lec_handle *h)
{
    if (h->box != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, h->box);
        return;
    }
    struct lec_slice id = lec_slice_str(sio_socket_id(h->socket));
    struct lec_box *box = lua_newuserdata(L, sizeof *box + id.n + 1); // box
    memset(box, 0, sizeof *box);
    memcpy(box->id, id.p, id.n + 1);
    box->transport = (unsigned char)sio_socket_transport(h->socket);
    box->recovery = (unsigned char)sio_socket_recovery(h->socket);
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->script->box_mt);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    h->box = luaL_ref(L, LUA_REGISTRYINDEX);
    box->handle = h;
}

void lec_handle_push_auth(lua_State *L, int index)
{
    push_kept(L, index, lua_touserdata(L, index), AUTH);
}

static int renew_user(lua_State *L)
{
    struct lec_handle *h = lua_touserdata(L, 1);
    lec_handle_push(L, h); // handle box
    push_slots(L, 2, lua_touserdata(L, 2));
    lua_rawgeti(L, 3, USER); // handle box env user
    if (lua_isnil(L, 4))
        return 0;
    struct source from = source_of(h);
    push_user(L, &from); // handle box env user new
    lua_pushnil(L);
    while (lua_next(L, 4)) { // … key value
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, 4);
    }
    lua_pushnil(L);
    while (lua_next(L, 5)) { // … key value
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 4);
    }
    return 0;
}

void lec_handle_renew(struct lec_handle *h)
{
    if (h->box != LUA_NOREF)
        lec_script_protected(h->script, "the claims of another token", renew_user, h);
}

bool lec_handle_push_person(lua_State *L, struct lec_handle *h)
{
    int top = lua_gettop(L);
    if (h->box == LUA_NOREF)
        return false;
    lec_handle_push(L, h);
    push_slots(L, top + 1, lua_touserdata(L, top + 1));
    lua_rawgeti(L, top + 2, USER); // box env user|nil
    if (lua_isnil(L, -1)) {
        lua_settop(L, top);
        return false;
    }
    lua_getfield(L, top + 3, "id"); // box env user id
    if (lua_type(L, -1) == LUA_TNUMBER) {
        char text[32];
        lua_Number id = lua_tonumber(L, -1);
        if (id != floor(id) || fabs(id) > 9007199254740992.0)
            luaL_error(L, "socket.user.id must be a string or an integer");
        snprintf(text, sizeof text, "%.0f", id);
        lua_pushstring(L, text);
        lua_pushvalue(L, -1);
        lua_setfield(L, top + 3, "id");
    } else if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "socket.user.id must be a string or an integer, not a %s",
                   luaL_typename(L, -1));
    }
    size_t n;
    const char *id = lua_tolstring(L, -1, &n);
    bool same = lec_slice_is((struct lec_slice){ id, n }, h->peer->id);
    if (!same)
        lua_replace(L, top + 1);
    lua_settop(L, same ? top : top + 1);
    return !same;
}

/* Empties slots of the box on top, which needs no memory. */
static void empty_slots(lua_State *L, const int *slots, size_t n)
{
    const struct lec_box *box = lua_touserdata(L, -1);
    if (!box->has_slots)
        return;
    lua_getfenv(L, -1); // box env
    for (size_t i = 0; i < n; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, slots[i]);
    }
    lua_pop(L, 1);
}

void lec_handle_renew_match(struct lec_handle *h)
{
    static const int stale[] = { NAMESPACE_MATCH };
    lua_State *L = h->script->vm.L;
    if (h->box == LUA_NOREF)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->box); // box
    empty_slots(L, stale, 1);
    lua_pop(L, 1);
}

/* Gives the box what it must still answer from. */
static int complete_box(lua_State *L)
{
    struct lec_handle *h = lua_touserdata(L, 1);
    lec_handle_push(L, h); // handle box
    push_transport(L, lua_touserdata(L, 2));
    push_kept(L, 2, lua_touserdata(L, 2), NAMESPACE);
    if (sio_namespace_pattern(sio_socket_namespace(h->socket)).n > 0)
        push_kept(L, 2, lua_touserdata(L, 2), NAMESPACE_MATCH);
    struct source from = source_of(h);
    lua_getfenv(L, 2);
    push_remains(L, &from); // handle box … env remains
    lua_rawseti(L, -2, REMAINS);
    return 0;
}

void lec_handle_free(struct lec_handle *h)
{
    struct lec_script *s = h->script;
    lec_task_cancel_all(&h->tasks);
    lec_held_drop(h);
    if (h->box != LUA_NOREF) {
        lec_script_protected(s, "a socket that has gone", complete_box, h);
        /* needs no memory but the main stack's, which has room */
        lua_rawgeti(s->vm.L, LUA_REGISTRYINDEX, h->box);
        ((struct lec_box *)lua_touserdata(s->vm.L, -1))->handle = NULL;
        lua_pop(s->vm.L, 1);
        if (!h->box_kept)
            luaL_unref(s->vm.L, LUA_REGISTRYINDEX, h->box);
    }
    h->peer->script = NULL;
    lec_list_remove(&h->link);
    lec_people_remove(s, h);
    free(h->auth);
    free(h);
}

/* References are positive numbers. */
void *lec_handle_keep_box(struct lec_handle *h)
{
    if (h->box == LUA_NOREF)
        return NULL;
    h->box_kept = true;
    return (void *)(intptr_t)h->box;
}

void lec_handle_take_box(struct lec_handle *h, void *kept)
{
    lua_State *L = h->script->vm.L;
    if (!kept)
        return;
    h->box = (int)(intptr_t)kept;
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->box);
    struct lec_box *box = lua_touserdata(L, -1);
    box->handle = h;
    box->recovery = (unsigned char)sio_socket_recovery(h->socket);
    /* Token and request are new, the pattern may be. */
    static const int stale[] = { USER, HANDSHAKE, NAMESPACE_MATCH, AUTH, REMAINS };
    empty_slots(L, stale, sizeof stale / sizeof stale[0]);
    lua_pop(L, 1);
}

void lec_handle_drop_box(struct lec_script *s, void *kept)
{
    luaL_unref(s->vm.L, LUA_REGISTRYINDEX, (int)(intptr_t)kept);
}
