#include "script/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/library.h"
#include "script/vm.h"

#define MAX_PARAMETERS 250

static int about(lua_State *L)
{
    lua_Debug ar;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_getinfo(L, ">S", &ar);
    lua_pushstring(L, ar.source[0] == '@' ? ar.source + 1 : ""); // fn file
    lua_pushinteger(L, ar.linedefined);
    lua_newtable(L); // fn file line names
    for (int i = 1; i <= MAX_PARAMETERS; i++) {
        lua_pushvalue(L, 1);
        const char *name = lua_getlocal(L, NULL, i);
        lua_pop(L, 1);
        if (!name)
            break;
        lua_pushstring(L, name);
        lua_rawseti(L, 4, i);
    }
    return 3;
}

static int push_library(lua_State *L, const char *file)
{
    for (const struct lec_library_file *f = lec_library; f->module; f++)
        if (strcmp(f->chunk + 1, file) == 0) {
            lua_pushlstring(L, f->text, f->size);
            return 1;
        }
    return 0;
}

static int source(lua_State *L)
{
    const char *file = luaL_checkstring(L, 1);
    if (push_library(L, file) == 1)
        return 1;
    return lec_vm_read_file(L, file) == 0 ? 1 : 0;
}

void lec_describe_push(lua_State *L)
{
    lua_pushcfunction(L, about);
    lua_pushcfunction(L, source);
}
