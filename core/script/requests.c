#include "script/requests.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fields.h"
#include "base/id.h"
#include "base/percent.h"
#include "base/utf8.h"
#include "script/routes.h"
#include "script/task.h"
#include "server/request.h"

/* --- routes --------------------------------------------------------------------------------- */

/* A route is held by holding its generation. */
static int route(void *ctx, enum lec_method method, struct lec_slice path, struct lec_route *out)
{
    struct lec_script *s = ctx;
    const struct lec_route_entry *e = NULL;
    struct lec_buf allow = { 0 };
    *out = (struct lec_route){ 0 };
    if (!s->now)
        return LEC_ENOTFOUND;
    int rc = lec_routes_find(s->now, method, path, &e, &allow);
    if (rc == LEC_OK) {
        lec_generation_ref(s->now);
        out->route = e;
        out->is_public = e->is_public;
    } else {
        snprintf(out->allow, sizeof out->allow, "%s", lec_buf_str(&allow));
    }
    lec_buf_fini(&allow);
    return rc;
}

static void forget_route(void *ctx, const void *route)
{
    const struct lec_route_entry *e = route;
    lec_generation_unref(ctx, e->handler->generation);
}

/* --- what Lua gets --------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *name, struct lec_slice text)
{
    lua_pushlstring(L, text.p ? text.p : "", text.n);
    lua_setfield(L, -2, name);
}

static void set_string(lua_State *L, const char *name, const char *text)
{
    if (text)
        set_text(L, name, lec_slice_str(text));
}

/* Appends the text with %41 as A and, in a query, + as a space. False: the result is no UTF-8. */
static bool decode(struct lec_buf *out, struct lec_slice text)
{
    lec_buf_clear(out, 65536);
    for (size_t i = 0; i < text.n; i++) {
        int byte = text.p[i] == '%' ? lec_percent_byte(text, i) : -1;
        if (byte >= 0) {
            lec_buf_addc(out, (char)byte);
            i += 2;
        } else {
            lec_buf_addc(out, text.p[i] == '+' ? ' ' : text.p[i]);
        }
    }
    return lec_utf8_valid(out->p ? out->p : "", out->n);
}

/* Pushes { name = value }, the last of a name; of what is no UTF-8 nothing, and *ok is false. */
static void push_query(lua_State *L, struct lec_slice query, struct lec_buf *scratch, bool *ok)
{
    lua_newtable(L);
    while (query.n > 0) {
        struct lec_slice pair = lec_slice_shift(&query, '&');
        const char *is = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
        size_t n = is ? (size_t)(is - pair.p) : pair.n;
        if (pair.n == 0)
            continue;
        *ok = decode(scratch, (struct lec_slice){ pair.p, n }) && *ok;
        lua_pushlstring(L, scratch->n > 0 ? scratch->p : "", scratch->n);
        struct lec_slice value = { is ? is + 1 : pair.p + n, is ? pair.n - n - 1 : 0 };
        *ok = decode(scratch, value) && *ok;
        lua_pushlstring(L, scratch->n > 0 ? scratch->p : "", scratch->n);
        lua_rawset(L, -3);
    }
}

static void push_fields(lua_State *L, struct lec_slice fields)
{
    struct lec_slice name, value;
    lua_newtable(L);
    for (size_t pos = 0; lec_fields_next(fields, &pos, &name, &value);) {
        lua_pushlstring(L, name.p, name.n);
        lua_pushlstring(L, value.p, value.n);
        lua_rawset(L, -3);
    }
}

static const char *method_name(const struct lec_request *r)
{
    static const char *const names[] = { "GET",   "HEAD",   "POST",    "PUT",
                                         "PATCH", "DELETE", "OPTIONS", "?" };
    return names[r->method];
}

/* Pushes the claims of a token, as a socket's user: with their id as `id`. */
static void push_user(lua_State *L, struct lec_script *s, const struct lec_peer *peer)
{
    struct lec_reader reader;
    lec_reader_init(&reader, L, &s->decoded, NULL, 0);
    if (lec_reader_value(&reader, lec_slice_str(peer->claims), LEC_JSON_MAX_DEPTH) != LEC_OK)
        lua_newtable(L);
    lua_remove(L, -2); /* the reader's */
    lua_pushstring(L, peer->id);
    lua_setfield(L, -2, "id");
}

