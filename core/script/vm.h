/* One LuaJIT state with its limits: a memory cap, a time budget, and libraries without the parts
 * that reach outside (files, processes, machine code). Made for the handlers' host and, short-lived,
 * for lectern.lua.
 *
 * The compiler is off: a count hook never fires in compiled loops. The hook is always set; it
 * compares a deadline, and once that has passed it raises at every instruction until lec_vm_leave,
 * so no pcall of a script swallows it. The deadline moves by what the machine kept the processor from
 * us, so that a busy machine stops nobody. What the hook cannot stop is one long call inside C; for
 * that there is script/watchdog.h.
 *
 * Every entry into Lua is protected by its caller; the panic function is only reached by a defect
 * of ours, and ends the process. */
#ifndef LEC_SCRIPT_VM_H
#define LEC_SCRIPT_VM_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/watchdog.h"

struct lec_plugins; /* server/plugins.h */

struct lec_vm {
    lua_State *L;     /* the main state; no coroutine of a handler */
    lua_Alloc native; /* LuaJIT's own allocator, which the counting one stands in front of */
    void *native_ud;
    size_t used, cap;
    size_t reserve;  /* beyond the cap, while C works on behalf of a script that has used it up */
    long fail_after; /* tests: allocations that still succeed, < 0 for all */
    long fail_once;  /* tests: those before one that fails, < 0 for none */
    uint64_t deadline_ns; /* monotonic; 0 while C is in charge */
    uint64_t cpu_ns;      /* the thread's processor time at the first look in this budget, or 0 */
    unsigned budget_ms;   /* what the deadline was made from */
    const char *what;     /* runs, for the watchdog */
    struct lec_watchdog *watchdog; /* NULL for none; borrowed */
    bool timed_out;                /* the hook has fired since lec_vm_enter */
    char where[96];                /* file:line of that */
    int array_mt, binary_mt;       /* registry references, see script/value.h */
    const void *array_mt_at, *binary_mt_at;
    const char *dir;                   /* the script directory, "" for none; borrowed */
    const struct lec_plugins *plugins; /* whose files can be loaded too; NULL: none; borrowed */
    void *owner;
};

/* What lec_vm_enter replaced, for entries within entries. */
struct lec_vm_entry {
    uint64_t deadline_ns, at_ns;
    uint64_t cpu_ns, cpu_at_ns;
    unsigned budget_ms;
    const char *what;
    bool timed_out;
};

/* LEC_OK; LEC_ESCRIPT with a sentence in err: no memory, or a library is not there. dir is
 * borrowed. */
int lec_vm_init(struct lec_vm *vm, size_t memory, bool unsafe, const char *dir, void *owner,
                char *err, size_t err_size) LEC_CHECK;
void lec_vm_fini(struct lec_vm *vm);

static inline struct lec_vm *lec_vm_of(lua_State *L)
{
    void *ud;
    lua_getallocf(L, &ud);
    return ud;
}

/* Brackets of every stretch of script: starts a budget; ends it, and gives an outer one back the
 * time that the inner one took. what: for the watchdog; must stay until then. */
void lec_vm_enter(struct lec_vm *vm, struct lec_vm_entry *saved, const char *what,
                  uint64_t budget_ms);
void lec_vm_leave(struct lec_vm *vm, const struct lec_vm_entry *saved);

#define LEC_VM_RESERVE 262144

/* Collects garbage if the cap comes near, or `now`: LuaJIT does not when an allocation fails. Only
 * while no script runs. */
void lec_vm_tidy(struct lec_vm *vm, bool now);

/* Pushes file:line of the innermost script function, library modules skipped, and ": "; or "". May
 * raise. */
void lec_vm_where(lua_State *L);
/* Raises "file:line: message" that way. */
int lec_vm_raise(lua_State *L, const char *fmt, ...) LEC_PRINTF(2, 3);

/* Reads a file of the script directory as text and loads it, as "@name". Returns as luaL_loadbufferx
 * with the function or the message pushed. Needs protection. */
int lec_vm_load_file(lua_State *L, const char *name);
/* Pushes where such a file is: in dir, or for "plugins/NAME/…" in the folder of that plugin, wherever
 * that is. */
const char *lec_vm_push_path(lua_State *L, const char *name);
/* The same of its text, which is pushed as it is. */
int lec_vm_read_file(lua_State *L, const char *name);

#endif
