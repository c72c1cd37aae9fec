#include "script/script.h"

#include <stdlib.h>
#include <string.h>

#include "script/config.h"
#include "script/handle.h"
#include "script/hooks.h"
#include "script/library.h"
#include "script/load.h"
#include "script/people.h"
#include "script/requests.h"
#include "script/sandbox.h"
#include "script/task.h"
#include "script/timer.h"

/* Pushes the metatable of boxes: methods, fields, and nothing that scripts can reach. */
static void push_box_mt(lua_State *L, struct lec_script *s)
{
    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->methods);
    lua_newtable(L); // mt methods fields
    for (int i = 0; lec_box_fields[i]; i++) {
        lua_pushinteger(L, i + 1);
        lua_setfield(L, -2, lec_box_fields[i]);
    }
    lua_pushcclosure(L, lec_box_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, lec_box_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, lec_box_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

/* lua/lectern/wait.lua makes core's waiting functions whole; pushes the mark it returns. */
static void wrap_waits(lua_State *L, int core)
{
    const struct lec_library_file *wait = lec_library_find("lectern.wait");
    if (!wait || luaL_loadbufferx(L, wait->text, wait->size, wait->chunk, "t") != 0)
        luaL_error(L, "lectern.wait cannot be loaded");
    lua_call(L, 0, 1);
    lua_pushvalue(L, core);
    lua_call(L, 1, 1);
}

/* Makes lectern.core and loads `lectern` on top of it. Protected. Argument: the app table as JSON. */
static int open_api(lua_State *L)
{
    const struct lec_buf *app = lua_touserdata(L, 1);
    struct lec_script *s = lec_script_of(L);
    lua_settop(L, 0);
    lua_pushcfunction(L, lec_task_trampoline);
    s->trampoline = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_newtable(L); // core
    lec_lib_server(L);
    lec_lib_task(L);
    lec_lib_value(L);
    lec_lib_http(L);
    lec_lib_db(L);
    lec_lib_request(L);
    lec_lib_people(L);
    lua_newtable(L);
    lec_lib_socket(L);
    lua_pushvalue(L, -1);
    s->methods = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_setfield(L, 1, "socket_methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    s->fields = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_setfield(L, 1, "socket_fields");
    push_box_mt(L, s);
    s->box_mt = luaL_ref(L, LUA_REGISTRYINDEX);
    wrap_waits(L, 1);
    s->cancelled = luaL_ref(L, LUA_REGISTRYINDEX);

    lec_config_push(L, s->cfg); // core config
    struct lec_reader r;
    lec_reader_init(&r, L, &s->decoded, NULL, 0);
    if (lec_reader_value(&r, lec_buf_slice(app), LEC_JSON_MAX_DEPTH) != LEC_OK)
        lua_newtable(L);
    lua_setfield(L, 2, "app");
    lua_settop(L, 2);
    lua_setfield(L, 1, "config");
    lua_pushboolean(L, 0);
    lua_setfield(L, 1, "api");

    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "lectern.core");
    lua_pushvalue(L, 1);
    s->core = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lectern");
    lua_call(L, 1, 0);
    lec_requests_open(L, s);
    lec_sandbox_close_globals(L);
    return 0;
}

static struct lec_script *make(struct lec_server *server, const struct lec_config *cfg,
                               struct lec_log *log, const char *dir)
{
    struct lec_script *s = lec_alloc0(sizeof *s);
    s->server = server;
    s->cfg = cfg;
    s->log = log;
    s->io = server ? lec_server_io(server) : NULL;
    s->loop = server ? lec_server_loop(server) : NULL;
    s->counters = server ? lec_server_counters(server) : &s->own_counters;
    s->dir = lec_strndup(dir, strlen(dir));
    s->limits = (struct lec_value_limits){ .max_depth = (unsigned)cfg->max_json_depth,
                                           .max_attachments = (unsigned)cfg->max_attachments,
                                           .max_bytes = cfg->max_queue_bytes };
    lec_list_init(&s->handles);
    lec_list_init(&s->tasks);
    lec_list_init(&s->idle);
    lec_list_init(&s->ready);
    lec_list_init(&s->due);
    s->hooks = lec_hooks_of(s);
    return s;
}

/* State and API. False with a sentence in err. */
static bool open_state(struct lec_script *s, struct lec_buf *err)
{
    struct lec_buf app = { 0 };
    struct lec_vm_entry outer;
    char why[512];
    if (lec_config_read_app(s->dir, s->cfg, &app, why, sizeof why) != LEC_OK ||
        lec_vm_init(&s->vm, s->cfg->script_memory, s->cfg->script_unsafe, s->dir, s, why,
                    sizeof why) != LEC_OK) {
        lec_buf_adds(err, why);
        lec_buf_fini(&app);
        return false;
    }
    s->vm.plugins = s->cfg->plugins;
    s->is_loading = true;
    lec_vm_enter(&s->vm, &outer, "the library", s->cfg->script_load_time);
    int rc = lua_cpcall(s->vm.L, open_api, &app);
    lec_vm_leave(&s->vm, &outer);
    s->is_loading = false;
    if (rc != 0) {
        const char *message = lua_tostring(s->vm.L, -1);
        lec_buf_adds(err, message ? message : "?");
        lua_pop(s->vm.L, 1);
    }
    lec_buf_fini(&app);
    return rc == 0;
}

struct lec_script *lec_script_open(struct lec_server *server, const struct lec_config *cfg,
                                   struct lec_log *log, const char *dir, struct lec_buf *err)
{
    struct lec_script *s = make(server, cfg, log, dir);
    if (open_state(s, err))
        return s;
    lec_script_free(s);
    return NULL;
}

struct lec_script *lec_script_new(struct lec_server *server, const char *dir, struct lec_buf *err)
{
    const struct lec_config *cfg = lec_server_config(server);
    struct lec_script *s = lec_script_open(server, cfg, lec_server_log(server), dir, err);
    if (s && cfg->script_watchdog > 0)
        s->vm.watchdog =
            lec_watchdog_new(cfg->script_watchdog, strcmp(cfg->log_format, "json") == 0);
    if (s && cfg->script_watchdog > 0 && !s->vm.watchdog)
        lec_log(s->log, LEC_LOG_WARN, LEC_CAT_SCRIPT, LEC_NOBODY,
                "no thread for script.watchdog: a call that cannot be stopped stops everybody");
    struct lec_generation *g = s ? lec_load(s, err, NULL) : NULL;
    if (!g) {
        lec_script_free(s);
        return NULL;
    }
    lec_load_commit(s, g);
    return s;
}

void lec_script_free(struct lec_script *s)
{
    if (!s)
        return;
    if (s->vm.L) {
        lec_task_free_all(s);
        lec_timers_free(s);
        lec_generation_unref(s, s->now);
        lec_vm_fini(&s->vm);
    }
    lec_watchdog_free(s->vm.watchdog);
    lec_wire_fini(&s->wire);
    lec_buf_fini(&s->text);
    lec_buf_fini(&s->decoded);
    lec_buf_fini(&s->request);
    lec_buf_fini(&s->wanted);
    lec_map_fini(&s->people); /* sockets have gone */
    free(s->names);
    free(s->selected);
    free(s->dir);
    free(s);
}

const struct lec_hooks *lec_script_hooks(struct lec_script *s)
{
    return &s->hooks;
}

int lec_script_check(const char *dir, const struct lec_config *cfg, struct lec_log *log,
                     struct lec_buf *out)
{
    struct lec_buf errors = { 0 };
    struct lec_script *s = lec_script_open(NULL, cfg, log, dir, &errors);
    struct lec_generation *g = s ? lec_load(s, &errors, out) : NULL;
    int result = LEC_ESCRIPT;
    if (g) {
        lec_load_commit(s, g);
        result = LEC_OK;
    } else {
        lec_buf_clear(out, 0);
        lec_buf_printf(out, "%s\n", lec_buf_str(&errors));
    }
    lec_buf_fini(&errors);
    lec_script_free(s);
    return result;
}
