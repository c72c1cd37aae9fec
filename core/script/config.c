#include "script/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/plugins.h"

#define FILE_NAME     "lectern.lua"
#define MEMORY        (64u << 20)
#define MAX_KEY       128
#define MAX_APP_BYTES (1u << 20)
#define BAD_APP       FILE_NAME ": app must be a table, not a %s"

struct reading {
    struct lec_config *cfg; /* NULL: only app is wanted */
    struct lec_buf *app;    /* NULL: only settings are wanted */
    struct lec_wire wire;
    struct lec_buf value;
    char dotenv[4096]; /* the file's name */
    bool failed;
    char *err;
    size_t err_size;
};

static void complain(struct reading *r, const char *fmt, ...) LEC_PRINTF(2, 3);
static void complain(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->err, r->err_size, fmt, ap);
    va_end(ap);
    r->failed = true;
}

/* A list of strings as text: joined by ", ". False if it is none. */
static bool join_list(lua_State *L, struct lec_buf *out)
{
    int n = (int)lua_objlen(L, -1), keys = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        keys++;
    }
    if (n == 0 || keys != n)
        return false;
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        bool text = lua_type(L, -1) == LUA_TSTRING;
        if (text)
            lec_buf_printf(out, "%s%s", i > 1 ? ", " : "", lua_tostring(L, -1));
        lua_pop(L, 1);
        if (!text)
            return false;
    }
    return true;
}

/* { typing_start = 5 } as "typing_start=5, ". */
static bool join_rates(lua_State *L, struct reading *r, const char *key)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || strpbrk(lua_tostring(L, -2), ",=") ||
            lua_type(L, -1) != LUA_TNUMBER) {
            complain(r, FILE_NAME ": %s has names of events with numbers: { typing_start = 5 }",
                     key);
            return false;
        }
        lec_buf_printf(&r->value, "%s=", lua_tostring(L, -2));
        lec_json_put_number(&r->value, lua_tonumber(L, -1));
        lec_buf_addc(&r->value, ',');
    }
    return true;
}

static bool are_rates(const char *key)
{
    size_t n;
    for (const struct lec_setting *s = lec_settings(&n); n > 0; n--, s++)
        if (strcmp(s->key, key) == 0)
            return s->kind == LEC_RATES;
    return false;
}

/* { hands = { most = 5 } }: which plugins there are is not known yet. */
static void take_plugins(lua_State *L, struct reading *r)
{
    luaL_checkstack(L, 8, "settings");
    if (!lua_istable(L, -1)) {
        complain(r, FILE_NAME ": plugins = { name = { setting = value } }");
        return;
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { // plugins name settings
        if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1)) {
            complain(r, FILE_NAME ": plugins = { name = { setting = value } }");
            lua_pop(L, 2);
            return;
        }
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { // … setting value
            char key[MAX_KEY];
            lec_buf_clear(&r->value, 4096);
            if (lua_type(L, -1) == LUA_TSTRING)
                lec_buf_adds(&r->value, lua_tostring(L, -1));
            else if (lua_type(L, -1) == LUA_TNUMBER)
                lec_json_put_number(&r->value, lua_tonumber(L, -1));
            else if (lua_type(L, -1) == LUA_TBOOLEAN)
                lec_buf_adds(&r->value, lua_toboolean(L, -1) ? "true" : "false");
            else
                complain(r, FILE_NAME ": plugins.%s has a setting that is a %s",
                         lua_tostring(L, -4), luaL_typename(L, -1));
            if (lua_type(L, -2) != LUA_TSTRING ||
                (size_t)snprintf(key, sizeof key, "%s.%s", lua_tostring(L, -4),
                                 lua_tostring(L, -2)) >= sizeof key)
                complain(r, FILE_NAME ": plugins.%s has an entry that is no setting",
                         lua_tostring(L, -4));
            if (r->failed) {
                lua_pop(L, 4);
                return;
            }
            lec_config_set_plugin(r->cfg, key, lec_buf_str(&r->value));
        }
    }
}

