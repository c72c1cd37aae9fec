/* The raw methods of sockets; lua/lectern/broadcast.lua adds the others. On a socket that has gone
 * they return nil, "socket is closed", "closed". */
#include "script/catchall.h"
#include "script/handle.h"
#include "script/task.h"

static int push_result(lua_State *L, int err)
{
    if (err != LEC_OK)
        return lec_script_push_error(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* The socket of the box that is argument 1; NULL when it has gone. */
static struct sio_socket *socket_at(lua_State *L)
{
    const struct lec_box *box = lec_box_check(L, 1);
    return box->handle ? box->handle->socket : NULL;
}

/* Tells listeners of the event that is argument `event` and behind it. */
static void tell(lua_State *L, int event)
{
    const struct lec_box *box = lec_box_check(L, 1);
    if (!box->handle || !box->handle->handlers)
        return;
    struct lec_sent sent = { .event = event, .last = lua_gettop(L), .socket = 1, .receivers = 1 };
    sent.nsp = sio_namespace_name(sio_socket_namespace(box->handle->socket));
    lec_catchall_sent(L, box->handle->handlers->any_outgoing, &sent);
}

static int emit(lua_State *L, bool is_volatile)
{
    struct lec_script *s = lec_script_of(L);
    lec_script_need_server(L, "emit");
    struct sio_socket *socket = socket_at(L);
    lec_script_encode_event(L, 2);
    if (!socket)
        return push_result(L, LEC_ECLOSED);
    struct lec_wire wire = lec_script_take_wire(s);
    struct sio_payload event = lec_wire_payload(&wire);
    int err = sio_socket_emit(socket, &event, is_volatile);
    lec_script_give_wire(s, &wire);
    if (err == LEC_OK && lec_catchall_hears_outgoing(s))
        tell(L, 2);
    return push_result(L, err);
}

static int l_emit(lua_State *L)
{
    return emit(L, false);
}

static int l_emit_volatile(lua_State *L)
{
    return emit(L, true);
}

/* emit_with_ack_for(self, seconds, event, …): behind lua/lectern/wait.lua */
static int l_emit_with_ack_for(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "emit_with_ack");
    if (lec_catchall_hears_outgoing(t->script))
        tell(L, 3);
    struct sio_socket *socket = socket_at(L);
    if (socket && t->owner && t->owner->socket == socket && sio_socket_connecting(socket))
        lec_vm_raise(L, "emit_with_ack: the client answers only once it is let in, which waits for "
                        "on_connect; ask in on_connected");
    unsigned ms = lec_script_ack_timeout(L, 2);
    lec_script_encode_event(L, 3);
    return lec_task_wait_answer(L, t, socket, ms);
}

static int one_room(struct sio_socket *socket, bool join, struct lec_slice room)
{
    return join ? sio_socket_join(socket, room) : sio_socket_leave(socket, room);
}

/* A room or a list of rooms; the first failure is the result, the others are tried all the same. */
static int change_rooms(lua_State *L, bool join)
{
    lec_script_need_server(L, join ? "join" : "leave");
    struct sio_socket *socket = socket_at(L);
    struct lec_slice room;
    if (lua_type(L, 2) == LUA_TSTRING) {
        room.p = lua_tolstring(L, 2, &room.n);
        return push_result(L, socket ? one_room(socket, join, room) : LEC_ECLOSED);
    }
    if (!lua_istable(L, 2))
        lec_vm_raise(L, "a room was expected: a string or a list of strings, not %s",
                     luaL_typename(L, 2));
    int n = (int)lua_objlen(L, 2), result = socket ? LEC_OK : LEC_ECLOSED;
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, 2, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            lec_vm_raise(L, "room %d of the list is %s, not a string", i, luaL_typename(L, -1));
        room.p = lua_tolstring(L, -1, &room.n);
        int err = socket ? one_room(socket, join, room) : LEC_ECLOSED;
        if (result == LEC_OK)
            result = err;
        lua_pop(L, 1);
    }
    return push_result(L, result);
}

static int l_join(lua_State *L)
{
    return change_rooms(L, true);
}

static int l_leave(lua_State *L)
{
    return change_rooms(L, false);
}

static int l_has_joined(lua_State *L)
{
    struct sio_socket *socket = socket_at(L);
    struct lec_slice room;
    if (lua_type(L, 2) != LUA_TSTRING)
        lec_vm_raise(L, "the name of a room was expected, not %s", luaL_typename(L, 2));
    room.p = lua_tolstring(L, 2, &room.n);
    lua_pushboolean(L, socket && sio_socket_in(socket, room));
    return 1;
}

static int l_disconnect(lua_State *L)
{
    lec_script_need_server(L, "disconnect");
    struct sio_socket *socket = socket_at(L);
    bool close = lua_toboolean(L, 2);
    if (socket)
        sio_socket_disconnect(socket, close);
    return 0;
}

void lec_lib_socket(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "emit", l_emit },
        { "emit_volatile", l_emit_volatile },
        { "emit_with_ack_for", l_emit_with_ack_for },
        { "join", l_join },
        { "leave", l_leave },
        { "has_joined", l_has_joined },
        { "disconnect", l_disconnect },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
