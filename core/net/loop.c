/* The loop on libuv. One uv_timer stands for all our timers, which live in a binary heap inside
 * their owners; one uv_prepare is the end of a turn. libuv's turn is: timers, idle, prepare,
 * wait + I/O, so what callbacks queue leaves just before the next wait. */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/internal.h"
#include "net/loop_uv.h"

struct signal_watch {
    uv_signal_t uv;
    struct lec_list node;
    void (*fn)(void *ctx, int signum);
    void *ctx;
};

/* --- the heap ----------------------------------------------------------------------------- */

static void place(struct lec_loop *loop, struct lec_timer *t, uint32_t i)
{
    loop->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct lec_loop *loop, struct lec_timer *t, uint32_t i)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (loop->heap[parent]->at <= t->at)
            break;
        place(loop, loop->heap[parent], i);
        i = parent;
    }
    place(loop, t, i);
}

static void sift_down(struct lec_loop *loop, struct lec_timer *t, uint32_t i)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= loop->heap_count)
            break;
        if (child + 1 < loop->heap_count && loop->heap[child + 1]->at < loop->heap[child]->at)
            child++;
        if (t->at <= loop->heap[child]->at)
            break;
        place(loop, loop->heap[child], i);
        i = child;
    }
    place(loop, t, i);
}

static void fire_timers(uv_timer_t *alarm);

/* Sets the alarm if it would ring too late. One that rings too early finds nothing to do and is
 * set again, which is cheaper than resetting it whenever a timer stops. */
static void set_alarm(struct lec_loop *loop)
{
    if (loop->heap_count == 0 || loop->alarm_at <= loop->heap[0]->at)
        return;
    uint64_t now = uv_now(&loop->uv);
    loop->alarm_at = loop->heap[0]->at;
    uv_timer_start(&loop->alarm, fire_timers, loop->alarm_at > now ? loop->alarm_at - now : 0, 0);
}

static void fire_timers(uv_timer_t *alarm)
{
    struct lec_loop *loop = alarm->data;
    uint64_t now = uv_now(&loop->uv);
    loop->alarm_at = 0; /* keeps set_alarm quiet while we are here */
    loop->not_before = now + 1;
    while (loop->heap_count > 0 && loop->heap[0]->at <= now) {
        struct lec_timer *t = loop->heap[0];
        lec_timer_stop(loop, t);
        t->fn(t);
    }
    loop->not_before = 0;
    loop->alarm_at = UINT64_MAX;
    set_alarm(loop);
}

void lec_timer_start(struct lec_loop *loop, struct lec_timer *t, uint64_t ms,
                     void (*fn)(struct lec_timer *))
{
    lec_timer_stop(loop, t);
    t->fn = fn;
    t->at = uv_now(&loop->uv) + ms;
    if (t->at < loop->not_before)
        t->at = loop->not_before;
    if (loop->heap_count == loop->heap_cap) {
        loop->heap_cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
        loop->heap = lec_realloc(loop->heap, loop->heap_cap * sizeof *loop->heap);
    }
    sift_up(loop, t, loop->heap_count++);
    set_alarm(loop);
}

void lec_timer_stop(struct lec_loop *loop, struct lec_timer *t)
{
    if (t->slot == 0)
        return;
    uint32_t i = t->slot - 1;
    struct lec_timer *last = loop->heap[--loop->heap_count];
    t->slot = 0;
    if (last == t)
        return;
    if (i > 0 && loop->heap[(i - 1) / 2]->at > last->at)
        sift_up(loop, last, i);
    else
        sift_down(loop, last, i);
}

/* --- the end of a turn -------------------------------------------------------------------- */

static void enqueue(struct lec_later_queue *q, struct lec_later *l, void (*fn)(struct lec_later *))
{
    l->next = NULL;
    l->fn = fn;
    *q->tail = l;
    q->tail = &l->next;
}

static void run_first(struct lec_later_queue *q)
{
    struct lec_later *l = q->head;
    q->head = l->next;
    if (q->head == NULL)
        q->tail = &q->head;
    void (*fn)(struct lec_later *) = l->fn;
    l->fn = NULL;
    fn(l);
}

void lec_loop_flush_later(struct lec_loop *loop, struct lec_later *l,
                          void (*fn)(struct lec_later *))
{
    if (l->fn == NULL)
        enqueue(&loop->flush, l, fn);
}

