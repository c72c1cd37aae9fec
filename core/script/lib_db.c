/* lectern.core: the database. The running task waits for the answer, and the events of its socket with
 * it; if it is cancelled, so is the call, and what it has begun is rolled back.
 *
 * A task has one interactive transaction at most. C knows it by the task, so that none is left open
 * by a task that ends in whatever way: the database's one writer would wait for it. */
#include <stdlib.h>

#include "db/db.h"
#include "script/db_request.h"
#include "script/db_rows.h"
#include "script/handle.h"
#include "script/task.h"

/* One that is under way. Owner: itself, until it is answered or forgotten. */
struct asking {
    struct lec_wait wait;
    struct lec_task *task;
    struct lec_db_call *call;
    uint64_t id;
    enum lectern_db_kind kind;
    bool single; /* one statement was given, not a list */
};

/* --- transactions -------------------------------------------------------------------------- */

static void ignore(void *ctx, struct lec_slice answer)
{
    (void)ctx;
    (void)answer;
}

void lec_task_roll_back(struct lec_task *t)
{
    struct lec_script *s = t->script;
    struct lec_db *db = lec_server_db(s->server);
    struct lec_db_call *call;
    if (t->transaction && lec_db_available(db)) { /* else it has ended */
        lec_db_begin(&s->request, db, LECTERN_DB_ROLLBACK, 0, t->transaction);
        (void)!lec_db_call(db, &s->request, ignore, NULL, &call, NULL);
    }
    t->transaction = 0;
}

/* --- the answer ---------------------------------------------------------------------------- */

static void forget(struct lec_wait *w)
{
    struct asking *a = LEC_CONTAINER(w, struct asking, wait);
    lec_db_cancel(a->call);
    if (a->kind == LECTERN_DB_BEGIN)
        a->task->transaction = a->id; /* it may have begun */
    lec_task_roll_back(a->task);
    free(a);
}

struct outcome {
    const struct lec_db_rows *rows;
    const char *problem; /* NULL, or there is no room for the rows */
    int results;         /* registry reference */
};

