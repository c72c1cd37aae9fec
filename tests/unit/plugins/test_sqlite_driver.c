/* The driver with its threads, as a server uses it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sqlite_help.h"

#define ENDLESS                                                                                    \
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

static struct driver d;

static int setup(void **state)
{
    (void)state;
    driver_init(&d);
    driver_open(&d, "sqlite:test.db");
    assert_string_equal(
        driver_ask(
            &d, simple(LECTERN_DB_SCRIPT, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")),
        "ok 0[]");
    return 0;
}

static int setup_memory(void **state)
{
    (void)state;
    driver_init(&d);
    driver_open(&d, "memory:");
    assert_string_equal(
        driver_ask(
            &d, simple(LECTERN_DB_SCRIPT, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")),
        "ok 0[]");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    driver_fini(&d);
    return 0;
}

static const char *ask(const char *sql)
{
    return driver_ask(&d, simple(LECTERN_DB_BATCH, sql));
}

static uint64_t submit(const char *sql)
{
    return driver_submit(&d, simple(LECTERN_DB_BATCH, sql));
}

static uint64_t submit_in(enum lectern_db_kind kind, uint64_t transaction, const char *sql)
{
    struct request r = request_of(kind);
    request_transaction(&r, transaction);
    if (*sql)
        statement(&r, sql);
    return driver_submit(&d, r);
}

static uint64_t insert(const char *b)
{
    struct request r = simple(LECTERN_DB_BATCH, "INSERT INTO t (b) VALUES ($1)");
    with_text(&r, b);
    return driver_submit(&d, r);
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    uint64_t ids[MANY];
    char text[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%d", i % 10 == 9 ? 0 : i); /* each tenth conflicts */
        ids[i] = insert(text);
    }
    for (int i = 0; i < MANY; i++)
        begins(driver_wait(&d, ids[i]), i % 10 == 9 ? "conflict@1 UNIQUE" : "ok 1[]");
    for (int i = 1; i < MANY; i++)
        assert_true(d.answers[ids[i]].order > d.answers[ids[i - 1]].order);
    assert_string_equal(ask("SELECT count(*) AS n FROM t"), "ok 0[n](900)");
}

/* What was acknowledged is seen by whoever reads next, on whatever connection. */
static void test_reads_see_what_was_answered(void **state)
{
    (void)state;
    char text[32], wanted[64];
    for (int i = 1; i <= 300; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_string_equal(driver_wait(&d, insert(text)), "ok 1[]");
        snprintf(wanted, sizeof wanted, "ok 0[n](%d)", i);
        assert_string_equal(ask("SELECT count(*) AS n FROM t"), wanted);
    }
}

static void test_ordered_reads_stand_behind_writes(void **state)
{
    (void)state;
    for (int i = 1; i <= 100; i++) {
        char text[32], wanted[64];
        snprintf(text, sizeof text, "%d", i);
        insert(text);
        struct request r = simple(LECTERN_DB_BATCH, "SELECT count(*) AS n FROM t");
        request_flags(&r, LECTERN_DB_ORDERED);
        snprintf(wanted, sizeof wanted, "ok 0[n](%d)", i);
        assert_string_equal(driver_ask(&d, r), wanted);
    }
}

/* A reader cannot run what writes after all; the writer does. */
static void test_a_read_that_writes(void **state)
{
    (void)state;
    struct request r = simple(LECTERN_DB_BATCH, "SELECT 1 AS x");
    statement(&r, "EXPLAIN SELECT 1");
    begins(driver_ask(&d, r), "ok 0[x](1) 0[addr");
    assert_string_equal(
        ask("/* ' */ WITH x AS (SELECT 'a' AS b) INSERT INTO t (b) SELECT b FROM x"), "ok 1[]");
}

/* The whole transaction of a group is undone by one of its requests: the others run once more. */
static void test_one_that_undoes_the_group(void **state)
{
    (void)state;
    uint64_t begin = driver_submit(&d, request_of(LECTERN_DB_BEGIN));
    uint64_t first = insert("1"), bad = submit("INSERT OR ROLLBACK INTO t (b) VALUES ('1')"),
             second = insert("2"), worse = submit("INSERT OR ROLLBACK INTO t (b) VALUES ('2')"),
             third = insert("3");
    assert_string_equal(driver_wait(&d, begin), "ok");
    submit_in(LECTERN_DB_COMMIT, begin, "");
    assert_string_equal(driver_wait(&d, first), "ok 1[]");
    begins(driver_wait(&d, bad), "conflict@1");
    assert_string_equal(driver_wait(&d, second), "ok 1[]");
    begins(driver_wait(&d, worse), "conflict@1");
    assert_string_equal(driver_wait(&d, third), "ok 1[]");
    assert_string_equal(ask("SELECT b FROM t ORDER BY b"), "ok 0[b]('1')('2')('3')");
}

