/* require "lectern_sql": real SQL for specs. What the server does with a call of lectern.db, its encoding
 * and decoding and the SQLite driver's own code, on one connection and at once instead of on threads.
 *
 *   local database = sql.open("memory:")         -- or the path of a file
 *   database:call(kind, seconds, sql, …)         -- as core.db_call, but it never waits
 *   database:script(text)                        -- statements without parameters: true | nil, message, code
 *   database:rollback()  database:transaction()  -- as core.db_rollback, core.db_transaction
 *   database:close()
 *   sql.array_mt, sql.answer, sql.binary(bytes)  -- as in core
 *   sql.decode(binary)                           -- as core.db_decode
 *
 * The functions that the encoding wants of core/script/value.c and vm.c are this module's own: they must do
 * in a plain state of LuaJIT. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "db/internal.h"
#include "script/db_request.h"
#include "script/db_rows.h"
#include "script/value.h"
#include "script/vm.h"
#include "sqlite/internal.h"

#define DATABASE "lectern.sql.database"

static char array_mark, binary_mark;

/* --- instead of core/script ---------------------------------------------------------------- */

static void push_kept(lua_State *L, void *mark)
{
    lua_pushlightuserdata(L, mark);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

void lec_value_push_array_mt(lua_State *L)
{
    push_kept(L, &array_mark);
}

void lec_value_push_binary(lua_State *L, const void *bytes, size_t n)
{
    void *copy = lua_newuserdata(L, n);
    if (n > 0)
        memcpy(copy, bytes, n);
    push_kept(L, &binary_mark);
    lua_setmetatable(L, -2);
}

bool lec_value_is_binary(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    push_kept(L, &binary_mark);
    bool is_one = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_one;
}

int lec_vm_raise(lua_State *L, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    luaL_where(L, 2);
    lua_pushvfstring(L, fmt, ap);
    va_end(ap);
    lua_concat(L, 2);
    return lua_error(L);
}

/* --- the module ---------------------------------------------------------------------------- */

struct database {
    struct lec_db db; /* nothing but its limits is looked at */
    struct sql_connection *connection;
    struct lec_buf request;
    struct sql_bytes answer;
    uint64_t last_id;
};

static struct database *check_database(lua_State *L)
{
    struct database *d = luaL_checkudata(L, 1, DATABASE);
    if (!d->connection)
        luaL_error(L, "the database is closed");
    return d;
}

static int l_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char err[256];
    struct database *d = lua_newuserdata(L, sizeof *d);
    memset(d, 0, sizeof *d);
    luaL_getmetatable(L, DATABASE);
    lua_setmetatable(L, -2);
    d->db.cfg = (struct lec_db_config){ .timeout_ms = 5000,
                                        .max_rows = 10000,
                                        .max_result_bytes = 8u << 20 };
    d->connection = sql_connection_open(strcmp(path, "memory:") == 0 ? ":memory:" : path,
                                        SQL_CREATE, 0, err, sizeof err);
    if (!d->connection)
        return luaL_error(L, "%s", err);
    return 1;
}

static int l_close(lua_State *L)
{
    struct database *d = luaL_checkudata(L, 1, DATABASE);
    if (d->connection)
        sql_connection_close(d->connection);
    lec_buf_fini(&d->request);
    free(d->answer.p);
    memset(d, 0, sizeof *d);
    return 0;
}

/* Runs the request; returns what the table of results holds. */
static int run(lua_State *L, struct database *d, bool single)
{
    d->answer.n = 0;
    sql_run(d->connection, ++d->last_id, d->request.p, d->request.n, &d->answer);
    const struct lec_db_rows rows = { { (const char *)d->answer.p, d->answer.n }, single };
    return lec_db_rows_return(L, &rows);
}

static int l_call(lua_State *L)
{
    struct database *d = check_database(L);
    enum lectern_db_kind kind = (enum lectern_db_kind)luaL_checkinteger(L, 2);
    bool inside = kind == LECTERN_DB_STEP || kind == LECTERN_DB_COMMIT;
    uint64_t transaction = d->connection->transaction;
    if (inside != (transaction != 0))
        return luaL_error(L, inside ? "there is no transaction"
                                    : "a transaction is open, which this would wait for");
    lec_db_begin(&d->request, &d->db, kind, 0, transaction);
    bool single = lec_db_put_statements(L, &d->request, 4);
    return run(L, d, single);
}

static int l_script(lua_State *L)
{
    struct database *d = check_database(L);
    struct lec_slice text;
    text.p = luaL_checklstring(L, 2, &text.n);
    lec_db_begin(&d->request, &d->db, LECTERN_DB_SCRIPT, 0, 0);
    if (lec_db_statement(&d->request, text) != LEC_OK)
        return luaL_error(L, "too much");
    return run(L, d, true);
}

static int l_rollback(lua_State *L)
{
    struct database *d = check_database(L);
    if (d->connection->transaction == 0)
        return 0;
    lec_db_begin(&d->request, &d->db, LECTERN_DB_ROLLBACK, 0, d->connection->transaction);
    run(L, d, false);
    return 0;
}

static int l_transaction(lua_State *L)
{
    const struct database *d = check_database(L);
    if (d->connection->transaction == 0)
        return 0;
    lua_pushnumber(L, (lua_Number)d->connection->transaction);
    return 1;
}

static int l_binary(lua_State *L)
{
    size_t n;
    const char *p = luaL_checklstring(L, 1, &n);
    lec_value_push_binary(L, p, n);
    return 1;
}

static int l_decode(lua_State *L)
{
    if (!lec_value_is_binary(L, 1))
        return luaL_error(L, "bytes expected");
    const struct lec_db_rows rows = { { lua_touserdata(L, 1), lua_objlen(L, 1) }, false };
    return lec_db_rows_return(L, &rows);
}

static int binary_text(lua_State *L)
{
    lua_pushlstring(L, lua_touserdata(L, 1), lua_objlen(L, 1));
    return 1;
}

static void keep(lua_State *L, void *mark)
{
    lua_pushlightuserdata(L, mark);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

LECTERN_EXPORT int luaopen_lectern_sql(lua_State *L);
int luaopen_lectern_sql(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "call", l_call },         { "script", l_script },
        { "rollback", l_rollback }, { "transaction", l_transaction },
        { "close", l_close },       { NULL, NULL },
    };
    lua_newtable(L);
    keep(L, &array_mark);
    lua_newtable(L);
    lua_pushcfunction(L, binary_text);
    lua_setfield(L, -2, "__tostring");
    keep(L, &binary_mark);
    luaL_newmetatable(L, DATABASE);
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");

    lua_newtable(L); // module
    lua_pushcfunction(L, l_open);
    lua_setfield(L, -2, "open");
    lua_pushcfunction(L, l_binary);
    lua_setfield(L, -2, "binary");
    lua_pushcfunction(L, l_decode);
    lua_setfield(L, -2, "decode");
    lec_value_push_array_mt(L);
    lua_setfield(L, -2, "array_mt");
    lec_db_push_answer_mark(L);
    lua_setfield(L, -2, "answer");
    return 1;
}
