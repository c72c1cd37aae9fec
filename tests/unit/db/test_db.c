/* core/db with a driver that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/db.h"
#include "fake_db.h"

/* --- the world --- */

struct world {
    struct lec_loop *loop;
    struct lec_db *db;
    struct lec_buf request;
    struct lec_db_call *call;
    int answers;
    int code;
    char text[64];
};

static void on_answer(void *ctx, struct lec_slice answer)
{
    struct world *w = ctx;
    struct lectern_reader r = lectern_read(answer.p, answer.n);
    w->answers++;
    w->code = (int)lectern_read_number(&r, 1);
    if (w->code != LECTERN_DB_OK) {
        uint32_t n;
        lectern_read_number(&r, 2);
        const char *p = lectern_read_bytes(&r, 4, &n);
        snprintf(w->text, sizeof w->text, "%.*s", (int)n, p);
    }
    lec_loop_stop(w->loop);
}

static int set_up(void **state)
{
    static const struct lec_db_config cfg = {
        .max_calls = 4, .max_bytes = 1000, .timeout_ms = 50, .max_rows = 7, .max_result_bytes = 900
    };
    static struct world w;
    char err[100];
    w = (struct world){ .loop = lec_loop_new() };
    w.db = lec_db_new(w.loop, &cfg, NULL);
    assert_false(lec_db_available(w.db));
    assert_int_equal(lec_db_open(w.db, &fake_db_driver, NULL, "fake:", err, sizeof err), LEC_OK);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lec_db_free(w->db);
    lec_buf_fini(&w->request);
    lec_loop_free(w->loop);
    return 0;
}

static int call(struct world *w, enum lectern_db_kind kind, size_t filler)
{
    char *text = calloc(1, filler + 1);
    lec_db_begin(&w->request, w->db, kind, 0, 0);
    assert_int_equal(lec_db_statement(&w->request, (struct lec_slice){ text, filler }), LEC_OK);
    free(text);
    return lec_db_call(w->db, &w->request, on_answer, w, &w->call, NULL);
}

/* --- tests --- */

static void a_request_can_be_read(void **state)
{
    struct world *w = *state;
    uint64_t id = 0;
    lec_db_begin(&w->request, w->db, LECTERN_DB_STEP, LECTERN_DB_ORDERED, 77);
    lec_db_set_timeout(&w->request, 20);
    assert_int_equal(lec_db_statement(&w->request, LEC_SLICE("select 1")), LEC_OK);
    assert_int_equal(lec_db_statement(&w->request, LEC_SLICE("insert")), LEC_OK);
    lec_db_parameters(&w->request, 7);
    lec_db_null(&w->request);
    lec_db_integer(&w->request, INT64_MIN);
    lec_db_real(&w->request, -0.5);
    lec_db_boolean(&w->request, true);
    lec_db_text(&w->request, LEC_SLICE("snow"));
    lec_db_blob(&w->request, (struct lec_slice){ "\0\xff", 2 });
    lec_db_answer(&w->request);
    assert_int_equal(lec_db_call(w->db, &w->request, on_answer, w, &w->call, &id), LEC_OK);
    assert_int_equal(w->request.n, 0);
    assert_int_equal(fake_db.n, 1);
    assert_true(id == fake_db.got[0].id);

    struct lectern_reader r = lectern_read(fake_db.got[0].request, fake_db.got[0].n);
    struct lectern_request q = lectern_read_request(&r);
    assert_int_equal(q.kind, LECTERN_DB_STEP);
    assert_int_equal(q.flags, LECTERN_DB_ORDERED);
    assert_true(q.transaction == 77);
    assert_int_equal(q.timeout_ms, 20);
    assert_int_equal(q.max_rows, 7);
    assert_int_equal(q.max_bytes, 900);
    assert_int_equal(q.statements, 2);
    uint32_t n;
    const char *sql = lectern_read_bytes(&r, 4, &n);
    assert_int_equal(n, 8);
    assert_memory_equal(sql, "select 1", 8);
    assert_int_equal(lectern_read_number(&r, 2), 0);
    lectern_read_bytes(&r, 4, &n);
    assert_int_equal(lectern_read_number(&r, 2), 7);
    assert_int_equal(lectern_read_value(&r).type, LECTERN_NULL);
    assert_true(lectern_read_value(&r).integer == INT64_MIN);
    assert_true(lectern_read_value(&r).real == -0.5);
    struct lectern_value v = lectern_read_value(&r);
    assert_int_equal(v.type, LECTERN_BOOLEAN);
    assert_true(v.integer == 1);
    v = lectern_read_value(&r);
    assert_int_equal(v.type, LECTERN_TEXT);
    assert_int_equal(v.text.n, 4);
    v = lectern_read_value(&r);
    assert_int_equal(v.type, LECTERN_BLOB);
    assert_memory_equal(v.text.p, "\0\xff", 2);
    assert_int_equal(lectern_read_value(&r).type, LECTERN_ANSWER);
    assert_ptr_equal(r.p, r.end);
    assert_false(r.bad);
    lectern_read_number(&r, 1);
    assert_true(r.bad);
}

