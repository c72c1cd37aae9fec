/* lectern.core: requests to other servers. The running task waits for the answer; if it is cancelled,
 * so is the request. */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "net/fetch.h"
#include "script/task.h"

#define MAX_LINES     100 /* headers of a request */
#define MAX_SECONDS   3600
#define MAX_REDIRECTS 5 /* of GET and HEAD; what changes something is not sent twice */

/* --- the answer ---------------------------------------------------------------------------- */

/* One that is under way. Owner: itself, until it is answered or forgotten. */
struct asking {
    struct lec_wait wait;
    struct lec_task *task;
    struct lec_fetch *fetch;
};

struct outcome {
    const struct lec_fetch_result *result;
    int results; /* registry reference */
};

static void free_asking(struct asking *a)
{
    a->task->script->n_fetches--;
    free(a);
}

static void forget(struct lec_wait *w)
{
    struct asking *a = LEC_CONTAINER(w, struct asking, wait);
    lec_fetch_cancel(a->fetch);
    free_asking(a);
}

/* Pushes { name = value }; what comes several times is joined as RFC 9110, 5.3 has it. */
static void push_headers(lua_State *L, struct lec_slice headers)
{
    struct lec_slice name, value;
    lua_newtable(L);
    for (size_t pos = 0; lec_fields_next(headers, &pos, &name, &value);) {
        lua_pushlstring(L, name.p, name.n); // headers name
        lua_pushvalue(L, -1);
        lua_rawget(L, -3); // headers name value|nil
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushlstring(L, value.p, value.n);
        } else {
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, value.p, value.n);
            lua_concat(L, 3);
        }
        lua_rawset(L, -3);
    }
}

/* Makes the results table: { n = 1, { status, headers, body } } or { n = 3, nil, message, code }. */
static void make_results(lua_State *L, const struct lec_fetch_result *r)
{
    lua_createtable(L, 3, 1); // results
    lua_pushinteger(L, r->err == LEC_OK ? 1 : 3);
    lua_setfield(L, -2, "n");
    if (r->err != LEC_OK) {
        lua_pushstring(L, r->why);
        lua_rawseti(L, -2, 2);
        lua_pushstring(L, r->err == LEC_EDENIED ? "forbidden" : lec_errcode(r->err));
        lua_rawseti(L, -2, 3);
        return;
    }
    lua_createtable(L, 0, 3); // results answer
    lua_pushinteger(L, (lua_Integer)r->status);
    lua_setfield(L, -2, "status");
    push_headers(L, r->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, r->body.p ? r->body.p : "", r->body.n);
    lua_setfield(L, -2, "body");
    lua_rawseti(L, -2, 1);
}

static int keep_results(lua_State *L)
{
    struct outcome *o = lua_touserdata(L, 1);
    make_results(L, o->result);
    o->results = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void on_fetched(void *ctx, const struct lec_fetch_result *result)
{
    static const struct lec_fetch_result no_memory = {
        .err = LEC_ETOOBIG, .why = "the answer does not fit into the memory of scripts"
    };
    struct asking *a = ctx;
    struct lec_task *t = a->task;
    struct lec_script *s = t->script;
    struct outcome o = { result, LUA_NOREF };
    free_asking(a);
    s->counters->fetches_failed += result->err != LEC_OK;
    if (!lec_script_protected(s, t->what, keep_results, &o)) {
        o.result = &no_memory;
        lec_script_protected(s, t->what, keep_results, &o);
    }
    lec_task_wake(t, o.results);
}

/* --- the request --------------------------------------------------------------------------- */

static bool is_token(const char *p, size_t n)
{
    static const char marks[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(marks, c))))
            return false;
    }
    return n > 0;
}

