/* The control socket: both ends, the caller in a thread; who may use it, and who may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/control.h"

struct test {
    char dir[64], path[108];
    struct lec_loop *loop;
    struct lec_control *control;
    struct lec_timer poll;
    unsigned calls, gone;
    struct lec_control_call *later; /* to be answered by answer_later */
    struct lec_timer timer;
    FILE *progress;
    /* the caller */
    pthread_t thread;
    const char *line;
    struct lec_buf answer;
    int rc;
    volatile bool done;
};

static void answer_later(struct lec_timer *timer)
{
    struct test *t = LEC_CONTAINER(timer, struct test, timer);
    lec_control_answer(t->later, 1, LEC_SLICE("at last\n"));
    t->later = NULL;
}

static void on_gone(void *ctx)
{
    struct test *t = ctx;
    t->gone++;
    lec_loop_stop(t->loop);
}

static void command(void *ctx, struct lec_control_call *call, const char *line)
{
    struct test *t = ctx;
    struct lec_buf answer = { 0 };
    t->calls++;
    if (strcmp(line, "never") == 0 || strcmp(line, "later") == 0) {
        t->later = call;
        lec_control_on_gone(call, on_gone, t);
        lec_control_say(call, LEC_SLICE("half of it"));
        lec_control_say(call, LEC_SLICE(""));
        lec_control_say(call, LEC_SLICE("nearly all"));
        if (*line == 'l')
            lec_timer_start(t->loop, &t->timer, 30, answer_later);
        return;
    }
    if (strcmp(line, "large") == 0)
        for (int i = 0; i < 200000; i++)
            lec_buf_addu(&answer, 1234567890);
    else
        lec_buf_printf(&answer, "got %s\n", line);
    lec_control_answer(call,
                       strcmp(line, "fail") == 0    ? 1
                       : strcmp(line, "wrong") == 0 ? 2
                                                    : 0,
                       lec_buf_slice(&answer));
    lec_buf_fini(&answer);
}

