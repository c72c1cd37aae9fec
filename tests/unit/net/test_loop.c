/* Timers in order and never early; put-off work in order, within its turn, and before frees. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "net/loop.h"

struct tick {
    struct lec_timer timer;
    struct test *test;
    uint64_t due, fired;
    unsigned order, times;
};

struct test {
    struct lec_loop *loop;
    struct lec_timer stopper;
    unsigned fired;
    struct tick ticks[200];
    unsigned long log; /* one decimal digit an event */
    struct work {
        struct lec_later later;
        struct test *test;
        unsigned digit, again;
    } work[6];
};

static int setup(void **state)
{
    struct test *t = lec_alloc0(sizeof *t);
    t->loop = lec_loop_new();
    assert_non_null(t->loop);
    for (size_t i = 0; i < 200; i++)
        t->ticks[i].test = t;
    for (unsigned i = 0; i < 6; i++) {
        t->work[i].test = t;
        t->work[i].digit = i + 1;
    }
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;
    lec_loop_free(t->loop);
    free(t);
    return 0;
}

static void stop(struct lec_timer *timer)
{
    lec_loop_stop(LEC_CONTAINER(timer, struct test, stopper)->loop);
}

static void run(struct test *t, uint64_t ms)
{
    lec_timer_start(t->loop, &t->stopper, ms, stop);
    lec_loop_run(t->loop);
}

static void on_tick(struct lec_timer *timer)
{
    struct tick *k = LEC_CONTAINER(timer, struct tick, timer);
    assert_false(lec_timer_running(timer));
    k->fired = lec_loop_now(k->test->loop);
    k->order = k->test->fired++;
    k->times++;
}

static void start(struct test *t, unsigned i, uint64_t ms)
{
    t->ticks[i].due = lec_loop_now(t->loop) + ms;
    lec_timer_start(t->loop, &t->ticks[i].timer, ms, on_tick);
}

/* --- timers ------------------------------------------------------------------------------- */

static void timers_fire_in_order(void **state)
{
    struct test *t = *state;
    unsigned seed = 12345;
    for (unsigned i = 0; i < 200; i++) {
        seed = seed * 1103515245 + 12345;
        start(t, i, (seed >> 16) % 60);
    }
    run(t, 80);
    assert_int_equal(t->fired, 200);
    for (unsigned i = 0; i < 200; i++) {
        struct tick *k = &t->ticks[i];
        assert_true(k->fired >= k->due);
        for (unsigned j = 0; j < 200; j++)
            if (k->due < t->ticks[j].due)
                assert_true(k->order < t->ticks[j].order);
    }
}

static void timers_stop_and_restart(void **state)
{
    struct test *t = *state;
    for (unsigned i = 0; i < 100; i++)
        start(t, i, 10 + i % 7);
    for (unsigned i = 0; i < 100; i += 3)
        lec_timer_stop(t->loop, &t->ticks[i].timer);
    for (unsigned i = 1; i < 100; i += 3)
        start(t, i, 40); /* later */
    for (unsigned i = 2; i < 100; i += 6)
        start(t, i, 1);                          /* sooner */
    lec_timer_stop(t->loop, &t->ticks[0].timer); /* twice does no harm */
    run(t, 60);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(t->ticks[i].times, i % 3 == 0 ? 0 : 1);
        if (i % 3 != 0)
            assert_true(t->ticks[i].fired >= t->ticks[i].due);
        assert_false(lec_timer_running(&t->ticks[i].timer));
    }
}

static void stop_next(struct lec_timer *timer)
{
    struct tick *k = LEC_CONTAINER(timer, struct tick, timer);
    on_tick(timer);
    lec_timer_stop(k->test->loop, &k[1].timer);
}

static void timers_stop_in_a_callback(void **state)
{
    struct test *t = *state;
    lec_timer_start(t->loop, &t->ticks[0].timer, 5, stop_next);
    start(t, 1, 6);
    start(t, 2, 6);
    run(t, 20);
    assert_int_equal(t->ticks[0].times, 1);
    assert_int_equal(t->ticks[1].times, 0);
    assert_int_equal(t->ticks[2].times, 1);
}

static void tick_again(struct lec_timer *timer)
{
    struct tick *k = LEC_CONTAINER(timer, struct tick, timer);
    uint64_t before = k->fired;
    on_tick(timer);
    assert_true(k->times == 1 || k->fired > before); /* one turn runs it once */
    if (k->times < 10)
        lec_timer_start(k->test->loop, timer, 0, tick_again);
    else
        lec_loop_stop(k->test->loop);
}

static void timers_of_no_time_do_not_starve(void **state)
{
    struct test *t = *state;
    lec_timer_start(t->loop, &t->ticks[0].timer, 0, tick_again);
    start(t, 1, 3);
    lec_loop_run(t->loop); /* until the tenth */
    assert_int_equal(t->ticks[0].times, 10);
    assert_int_equal(t->ticks[1].times, 1);
    assert_true(t->ticks[1].fired < t->ticks[0].fired);
}

/* --- put-off work --------------------------------------------------------------------------- */

