#include "script/load.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/describe.h"
#include "script/handle.h"
#include "script/sandbox.h"
#include "script/task.h"
#include "server/plugins.h"
#include "socketio/dynamic.h"
#include "socketio/pattern.h"

#define MAX_ERROR 4096 /* bytes of one failure's text */

struct loading {
    struct lec_script *script;
    struct lec_buf *errors, *report;
    char **files; /* "handlers/x.lua", "plugins/hands/handlers/x.lua" */
    int n_files;
};

static int is_handler_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".lua") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_error(struct lec_buf *errors, const char *text)
{
    if (errors->n > 0)
        lec_buf_addc(errors, '\n');
    lec_buf_printf(errors, "%.*s", MAX_ERROR, text);
}

/* Takes every module of the script directory out of package.loaded; pushes a table of them. */
static void set_aside_modules(lua_State *L)
{
    lua_newtable(L);                                        // aside
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");          // aside loaded
    lua_getfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES); // aside loaded modules
    lua_pushnil(L);
    while (lua_next(L, -2)) { // aside loaded modules name true
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushvalue(L, -1);
        lua_rawget(L, -5); // aside loaded modules name name module
        lua_rawset(L, -6);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, -5);
    }
    lua_pop(L, 2);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES);
}

/* Forgets what was loaded since, and puts back the modules of the table at index. */
static void put_back_modules(lua_State *L, int aside)
{
    set_aside_modules(L);
    lua_pop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES); // loaded modules
    lua_pushnil(L);
    while (lua_next(L, aside)) { // loaded modules name module
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -5); // loaded modules name
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, -4);
    }
    lua_pop(L, 2);
}

/* Pushes what handlers/NAME returns, from package.loaded if another file required it already. */
static int load_handler(lua_State *L)
{
    const char *file = lua_tostring(L, 1); // "handlers/x.lua"
    const char *name = strncmp(file, "plugins/", 8) == 0 ? file + 8 : file;
    size_t n = strlen(name) - 4;
    lua_pushlstring(L, name, n);
    const char *module = luaL_gsub(L, lua_tostring(L, -1), "/", "."); // file base module
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");                    // … loaded
    lua_getfield(L, -1, module);
    if (lua_istable(L, -1))
        return 1;
    lua_pop(L, 1);
    if (lec_vm_load_file(L, file) != 0)
        return lua_error(L);
    lua_pushstring(L, module);
    lua_call(L, 1, 1); // … loaded result
    lua_getfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, module);
    lua_pop(L, 1);
    if (!lua_isnil(L, -1)) {
        lua_pushvalue(L, -1);
        lua_setfield(L, 4, module);
    }
    return 1;
}

/* Pushes the list of { file, module } of the files that loaded. */
static void load_files(lua_State *L, struct loading *l)
{
    lua_newtable(L); // list
    for (int i = 0; i < l->n_files && !l->script->vm.timed_out; i++) {
        lua_pushcfunction(L, load_handler);
        lua_pushstring(L, l->files[i]);
        if (lua_pcall(L, 1, 1, 0) != 0) { // list error
            const char *message = lua_tostring(L, -1);
            lua_pushfstring(L, "%s: %s", l->files[i],
                            message ? message : "raised an error that is no text");
            add_error(l->errors,
                      message && strstr(message, ".lua:") ? message : lua_tostring(L, -1));
            lua_pop(L, 2);
            continue;
        }
        lua_newtable(L); // list module entry
        lua_insert(L, -2);
        lua_setfield(L, -2, "module");
        lua_pushstring(L, l->files[i]);
        lua_setfield(L, -2, "file");
        lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    }
}

/* function -> the name of its first parameter, nil if it has none. */
static int first_parameter(lua_State *L)
{
    lua_pushstring(L, lua_getlocal(L, NULL, 1));
    return 1;
}