/* Sets `key` from the value on top; tables are walked, their keys joined by dots. */
static void take_setting(lua_State *L, struct reading *r, const char *key, int depth)
{
    lec_buf_clear(&r->value, 4096);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        lec_buf_adds(&r->value, lua_tostring(L, -1));
        break;
    case LUA_TNUMBER:
        lec_json_put_number(&r->value, lua_tonumber(L, -1));
        break;
    case LUA_TBOOLEAN:
        lec_buf_adds(&r->value, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TTABLE:
        luaL_checkstack(L, 6, "settings");
        if (are_rates(key)) {
            if (!join_rates(L, r, key))
                return;
            break;
        }
        if (join_list(L, &r->value))
            break;
        lua_pushnil(L);
        while (!r->failed && lua_next(L, -2)) {
            char name[MAX_KEY];
            if (lua_type(L, -2) != LUA_TSTRING || depth > 4)
                complain(r, FILE_NAME ": %s has an entry that is no setting", key);
            else if ((size_t)snprintf(name, sizeof name, "%s%s%s", key, *key ? "." : "",
                                      lua_tostring(L, -2)) >= sizeof name)
                complain(r, FILE_NAME ": %.40s… is no setting", lua_tostring(L, -2));
            else if (strcmp(name, "plugins") == 0)
                take_plugins(L, r);
            else if (strcmp(name, "app") != 0)
                take_setting(L, r, name, depth + 1);
            else if (!lua_istable(L, -1))
                complain(r, BAD_APP, luaL_typename(L, -1));
            lua_pop(L, 1);
        }
        return;
    default:
        complain(r, FILE_NAME ": %s cannot be a %s", key, luaL_typename(L, -1));
        return;
    }
    char why[512];
    if (lec_config_set(r->cfg, key, lec_buf_str(&r->value), LEC_FROM_LUA, why, sizeof why) !=
        LEC_OK)
        complain(r, FILE_NAME ": %s", why);
}

static void take_app(lua_State *L, struct reading *r)
{
    static const struct lec_value_limits limits = { 64, 0, MAX_APP_BYTES };
    lua_getfield(L, -1, "app");
    if (lua_isnil(L, -1)) {
        lec_buf_adds(r->app, "{}");
    } else if (!lua_istable(L, -1)) {
        complain(r, BAD_APP, luaL_typename(L, -1));
    } else if (!lec_wire_value(&r->wire, L, lua_gettop(L), &limits)) {
        complain(r, FILE_NAME ": app: %s", lec_buf_str(&r->wire.error));
    } else {
        lec_buf_add(r->app, r->wire.json.p, r->wire.json.n);
    }
    lua_pop(L, 1);
}

/* env(name) -> what the environment, or .env, has under that name, or nil. So that secrets of `app` need not
 * stand in the file. */
static int l_env(lua_State *L)
{
    struct reading *r = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    char why[512];
    lec_buf_clear(&r->value, 4096);
    int rc = lec_config_find_env(r->dotenv, name, &r->value, why, sizeof why);
    if (rc == LEC_EINVAL)
        return luaL_error(L, "%s", why);
    if (rc != LEC_OK)
        return 0;
    lua_pushlstring(L, r->value.p, r->value.n);
    return 1;
}

static int read_file(lua_State *L)
{
    struct reading *r = lua_touserdata(L, 1);
    lua_pushlightuserdata(L, r);
    lua_pushcclosure(L, l_env, 1);
    lua_setglobal(L, "env");
    if (lec_vm_load_file(L, FILE_NAME) != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1)) {
        complain(r, FILE_NAME ": must return a table of settings, not %s", luaL_typename(L, -1));
        return 0;
    }
    if (r->app)
        take_app(L, r);
    if (r->cfg && !r->failed)
        take_setting(L, r, "", 0);
    return 0;
}

