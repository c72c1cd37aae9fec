/* Watches, posts and work: what is told, in which order, and what becomes of it when its owner, or the
 * loop, ends meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/loop.h"

#define THREADS 4
#define POSTS   25000 /* of each thread */

struct test {
    struct lec_loop *loop;
    struct lec_timer stopper;
    struct lec_watch *watch;
    int fds[2]; /* of a socket pair */
    unsigned calls, events, left;
};

static int setup(void **state)
{
    struct test *t = lec_alloc0(sizeof *t);
    t->loop = lec_loop_new();
    assert_non_null(t->loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->fds), 0);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;
    lec_watch_free(t->watch);
    for (int i = 0; i < 2; i++)
        if (t->fds[i] >= 0)
            close(t->fds[i]);
    lec_loop_free(t->loop);
    free(t);
    return 0;
}

static void stop(struct lec_timer *timer)
{
    lec_loop_stop(LEC_CONTAINER(timer, struct test, stopper)->loop);
}

/* Until something stops the loop, ms at most. */
static void run(struct test *t, uint64_t ms)
{
    lec_timer_start(t->loop, &t->stopper, ms, stop);
    lec_loop_run(t->loop);
    lec_timer_stop(t->loop, &t->stopper);
}

/* --- watches ------------------------------------------------------------------------------ */

static void note(void *ctx, unsigned events)
{
    struct test *t = ctx;
    t->calls++;
    t->events = events;
    lec_loop_stop(t->loop);
}

static void a_watch_tells_what_its_descriptor_is_ready_for(void **state)
{
    struct test *t = *state;
    char c;
    t->watch = lec_watch_new(t->loop, t->fds[0], LEC_READABLE, note, t);
    assert_non_null(t->watch);
    run(t, 10);
    assert_int_equal(t->calls, 0);
    assert_int_equal(write(t->fds[1], "x", 1), 1);
    assert_int_equal(t->calls, 0); /* not from inside */
    run(t, 20000);
    assert_int_equal(t->events, LEC_READABLE);
    run(t, 20000); /* it still is */
    assert_int_equal(t->calls, 2);

    lec_watch_set(t->watch, LEC_READABLE | LEC_WRITABLE);
    run(t, 20000);
    assert_int_equal(t->events, LEC_READABLE | LEC_WRITABLE);
    assert_int_equal(read(t->fds[0], &c, 1), 1);
    run(t, 20000);
    assert_int_equal(t->events, LEC_WRITABLE);

    t->calls = 0;
    lec_watch_set(t->watch, 0);
    assert_int_equal(write(t->fds[1], "x", 1), 1);
    run(t, 10);
    assert_int_equal(t->calls, 0);
    lec_watch_set(t->watch, LEC_READABLE);
    run(t, 20000);
    assert_int_equal(t->events, LEC_READABLE);
}

static void a_hang_up_is_what_is_looked_for(void **state)
{
    struct test *t = *state;
    t->watch = lec_watch_new(t->loop, t->fds[0], LEC_READABLE, note, t);
    close(t->fds[1]);
    t->fds[1] = -1;
    run(t, 20000);
    assert_int_equal(t->events, LEC_READABLE);
}

static void an_error_is_told_again_and_again(void **state)
{
    struct test *t = *state;
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    struct lec_watch *w = lec_watch_new(t->loop, pipes[1], LEC_WRITABLE, note, t);
    close(pipes[0]);
    for (unsigned i = 1; i <= 3; i++) {
        run(t, 20000);
        assert_int_equal(t->events, LEC_WRITABLE);
        assert_int_equal(t->calls, i);
    }
    lec_watch_set(w, 0);
    run(t, 10);
    assert_int_equal(t->calls, 3);
    lec_watch_free(w);
    close(pipes[1]);
}

static void free_it(void *ctx, unsigned events)
{
    struct test *t = ctx;
    note(ctx, events);
    lec_watch_free(t->watch);
    t->watch = NULL;
    close(t->fds[0]);
    t->fds[0] = -1;
}

static void a_watch_may_be_freed_by_its_own_call(void **state)
{
    struct test *t = *state;
    t->watch = lec_watch_new(t->loop, t->fds[0], LEC_READABLE, free_it, t);
    assert_int_equal(write(t->fds[1], "x", 1), 1);
    run(t, 20000);
    run(t, 10);
    assert_int_equal(t->calls, 1);
}

