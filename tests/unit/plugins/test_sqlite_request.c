/* One request on one connection, without threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sqlite_help.h"

static struct sql_connection *open_memory(void)
{
    char err[256] = "";
    struct sql_connection *c = sql_connection_open(":memory:", SQL_CREATE, 0, err, sizeof err);
    assert_string_equal(err, "");
    return c;
}

static int setup(void **state)
{
    struct sql_connection *c = open_memory();
    assert_string_equal(
        run_on(c, 1,
               simple(LECTERN_DB_SCRIPT, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, "
                                         "c REAL CHECK (c < 100), d BLOB, e BOOLEAN);"
                                         "CREATE TABLE child (t INTEGER NOT NULL REFERENCES t (a));"
                                         "CREATE TABLE later (t INTEGER REFERENCES t (a) "
                                         "DEFERRABLE INITIALLY DEFERRED);")),
        "ok 0[]");
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    sql_connection_close(*state);
    return 0;
}

static void batch_is(struct sql_connection *c, const char *sql, const char *answer)
{
    assert_string_equal(run_on(c, 1, simple(LECTERN_DB_BATCH, sql)), answer);
}

static void batch_begins(struct sql_connection *c, const char *sql, const char *with)
{
    begins(run_on(c, 1, simple(LECTERN_DB_BATCH, sql)), with);
}

static void test_values_come_back(void **state)
{
    struct request r = request_of(LECTERN_DB_BATCH);
    statement(&r, "INSERT INTO t VALUES ($1, $2, $3, $4, $5)");
    with_integer(&r, -9223372036854775807LL - 1);
    with_text(&r, "h\xc3\xa9, 'x'");
    with_real(&r, 0.5);
    with_blob(&r, "\0\xff", 2);
    with_boolean(&r, true);
    statement(&r, "SELECT a, b, c, d, e, $1, $2 IS NULL AS n FROM t");
    with_real(&r, 2);
    with_null(&r);
    assert_string_equal(run_on(*state, 1, r),
                        "ok 1[] 0[a b c d e $1 n]"
                        "(-9223372036854775808 'h\xc3\xa9, 'x'' 0.5 x00ff true 2.0 1)");
}

static void test_parameters_in_any_order(void **state)
{
    struct request r = simple(LECTERN_DB_BATCH, "SELECT $2 AS a, $1 AS b, $2 AS c");
    with_text(&r, "one");
    with_text(&r, "two");
    assert_string_equal(run_on(*state, 1, r), "ok 0[a b c]('two' 'one' 'two')");
}

static void test_parameters_that_are_wrong(void **state)
{
    struct request r = simple(LECTERN_DB_BATCH, "SELECT $1, $2");
    with_integer(&r, 1);
    assert_string_equal(run_on(*state, 1, r),
                        "invalid@1 the statement has 2 parameters, but 1 came with it");
    r = simple(LECTERN_DB_BATCH, "SELECT 1");
    with_integer(&r, 1);
    assert_string_equal(run_on(*state, 1, r),
                        "invalid@1 the statement has 0 parameters, but 1 came with it");
    r = simple(LECTERN_DB_BATCH, "SELECT $3");
    with_integer(&r, 1);
    assert_string_equal(run_on(*state, 1, r),
                        "invalid@1 the statement names $3, but has 1 parameters");
    static const char *const strange[] = { "SELECT ?",  "SELECT ?1",  "SELECT :a",
                                           "SELECT @a", "SELECT $a",  "SELECT $01",
                                           "SELECT $0", "SELECT $1x", "SELECT $99999" };
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        r = simple(LECTERN_DB_BATCH, strange[i]);
        with_integer(&r, 1);
        assert_string_equal(run_on(*state, 1, r),
                            "invalid@1 parameters of a statement are $1, $2 and so on");
    }
}

static void test_many_parameters(void **state)
{
    struct request r = request_of(LECTERN_DB_BATCH);
    char sql[1000] = "SELECT 0";
    for (int i = 1; i <= 40; i++)
        sprintf(sql + strlen(sql), " + $%d", i);
    statement(&r, sql);
    for (int i = 1; i <= 40; i++)
        with_integer(&r, i);
    const char *text = run_on(*state, 1, r);
    assert_non_null(strstr(text, "(820)"));
}

static void test_a_batch_is_one_transaction(void **state)
{
    struct request r = request_of(LECTERN_DB_BATCH);
    statement(&r, "INSERT INTO t (b) VALUES ('x')");
    statement(&r, "INSERT INTO t (b) VALUES ('x')");
    assert_string_equal(run_on(*state, 1, r), "conflict@2 UNIQUE constraint failed: t.b");
    batch_is(*state, "SELECT count(*) AS n FROM t", "ok 0[n](0)");
}

static void test_changes_and_returning(void **state)
{
    batch_is(*state, "INSERT INTO t (b) VALUES ('x'), ('y') RETURNING a, b",
             "ok 2[a b](1 'x')(2 'y')");
    batch_is(*state, "UPDATE t SET c = 1", "ok 2[]");
    batch_is(*state, "DELETE FROM t WHERE b = 'none'", "ok 0[]");
    batch_is(*state, "SELECT 1 AS x", "ok 0[x](1)");
    batch_is(*state, "CREATE TABLE other (a)", "ok 0[]");
}

static void test_codes(void **state)
{
    struct sql_connection *c = *state;
    batch_is(c, "INSERT INTO t (c) VALUES (100)", "conflict@1 CHECK constraint failed: c < 100");
    batch_is(c, "INSERT INTO child VALUES (7)", "conflict@1 FOREIGN KEY constraint failed");
    batch_is(c, "INSERT INTO child VALUES (NULL)",
             "conflict@1 NOT NULL constraint failed: child.t");
    batch_is(c, "INSERT INTO later VALUES (7)", "conflict@0 FOREIGN KEY constraint failed");
    batch_is(c, "SELECT count(*) AS n FROM later", "ok 0[n](0)");
    batch_is(c, "SELECT * FROM missing", "invalid@1 no such table: missing");
    batch_begins(c, "SELEC 1", "invalid@1 near \"SELEC\"");
    batch_is(c, "SELECT \"text\"", "invalid@1 no such column: text");
    batch_is(c, "INSERT INTO t (a) VALUES ('x')", "invalid@1 datatype mismatch");
    batch_is(c, "", "invalid@1 there is no statement in it");
    batch_is(c, " -- only this", "invalid@1 there is no statement in it");
    batch_is(c, "SELECT 1; SELECT 2",
             "invalid@1 this is more than one statement; each goes by itself");
    batch_is(c, "SELECT 1; SELEC",
             "invalid@1 this is more than one statement; each goes by itself");
    batch_is(c, "SELECT 1 AS x; -- fine\n ; /* too */", "ok 0[x](1)");
    batch_is(c, "SELECT zeroblob(100000000) AS z", "too_big@1 string or blob too big");
    assert_string_equal(run_on(c, 1, request_of((enum lectern_db_kind)99)),
                        "invalid@0 there is no such kind of request");
    assert_string_equal(run_on(c, 1, request_of(LECTERN_DB_BATCH)), "ok");
}