static unsigned work_index(struct lec_later *l, struct test **t)
{
    struct work *w = LEC_CONTAINER(l, struct work, later);
    *t = w->test;
    return w->digit - 1;
}

static void do_work(struct lec_later *l)
{
    struct test *t;
    unsigned i = work_index(l, &t);
    assert_null(l->fn);
    t->log = t->log * 10 + i + 1;
    if (t->work[i].again > 0) {
        t->work[i].again--;
        lec_loop_flush_later(t->loop, l, do_work);
    }
    if (i == 2) /* the third queues the fifth */
        lec_loop_flush_later(t->loop, &t->work[4].later, do_work);
}

static void do_free(struct lec_later *l)
{
    struct test *t;
    unsigned i = work_index(l, &t);
    t->log = t->log * 10 + i + 1;
    if (i == 3) /* what a free queues still belongs to this turn */
        lec_loop_flush_later(t->loop, &t->work[0].later, do_work);
}

static void queue_from_timer(struct lec_timer *timer)
{
    struct test *t = LEC_CONTAINER(timer, struct tick, timer)->test;
    lec_loop_free_later(t->loop, &t->work[3].later, do_free);
    lec_loop_flush_later(t->loop, &t->work[2].later, do_work);
    lec_loop_flush_later(t->loop, &t->work[0].later, do_work);
    lec_loop_flush_later(t->loop, &t->work[1].later, do_work);
    lec_loop_flush_later(t->loop, &t->work[0].later, do_work); /* changes nothing */
    t->work[1].again = 1;
}

static void check_log(struct lec_timer *timer)
{
    struct test *t = LEC_CONTAINER(timer, struct tick, timer)->test;
    assert_int_equal(t->log, 3125241); /* 3 1 2, then 5 and 2 again; then the free of 4, then 1 */
    t->fired++;
    lec_loop_stop(t->loop);
}

static void queue_and_check(struct lec_timer *timer)
{
    struct test *t = LEC_CONTAINER(timer, struct tick, timer)->test;
    queue_from_timer(timer);
    lec_timer_start(t->loop, &t->ticks[1].timer, 1, check_log); /* in a later turn */
}

static void flushes_run_before_frees_within_the_turn(void **state)
{
    struct test *t = *state;
    lec_timer_start(t->loop, &t->ticks[0].timer, 1, queue_and_check);
    lec_loop_run(t->loop);
    assert_int_equal(t->fired, 1);
}

static void a_flush_can_be_taken_back(void **state)
{
    struct test *t = *state;
    for (unsigned i = 0; i < 6; i++)
        lec_loop_flush_later(t->loop, &t->work[i].later, do_work);
    lec_loop_flush_cancel(t->loop, &t->work[0].later);
    lec_loop_flush_cancel(t->loop, &t->work[2].later);
    lec_loop_flush_cancel(t->loop, &t->work[5].later); /* the last: the queue's end moves */
    lec_loop_flush_cancel(t->loop, &t->work[5].later);
    lec_loop_flush_later(t->loop, &t->work[0].later, do_work);
    run(t, 5);
    assert_int_equal(t->log, 2451);
}

static void free_later_takes_a_flush_back(void **state)
{
    struct test *t = *state;
    lec_loop_flush_later(t->loop, &t->work[1].later, do_work);
    lec_loop_flush_later(t->loop, &t->work[0].later, do_work);
    lec_loop_free_later(t->loop, &t->work[1].later, do_free);
    run(t, 5);
    assert_int_equal(t->log, 12);
}

static void what_is_queued_when_the_loop_stops_still_runs(void **state)
{
    struct test *t = *state;
    lec_timer_start(t->loop, &t->ticks[0].timer, 1, queue_from_timer);
    lec_timer_start(t->loop, &t->stopper, 1, stop);
    lec_loop_run(t->loop);
    assert_int_equal(t->log, 3125241);
}

/* --- signals -------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signum)
{
    struct test *t = ctx;
    assert_int_equal(signum, SIGUSR1);
    t->fired++;
    lec_loop_stop(t->loop);
}

static void raise_it(struct lec_timer *timer)
{
    (void)timer;
    raise(SIGUSR1);
}

static void signals_arrive_on_the_loop(void **state)
{
    struct test *t = *state;
    assert_int_equal(lec_loop_on_signal(t->loop, SIGUSR1, on_signal, t), LEC_OK);
    assert_int_equal(lec_loop_on_signal(t->loop, SIGKILL, on_signal, t), LEC_EINVAL);
    lec_timer_start(t->loop, &t->ticks[0].timer, 1, raise_it);
    run(t, 20000);
    assert_int_equal(t->fired, 1);
    lec_timer_stop(t->loop, &t->stopper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_stop_and_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_stop_in_a_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_of_no_time_do_not_starve, setup, teardown),
        cmocka_unit_test_setup_teardown(flushes_run_before_frees_within_the_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flush_can_be_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(free_later_takes_a_flush_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_queued_when_the_loop_stops_still_runs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(signals_arrive_on_the_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
