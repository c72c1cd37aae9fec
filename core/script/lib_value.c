/* lectern.core: what needs no server: values, time of day, ids, the log. */
#include <string.h>

#include "base/clock.h"
#include "script/task.h"

#define MAX_JSON_TEXT (64u << 20)

/* encode(v) -> text | nil, message, code */
static int l_encode(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_value_limits limits = { LEC_JSON_MAX_DEPTH, 0, MAX_JSON_TEXT };
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (!lec_wire_value(&s->wire, L, 1, &limits)) {
        lua_pushnil(L);
        lua_pushlstring(L, s->wire.error.p, s->wire.error.n);
        lua_pushstring(L, lec_errcode(LEC_EINVAL));
        return 3;
    }
    lua_pushlstring(L, s->wire.json.p, s->wire.json.n);
    return 1;
}

/* decode(text) -> value | nil, message, code */
static int l_decode(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice text;
    struct lec_reader r;
    text.p = luaL_checklstring(L, 1, &text.n);
    lec_reader_init(&r, L, &s->decoded, NULL, 0);
    int err = lec_reader_value(&r, text, LEC_JSON_MAX_DEPTH);
    if (err == LEC_OK)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err == LEC_ETOOBIG ? "the JSON is nested too deep" : "the text is not JSON");
    lua_pushstring(L, lec_errcode(err));
    return 3;
}

/* binary(bytes) */
static int l_binary(lua_State *L)
{
    size_t n;
    if (lua_type(L, 1) != LUA_TSTRING)
        return lec_vm_raise(L, "binary: a string of bytes was expected, not %s",
                            luaL_typename(L, 1));
    const char *p = lua_tolstring(L, 1, &n);
    lec_value_push_binary(L, p, n);
    return 1;
}

/* now() -> seconds, with milliseconds */
static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)lec_clock_ms() / 1000);
    return 1;
}

/* id() -> 20 characters */
static int l_id(lua_State *L)
{
    char id[LEC_ID_LEN + 1];
    lec_ids_next(&lec_script_of(L)->ids, lec_clock_ms(), id);
    lua_pushlstring(L, id, LEC_ID_LEN);
    return 1;
}

static void put_plain(lua_State *L, int index, struct lec_buf *out)
{
    size_t n;
    const char *p;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        p = lua_tolstring(L, index, &n);
        if (n > 0 && !memchr(p, ' ', n) && !memchr(p, '"', n))
            lec_buf_add(out, p, n);
        else if (lec_json_put_string(out, p, n) != LEC_OK)
            lec_buf_adds(out, "(not UTF-8)");
        break;
    case LUA_TNUMBER:
        lec_json_put_number(out, lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        lec_buf_adds(out, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        lec_buf_adds(out, luaL_typename(L, index));
        break;
    }
}

static void put_fields(lua_State *L, int fields, struct lec_buf *out)
{
    lua_pushnil(L);
    while (lua_next(L, fields)) {
        size_t n;
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *name = lua_tolstring(L, -2, &n);
            lec_buf_addc(out, ' ');
            lec_buf_add(out, name, n);
            lec_buf_addc(out, '=');
            put_plain(L, lua_gettop(L), out);
        }
        lua_pop(L, 1);
    }
}

static void write_log(lua_State *L, enum lec_level level, int message, int fields)
{
    struct lec_script *s = lec_script_of(L);
    size_t n;
    const char *p = lua_tolstring(L, message, &n);
    lec_buf_clear(&s->text, 65536);
    lec_buf_add(&s->text, p, n);
    if (fields && lua_istable(L, fields))
        put_fields(L, fields, &s->text);
    lec_log(s->log, level, LEC_CAT_SCRIPT, lec_task_who(s), "%s", lec_buf_str(&s->text));
}

/* log(level, message, fields|nil) */
static int l_log(lua_State *L)
{
    static const char *const names[] = { "error", "warn", "info", "debug", NULL };
    enum lec_level level = (enum lec_level)luaL_checkoption(L, 1, NULL, names);
    if (!lec_log_on(lec_script_of(L)->log, level, LEC_CAT_SCRIPT))
        return 0;
    if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TNUMBER)
        return lec_vm_raise(L, "log: a message was expected, not %s", luaL_typename(L, 2));
    lua_settop(L, 3);
    write_log(L, level, 2, 3);
    return 0;
}

/* print(…): a line of level info */
static int l_print(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_checkstack(L, 2 * n + 4, "too many arguments");
    for (int i = 1; i <= n; i++) {
        lua_getglobal(L, "tostring");
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "tostring must return a string");
        if (i < n)
            lua_pushliteral(L, "\t");
    }
    if (n == 0)
        lua_pushliteral(L, "");
    else
        lua_concat(L, 2 * n - 1);
    write_log(L, LEC_LOG_INFO, lua_gettop(L), 0);
    return 0;
}

void lec_lib_value(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "encode", l_encode }, { "decode", l_decode }, { "binary", l_binary }, { "now", l_now },
        { "id", l_id },         { "log", l_log },       { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
    lec_value_push_array_mt(L);
    lua_setfield(L, -2, "array_mt");
    lec_value_push_null(L);
    lua_setfield(L, -2, "null");
    lua_pushliteral(L, LEC_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushcfunction(L, l_print);
    lua_setglobal(L, "print");
}
