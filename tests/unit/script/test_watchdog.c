/* The watchdog, in child processes, since it ends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/watchdog.h"

#define FINE 3

static void compute(clockid_t clock, unsigned ms)
{
    struct timespec begin, now;
    clock_gettime(clock, &begin);
    do {
        clock_gettime(clock, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 <
             (long)ms);
}

static void stuck(struct lec_watchdog *w)
{
    lec_watchdog_tell(w, "handlers/a.lua on_search", 40);
    compute(CLOCK_MONOTONIC, 20000);
}

/* The name is cut, and what came before it is forgotten. */
static void stuck_inside(struct lec_watchdog *w)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    lec_watchdog_tell(w, name, 40);
    lec_watchdog_tell(w, "in", 40);
    compute(CLOCK_MONOTONIC, 20000);
}

static void stuck_again(struct lec_watchdog *w)
{
    lec_watchdog_tell(w, "out", 40);
    lec_watchdog_tell(w, "in", 40);
    lec_watchdog_tell(w, "out", 40);
    compute(CLOCK_MONOTONIC, 20000);
}

static void busy(struct lec_watchdog *w)
{
    for (int i = 0; i < 40; i++) {
        lec_watchdog_tell(w, "on_x", 40);
        compute(CLOCK_THREAD_CPUTIME_ID, 10);
        lec_watchdog_tell(w, NULL, 0);
    }
}

static void within_its_budget(struct lec_watchdog *w)
{
    lec_watchdog_tell(w, "on_x", 5000);
    compute(CLOCK_THREAD_CPUTIME_ID, 300);
}

static void no_script(struct lec_watchdog *w)
{
    lec_watchdog_tell(w, "on_x", 40);
    lec_watchdog_tell(w, NULL, 0);
    compute(CLOCK_THREAD_CPUTIME_ID, 300);
}

static void kept_from_the_processor(struct lec_watchdog *w)
{
    lec_watchdog_tell(w, "on_x", 40);
    nanosleep(&(struct timespec){ .tv_nsec = 400000000 }, NULL);
}

/* Runs it in a child, watched for 60 ms beyond a budget; its exit status, and what it wrote. */
static int run(void (*fn)(struct lec_watchdog *w), bool json, char *out, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        struct lec_watchdog *w = lec_watchdog_new(60, json);
        if (!w)
            _exit(1);
        fn(w);
        lec_watchdog_free(w);
        _exit(FINE);
    }
    close(ends[1]);
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = read(ends[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void what_it_ends(void **state)
{
    static const struct {
        void (*fn)(struct lec_watchdog *w);
        bool json;
        int status;
        const char *says;
    } rows[] = {
        { stuck, false, LEC_WATCHDOG_EXIT, "lectern:script handlers/a.lua on_search is stuck for" },
        { stuck, true, LEC_WATCHDOG_EXIT, "\"message\":\"handlers/a.lua on_search is stuck for" },
        { stuck_inside, false, LEC_WATCHDOG_EXIT, "script in is stuck for" },
        { stuck_again, false, LEC_WATCHDOG_EXIT, "script out is stuck for" },
        { busy, false, FINE, "" },
        { within_its_budget, false, FINE, "" },
        { no_script, false, FINE, "" },
        { kept_from_the_processor, false, FINE, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[1024];
        int status = run(rows[i].fn, rows[i].json, out, sizeof out);
        if (status != rows[i].status || !strstr(out, rows[i].says) || (status == FINE && *out != 0))
            fail_msg("row %zu: status %d: %s", i, status, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_it_ends) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
