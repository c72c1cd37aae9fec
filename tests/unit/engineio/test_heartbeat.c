#include "rig.h"

static void test_ping_by_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    fake_advance(r->loop, 24999);
    assert_int_equal(poll->state, FAKE_HELD);
    fake_advance(r->loop, 1);
    assert_answer(poll, 200, "2");
    fake_advance(r->loop, 10000);
    assert_answer(rig_post(r, s, "3"), 200, "ok");
    poll = rig_poll(r, s);
    fake_advance(r->loop, 24999); /* from the pong, not from the ping */
    assert_int_equal(poll->state, FAKE_HELD);
    fake_advance(r->loop, 1);
    assert_answer(poll, 200, "2");
    assert_true(eio_session_is_open(s));
}

static void test_ping_by_websocket(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    for (int i = 0; i < 3; i++) {
        fake_advance(r->loop, 24999);
        assert_null(fake_ws_read(ws));
        fake_advance(r->loop, 1);
        assert_reads(ws, "2");
        fake_ws_text(ws, "3");
    }
    assert_true(eio_session_is_open(r->session));
}

/* What was sent before a ping has arrived when its pong is here, and not sooner. */
static void test_answered(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_ws_text(ws, "3"); /* unasked */
    assert_int_equal(eio_session_answered(r->session), 0);
    fake_advance(r->loop, 25000);
    uint64_t pinged = lec_loop_now(r->loop);
    fake_advance(r->loop, 7000);
    assert_int_equal(eio_session_answered(r->session), 0);
    fake_ws_text(ws, "3");
    assert_int_equal(eio_session_answered(r->session), pinged);
    fake_advance(r->loop, 30000);
    assert_int_equal(eio_session_answered(r->session), pinged);
}

static void test_missing_pong_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    fake_advance(r->loop, 44999);
    assert_answer(rig_poll(r, s), 200, "2");
    struct lec_http *poll = rig_poll(r, s);
    assert_int_equal(r->closed, 0);
    fake_advance(r->loop, 1);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
    assert_answer(poll, 200, "1");
    assert_int_equal(r->counters.sessions_ping_timeout, 1);
    rig_gone(r);
}

static void test_missing_pong_websocket(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_advance(r->loop, 44999);
    assert_true(ws->open);
    fake_advance(r->loop, 1);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
    assert_false(ws->open);
    assert_int_equal(ws->code, 0);
}

static void test_messages_are_no_pong(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_advance(r->loop, 40000);
    fake_ws_text(ws, "4alive");
    fake_advance(r->loop, 5000);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_unasked_pong(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_advance(r->loop, 20000);
    fake_ws_text(ws, "3");
    fake_advance(r->loop, 5000); /* is not put off by it */
    assert_reads(ws, "2");
    fake_ws_text(ws, "3");
    fake_ws_text(ws, "3");
    fake_advance(r->loop, 25000);
    assert_reads(ws, "2");
}

/* The deadline has passed, but this turn's timers fire behind the request. */
static void test_request_finds_it_late(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    fake_advance(r->loop, 44999);
    assert_true(eio_session_is_open(s));
    fake_stall(r->loop, 1);
    assert_answer(rig_post(r, s, "3"), 400, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_ended(r, 1, EIO_PING_TIMEOUT);
    rig_gone(r);
}

/* A timer that fires some ms late moves no deadline. */
static void test_late_timer(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    fake_advance(r->loop, 24990);
    fake_stall(r->loop, 20); /* 25010 */
    fake_advance(r->loop, 19989);
    assert_int_equal(r->closed, 0);
    fake_advance(r->loop, 1); /* 45000 */
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

/* A server that was stopped does not take it out on its clients. */
static void test_stalled_server(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    fake_advance(r->loop, 10000);
    fake_stall(r->loop, 60000);
    fake_advance(r->loop, 0);
    assert_answer(rig_poll(r, s), 200, "2");
    fake_advance(r->loop, 19999);
    assert_answer(rig_post(r, s, "3"), 200, "ok");
    assert_true(eio_session_is_open(s));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ping_by_polling),
        TEST(test_ping_by_websocket),
        TEST(test_answered),
        TEST(test_missing_pong_polling),
        TEST(test_missing_pong_websocket),
        TEST(test_messages_are_no_pong),
        TEST(test_unasked_pong),
        TEST(test_request_finds_it_late),
        TEST(test_late_timer),
        TEST(test_stalled_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