static void a_broken_one_too(void **state)
{
    struct test *t = *state;
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    close(t->fds[0]);
    t->fds[0] = pipes[1];
    t->watch = lec_watch_new(t->loop, pipes[1], LEC_WRITABLE, free_it, t);
    close(pipes[0]);
    run(t, 20000);
    run(t, 10);
    assert_int_equal(t->calls, 1);
}

static struct lec_watch *other;
static void free_other(void *ctx, unsigned events)
{
    note(ctx, events);
    lec_watch_free(other);
    other = NULL;
}

/* Of two that are ready in the same turn, only the first to be told is. */
static void a_freed_watch_is_not_told_any_more(void **state)
{
    struct test *t = *state;
    struct test b = { .loop = t->loop };
    assert_int_equal(write(t->fds[0], "x", 1), 1);
    assert_int_equal(write(t->fds[1], "x", 1), 1);
    t->watch = lec_watch_new(t->loop, t->fds[0], LEC_READABLE, free_other, t);
    other = lec_watch_new(t->loop, t->fds[1], LEC_READABLE, note, &b);
    run(t, 20000);
    if (other != NULL) { /* that one came first */
        assert_int_equal(b.calls, 1);
        run(t, 20000);
    }
    unsigned told = b.calls;
    run(t, 10);
    assert_null(other);
    assert_true(t->calls > 0);
    assert_int_equal(b.calls, told);
}

/* The number is free for another file at once. */
static void a_descriptor_is_free_when_its_watch_is(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < 3; i++) {
        struct lec_watch *w = lec_watch_new(t->loop, t->fds[0], LEC_WRITABLE, note, t);
        assert_non_null(w);
        run(t, 20000);
        lec_watch_free(w);
        close(t->fds[0]);
        close(t->fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->fds), 0);
    }
    assert_int_equal(t->calls, 3);
}

static void not_every_descriptor_can_be_watched(void **state)
{
    struct test *t = *state;
    char path[] = "/tmp/lec-watch-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    errno = 0;
    assert_null(lec_watch_new(t->loop, file, LEC_READABLE, note, t));
    assert_int_equal(errno, EPERM);
    close(file);
    unlink(path);
}

/* --- posts -------------------------------------------------------------------------------- */

struct poster {
    pthread_t thread;
    struct test *test;
    unsigned next; /* the number of the call that is to come */
    struct call {
        struct lec_post post;
        struct poster *poster;
        unsigned number;
    } calls[POSTS];
};

static void on_post(struct lec_post *p)
{
    struct call *c = LEC_CONTAINER(p, struct call, post);
    assert_int_equal(c->number, c->poster->next);
    c->poster->next++;
    if (--c->poster->test->left == 0)
        lec_loop_stop(c->poster->test->loop);
}

static void *post_all(void *ctx)
{
    struct poster *p = ctx;
    for (unsigned i = 0; i < POSTS; i++) {
        p->calls[i].poster = p;
        p->calls[i].number = i;
        p->calls[i].post.fn = on_post;
        lec_loop_post(p->test->loop, &p->calls[i].post);
    }
    return NULL;
}

static void posts_of_threads_run_once_and_in_order(void **state)
{
    struct test *t = *state;
    struct poster *posters = lec_alloc0(THREADS * sizeof *posters);
    t->left = THREADS * POSTS;
    for (int i = 0; i < THREADS; i++) {
        posters[i].test = t;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    run(t, 100000);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].next, POSTS);
    }
    free(posters);
}

struct again {
    struct lec_post post;
    struct test *test;
};

static void post_again(struct lec_post *p)
{
    struct again *a = LEC_CONTAINER(p, struct again, post);
    if (++a->test->calls < 10)
        lec_loop_post(a->test->loop, p);
}

static void a_post_may_be_posted_again_and_does_not_starve_the_loop(void **state)
{
    struct test *t = *state;
    struct again a = { .post.fn = post_again, .test = t };
    lec_loop_post(t->loop, &a.post);
    assert_int_equal(t->calls, 0);
    run(t, 0);
    assert_true(t->calls < 10); /* the timer came between */
    run(t, 50);
    assert_int_equal(t->calls, 10);
}

