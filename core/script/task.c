#include "script/task.h"

#include <stdlib.h>

#include "base/id.h"
#include "script/generation.h"
#include "script/handle.h"

#define KEEP_IDLE 64 /* coroutines for reuse */

int lec_task_trampoline(lua_State *L)
{
    const struct lec_call *call = lua_touserdata(L, 1);
    return call->fn(L, call->ud);
}

bool lec_script_protected(struct lec_script *s, const char *what, lua_CFunction fn, void *ud)
{
    lua_State *L = s->vm.L;
    s->vm.reserve = LEC_VM_RESERVE;
    int rc = lua_cpcall(L, fn, ud);
    s->vm.reserve = 0;
    if (rc == 0)
        return true;
    const char *message = lua_tostring(L, -1);
    lec_log(s->log, LEC_LOG_ERROR, LEC_CAT_SCRIPT, LEC_NOBODY, "%s: %s", what,
            message ? message : "?");
    lua_pop(L, 1);
    return false;
}

struct lec_who lec_task_who(const struct lec_script *s)
{
    const struct lec_task *t = s->running;
    return !t ? LEC_NOBODY : t->owner ? lec_handle_who(t->owner) : t->who;
}

static int make_coroutine(lua_State *L)
{
    struct lec_task *t = lua_touserdata(L, 1);
    t->co = lua_newthread(L); // task thread
    t->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void free_task(struct lec_task *t)
{
    luaL_unref(t->script->vm.L, LUA_REGISTRYINDEX, t->ref);
    lec_list_remove(&t->link);
    free(t);
}

struct lec_task *lec_task_new(struct lec_script *s, const struct lec_task_type *type,
                              struct lec_handle *owner, const struct lec_handler *handler,
                              const char *what)
{
    struct lec_task *t;
    struct lec_list *node = lec_list_shift(&s->idle);
    if (node) {
        t = LEC_CONTAINER(node, struct lec_task, link);
        s->n_idle--;
    } else {
        t = lec_alloc0(sizeof *t);
        t->script = s;
        t->ref = t->results = LUA_NOREF;
        lec_list_init(&t->link);
        lec_list_init(&t->of);
        lec_list_init(&t->ready);
        if (!lec_script_protected(s, what, make_coroutine, t)) {
            s->counters->handler_errors++;
            free_task(t);
            return NULL;
        }
    }
    lec_list_append(&s->tasks, &t->link);
    s->n_tasks++;
    t->type = type;
    t->owner = owner;
    if (owner) {
        lec_list_append(&owner->tasks, &t->of);
        owner->n_tasks++;
    }
    t->handler = handler;
    if (handler)
        lec_generation_ref(handler->generation);
    t->what = what;
    t->who = LEC_NOBODY;
    t->ack_id = SIO_NO_ID;
    t->ctx = NULL;
    t->detached = t->cancelled = false;
    return t;
}

/* Back to the free list, or away with a coroutine that failed. */
static void release(struct lec_task *t, bool reusable)
{
    struct lec_script *s = t->script;
    if (t->transaction)
        lec_task_roll_back(t);
    if (t->type->over)
        t->type->over(t);
    s->n_tasks--;
    lec_list_remove(&t->of);
    if (t->owner)
        t->owner->n_tasks--;
    t->owner = NULL;
    if (t->handler)
        lec_generation_unref(s, t->handler->generation);
    t->handler = NULL;
    t->state = LEC_TASK_IDLE;
    if (!reusable || s->n_idle == KEEP_IDLE) {
        free_task(t);
        return;
    }
    lua_settop(t->co, 0);
    lec_list_remove(&t->link);
    lec_list_append(&s->idle, &t->link);
    s->n_idle++;
}

struct failure {
    struct lec_task *task;
    const char *problem; /* NULL: the error object on the coroutine's top tells */
    bool silent;         /* out: it was cancelled */
};

/* Writes what happened to script->text: message and traceback of the failed coroutine. */
static int describe(lua_State *L)
{
    struct failure *f = lua_touserdata(L, 1);
    struct lec_script *s = lec_script_of(L);
    lua_State *co = f->task->co;
    lua_settop(L, 0);
    if (f->problem)
        lua_pushstring(L, f->problem);
    else
        lua_xmove(co, L, 1); // error
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->cancelled);
    f->silent = lua_rawequal(L, 1, 2);
    lua_settop(L, 1);
    if (f->silent)
        return 0;
    lua_gc(L, LUA_GCSTEP, 100);
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1); // error message
        if (lua_type(L, 2) == LUA_TSTRING || luaL_callmeta(L, 1, "__tostring"))
            lua_replace(L, 1);
    }
    const char *message = lua_tostring(L, 1);
    if (!message)
        message = lua_pushfstring(L, "a %s was raised without a message", luaL_typename(L, 1));
    lua_Debug ar;
    if (lua_getstack(co, 0, &ar)) /* else it had returned, and its answer cannot be sent */
        luaL_traceback(L, co, message, 0);
    lec_buf_adds(&s->text, lua_tostring(L, -1));
    return 0;
}

