/* What plugins in C may ask of the server, on the real loop. */
#include "server/host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

struct test {
    struct lec_loop *loop;
    struct lec_log *log;
    struct lec_host *host;
    const struct lectern_host *table;
    int log_pipe[2];
    struct lec_buf journal;
};

static struct test t;

static void note(const char *what)
{
    lec_buf_printf(&t.journal, "%s;", what);
}

static const char *setting(void *ctx, const char *name)
{
    assert_ptr_equal(ctx, &t);
    return strcmp(name, "word") == 0 ? "psst" : NULL;
}

static int setup(void **state)
{
    *state = &t;
    memset(&t, 0, sizeof t);
    assert_int_equal(pipe(t.log_pipe), 0);
    t.loop = lec_loop_new();
    t.log = lec_log_new(t.log_pipe[1]);
    t.host = lec_host_new(t.loop, t.log, "hands", "/var/lib/x", setting, &t);
    t.table = lec_host_table(t.host);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lec_host_free(t.host);
    lec_loop_free(t.loop);
    lec_log_free(t.log);
    close(t.log_pipe[0]);
    close(t.log_pipe[1]);
    lec_buf_fini(&t.journal);
    return 0;
}

static void journal_is(const char *wanted)
{
    assert_string_equal(lec_buf_str(&t.journal), wanted);
}

static void log_has(const char *wanted)
{
    char text[4096];
    ssize_t n = read(t.log_pipe[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in: %s", wanted, text);
}

static void stop(void *ctx)
{
    note(ctx);
    lec_loop_stop(t.loop);
}

static void test_table(void **state)
{
    (void)state;
    assert_int_equal(t.table->version, LECTERN_PLUGIN_VERSION);
    assert_int_equal(t.table->size, sizeof *t.table);
    assert_string_equal(t.table->state_dir, "/var/lib/x");
    assert_string_equal(t.table->setting(t.table, "word"), "psst");
    assert_string_equal(t.table->setting(t.table, "other"), "");
    t.table->log(t.table, LECTERN_WARN, "%d hands", 3);
    log_has("warn  lectern:plugin hands: 3 hands");
    t.table->log(t.table, (enum lectern_level)99, "odd");
    log_has("info  lectern:plugin hands: odd");
}

/* --- from another thread --- */

static struct lectern_post posts[3];

static void on_post(struct lectern_post *post)
{
    char name[8] = { (char)('1' + (post - posts)), '\0' };
    note(name);
    if (post == &posts[2])
        lec_loop_stop(t.loop);
}

static void *run_thread(void *ctx)
{
    (void)ctx;
    t.table->log(t.table, LECTERN_ERROR, "of a thread");
    for (size_t i = 0; i < 3; i++) {
        posts[i].fn = on_post;
        t.table->post(t.table, &posts[i]);
    }
    return NULL;
}

static void test_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_thread, NULL), 0);
    pthread_join(thread, NULL);
    journal_is("");
    lec_loop_run(t.loop);
    journal_is("1;2;3;");
    log_has("error lectern:plugin hands: of a thread");
}

/* --- work, timers, watches --- */

static pthread_t worker;

static void work_run(struct lectern_work *work)
{
    (void)work;
    worker = pthread_self();
}

static void work_done(struct lectern_work *work)
{
    (void)work;
    assert_false(pthread_equal(worker, pthread_self()));
    stop((void *)(uintptr_t) "done");
}

static void test_work(void **state)
{
    (void)state;
    struct lectern_work work = { work_run, work_done, NULL };
    t.table->work(t.table, &work);
    lec_loop_run(t.loop);
    journal_is("done;");
}

static void test_timers(void **state)
{
    (void)state;
    t.table->timer(t.table, 20, stop, (void *)(uintptr_t) "late");
    struct lectern_timer *never = t.table->timer(t.table, 5, stop, (void *)(uintptr_t) "never");
    t.table->cancel(never);
    lec_loop_run(t.loop);
    journal_is("late;");
}

static int pipes[2];
static struct lectern_watch *watch;

static void on_ready(void *ctx, unsigned events)
{
    char c;
    (void)ctx;
    assert_int_equal(events & LECTERN_READABLE, LECTERN_READABLE);
    assert_int_equal(read(pipes[0], &c, 1), 1);
    note("ready");
    t.table->rewatch(watch, 0);
    lec_loop_stop(t.loop);
}

static void test_watches(void **state)
{
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    watch = t.table->watch(t.table, pipes[0], LECTERN_READABLE, on_ready, NULL);
    assert_non_null(watch);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    lec_loop_run(t.loop);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    t.table->timer(t.table, 20, stop, (void *)(uintptr_t) "end");
    lec_loop_run(t.loop);
    journal_is("ready;end;");
    t.table->unwatch(watch);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watches, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
