#include "script/vm.h"

#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "script/sandbox.h"
#include "script/value.h"
#include "server/plugins.h"

/* Instructions between two looks at the clock: some microseconds, unless each is a slow call. */
#define TICK 1000

#define MAX_FILE (8u << 20)

static void *allocate(void *ud, void *p, size_t old_size, size_t new_size)
{
    struct lec_vm *vm = ud;
    if (new_size > old_size) {
        if (vm->used + (new_size - old_size) > vm->cap + vm->reserve || vm->fail_after == 0)
            return NULL;
        if (vm->fail_after > 0)
            vm->fail_after--;
        if (vm->fail_once >= 0 && vm->fail_once-- == 0)
            return NULL;
    }
    void *result = vm->native(vm->native_ud, p, old_size, new_size);
    if (result || new_size == 0)
        vm->used = vm->used - old_size + new_size;
    return result;
}

static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "lectern: unprotected script error: %s\n", message ? message : "?");
    abort();
}

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t cpu_now_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* Whether the budget is used up; moves the deadline if the processor was elsewhere meanwhile. The
 * processor's clock is a system call, so it is read only by scripts that run for some time. */
static bool has_expired(struct lec_vm *vm)
{
    uint64_t budget_ns = vm->budget_ms * 1000000ull;
    if (vm->cpu_ns == 0)
        vm->cpu_ns = cpu_now_ns();
    uint64_t now = now_ns();
    if (now < vm->deadline_ns)
        return false;
    uint64_t used = cpu_now_ns() - vm->cpu_ns;
    if (used >= budget_ns)
        return true;
    vm->deadline_ns = now + budget_ns - used;
    return false;
}

/* The innermost function that is neither C nor of the embedded library, with its line. */
static bool script_line(lua_State *L, lua_Debug *ar)
{
    for (int level = 0; lua_getstack(L, level, ar); level++) {
        lua_getinfo(L, "Sl", ar);
        if (ar->currentline > 0 && strncmp(ar->source, "@lectern/", 9) != 0)
            return true;
    }
    return false;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    struct lec_vm *vm = lec_vm_of(L);
    if (vm->deadline_ns == 0 || (!vm->timed_out && !has_expired(vm)))
        return;
    if (!vm->timed_out) {
        vm->timed_out = true;
        if (!script_line(L, ar)) {
            lua_getstack(L, 0, ar);
            lua_getinfo(L, "Sl", ar);
        }
        snprintf(vm->where, sizeof vm->where, "%s:%d", ar->short_src, ar->currentline);
        lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    }
    lua_pushfstring(L, "%s: stopped after running for %d ms without waiting", vm->where,
                    (int)vm->budget_ms);
    lua_error(L);
}

void lec_vm_enter(struct lec_vm *vm, struct lec_vm_entry *saved, const char *what,
                  uint64_t budget_ms)
{
    *saved = (struct lec_vm_entry){ .deadline_ns = vm->deadline_ns,
                                    .at_ns = now_ns(),
                                    .cpu_ns = vm->cpu_ns,
                                    .cpu_at_ns = vm->cpu_ns ? cpu_now_ns() : 0,
                                    .budget_ms = vm->budget_ms,
                                    .what = vm->what,
                                    .timed_out = vm->timed_out };
    vm->budget_ms = (unsigned)budget_ms;
    vm->deadline_ns = saved->at_ns + budget_ms * 1000000u;
    vm->cpu_ns = 0;
    vm->what = what;
    vm->timed_out = false;
    if (vm->watchdog)
        lec_watchdog_tell(vm->watchdog, what, budget_ms);
}

void lec_vm_leave(struct lec_vm *vm, const struct lec_vm_entry *saved)
{
    if (vm->timed_out != saved->timed_out)
        lua_sethook(vm->L, on_count, LUA_MASKCOUNT, saved->timed_out ? 1 : TICK);
    vm->timed_out = saved->timed_out;
    vm->budget_ms = saved->budget_ms;
    vm->what = saved->what;
    if (vm->watchdog)
        lec_watchdog_tell(vm->watchdog, vm->what, vm->budget_ms);
    vm->deadline_ns = saved->deadline_ns ? saved->deadline_ns + (now_ns() - saved->at_ns) : 0;
    vm->cpu_ns = saved->cpu_ns ? saved->cpu_ns + (cpu_now_ns() - saved->cpu_at_ns) : 0;
}

static int collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

void lec_vm_tidy(struct lec_vm *vm, bool now)
{
    if (!now && vm->used <= vm->cap / 4 * 3)
        return;
    /* Even a collection may need memory, for LuaJIT's table of strings; and C may have used up its
     * reserve. */
    vm->reserve = 2 * LEC_VM_RESERVE;
    if (lua_cpcall(vm->L, collect, NULL) != 0)
        lua_pop(vm->L, 1);
    vm->reserve = 0;
}

