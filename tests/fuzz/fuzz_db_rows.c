/* Answers of a database, whole and broken, become Lua values or a sentence; nothing else. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "script/db_rows.h"
#include "script/vm.h"

static int push(lua_State *L)
{
    const struct lec_db_rows *rows = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lec_db_rows_push(L, rows);
    lua_getfield(L, -1, "n"); // … results n
    int n = (int)lua_tointeger(L, -1);
    lua_rawgeti(L, -2, 1); // … results n first
    if (n == 3) {
        assert(lua_isnil(L, -1));
        lua_rawgeti(L, -3, 2);
        lua_rawgeti(L, -4, 3);
        assert(lua_isstring(L, -1) && lua_isstring(L, -2));
    } else {
        assert(lua_istable(L, -1) && n == (rows->single ? 2 : 1));
    }
    return 0;
}

static struct lec_vm vm;

static void close_vm(void)
{
    lec_vm_fini(&vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[200];
    if (!vm.L) {
        if (lec_vm_init(&vm, 64u << 20, false, "", NULL, err, sizeof err) != LEC_OK)
            abort();
        atexit(close_vm);
    }
    if (size < 1)
        return 0;
    struct lec_db_rows rows = { { (const char *)data + 1, size - 1 }, data[0] & 1 };
    if (lua_cpcall(vm.L, push, &rows) != 0)
        lua_pop(vm.L, 1); /* no memory for so many rows */
    lec_vm_tidy(&vm, vm.used > (32u << 20));
    return 0;
}