/* It repeats what was sent, which may be long: no character of it is cut. */
static void test_long_messages(void **state)
{
    for (size_t shift = 0; shift < 2; shift++) {
        char sql[3000] = "SELECT \"xx";
        size_t at = strlen(sql) - shift;
        for (; at < 2500; at += 2)
            memcpy(sql + at, "\xc3\xa4", 2);
        sql[at++] = '"';
        sql[at] = '\0';
        const char *text = run_on(*state, 1, simple(LECTERN_DB_BATCH, sql));
        size_t n = strlen(text);
        assert_in_range(n, 1990, 2100);
        assert_memory_equal(text + n - 2, "\xc3\xa4", 2);
    }
}

static void test_bounds(void **state)
{
    struct request r = simple(LECTERN_DB_BATCH, "VALUES (1), (2), (3)");
    request_bounds(&r, 3, 1000);
    begins(run_on(*state, 1, r), "ok");
    r = simple(LECTERN_DB_BATCH, "VALUES (1), (2), (3)");
    statement(&r, "SELECT 4");
    request_bounds(&r, 3, 1000);
    begins(run_on(*state, 1, r), "too_big@2 more than 3 rows, or 1000 bytes");
    r = simple(LECTERN_DB_BATCH, "INSERT INTO t (b) VALUES (printf('%2000d', 1)) RETURNING b");
    request_bounds(&r, 3, 1000);
    begins(run_on(*state, 1, r), "too_big@1");
    batch_is(*state, "SELECT count(*) AS n FROM t", "ok 0[n](0)");
    /* One row over another number of bytes, from none up to what it takes. */
    bool fits = false;
    for (uint32_t bytes = 0; bytes < 64 && !fits; bytes++) {
        r = simple(LECTERN_DB_BATCH, "SELECT 'abc' AS a, 1 AS b");
        request_bounds(&r, 1, bytes);
        const char *text = run_on(*state, 1, r);
        fits = strncmp(text, "ok", 2) == 0;
        if (!fits)
            begins(text, "too_big@1");
    }
    assert_true(fits);
}

