/* From polling to WebSocket: nothing is lost, nothing is overtaken, and what goes wrong before the
 * client's "5" costs only the probe. */
#include "rig.h"

#include <stdio.h>

static void test_upgrade(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    assert_int_equal(poll->state, FAKE_HELD);
    fake_ws_text(ws, "2probe");
    assert_reads(ws, "3probe");
    assert_answer(poll, 200, "6");
    assert_int_equal(eio_session_transport(s), EIO_POLLING);
    fake_ws_text(ws, "5");
    assert_int_equal(eio_session_transport(s), EIO_WEBSOCKET);
    assert_int_equal(r->counters.sessions_upgraded, 1);
    fake_ws_text(ws, "4hello");
    assert_reads(ws, "4hello");
    fake_ws_binary(ws, "\1\2", 2);
    assert_reads(ws, "<binary>");
    assert_heard(r, "hello;<\1\2>;");
    assert_int_equal(r->opened, 1);
    assert_answer(rig_poll(r, s), 400, "{\"code\":3,\"message\":\"Bad request\"}");
    assert_true(eio_session_is_open(s));
    assert_null(fake_ws_read(ws));
}

static void test_every_poll_is_answered_while_upgrading(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    for (int i = 0; i < 5; i++)
        assert_answer(rig_poll(r, s), 200, "6");
    fake_ws_text(ws, "2probe");
    for (int i = 0; i < 5; i++)
        assert_answer(rig_poll(r, s), 200, "6");
}

/* A network that swallows the frames of the probe must not make its client poll in a hot loop. */
static void test_noops_are_rationed(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    for (int i = 0; i < 20; i++)
        assert_answer(rig_poll(r, s), 200, "6");
    struct lec_http *poll = rig_poll(r, s);
    assert_int_equal(poll->state, FAKE_HELD);
    for (int i = 0; i < 3; i++) {
        fake_advance(r->loop, 100);
        assert_answer(poll, 200, "6");
        poll = rig_poll(r, s);
        assert_int_equal(poll->state, FAKE_HELD);
    }
    rig_send(r, s, "4a"); /* messages are not rationed */
    fake_turn(r->loop);
    assert_answer(poll, 200, "4a");
    poll = rig_poll(r, s);
    fake_ws_text(ws, "2probe"); /* it comes through after all */
    assert_reads(ws, "3probe");
    fake_advance(r->loop, 100);
    assert_answer(poll, 200, "6");
    fake_ws_text(ws, "5");
    assert_int_equal(eio_session_transport(s), EIO_WEBSOCKET);
}

static void test_messages_go_by_polling_until_5(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    rig_send(r, s, "4a");
    fake_turn(r->loop);
    assert_null(fake_ws_read(ws));
    assert_answer(rig_poll(r, s), 200, "4a");
    rig_send(r, s, "4b");
    fake_turn(r->loop);
    rig_send(r, s, "4c");
    fake_ws_text(ws, "5");
    assert_reads(ws, "4b");
    assert_reads(ws, "4c");
    assert_null(fake_ws_read(ws));
    assert_int_equal(ws->writes, 2); /* 3probe, and the rest as one */
}

static void send_bytes(struct eio_session *s)
{
    struct lec_msg *m = lec_msg_copy(true, "\1\2\3\4", 4);
    assert_int_equal(eio_session_send(s, m), LEC_OK);
    lec_msg_unref(m);
}

static struct lec_http *ask(struct rig *r, unsigned eio, const char *transport, const char *sid,
                            bool base64)
{
    char url[128];
    snprintf(url, sizeof url, "/engine.io/?EIO=%u&transport=%s%s%s%s", eio, transport,
             *sid ? "&sid=" : "", sid, base64 ? "&b64=1" : "");
    struct lec_http *http = fake_request(r->loop, LEC_GET, url);
    http->wants_ws = strcmp(transport, "websocket") == 0;
    eio_engine_request(r->engine, http);
    fake_turn(r->loop);
    return http;
}

