#include "script/asking.h"

#include <stdlib.h>

#include "script/handle.h"
#include "socketio/question.h"

/* Places in the results table; the first two are what the wait returns. An entry is made for each
 * receiver before it is asked, and moves to one of the lists, both of which have room for all: so
 * only what clients answered can fail for want of memory. */
enum { ANSWERS = 1, MISSING, ENTRIES };

struct asking {
    struct lec_wait wait;
    struct lec_task *task;
    struct sio_question *question;
    size_t count;
    int results; /* registry reference */
};

struct answer {
    const struct asking *asking;
    size_t receiver;
    const struct sio_payload *args;
    int result;
};

static void push_list(lua_State *L, size_t n)
{
    lua_createtable(L, (int)n, 0);
    lec_value_push_array_mt(L);
    lua_setmetatable(L, -2);
}

/* Pushes the results table. Sockets whose handle has gone are left out of script->selected. */
static size_t push_results(lua_State *L, struct lec_script *s, size_t n)
{
    size_t count = 0;
    lua_createtable(L, ENTRIES, 1); // results
    push_list(L, n);
    lua_rawseti(L, -2, ANSWERS);
    push_list(L, n);
    lua_rawseti(L, -2, MISSING);
    lua_pushinteger(L, MISSING);
    lua_setfield(L, -2, "n");
    lua_createtable(L, (int)n, 0); // results entries
    for (size_t i = 0; i < n; i++) {
        const struct lec_peer *peer = sio_socket_user(s->selected[i]);
        if (!peer || !peer->script)
            continue;
        s->selected[count++] = s->selected[i];
        lua_createtable(L, 0, 2); // results entries entry
        lec_handle_push(L, peer->script);
        lua_setfield(L, -2, "socket");
        lua_rawseti(L, -2, (int)count);
    }
    lua_rawseti(L, -2, ENTRIES);
    return count;
}

/* Appends the value on top to a list of the results at index 1, and pops it. */
static void append(lua_State *L, int list)
{
    lua_rawgeti(L, 1, list); // … value list
    lua_insert(L, -2);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    lua_pop(L, 1);
}

static int take_answer(lua_State *L)
{
    struct answer *a = lua_touserdata(L, 1);
    struct lec_reader r;
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->asking->results);
    lua_rawgeti(L, 1, ENTRIES);
    lua_rawgeti(L, 2, (int)a->receiver + 1); // results entries entry
    lec_reader_init(&r, L, &lec_script_of(L)->decoded, a->args->attachments,
                    a->args->n_attachments);
    int first = lua_gettop(L) + 1;
    int n = lec_reader_elements(&r, a->args->json, 0, (int)lec_script_of(L)->cfg->max_arguments);
    if (n < 0) {
        a->result = n;
        return 0;
    }
    if (n > 1) {
        push_list(L, (size_t)n - 1); // … values more
        lua_insert(L, first + 1);
        for (int i = n - 1; i >= 1; i--)
            lua_rawseti(L, first + 1, i);
        lua_setfield(L, 3, "more");
    }
    if (n > 0)
        lua_setfield(L, 3, "value");
    lua_settop(L, 3);
    append(L, ANSWERS);
    a->result = LEC_OK;
    return 0;
}

static int on_answer(void *ctx, size_t i, const struct sio_payload *args)
{
    const struct asking *asking = ctx;
    struct answer a = { asking, i, args, LEC_ESCRIPT };
    lec_script_protected(asking->task->script, "an answer", take_answer, &a);
    return a.result;
}

static int list_missing(lua_State *L)
{
    const struct asking *a = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->results);
    lua_rawgeti(L, 1, ENTRIES); // results entries
    for (size_t i = 0; i < a->count; i++) {
        int result = sio_question_result(a->question, i);
        if (result == LEC_OK)
            continue;
        lua_rawgeti(L, 2, (int)i + 1); // results entries entry
        lua_pushstring(L, lec_errcode(result));
        lua_setfield(L, -2, "code");
        append(L, MISSING);
    }
    return 0;
}

static void free_asking(struct asking *a)
{
    sio_question_free(a->question);
    free(a);
}

static void forget(struct lec_wait *w)
{
    struct asking *a = LEC_CONTAINER(w, struct asking, wait);
    luaL_unref(a->task->script->vm.L, LUA_REGISTRYINDEX, a->results);
    free_asking(a);
}

/* Lists who is missing, and lets go of the question. Returns the reference of the results, or
 * LUA_NOREF if there is no memory for them. */
static int conclude(struct asking *a)
{
    struct lec_script *s = a->task->script;
    int results = a->results;
    if (!lec_script_protected(s, "who did not answer", list_missing, a)) {
        luaL_unref(s->vm.L, LUA_REGISTRYINDEX, results);
        results = LUA_NOREF;
    }
    free_asking(a);
    return results;
}

static void on_over(void *ctx)
{
    struct asking *a = ctx;
    struct lec_task *t = a->task;
    lec_task_wake(t, conclude(a));
}

/* Asks the n sockets of script->selected; the event is in script->wire. */
static struct asking *ask(struct lec_task *t, struct sio_namespace *ns, size_t n, int results,
                          unsigned timeout_ms)
{
    static const struct sio_question_events events = { on_answer, on_over };
    struct lec_script *s = t->script;
    struct asking *a = lec_alloc0(sizeof *a);
    a->wait.forget = forget;
    a->task = t;
    a->count = n;
    a->results = results;
    struct lec_wire wire = lec_script_take_wire(s);
    struct sio_socket **sockets = s->selected;
    s->selected = NULL;
    struct sio_payload event = lec_wire_payload(&wire);
    a->question = sio_question_new(ns, sockets, n, &event, timeout_ms, &events, a);
    free(sockets);
    lec_script_give_wire(s, &wire);
    return a;
}

int lec_asking_wait(lua_State *L, struct lec_task *t, struct sio_namespace *ns, size_t n, int index,
                    unsigned timeout_ms)
{
    if (t->cancelled && !t->detached) {
        lua_pushboolean(L, 1);
        return 1;
    }
    luaL_checkstack(L, 8, "answers");
    n = push_results(L, t->script, n);
    lua_insert(L, 1); // results, arguments
    lec_script_encode_event(L, index + 1);
    if (n == 0) {
        lua_pushnil(L);
        lua_pushvalue(L, 1);
        return 2;
    }
    lua_pushvalue(L, 1);
    struct asking *a = ask(t, ns, n, luaL_ref(L, LUA_REGISTRYINDEX), timeout_ms);
    if (t->cancelled && !t->detached) { /* by a handler that ran inside */
        forget(&a->wait);
        lua_pushboolean(L, 1);
        return 1;
    }
    if (sio_question_open(a->question) > 0)
        return lec_task_wait(L, t, &a->wait);
    luaL_unref(L, LUA_REGISTRYINDEX, conclude(a));
    lua_pushnil(L);
    lua_pushvalue(L, 1);
    return 2;
}