/* Logs the failure of the task and tells its type. */
static void fail(struct lec_task *t, bool timed_out, const char *problem)
{
    struct lec_script *s = t->script;
    char id[LEC_ID_LEN + 1];
    struct failure f = { t, problem, false };
    struct lec_vm_entry outer;
    lec_id_make(id);
    id[LEC_CRASH_ID] = 0;
    lec_buf_clear(&s->text, 65536);
    lec_vm_enter(&s->vm, &outer, t->what,
                 s->cfg->script_time); /* an error's __tostring is script */
    s->vm.reserve = LEC_VM_RESERVE;
    int rc = lua_cpcall(s->vm.L, describe, &f);
    s->vm.reserve = 0;
    lec_vm_leave(&s->vm, &outer);
    if (rc != 0) {
        const char *message = lua_tostring(s->vm.L, -1);
        lec_buf_clear(&s->text, 65536);
        lec_buf_adds(&s->text, message ? message : "the error cannot be told");
        lua_pop(s->vm.L, 1);
    }
    if (f.silent)
        return;
    s->counters->handler_errors++;
    if (timed_out)
        s->counters->handler_timeouts++;
    struct lec_who who = t->owner ? lec_handle_who(t->owner) : t->who;
    lec_log(s->log, LEC_LOG_ERROR, LEC_CAT_SCRIPT, who, "%s failed, id %s: %s", t->what, id,
            lec_buf_str(&s->text));
    if (t->type->failed)
        t->type->failed(t, id);
}

static int call_done(lua_State *L, void *ud)
{
    struct lec_task *t = ud;
    t->type->done(t, L, lua_gettop(L) - 1);
    return 0;
}

/* The coroutine's stack is: trampoline, finish, results. */
static void finish(struct lec_task *t)
{
    bool ok = true;
    if (t->type->done) {
        ok = lua_pcall(t->co, lua_gettop(t->co) - 1, 0, 0) == 0;
        if (!ok)
            fail(t, false, NULL);
    }
    release(t, ok);
}

static void run(struct lec_task *t, int nargs)
{
    struct lec_script *s = t->script;
    struct lec_task *outer_task = s->running;
    struct lec_vm_entry outer;
    t->state = LEC_TASK_RUNNING;
    t->start_args = -1;
    s->running = t;
    s->depth++;
    lec_vm_enter(&s->vm, &outer, t->what, s->cfg->script_time);
    int rc = lua_resume(t->co, nargs);
    bool timed_out = s->vm.timed_out;
    lec_vm_leave(&s->vm, &outer);
    s->running = outer_task;
    s->depth--;

    if (rc == 0) {
        finish(t);
    } else if (rc != LUA_YIELD) {
        fail(t, timed_out, NULL);
        release(t, false);
    } else if (t->state != LEC_TASK_WAITING) {
        fail(t, false, "coroutine.yield outside of a coroutine of its own");
        release(t, false);
    }
    if (s->depth == 0)
        lec_vm_tidy(&s->vm, rc == LUA_ERRMEM);
}