/* Pushes what calls and routes have in common. */
static void push_request(lua_State *L, struct lec_script *s, const struct lec_request *r)
{
    lua_createtable(L, 0, 16);
    set_string(L, "method", method_name(r));
    set_string(L, "id", r->id);
    set_text(L, "body", r->body);
    set_string(L, "address", r->address);
    if (r->caller.peer || r->caller.key_id)
        set_string(L, "caller", r->caller.name);
    if (r->caller.peer) {
        push_user(L, s, r->caller.peer);
        lua_setfield(L, -2, "user");
    }
    if (r->caller.key_id) {
        lua_createtable(L, 0, 2);
        set_string(L, "id", r->caller.key_id);
        set_string(L, "name", r->caller.key_name);
        lua_setfield(L, -2, "key");
    }
    set_string(L, "functions", r->caller.functions);
    if (r->key.n > 0) {
        set_text(L, "idempotency_key", r->key);
        set_string(L, "hash", r->hash);
    }
}

struct preparing {
    struct lec_script *script;
    struct lec_request *request;
};

static int prepare(lua_State *L, void *ud)
{
    const struct preparing *p = ud;
    const struct lec_request *r = p->request;
    struct lec_script *s = p->script;
    const struct lec_route_entry *e = r->route;
    bool ok = true;
    lua_settop(L, 0);
    luaL_checkstack(L, 20, "a request");
    lua_rawgeti(L, LUA_REGISTRYINDEX, e ? s->on_route : s->on_call);
    push_request(L, s, r);
    if (!e) {
        set_text(L, "name", r->name);
        return 2;
    }
    set_text(L, "path", r->path);
    set_text(L, "query_string", r->query);
    push_query(L, r->query, &s->decoded, &ok);
    lua_setfield(L, -2, "query");
    push_fields(L, r->headers);
    lua_setfield(L, -2, "headers");
    ok = lec_routes_push_params(L, e, r->path, &s->decoded) && ok;
    lua_setfield(L, -2, "params");
    if (!ok)
        set_string(L, "fault", "the address is not UTF-8");
    lec_handler_push(L, e->handler);
    return 3;
}

/* --- what it answers -------------------------------------------------------------------------- */

static struct lec_slice text_at(lua_State *L, int index)
{
    struct lec_slice text = { "", 0 };
    if (lua_type(L, index) == LUA_TSTRING)
        text.p = lua_tolstring(L, index, &text.n);
    return text;
}

/* Results: status, type|nil, header lines|nil, body|nil. */
static void done(struct lec_task *t, lua_State *L, int n)
{
    (void)n;
    lua_settop(L, 5);
    if (lua_type(L, 2) != LUA_TNUMBER)
        luaL_error(L, "no status was returned");
    lec_request_answer(
        t->ctx,
        &(struct lec_answer){ .status = (unsigned)lua_tointeger(L, 2),
                              .type = lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : NULL,
                              .headers = text_at(L, 4),
                              .body = text_at(L, 5) });
}

static void failed(struct lec_task *t, const char *id)
{
    lec_request_fail(t->ctx, 500, "internal_error", "internal error", id);
}

static void over(struct lec_task *t)
{
    struct lec_request *r = t->ctx;
    if (r->route)
        forget_route(t->script, r->route);
    r->script = NULL;
    lec_request_done(r);
}

static void on_request(void *ctx, struct lec_request *r)
{
    static const struct lec_task_type type = { .done = done, .failed = failed, .over = over };
    struct lec_script *s = ctx;
    const struct lec_route_entry *e = r->route;
    struct preparing p = { s, r };
    struct lec_task *t =
        lec_task_new(s, &type, NULL, e ? e->handler : NULL, e ? e->handler->what : r->label);
    if (!t) {
        lec_request_fail(r, 500, "internal_error", "internal error", NULL);
        if (e)
            forget_route(s, e);
        lec_request_done(r);
        return;
    }
    t->ctx = r;
    t->who = lec_request_who(r);
    r->script = t;
    lec_task_start(t, prepare, &p);
}

static void on_request_over(void *ctx, struct lec_request *r)
{
    (void)ctx;
    if (r->script)
        lec_task_cancel(r->script);
}

