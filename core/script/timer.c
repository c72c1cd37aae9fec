#include "script/timer.h"

#include <stdlib.h>

#include "script/task.h"

struct timer {
    uint64_t id; /* key of script->timers */
    struct lec_script *script;
    struct lec_timer clock;
    uint64_t ms, started; /* period; when the last run was due */
    int fn;               /* registry reference */
    bool periodic, running, cancelled;
};

static struct lec_slice key(const uint64_t *id)
{
    return (struct lec_slice){ (const char *)id, sizeof *id };
}

static void free_timer(struct timer *t)
{
    lec_timer_stop(t->script->loop, &t->clock);
    luaL_unref(t->script->vm.L, LUA_REGISTRYINDEX, t->fn);
    free(t);
}

static void due(struct lec_timer *clock);

static void finished(struct timer *t)
{
    t->running = false;
    if (t->cancelled) {
        free_timer(t);
        return;
    }
    if (!t->periodic) {
        lec_map_remove(&t->script->timers, key(&t->id));
        free_timer(t);
        return;
    }
    uint64_t passed = lec_loop_now(t->script->loop) - t->started;
    lec_timer_start(t->script->loop, &t->clock, passed < t->ms ? t->ms - passed : 0, due);
}

static void over(struct lec_task *task)
{
    finished(task->ctx);
}

static int push_function(lua_State *L, void *ud)
{
    const struct timer *t = ud;
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->fn);
    return 1;
}

static void due(struct lec_timer *clock)
{
    static const struct lec_task_type type = { .over = over };
    struct timer *t = LEC_CONTAINER(clock, struct timer, clock);
    t->started = lec_loop_now(t->script->loop);
    t->running = true;
    struct lec_task *task = lec_task_new(t->script, &type, NULL, NULL, "a timer");
    if (!task) {
        finished(t);
        return;
    }
    task->ctx = t;
    lec_task_start(task, push_function, t);
}

int lec_timers_add(struct lec_script *s, uint64_t ms, bool periodic, int fn, uint64_t *id)
{
    if (s->timers.count >= LEC_MAX_TIMERS)
        return LEC_EFULL;
    struct timer *t = lec_alloc0(sizeof *t);
    t->id = ++s->next_timer;
    t->script = s;
    t->ms = ms;
    t->fn = fn;
    t->periodic = periodic;
    lec_map_put(&s->timers, key(&t->id), t);
    lec_timer_start(s->loop, &t->clock, ms, due);
    *id = t->id;
    return LEC_OK;
}

void lec_timers_cancel(struct lec_script *s, uint64_t id)
{
    struct timer *t = lec_map_remove(&s->timers, key(&id));
    if (!t)
        return;
    t->cancelled = true;
    if (!t->running)
        free_timer(t);
}

void lec_timers_free(struct lec_script *s)
{
    struct timer *t;
    for (size_t pos = 0; (t = lec_map_next(&s->timers, &pos)) != NULL;)
        free_timer(t);
    lec_map_fini(&s->timers);
}