/* b64 is of the transport whose query has it, and goes for what was queued before the switch. */
static void test_base64_is_of_a_transport(void **state)
{
    struct rig *r = *state;
    static const struct {
        unsigned eio;
        bool polling, websocket;
        struct lec_slice polled, sent;
    } cases[] = {
        { 4, false, false, LEC_SLICE("bAQIDBA=="), LEC_SLICE("\1\2\3\4") },
        { 4, true, false, LEC_SLICE("bAQIDBA=="), LEC_SLICE("\1\2\3\4") },
        { 4, false, true, LEC_SLICE("bAQIDBA=="), LEC_SLICE("bAQIDBA==") },
        { 4, true, true, LEC_SLICE("bAQIDBA=="), LEC_SLICE("bAQIDBA==") },
        { 3, false, false, LEC_SLICE("\1\5\xff\4\1\2\3\4"), LEC_SLICE("\4\1\2\3\4") },
        { 3, true, false, LEC_SLICE("10:b4AQIDBA=="), LEC_SLICE("\4\1\2\3\4") },
        { 3, false, true, LEC_SLICE("\1\5\xff\4\1\2\3\4"), LEC_SLICE("b4AQIDBA==") },
        { 3, true, true, LEC_SLICE("10:b4AQIDBA=="), LEC_SLICE("b4AQIDBA==") },
    };
    r->cfg.allow_eio3 = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned eio = cases[i].eio;
        assert_int_equal(ask(r, eio, "polling", "", cases[i].polling)->status, 200);
        struct eio_session *s = r->session;
        struct lec_ws *ws = fake_ws_open(ask(r, eio, "websocket", r->sid, cases[i].websocket));
        fake_ws_text(ws, "2probe");
        assert_reads(ws, "3probe");
        send_bytes(s);
        struct lec_http *poll = ask(r, eio, "polling", r->sid, false);
        assert_true(lec_slice_eq(lec_buf_slice(&poll->body), cases[i].polled));
        send_bytes(s);
        fake_ws_text(ws, "5");
        send_bytes(s);
        fake_turn(r->loop);
        assert_int_equal(ws->sent_count, 3);
        for (size_t n = 1; n < ws->sent_count; n++) {
            assert_int_equal(ws->sent[n].binary, !cases[i].websocket);
            assert_true(lec_slice_eq(lec_buf_slice(&ws->sent[n].data), cases[i].sent));
        }
    }
}

static void test_messages_beside_probe(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    rig_send(r, s, "4a");
    fake_ws_text(ws, "2probe");
    assert_answer(poll, 200, "4a"); /* it need not be a noop that frees the poll */
    assert_reads(ws, "3probe");
}

static void test_poll_pending_at_5(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    rig_send(r, s, "4a"); /* in the same turn as the switch */
    ws->events->on_message(ws->owner, ws, LEC_SLICE("5"), false);
    fake_turn(r->loop);
    assert_answer(poll, 200, "1");
    assert_reads(ws, "4a");
    assert_true(eio_session_is_open(s));
}

static void test_without_probe(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    fake_ws_text(ws, "5");
    assert_int_equal(eio_session_transport(s), EIO_WEBSOCKET);
    fake_ws_text(ws, "4a");
    assert_heard(r, "a;");
}

static void test_client_does_not_wait_for_3probe(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    rig_send(r, s, "4queued");
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    ws->events->on_message(ws->owner, ws, LEC_SLICE("2probe"), false);
    ws->events->on_message(ws->owner, ws, LEC_SLICE("5"), false);
    fake_turn(r->loop);
    assert_reads(ws, "3probe");
    assert_reads(ws, "4queued");
}