static void test_a_request_that_is_cut(void **state)
{
    struct request r = request_of(LECTERN_DB_BATCH);
    statement(&r, "INSERT INTO t (b, c) VALUES ($1, $2)");
    with_text(&r, "x");
    with_real(&r, 1);
    for (size_t n = 0; n < r.bytes.n; n++) {
        struct request cut = { 0 };
        sql_bytes_add(&cut.bytes, r.bytes.p, n);
        begins(run_on(*state, 1, cut), "invalid");
    }
    struct request longer = { 0 };
    sql_bytes_add(&longer.bytes, r.bytes.p, r.bytes.n);
    sql_bytes_number(&longer.bytes, 0, 1);
    assert_string_equal(run_on(*state, 1, longer),
                        "invalid@0 the request is not as long as it says");
    batch_is(*state, "SELECT count(*) AS n FROM t", "ok 0[n](0)");
    free(r.bytes.p);
}

static void test_scripts_may_not(void **state)
{
    static const char *const refused[] = {
        "ATTACH '/tmp/other.db' AS other",
        "DETACH main",
        "PRAGMA writable_schema=1",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA foreign_keys=0",
        "PRAGMA user_version=3",
        "PRAGMA synchronous=OFF",
        "PRAGMA wal_checkpoint",
        "PRAGMA temp_store_directory='/tmp'",
        "SELECT load_extension('/tmp/x.so')",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT x",
        "RELEASE item",
        "CREATE TEMP TABLE x (a)",
        "CREATE TABLE temp.x (a)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "VACUUM",
        "VACUUM INTO '/tmp/other.db'",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 1, '')",
        "DELETE FROM sqlite_schema",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct request r = request_of(LECTERN_DB_BATCH);
        statement(&r, refused[i]);
        begins(run_on(*state, 1, r), "invalid@1 ");
        begins(run_on(*state, 1, simple(LECTERN_DB_SCRIPT, refused[i])), "invalid@1 ");
        assert_false(sql_in_transaction(*state));
    }
    batch_begins(*state, "ATTACH '/tmp/other.db' AS other",
                 "invalid@1 not allowed here: transactions, other files");
    batch_begins(*state, "PRAGMA table_info(t)", "ok 0[cid name type");
    batch_is(*state, "PRAGMA user_version", "ok 0[user_version](0)");
}

/* Ours are prepared anew when the schema changes, and are still allowed. */
static void test_our_own_statements_go_on(void **state)
{
    for (int i = 0; i < 5; i++) {
        char sql[80];
        sprintf(sql, "CREATE TABLE made%d (a)", i);
        batch_is(*state, sql, "ok 0[]");
        batch_is(*state, "SELECT x FROM missing", "invalid@1 no such table: missing");
    }
}

static void test_a_cached_statement_sees_new_columns(void **state)
{
    batch_is(*state, "INSERT INTO child SELECT 1 WHERE 0", "ok 0[]");
    batch_is(*state, "SELECT * FROM child", "ok 0[t]");
    batch_is(*state, "ALTER TABLE child ADD COLUMN more TEXT", "ok 0[]");
    batch_is(*state, "SELECT * FROM child", "ok 0[t more]");
}

static void test_more_statements_than_are_kept(void **state)
{
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < SQL_CACHE + 50; i++) {
            char sql[80], answer[80];
            sprintf(sql, "SELECT %d AS x", i);
            sprintf(answer, "ok 0[x](%d)", i);
            batch_is(*state, sql, answer);
        }
    char *longer = sql_alloc(40000);
    memset(longer, ' ', 39990);
    memcpy(longer, "SELECT", 6);
    strcpy(longer + 39980, "1 AS x");
    batch_is(*state, longer, "ok 0[x](1)");
    batch_is(*state, longer, "ok 0[x](1)");
    free(longer);
}

