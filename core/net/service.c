/* What the loop does for others: descriptors it looks at, calls that other threads ask for, and work
 * that it has threads do.
 *
 * Posts are a stack that any thread pushes on and the loop takes whole, then turns round; so a push
 * waits for nobody, and only the one that finds the stack empty wakes the loop. */
#include <errno.h>
#include <stdlib.h>

#include "net/loop_uv.h"

/* --- watches ------------------------------------------------------------------------------ */

struct lec_watch {
    uv_poll_t poll;
    unsigned events; /* that are looked for */
    bool dead;       /* freed by its owner; the memory goes when libuv has let go of it */
    lec_watch_fn *fn;
    void *ctx;
};

static void look(struct lec_watch *w);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct lec_watch *w = poll->data;
    /* At an error libuv stops looking, and says nothing of what the descriptor is ready for. */
    unsigned ready = status < 0 ? w->events
                                : (events & UV_READABLE ? LEC_READABLE : 0) |
                                      (events & UV_WRITABLE ? LEC_WRITABLE : 0);
    w->fn(w->ctx, ready);
    if (status < 0 && !w->dead)
        look(w);
}

static void look(struct lec_watch *w)
{
    if (w->events == 0)
        uv_poll_stop(&w->poll);
    else
        uv_poll_start(&w->poll,
                      (w->events & LEC_READABLE ? UV_READABLE : 0) |
                          (w->events & LEC_WRITABLE ? UV_WRITABLE : 0),
                      on_poll);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

struct lec_watch *lec_watch_new(struct lec_loop *loop, int fd, unsigned events, lec_watch_fn *fn,
                                void *ctx)
{
    struct lec_watch *w = lec_alloc0(sizeof *w);
    int rc = uv_poll_init(&loop->uv, &w->poll, fd);
    if (rc != 0) {
        free(w);
        errno = -rc;
        return NULL;
    }
    w->poll.data = w;
    w->events = events;
    w->fn = fn;
    w->ctx = ctx;
    look(w);
    return w;
}

void lec_watch_set(struct lec_watch *w, unsigned events)
{
    if (w->events == events)
        return;
    w->events = events;
    look(w);
}

void lec_watch_free(struct lec_watch *w)
{
    if (w == NULL)
        return;
    w->dead = true;
    uv_close((uv_handle_t *)&w->poll, free_watch);
}

/* --- posts -------------------------------------------------------------------------------- */

void lec_loop_post(struct lec_loop *loop, struct lec_post *p)
{
    struct lec_post *top = atomic_load_explicit(&loop->posts, memory_order_relaxed);
    do
        p->next = top;
    while (!atomic_compare_exchange_weak_explicit(&loop->posts, &top, p, memory_order_release,
                                                  memory_order_relaxed));
    /* Behind the push p is the loop's, which may have run it already. */
    if (top == NULL)
        uv_async_send(&loop->wake);
}

static bool run_posts(struct lec_loop *loop)
{
    struct lec_post *newest = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire);
    struct lec_post *oldest = NULL;
    while (newest != NULL) {
        struct lec_post *p = newest;
        newest = p->next;
        p->next = oldest;
        oldest = p;
    }
    bool any = oldest != NULL;
    while (oldest != NULL) {
        struct lec_post *p = oldest;
        oldest = p->next;
        p->fn(p);
    }
    return any;
}

static void on_wake(uv_async_t *wake)
{
    run_posts(wake->data);
}

/* --- work --------------------------------------------------------------------------------- */

/* libuv's side of a work, from lec_loop_work until its done is called. */
struct task {
    uv_work_t uv;
    struct lec_loop *loop;
    struct lec_work *work;
};

static void on_thread(uv_work_t *uv)
{
    struct lec_work *w = ((struct task *)uv->data)->work;
    w->run(w);
}

/* Status: 0, or UV_ECANCELED. */
static void on_worked(uv_work_t *uv, int status)
{
    struct task *task = uv->data;
    struct lec_work *w = task->work;
    (void)status;
    task->loop->works--;
    free(task);
    w->handle = NULL;
    w->done(w);
}

void lec_loop_work(struct lec_loop *loop, struct lec_work *w)
{
    struct task *task = lec_alloc0(sizeof *task);
    task->uv.data = task;
    task->loop = loop;
    task->work = w;
    w->handle = task;
    loop->works++;
    uv_queue_work(&loop->uv, &task->uv, on_thread, on_worked); /* fails without a function only */
}

void lec_work_cancel(struct lec_work *w)
{
    if (w->handle != NULL)
        uv_cancel((uv_req_t *)&((struct task *)w->handle)->uv); /* fails if it has begun */
}

/* --- their life ---------------------------------------------------------------------------- */

int lec_services_init(struct lec_loop *loop)
{
    loop->wake.data = loop;
    return uv_async_init(&loop->uv, &loop->wake, on_wake);
}

void lec_services_fini(struct lec_loop *loop)
{
    while (run_posts(loop) || loop->works > 0)
        uv_run(&loop->uv, loop->works > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    uv_close((uv_handle_t *)&loop->wake, NULL);
}
