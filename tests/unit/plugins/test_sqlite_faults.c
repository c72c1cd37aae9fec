/* Files that fail under the driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sqlite_help.h"

static struct driver d;

static int setup(void **state)
{
    (void)state;
    set_fault(NO_FAULT);
    driver_init(&d);
    driver_open(&d, "sqlite:test.db");
    driver_ask(&d, simple(LECTERN_DB_SCRIPT, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    set_fault(NO_FAULT);
    driver_fini(&d);
    return 0;
}

static const char *ask(const char *sql)
{
    return driver_ask(&d, simple(LECTERN_DB_BATCH, sql));
}

/* It may have gone and come back more than once. */
static void wait_until_it_is_back(void)
{
    const char *text = "";
    for (int i = 0; i < 100 && strcmp(text, "ok 1[]") != 0; i++) {
        text = ask("INSERT INTO t (b) VALUES ('lost')");
        driver_turn(&d, 50);
    }
    assert_string_equal(text, "ok 1[]");
    assert_true(d.available);
    assert_true(d.states >= 2);
}

/* From now on, many that are written at a time. */
static void all_fail(enum fault fault, const char *with)
{
    set_fault(fault);
    uint64_t ids[20];
    for (size_t i = 0; i < 20; i++)
        ids[i] = driver_submit(&d, simple(LECTERN_DB_BATCH, "INSERT INTO t (b) VALUES ('lost')"));
    for (size_t i = 0; i < 20; i++)
        begins(driver_wait(&d, ids[i]), with);
}

/* Nothing is said to be durable that was not synced; then the file is opened again. */
static void fails_and_comes_back(enum fault fault)
{
    assert_string_equal(ask("INSERT INTO t (b) VALUES ('before')"), "ok 1[]");
    all_fail(fault, "unavailable@");
    set_fault(NO_FAULT);
    wait_until_it_is_back();
    assert_string_equal(ask("INSERT INTO t (b) VALUES ('after')"), "ok 1[]");
    assert_string_equal(ask("SELECT b FROM t WHERE b <> 'lost'"), "ok 0[b]('before')('after')");
}

static void test_sync_fails(void **state)
{
    (void)state;
    fails_and_comes_back(SYNC_FAILS);
}

static void test_write_fails(void **state)
{
    (void)state;
    fails_and_comes_back(WRITE_FAILS);
}

/* The database stays there; what needs no room still works, and all does when there is some. */
static void test_disk_full(void **state)
{
    (void)state;
    assert_string_equal(ask("INSERT INTO t (b) VALUES ('before')"), "ok 1[]");
    all_fail(DISK_FULL, "full@");
    struct request r = simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('lost')");
    uint64_t begin = driver_submit(&d, r);
    begins(driver_wait(&d, begin), "ok");
    r = request_of(LECTERN_DB_COMMIT);
    request_transaction(&r, begin);
    begins(driver_ask(&d, r), "full@");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('before')");
    set_fault(NO_FAULT);
    assert_int_equal(d.states, 0);
    assert_string_equal(ask("INSERT INTO t (b) VALUES ('after')"), "ok 1[]");
    assert_string_equal(ask("SELECT b FROM t"), "ok 0[b]('before')('after')");
}

/* A file that is gone is not made anew: what it held would seem never to have been. */
static void test_a_file_that_is_gone(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/test.db", d.dir);
    assert_int_equal(unlink(path), 0);
    begins(ask("INSERT INTO t (b) VALUES ('lost')"), "unavailable@");
    driver_turn(&d, 600);
    assert_false(d.available);
    assert_int_equal(d.states, 1);
    assert_string_equal(ask("SELECT b FROM t"), "unavailable@0 the database is away");
    assert_int_equal(access(path, F_OK), -1);
}

static void test_an_interactive_transaction(void **state)
{
    (void)state;
    uint64_t begin = driver_submit(&d, simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('x')"));
    begins(driver_wait(&d, begin), "ok");
    set_fault(SYNC_FAILS);
    struct request r = request_of(LECTERN_DB_COMMIT);
    request_transaction(&r, begin);
    begins(driver_ask(&d, r), "unavailable@");
    set_fault(NO_FAULT);
    wait_until_it_is_back();
    assert_string_equal(ask("SELECT 1 AS x"), "ok 0[x](1)");
}

/* A page in the middle is damaged: what needs it fails with clear words, the rest goes on. */
static void test_a_damaged_page(void **state)
{
    (void)state;
    char path[128];
    ask("INSERT INTO t (b) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 5000) SELECT printf('%100d', i) FROM n");
    ask("CREATE TABLE other (a)");
    driver_close(&d);
    snprintf(path, sizeof path, "%s/test.db", d.dir);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 4096 * 20, SEEK_SET);
    for (int i = 0; i < 4096 * 40; i++)
        fputc(0x55, f);
    fclose(f);
    driver_open(&d, "sqlite:test.db");
    begins(ask("SELECT count(b) FROM t"), "unavailable@1 the database file is damaged");
    begins(ask("UPDATE t SET b = b || 'x'"), "unavailable@1 the database file is damaged");
    assert_string_equal(ask("INSERT INTO other VALUES (1)"), "ok 1[]");
    assert_string_equal(ask("SELECT a FROM other"), "ok 0[a](1)");
    begins(driver_ask(&d, request_of(LECTERN_DB_CHECK)), "ok 0[message]('");
    assert_null(strstr(driver_ask(&d, request_of(LECTERN_DB_CHECK)), "'ok'"));
    assert_int_equal(d.states, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sync_fails),
        TEST(test_write_fails),
        TEST(test_disk_full),
        TEST(test_a_file_that_is_gone),
        TEST(test_an_interactive_transaction),
        TEST(test_a_damaged_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