static void test_a_transaction_in_steps(void **state)
{
    struct sql_connection *c = *state;
    struct request r = simple(LECTERN_DB_BEGIN, "INSERT INTO t (b) VALUES ('x')");
    assert_string_equal(run_on(c, 5, r), "ok 1[]");
    batch_is(c, "SELECT 1", "busy@0 a transaction is open");
    r = simple(LECTERN_DB_STEP, "SELECT b FROM t");
    request_transaction(&r, 4);
    assert_string_equal(run_on(c, 6, r), "invalid@0 the transaction has ended");
    r = simple(LECTERN_DB_STEP, "SELECT b FROM t");
    request_transaction(&r, 5);
    assert_string_equal(run_on(c, 7, r), "ok 0[b]('x')");
    r = simple(LECTERN_DB_COMMIT, "SELECT 2 AS two");
    request_transaction(&r, 5);
    assert_string_equal(run_on(c, 8, r), "ok 0[two](2)");
    assert_false(sql_in_transaction(c));
    batch_is(c, "SELECT count(*) AS n FROM t", "ok 0[n](1)");

    assert_string_equal(run_on(c, 9, simple(LECTERN_DB_BEGIN, "DELETE FROM t")), "ok 1[]");
    r = request_of(LECTERN_DB_ROLLBACK);
    request_transaction(&r, 9);
    assert_string_equal(run_on(c, 10, r), "ok");
    batch_is(c, "SELECT count(*) AS n FROM t", "ok 0[n](1)");

    /* An error ends it. */
    assert_string_equal(run_on(c, 11, simple(LECTERN_DB_BEGIN, "DELETE FROM t")), "ok 1[]");
    r = simple(LECTERN_DB_STEP, "SELECT b FROM missing");
    request_transaction(&r, 11);
    assert_string_equal(run_on(c, 12, r), "invalid@1 no such table: missing");
    r = request_of(LECTERN_DB_COMMIT);
    request_transaction(&r, 11);
    assert_string_equal(run_on(c, 13, r), "invalid@0 the transaction has ended");
    batch_is(c, "SELECT count(*) AS n FROM t", "ok 0[n](1)");
}

static void test_a_deferred_reference_may_be_mended(void **state)
{
    struct sql_connection *c = *state;
    assert_string_equal(run_on(c, 5, simple(LECTERN_DB_BEGIN, "INSERT INTO later VALUES (7)")),
                        "ok 1[]");
    struct request r = simple(LECTERN_DB_COMMIT, "INSERT INTO t (a) VALUES (7)");
    request_transaction(&r, 5);
    assert_string_equal(run_on(c, 6, r), "ok 1[]");
    assert_string_equal(run_on(c, 7, simple(LECTERN_DB_BEGIN, "INSERT INTO later VALUES (8)")),
                        "ok 1[]");
    r = request_of(LECTERN_DB_COMMIT);
    request_transaction(&r, 7);
    assert_string_equal(run_on(c, 8, r), "conflict@0 FOREIGN KEY constraint failed");
    assert_false(sql_in_transaction(c));
}

static void test_the_answer_as_a_parameter(void **state)
{
    struct request r = request_of(LECTERN_DB_BATCH);
    statement(&r, "INSERT INTO t (a, b) VALUES (1, 'x') RETURNING a, b");
    statement(&r, "INSERT INTO t (a, d) VALUES (2, $1)");
    with_answer(&r);
    statement(&r, "UPDATE t SET c = 1 RETURNING a");
    assert_string_equal(run_on(*state, 1, r), "ok 1[a b](1 'x') 1[] 2[a](1)(2)");

    struct sql_bytes answer = { 0 };
    r = simple(LECTERN_DB_BATCH, "SELECT d FROM t WHERE a = 2");
    sql_run(*state, 1, r.bytes.p, r.bytes.n, &answer);
    struct lectern_reader reader = lectern_read(answer.p, answer.n);
    uint32_t n;
    lectern_read_number(&reader, 1 + 2);
    lectern_read_number(&reader, 8);
    lectern_read_number(&reader, 2);
    lectern_read_bytes(&reader, 2, &n);
    lectern_read_number(&reader, 4);
    struct lectern_value v = lectern_read_value(&reader);
    assert_int_equal(v.type, LECTERN_BLOB);
    assert_string_equal(answer_text(v.text.p, v.text.n), "ok 1[a b](1 'x')");
    free(answer.p);
    free(r.bytes.p);
}