void lec_requests_hook(struct lec_hooks *hooks)
{
    hooks->route = route;
    hooks->forget_route = forget_route;
    hooks->on_request = on_request;
    hooks->on_request_over = on_request_over;
}

/* --- Lua's side ---------------------------------------------------------------------------------- */

static int keep_function(lua_State *L, const char *module)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "serve");
    lua_remove(L, -2);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void lec_requests_open(lua_State *L, struct lec_script *s)
{
    s->on_call = keep_function(L, "lectern.api");
    s->on_route = keep_function(L, "lectern.routes");
}

/* Whether a text is JSON with at most `max` values. */
static int count_values(struct lec_slice text, unsigned max_depth, uint64_t max)
{
    struct lec_json j;
    struct lec_json_token t;
    uint64_t n = 0;
    int rc;
    lec_json_init(&j, text, max_depth);
    while ((rc = lec_json_next(&j, &t)) == LEC_OK && t.kind != LEC_JSON_END) {
        bool is_value =
            t.kind != LEC_JSON_OBJECT_END && t.kind != LEC_JSON_ARRAY_END && t.kind != LEC_JSON_KEY;
        if (is_value && ++n > max)
            return LEC_EFULL;
    }
    return rc;
}

static int refuse_body(lua_State *L, int rc)
{
    struct lec_script *s = lec_script_of(L);
    lua_pushnil(L);
    if (rc == LEC_EFULL)
        lua_pushfstring(L, "the body has more than %d values (api.max_values)",
                        (int)s->cfg->api_max_values);
    else if (rc == LEC_ETOOBIG)
        lua_pushfstring(L, "the body is nested deeper than %d (max_json_depth)",
                        (int)s->cfg->max_json_depth);
    else
        lua_pushliteral(L, "the body is not JSON");
    lua_pushstring(L, rc == LEC_EFULL || rc == LEC_ETOOBIG ? "too_big" : "invalid");
    return 3;
}

/* decode_body(text) -> value | nil, message, code: JSON within the bounds of calls */
static int l_decode_body(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice text;
    struct lec_reader reader;
    text.p = luaL_checklstring(L, 1, &text.n);
    int rc = count_values(text, (unsigned)s->cfg->max_json_depth, s->cfg->api_max_values);
    if (rc == LEC_OK) {
        lec_reader_init(&reader, L, &s->decoded, NULL, 0);
        rc = lec_reader_value(&reader, text, (unsigned)s->cfg->max_json_depth);
    }
    return rc == LEC_OK ? 1 : refuse_body(L, rc);
}

/* traceback(error) -> text with a traceback; the mark of a cancelled task stays as it is. For xpcall. */
static int l_traceback(lua_State *L)
{
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, lec_script_of(L)->cancelled);
    if (lua_rawequal(L, 1, 2)) {
        lua_settop(L, 1);
        return 1;
    }
    lua_settop(L, 1);
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
        if (lua_type(L, 2) == LUA_TSTRING)
            lua_replace(L, 1);
    }
    const char *message = lua_tostring(L, 1);
    if (!message)
        message = lua_pushfstring(L, "a %s was raised without a message", luaL_typename(L, 1));
    luaL_traceback(L, L, message, 1);
    return 1;
}

/* failed(what, text) -> id: logs a failure that does not end its task */
static int l_failed(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    char id[LEC_ID_LEN + 1];
    const char *what = luaL_checkstring(L, 1), *text = luaL_checkstring(L, 2);
    lec_id_make(id);
    id[LEC_CRASH_ID] = '\0';
    s->counters->handler_errors++;
    lec_log(s->log, LEC_LOG_ERROR, LEC_CAT_SCRIPT, lec_task_who(s), "%s failed, id %s: %s", what,
            id, text);
    lua_pushstring(L, id);
    return 1;
}

void lec_lib_request(lua_State *L)
{
    lua_pushcfunction(L, l_traceback);
    lua_setfield(L, -2, "traceback");
    lua_pushcfunction(L, l_failed);
    lua_setfield(L, -2, "failed");
    lua_pushcfunction(L, l_decode_body);
    lua_setfield(L, -2, "decode_body");
}
