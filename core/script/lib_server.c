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
#include "socketio/dynamic.h"
#include "socketio/pattern.h"

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
        lec_vm_raise(L, "emit_with_ack: seconds expected, more than 0 and less than 4000000");
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

/* The name of a namespace, or a pattern of modules that serve. */
static struct lec_slice namespace_at(lua_State *L, int index)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice name = name_at(L, index, "namespace");
    if (s->io && !s->is_loading && sio_is_pattern(name) && !sio_server_pattern(s->io, name))
        lec_vm_raise(L, "no module has the namespace \"%s\"", name.p);
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
    const struct lec_script *s = lec_script_of(L);
    const struct lec_handlers *h = lec_generation_named(s->now, s->io, nsp);
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
    struct lec_slice nsp = namespace_at(L, 1);
    struct sio_target target = target_at(L, 2);
    bool is_volatile = lua_toboolean(L, 5);
    lec_script_encode_event(L, 6);

    struct lec_wire wire = lec_script_take_wire(s);
    struct lec_slice *names = s->names;
    size_t cap = s->names_cap;
    s->names = NULL;
    s->names_cap = 0;
    struct sio_payload event = lec_wire_payload(&wire);
    size_t n = sio_server_emit(s->io, nsp, &target, &event, is_volatile);
    free(s->names); /* of a handler that ran inside */
    s->names = names;
    s->names_cap = cap;
    lec_script_give_wire(s, &wire);
    if (lec_catchall_hears_outgoing(s))
        tell(L, nsp, n);
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* Selects the target at arguments 2 to 4 into script->selected; how many. */
static size_t select_target(lua_State *L, struct lec_slice nsp)
{
    struct lec_script *s = lec_script_of(L);
    struct sio_target target = target_at(L, 2);
    size_t n;
    free(s->selected); /* of a call that raised */
    s->selected = sio_server_select(s->io, nsp, &target, &n);
    return n;
}

/* emit_with_ack(ns, rooms, except, but, seconds, event, …) -> answers, missing: behind
 * lua/lectern/wait.lua */
static int l_emit_with_ack(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "emit_with_ack");
    struct lec_slice nsp = name_at(L, 1, "namespace");
    unsigned timeout_ms = lec_script_ack_timeout(L, 5);
    if (sio_is_pattern(nsp))
        lec_vm_raise(L, "emit_with_ack asks one namespace at a time, not all of a pattern");
    size_t n = select_target(L, nsp);
    if (lec_catchall_hears_outgoing(t->script)) { /* it may change who is there */
        tell(L, nsp, n);
        n = select_target(L, nsp);
    }
    return lec_asking_wait(L, t, sio_server_find(t->script->io, nsp), n, 6, timeout_ms);
}

/* sockets(ns, rooms, except, but) -> list */
static int l_sockets(lua_State *L)
{
    lec_script_need_server(L, "sockets");
    struct lec_script *s = lec_script_of(L);
    size_t n = select_target(L, namespace_at(L, 1));
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
    struct lec_slice nsp = namespace_at(L, 1), room = { NULL, 0 };
    struct sio_namespace *ns = NULL;
    bool one_room = !lua_isnoneornil(L, 2);
    size_t n = 0;
    if (one_room)
        room = name_at(L, 2, "room");
    while ((ns = sio_server_named(lec_script_of(L)->io, nsp, ns)) != NULL)
        n += one_room ? sio_namespace_room_count(ns, room) : sio_namespace_count(ns);
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

/* rooms(ns) -> { name = n } */
static int l_rooms(lua_State *L)
{
    lec_script_need_server(L, "rooms");
    struct lec_slice nsp = namespace_at(L, 1), room;
    struct sio_namespace *ns = NULL;
    lua_newtable(L);
    while ((ns = sio_server_named(lec_script_of(L)->io, nsp, ns)) != NULL) {
        size_t members, pos = 0;
        while (sio_namespace_next_room(ns, &pos, &room, &members)) {
            lua_pushlstring(L, room.p, room.n); // rooms name
            lua_pushvalue(L, -1);
            lua_rawget(L, -3); // rooms name count|nil
            lua_pushnumber(L, lua_tonumber(L, -1) + (lua_Number)members);
            lua_replace(L, -2);
            lua_rawset(L, -3);
        }
    }
    return 1;
}

/* of(ns): makes it, but not what only clients make; while files load, when they are taken */
static int l_of(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp = namespace_at(L, 1);
    if (sio_is_pattern(nsp))
        return 0;
    if (s->is_loading)
        lec_buf_add(&s->wanted, nsp.p, strlen(nsp.p) + 1);
    else if (s->io && !sio_server_find(s->io, nsp) && sio_server_match(s->io, nsp).n == 0)
        sio_server_of(s->io, nsp);
    return 0;
}

/* socket(ns, id) -> socket|nil */
static int l_socket(lua_State *L)
{
    lec_script_need_server(L, "socket");
    struct lec_slice nsp = namespace_at(L, 1), id = name_at(L, 2, "socket (its id)");
    struct sio_namespace *ns = NULL;
    struct sio_socket *socket = NULL;
    while (!socket && (ns = sio_server_named(lec_script_of(L)->io, nsp, ns)) != NULL)
        socket = sio_namespace_socket(ns, id);
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