static void test_what_runs_too_long_is_stopped(void **state)
{
    struct sql_connection *c = *state;
    static const char endless[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    c->deadline = sql_now() + 50;
    batch_is(c, endless, "timeout@1 it took too long, and was undone");
    c->deadline = sql_now() + 50;
    batch_is(c,
             "INSERT INTO t (c) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT 2 FROM n) "
             "SELECT 1 FROM n",
             "timeout@1 it took too long, and was undone");
    c->deadline = 0;
    assert_false(sql_in_transaction(c));
    batch_is(c, "SELECT count(*) AS n FROM t", "ok 0[n](0)");
    atomic_bool canceled = true;
    c->canceled = &canceled;
    batch_is(c, endless, "canceled@1 it was canceled");
    c->canceled = NULL;
    batch_is(c, "SELECT 1 AS x", "ok 0[x](1)");
}

static void test_scripts(void **state)
{
    struct sql_connection *c = *state;
    struct request r = request_of(LECTERN_DB_SCRIPT);
    statement(&r, "INSERT INTO t (b) VALUES ('x'); -- one\nINSERT INTO t (b) VALUES ('y; z');\n");
    statement(&r, "SELECT * FROM t; DELETE FROM t WHERE b = 'x'");
    assert_string_equal(run_on(c, 1, r), "ok 2[] 1[]");
    r = request_of(LECTERN_DB_SCRIPT);
    statement(&r, "DELETE FROM t");
    statement(&r, "CREATE TABLE u (a); SELECT a FROM nowhere;");
    assert_string_equal(run_on(c, 1, r), "invalid@2 no such table: nowhere");
    batch_is(c, "SELECT b FROM t", "ok 0[b]('y; z')");
    r = simple(LECTERN_DB_SCRIPT, "SELECT $1");
    with_integer(&r, 1);
    assert_string_equal(run_on(c, 1, r), "invalid@1 a script has no parameters");
    /* A trigger has semicolons of its own. */
    assert_string_equal(
        run_on(c, 1,
               simple(LECTERN_DB_SCRIPT, "CREATE TRIGGER r AFTER INSERT ON t BEGIN "
                                         "DELETE FROM child; DELETE FROM later; END; SELECT 1")),
        "ok 0[]");
}

static void test_check(void **state)
{
    struct sql_connection *c = *state;
    assert_string_equal(run_on(c, 1, request_of(LECTERN_DB_CHECK)), "ok 0[message]('ok')");
    assert_int_equal(sqlite3_exec(c->db, "PRAGMA foreign_keys=0", NULL, NULL, NULL), SQLITE_AUTH);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    batch_is(c, "INSERT INTO child VALUES (7)", "ok 1[]");
    assert_string_equal(run_on(c, 1, request_of(LECTERN_DB_CHECK)),
                        "ok 0[message]"
                        "('row 1 of table child refers to a row of t that is not there')");
}

static void test_which_requests_read(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool reads;
    } cases[] = {
        { "SELECT 1", true },
        { "  select 1", true },
        { "-- a\n/* b\n */ VALUES (1)", true },
        { "WITH x AS (SELECT 1) SELECT * FROM x", true },
        { "EXPLAIN QUERY PLAN SELECT 1", true },
        { "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", false },
        { "with x as (select 1)delete from t", false },
        { "EXPLAIN update t SET a = 1", false },
        { "INSERT INTO t VALUES (1)", false },
        { "PRAGMA table_info(t)", false },
        { "SELECTED", false },
        { "", false },
        { "/* open", false },
        { "/", false },
        { "--", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request r = simple(LECTERN_DB_BATCH, "SELECT $1");
        with_integer(&r, 1);
        statement(&r, cases[i].sql);
        if (sql_request_reads(r.bytes.p, r.bytes.n) != cases[i].reads)
            fail_msg("%s", cases[i].sql);
        request_flags(&r, LECTERN_DB_ORDERED);
        assert_false(sql_request_reads(r.bytes.p, r.bytes.n));
        free(r.bytes.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters_that_are_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_batch_is_one_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_and_returning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_that_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scripts_may_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_our_own_statements_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cached_statement_sees_new_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_statements_than_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_transaction_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deferred_reference_may_be_mended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_answer_as_a_parameter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_runs_too_long_is_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scripts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
        cmocka_unit_test(test_which_requests_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