/* Pushes the line of the header whose name and value are on top, in place of the value. */
static void push_line(lua_State *L)
{
    size_t n, m;
    if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
        lec_vm_raise(L, "http.request: headers are texts by name");
    const char *name = lua_tolstring(L, -2, &n), *value = lua_tolstring(L, -1, &m);
    if (!is_token(name, n) || strcasecmp(name, "content-length") == 0 ||
        strcasecmp(name, "transfer-encoding") == 0)
        lec_vm_raise(L, "http.request: the header \"%s\" cannot be set", name);
    for (size_t i = 0; i < m; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            lec_vm_raise(L, "http.request: the header \"%s\" holds a control character", name);
    /* The library takes "name:" for the wish to leave a header out. */
    lua_pushfstring(L, m > 0 ? "%s: %s" : "%s;", name, value);
    lua_replace(L, -2);
}

/* The lines of the table at index as libcurl wants them. Leaves two values on the stack, which own
 * them. */
static const char *const *lines_at(lua_State *L, int index)
{
    int count = 0;
    lua_createtable(L, 8, 0); // lines
    int lines = lua_gettop(L);
    lua_pushnil(L);
    while (!lua_isnoneornil(L, index) && lua_next(L, index)) {
        push_line(L); // lines key line
        if (count == MAX_LINES)
            lec_vm_raise(L, "http.request: more than %d headers", MAX_LINES);
        lua_rawseti(L, lines, ++count);
    }
    lua_settop(L, lines);
    const char **list = lua_newuserdata(L, ((size_t)count + 1) * sizeof *list); // lines list
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, lines, i + 1);
        list[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    list[count] = NULL;
    return list;
}

static unsigned timeout_at(lua_State *L, int index)
{
    double seconds = luaL_optnumber(L, index, 0);
    if (lua_isnoneornil(L, index))
        return (unsigned)lec_script_of(L)->cfg->http_client_timeout;
    if (!(seconds >= 0.001 && seconds <= MAX_SECONDS))
        lec_vm_raise(L, "http.request: timeout: seconds expected, at least 0.001 and at most %d",
                     MAX_SECONDS);
    return (unsigned)(seconds * 1000 + 0.5);
}

/* Returns at once: what resumes a task with these results. */
static int refuse(lua_State *L, int err, const char *why)
{
    const struct lec_fetch_result result = { .err = err, .why = why };
    lua_pushnil(L);
    make_results(L, &result);
    return 2;
}

/* http_request(method, url, headers|nil, body|nil, seconds|nil, untrusted|nil): behind
 * lua/lectern/wait.lua */
static int l_http_request(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "http.request");
    struct lec_script *s = t->script;
    size_t url_len;
    struct lec_fetch_request r = {
        .method = luaL_checkstring(L, 1),
        .url = luaL_checklstring(L, 2, &url_len),
        .timeout_ms = timeout_at(L, 5),
        .max_bytes = s->cfg->http_client_max_bytes,
        .untrusted = lua_toboolean(L, 6),
    };
    if (!lua_isnoneornil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    if (!lua_isnoneornil(L, 4))
        r.body.p = luaL_checklstring(L, 4, &r.body.n);
    if (!is_token(r.method, strlen(r.method)))
        lec_vm_raise(L, "http.request: \"%s\" is no method", r.method);
    if (strcmp(r.method, "GET") == 0 || strcmp(r.method, "HEAD") == 0)
        r.redirects = MAX_REDIRECTS;
    r.headers = lines_at(L, 3);
    if (t->cancelled && !t->detached) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (s->n_fetches >= s->cfg->http_client_max_requests)
        return refuse(L, LEC_EFULL, "too many requests are under way (http.client_max_requests)");
    struct asking *a = lec_alloc0(sizeof *a);
    a->wait.forget = forget;
    a->task = t;
    /* An address that ends sooner for the library than for Lua could pass a handler's checks. */
    if (strlen(r.url) != url_len ||
        lec_fetch_start(lec_server_fetcher(s->server), &r, on_fetched, a, &a->fetch) != LEC_OK) {
        free(a);
        return refuse(L, LEC_EINVAL, "no http:// or https:// address that can be asked");
    }
    s->n_fetches++;
    s->counters->fetches++;
    return lec_task_wait(L, t, &a->wait);
}

void lec_lib_http(lua_State *L)
{
    lua_pushcfunction(L, l_http_request);
    lua_setfield(L, -2, "http_request");
}
