/* Prints the names of everything that scripts are really offered, one a line: "core emit",
 * "lectern emit", "lectern.log debug", "Socket join" for methods, "Socket.id" for fields. For the test that holds lua/meta/lectern.lua against them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "script/handle.h"
#include "script/script.h"

static void print_names(lua_State *L, const char *title, bool functions_only)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (!functions_only || lua_isfunction(L, -1))
            printf("%s %s\n", title, lua_tostring(L, -2));
        lua_pop(L, 1);
    }
}

static int print_all(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "lectern.core");
    print_names(L, "core", true);
    lua_getfield(L, -1, "socket_methods");
    print_names(L, "Socket", true);
    lua_pop(L, 2);
    lua_getfield(L, -1, "lectern");
    print_names(L, "lectern", false);
    lua_getfield(L, -1, "log");
    print_names(L, "lectern.log", true);
    lua_pop(L, 1);
    lua_getfield(L, -1, "json");
    print_names(L, "lectern.json", true);
    lua_pop(L, 1);
    lua_getfield(L, -1, "http");
    print_names(L, "lectern.http", true);
    lua_pop(L, 1);
    lua_getfield(L, -1, "db");
    print_names(L, "lectern.db", true);
    return 0;
}

int main(void)
{
    struct lec_config cfg;
    struct lec_buf err = { 0 };
    struct lec_log *log = lec_log_new(STDERR_FILENO);
    int rc = EXIT_FAILURE;
    lec_config_init(&cfg);
    struct lec_script *s = lec_script_open(NULL, &cfg, log, ".", &err);
    if (!s)
        fprintf(stderr, "%s\n", lec_buf_str(&err));
    else if (lua_cpcall(s->vm.L, print_all, NULL) != 0)
        fprintf(stderr, "%s\n", lua_tostring(s->vm.L, -1));
    else
        rc = EXIT_SUCCESS;
    for (int i = 0; s && lec_box_fields[i]; i++)
        printf("Socket.%s\n", lec_box_fields[i]);
    lec_script_free(s);
    lec_config_fini(&cfg);
    lec_log_free(log);
    lec_buf_fini(&err);
    return rc;
}
