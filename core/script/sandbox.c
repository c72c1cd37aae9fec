#include "script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include <unistd.h>

#include "script/library.h"
#include "script/vm.h"
#include "server/plugins.h"

static void open_library(lua_State *L, const char *name, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* Takes names away from the table on top. */
static void take_away(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
}

/* load and loadstring (upvalue 1: the native one): text only, whatever mode was asked for. */
static int load_text(lua_State *L)
{
    if (lua_gettop(L) < 3)
        lua_settop(L, 3); // chunk name mode [env]
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* collectgarbage (upvalue 1: the native one) without what would undo the host's settings. */
static int collect_garbage(lua_State *L)
{
    static const char *const allowed[] = { "collect", "count", "step", NULL };
    luaL_checkoption(L, 1, "collect", allowed);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void wrap(lua_State *L, const char *name, const char *native, lua_CFunction wrapper)
{
    lua_getglobal(L, native);
    lua_pushcclosure(L, wrapper, 1);
    lua_setglobal(L, name);
}

/* A message handler (upvalue 1: the script's) that keeps the message of a script being stopped. */
static int handle_message(lua_State *L)
{
    lua_settop(L, 1);
    if (lec_vm_of(L)->timed_out)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int guarded(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcclosure(L, handle_message, 1);
    return 1;
}

/* xpcall by lua/lectern/sandbox.lua. */
static void guard_xpcall(lua_State *L)
{
    const struct lec_library_file *file = lec_library_find("lectern.sandbox");
    if (!file || luaL_loadbufferx(L, file->text, file->size, file->chunk, "t") != 0)
        luaL_error(L, "lectern.sandbox cannot be loaded");
    lua_getglobal(L, "xpcall");
    lua_pushcfunction(L, guarded);
    lua_call(L, 2, 1);
    lua_setglobal(L, "xpcall");
}

/* The searcher of embedded modules: name -> loader, or a sentence. */
static int find_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct lec_library_file *file = lec_library_find(name);
    if (!file) {
        lua_pushfstring(L, "\n\tno library module '%s'", name);
        return 1;
    }
    if (luaL_loadbufferx(L, file->text, file->size, file->chunk, "t") != 0)
        return lua_error(L);
    return 1;
}

/* The searcher of the script directory, under which modules are loaded as text. */
static int find_script(lua_State *L)
{
    static const char *const patterns[] = { "%s.lua", "%s/init.lua" };
    const char *name = luaL_checkstring(L, 1); // name
    const char *dir = lec_vm_of(L)->dir;
    if (strstr(name, "..") || strchr(name, '/') || strchr(name, '\\') || name[0] == '.')
        return luaL_error(L, "module names have dots between their parts: '%s'", name);
    const char *base = luaL_gsub(L, name, ".", "/"); // name base
    for (size_t i = 0; i < 2; i++) {
        const char *file = lua_pushfstring(L, patterns[i], base);  // name base file
        const char *path = lua_pushfstring(L, "%s/%s", dir, file); // name base file path
        if (access(path, R_OK) == 0) {
            if (lec_vm_load_file(L, file) != 0)
                return lua_error(L);
            lua_getfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES);
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, name);
            lua_pop(L, 1);
            return 1;
        }
        lua_pop(L, 2); // name base
    }
    lua_pushfstring(L, "\n\tno file '%s.lua' or '%s/init.lua' in the script directory", base, base);
    return 1;
}

/* The searcher of plugins: `require "hands"`, `require "hands.counting"`. */
static int find_plugin(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1); // name
    const char *dot = strchr(name, '.');
    lua_pushlstring(L, name, dot ? (size_t)(dot - name) : strlen(name));
    const char *plugin = lua_tostring(L, -1); // name plugin
    const struct lec_plugin *p = lec_plugins_named(lec_vm_of(L)->plugins, plugin);
    if (!p || !p->dir) {
        lua_pushfstring(L, "\n\tno plugin '%s'", plugin);
        return 1;
    }
    const char *base = dot ? luaL_gsub(L, dot + 1, ".", "/") : plugin;
    const char *const files[] = { lua_pushfstring(L, "plugins/%s/%s.lua", plugin, base),
                                  dot ? lua_pushfstring(L, "plugins/%s/%s/init.lua", plugin, base)
                                      : lua_pushfstring(L, "plugins/%s/init.lua", plugin) };
    for (size_t i = 0; i < 2; i++)
        if (access(lec_vm_push_path(L, files[i]), R_OK) == 0) {
            if (lec_vm_load_file(L, files[i]) != 0)
                return lua_error(L);
            lua_getfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES);
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, name);
            lua_pop(L, 1);
            return 1;
        }
    lua_pushfstring(L, "\n\tno file '%s' or '%s'", files[0], files[1]);
    return 1;
}