/* A write that runs too long is stopped, and the others of its group are not lost. */
static void test_a_write_that_runs_too_long(void **state)
{
    (void)state;
    uint64_t begin = driver_submit(&d, request_of(LECTERN_DB_BEGIN));
    uint64_t first = insert("1");
    struct request r =
        simple(LECTERN_DB_BATCH, "INSERT INTO t (b) WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL "
                                 "SELECT i + 1 FROM n) SELECT i FROM n");
    request_timeout(&r, 100);
    uint64_t slow = driver_submit(&d, r), second = insert("2");
    assert_string_equal(driver_wait(&d, begin), "ok");
    submit_in(LECTERN_DB_COMMIT, begin, "");
    begins(driver_wait(&d, slow), "timeout@");
    assert_string_equal(driver_wait(&d, first), "ok 1[]");
    assert_string_equal(driver_wait(&d, second), "ok 1[]");
    assert_string_equal(ask("SELECT b FROM t ORDER BY b"), "ok 0[b]('1')('2')");
}

static void test_a_transaction_holds_the_writer(void **state)
{
    (void)state;
    uint64_t begin =
        driver_submit(&d, simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('mine')"));
    assert_string_equal(driver_wait(&d, begin), "ok 1[]");
    uint64_t other = insert("other");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]"); /* readers do not wait */
    assert_string_equal(driver_wait(&d, submit_in(LECTERN_DB_STEP, begin, "SELECT b FROM t")),
                        "ok 0[b]('mine')");
    driver_turn(&d, 30);
    assert_null(d.answers[other].text);
    assert_string_equal(driver_wait(&d, submit_in(LECTERN_DB_COMMIT, begin, "")), "ok");
    assert_string_equal(driver_wait(&d, other), "ok 1[]");
    assert_string_equal(driver_wait(&d, submit_in(LECTERN_DB_STEP, begin, "SELECT 1")),
                        "invalid@0 the transaction has ended");
    assert_string_equal(ask("SELECT b FROM t ORDER BY a"), "ok 0[b]('mine')('other')");
}

