#include "script/handshake.h"

#include <time.h>

#include "base/fields.h"
#include "base/utf8.h"
#include "script/host.h"
#include "script/value.h"

void lec_push_json(lua_State *L, const char *json)
{
    struct lec_reader r;
    int top = lua_gettop(L);
    lec_reader_init(&r, L, &lec_script_of(L)->decoded, NULL, 0);
    if (!json || lec_reader_value(&r, lec_slice_str(json), LEC_JSON_MAX_DEPTH) != LEC_OK)
        lua_newtable(L);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

static void push_headers(lua_State *L, struct lec_slice headers)
{
    struct lec_slice name, value;
    lua_newtable(L);
    for (size_t pos = 0; lec_fields_next(headers, &pos, &name, &value);) {
        lua_pushlstring(L, value.p, value.n);
        lua_setfield(L, -2, name.p);
    }
}

#define QUERY_PAIRS 1000 /* of a query that handlers see, as in Node's querystring */

/* Sets t[name] = value, with t, name and value on top of the stack, which it pops but for t. A name that
 * comes again has the list of its values, as in Node. */
static void add_pair(lua_State *L)
{
    lua_pushvalue(L, -2);
    lua_rawget(L, -4); /* t name value old */
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_rawset(L, -3);
        return;
    }
    if (!lua_istable(L, -1)) {
        lua_createtable(L, 2, 0); /* t name value old list */
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -2); /* t name value list name list */
        lua_rawset(L, -6);
    }
    lua_insert(L, -2); /* t name list value */
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    lua_pop(L, 2);
}

/* Bytes as text, which JSON can have. */
static void push_text(lua_State *L, struct lec_slice text)
{
    if (text.n == 0 || lec_utf8_valid(text.p, text.n)) {
        lua_pushlstring(L, text.n > 0 ? text.p : "", text.n);
        return;
    }
    struct lec_buf *mended = &lec_script_of(L)->text; /* Lua may raise */
    mended->n = 0;
    lec_utf8_mend(mended, text.p, text.n);
    lua_pushlstring(L, mended->p, mended->n);
}

static void push_query(lua_State *L, const struct eio_handshake *hs, struct lec_buf *scratch)
{
    struct lec_slice name, value;
    size_t pos = 0;
    lua_newtable(L);
    for (int n = 0; n < QUERY_PAIRS; n++) {
        if (!eio_query_next(lec_slice_str(hs->query), &pos, scratch, &name, &value))
            break;
        push_text(L, name);
        push_text(L, value);
        add_pair(L);
    }
}

static void push_time(lua_State *L, int64_t ms)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    lua_pushfstring(L, "%s.%s%dZ", text,
                    ms % 1000 < 10    ? "00"
                    : ms % 1000 < 100 ? "0"
                                      : "",
                    (int)(ms % 1000));
}

void lec_push_handshake(lua_State *L, const struct eio_handshake *hs)
{
    lua_createtable(L, 0, 10);
    push_headers(L, hs->headers);
    lua_setfield(L, -2, "headers");
    push_query(L, hs, &lec_script_of(L)->decoded);
    lua_setfield(L, -2, "query");
    lua_pushstring(L, hs->url);
    lua_setfield(L, -2, "url");
    lua_pushstring(L, hs->address);
    lua_setfield(L, -2, "address");
    lua_pushboolean(L, hs->secure);
    lua_setfield(L, -2, "secure");
    lua_pushboolean(L, hs->xdomain);
    lua_setfield(L, -2, "xdomain");
    if (hs->certificate) {
        lec_push_json(L, hs->certificate);
        lua_setfield(L, -2, "certificate");
    }
    lua_pushnumber(L, (lua_Number)hs->issued_ms);
    lua_setfield(L, -2, "issued");
    push_time(L, hs->issued_ms);
    lua_setfield(L, -2, "time");
}