static void test_bad_probes(void **state)
{
    struct rig *r = *state;
    static const char *const first[] = { "4hello", "2", "2prob", "abc", "", "1", "3probe" };
    struct eio_session *s = rig_open(r);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
        ws->abrupt = i % 2 != 0;
        fake_ws_text(ws, first[i]);
        assert_false(ws->open);
        assert_int_equal(ws->code, 0);
        assert_null(fake_ws_read(ws));
    }
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    fake_ws_binary(ws, "2probe", 6);
    assert_false(ws->open);
    assert_heard(r, "");
    assert_true(eio_session_is_open(s));
    assert_answer(rig_post(r, s, "4still"), 200, "ok");
    assert_int_equal(rig_poll(r, s)->state, FAKE_HELD);
}

static void test_probe_goes(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    fake_ws_end(fake_ws_open(rig_ask_ws(r, s)), LEC_WS_GONE);
    assert_int_equal(poll->state, FAKE_HELD);
    fake_ws_fail(rig_ask_ws(r, s));
    fake_ws_end(rig_probe(r, s), LEC_WS_ERROR);
    assert_answer(poll, 200, "6");
    poll = rig_poll(r, s);
    assert_int_equal(poll->state, FAKE_HELD); /* not upgrading any more */
    fake_advance(r->loop, 10000);
    assert_true(eio_session_is_open(s));
    rig_send(r, s, "4a");
    fake_turn(r->loop);
    assert_answer(poll, 200, "4a");
}

static void test_timeout(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    fake_advance(r->loop, 9999);
    assert_true(ws->open);
    fake_advance(r->loop, 1);
    assert_false(ws->open);
    assert_true(eio_session_is_open(s));
    assert_int_equal(rig_poll(r, s)->state, FAKE_HELD);
    fake_ws_text(rig_probe(r, s), "5"); /* it may try again */
    assert_int_equal(eio_session_transport(s), EIO_WEBSOCKET);
    fake_advance(r->loop, 10000); /* the time of a probe is over with the upgrade */
    assert_true(eio_session_is_open(s));
}

/* The reference lets it open, and closes it without a code; node's ws needs just that. */
static void assert_turned_away(struct rig *r, const struct eio_session *s)
{
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    assert_false(ws->open);
    assert_int_equal(ws->code, 0);
    assert_null(fake_ws_read(ws));
    fake_ws_fail(rig_ask_ws(r, s)); /* nothing is left of it either */
}

static void test_second_probe(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    assert_turned_away(r, s);
    fake_ws_text(ws, "5");
    assert_turned_away(r, s);
    fake_ws_text(ws, "4alive");
    assert_reads(ws, "4alive");
}

static void test_probe_that_does_not_read(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    ws->full = true;
    fake_ws_text(ws, "2probe");
    assert_false(ws->open);
    assert_true(eio_session_is_open(s));
}