static int read_config(const char *dir, uint64_t load_time, struct reading *r)
{
    struct lec_vm vm;
    struct lec_vm_entry outer;
    char path[4096];
    snprintf(r->dotenv, sizeof r->dotenv, "%s/.env", dir); /* shorter than the other one */
    if ((size_t)snprintf(path, sizeof path, "%s/" FILE_NAME, dir) >= sizeof path) {
        complain(r, "the name of the script directory is too long");
        return LEC_EINVAL;
    }
    if (access(path, F_OK) != 0) {
        if (r->app)
            lec_buf_adds(r->app, "{}");
        return LEC_OK;
    }
    if (lec_vm_init(&vm, MEMORY, false, dir, NULL, r->err, r->err_size) != LEC_OK)
        return LEC_EINVAL;
    lec_vm_enter(&vm, &outer, FILE_NAME, load_time);
    if (lua_cpcall(vm.L, read_file, r) != 0) {
        const char *message = lua_tostring(vm.L, -1);
        complain(r, "%s", message ? message : FILE_NAME ": raised an error that is no text");
    }
    lec_vm_leave(&vm, &outer);
    lec_vm_fini(&vm);
    lec_wire_fini(&r->wire);
    lec_buf_fini(&r->value);
    return r->failed ? LEC_EINVAL : LEC_OK;
}

int lec_script_read_config(const char *dir, struct lec_config *cfg, char *err, size_t err_size)
{
    struct reading r = { .cfg = cfg, .err = err, .err_size = err_size };
    return read_config(dir, cfg->script_load_time, &r);
}

int lec_config_read_app(const char *dir, const struct lec_config *cfg, struct lec_buf *json,
                        char *err, size_t err_size)
{
    struct reading r = { .app = json, .err = err, .err_size = err_size };
    return read_config(dir, cfg->script_load_time, &r);
}

/* Pushes the table that the key's value goes into, made at need, from the table on top; returns the
 * last part of the key. */
static const char *push_parent(lua_State *L, const char *key)
{
    lua_pushvalue(L, -1); // root table
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
        lua_pushlstring(L, key, (size_t)(dot - key));
        lua_pushvalue(L, -1);
        lua_rawget(L, -3); // root table name child
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2); // root table name child name child
            lua_rawset(L, -5);
        }
        lua_replace(L, -3);
        lua_pop(L, 1); // root child
    }
    return key;
}

static void push_plugin(lua_State *L, const struct lec_plugin *p)
{
    lua_newtable(L);
    for (size_t i = 0; i < p->n_settings; i++) {
        const struct lec_plugin_setting *s = &p->settings[i];
        if (s->kind == LEC_PLUGIN_NUMBER)
            lua_pushnumber(L, strtod(s->value, NULL));
        else if (s->kind == LEC_PLUGIN_FLAG)
            lua_pushboolean(L, strcmp(s->value, "true") == 0);
        else
            lua_pushstring(L, s->value);
        lua_setfield(L, -2, s->name);
    }
}

/* Settings by the plugin's name. Not those of what is compiled in, which are the server's. */
static void push_plugins(lua_State *L, const struct lec_plugins *plugins)
{
    struct lec_plugin *p;
    lua_newtable(L);
    for (size_t pos = 0; (p = lec_plugins_next(plugins, &pos)) != NULL;)
        if (p->dir) {
            push_plugin(L, p);
            lua_setfield(L, -2, p->name);
        }
}

void lec_config_push(lua_State *L, const struct lec_config *cfg)
{
    size_t n;
    const struct lec_setting *settings = lec_settings(&n);
    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)cfg + settings[i].offset;
        if (settings[i].secret)
            continue;
        const char *name = push_parent(L, settings[i].key);
        switch (settings[i].kind) {
        case LEC_UINT:
            lua_pushnumber(L, (lua_Number) * (const uint64_t *)(const void *)at);
            break;
        case LEC_BOOL:
            lua_pushboolean(L, *(const bool *)(const void *)at);
            break;
        case LEC_STRING:
        case LEC_CHOICE:
        case LEC_RATES:
            lua_pushstring(L, *(char *const *)(const void *)at);
            break;
        }
        lua_setfield(L, -2, name);
        lua_pop(L, 1);
    }
    push_plugins(L, cfg->plugins);
    lua_setfield(L, -2, "plugins");
}
