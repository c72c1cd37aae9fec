/* plugin.lua: what a plugin says of itself. Read as lectern.lua is, in a state that lives only for this. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "script/host.h"
#include "server/plugins.h"

#define FILE_NAME "plugin.lua"
#define MEMORY    (16u << 20)
#define LOAD_MS   1000

struct reading {
    struct lec_plugin *plugin;
    struct lec_buf text;
    char *err;
    size_t err_size;
    bool failed;
};

static void complain(struct reading *r, const char *fmt, ...) LEC_PRINTF(2, 3);
static void complain(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    if (r->failed)
        return;
    int n = snprintf(r->err, r->err_size, "%s/" FILE_NAME ": ", r->plugin->dir);
    if (n < 0 || (size_t)n >= r->err_size)
        n = 0;
    va_start(ap, fmt);
    vsnprintf(r->err + n, r->err_size - (size_t)n, fmt, ap);
    va_end(ap);
    r->failed = true;
}

/* The text of field `name` of the table on top, copied; "" without one. */
static void read_text(lua_State *L, struct reading *r, const char *name)
{
    r->text.n = 0;
    lua_getfield(L, -1, name);
    if (lua_type(L, -1) == LUA_TSTRING)
        lec_buf_adds(&r->text, lua_tostring(L, -1));
    else if (!lua_isnil(L, -1))
        complain(r, "%s must be a text, not a %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
}

static void read_needs(lua_State *L, struct reading *r)
{
    lua_getfield(L, -1, "needs");
    if (!lua_isnil(L, -1) && !lua_istable(L, -1))
        complain(r, "needs is a list of names of plugins");
    for (int i = 1; lua_istable(L, -1) && !r->failed; i++) {
        lua_rawgeti(L, -1, i);
        bool end = lua_isnil(L, -1);
        if (!end && lua_type(L, -1) != LUA_TSTRING)
            complain(r, "needs is a list of names of plugins");
        else if (!end)
            lec_plugin_add_need(r->plugin, lua_tostring(L, -1));
        lua_pop(L, 1);
        if (end)
            break;
    }
    lua_pop(L, 1);
}

static bool is_setting_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* One, from { default =, help = } on top. */
static void read_setting(lua_State *L, struct reading *r, const char *name)
{
    enum lec_plugin_kind kind = LEC_PLUGIN_TEXT;
    struct lec_buf value = { 0 };
    read_text(L, r, "help");
    lua_getfield(L, -1, "default");
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        lec_buf_adds(&value, lua_tostring(L, -1));
        break;
    case LUA_TNUMBER:
        kind = LEC_PLUGIN_NUMBER;
        lec_json_put_number(&value, lua_tonumber(L, -1));
        break;
    case LUA_TBOOLEAN:
        kind = LEC_PLUGIN_FLAG;
        lec_buf_adds(&value, lua_toboolean(L, -1) ? "true" : "false");
        break;
    default:
        complain(r, "settings.%s: its default is a text, a number, true or false", name);
    }
    lua_pop(L, 1);
    if (!r->failed)
        lec_plugin_add_setting(r->plugin, name, kind, lec_buf_str(&value), lec_buf_str(&r->text));
    lec_buf_fini(&value);
}

/* In the order of their names. */
static void read_settings(lua_State *L, struct reading *r)
{
    lua_getfield(L, -1, "settings"); // … settings
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1)) {
        complain(r, "settings is a table: { name = { default =, help = } }");
        lua_pop(L, 1);
        return;
    }
    lua_newtable(L); // settings names
    int n = 0;
    for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !is_setting_name(lua_tostring(L, -2)) ||
            !lua_istable(L, -1)) {
            complain(r,
                     "settings is a table: { name = { default =, help = } }, of names with small "
                     "letters, digits and '_'");
            lua_pop(L, 2);
            break;
        }
        lua_pushvalue(L, -2);
        lua_rawseti(L, -4, ++n);
    }
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, -3);
    lua_call(L, 1, 0);
    lua_pop(L, 1); // settings names
    for (int i = 1; i <= n && !r->failed; i++) {
        lua_rawgeti(L, -1, i);
        lua_pushvalue(L, -1);
        lua_rawget(L, -4); // settings names name setting
        read_setting(L, r, lua_tostring(L, -2));
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
}

static int read_file(lua_State *L)
{
    struct reading *r = lua_touserdata(L, 1);
    if (lec_vm_load_file(L, FILE_NAME) != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1)) {
        complain(r, "must return a table, not %s", luaL_typename(L, -1));
        return 0;
    }
    read_text(L, r, "name");
    if (!r->failed && strcmp(lec_buf_str(&r->text), r->plugin->name) != 0)
        complain(r, "name is \"%.60s\", but must be that of its folder, \"%s\"",
                 lec_buf_str(&r->text), r->plugin->name);
    read_text(L, r, "version");
    if (!r->failed && r->text.n == 0)
        complain(r, "version is missing: a text like \"1.0\"");
    if (!r->failed) {
        free(r->plugin->version);
        r->plugin->version = lec_strndup(lec_buf_str(&r->text), r->text.n);
    }
    read_needs(L, r);
    read_settings(L, r);
    return 0;
}

int lec_script_read_plugin(struct lec_plugin *plugin, const char *path, char *err, size_t err_size)
{
    struct reading r = { .plugin = plugin, .err = err, .err_size = err_size };
    struct lec_vm vm;
    struct lec_vm_entry outer;
    (void)path; /* it is the file of that name in the plugin's folder */
    if (lec_vm_init(&vm, MEMORY, false, plugin->dir, NULL, err, err_size) != LEC_OK)
        return LEC_EINVAL;
    lec_vm_enter(&vm, &outer, FILE_NAME, LOAD_MS);
    if (lua_cpcall(vm.L, read_file, &r) != 0) {
        const char *message = lua_tostring(vm.L, -1);
        complain(&r, "%s", message ? message : "raised an error that is no text");
    }
    lec_vm_leave(&vm, &outer);
    lec_vm_fini(&vm);
    lec_buf_fini(&r.text);
    return r.failed ? LEC_EINVAL : LEC_OK;
}