static void test_heartbeat_goes_on(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    fake_advance(r->loop, 10000);
    struct lec_ws *ws = rig_probe(r, s);
    fake_ws_text(ws, "5");
    fake_advance(r->loop, 14999);
    assert_null(fake_ws_read(ws));
    fake_advance(r->loop, 1);
    assert_reads(ws, "2");
    fake_ws_text(ws, "3");
    fake_advance(r->loop, 25000);
    assert_reads(ws, "2");
    fake_advance(r->loop, 20000);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_pong_gets_its_time_again(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    fake_advance(r->loop, 40000); /* the ping went by polling */
    assert_answer(rig_poll(r, s), 200, "2");
    struct lec_ws *ws = rig_probe(r, s);
    fake_ws_text(ws, "5");
    fake_advance(r->loop, 19999);
    assert_int_equal(r->closed, 0);
    fake_advance(r->loop, 1);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_closed_by_polling_meanwhile(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    rig_post(r, s, "1");
    assert_false(ws->open);
    assert_ended(r, 1, EIO_TRANSPORT_CLOSE);
    assert_int_equal(fake_timers(r->loop), 0);

    s = rig_open(r);
    struct lec_http *asked = rig_ask_ws(r, s); /* its 101 is still on the way */
    rig_post(r, s, "1");
    ws = fake_ws_open(asked);
    assert_false(ws->open);
}

/* A client that paused polling hears the last words by its new transport. */
static void test_close_while_upgrading(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    rig_send(r, s, "441");
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    assert_true(ws->open);
    fake_ws_text(ws, "5");
    assert_reads(ws, "441");
    assert_false(ws->open);
    rig_gone(r);
}

static void test_close_while_upgrading_by_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_ws *ws = rig_probe(r, s);
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_answer(rig_poll(r, s), 200,
                  "6\x1e"
                  "1");
    assert_false(ws->open);
    rig_gone(r);
}

static void test_post_in_flight_at_5(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *post = fake_request(r->loop, LEC_POST, rig_url(r, "polling", s));
    post->body_length = 2;
    eio_engine_request(r->engine, post);
    fake_ws_text(rig_probe(r, s), "5");
    fake_body(post, LEC_SLICE("4a"));
    assert_answer(post, 200, "ok");
    assert_heard(r, "a;");

    s = rig_open(r);
    post = fake_request(r->loop, LEC_POST, rig_url(r, "polling", s));
    post->body_length = 2;
    eio_engine_request(r->engine, post);
    fake_ws_text(rig_probe(r, s), "5");
    fake_abort(post);
    assert_true(eio_session_is_open(s));
}

static void test_order_under_load(void **state)
{
    struct rig *r = *state;
    r->cfg.max_queue_bytes = 1 << 20;
    struct eio_session *s = rig_open(r);
    struct lec_buf expected = { 0 }, got = { 0 };
    struct lec_ws *ws = NULL;
    for (int i = 0; i < 3000; i++) {
        char text[16];
        snprintf(text, sizeof text, "4%d", i);
        rig_send(r, s, text);
        lec_buf_printf(&expected, "%s\x1e", text);
        if (i % 3 == 0)
            fake_turn(r->loop);
        if (i == 1000)
            ws = rig_probe(r, s);
        if (i < 2000 && i % 7 == 0) {
            struct lec_http *poll = rig_poll(r, s);
            if (poll->state == FAKE_HELD) {
                rig_send(r, s, "4-");
                lec_buf_adds(&expected, "4-\x1e");
                fake_turn(r->loop);
            }
            if (strcmp(lec_buf_str(&poll->body), "6") != 0)
                lec_buf_printf(&got, "%s\x1e", lec_buf_str(&poll->body));
        }
        if (i == 2000)
            fake_ws_text(ws, "5");
    }
    fake_turn(r->loop);
    for (const char *text; (text = fake_ws_read(ws)) != NULL;)
        lec_buf_printf(&got, "%s\x1e", text);
    assert_string_equal(lec_buf_str(&got), lec_buf_str(&expected));
    lec_buf_fini(&expected);
    lec_buf_fini(&got);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_upgrade),
        TEST(test_every_poll_is_answered_while_upgrading),
        TEST(test_noops_are_rationed),
        TEST(test_messages_go_by_polling_until_5),
        TEST(test_base64_is_of_a_transport),
        TEST(test_messages_beside_probe),
        TEST(test_poll_pending_at_5),
        TEST(test_without_probe),
        TEST(test_client_does_not_wait_for_3probe),
        TEST(test_bad_probes),
        TEST(test_probe_goes),
        TEST(test_timeout),
        TEST(test_second_probe),
        TEST(test_probe_that_does_not_read),
        TEST(test_heartbeat_goes_on),
        TEST(test_pong_gets_its_time_again),
        TEST(test_closed_by_polling_meanwhile),
        TEST(test_close_while_upgrading),
        TEST(test_close_while_upgrading_by_poll),
        TEST(test_post_in_flight_at_5),
        TEST(test_order_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
