#include "script/db_request.h"

#include <math.h>

#include "base/utf8.h"
#include "db/db.h"
#include "script/value.h"
#include "script/vm.h"

#define MAX_EXACT      9007199254740992.0 /* 2^53 */
#define MAX_PARAMETERS 32766              /* of one statement; what SQLite takes */

static char answer_mark;

void lec_db_push_answer_mark(lua_State *L)
{
    lua_pushlightuserdata(L, &answer_mark);
}

static void put_number(lua_State *L, struct lec_buf *b, double d, int number)
{
    if (!isfinite(d))
        lec_vm_raise(L, "db: parameter %d is no finite number", number);
    if (d == floor(d) && fabs(d) <= MAX_EXACT)
        lec_db_integer(b, (int64_t)d);
    else
        lec_db_real(b, d);
}

static void put_handle(lua_State *L, struct lec_buf *b, int index, int number)
{
    if (!lec_value_is_binary(L, index))
        lec_vm_raise(L, "db: parameter %d is a socket or another handle", number);
    lec_db_blob(b, (struct lec_slice){ lua_touserdata(L, index), lua_objlen(L, index) });
}

/* Adds the value at index as parameter `number`. */
static void put_value(lua_State *L, struct lec_buf *b, int index, int number)
{
    struct lec_slice text;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lec_db_null(b);
        return;
    case LUA_TBOOLEAN:
        lec_db_boolean(b, lua_toboolean(L, index));
        return;
    case LUA_TNUMBER:
        put_number(L, b, lua_tonumber(L, index), number);
        return;
    case LUA_TSTRING:
        text.p = lua_tolstring(L, index, &text.n);
        if (!lec_utf8_valid(text.p, text.n))
            lec_vm_raise(L, "db: parameter %d is no UTF-8 (bytes are lectern.binary)", number);
        lec_db_text(b, text);
        return;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) == &answer_mark)
            lec_db_answer(b);
        else
            lec_db_null(b);
        return;
    case LUA_TUSERDATA:
        put_handle(L, b, index, number);
        return;
    case LUA_TTABLE:
        lec_vm_raise(L, "db: parameter %d is a table; encode it, with lectern.json.encode", number);
        return;
    default:
        lec_vm_raise(L, "db: parameter %d is a %s", number, luaL_typename(L, index));
    }
}

static void put_statement(lua_State *L, struct lec_buf *b, int index, int parameters)
{
    struct lec_slice sql;
    if (lua_type(L, index) != LUA_TSTRING)
        lec_vm_raise(L, "db: a statement is a text, not a %s", luaL_typename(L, index));
    if (parameters > MAX_PARAMETERS)
        lec_vm_raise(L, "db: more than %d parameters", MAX_PARAMETERS);
    sql.p = lua_tolstring(L, index, &sql.n);
    if (!lec_utf8_valid(sql.p, sql.n))
        lec_vm_raise(L, "db: the statement is no UTF-8");
    if (lec_db_statement(b, sql) != LEC_OK)
        lec_vm_raise(L, "db: more than %d statements", UINT16_MAX);
    lec_db_parameters(b, (unsigned)parameters);
}

/* A list { sql, parameters…, n = how many parameters }, which is on top; n counts only if nils are among
 * them. */
static void put_listed(lua_State *L, struct lec_buf *b)
{
    int statement = lua_gettop(L);
    if (!lua_istable(L, statement))
        lec_vm_raise(L, "db: a statement of a list is a table: { sql, parameters… }");
    lua_getfield(L, statement, "n");
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
        lec_vm_raise(L, "db: n is the number of parameters, not a %s", luaL_typename(L, -1));
    double count = lua_isnil(L, -1) ? (double)lua_objlen(L, statement) - 1 : lua_tonumber(L, -1);
    int n = count >= 0 && count <= MAX_PARAMETERS ? (int)count : MAX_PARAMETERS + 1;
    lua_rawgeti(L, statement, 1); // statement n sql
    put_statement(L, b, statement + 2, n);
    lua_settop(L, statement);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, statement, i + 1);
        put_value(L, b, statement + 1, i);
        lua_settop(L, statement);
    }
}

bool lec_db_put_statements(lua_State *L, struct lec_buf *b, int index)
{
    int top = lua_gettop(L);
    if (lua_isnoneornil(L, index))
        return false;
    if (!lua_istable(L, index)) {
        put_statement(L, b, index, top - index);
        for (int i = index + 1; i <= top; i++)
            put_value(L, b, i, i - index);
        return true;
    }
    luaL_checkstack(L, 4, "statements");
    for (int i = 1, n = (int)lua_objlen(L, index); i <= n; i++) {
        lua_rawgeti(L, index, i);
        put_listed(L, b);
        lua_settop(L, top);
    }
    return false;
}
