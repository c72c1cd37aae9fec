#include "script/catchall.h"

#include "script/handle.h"
#include "script/task.h"

/* --- events that come --- */

struct arrival {
    struct lec_task *task;
    const struct sio_event *event;
};

static int do_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static int prepare_arrival(lua_State *L, void *ud)
{
    const struct arrival *a = ud;
    const struct sio_payload *p = &a->event->payload;
    struct lec_reader r;
    lua_settop(L, 0);
    lec_reader_init(&r, L, &a->task->script->decoded, p->attachments, p->n_attachments);
    int below = lua_gettop(L);
    lec_handler_push(L, a->task->handler);
    lec_handle_push(L, a->task->owner);
    lua_pushlstring(L, a->event->name.p, a->event->name.n); // … function box name
    int n = lec_reader_elements(&r, p->json, 1, (int)lec_script_of(L)->cfg->max_arguments);
    if (n >= 0)
        return n + 3;
    lua_settop(L, below);
    lua_pushcfunction(L, do_nothing); /* handlers refuse it */
    return 1;
}

void lec_catchall_event(struct lec_handle *h, const struct sio_event *event)
{
    static const struct lec_task_type type = { 0 };
    struct lec_script *s = h->script;
    struct sio_socket *socket = h->socket;
    const struct lec_handler *listener = h->handlers->any;
    struct lec_generation *g = listener->generation;
    lec_generation_ref(g);
    for (; listener && sio_socket_connected(socket); listener = listener->next) {
        struct lec_task *t = lec_task_new(s, &type, h, listener, listener->what);
        if (!t)
            break;
        struct arrival a = { t, event };
        lec_task_start(t, prepare_arrival, &a);
    }
    lec_generation_unref(s, g);
}

/* --- events that go --- */

static const struct lec_task_type outgoing = { 0 };

struct departure {
    struct lec_task *task;
    lua_State *from; /* has a free slot */
    const struct lec_sent *sent;
};

static void take(lua_State *L, lua_State *from, int index)
{
    lua_pushvalue(from, index);
    lua_xmove(from, L, 1);
}

/* Sets a field of the table on top to a copy of a list of names, with the id of the box at `but` behind
 * them; not if both are nothing. */
static void set_names(lua_State *L, lua_State *from, const char *field, int list, int but)
{
    bool listed = list && lua_istable(from, list);
    const struct lec_box *box = but ? lua_touserdata(from, but) : NULL;
    if (!listed && !box)
        return;
    int n = listed ? (int)lua_objlen(from, list) : 0;
    lua_createtable(L, n + 1, 0);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(from, list, i);
        lua_xmove(from, L, 1);
        lua_rawseti(L, -2, i);
    }
    if (box) {
        lua_pushstring(L, box->id);
        lua_rawseti(L, -2, n + 1);
    }
    lec_value_push_array_mt(L);
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, field);
}

static int prepare_departure(lua_State *L, void *ud)
{
    const struct departure *d = ud;
    const struct lec_sent *sent = d->sent;
    lua_settop(L, 0);
    luaL_checkstack(L, sent->last - sent->event + 8, "too many arguments");
    lec_handler_push(L, d->task->handler);
    lua_createtable(L, 0, 4); // function target
    lua_pushlstring(L, sent->nsp.p, sent->nsp.n);
    lua_setfield(L, -2, "namespace");
    lua_pushnumber(L, (lua_Number)sent->receivers);
    lua_setfield(L, -2, "receivers");
    if (sent->socket) {
        take(L, d->from, sent->socket);
        lua_setfield(L, -2, "socket");
    }
    set_names(L, d->from, "rooms", sent->rooms, 0);
    set_names(L, d->from, "except", sent->except, sent->but);
    for (int i = sent->event; i <= sent->last; i++)
        take(L, d->from, i);
    return lua_gettop(L);
}

void lec_catchall_sent(lua_State *L, const struct lec_handler *listeners,
                       const struct lec_sent *sent)
{
    struct lec_script *s = lec_script_of(L);
    if (!listeners || (s->running && s->running->type == &outgoing))
        return;
    luaL_checkstack(L, 1, "listeners");
    struct lec_generation *g = listeners->generation;
    lec_generation_ref(g);
    for (const struct lec_handler *h = listeners; h; h = h->next) {
        struct lec_task *t = lec_task_new(s, &outgoing, NULL, h, h->what);
        if (!t)
            break;
        struct departure d = { t, L, sent };
        lec_task_start(t, prepare_departure, &d);
    }
    lec_generation_unref(s, g);
}