void lec_loop_flush_cancel(struct lec_loop *loop, struct lec_later *l)
{
    if (l->fn == NULL)
        return;
    struct lec_later **at = &loop->flush.head;
    while (*at != NULL && *at != l)
        at = &(*at)->next;
    if (*at == NULL)
        return; /* it waits to be freed, which nothing takes back */
    *at = l->next;
    if (loop->flush.tail == &l->next)
        loop->flush.tail = at;
    l->fn = NULL;
}

void lec_loop_free_later(struct lec_loop *loop, struct lec_later *l, void (*fn)(struct lec_later *))
{
    lec_loop_flush_cancel(loop, l);
    assert(l->fn == NULL);
    enqueue(&loop->release, l, fn);
}

void lec_loop_end_turn(struct lec_loop *loop)
{
    while (loop->flush.head != NULL || loop->release.head != NULL) {
        if (loop->flush.head != NULL)
            run_first(&loop->flush);
        else
            run_first(&loop->release);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct lec_loop *loop = prepare->data;
    lec_loop_end_turn(loop);
    uint64_t busy = uv_hrtime() - loop->began - uv_metrics_idle_time(&loop->uv);
    if (busy > loop->busy + loop->longest)
        loop->longest = busy - loop->busy;
    loop->busy = busy;
}

struct lec_loop_usage lec_loop_usage(struct lec_loop *loop)
{
    struct lec_loop_usage usage = { loop->busy / 1000, loop->longest / 1000 };
    loop->longest = 0;
    return usage;
}

/* --- the loop ----------------------------------------------------------------------------- */

struct lec_loop *lec_loop_new(void)
{
    struct lec_loop *loop = lec_alloc0(sizeof *loop);
    int rc = uv_loop_init(&loop->uv);
    if (rc == 0 && (rc = lec_services_init(loop)) != 0)
        uv_loop_close(&loop->uv);
    if (rc != 0) {
        free(loop);
        errno = -rc;
        return NULL;
    }
    uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
    loop->began = uv_hrtime();
    loop->flush.tail = &loop->flush.head;
    loop->release.tail = &loop->release.head;
    lec_list_init(&loop->signals);
    loop->alarm_at = UINT64_MAX;
    loop->prepare.data = loop->alarm.data = loop;
    uv_timer_init(&loop->uv, &loop->alarm);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_prepare_start(&loop->prepare, on_prepare);
    return loop;
}

void lec_loop_run(struct lec_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    lec_loop_end_turn(loop); /* uv_stop ends libuv's turn before its next prepare */
}

void lec_loop_stop(struct lec_loop *loop)
{
    uv_stop(&loop->uv);
}

size_t lec_loop_timers(const struct lec_loop *loop)
{
    return loop->heap_count;
}

uint64_t lec_loop_now(const struct lec_loop *loop)
{
    return uv_now(&loop->uv);
}

static void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(unsigned *)count;
}

static unsigned handles(struct lec_loop *loop)
{
    unsigned n = 0;
    uv_walk(&loop->uv, count_handle, &n);
    return n;
}

static void settle(struct lec_loop *loop)
{
    for (int i = 0; i < 100 && handles(loop) > 0; i++)
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    lec_loop_end_turn(loop);
}

static void free_signal(uv_handle_t *handle)
{
    free(handle->data);
}

void lec_loop_free(struct lec_loop *loop)
{
    if (loop == NULL)
        return;
    lec_loop_end_turn(loop);
    lec_services_fini(loop);
    struct lec_list *n;
    while ((n = lec_list_shift(&loop->signals)) != NULL)
        uv_close((uv_handle_t *)&LEC_CONTAINER(n, struct signal_watch, node)->uv, free_signal);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    settle(loop);
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0); /* something that was given to the loop is still there */
    (void)rc;
    free(loop->heap);
    free(loop);
}

static void on_signal(uv_signal_t *uv, int signum)
{
    struct signal_watch *w = uv->data;
    w->fn(w->ctx, signum);
}

int lec_loop_on_signal(struct lec_loop *loop, int signum, void (*fn)(void *ctx, int signum),
                       void *ctx)
{
    struct signal_watch *w = lec_alloc0(sizeof *w);
    w->fn = fn;
    w->ctx = ctx;
    w->uv.data = w;
    int rc = uv_signal_init(&loop->uv, &w->uv);
    if (rc != 0) {
        free(w);
        errno = -rc;
        return LEC_EIO;
    }
    rc = uv_signal_start(&w->uv, on_signal, signum);
    if (rc != 0) {
        uv_close((uv_handle_t *)&w->uv, free_signal);
        errno = -rc;
        return LEC_EINVAL;
    }
    lec_list_append(&loop->signals, &w->node);
    return LEC_OK;
}
