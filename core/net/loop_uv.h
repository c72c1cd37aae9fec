/* The loop as libuv sees it: what loop.c (turns, timers, put-off work, signals) and service.c (watches,
 * posts, work of threads) share. Nobody else includes it, nor uv.h. */
#ifndef LEC_NET_LOOP_UV_H
#define LEC_NET_LOOP_UV_H

#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"

struct lec_later_queue {
    struct lec_later *head, **tail;
};

struct lec_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* the end of a turn: just before the loop waits */
    uv_timer_t alarm;     /* rings at the top of the heap */
    uint64_t alarm_at;    /* when it rings, UINT64_MAX if it is off */
    uint64_t not_before;  /* while timers fire: new ones fire at the next millisecond at the
                             earliest, so that one of 0 ms cannot starve the loop */
    struct lec_timer **heap;
    uint32_t heap_count, heap_cap;
    struct lec_later_queue flush, release;
    struct lec_list signals;
    uv_async_t wake;                  /* for posts */
    _Atomic(struct lec_post *) posts; /* not run yet, the newest first */
    unsigned works;                   /* that are not done */
    uint64_t began;                   /* ns */
    uint64_t busy, longest;           /* ns: of all turns; of one, since that was last asked for */
};

/* In service.c: 0, or libuv's error. */
int lec_services_init(struct lec_loop *loop);
/* Runs what was posted, and finishes what threads work on. Then no service may be used any more. */
void lec_services_fini(struct lec_loop *loop);

#endif