/* Continues a waiting task. The results table, if any, goes to lua/lectern/wait.lua. */
static void resume(struct lec_task *t, bool cancelled)
{
    lua_pushboolean(t->co, cancelled);
    if (t->results != LUA_NOREF)
        lua_rawgeti(t->co, LUA_REGISTRYINDEX, t->results);
    else
        lua_pushnil(t->co);
    luaL_unref(t->script->vm.L, LUA_REGISTRYINDEX, t->results);
    t->results = LUA_NOREF;
    if (t->holding && t->owner)
        lec_held_go_on(t->owner);
    t->holding = false;
    run(t, 2);
}

static void run_ready(struct lec_later *later)
{
    struct lec_script *s = LEC_CONTAINER(later, struct lec_script, flush);
    struct lec_list *node;
    do {
        while ((node = lec_list_shift(&s->ready)) != NULL) {
            struct lec_task *t = LEC_CONTAINER(node, struct lec_task, ready);
            if (t->start_args >= 0)
                run(t, t->start_args);
            else
                resume(t, t->cancelled && t->results == LUA_NOREF);
        }
        lec_held_run(s);
    } while (!lec_list_empty(&s->ready));
}

static void wake(struct lec_task *t)
{
    struct lec_script *s = t->script;
    t->state = LEC_TASK_READY;
    lec_list_append(&s->ready, &t->ready);
    lec_loop_flush_later(s->loop, &s->flush, run_ready);
}

void lec_task_start(struct lec_task *t, int (*prepare)(lua_State *L, void *ud), void *ud)
{
    lua_State *co = t->co;
    struct lec_call call = { ud, prepare };
    t->finish = (struct lec_call){ t, call_done };
    /* four values fit on any idle coroutine's stack */
    lua_rawgeti(co, LUA_REGISTRYINDEX, t->script->trampoline);
    lua_pushlightuserdata(co, &t->finish);
    lua_rawgeti(co, LUA_REGISTRYINDEX, t->script->trampoline);
    lua_pushlightuserdata(co, &call); // trampoline finish trampoline call
    t->state = LEC_TASK_RUNNING;
    if (lua_pcall(co, 1, LUA_MULTRET, 0) != 0) {
        fail(t, false, NULL);
        release(t, false);
        return;
    }
    t->start_args = lua_gettop(co) - 3; // trampoline finish function args
    if (t->script->depth < LEC_MAX_DEPTH)
        run(t, t->start_args);
    else
        wake(t);
}

struct lec_task *lec_task_to_wait(lua_State *L, const char *name)
{
    struct lec_script *s = lec_script_of(L);
    lec_script_need_server(L, name);
    if (!s->running)
        lec_vm_raise(L, "%s cannot be used here: no handler is running", name);
    if (s->running->co != L)
        lec_vm_raise(L, "%s cannot wait inside a coroutine of your own; use lectern.spawn", name);
    if (!lua_isyieldable(L))
        lec_vm_raise(L, "%s cannot wait inside a function that C calls, like sort, gsub or require",
                     name);
    return s->running;
}

static void on_timer(struct lec_timer *timer)
{
    resume(LEC_CONTAINER(timer, struct lec_task, timer), false);
}

int lec_task_wait_time(lua_State *L, struct lec_task *t, uint64_t ms)
{
    if (t->cancelled && !t->detached) {
        lua_pushboolean(L, 1);
        return 1;
    }
    t->state = LEC_TASK_WAITING;
    lec_timer_start(t->script->loop, &t->timer, ms, on_timer);
    return lua_yield(L, 0);
}

struct answer {
    struct lec_task *task;
    int err;
    const struct sio_payload *payload;
};

