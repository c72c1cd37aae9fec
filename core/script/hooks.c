/* What the server asks, answered by handlers: fills struct lec_hooks.
 *
 * Which function runs is looked up in C (script/generation.h). Results become acks, refusals or
 * nothing; a failure is told with an id that is in the log. A socket that has gone meanwhile gets
 * nothing. */
#include "script/hooks.h"

#include <stdlib.h>

#include "script/catchall.h"
#include "script/handle.h"
#include "script/load.h"
#include "script/people.h"
#include "script/requests.h"
#include "script/task.h"
#include "server/server.h"
#include "server/suggest.h"

#define INTERNAL "internal_error"

struct error_answer {
    const char *code;
    struct lec_slice message;
    const char *id; /* NULL for a refusal */
};

static void put_text(struct lec_buf *out, struct lec_slice text)
{
    if (lec_json_put_string(out, text.p, text.n) != LEC_OK)
        lec_buf_adds(out, "\"(not UTF-8)\"");
}

/* Appends {["event":…,]"code":…,"message":…[,"id":…]}. */
static void put_error(struct lec_buf *out, const char *event, const struct error_answer *e)
{
    lec_buf_addc(out, '{');
    if (event) {
        lec_buf_adds(out, "\"event\":");
        put_text(out, lec_slice_str(event));
        lec_buf_addc(out, ',');
    }
    lec_buf_adds(out, "\"code\":");
    put_text(out, lec_slice_str(e->code));
    lec_buf_adds(out, ",\"message\":");
    put_text(out, e->message);
    if (e->id)
        lec_buf_printf(out, ",\"id\":\"%s\"", e->id);
    lec_buf_addc(out, '}');
}

/* Tells the client that its event failed or was refused: as the ack, or as the event `error`. */
static void answer_error(struct sio_socket *socket, int64_t ack_id, const char *event,
                         const struct error_answer *e)
{
    struct lec_buf json = { 0 };
    if (ack_id != SIO_NO_ID) {
        lec_buf_adds(&json, "[{\"ok\":false,\"error\":");
        put_error(&json, NULL, e);
        lec_buf_adds(&json, "}]");
    } else {
        lec_buf_adds(&json, "[\"error\",");
        put_error(&json, event, e);
        lec_buf_addc(&json, ']');
    }
    struct sio_payload payload = { .json = lec_buf_slice(&json) };
    if (ack_id != SIO_NO_ID)
        (void)!sio_socket_ack(socket, ack_id, &payload);
    else
        (void)!sio_socket_emit(socket, &payload, false);
    lec_buf_fini(&json);
}

static struct error_answer crash(const char *id)
{
    return (struct error_answer){ INTERNAL, LEC_SLICE("internal error"), id };
}

/* The results 2 … n+1 are a refusal: nil, message[, code]. The strings are Lua's. */
static bool read_refusal(lua_State *L, int n, struct error_answer *e)
{
    if (n < 2 || !lua_isnil(L, 2) || lua_type(L, 3) != LUA_TSTRING)
        return false;
    e->message.p = lua_tolstring(L, 3, &e->message.n);
    e->code = n >= 3 && lua_type(L, 4) == LUA_TSTRING ? lua_tostring(L, 4) : "refused";
    e->id = NULL;
    return true;
}

/* --- events --- */

struct event {
    struct lec_task *task;
    const struct sio_event *event;
};

static int refuse_arguments(lua_State *L)
{
    lua_pushnil(L);
    lua_pushfstring(L, "more than %d arguments", (int)lec_script_of(L)->cfg->max_arguments);
    lua_pushliteral(L, "too_big");
    return 3;
}

static int prepare_event(lua_State *L, void *ud)
{
    const struct event *e = ud;
    struct lec_task *t = e->task;
    struct lec_reader r;
    const struct sio_payload *p = &e->event->payload;
    lua_settop(L, 0);
    lec_reader_init(&r, L, &t->script->decoded, p->attachments, p->n_attachments);
    int below = lua_gettop(L);
    lec_handler_push(L, t->handler);
    lec_handle_push(L, t->owner); // … function box
    int n = lec_reader_elements(&r, p->json, 1, (int)t->script->cfg->max_arguments);
    if (n == LEC_ETOOBIG) {
        lua_settop(L, below);
        lua_pushcfunction(L, refuse_arguments);
        return 1;
    }
    if (n < 0)
        return luaL_error(L, "the event's arguments cannot be read: %s", lec_strerror(n));
    return n + 2;
}