/* package.loaders: preload, then ours, in place of those that read anywhere and load C. */
static void set_searchers(lua_State *L, bool unsafe)
{
    lua_getglobal(L, "package");    // package
    lua_getfield(L, -1, "loaders"); // package loaders
    lua_rawgeti(L, -1, 3);
    lua_rawgeti(L, -2, 4); // package loaders c all_in_one
    lua_pushcfunction(L, find_embedded);
    lua_rawseti(L, -4, 2);
    lua_pushcfunction(L, find_script);
    lua_rawseti(L, -4, 3);
    lua_pushcfunction(L, find_plugin);
    lua_rawseti(L, -4, 4);
    if (unsafe) {
        lua_rawseti(L, -3, 6);
        lua_rawseti(L, -2, 5);
        lua_pop(L, 1); // package
    } else {
        static const char *const no[] = { "loadlib", "searchpath", "seeall", NULL };
        lua_pop(L, 3); // package
        take_away(L, no);
        lua_pushliteral(L, "");
        lua_setfield(L, -2, "cpath");
    }
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", lec_vm_of(L)->dir, lec_vm_of(L)->dir);
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
}

/* While the native searchers are still there: a C module of the system, never one of the working
 * directory. */
static void require_native(lua_State *L, const char *name)
{
    lua_getglobal(L, "package"); // package
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "cpath");
    luaL_gsub(L, lua_tostring(L, -1), "./?.so;", "");
    lua_setfield(L, -3, "cpath");
    lua_pop(L, 2);
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* __newindex of the globals. Modules in C name themselves there; scripts must not. */
static int refuse_global(lua_State *L)
{
    lua_Debug ar;
    lua_settop(L, 3); // globals name value
    if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "S", &ar) && *ar.what == 'C') {
        lua_rawset(L, 1);
        return 0;
    }
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (strncmp(name, "on_", 3) == 0)
        return lec_vm_raise(L,
                            "%s would be a global, and no handler: write `function M.%s`, of the "
                            "table M that the file returns",
                            name, name);
    return lec_vm_raise(L,
                        "%s would be a global, which all handlers share and no reload forgets: "
                        "write `local %s` (what is to last goes into lectern.state)",
                        name, name);
}

void lec_sandbox_close_globals(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, refuse_global);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, LUA_GLOBALSINDEX);
}

void lec_sandbox_open(lua_State *L, bool unsafe)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } libraries[] = {
        { "", luaopen_base },
        { LUA_LOADLIBNAME, luaopen_package },
        { LUA_TABLIBNAME, luaopen_table },
        { LUA_STRLIBNAME, luaopen_string },
        { LUA_MATHLIBNAME, luaopen_math },
        { LUA_OSLIBNAME, luaopen_os },
        { LUA_BITLIBNAME, luaopen_bit },
        { LUA_DBLIBNAME, luaopen_debug },
    };
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++)
        open_library(L, libraries[i].name, libraries[i].open);
    if (unsafe) {
        open_library(L, LUA_IOLIBNAME, luaopen_io);
        open_library(L, LUA_JITLIBNAME, luaopen_jit);
        open_library(L, LUA_FFILIBNAME, luaopen_ffi);
    }
    require_native(L, "cjson");
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LEC_SCRIPT_MODULES);
    set_searchers(L, unsafe);
    guard_xpcall(L);
    if (unsafe)
        return;

    static const char *const no_globals[] = { "dofile",  "loadfile", "newproxy", "setfenv",
                                              "getfenv", "module",   NULL };
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    take_away(L, no_globals);
    lua_pop(L, 1);
    wrap(L, "loadstring", "load", load_text);
    wrap(L, "load", "load", load_text);
    wrap(L, "collectgarbage", "collectgarbage", collect_garbage);

    static const char *const no_os[] = { "execute", "exit",    "remove",    "rename",
                                         "getenv",  "tmpname", "setlocale", NULL };
    lua_getglobal(L, "os");
    take_away(L, no_os);
    lua_getglobal(L, "string");
    take_away(L, (const char *const[]){ "dump", NULL });
    lua_settop(L, 0);

    lua_getglobal(L, "debug");
    lua_newtable(L); // debug safe
    lua_getfield(L, -2, "traceback");
    lua_setfield(L, -2, "traceback");
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED"); // debug safe loaded
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "debug");
    lua_pushvalue(L, -2);
    lua_setglobal(L, "debug");
    lua_settop(L, 0);
}