/* Makes the results table: { n = …, … }. */
static int pack_answer(lua_State *L)
{
    struct answer *a = lua_touserdata(L, 1);
    struct lec_script *s = lec_script_of(L);
    int first = 1, n = 0;
    lua_settop(L, 0);
    if (a->err == LEC_OK) {
        struct lec_reader r;
        lec_reader_init(&r, L, &s->decoded, a->payload->attachments, a->payload->n_attachments);
        first = lua_gettop(L) + 1;
        n = lec_reader_elements(&r, a->payload->json, 0, (int)s->cfg->max_arguments);
        a->err = n < 0 ? n : LEC_OK;
    }
    if (a->err != LEC_OK) {
        first = lua_gettop(L) + 1;
        n = lec_script_push_error(L, a->err);
    }
    lua_createtable(L, n, 1); // … values table
    lua_insert(L, first);     // … table values
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, first, i);
    lua_pushinteger(L, n);
    lua_setfield(L, first, "n");
    a->task->results = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void on_answer(void *ctx, int err, const struct sio_payload *payload)
{
    struct lec_task *t = ctx;
    struct answer a = { t, err, payload };
    t->asked = NULL;
    lec_script_protected(t->script, t->what, pack_answer, &a);
    wake(t);
}

int lec_task_wait_answer(lua_State *L, struct lec_task *t, struct sio_socket *socket,
                         unsigned timeout_ms)
{
    struct lec_script *s = t->script;
    if (t->cancelled && !t->detached) {
        lua_pushboolean(L, 1);
        return 1;
    }
    int err = LEC_ECLOSED;
    if (socket) {
        struct lec_wire wire = lec_script_take_wire(s);
        struct sio_payload event = lec_wire_payload(&wire);
        err = sio_socket_emit_ack(socket, &event, timeout_ms, on_answer, t, &t->ack);
        lec_script_give_wire(s, &wire);
    }
    if (err != LEC_OK) {
        struct answer a = { t, err, NULL };
        lua_pushnil(L);
        lua_pushcfunction(L, pack_answer);
        lua_pushlightuserdata(L, &a);
        lua_call(L, 1, 0);
        lua_rawgeti(L, LUA_REGISTRYINDEX, t->results); // nil results
        luaL_unref(L, LUA_REGISTRYINDEX, t->results);
        t->results = LUA_NOREF;
        return 2;
    }
    t->asked = socket;
    t->state = LEC_TASK_WAITING;
    return lua_yield(L, 0);
}

int lec_task_wait(lua_State *L, struct lec_task *t, struct lec_wait *w)
{
    t->wait = w;
    t->state = LEC_TASK_WAITING;
    t->holding = w->holds && t->owner;
    if (t->holding)
        lec_held_wait(t->owner);
    return lua_yield(L, 0);
}

void lec_task_wake(struct lec_task *t, int results)
{
    t->wait = NULL;
    t->results = results;
    wake(t);
}

/* Lets go of what it waits for. */
static void stop_waiting(struct lec_task *t)
{
    lec_timer_stop(t->script->loop, &t->timer);
    if (t->asked)
        sio_socket_forget_ack(t->asked, t->ack);
    if (t->wait)
        t->wait->forget(t->wait);
    t->asked = NULL;
    t->wait = NULL;
}

void lec_task_cancel(struct lec_task *t)
{
    if (t->detached)
        return;
    t->cancelled = true;
    if (t->state != LEC_TASK_WAITING)
        return;
    stop_waiting(t);
    wake(t);
}

void lec_task_cancel_all(struct lec_list *tasks)
{
    struct lec_list *node;
    while ((node = lec_list_shift(tasks)) != NULL) {
        struct lec_task *t = LEC_CONTAINER(node, struct lec_task, of);
        struct lec_handle *owner = t->owner;
        t->owner = NULL;
        if (t->detached)
            continue;
        t->cancelled = true;
        if (t->state != LEC_TASK_WAITING)
            continue;
        if (t->asked == owner->socket)
            continue; /* its answer says "closed" */
        stop_waiting(t);
        wake(t);
    }
}

void lec_task_free_all(struct lec_script *s)
{
    struct lec_list *node;
    if (s->loop)
        lec_loop_flush_cancel(s->loop, &s->flush);
    while (!lec_list_empty(&s->tasks)) {
        struct lec_task *t = LEC_CONTAINER(s->tasks.next, struct lec_task, link);
        stop_waiting(t);
        lec_list_remove(&t->ready);
        release(t, false);
    }
    while ((node = lec_list_shift(&s->idle)) != NULL)
        free_task(LEC_CONTAINER(node, struct lec_task, link));
    s->n_idle = 0;
}