static void event_done(struct lec_task *t, lua_State *L, int n)
{
    struct lec_script *s = t->script;
    struct error_answer refusal;
    if (read_refusal(L, n, &refusal)) {
        s->counters->handler_refusals++;
        if (t->owner)
            answer_error(t->owner->socket, t->ack_id, lec_handler_event(t->handler), &refusal);
        return;
    }
    if (t->ack_id == SIO_NO_ID || !t->owner)
        return;
    if (!lec_wire_array(&s->wire, L, NULL, 2, n + 1, "result", &s->limits))
        luaL_error(L, "the answer cannot be sent: %s", lec_buf_str(&s->wire.error));
    struct lec_wire wire = lec_script_take_wire(s);
    struct sio_payload payload = lec_wire_payload(&wire);
    (void)!sio_socket_ack(t->owner->socket, t->ack_id, &payload);
    lec_script_give_wire(s, &wire);
}

static void event_failed(struct lec_task *t, const char *id)
{
    struct error_answer e = crash(id);
    if (t->owner)
        answer_error(t->owner->socket, t->ack_id, lec_handler_event(t->handler), &e);
}

static const struct lec_task_type event_type = { .done = event_done, .failed = event_failed };

/* For who mistyped a name, on either side. */
static void tell_unknown(const struct lec_handle *h, const struct sio_event *event)
{
    char *name = lec_strndup(event->name.p, event->name.n);
    struct lec_suggest near;
    const struct lec_handler *other;
    lec_suggest_init(&near, name);
    for (size_t pos = 0; h->handlers && (other = lec_map_next(&h->handlers->events, &pos)) != NULL;)
        lec_suggest_try(&near, lec_handler_event(other));
    lec_log(h->script->log, LEC_LOG_INFO, LEC_CAT_SCRIPT, lec_handle_who(h),
            "no handler for the event %s%s%s%s%s (told once)", name,
            event->ack_id != SIO_NO_ID ? ", whose client waits for an answer" : "",
            near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
    free(name);
}

static bool is_full(const struct lec_handle *h)
{
    return h->n_tasks + h->held.count >= h->script->cfg->max_tasks;
}

static const struct lec_handler *handler_of(const struct lec_handle *h,
                                            const struct sio_event *event)
{
    return h->handlers ? lec_map_get(&h->handlers->events, event->name) : NULL;
}

static void unhandled(struct lec_handle *h, const struct sio_event *event)
{
    h->script->counters->events_unhandled++;
    if (lec_generation_meet(h->script->now, event->name))
        tell_unknown(h, event);
}

/* There is no room to run it, or to hold it. */
static void refuse_event(struct lec_handle *h, const struct sio_event *event)
{
    static const struct error_answer full = { "full",
                                              LEC_SLICE("too many events wait for their handlers"),
                                              NULL };
    const struct lec_handler *handler = handler_of(h, event);
    if (!handler) {
        unhandled(h, event);
        return;
    }
    h->script->counters->handler_refusals++;
    answer_error(h->socket, event->ack_id, lec_handler_event(handler), &full);
}

static void run_event(struct lec_handle *h, const struct lec_handler *handler,
                      const struct sio_event *event)
{
    struct lec_task *t = lec_task_new(h->script, &event_type, h, handler, handler->what);
    if (!t) {
        struct error_answer e = crash(NULL);
        answer_error(h->socket, event->ack_id, lec_handler_event(handler), &e);
        return;
    }
    t->ack_id = event->ack_id;
    struct event e = { .task = t, .event = event };
    lec_task_start(t, prepare_event, &e);
}

void lec_hooks_event(struct lec_handle *h, const struct sio_event *event, bool heard)
{
    struct sio_socket *socket = h->socket;
    if (is_full(h)) {
        refuse_event(h, event);
        return;
    }
    if (!heard && h->handlers && h->handlers->any) {
        lec_catchall_event(h, event);
        if (!sio_socket_connected(socket))
            return;
        heard = true;
    }
    const struct lec_handler *handler = handler_of(h, event);
    if (!handler && !heard)
        unhandled(h, event);
    if (!handler)
        return;
    if (h->held.waits == 0)
        run_event(h, handler, event);
    else if (!lec_held_add(h, event, true)) /* a listener waits for the database */
        refuse_event(h, event);
}

static void on_event(void *ctx, struct sio_socket *socket, const struct sio_event *event)
{
    struct lec_script *s = ctx;
    struct lec_peer *peer = sio_socket_user(socket);
    struct lec_handle *h = peer->script;
    if (!h)
        s->counters->events_unhandled++;
    else if (!lec_held_must(h))
        lec_hooks_event(h, event, false);
    else if (!lec_held_add(h, event, false))
        refuse_event(h, event);
}

/* --- hooks that run a list of functions, each in its own task --- */

struct call {
    struct lec_task *task;
    const char *reason; /* of a disconnect, else NULL */
};

static int prepare_call(lua_State *L, void *ud)
{
    const struct call *c = ud;
    lua_settop(L, 0);
    lec_handler_push(L, c->task->handler);
    if (!c->task->owner)
        return 1;
    lec_handle_push(L, c->task->owner);
    if (!c->reason)
        return 2;
    lua_pushstring(L, c->reason);
    return 3;
}

static void run_list(struct lec_script *s, const struct lec_handler *list, struct lec_handle *owner,
                     const char *reason)
{
    static const struct lec_task_type type = { 0 };
    struct lec_generation *g = list ? list->generation : NULL;
    if (!g)
        return;
    lec_generation_ref(g);
    struct sio_socket *socket = owner ? owner->socket : NULL;
    for (const struct lec_handler *handler = list; handler; handler = handler->next) {
        if (socket && !reason && !sio_socket_connected(socket))
            break; /* one of them ended it: its handle is no more */
        struct lec_task *t = lec_task_new(s, &type, owner, handler, handler->what);
        if (!t)
            break;
        t->detached = reason != NULL; /* the socket's end cannot end what it began */
        struct call c = { t, reason };
        lec_task_start(t, prepare_call, &c);
    }
    lec_generation_unref(s, g);
}

/* --- connecting --- */

static void let_in(struct lec_handle *h)
{
    struct sio_socket *socket = h->socket;
    sio_socket_accept(socket);
    /* accepting may have ended the socket, and its handle with it */
    if (sio_socket_connected(socket) && h->handlers)
        run_list(h->script, h->handlers->connected, h, NULL);
}

static void refuse(struct sio_socket *socket, const struct error_answer *e)
{
    struct lec_buf data = { 0 };
    struct lec_buf message = { 0 };
    lec_buf_adds(&data, "{\"code\":");
    put_text(&data, lec_slice_str(e->code));
    if (e->id)
        lec_buf_printf(&data, ",\"id\":\"%s\"", e->id);
    lec_buf_addc(&data, '}');
    lec_buf_add(&message, e->message.p, e->message.n);
    sio_socket_refuse(socket, lec_buf_str(&message), lec_buf_slice(&data));
    lec_buf_fini(&data);
    lec_buf_fini(&message);
}

static int prepare_connect(lua_State *L, void *ud)
{
    struct lec_task *t = ud;
    lua_settop(L, 0);
    lec_handler_push(L, t->handler);
    lec_handle_push(L, t->owner);
    lec_handle_push_auth(L, 2);
    return 3;
}

/* on_connect knows the person by another id than the token, the string on top. */
static void identify(lua_State *L, struct lec_handle *h)
{
    struct lec_script *s = h->script;
    struct lec_slice id;
    const char *why;
    id.p = lua_tolstring(L, -1, &id.n);
    lec_people_remove(s, h);
    int rc = lec_server_identify(s->server, h->socket, id, &why);
    lec_people_add(s, h);
    if (rc != LEC_OK)
        luaL_error(L, "on_connect has set socket.user.id: %s", why);
    lec_server_admit(s->server, h->socket); /* on_admitted, a refusal, or it waits */
}

static void connect_done(struct lec_task *t, lua_State *L, int n)
{
    struct error_answer refusal;
    if (!t->owner)
        return;
    if (read_refusal(L, n, &refusal)) {
        t->script->counters->handler_refusals++;
        refuse(t->owner->socket, &refusal);
    } else if (lec_handle_push_person(L, t->owner)) {
        identify(L, t->owner);
    } else {
        let_in(t->owner);
    }
}

static void on_admitted(void *ctx, struct sio_socket *socket)
{
    struct lec_peer *peer = sio_socket_user(socket);
    (void)ctx;
    let_in(peer->script);
}

static void connect_failed(struct lec_task *t, const char *id)
{
    struct error_answer e = crash(id);
    if (t->owner)
        refuse(t->owner->socket, &e);
}

static const struct lec_task_type connect_type = { .done = connect_done, .failed = connect_failed };

static void on_connect(void *ctx, struct sio_socket *socket, struct lec_slice auth)
{
    struct lec_script *s = ctx;
    struct lec_handle *h = lec_handle_new(s, socket, auth);
    h->handlers = lec_generation_find(s->now, sio_socket_namespace(socket));
    if (!h->handlers || !h->handlers->connect) {
        let_in(h);
        return;
    }
    const struct lec_handler *handler = h->handlers->connect;
    struct lec_task *t = lec_task_new(s, &connect_type, h, handler, handler->what);
    if (!t) {
        struct error_answer e = crash(NULL);
        refuse(socket, &e);
        return;
    }
    lec_task_start(t, prepare_connect, t);
}

/* on_connect decides about newcomers; who comes back was let in already. */
static void on_recover(void *ctx, struct sio_socket *socket, struct lec_slice auth, void *kept)
{
    struct lec_script *s = ctx;
    struct lec_handle *h = lec_handle_new(s, socket, auth);
    lec_handle_take_box(h, kept);
    h->handlers = lec_generation_find(s->now, sio_socket_namespace(socket));
    let_in(h);
}

/* --- the rest --- */

static void on_disconnect(void *ctx, struct sio_socket *socket, enum sio_reason why)
{
    struct lec_peer *peer = sio_socket_user(socket);
    struct lec_handle *h = peer->script;
    if (h && h->handlers)
        run_list(ctx, h->handlers->disconnect, h, sio_reason_text(why));
}

static void *on_keep(void *ctx, struct sio_socket *socket)
{
    struct lec_peer *peer = sio_socket_user(socket);
    (void)ctx;
    return peer->script ? lec_handle_keep_box(peer->script) : NULL;
}

static void on_forget(void *ctx, void *kept)
{
    lec_handle_drop_box(ctx, kept);
}

static void on_free(void *ctx, struct sio_socket *socket)
{
    struct lec_peer *peer = sio_socket_user(socket);
    (void)ctx;
    if (peer->script)
        lec_handle_free(peer->script);
}

static void on_refreshed(void *ctx, struct sio_socket *socket)
{
    const struct lec_peer *peer = sio_socket_user(socket);
    struct lec_handle *h = peer->script;
    if (!h)
        return;
    lec_handle_renew(h);
    if (h->handlers)
        run_list(ctx, h->handlers->refreshed, h, NULL);
}

static void on_start(void *ctx)
{
    struct lec_script *s = ctx;
    run_list(s, s->now->start, NULL, NULL);
}

static void on_stop(void *ctx)
{
    struct lec_script *s = ctx;
    run_list(s, s->now->stop, NULL, NULL);
}

static int reload(void *ctx, struct lec_buf *answer)
{
    struct lec_script *s = ctx;
    struct lec_buf errors = { 0 };
    struct lec_generation *g = lec_load(s, &errors, NULL);
    if (g) {
        lec_load_commit(s, g);
        lec_buf_printf(answer, "handlers loaded: %d function%s\n", g->count,
                       g->count == 1 ? "" : "s");
    } else {
        lec_buf_printf(answer, "%s\nthe handlers of before go on serving\n", lec_buf_str(&errors));
    }
    lec_buf_fini(&errors);
    return g ? LEC_OK : LEC_ESCRIPT;
}

static void usage(void *ctx, struct lec_script_usage *out)
{
    const struct lec_script *s = ctx;
    *out = (struct lec_script_usage){ .memory = s->vm.used,
                                      .memory_cap = s->vm.cap,
                                      .generation = s->generations,
                                      .functions = (unsigned)s->now->count,
                                      .tasks = s->n_tasks,
                                      .held = s->n_held,
                                      .timers = s->timers.count };
}

struct lec_hooks lec_hooks_of(struct lec_script *s)
{
    struct lec_hooks hooks = {
        .ctx = s,
        .socket = { .on_connect = on_connect,
                    .on_event = on_event,
                    .on_disconnect = on_disconnect,
                    .on_keep = on_keep,
                    .on_forget = on_forget,
                    .on_free = on_free },
        .on_recover = on_recover,
        .on_admitted = on_admitted,
        .on_refreshed = on_refreshed,
        .on_start = on_start,
        .on_stop = on_stop,
        .reload = reload,
        .usage = usage,
    };
    lec_requests_hook(&hooks);
    return hooks;
}
