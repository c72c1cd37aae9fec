#include "script/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define WORDS  16 /* of a name, its last byte 0 */
#define LOOKS  8  /* in the time that is waited for */
#define MAX_MS 1000

struct lec_watchdog {
    /* written by the watched thread */
    _Atomic uint64_t turn;      /* changes when a call begins or comes back; odd: being written */
    _Atomic uint64_t budget_ms; /* of the call, 0: none runs */
    _Atomic uint64_t name[WORDS];
    /* constant */
    uint64_t ms;
    clockid_t cpu;       /* of the watched thread */
    struct lec_log *log; /* its own: a log belongs to one thread */
    pthread_t thread;
    /* under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    /* the watchdog's: the call that it saw last, and when it saw it first */
    uint64_t seen, seen_ns, seen_cpu_ns;
};

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void lec_watchdog_tell(struct lec_watchdog *w, const char *what, uint64_t budget_ms)
{
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
    atomic_store_explicit(&w->turn, turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    if (what) {
        uint64_t name[WORDS] = { 0 };
        size_t n = strnlen(what, sizeof name - 1);
        memcpy(name, what, n);
        for (size_t i = 0; i <= n / sizeof *name; i++)
            atomic_store_explicit(&w->name[i], name[i], memory_order_relaxed);
    }
    atomic_store_explicit(&w->budget_ms, what ? budget_ms : 0, memory_order_relaxed);
    atomic_store_explicit(&w->turn, turn + 2, memory_order_release);
}

static void read_name(struct lec_watchdog *w, char *out)
{
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t word = atomic_load_explicit(&w->name[i], memory_order_relaxed);
        memcpy(out + i * sizeof word, &word, sizeof word);
    }
    out[WORDS * sizeof(uint64_t) - 1] = 0;
}

static void look(struct lec_watchdog *w)
{
    char name[WORDS * sizeof(uint64_t)];
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_acquire);
    uint64_t budget_ms = atomic_load_explicit(&w->budget_ms, memory_order_relaxed);
    read_name(w, name);
    atomic_thread_fence(memory_order_acquire);
    if (turn % 2 == 1 || turn != atomic_load_explicit(&w->turn, memory_order_relaxed))
        return;
    if (turn != w->seen) {
        w->seen = turn;
        w->seen_ns = read_clock(CLOCK_MONOTONIC);
        w->seen_cpu_ns = read_clock(w->cpu);
        return;
    }
    uint64_t limit_ns = (budget_ms + w->ms) * 1000000u;
    uint64_t passed = read_clock(CLOCK_MONOTONIC) - w->seen_ns;
    uint64_t computed = read_clock(w->cpu) - w->seen_cpu_ns;
    if (budget_ms == 0 || passed < limit_ns || computed < limit_ns / 2)
        return;
    lec_log(w->log, LEC_LOG_ERROR, LEC_CAT_SCRIPT, LEC_NOBODY,
            "%s is stuck for %llu ms inside one call, like a pattern that explodes, and cannot be "
            "stopped: ending the process (script.watchdog)",
            name, (unsigned long long)(passed / 1000000u));
    _exit(LEC_WATCHDOG_EXIT);
}

static void *watch(void *arg)
{
    struct lec_watchdog *w = arg;
    uint64_t step_ms = w->ms / LOOKS < 1 ? 1 : w->ms / LOOKS > MAX_MS ? MAX_MS : w->ms / LOOKS;
    pthread_mutex_lock(&w->mutex);
    while (!w->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        uint64_t ns = (uint64_t)until.tv_nsec + step_ms * 1000000u;
        until.tv_sec += (time_t)(ns / 1000000000u);
        until.tv_nsec = (long)(ns % 1000000000u);
        pthread_cond_timedwait(&w->wake, &w->mutex, &until);
        look(w);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* The thread handles no signals: those are the loop's. */
static int start(struct lec_watchdog *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

static void dispose(struct lec_watchdog *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    lec_log_free(w->log);
    free(w);
}

struct lec_watchdog *lec_watchdog_new(uint64_t ms, bool json)
{
    struct lec_watchdog *w = lec_alloc0(sizeof *w);
    pthread_condattr_t attr;
    w->ms = ms;
    w->log = lec_log_new(STDERR_FILENO);
    lec_log_set_json(w->log, json);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_getcpuclockid(pthread_self(), &w->cpu) == 0 && start(w) == 0)
        return w;
    dispose(w);
    return NULL;
}

void lec_watchdog_free(struct lec_watchdog *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    dispose(w);
}
