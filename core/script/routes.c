#include "script/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/percent.h"
#include "base/utf8.h"

static const char *const methods[] = {
    [LEC_GET] = "GET",     [LEC_HEAD] = "HEAD",     [LEC_POST] = "POST",       [LEC_PUT] = "PUT",
    [LEC_PATCH] = "PATCH", [LEC_DELETE] = "DELETE", [LEC_OPTIONS] = "OPTIONS",
};
#define N_METHODS (sizeof methods / sizeof methods[0])

/* Takes the next part off a path that begins with a slash; false at its end. */
static bool next_part(struct lec_slice *path, struct lec_slice *part)
{
    if (path->n == 0)
        return false;
    const char *p = path->p + 1;
    size_t n = path->n - 1;
    const char *slash = n > 0 ? memchr(p, '/', n) : NULL;
    *part = (struct lec_slice){ p, slash ? (size_t)(slash - p) : n };
    path->p = p + part->n;
    path->n = n - part->n;
    return true;
}

/* Whether an encoded text stands for the plain one. */
static bool same(struct lec_slice encoded, struct lec_slice plain)
{
    size_t k = 0;
    for (size_t i = 0; i < encoded.n; i++, k++) {
        int byte = encoded.p[i] == '%' ? lec_percent_byte(encoded, i) : (unsigned char)encoded.p[i];
        if (k >= plain.n || byte != (unsigned char)plain.p[k])
            return false;
        if (encoded.p[i] == '%')
            i += 2;
    }
    return k == plain.n;
}

static bool is_parameter(struct lec_slice part)
{
    return part.n > 1 && part.p[0] == ':';
}

static bool matches(const struct lec_route_entry *e, struct lec_slice path)
{
    struct lec_slice part;
    unsigned i = 0;
    for (; next_part(&path, &part); i++)
        if (i == e->n || (is_parameter(e->parts[i]) ? part.n == 0 : !same(part, e->parts[i])))
            return false;
    return i == e->n;
}

static enum lec_method method_of(const char *name)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i], name) == 0)
            return (enum lec_method)i;
    return LEC_METHOD_OTHER;
}

/* In front of the first that is not stronger. */
static void insert(struct lec_generation *g, struct lec_route_entry *e)
{
    struct lec_route_entry **at = &g->routes;
    while (*at && (*at)->strength >= e->strength)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
}

static void take_route(struct lec_generation *g, lua_State *L)
{
    lua_getfield(L, -1, "method");
    lua_getfield(L, -2, "path");
    lua_getfield(L, -3, "public"); // route method path public
    const char *method = lua_tostring(L, -3), *path = lua_tostring(L, -2);
    size_t n = strlen(path);
    struct lec_route_entry *e = lec_alloc0(sizeof *e + n + 1);
    memcpy(e->text, path, n);
    e->method = method_of(method);
    e->is_public = lua_toboolean(L, -1);
    struct lec_slice rest = { e->text, n };
    while (e->n < LEC_ROUTE_PARTS && next_part(&rest, &e->parts[e->n])) {
        if (!is_parameter(e->parts[e->n]))
            e->strength |= 1u << (31 - e->n);
        e->n++;
    }
    insert(g, e);
    lua_pop(L, 3);
    lua_getfield(L, -1, "label"); // "GET /reports/:id"
    struct lec_buf label = { 0 };
    lec_buf_adds(&label, lua_tostring(L, -1));
    lua_pop(L, 1);
    lua_getfield(L, -1, "handler");
    e->handler = lec_generation_take(g, L, " ", lec_buf_slice(&label));
    lec_buf_fini(&label);
}

void lec_routes_fill(struct lec_generation *g, lua_State *L)
{
    int n = lua_istable(L, -1) ? (int)lua_objlen(L, -1) : 0;
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        take_route(g, L);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void lec_routes_free(struct lec_generation *g)
{
    while (g->routes) {
        struct lec_route_entry *e = g->routes;
        g->routes = e->next;
        free(e->handler);
        free(e);
    }
}

static void allow_one(struct lec_buf *allow, unsigned *seen, enum lec_method method)
{
    if (*seen & (1u << method))
        return;
    *seen |= 1u << method;
    lec_buf_printf(allow, "%s%s", allow->n > 0 ? ", " : "", methods[method]);
}

int lec_routes_find(const struct lec_generation *g, enum lec_method method, struct lec_slice path,
                    const struct lec_route_entry **out, struct lec_buf *allow)
{
    const struct lec_route_entry *get = NULL;
    unsigned seen = 0;
    for (const struct lec_route_entry *e = g->routes; e; e = e->next) {
        if (!matches(e, path))
            continue;
        if (e->method == method) {
            *out = e;
            return LEC_OK;
        }
        if (e->method == LEC_GET && !get)
            get = e;
        allow_one(allow, &seen, e->method);
        if (e->method == LEC_GET)
            allow_one(allow, &seen, LEC_HEAD);
    }
    if (method == LEC_HEAD && get) {
        *out = get;
        return LEC_OK;
    }
    if (seen == 0)
        return LEC_ENOTFOUND;
    allow_one(allow, &seen, LEC_OPTIONS);
    return LEC_EDENIED;
}

bool lec_routes_push_params(lua_State *L, const struct lec_route_entry *e, struct lec_slice path,
                            struct lec_buf *scratch)
{
    struct lec_slice part;
    bool ok = true;
    lua_newtable(L);
    for (unsigned i = 0; i < e->n && next_part(&path, &part); i++) {
        if (!is_parameter(e->parts[i]))
            continue;
        lec_buf_clear(scratch, 65536);
        for (size_t k = 0; k < part.n; k++) {
            bool is_encoded = part.p[k] == '%';
            lec_buf_addc(scratch, is_encoded ? (char)lec_percent_byte(part, k) : part.p[k]);
            k += is_encoded ? 2 : 0;
        }
        ok = lec_utf8_valid(scratch->n > 0 ? scratch->p : "", scratch->n) && ok;
        lua_pushlstring(L, e->parts[i].p + 1, e->parts[i].n - 1);
        lua_pushlstring(L, scratch->n > 0 ? scratch->p : "", scratch->n);
        lua_rawset(L, -3);
    }
    return ok;
}