static unsigned freed;
static void free_post(struct lec_post *p)
{
    freed++;
    free(p);
}

static struct lec_loop *loop_of_second;
static void post_second(struct lec_post *p)
{
    struct lec_post *second = lec_alloc0(sizeof *second);
    second->fn = free_post;
    lec_loop_post(loop_of_second, second);
    free_post(p);
}

static void what_is_posted_is_run_before_the_loop_goes(void **state)
{
    struct test *t = *state;
    freed = 0;
    for (int i = 0; i < 100; i++) {
        struct lec_post *p = lec_alloc0(sizeof *p);
        p->fn = i % 2 == 0 ? free_post : post_second;
        lec_loop_post(t->loop, p);
    }
    loop_of_second = t->loop;
    lec_loop_free(t->loop);
    t->loop = NULL;
    assert_int_equal(freed, 150);
}

/* --- work --------------------------------------------------------------------------------- */

struct job {
    struct lec_work work;
    struct test *test;
    pthread_t thread;
    unsigned ms, times;
    unsigned runs, dones;
};

static void on_run(struct lec_work *w)
{
    struct job *j = LEC_CONTAINER(w, struct job, work);
    nanosleep(&(struct timespec){ .tv_nsec = (long)j->ms * 1000000 }, NULL);
    j->thread = pthread_self();
    j->runs++;
}

static void on_done(struct lec_work *w)
{
    struct job *j = LEC_CONTAINER(w, struct job, work);
    if (++j->dones < j->times)
        lec_loop_work(j->test->loop, w);
    else if (--j->test->left == 0)
        lec_loop_stop(j->test->loop);
}

static void start_job(struct test *t, struct job *j, unsigned ms, unsigned times)
{
    *j = (struct job){
        .work = { .run = on_run, .done = on_done }, .test = t, .ms = ms, .times = times
    };
    t->left++;
    lec_loop_work(t->loop, &j->work);
}

static void work_is_done_by_a_thread_and_told_on_the_loop(void **state)
{
    struct test *t = *state;
    struct job jobs[20];
    for (int i = 0; i < 20; i++)
        start_job(t, &jobs[i], 1, 3);
    run(t, 20000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(jobs[i].runs, 3);
        assert_int_equal(jobs[i].dones, 3);
        assert_false(pthread_equal(jobs[i].thread, pthread_self()));
    }
}

static void cancelled_work_is_done_without_having_run(void **state)
{
    struct test *t = *state;
    struct job jobs[200]; /* more than any pool has threads */
    for (int i = 0; i < 200; i++)
        start_job(t, &jobs[i], 2, 1);
    for (int i = 100; i < 200; i++)
        lec_work_cancel(&jobs[i].work);
    lec_work_cancel(&jobs[199].work); /* twice does no harm */
    run(t, 60000);
    unsigned runs = 0;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(jobs[i].dones, 1);
        runs += jobs[i].runs;
        lec_work_cancel(&jobs[i].work); /* it is done */
    }
    assert_true(runs >= 100 && runs < 200);
}

static void work_is_done_before_the_loop_goes(void **state)
{
    struct test *t = *state;
    struct job job;
    start_job(t, &job, 20, 2);
    lec_loop_free(t->loop);
    t->loop = NULL;
    assert_int_equal(job.runs, 2);
    assert_int_equal(job.dones, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        T(a_watch_tells_what_its_descriptor_is_ready_for),
        T(a_hang_up_is_what_is_looked_for),
        T(an_error_is_told_again_and_again),
        T(a_watch_may_be_freed_by_its_own_call),
        T(a_broken_one_too),
        T(a_freed_watch_is_not_told_any_more),
        T(a_descriptor_is_free_when_its_watch_is),
        T(not_every_descriptor_can_be_watched),
        T(posts_of_threads_run_once_and_in_order),
        T(a_post_may_be_posted_again_and_does_not_starve_the_loop),
        T(what_is_posted_is_run_before_the_loop_goes),
        T(cancelled_work_is_done_without_having_run),
        T(work_is_done_by_a_thread_and_told_on_the_loop),
        T(work_is_done_before_the_loop_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
