/* JSON and attachments -> Lua values. May raise at any push; it owns nothing. */
#include "script/value.h"

#include <lauxlib.h>
#include <string.h>

#include "script/vm.h"

#define BINARY_MARK "_placeholder"

static int push_next(struct lec_reader *r, struct lec_json *j);

static int binary_length(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)lua_objlen(L, 1));
    return 1;
}

static int binary_text(lua_State *L)
{
    lua_getmetatable(L, 1);
    if (lua_topointer(L, -1) != lec_vm_of(L)->binary_mt_at)
        return luaL_error(L, "lectern.binary expected");
    lua_pushlstring(L, lua_touserdata(L, 1), lua_objlen(L, 1));
    return 1;
}

void lec_value_open(lua_State *L)
{
    struct lec_vm *vm = lec_vm_of(L);
    lua_newtable(L); // array_mt
    vm->array_mt_at = lua_topointer(L, -1);
    vm->array_mt = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_newtable(L); // binary_mt
    lua_pushcfunction(L, binary_length);
    lua_setfield(L, -2, "__len");
    lua_pushcfunction(L, binary_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    vm->binary_mt_at = lua_topointer(L, -1);
    vm->binary_mt = luaL_ref(L, LUA_REGISTRYINDEX);
}

void lec_value_push_array_mt(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, lec_vm_of(L)->array_mt);
}

void lec_value_push_binary(lua_State *L, const void *bytes, size_t n)
{
    void *copy = lua_newuserdata(L, n);
    if (n > 0)
        memcpy(copy, bytes, n);
    lua_rawgeti(L, LUA_REGISTRYINDEX, lec_vm_of(L)->binary_mt);
    lua_setmetatable(L, -2);
}

bool lec_value_is_binary(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    bool is_one = lua_topointer(L, -1) == lec_vm_of(L)->binary_mt_at;
    lua_pop(L, 1);
    return is_one;
}

void lec_reader_init(struct lec_reader *r, lua_State *L, struct lec_buf *scratch,
                     struct lec_msg *const *attachments, unsigned n)
{
    luaL_checkstack(L, (int)n + 8, "too many attachments");
    *r = (struct lec_reader){ L, scratch, lua_gettop(L) + 1, n };
    lec_value_push_array_mt(L);
    /* one copy each, however many placeholders name it */
    for (unsigned i = 0; i < n; i++) {
        struct lec_slice bytes = lec_msg_payload(attachments[i]);
        lec_value_push_binary(L, bytes.p, bytes.n);
    }
}

static void push_text(struct lec_reader *r, const struct lec_json_token *t)
{
    if (!t->escaped) {
        lua_pushlstring(r->L, t->text.p, t->text.n);
        return;
    }
    lec_buf_clear(r->scratch, 65536);
    lec_json_string(r->scratch, t);
    lua_pushlstring(r->L, r->scratch->p ? r->scratch->p : "", r->scratch->n);
}

/* The table on top is {"_placeholder":true,"num":n}: puts the attachment in its place. */
static void replace_placeholder(struct lec_reader *r)
{
    lua_State *L = r->L;
    lua_pushliteral(L, BINARY_MARK);
    lua_rawget(L, -2);
    lua_pushliteral(L, "num");
    lua_rawget(L, -3); // table mark num
    double n = lua_tonumber(L, -1);
    bool is_mark = lua_isboolean(L, -2) && lua_toboolean(L, -2) && lua_type(L, -1) == LUA_TNUMBER;
    lua_pop(L, 2);
    if (!is_mark || n < 0 || n >= r->n_binaries)
        return;
    lua_pop(L, 1);
    lua_pushvalue(L, r->marks + 1 + (int)n);
}

