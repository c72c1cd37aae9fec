#include "script/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/routes.h"
#include "socketio/dynamic.h"

#define MAX_UNKNOWN 32 /* clients choose these names */

struct lec_generation *lec_generation_new(void)
{
    struct lec_generation *g = lec_alloc0(sizeof *g);
    g->refs = 1;
    g->functions = LUA_NOREF;
    return g;
}

void lec_generation_ref(struct lec_generation *g)
{
    g->refs++;
}

static void free_list(struct lec_handler *h)
{
    while (h) {
        struct lec_handler *next = h->next;
        free(h);
        h = next;
    }
}

static void free_handlers(struct lec_handlers *n)
{
    struct lec_handler *h;
    for (size_t pos = 0; (h = lec_map_next(&n->events, &pos)) != NULL;)
        free(h);
    lec_map_fini(&n->events);
    free_list(n->connect);
    free_list(n->connected);
    free_list(n->disconnect);
    free_list(n->refreshed);
    free_list(n->any);
    free_list(n->any_outgoing);
    free(n->name);
    free(n);
}

void lec_generation_unref(struct lec_script *s, struct lec_generation *g)
{
    struct lec_handlers *n;
    if (!g || --g->refs > 0)
        return;
    luaL_unref(s->vm.L, LUA_REGISTRYINDEX, g->functions);
    for (size_t pos = 0; (n = lec_map_next(&g->namespaces, &pos)) != NULL;)
        free_handlers(n);
    lec_map_fini(&g->namespaces);
    for (size_t i = 0; i < g->n_patterns; i++)
        free((char *)g->patterns[i].p);
    free(g->patterns);
    free_list(g->start);
    free_list(g->stop);
    lec_routes_free(g);
    char *name;
    for (size_t pos = 0; (name = lec_map_next(&g->unknown, &pos)) != NULL;)
        free(name);
    lec_map_fini(&g->unknown);
    free(g);
}

bool lec_generation_meet(struct lec_generation *g, struct lec_slice event)
{
    if (g->unknown.count >= MAX_UNKNOWN || lec_map_get(&g->unknown, event))
        return false;
    char *name = lec_strndup(event.p, event.n);
    lec_map_put(&g->unknown, (struct lec_slice){ name, event.n }, name);
    return true;
}

struct lec_handlers *lec_generation_find(const struct lec_generation *g,
                                         const struct sio_namespace *nsp)
{
    struct lec_slice pattern = sio_namespace_pattern(nsp);
    if (!g)
        return NULL;
    return lec_map_get(&g->namespaces, pattern.n > 0 ? pattern : sio_namespace_name(nsp));
}

struct lec_handlers *lec_generation_named(const struct lec_generation *g,
                                          const struct sio_server *io, struct lec_slice name)
{
    struct lec_handlers *handlers = lec_map_get(&g->namespaces, name);
    return handlers ? handlers : lec_map_get(&g->namespaces, sio_server_match(io, name));
}

void lec_handler_push(lua_State *L, const struct lec_handler *h)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->generation->functions);
    lua_rawgeti(L, -1, h->index);
    lua_remove(L, -2);
}

/* Element 0 of the functions table tells the files of functions meanwhile. */
struct lec_handler *lec_generation_take(struct lec_generation *g, lua_State *L, const char *between,
                                        struct lec_slice name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->functions); // function functions
    lua_rawgeti(L, -1, 0);
    lua_pushvalue(L, -3);
    lua_rawget(L, -2); // function functions files file
    const char *file = lua_isstring(L, -1) ? lua_tostring(L, -1) : "";
    lua_pop(L, 2); // the file's name stays in files
    lua_insert(L, -2);
    lua_rawseti(L, -2, g->count + 1);
    lua_pop(L, 1);
    size_t before = strlen(file) + strlen(between);
    struct lec_handler *h = lec_alloc0(sizeof *h + before + name.n + 1);
    h->generation = g;
    h->index = ++g->count;
    h->event = before;
    snprintf(h->what, before + 1, "%s%s", file, between);
    memcpy(h->what + before, name.p, name.n);
    return h;
}

static struct lec_handler *take(struct lec_generation *g, lua_State *L, struct lec_slice event)
{
    return lec_generation_take(g, L, " on_", event);
}

/* Takes the list of functions on top, in order, and pops it. */
static void take_list(struct lec_generation *g, lua_State *L, struct lec_handler **list,
                      const char *event)
{
    int n = lua_istable(L, -1) ? (int)lua_objlen(L, -1) : 0;
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        *list = take(g, L, lec_slice_str(event));
        list = &(*list)->next;
    }
    lua_pop(L, 1);
}

static struct lec_handlers *of(struct lec_generation *g, const char *name)
{
    struct lec_handlers *n = lec_map_get(&g->namespaces, lec_slice_str(name));
    if (n)
        return n;
    n = lec_alloc0(sizeof *n);
    n->name = lec_strndup(name, strlen(name));
    lec_map_put(&g->namespaces, lec_slice_str(n->name), n);
    return n;
}

static void take_events(struct lec_generation *g, lua_State *L, struct lec_handlers *n)
{
    lua_pushnil(L);           // events key
    while (lua_next(L, -2)) { // events key function
        struct lec_slice event;
        event.p = lua_tolstring(L, -2, &event.n);
        struct lec_handler *h = take(g, L, event);
        lec_map_put(&n->events, (struct lec_slice){ lec_handler_event(h), event.n }, h);
    }
}

/* Takes the list of patterns on top, in order, and pops it. */
static void take_patterns(struct lec_generation *g, lua_State *L)
{
    size_t n = lua_istable(L, -1) ? lua_objlen(L, -1) : 0;
    if (n > 0)
        g->patterns = lec_alloc(n * sizeof *g->patterns);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        struct lec_slice text = lec_slice_str(lua_tostring(L, -1));
        g->patterns[g->n_patterns++] = (struct lec_slice){ lec_strndup(text.p, text.n), text.n };
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void lec_generation_fill(struct lec_generation *g, lua_State *L)
{
    static const char *const kinds[] = { "events",          "connect", "connected",   "disconnect",
                                         "token_refreshed", "any",     "any_outgoing" };
    luaL_checkstack(L, 12, "handlers");
    lua_newtable(L);
    lua_getfield(L, -2, "files");
    lua_rawseti(L, -2, 0);
    g->functions = luaL_ref(L, LUA_REGISTRYINDEX);
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        lua_getfield(L, -1, kinds[kind]); // result by_namespace
        lua_pushnil(L);
        while (lua_next(L, -2)) { // result by_namespace name value
            struct lec_handlers *n = of(g, lua_tostring(L, -2));
            if (kind == 0) {
                take_events(g, L, n);
                lua_pop(L, 1);
            } else if (kind == 1) {
                n->connect = take(g, L, LEC_SLICE("connect"));
            } else {
                struct lec_handler **const lists[] = { &n->connected, &n->disconnect, &n->refreshed,
                                                       &n->any, &n->any_outgoing };
                take_list(g, L, lists[kind - 2], kinds[kind]);
                g->hears_outgoing = g->hears_outgoing || n->any_outgoing;
            }
        }
        lua_pop(L, 1);
    }
    lua_getfield(L, -1, "patterns");
    take_patterns(g, L);
    lua_getfield(L, -1, "start");
    take_list(g, L, &g->start, "start");
    lua_getfield(L, -1, "stop");
    take_list(g, L, &g->stop, "stop");
    lua_getfield(L, -1, "routes");
    lec_routes_fill(g, L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->functions);
    lua_pushnil(L);
    lua_rawseti(L, -2, 0);
    lua_pop(L, 1);
}
