#include "script/db_rows.h"

#include <lauxlib.h>

#include "db/db.h"
#include "script/value.h"
#include "script/vm.h"

#define MAX_EXACT   9007199254740992 /* 2^53 */
#define MAX_COLUMNS 4000             /* their names are on the stack */

/* Why an answer cannot be had in Lua; all zero: it can. The name is borrowed from the answer. */
struct fault {
    const char *what; /* printf-like, with %s for the name */
    const char *name;
    enum lectern_db_code code;
};

enum lectern_db_code lec_db_rows_code(const struct lec_db_rows *rows)
{
    struct lectern_reader r = lectern_read(rows->answer.p, rows->answer.n);
    return (enum lectern_db_code)lectern_read_number(&r, 1);
}

void lec_db_rows_error(lua_State *L, const char *message, const char *code)
{
    lua_createtable(L, 3, 1);
    lua_pushinteger(L, 3);
    lua_setfield(L, -2, "n");
    lua_pushstring(L, message);
    lua_rawseti(L, -2, 2);
    lua_pushstring(L, code);
    lua_rawseti(L, -2, 3);
}

static void push_failure(lua_State *L, struct lectern_reader *r, enum lectern_db_code code,
                         bool single)
{
    uint32_t n;
    unsigned statement = (unsigned)lectern_read_number(r, 2);
    const char *message = lectern_read_bytes(r, 4, &n);
    lua_pushlstring(L, message, n);
    if (statement > 0 && !single)
        lua_pushfstring(L, "statement %d: %s", (int)statement, lua_tostring(L, -1));
    lec_db_rows_error(L, lua_tostring(L, -1), lec_db_code_word(code));
}

/* Pushes one value. False: Lua has none for it. */
static bool push_value(lua_State *L, const struct lectern_value *v)
{
    switch (v->type) {
    case LECTERN_INTEGER:
        if (v->integer > MAX_EXACT || v->integer < -MAX_EXACT)
            return false;
        lua_pushnumber(L, (lua_Number)v->integer);
        break;
    case LECTERN_REAL:
        lua_pushnumber(L, v->real);
        break;
    case LECTERN_BOOLEAN:
        lua_pushboolean(L, v->integer != 0);
        break;
    case LECTERN_TEXT:
        lua_pushlstring(L, v->text.p, v->text.n);
        break;
    case LECTERN_BLOB:
        lec_value_push_binary(L, v->text.p, v->text.n);
        break;
    default:
        lec_value_push_null(L);
    }
    return true;
}

static void push_list(lua_State *L, int n, int marks)
{
    lua_createtable(L, n, 0);
    lua_pushvalue(L, marks);
    lua_setmetatable(L, -2);
}

/* Pushes the rows of one result; its names, which are pushed once, stand where `names` says. */
static bool push_rows(lua_State *L, struct lectern_reader *r, unsigned columns, int names,
                      int marks, struct fault *fault)
{
    unsigned rows = (unsigned)lectern_read_number(r, 4);
    if (columns == 0 && rows > 0)
        r->bad = true; /* nothing follows that would end */
    push_list(L, rows < 65536 ? (int)rows : 65536, marks);
    for (unsigned i = 1; i <= rows && !r->bad; i++) {
        lua_createtable(L, 0, (int)columns); // list row
        for (unsigned c = 0; c < columns; c++) {
            struct lectern_value v = lectern_read_value(r);
            lua_pushvalue(L, names + (int)c);
            if (!push_value(L, &v)) {
                *fault = (struct fault){ "column %s holds an integer beyond 2^53, which Lua has no "
                                         "number for; cast it to text",
                                         lua_tostring(L, names + (int)c), LECTERN_DB_INVALID };
                return false;
            }
            lua_rawset(L, -3);
        }
        lua_rawseti(L, -2, (int)i);
    }
    return true;
}

/* Pushes rows and the count of what was changed. False with the stack as it happens to be. */
static bool push_result(lua_State *L, struct lectern_reader *r, int marks, struct fault *fault)
{
    double changes = (double)(int64_t)lectern_read_number(r, 8);
    unsigned columns = (unsigned)lectern_read_number(r, 2);
    int names = lua_gettop(L) + 1;
    if (columns > MAX_COLUMNS || !lua_checkstack(L, (int)columns + 8)) {
        *fault = (struct fault){ "a result has too many columns%s", "", LECTERN_DB_TOO_BIG };
        return false;
    }
    for (unsigned c = 0; c < columns; c++) {
        uint32_t n;
        const char *name = lectern_read_bytes(r, 2, &n);
        lua_pushlstring(L, name, n);
    }
    if (!push_rows(L, r, columns, names, marks, fault))
        return false;
    if (columns > 0)
        lua_replace(L, names); // rows names…
    lua_settop(L, names);
    lua_pushnumber(L, changes); // rows changes
    return true;
}

/* { n = 2, rows, changes } */
static bool push_single(lua_State *L, struct lectern_reader *r, int marks, struct fault *fault)
{
    lua_createtable(L, 2, 1);
    lua_pushinteger(L, 2);
    lua_setfield(L, -2, "n");
    if (!push_result(L, r, marks, fault))
        return false;
    lua_rawseti(L, -3, 2);
    lua_rawseti(L, -2, 1);
    return true;
}

/* { n = 1, { rows, …, changes = { … } } } */
static bool push_several(lua_State *L, struct lectern_reader *r, unsigned results, int marks,
                         struct fault *fault)
{
    lua_createtable(L, 1, 1);
    lua_pushinteger(L, 1);
    lua_setfield(L, -2, "n");
    lua_createtable(L, (int)results, 1);
    push_list(L, (int)results, marks); // table list changes
    int list = lua_gettop(L) - 1;
    for (unsigned i = 1; i <= results && !r->bad; i++) {
        if (!push_result(L, r, marks, fault))
            return false;
        lua_rawseti(L, list + 1, (int)i);
        lua_rawseti(L, list, (int)i);
    }
    lua_setfield(L, list, "changes");
    lua_rawseti(L, -2, 1);
    return true;
}

void lec_db_rows_push(lua_State *L, const struct lec_db_rows *rows)
{
    struct lectern_reader r = lectern_read(rows->answer.p, rows->answer.n);
    struct fault fault = { 0 };
    enum lectern_db_code code = (enum lectern_db_code)lectern_read_number(&r, 1);
    luaL_checkstack(L, 16, "rows");
    if (code != LECTERN_DB_OK) {
        push_failure(L, &r, code, rows->single);
        return;
    }
    unsigned results = (unsigned)lectern_read_number(&r, 2);
    int top = lua_gettop(L);
    lec_value_push_array_mt(L);
    bool ok = rows->single ? push_single(L, &r, top + 1, &fault)
                           : push_several(L, &r, results, top + 1, &fault);
    if (ok && r.bad)
        fault = (struct fault){ "the driver's answer breaks off%s", "", LECTERN_DB_UNAVAILABLE };
    if (fault.what) {
        lua_pushfstring(L, fault.what, fault.name);
        lec_db_rows_error(L, lua_tostring(L, -1), lec_db_code_word(fault.code));
    }
}

int lec_db_rows_return(lua_State *L, const struct lec_db_rows *rows)
{
    lec_db_rows_push(L, rows);
    int results = lua_gettop(L);
    lua_getfield(L, results, "n");
    int n = (int)lua_tointeger(L, -1);
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, results, i);
    return n;
}
