/* The event loop: one thread's turn-based world. Everything that owns sockets, sessions, rooms or
 * Lua runs on it, and nothing here may be called from another thread.
 *
 * A turn: timers and I/O run their callbacks; then what was put off by lec_loop_flush_later runs
 * (output leaves, one write a connection); then what was given to lec_loop_free_later is freed;
 * then the loop waits. Callbacks may therefore close anything, themselves included: closing marks
 * and unlinks, and memory goes at the end of the turn.
 *
 * Owner: main. Everything given to a loop must be gone before lec_loop_free. */
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

/* Calls fn on the loop at each `signum`; one function a signal, until the loop is freed. */
int lec_loop_on_signal(struct lec_loop *loop, int signum, void (*fn)(void *ctx, int signum),
                       void *ctx) LEC_CHECK;

#endif