/* Steps may be sent before the BEGIN is answered, of many transactions. */
static void test_steps_that_are_early(void **state)
{
    (void)state;
    uint64_t first = driver_submit(&d, simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('1')"));
    uint64_t second = driver_submit(&d, simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('2')"));
    uint64_t of_second = submit_in(LECTERN_DB_COMMIT, second, "SELECT b FROM t");
    uint64_t of_first = submit_in(LECTERN_DB_ROLLBACK, first, "");
    assert_string_equal(driver_wait(&d, of_first), "ok");
    assert_string_equal(driver_wait(&d, of_second), "ok 0[b]('2')");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('2')");
}

static void test_a_transaction_that_is_left_open(void **state)
{
    (void)state;
    struct request r = simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('mine')");
    request_timeout(&r, 100);
    uint64_t begin = driver_submit(&d, r);
    assert_string_equal(driver_wait(&d, begin), "ok 1[]");
    uint64_t other = insert("other");
    assert_string_equal(driver_wait(&d, other), "ok 1[]");
    begins(driver_wait(&d, submit_in(LECTERN_DB_COMMIT, begin, "")),
           "timeout@0 the transaction was rolled back");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('other')");
}

static void test_a_transaction_that_fails_ends(void **state)
{
    (void)state;
    uint64_t begin = driver_submit(&d, simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('1')"));
    uint64_t bad = submit_in(LECTERN_DB_STEP, begin, "INSERT INTO t (b) VALUES ('1')"),
             late = submit_in(LECTERN_DB_COMMIT, begin, ""), other = insert("other");
    assert_string_equal(driver_wait(&d, begin), "ok 1[]");
    begins(driver_wait(&d, bad), "conflict@1");
    assert_string_equal(driver_wait(&d, late), "invalid@0 the transaction has ended");
    assert_string_equal(driver_wait(&d, other), "ok 1[]");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('other')");
}

static void test_cancel(void **state)
{
    (void)state;
    uint64_t begin = driver_submit(&d, request_of(LECTERN_DB_BEGIN));
    assert_string_equal(driver_wait(&d, begin), "ok");
    uint64_t waiting = insert("1"), next = driver_submit(&d, request_of(LECTERN_DB_BEGIN)),
             of_next = submit_in(LECTERN_DB_STEP, next, "SELECT 1");
    d.table->cancel(d.db, waiting);
    d.table->cancel(d.db, next);
    begins(driver_wait(&d, waiting), "canceled@0");
    begins(driver_wait(&d, next), "canceled@0");
    begins(driver_wait(&d, of_next), "invalid@0");
    submit_in(LECTERN_DB_ROLLBACK, begin, "");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]");

    /* A read that runs is stopped; an id that nobody knows is nothing. */
    struct request r = simple(LECTERN_DB_BATCH, ENDLESS);
    request_timeout(&r, 0);
    uint64_t endless = driver_submit(&d, r);
    driver_turn(&d, 50);
    assert_null(d.answers[endless].text);
    d.table->cancel(d.db, 4000);
    d.table->cancel(d.db, endless);
    begins(driver_wait(&d, endless), "canceled@");
}

/* Nobody waits for the BEGIN any more, though it has begun: it does not hold the others up. */
static void test_a_begin_that_is_canceled_late(void **state)
{
    (void)state;
    struct request r = request_of(LECTERN_DB_BEGIN);
    request_timeout(&r, 0);
    uint64_t begin = driver_submit(&d, r);
    assert_string_equal(driver_wait(&d, begin), "ok");
    d.table->cancel(d.db, begin);
    assert_string_equal(driver_wait(&d, insert("1")), "ok 1[]");
    begin = driver_submit(&d, request_of(LECTERN_DB_BEGIN));
    assert_string_equal(driver_wait(&d, begin), "ok");
    assert_string_equal(driver_wait(&d, submit_in(LECTERN_DB_COMMIT, begin, "")), "ok");
}

static void test_timeouts(void **state)
{
    (void)state;
    struct request r = simple(LECTERN_DB_BATCH, ENDLESS);
    request_timeout(&r, 50);
    begins(driver_ask(&d, r), "timeout@1");
    /* One that waits longer than it may is not begun. */
    uint64_t begin = driver_submit(&d, request_of(LECTERN_DB_BEGIN));
    r = simple(LECTERN_DB_BATCH, "INSERT INTO t (b) VALUES ('late')");
    request_timeout(&r, 20);
    uint64_t late = driver_submit(&d, r);
    assert_string_equal(driver_wait(&d, begin), "ok");
    driver_turn(&d, 40);
    submit_in(LECTERN_DB_COMMIT, begin, "");
    begins(driver_wait(&d, late), "timeout@0");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]");
}

static void test_a_second_opener_is_refused(void **state)
{
    (void)state;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "process %ld", (long)getpid());
    const char *err = driver_try(&d, "sqlite:test.db");
    assert_non_null(strstr(err, "is in use by another server"));
    assert_non_null(strstr(err, wanted));
    driver_close(&d);
    assert_string_equal(driver_try(&d, "sqlite:test.db"), "");
}