/* Pushes the built-in functions, and what describes one. */
static void push_library(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lectern.builtin");
    lua_call(L, 1, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lectern.describe");
    lua_call(L, 1, 1);
    lec_describe_push(L);
    lua_call(L, 2, 1);
}

/* list -> result, with what loader.lua complains of added to errors. */
static void compose(lua_State *L, struct loading *l)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lectern.loader");
    lua_call(L, 1, 1); // list loader
    lua_insert(L, -2);
    lua_pushcfunction(L, first_parameter);
    push_library(L);
    lua_call(L, 4, 2); // result errors
    int n = (int)lua_objlen(L, -1);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        add_error(l->errors, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void write_report(lua_State *L, struct lec_buf *report)
{
    lua_getfield(L, -1, "report");
    int n = (int)lua_objlen(L, -1);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        lec_buf_printf(report, "%s\n", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Runs protected; what it leaves in registry and package.loaded is undone by `load` if it raises. */
static int build(lua_State *L)
{
    static const char *const shown[] = { "api", "api_docs", "route_docs" };
    struct loading *l = lua_touserdata(L, 1);
    struct lec_script *s = l->script;
    load_files(L, l);
    if (s->vm.timed_out)
        return 0;  /* the file where it ended has been told */
    compose(L, l); // result
    if (l->errors->n > 0)
        return 0;
    if (l->report && l->n_files == 0)
        lec_buf_printf(l->report, "no handlers: %s/handlers has no .lua file\n", s->dir);
    else if (l->report)
        write_report(L, l->report);
    lec_generation_fill(s->loading, L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->core);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        lua_getfield(L, 2, shown[i]); // l result … core value
        lua_setfield(L, -2, shown[i]);
    }
    return 0;
}

static int load(lua_State *L)
{
    struct loading *l = lua_touserdata(L, 1);
    set_aside_modules(L); // l aside
    lua_pushcfunction(L, build);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 0, 0) != 0) {
        const char *message = lua_tostring(L, -1);
        add_error(l->errors, message ? message : "raised an error that is no text");
    }
    if (l->errors->n > 0)
        put_back_modules(L, 2);
    return 0;
}

/* Adds the files of a folder `in`, by names that begin with `label`. False: it cannot be read (errno). */
static bool add_files(struct loading *l, const char *in, const char *label)
{
    struct lec_buf text = { 0 };
    struct dirent **entries = NULL;
    lec_buf_printf(&text, "%s/handlers", in);
    int n = scandir(lec_buf_str(&text), &entries, is_handler_file, by_bytes);
    if (n > 0)
        l->files = lec_realloc(l->files, (size_t)(l->n_files + n) * sizeof *l->files);
    for (int i = 0; i < n; i++) {
        text.n = 0;
        lec_buf_printf(&text, "%shandlers/%s", label, entries[i]->d_name);
        l->files[l->n_files++] = lec_strndup(text.p, text.n);
        free(entries[i]);
    }
    free(entries);
    lec_buf_fini(&text);
    return n >= 0;
}

/* Those of plugins, then the team's own. */
static bool find_files(struct loading *l)
{
    struct lec_script *s = l->script;
    struct lec_plugin *p;
    for (size_t pos = 0; (p = lec_plugins_next(s->cfg->plugins, &pos)) != NULL;) {
        struct lec_buf label = { 0 };
        lec_buf_printf(&label, "plugins/%s/", p->name);
        if (p->has_handlers && !add_files(l, p->dir, lec_buf_str(&label)))
            lec_buf_printf(l->errors, "%shandlers: %s", lec_buf_str(&label), strerror(errno));
        lec_buf_fini(&label);
    }
    if (!add_files(l, s->dir, ""))
        lec_buf_printf(l->errors,
                       "%s/handlers: %s; the files of a script directory's folder "
                       "handlers/ say what the server does",
                       s->dir, strerror(errno));
    return l->errors->n == 0;
}

static void free_files(struct loading *l)
{
    for (int i = 0; i < l->n_files; i++)
        free(l->files[i]);
    free(l->files);
}

struct lec_generation *lec_load(struct lec_script *s, struct lec_buf *errors,
                                struct lec_buf *report)
{
    struct loading l = { .script = s, .errors = errors, .report = report };
    struct lec_vm_entry outer;
    if (!find_files(&l)) {
        free_files(&l);
        return NULL;
    }

    lec_buf_clear(&s->wanted, 4096);
    s->loading = lec_generation_new();
    s->is_loading = true;
    lec_vm_enter(&s->vm, &outer, "loading the handlers", s->cfg->script_load_time);
    if (lua_cpcall(s->vm.L, load, &l) != 0) {
        const char *message = lua_tostring(s->vm.L, -1);
        add_error(errors, message ? message : "?");
        lua_pop(s->vm.L, 1);
    }
    lec_vm_leave(&s->vm, &outer);
    s->is_loading = false;
    free_files(&l);

    struct lec_generation *g = s->loading;
    s->loading = NULL;
    if (errors->n > 0) {
        lec_generation_unref(s, g);
        g = NULL;
    }
    lec_vm_tidy(&s->vm, true);
    return g;
}

/* Namespaces of this generation's modules, and those that files asked for. */
static void offer(struct lec_script *s, const struct lec_generation *g)
{
    struct lec_slice *names = lec_alloc(g->namespaces.count * sizeof *names);
    const struct lec_handlers *handlers;
    size_t n = 0;
    for (size_t pos = 0; (handlers = lec_map_next(&g->namespaces, &pos)) != NULL;) {
        struct lec_slice name = lec_slice_str(handlers->name);
        if (!sio_is_pattern(name))
            names[n++] = name;
    }
    sio_server_offer(s->io, names, n, g->patterns, g->n_patterns);
    free(names);
    for (size_t at = 0; at < s->wanted.n; at += strlen(s->wanted.p + at) + 1) {
        struct lec_slice name = lec_slice_str(s->wanted.p + at);
        if (sio_server_match(s->io, name).n == 0)
            sio_server_of(s->io, name);
    }
}

void lec_load_commit(struct lec_script *s, struct lec_generation *g)
{
    struct lec_generation *old = s->now;
    s->now = g;
    s->generations++;
    if (s->io)
        offer(s, g);
    for (struct lec_list *node = s->handles.next; node != &s->handles; node = node->next) {
        struct lec_handle *h = LEC_CONTAINER(node, struct lec_handle, link);
        h->handlers = lec_generation_find(g, sio_socket_namespace(h->socket));
        if (h->handlers) /* an orphan keeps what it had */
            lec_handle_renew_match(h);
    }
    lec_generation_unref(s, old);
}
