/* lectern.core: time and coroutines. */
#include "script/task.h"
#include "script/timer.h"

#define MAX_SECONDS 4e9

static uint64_t ms_at(lua_State *L, int index, const char *name)
{
    double seconds = luaL_checknumber(L, index);
    if (!(seconds >= 0 && seconds <= MAX_SECONDS))
        lec_vm_raise(L, "%s: seconds expected, at least 0", name);
    return (uint64_t)(seconds * 1000 + 0.5);
}

static int add_timer(lua_State *L, const char *name, bool periodic)
{
    struct lec_script *s = lec_script_of(L);
    uint64_t id;
    lec_script_need_server(L, name);
    uint64_t ms = ms_at(L, 1, name);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (s->timers.count >= LEC_MAX_TIMERS)
        lec_vm_raise(L, "more than %d timers wait; is one started again and again?",
                     LEC_MAX_TIMERS);
    lua_settop(L, 2);
    int fn = luaL_ref(L, LUA_REGISTRYINDEX);
    if (lec_timers_add(s, periodic && ms == 0 ? 1 : ms, periodic, fn, &id) != LEC_OK)
        return 0;
    lua_pushnumber(L, (lua_Number)id);
    return 1;
}

/* after(seconds, fn) -> id */
static int l_after(lua_State *L)
{
    return add_timer(L, "after", false);
}

/* every(seconds, fn) -> id */
static int l_every(lua_State *L)
{
    return add_timer(L, "every", true);
}

/* cancel(id) */
static int l_cancel(lua_State *L)
{
    double id = luaL_checknumber(L, 1);
    if (id > 0 && id < 9007199254740992.0)
        lec_timers_cancel(lec_script_of(L), (uint64_t)id);
    return 0;
}

/* sleep(seconds): behind lua/lectern/wait.lua */
static int l_sleep(lua_State *L)
{
    struct lec_task *t = lec_task_to_wait(L, "sleep");
    return lec_task_wait_time(L, t, ms_at(L, 1, "sleep"));
}

struct spawn {
    lua_State *from;
    int n;
};

/* On the new coroutine: moves function and arguments over from the spawning one. */
static int take_arguments(lua_State *L, void *ud)
{
    const struct spawn *s = ud;
    luaL_checkstack(L, s->n, "too many arguments");
    lua_xmove(s->from, L, s->n);
    return s->n;
}

/* spawn(fn, …) */
static int l_spawn(lua_State *L)
{
    static const struct lec_task_type type = { 0 };
    struct lec_script *s = lec_script_of(L);
    lec_script_need_server(L, "spawn");
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (s->depth >= LEC_MAX_DEPTH)
        lec_vm_raise(L, "spawn: functions spawn each other more than %d deep", LEC_MAX_DEPTH);
    struct lec_task *t = lec_task_new(s, &type, NULL, NULL, "a spawned function");
    if (!t)
        return luaL_error(L, "not enough memory");
    struct spawn args = { L, lua_gettop(L) };
    lec_task_start(t, take_arguments, &args);
    return 0;
}

/* detach() */
static int l_detach(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    lec_script_need_server(L, "detach");
    if (s->running)
        s->running->detached = true;
    return 0;
}

void lec_lib_task(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "after", l_after }, { "every", l_every },   { "cancel", l_cancel }, { "sleep", l_sleep },
        { "spawn", l_spawn }, { "detach", l_detach }, { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
