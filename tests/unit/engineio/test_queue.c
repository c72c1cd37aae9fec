/* What waits to be sent has a bound; volatile messages ask first. */
#include "rig.h"

static int send_bytes(struct eio_session *s, size_t n)
{
    struct lec_msg *m = lec_msg_new(false, n);
    memset(lec_msg_data(m), '4', n);
    int rc = eio_session_send(s, m);
    lec_msg_unref(m);
    return rc;
}

static void test_slow_websocket(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    ws->full = true;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send_bytes(r->session, 990), LEC_OK);
        fake_turn(r->loop);
    }
    assert_int_equal(send_bytes(r->session, 990), LEC_EFULL);
    assert_ended(r, 1, EIO_SLOW_CONSUMER);
    assert_int_equal(r->counters.sessions_slow, 1);
    assert_int_equal(send_bytes(r->session, 1), LEC_ECLOSED);
    fake_turn(r->loop);
    assert_false(ws->open);
    assert_null(fake_ws_read(ws));
    rig_gone(r);
}

static void test_slow_poller(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_bytes(s, 990), LEC_OK);
    fake_turn(r->loop);
    assert_int_equal(send_bytes(s, 990), LEC_EFULL);
    assert_ended(r, 1, EIO_SLOW_CONSUMER);
    fake_turn(r->loop);
    rig_gone(r);
}

static void test_drained_in_time(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    for (int round = 0; round < 5; round++) {
        ws->full = true;
        for (int i = 0; i < 4; i++)
            assert_int_equal(send_bytes(r->session, 990), LEC_OK);
        fake_turn(r->loop);
        fake_ws_drain(ws);
    }
    assert_int_equal(ws->sent_count, 21);
    assert_true(eio_session_is_open(r->session));
}

/* A burst within one turn is no slowness: who can take it gets it before it is judged. */
static void test_burst(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_bytes(r->session, 990), LEC_OK);
    fake_turn(r->loop);
    assert_int_equal(ws->sent_count, 101);

    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_bytes(s, 990), LEC_OK);
    assert_answer(poll, 200, NULL);
    fake_turn(r->loop);
    assert_answer(rig_poll(r, s), 200, NULL);
    assert_true(eio_session_is_open(s));
}

static void test_big_message_alone(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_turn(r->loop);
    assert_int_equal(send_bytes(r->session, 9000), LEC_OK);
    fake_turn(r->loop);
    assert_int_equal(ws->sent_count, 2);
    ws->full = true;
    assert_int_equal(send_bytes(r->session, 9000), LEC_OK);
    fake_turn(r->loop);
    assert_int_equal(send_bytes(r->session, 1), LEC_EFULL);
}

/* Each message counts for what it costs, not for its bytes alone. */
static void test_many_tiny_messages(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    fake_turn(r->loop);
    ws->full = true;
    unsigned sent = 0;
    while (send_bytes(r->session, 1) == LEC_OK && sent < 10000)
        sent++;
    assert_in_range(sent, 70, 90);
    assert_ended(r, 1, EIO_SLOW_CONSUMER);
}

static void test_others_do_not_notice(void **state)
{
    struct rig *r = *state;
    struct lec_ws *slow = rig_open_ws(r);
    struct eio_session *slow_session = r->session;
    struct lec_ws *well = rig_open_ws(r);
    struct eio_session *well_session = r->session;
    slow->full = true;
    unsigned sent = 0;
    while (eio_session_is_open(slow_session) && sent < 100) {
        struct lec_msg *m = lec_msg_new(false, 500);
        memset(lec_msg_data(m), '4', 500);
        (void)!eio_session_send(slow_session, m);
        assert_int_equal(eio_session_send(well_session, m), LEC_OK);
        lec_msg_unref(m);
        sent++;
        if (eio_session_is_open(slow_session))
            fake_turn(r->loop);
    }
    fake_turn(r->loop);
    assert_int_equal(sent, 8);
    assert_int_equal(well->sent_count, 1 + sent);
    assert_true(eio_session_is_open(well_session));
}

static void test_writable(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    assert_false(eio_session_writable(s)); /* no poll */
    rig_poll(r, s);
    assert_true(eio_session_writable(s));
    rig_send(r, s, "4a");
    assert_true(eio_session_writable(s)); /* a second one would leave with it */
    fake_turn(r->loop);
    assert_false(eio_session_writable(s));

    struct lec_ws *ws = rig_open_ws(r);
    assert_true(eio_session_writable(r->session));
    ws->full = true;
    assert_false(eio_session_writable(r->session));
    fake_ws_drain(ws);
    assert_true(eio_session_writable(r->session));
    eio_session_close(r->session, false);
    assert_false(eio_session_writable(r->session));
    fake_turn(r->loop);
}

static void test_shared_message(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_open_ws(r);
    struct lec_msg *m = lec_msg_copy(false, "4all", 4);
    assert_int_equal(eio_session_send(s, m), LEC_OK);
    assert_int_equal(eio_session_send(r->session, m), LEC_OK);
    assert_int_equal(m->refs, 3);
    fake_turn(r->loop);
    assert_int_equal(m->refs, 2); /* the poller's waits */
    assert_reads(ws, "4all");
    assert_answer(rig_poll(r, s), 200, "4all");
    assert_int_equal(m->refs, 1);
    lec_msg_unref(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slow_websocket),       TEST(test_slow_poller),
        TEST(test_drained_in_time),      TEST(test_burst),
        TEST(test_many_tiny_messages),   TEST(test_big_message_alone),
        TEST(test_others_do_not_notice), TEST(test_writable),
        TEST(test_shared_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