static int push_object(struct lec_reader *r, struct lec_json *j)
{
    lua_State *L = r->L;
    struct lec_json_token t;
    int err;
    bool marked = false;
    luaL_checkstack(L, 6, "nested too deep");
    lua_createtable(L, 0, 4); // table
    while ((err = lec_json_next(j, &t)) == LEC_OK && t.kind != LEC_JSON_OBJECT_END) {
        marked = marked || t.text.n == sizeof BINARY_MARK - 1;
        push_text(r, &t);      // table key
        err = push_next(r, j); // table key value
        if (err != LEC_OK)
            return err;
        lua_rawset(L, -3);
    }
    if (marked && r->n_binaries > 0)
        replace_placeholder(r);
    return err;
}

static int push_token(struct lec_reader *r, struct lec_json *j, const struct lec_json_token *t);

static int push_array(struct lec_reader *r, struct lec_json *j)
{
    lua_State *L = r->L;
    struct lec_json_token t;
    int err, i = 0;
    luaL_checkstack(L, 6, "nested too deep");
    lua_newtable(L); // table
    while ((err = lec_json_next(j, &t)) == LEC_OK && t.kind != LEC_JSON_ARRAY_END) {
        err = push_token(r, j, &t); // table value
        if (err != LEC_OK)
            return err;
        lua_rawseti(L, -2, ++i);
    }
    lua_pushvalue(L, r->marks);
    lua_setmetatable(L, -2);
    return err;
}

static int push_token(struct lec_reader *r, struct lec_json *j, const struct lec_json_token *t)
{
    lua_State *L = r->L;
    switch (t->kind) {
    case LEC_JSON_OBJECT:
        return push_object(r, j);
    case LEC_JSON_ARRAY:
        return push_array(r, j);
    case LEC_JSON_STRING:
        push_text(r, t);
        return LEC_OK;
    case LEC_JSON_NUMBER:
        lua_pushnumber(L, lec_json_number(t));
        return LEC_OK;
    case LEC_JSON_TRUE:
    case LEC_JSON_FALSE:
        lua_pushboolean(L, t->kind == LEC_JSON_TRUE);
        return LEC_OK;
    case LEC_JSON_NULL:
        lec_value_push_null(L);
        return LEC_OK;
    case LEC_JSON_END:
    case LEC_JSON_OBJECT_END:
    case LEC_JSON_ARRAY_END:
    case LEC_JSON_KEY:
        break;
    }
    return LEC_EPROTO;
}

static int push_next(struct lec_reader *r, struct lec_json *j)
{
    struct lec_json_token t;
    int err = lec_json_next(j, &t);
    return err != LEC_OK ? err : push_token(r, j, &t);
}

int lec_reader_value(struct lec_reader *r, struct lec_slice json, unsigned max_depth)
{
    struct lec_json j;
    struct lec_json_token t;
    int top = lua_gettop(r->L);
    lec_json_init(&j, json, max_depth);
    int err = push_next(r, &j);
    if (err == LEC_OK)
        err = lec_json_next(&j, &t);
    if (err != LEC_OK)
        lua_settop(r->L, top);
    return err;
}

int lec_reader_elements(struct lec_reader *r, struct lec_slice json, int skip, int max)
{
    struct lec_json j;
    struct lec_json_token t;
    int top = lua_gettop(r->L), i = 0, n = 0;
    luaL_checkstack(r->L, max + 8, "too many arguments");
    lec_json_init(&j, json, LEC_JSON_MAX_DEPTH);
    int err = lec_json_next(&j, &t);
    if (err == LEC_OK && t.kind != LEC_JSON_ARRAY)
        err = LEC_EPROTO;
    while (err == LEC_OK && (err = lec_json_next(&j, &t)) == LEC_OK &&
           t.kind != LEC_JSON_ARRAY_END) {
        if (i++ < skip) {
            if (t.kind == LEC_JSON_OBJECT || t.kind == LEC_JSON_ARRAY)
                err = lec_json_skip(&j);
        } else if (++n > max) {
            err = LEC_ETOOBIG;
        } else {
            err = push_token(r, &j, &t);
        }
    }
    if (err == LEC_OK)
        return n;
    lua_settop(r->L, top);
    return err;
}