static int keep_results(lua_State *L)
{
    struct outcome *o = lua_touserdata(L, 1);
    if (o->problem)
        lec_db_rows_error(L, o->problem, lec_db_code_word(LECTERN_DB_TOO_BIG));
    else
        lec_db_rows_push(L, o->rows);
    o->results = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* What the answer means for the task's transaction. */
static void follow(const struct asking *a, enum lectern_db_code code)
{
    struct lec_task *t = a->task;
    if (a->kind == LECTERN_DB_BEGIN)
        t->transaction = a->id;
    if (a->kind == LECTERN_DB_COMMIT && code == LECTERN_DB_OK)
        t->transaction = 0;
    if (code != LECTERN_DB_OK && t->transaction)
        lec_task_roll_back(
            t); /* of most it is over by that; not of one that was not heard in time */
}

static void on_answer(void *ctx, struct lec_slice answer)
{
    struct asking *a = ctx;
    struct lec_task *t = a->task;
    struct lec_script *s = t->script;
    struct lec_db_rows rows = { answer, a->single };
    struct outcome o = { &rows, NULL, LUA_NOREF };
    enum lectern_db_code code = lec_db_rows_code(&rows);
    if (a->kind != LECTERN_DB_BATCH)
        follow(a, code);
    free(a);
    s->counters->db_failures += code != LECTERN_DB_OK;
    if (!lec_script_protected(s, t->what, keep_results, &o)) {
        lec_vm_tidy(&s->vm, true);
        o.problem =
            "the answer does not fit into the memory of scripts; what the call was to change "
            "is changed";
        lec_script_protected(s, t->what, keep_results, &o);
    }
    lec_task_wake(t, o.results);
}

/* --- the request --------------------------------------------------------------------------- */

/* Returns at once: what resumes a task with these results. */
static int refuse(lua_State *L, enum lectern_db_code code, const char *why)
{
    lua_pushnil(L);
    lec_db_rows_error(L, why, lec_db_code_word(code));
    return 2;
}

static bool is_of_transaction(enum lectern_db_kind kind)
{
    return kind == LECTERN_DB_STEP || kind == LECTERN_DB_COMMIT;
}

/* db_call(kind, seconds|nil, sql, …) -> rows, changes
 * db_call(kind, seconds|nil, { { sql, …, n = }, … } | nil) -> { rows, …, changes = { n, … } }
 * Behind lua/lectern/wait.lua. */
static int l_db_call(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "db");
    struct lec_script *s = t->script;
    struct lec_db *db = lec_server_db(s->server);
    enum lectern_db_kind kind = (enum lectern_db_kind)luaL_checkinteger(L, 1);
    double seconds = luaL_optnumber(L, 2, 0);
    bool inside = is_of_transaction(kind);
    if (inside != (t->transaction != 0))
        return luaL_error(L, inside ? "there is no transaction" : "a transaction is open");
    /* What another task of this socket has asked for has happened, as far as the socket can tell. */
    unsigned flags = t->owner && t->owner->held.waits > 0 ? LECTERN_DB_ORDERED : 0;
    lec_db_begin(&s->request, db, kind, flags, inside ? t->transaction : 0);
    if (seconds > 0)
        lec_db_set_timeout(&s->request, (unsigned)(seconds * 1000 + 0.5));
    bool single = lec_db_put_statements(L, &s->request, 3);
    if (t->cancelled && !t->detached) {
        lua_pushboolean(L, 1);
        return 1;
    }
    struct asking *a = lec_alloc0(sizeof *a);
    a->wait.forget = forget;
    a->wait.holds = true;
    a->task = t;
    a->kind = kind;
    a->single = single;
    s->counters->db_calls++;
    if (lec_db_call(db, &s->request, on_answer, a, &a->call, &a->id) != LEC_OK) {
        free(a);
        s->counters->db_failures++;
        return refuse(L, LECTERN_DB_BUSY, "too much waits for the database");
    }
    return lec_task_wait(L, t, &a->wait);
}

/* db_rollback(): the task's transaction, if it has one. Does not wait. */
static int l_db_rollback(lua_State *L)
{
    struct lec_task *t = lec_script_of(L)->running;
    if (t)
        lec_task_roll_back(t);
    return 0;
}

/* db_transaction() -> its number, or nil: the running task has none */
static int l_db_transaction(lua_State *L)
{
    const struct lec_task *t = lec_script_of(L)->running;
    if (!t || t->transaction == 0)
        return 0;
    lua_pushnumber(L, (lua_Number)t->transaction);
    return 1;
}

/* db_available() -> boolean */
static int l_db_available(lua_State *L)
{
    lec_script_need_server(L, "db.available");
    lua_pushboolean(L, lec_db_available(lec_server_db(lec_script_of(L)->server)));
    return 1;
}

/* db_exclusive() -> whether no other process has the database */
static int l_db_exclusive(lua_State *L)
{
    lec_script_need_server(L, "db");
    lua_pushboolean(L, lec_db_exclusive(lec_server_db(lec_script_of(L)->server)));
    return 1;
}

/* db_decode(binary) -> what db_call said of a list: an answer that was kept (db_answer) */
static int l_db_decode(lua_State *L)
{
    if (!lec_value_is_binary(L, 1))
        return luaL_error(L, "bytes expected");
    const struct lec_db_rows rows = { { lua_touserdata(L, 1), lua_objlen(L, 1) }, false };
    return lec_db_rows_return(L, &rows);
}

void lec_lib_db(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "db_call", l_db_call },
        { "db_rollback", l_db_rollback },
        { "db_transaction", l_db_transaction },
        { "db_available", l_db_available },
        { "db_exclusive", l_db_exclusive },
        { "db_decode", l_db_decode },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
    lec_db_push_answer_mark(L);
    lua_setfield(L, -2, "db_answer");
}