static int open_libraries(lua_State *L)
{
    const bool *unsafe = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lec_sandbox_open(L, *unsafe);
    lec_value_open(L);
    /* the slot that luaL_unref makes at its first use, so that later ones cannot need memory */
    lua_pushboolean(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
    return 0;
}

int lec_vm_init(struct lec_vm *vm, size_t memory, bool unsafe, const char *dir, void *owner,
                char *err, size_t err_size)
{
    *vm = (struct lec_vm){
        .cap = memory, .fail_after = -1, .fail_once = -1, .dir = dir, .owner = owner
    };
    vm->L = luaL_newstate();
    if (!vm->L) {
        snprintf(err, err_size, "no memory for Lua");
        return LEC_ESCRIPT;
    }
    vm->native = lua_getallocf(vm->L, &vm->native_ud);
    vm->used =
        (size_t)lua_gc(vm->L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(vm->L, LUA_GCCOUNTB, 0);
    lua_setallocf(vm->L, allocate, vm);
    lua_atpanic(vm->L, panic);
    luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    if (lua_cpcall(vm->L, open_libraries, &unsafe) != 0) {
        const char *message = lua_tostring(vm->L, -1);
        snprintf(err, err_size, "Lua cannot start: %s", message ? message : "?");
        lec_vm_fini(vm);
        return LEC_ESCRIPT;
    }
    luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_gc(vm->L, LUA_GCSETPAUSE, 150);
    lua_sethook(vm->L, on_count, LUA_MASKCOUNT, TICK);
    return LEC_OK;
}

void lec_vm_fini(struct lec_vm *vm)
{
    if (!vm->L)
        return;
    /* LuaJIT gives its arena back only to its own allocator */
    lua_setallocf(vm->L, vm->native, vm->native_ud);
    lua_close(vm->L);
    vm->L = NULL;
}

void lec_vm_where(lua_State *L)
{
    lua_Debug ar;
    if (script_line(L, &ar))
        lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
    else
        lua_pushliteral(L, "");
}

int lec_vm_raise(lua_State *L, const char *fmt, ...)
{
    va_list ap;
    lec_vm_where(L);
    va_start(ap, fmt);
    lua_pushvfstring(L, fmt, ap);
    va_end(ap);
    lua_concat(L, 2);
    return lua_error(L);
}

/* The text of a file of the script directory, for the caller to free; NULL if it cannot be had, or is too
 * large, which *exists tells apart. Nothing may raise while it is open. */
static char *read_file(const char *path, size_t *n, bool *exists)
{
    FILE *f = fopen(path, "rbe");
    char *text = NULL;
    *exists = f != NULL;
    if (!f)
        return NULL;
    bool ok = fseek(f, 0, SEEK_END) == 0;
    long size = ok ? ftell(f) : -1;
    ok = size >= 0 && (unsigned long)size <= MAX_FILE && fseek(f, 0, SEEK_SET) == 0;
    if (ok) {
        text = lec_alloc((size_t)size + 1);
        *n = fread(text, 1, (size_t)size, f);
        ok = !ferror(f);
    }
    fclose(f);
    if (ok)
        return text;
    free(text);
    return NULL;
}

const char *lec_vm_push_path(lua_State *L, const char *name)
{
    static const char prefix[] = "plugins/";
    const struct lec_vm *vm = lec_vm_of(L);
    const char *rest = strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : NULL,
               *slash = rest ? strchr(rest, '/') : NULL;
    struct lec_plugin *p;
    for (size_t pos = 0; slash && (p = lec_plugins_next(vm->plugins, &pos)) != NULL;)
        if (p->dir && strncmp(p->name, rest, (size_t)(slash - rest)) == 0 &&
            p->name[slash - rest] == '\0')
            return lua_pushfstring(L, "%s%s", p->dir, slash);
    return lua_pushfstring(L, "%s/%s", vm->dir, name);
}

int lec_vm_load_file(lua_State *L, const char *name)
{
    const char *path = lec_vm_push_path(L, name);
    const char *chunk = lua_pushfstring(L, "@%s", name);
    size_t n = 0;
    bool exists;
    char *text = read_file(path, &n, &exists);
    if (!text) {
        lua_pushfstring(L, exists ? "%s: cannot be read, or is too large" : "%s: cannot be read",
                        name);
        return LUA_ERRSYNTAX;
    }
    size_t skip = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    int status = luaL_loadbufferx(L, text + skip, n - skip, chunk, "t");
    free(text);
    return status;
}

struct text {
    char *p;
    size_t n;
};

static int push_text(lua_State *L)
{
    const struct text *text = lua_touserdata(L, 1);
    lua_pushlstring(L, text->p, text->n);
    return 1;
}

int lec_vm_read_file(lua_State *L, const char *name)
{
    const char *path = lua_pushfstring(L, "%s/%s", lec_vm_of(L)->dir, name);
    struct text text = { NULL, 0 };
    bool exists;
    lua_pushcfunction(L, push_text);
    lua_pushlightuserdata(L, &text);
    text.p = read_file(path, &text.n, &exists);
    if (!text.p)
        return LUA_ERRSYNTAX;
    int status = lua_pcall(L, 1, 1, 0); /* the text is freed whatever becomes of it */
    free(text.p);
    return status;
}