static void test_what_cannot_be_opened(void **state)
{
    (void)state;
    char path[128], url[160];
    assert_non_null(strstr(driver_try(&d, "sqlite:"), "names no file"));
    snprintf(url, sizeof url, "sqlite:%s/none/test.db", d.dir);
    assert_non_null(strstr(driver_try(&d, url), "No such file or directory"));
    snprintf(path, sizeof path, "%s/text.db", d.dir);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", f);
    fclose(f);
    assert_non_null(
        strstr(driver_try(&d, "sqlite:text.db"), "is damaged, or is no SQLite database"));
    snprintf(path, sizeof path, "%s/folder.db", d.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_non_null(strstr(driver_try(&d, "sqlite:folder.db"), "cannot be opened"));
}

static void test_only_its_owner_may_read_it(void **state)
{
    (void)state;
    static const char *const names[] = { "test.db", "test.db-wal", "test.db-shm", "test.db.lock" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", d.dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_it_is_there_when_opened_again(void **state)
{
    (void)state;
    assert_string_equal(driver_wait(&d, insert("kept")), "ok 1[]");
    driver_close(&d);
    driver_open(&d, "sqlite:test.db");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('kept')");
}

/* What was submitted is done before it closes; what never ends is dropped after a second. */
static void test_close(void **state)
{
    (void)state;
    uint64_t last = 0;
    char text[32];
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "%d", i);
        last = insert(text);
    }
    driver_close(&d);
    assert_string_equal(d.answers[last].text, "ok 1[]");
    driver_open(&d, "sqlite:test.db");
    assert_string_equal(ask("SELECT count(*) AS n FROM t"), "ok 0[n](500)");

    struct request r = simple(LECTERN_DB_BATCH, ENDLESS);
    request_timeout(&r, 0);
    driver_submit(&d, r);
    r = simple(LECTERN_DB_BATCH, ENDLESS);
    request_timeout(&r, 0);
    request_flags(&r, LECTERN_DB_ORDERED);
    driver_submit(&d, r);
    for (int i = 0; i < 20; i++)
        submit(ENDLESS);
    driver_turn(&d, 20);
    uint64_t before = sql_now();
    driver_close(&d);
    assert_in_range(sql_now() - before, 0, 10000);
    driver_open(&d, "sqlite:test.db");
}

static void test_close_with_an_open_transaction(void **state)
{
    (void)state;
    struct request r = simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('1')");
    request_timeout(&r, 0);
    assert_string_equal(driver_ask(&d, r), "ok 1[]");
    insert("2");
    driver_close(&d);
    driver_open(&d, "sqlite:test.db");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('2')");
}

static void test_the_size_of_the_file(void **state)
{
    (void)state;
    driver_close(&d);
    d.max_bytes = "100000";
    driver_open(&d, "sqlite:test.db");
    uint64_t small = insert("small"),
             big = submit("INSERT INTO t (b) VALUES (printf('%200000d', 1))"),
             other = insert("other");
    begins(driver_wait(&d, big), "full@");
    assert_string_equal(driver_wait(&d, small), "ok 1[]");
    assert_string_equal(driver_wait(&d, other), "ok 1[]");
    assert_string_equal(driver_wait(&d, insert("another")), "ok 1[]");
}

/* While others write; the copy is whole, and has what was there when it began. */
static void test_backup(void **state)
{
    (void)state;
    char path[128], again[160];
    snprintf(path, sizeof path, "%s/copy.db", d.dir);
    ask("INSERT INTO t (b) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 20000) SELECT printf('row %d %50d', i, i) FROM n");
    uint64_t backup = driver_submit(&d, simple(LECTERN_DB_BACKUP, path)),
             second = driver_submit(&d, simple(LECTERN_DB_BACKUP, path));
    char text[32];
    int written = 0;
    while (!d.answers[backup].text && written < 3000) {
        snprintf(text, sizeof text, "%d", written++);
        assert_string_equal(driver_wait(&d, insert(text)), "ok 1[]");
    }
    assert_string_equal(driver_wait(&d, backup), "ok");
    begins(driver_wait(&d, second), "busy@0 another backup");
    assert_in_range(written, 2, 3000);

    char err[256] = "";
    struct sql_connection *c = sql_connection_open(path, SQL_EXISTING, 0, err, sizeof err);
    assert_string_equal(err, "");
    assert_string_equal(run_on(c, 1, request_of(LECTERN_DB_CHECK)), "ok 0[message]('ok')");
    assert_string_equal(
        run_on(c, 1, simple(LECTERN_DB_BATCH, "SELECT count(*) AS n FROM t WHERE b LIKE 'row %'")),
        "ok 0[n](20000)");
    sql_connection_close(c);

    begins(driver_ask(&d, simple(LECTERN_DB_BACKUP, path)), "invalid@1");
    begins(driver_ask(&d, simple(LECTERN_DB_BACKUP, "")), "invalid@1");
    snprintf(again, sizeof again, "%s/none/copy.db", d.dir);
    begins(driver_ask(&d, simple(LECTERN_DB_BACKUP, again)), "invalid@1");
    snprintf(again, sizeof again, "%s.part", path);
    assert_int_equal(access(again, F_OK), -1);
}

static void test_check(void **state)
{
    (void)state;
    assert_string_equal(driver_ask(&d, request_of(LECTERN_DB_CHECK)), "ok 0[message]('ok')");
}

/* Whether some file of the database holds this text. */
static bool is_left(const char *text)
{
    char command[256];
    snprintf(command, sizeof command, "grep -rqF -e '%s' '%s'", text, d.dir);
    return system(command) == 0;
}

static void test_purge(void **state)
{
    (void)state;
    driver_wait(&d, insert("a secret"));
    driver_wait(&d, insert("something else"));
    ask("DELETE FROM t WHERE b = 'a secret'");
    assert_true(is_left("a secret"));
    assert_string_equal(driver_ask(&d, request_of(LECTERN_DB_PURGE)), "ok");
    assert_false(is_left("a secret"));
    assert_true(is_left("something else"));
    assert_string_equal(driver_wait(&d, insert("and on")), "ok 1[]");
}

static void test_purge_in_memory(void **state)
{
    (void)state;
    assert_string_equal(driver_ask(&d, request_of(LECTERN_DB_PURGE)), "ok");
}

static void test_bad_requests(void **state)
{
    (void)state;
    struct request r = { 0 };
    sql_bytes_number(&r.bytes, LECTERN_DB_BATCH, 1);
    begins(driver_ask(&d, r), "invalid@0");
    begins(driver_ask(&d, request_of((enum lectern_db_kind)0)), "invalid@0");
    begins(driver_ask(&d, request_of((enum lectern_db_kind)77)), "invalid@0");
    begins(driver_wait(&d, submit_in(LECTERN_DB_COMMIT, 0, "")), "invalid@0");
    begins(driver_wait(&d, submit_in(LECTERN_DB_STEP, 3999, "SELECT 1")), "invalid@0");
}

/* Not a test, but what the driver does in a second: printed for whoever looks. */
static void test_how_fast(void **state)
{
    (void)state;
    char text[32];
    struct timespec a, b;
    enum { SINGLE = 300, GROUPED = 2000 };
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < SINGLE; i++) {
        snprintf(text, sizeof text, "s%d", i);
        driver_wait(&d, insert(text));
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    double single = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    uint64_t last = 0;
    for (int i = 0; i < GROUPED; i++) {
        snprintf(text, sizeof text, "g%d", i);
        last = insert(text);
    }
    driver_wait(&d, last);
    clock_gettime(CLOCK_MONOTONIC, &a);
    double grouped = (double)(a.tv_sec - b.tv_sec) + (double)(a.tv_nsec - b.tv_nsec) / 1e9;
    print_message("inserts a second: %.0f one after the other, %.0f at once\n", SINGLE / single,
                  GROUPED / grouped);
}

#define FILE_TEST(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, setup_memory, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_many_at_once),
        MEMORY_TEST(test_many_at_once),
        FILE_TEST(test_reads_see_what_was_answered),
        MEMORY_TEST(test_reads_see_what_was_answered),
        FILE_TEST(test_ordered_reads_stand_behind_writes),
        FILE_TEST(test_a_read_that_writes),
        MEMORY_TEST(test_a_read_that_writes),
        FILE_TEST(test_one_that_undoes_the_group),
        FILE_TEST(test_a_write_that_runs_too_long),
        FILE_TEST(test_a_transaction_holds_the_writer),
        FILE_TEST(test_steps_that_are_early),
        MEMORY_TEST(test_steps_that_are_early),
        FILE_TEST(test_a_transaction_that_is_left_open),
        FILE_TEST(test_a_transaction_that_fails_ends),
        FILE_TEST(test_cancel),
        FILE_TEST(test_a_begin_that_is_canceled_late),
        FILE_TEST(test_timeouts),
        MEMORY_TEST(test_timeouts),
        FILE_TEST(test_a_second_opener_is_refused),
        FILE_TEST(test_what_cannot_be_opened),
        FILE_TEST(test_only_its_owner_may_read_it),
        FILE_TEST(test_it_is_there_when_opened_again),
        FILE_TEST(test_close),
        FILE_TEST(test_close_with_an_open_transaction),
        FILE_TEST(test_the_size_of_the_file),
        FILE_TEST(test_backup),
        MEMORY_TEST(test_backup),
        FILE_TEST(test_check),
        MEMORY_TEST(test_check),
        FILE_TEST(test_purge),
        MEMORY_TEST(test_purge_in_memory),
        FILE_TEST(test_bad_requests),
        FILE_TEST(test_how_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
