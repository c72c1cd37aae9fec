/* The event loop: one thread's turn-based world. Everything that owns sockets, sessions, rooms or
 * Lua runs on it, and nothing here may be called from another thread.
 *
 * A turn: timers and I/O run their callbacks; then what was put off by lec_loop_flush_later runs
 * (output leaves, one write a connection); then what was given to lec_loop_free_later is freed;
 * then the loop waits. Callbacks may therefore close anything, themselves included: closing marks
 * and unlinks, and memory goes at the end of the turn.
 *
 * Owner: main. Everything given to a loop must be gone before lec_loop_free, but what was posted and
 * what threads work on: that is run and done there. */
#ifndef LEC_NET_LOOP_H
#define LEC_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct lec_loop;

/* NULL if the operating system refuses (errno). */
struct lec_loop *lec_loop_new(void);
void lec_loop_free(struct lec_loop *loop);
void lec_loop_run(struct lec_loop *loop);  /* until lec_loop_stop */
void lec_loop_stop(struct lec_loop *loop); /* after this turn */

/* Milliseconds of a clock that never jumps, read once a turn. */
uint64_t lec_loop_now(const struct lec_loop *loop);

/* What turns took: the time between waking up and waiting again, the end of the turn included. */
struct lec_loop_usage {
    uint64_t busy_us;    /* of all turns so far */
    uint64_t longest_us; /* one turn, since this was last asked: how late something may have been */
};
struct lec_loop_usage lec_loop_usage(struct lec_loop *loop);

/* A timer lives inside its owner, which stops it before it dies. All zero is a stopped one.
 * Precise to the millisecond, never early; O(log n). */
struct lec_timer {
    uint64_t at;   /* private: when, in ms of the loop's clock */
    uint32_t slot; /* private: place in the heap + 1, 0 when stopped */
    void (*fn)(struct lec_timer *t);
};

void lec_timer_start(struct lec_loop *loop, struct lec_timer *t, uint64_t ms,
                     void (*fn)(struct lec_timer *)); /* restarts a running one */
void lec_timer_stop(struct lec_loop *loop, struct lec_timer *t);
size_t lec_loop_timers(const struct lec_loop *loop); /* that run */
static inline bool lec_timer_running(const struct lec_timer *t)
{
    return t->slot != 0;
}
/* When it is to fire, or was when it last ran; of the loop's clock. */
static inline uint64_t lec_timer_due(const struct lec_timer *t)
{
    return t->at;
}

/* Work put off to the end of the turn; lives inside its owner. Once queued, further calls in the
 * same turn change nothing. Zero it before first use. */
struct lec_later {
    struct lec_later *next;
    void (*fn)(struct lec_later *l); /* NULL: it is not queued */
};

/* Runs fn at the end of this turn. What runs there may queue more: it runs in the same turn. */
void lec_loop_flush_later(struct lec_loop *loop, struct lec_later *l,
                          void (*fn)(struct lec_later *));
/* Takes back a queued call, for an owner that dies. */
void lec_loop_flush_cancel(struct lec_loop *loop, struct lec_later *l);
/* Runs fn, which frees its container, after all output of this turn has left. */
void lec_loop_free_later(struct lec_loop *loop, struct lec_later *l,
                         void (*fn)(struct lec_later *));

/* --- services ----------------------------------------------------------------------------- */

/* Looks at a descriptor, which its owner keeps open until lec_watch_free; one watch a descriptor. fn
 * gets what it is ready for of what is looked for, again and again as long as it is, never from inside
 * these functions; an error or a hang-up of the descriptor counts as all that is looked for. */
#define LEC_READABLE 1u
#define LEC_WRITABLE 2u
struct lec_watch;
typedef void lec_watch_fn(void *ctx, unsigned events);
/* NULL: it cannot be watched (errno). */
struct lec_watch *lec_watch_new(struct lec_loop *loop, int fd, unsigned events, lec_watch_fn *fn,
                                void *ctx);
void lec_watch_set(struct lec_watch *w, unsigned events); /* 0: nothing for now */
/* fn is not called any more; the descriptor may be closed at once. NULL is fine. */
void lec_watch_free(struct lec_watch *w);

/* A call that another thread asks for. Lives inside its owner, which keeps it until fn was called;
 * then it may be posted again. The one thing here that any thread may do, as long as the loop lives.
 * Posts run in their order; many are one wake-up. What one posts while it runs is for a later turn. */
struct lec_post {
    struct lec_post *next;
    void (*fn)(struct lec_post *p);
};
void lec_loop_post(struct lec_loop *loop, struct lec_post *p);

/* Work that blocks: run on a thread of a pool (of a few for the whole process), then done on the loop.
 * Lives inside its owner, which keeps it until done was called. What has not begun when
 * lec_work_cancel is called never runs, and is done all the same. */
struct lec_work {
    void *handle; /* private */
    void (*run)(struct lec_work *w);
    void (*done)(struct lec_work *w);
};
void lec_loop_work(struct lec_loop *loop, struct lec_work *w);
void lec_work_cancel(struct lec_work *w);

/* Calls fn on the loop at each `signum`; one function a signal, until the loop is freed. */
int lec_loop_on_signal(struct lec_loop *loop, int signum, void (*fn)(void *ctx, int signum),
                       void *ctx) LEC_CHECK;

#endif
