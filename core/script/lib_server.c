/* lectern.core: sending to many, and looking at who is there.
 *
 * Arguments are checked, then C acts without anything that may raise, then results are pushed. A
 * lower layer that is called may run other handlers (a slow client is cut off, its on_disconnect
 * runs), so scratch is taken out of the script for the call. */
#include <stdlib.h>
#include <string.h>

#include "script/asking.h"
#include "script/catchall.h"
#include "script/handle.h"

static const char *const reserved[] = { "connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener" };

void lec_script_need_server(lua_State *L, const char *name)
{
    struct lec_script *s = lec_script_of(L);
    if (s->is_loading)
        lec_vm_raise(L, "lectern.%s cannot be used while a file loads; use on_start", name);
    if (!s->io)
        lec_vm_raise(L, "lectern.%s needs a running server", name);
}

int lec_script_push_error(lua_State *L, int err)
{
    lua_pushnil(L);
    lua_pushstring(L, err == LEC_ECLOSED ? "socket is closed" : lec_strerror(err));
    lua_pushstring(L, lec_errcode(err));
    return 3;
}

static void check_event(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING)
        lec_vm_raise(L, "the name of an event was expected, not %s", luaL_typename(L, index));
    const char *name = lua_tostring(L, index);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            lec_vm_raise(L, "the event name \"%s\" is reserved", name);
}

/* Encodes the event at index and all arguments behind it into script->wire; raises what cannot be
 * sent. */
void lec_script_encode_event(lua_State *L, int index)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice name;
    check_event(L, index);
    name.p = lua_tolstring(L, index, &name.n);
    if (!lec_wire_array(&s->wire, L, &name, index + 1, lua_gettop(L), "argument", &s->limits))
        lec_vm_raise(L, "%s cannot be sent: %s", name.p, lec_buf_str(&s->wire.error));
}

unsigned lec_script_ack_timeout(lua_State *L, int index)
{
    double seconds = luaL_checknumber(L, index);
    if (!(seconds > 0 && seconds < 4000000))
        lec_vm_raise(L, "emit_with_ack: seconds expected, more than 0");
    unsigned ms = (unsigned)(seconds * 1000 + 0.5);
    return ms ? ms : 1;
}

static struct lec_slice name_at(lua_State *L, int index, const char *what)
{
    struct lec_slice name;
    if (lua_type(L, index) != LUA_TSTRING)
        lec_vm_raise(L, "the name of a %s was expected, not %s", what, luaL_typename(L, index));
    name.p = lua_tolstring(L, index, &name.n);
    return name;
}

/* How many names the list at index has; raises if it is none. nil is an empty one. */
static size_t count_names(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    if (!lua_istable(L, index))
        lec_vm_raise(L, "a list of rooms was expected");
    size_t n = lua_objlen(L, index);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            lec_vm_raise(L, "the name of a room was expected, not %s", luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    return n;
}

static void copy_names(lua_State *L, int index, size_t n, struct lec_slice *out)
{
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        out[i].p = lua_tolstring(L, -1, &out[i].n);
        lua_pop(L, 1);
    }
}

/* The target that arguments rooms, except, but (from index on) name. Its names are script->names,
 * which the caller takes; their strings stay in those tables, which scripts do not change. */
static struct sio_target target_at(lua_State *L, int index)
{
    struct lec_script *s = lec_script_of(L);
    size_t n = count_names(L, index), m = count_names(L, index + 1);
    const struct sio_socket *but = NULL;
    if (!lua_isnoneornil(L, index + 2)) {
        const struct lec_box *box = lec_box_check(L, index + 2);
        but = box->handle ? box->handle->socket : NULL;
    }
    if (n + m >= s->names_cap) {
        s->names_cap = n + m + 8;
        s->names = lec_realloc(s->names, s->names_cap * sizeof *s->names);
    }
    copy_names(L, index, n, s->names);
    copy_names(L, index + 1, m, s->names + n);
    return (struct sio_target){ s->names, n, s->names + n, m, but };
}

/* Tells listeners of the event at argument 6, whose target is at 2 to 4. */
static void tell(lua_State *L, struct lec_slice nsp, size_t receivers)
{
    const struct lec_handlers *h = lec_generation_find(lec_script_of(L)->now, nsp);
    struct lec_sent sent = { .nsp = nsp,
                             .event = 6,
                             .last = lua_gettop(L),
                             .rooms = 2,
                             .except = 3,
                             .but = 4,
                             .receivers = receivers };
    lec_catchall_sent(L, h ? h->any_outgoing : NULL, &sent);
}