static int setup(void **state)
{
    struct test *t = lec_alloc0(sizeof *t);
    strcpy(t->dir, "/tmp/lectern-test-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->path, sizeof t->path, "%s/c.sock", t->dir);
    t->loop = lec_loop_new();
    t->control = lec_control_new(t->loop, t->path, command, t);
    assert_non_null(t->control);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;
    lec_control_free(t->control);
    lec_loop_free(t->loop);
    lec_buf_fini(&t->answer);
    assert_int_not_equal(access(t->path, F_OK), 0); /* the socket file is gone */
    assert_int_equal(rmdir(t->dir), 0);
    free(t);
    return 0;
}

static void *call(void *arg)
{
    struct test *t = arg;
    t->rc = lec_control_call(t->path, t->line, t->progress, &t->answer);
    t->done = true;
    return NULL;
}

static void check_done(struct lec_timer *timer)
{
    struct test *t = LEC_CONTAINER(timer, struct test, poll);
    if (t->done)
        lec_loop_stop(t->loop);
    else
        lec_timer_start(t->loop, timer, 2, check_done);
}

static int ask(struct test *t, const char *line)
{
    t->line = line;
    t->done = false;
    lec_buf_fini(&t->answer);
    assert_int_equal(pthread_create(&t->thread, NULL, call, t), 0);
    lec_timer_start(t->loop, &t->poll, 1, check_done);
    lec_loop_run(t->loop);
    pthread_join(t->thread, NULL);
    return t->rc;
}

static void round_trips(void **state)
{
    struct test *t = *state;
    assert_int_equal(ask(t, "reload"), 0);
    assert_string_equal(lec_buf_str(&t->answer), "got reload\n");
    assert_int_equal(ask(t, "fail"), 1);
    assert_string_equal(lec_buf_str(&t->answer), "got fail\n");
    assert_int_equal(ask(t, "wrong"), 2);
    assert_int_equal(ask(t, ""), 0);
    assert_string_equal(lec_buf_str(&t->answer), "got \n");
    assert_int_equal(ask(t, "large"), 0);
    assert_int_equal(t->answer.n, 2000000);
    assert_int_equal(t->calls, 5);
}

static void long_lines_are_refused(void **state)
{
    struct test *t = *state;
    static char line[LEC_CONTROL_LINE + 2];
    memset(line, 'x', sizeof line - 1);
    line[LEC_CONTROL_LINE] = '\0';
    assert_int_equal(ask(t, line), 0);
    assert_int_equal(t->answer.n, 4 + LEC_CONTROL_LINE + 1);
    line[LEC_CONTROL_LINE] = 'x';
    assert_int_equal(ask(t, line), LEC_EINVAL);
    assert_int_equal(ask(t, "two\nlines"), LEC_EINVAL);
    assert_int_equal(t->calls, 1);
}

static int connect_to(struct test *t)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    memcpy(addr.sun_path, t->path, strlen(t->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void a_longer_line_of_a_rude_client_too(void **state)
{
    struct test *t = *state;
    static char line[LEC_CONTROL_LINE + 2];
    int fd = connect_to(t);
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    assert_int_equal(send(fd, line, sizeof line, MSG_NOSIGNAL), sizeof line);
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    t->done = true;
    lec_loop_run(t->loop);
    char c;
    assert_int_equal(recv(fd, &c, 1, 0) <= 0, 1);
    close(fd);
    assert_int_equal(t->calls, 0);
}

static void an_answer_may_come_later(void **state)
{
    struct test *t = *state;
    char *said = NULL;
    size_t n = 0;
    t->progress = open_memstream(&said, &n);
    assert_int_equal(ask(t, "later"), 1);
    fclose(t->progress);
    assert_string_equal(said, "half of it\nnearly all\n");
    assert_string_equal(lec_buf_str(&t->answer), "at last\n");
    assert_int_equal(t->gone, 0);
    free(said);
    t->progress = NULL;
    assert_int_equal(ask(t, "later"), 1); /* what it says of its progress nobody wants */
    assert_string_equal(lec_buf_str(&t->answer), "at last\n");
}

/* Until the asker of "never" has gone; the command has its call still. */
static void leave_it(struct test *t)
{
    int fd = connect_to(t);
    assert_int_equal(send(fd, "never\n", 6, MSG_NOSIGNAL), 6);
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    t->done = true;
    lec_loop_run(t->loop);
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->gone, 0);
    close(fd);
    lec_loop_run(t->loop);
    assert_int_equal(t->gone, 1);
}

static void a_command_hears_that_its_asker_has_gone(void **state)
{
    struct test *t = *state;
    leave_it(t);
    lec_control_say(t->later, LEC_SLICE("is anybody there?"));
    lec_control_answer(t->later, 0, LEC_SLICE("then not"));
    assert_int_equal(ask(t, "reload"), 0);
}

static void a_command_may_be_answered_after_all_has_gone(void **state)
{
    struct test *t = *state;
    int fd = connect_to(t);
    assert_int_equal(send(fd, "never\n", 6, MSG_NOSIGNAL), 6);
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    t->done = true;
    lec_loop_run(t->loop);
    lec_control_free(t->control);
    t->control = NULL;
    assert_int_equal(t->gone, 1);
    lec_control_answer(t->later, 0, LEC_SLICE("too late"));
    close(fd);
}

/* What nobody reads does not pile up. */
static void progress_has_a_bound(void **state)
{
    struct test *t = *state;
    static char line[4096];
    int fd = connect_to(t);
    assert_int_equal(send(fd, "never\n", 6, MSG_NOSIGNAL), 6);
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    t->done = true;
    lec_loop_run(t->loop);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 4096; i++) /* 16 MB */
        lec_control_say(t->later, (struct lec_slice){ line, sizeof line });
    lec_control_answer(t->later, 0, LEC_SLICE("the end"));
    size_t total = 0;
    ssize_t n;
    do {
        lec_timer_start(t->loop, &t->poll, 0, check_done);
        lec_loop_run(t->loop);
        n = recv(fd, line, sizeof line, MSG_DONTWAIT);
        total += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_int_equal(n, 0);
    assert_true(total > 65536 && total < 4000000);
    close(fd);
}

static void rude_clients_do_no_harm(void **state)
{
    struct test *t = *state;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    memcpy(addr.sun_path, t->path, strlen(t->path) + 1);
    int fds[40];
    for (int i = 0; i < 40; i++) { /* more than are let in */
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int rc = connect(fds[i], (struct sockaddr *)&addr, sizeof addr);
        if (rc == 0 && i % 2 == 0)
            assert_int_equal(send(fds[i], "relo\0ad", 7, MSG_NOSIGNAL), 7);
    }
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    t->done = true;
    lec_loop_run(t->loop);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    lec_timer_start(t->loop, &t->poll, 20, check_done);
    lec_loop_run(t->loop);
    assert_int_equal(t->calls, 0);
    assert_int_equal(ask(t, "reload"), 0);
}

static void only_its_owner_can_open_it(void **state)
{
    struct test *t = *state;
    struct stat st;
    assert_int_equal(stat(t->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_served_path_is_not_taken_over(void **state)
{
    struct test *t = *state;
    assert_null(lec_control_new(t->loop, t->path, command, t));
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(ask(t, "reload"), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
    struct test *t = *state;
    char path[108];
    snprintf(path, sizeof path, "%s/old.sock", t->dir);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    memcpy(addr.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd); /* nobody answers there any more */
    struct lec_control *second = lec_control_new(t->loop, path, command, t);
    assert_non_null(second);
    lec_control_free(second);
}

static void another_file_is_left_alone(void **state)
{
    struct test *t = *state;
    char path[108];
    snprintf(path, sizeof path, "%s/file", t->dir);
    FILE *f = fopen(path, "w");
    fclose(f);
    assert_null(lec_control_new(t->loop, path, command, t));
    assert_int_equal(unlink(path), 0); /* still there */
}

static void nobody_listens(void **state)
{
    struct lec_buf answer = { 0 };
    (void)state;
    assert_int_equal(lec_control_call("/tmp/lectern-test-none/c.sock", "x", NULL, &answer),
                     LEC_ENOTFOUND);
    assert_int_equal(answer.n, 0);
}

static void the_path(void **state)
{
    struct test *t = *state;
    char out[108], made[100];
    struct stat st;
    setenv("XDG_RUNTIME_DIR", t->dir, 1);
    assert_int_equal(lec_control_path(3001, out, sizeof out), LEC_OK);
    snprintf(made, sizeof made, "%s/lectern", t->dir);
    assert_int_equal(strncmp(out, made, strlen(made)), 0);
    assert_non_null(strstr(out, "3001"));
    assert_int_equal(stat(made, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(lec_control_path(3001, out, 10), LEC_ETOOBIG);
    chmod(made, 0750); /* not ours alone */
    assert_int_equal(lec_control_path(3001, out, sizeof out), LEC_EDENIED);
    rmdir(made);
    assert_int_equal(symlink("/tmp", made), 0); /* nor a link to elsewhere */
    assert_int_equal(lec_control_path(3001, out, sizeof out), LEC_EDENIED);
    unlink(made);
    unsetenv("XDG_RUNTIME_DIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lines_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_longer_line_of_a_rude_client_too, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_hears_that_its_asker_has_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_may_be_answered_after_all_has_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(progress_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(rude_clients_do_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(only_its_owner_can_open_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_served_path_is_not_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_is_left_alone, setup, teardown),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test_setup_teardown(the_path, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