static void an_answer_comes_once(void **state)
{
    struct world *w = *state;
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    assert_int_equal(lec_db_waiting(w->db), 1);
    assert_int_equal(w->answers, 0);
    fake_db_reply(0, "\0\0\0", 3);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->code, LECTERN_DB_OK);
    assert_int_equal(lec_db_waiting(w->db), 0);
}

static void what_is_late_is_answered_and_stays_counted(void **state)
{
    struct world *w = *state;
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    lec_loop_run(w->loop);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->code, LECTERN_DB_TIMEOUT);
    assert_int_equal(fake_db.canceled, 1);
    assert_int_equal(lec_db_waiting(w->db), 1);
    fake_db_reply(0, "\0\0\0", 3);
    assert_int_equal(w->answers, 1);
    assert_int_equal(lec_db_waiting(w->db), 0);
}

static void nobody_hears_of_a_canceled_one(void **state)
{
    struct world *w = *state;
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    lec_db_cancel(w->call);
    assert_int_equal(fake_db.canceled, 1);
    fake_db_reply(0, "\0\0\0", 3);
    assert_int_equal(w->answers, 0);
    assert_int_equal(lec_db_waiting(w->db), 0);
}

static void what_waits_has_a_bound(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_EFULL);
    assert_int_equal(call(w, LECTERN_DB_BEGIN, 1), LEC_EFULL);
    assert_int_equal(call(w, LECTERN_DB_COMMIT, 1), LEC_OK); /* it makes room */
    fake_db_reply(0, "\0\0\0", 3);
    fake_db_reply(1, "\0\0\0", 3);
    assert_int_equal(call(w, LECTERN_DB_BATCH, 900), LEC_EFULL);
    assert_int_equal(call(w, LECTERN_DB_BATCH, 700), LEC_OK);
    assert_int_equal(call(w, LECTERN_DB_BATCH, 700), LEC_EFULL);
}

static void a_database_that_is_away_says_so_later(void **state)
{
    struct world *w = *state;
    fake_db.events->on_state(fake_db.ctx, false, "the disk is gone");
    assert_false(lec_db_available(w->db));
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    assert_int_equal(w->answers, 0);
    assert_int_equal(fake_db.n, 0);
    lec_loop_run(w->loop);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->code, LECTERN_DB_UNAVAILABLE);

    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    lec_db_cancel(w->call);
    assert_int_equal(lec_db_waiting(w->db), 0);

    fake_db.events->on_state(fake_db.ctx, true, "it is there again");
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    assert_int_equal(fake_db.n, 1);
}

static void closing_answers_what_waits(void **state)
{
    struct world *w = *state;
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    lec_db_close(w->db);
    assert_int_equal(fake_db.closed, 1);
    assert_int_equal(w->code, LECTERN_DB_UNAVAILABLE);
    assert_int_equal(lec_db_waiting(w->db), 0);
    assert_false(lec_db_exclusive(w->db));
}

static void on_end(void *ctx, struct lec_slice answer)
{
    (void)answer;
    struct lec_db_call **other = ctx;
    if (*other)
        lec_db_cancel(*other);
    *other = NULL;
}

/* What one of them hears makes it give up another. */
static void closing_bears_a_cancel(void **state)
{
    struct world *w = *state;
    static struct lec_db_call *calls[2];
    for (int i = 0; i < 2; i++) {
        lec_db_begin(&w->request, w->db, LECTERN_DB_BATCH, 0, 0);
        assert_int_equal(lec_db_call(w->db, &w->request, on_end, &calls[1 - i], &calls[i], NULL),
                         LEC_OK);
    }
    lec_db_close(w->db);
    assert_int_equal(lec_db_waiting(w->db), 0);
}

static void what_is_closed_stays_away(void **state)
{
    struct world *w = *state;
    fake_db.events->on_state(fake_db.ctx, false, "the disk is gone");
    fake_db.last_news = true;
    lec_db_close(w->db);
    assert_false(lec_db_available(w->db));
    assert_int_equal(call(w, LECTERN_DB_BATCH, 1), LEC_OK);
    lec_loop_run(w->loop);
    assert_int_equal(w->code, LECTERN_DB_UNAVAILABLE);
}

static void a_database_that_does_not_open_says_why(void **state)
{
    struct world *w = *state;
    char err[100];
    lec_db_close(w->db);
    assert_int_equal(lec_db_open(w->db, &fake_db_driver, NULL, "fake:bad", err, sizeof err),
                     LEC_EIO);
    assert_string_equal(err, "there is no such file");
    assert_false(lec_db_available(w->db));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_can_be_read),
        TEST(an_answer_comes_once),
        TEST(what_is_late_is_answered_and_stays_counted),
        TEST(nobody_hears_of_a_canceled_one),
        TEST(what_waits_has_a_bound),
        TEST(a_database_that_is_away_says_so_later),
        TEST(closing_answers_what_waits),
        TEST(closing_bears_a_cancel),
        TEST(what_is_closed_stays_away),
        TEST(a_database_that_does_not_open_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