/* emit(ns, rooms, except, but, volatile, event, …) -> count */
static int l_emit(lua_State *L)
{
    lec_script_need_server(L, "emit");
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp = name_at(L, 1, "namespace");
    struct sio_target target = target_at(L, 2);
    bool is_volatile = lua_toboolean(L, 5);
    lec_script_encode_event(L, 6);

    size_t n = 0;
    struct sio_namespace *ns = sio_server_find(s->io, nsp);
    if (ns) {
        struct lec_wire wire = lec_script_take_wire(s);
        struct lec_slice *names = s->names;
        size_t cap = s->names_cap;
        s->names = NULL;
        s->names_cap = 0;
        struct sio_payload event = lec_wire_payload(&wire);
        n = sio_namespace_emit(ns, &target, &event, is_volatile);
        free(s->names); /* of a handler that ran inside */
        s->names = names;
        s->names_cap = cap;
        lec_script_give_wire(s, &wire);
    }
    if (lec_catchall_hears_outgoing(s))
        tell(L, nsp, n);
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* Selects the target at arguments 2 to 4 into script->selected; how many. */
static size_t select_target(lua_State *L, struct sio_namespace *ns)
{
    struct lec_script *s = lec_script_of(L);
    struct sio_target target = target_at(L, 2);
    size_t n = 0;
    free(s->selected); /* of a call that raised */
    s->selected = ns ? sio_namespace_select(ns, &target, &n) : NULL;
    return n;
}

/* emit_with_ack(ns, rooms, except, but, seconds, event, …) -> answers, missing: behind
 * lua/lectern/wait.lua */
static int l_emit_with_ack(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "emit_with_ack");
    struct lec_slice nsp = name_at(L, 1, "namespace");
    unsigned timeout_ms = lec_script_ack_timeout(L, 5);
    struct sio_namespace *ns = sio_server_find(t->script->io, nsp);
    size_t n = select_target(L, ns);
    if (lec_catchall_hears_outgoing(t->script)) { /* it may change who is there */
        tell(L, nsp, n);
        ns = sio_server_find(t->script->io, nsp);
        n = select_target(L, ns);
    }
    return lec_asking_wait(L, t, ns, n, 6, timeout_ms);
}

/* sockets(ns, rooms, except, but) -> list */
static int l_sockets(lua_State *L)
{
    lec_script_need_server(L, "sockets");
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp = name_at(L, 1, "namespace");
    size_t n = select_target(L, sio_server_find(s->io, nsp));
    lua_createtable(L, (int)n, 0);
    int list = lua_gettop(L), count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct lec_peer *peer = sio_socket_user(s->selected[i]);
        if (!peer || !peer->script)
            continue;
        lec_handle_push(L, peer->script);
        lua_rawseti(L, list, ++count);
    }
    free(s->selected);
    s->selected = NULL;
    lec_value_push_array_mt(L);
    lua_setmetatable(L, list);
    return 1;
}

/* count(ns, room|nil) -> n */
static int l_count(lua_State *L)
{
    lec_script_need_server(L, "count");
    struct lec_slice nsp = name_at(L, 1, "namespace");
    struct sio_namespace *ns = sio_server_find(lec_script_of(L)->io, nsp);
    size_t n = 0;
    if (!lua_isnoneornil(L, 2)) {
        struct lec_slice room = name_at(L, 2, "room");
        n = ns ? sio_namespace_room_count(ns, room) : 0;
    } else if (ns) {
        n = sio_namespace_count(ns);
    }
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* rooms(ns) -> { name = n } */
static int l_rooms(lua_State *L)
{
    lec_script_need_server(L, "rooms");
    struct lec_slice nsp = name_at(L, 1, "namespace"), room;
    struct sio_namespace *ns = sio_server_find(lec_script_of(L)->io, nsp);
    size_t members, pos = 0;
    lua_newtable(L);
    while (ns && sio_namespace_next_room(ns, &pos, &room, &members)) {
        lua_pushlstring(L, room.p, room.n);
        lua_pushnumber(L, (lua_Number)members);
        lua_rawset(L, -3);
    }
    return 1;
}

/* of(ns): makes it; while files load, when they are taken */
static int l_of(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp = name_at(L, 1, "namespace");
    if (s->is_loading)
        lec_buf_add(&s->wanted, nsp.p, strlen(nsp.p) + 1);
    else if (s->io)
        sio_server_of(s->io, nsp);
    return 0;
}

/* socket(ns, id) -> socket|nil */
static int l_socket(lua_State *L)
{
    lec_script_need_server(L, "socket");
    struct lec_slice nsp = name_at(L, 1, "namespace"), id = name_at(L, 2, "socket (its id)");
    struct sio_namespace *ns = sio_server_find(lec_script_of(L)->io, nsp);
    struct sio_socket *socket = ns ? sio_namespace_socket(ns, id) : NULL;
    const struct lec_peer *peer = socket ? sio_socket_user(socket) : NULL;
    if (!peer || !peer->script)
        return 0;
    lec_handle_push(L, peer->script);
    return 1;
}

static int revoke(lua_State *L, const char *name, const char *what,
                  size_t (*fn)(struct lec_server *, struct lec_slice))
{
    lec_script_need_server(L, name);
    size_t n = fn(lec_script_of(L)->server, name_at(L, 1, what));
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* revoke_user(id) -> count */
static int l_revoke_user(lua_State *L)
{
    return revoke(L, "revoke_user", "person (an id)", lec_server_revoke_user);
}

/* revoke_token(jti) -> count */
static int l_revoke_token(lua_State *L)
{
    return revoke(L, "revoke_token", "token (its jti)", lec_server_revoke_token);
}

void lec_lib_server(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "emit", l_emit },
        { "emit_with_ack", l_emit_with_ack },
        { "sockets", l_sockets },
        { "count", l_count },
        { "rooms", l_rooms },
        { "of", l_of },
        { "socket", l_socket },
        { "revoke_user", l_revoke_user },
        { "revoke_token", l_revoke_token },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
