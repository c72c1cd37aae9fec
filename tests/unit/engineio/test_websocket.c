#include "rig.h"

static void test_echo(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct lec_ws *ws = rig_open_ws(r);
    fake_ws_text(ws, "4hello");
    assert_reads(ws, "4hello");
    fake_ws_binary(ws, "\1\2\3", 3);
    assert_reads(ws, "<binary>");
    assert_int_equal(ws->sent[ws->sent_count - 1].data.n, 3);
    fake_ws_text(ws, "bAQIDBA=="); /* binary as text, by WebSocket too */
    assert_reads(ws, "<binary>");
    fake_ws_binary(ws, "", 0);
    assert_reads(ws, "<binary>");
    assert_heard(r, "hello;<\1\2\3>;<\1\2\3\4>;<>;");
}

static void test_one_write_a_turn(void **state)
{
    struct rig *r = *state;
    r->cfg.max_queue_bytes = 10000;
    struct lec_ws *ws = rig_open_ws(r);
    unsigned before = ws->writes;
    for (int i = 0; i < 100; i++)
        rig_send(r, r->session, "4x");
    fake_turn(r->loop);
    assert_int_equal(ws->writes, before + 1);
    assert_int_equal(ws->sent_count, 101);
}

static void greet(struct rig *r, struct eio_session *s)
{
    rig_send(r, s, "4welcome");
}

static void test_open_packet_comes_first(void **state)
{
    struct rig *r = *state;
    r->on_open = greet;
    struct lec_ws *ws = rig_open_ws(r);
    assert_reads(ws, "4welcome");
}

static void test_base64(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct lec_http *http =
        fake_request(r->loop, LEC_GET, "/engine.io/?EIO=4&transport=websocket&b64=1");
    http->wants_ws = true;
    eio_engine_request(r->engine, http);
    struct lec_ws *ws = fake_ws_open(http);
    fake_ws_read(ws);
    fake_ws_text(ws, "bAQIDBA==");
    assert_reads(ws, "bAQIDBA==");
    fake_ws_text(ws, "4text");
    assert_reads(ws, "4text");
}

static void test_client_closes(void **state)
{
    struct rig *r = *state;
    static const struct {
        enum lec_ws_end end;
        enum eio_reason why;
    } cases[] = {
        { LEC_WS_CLOSED, EIO_TRANSPORT_CLOSE },
        { LEC_WS_GONE, EIO_TRANSPORT_CLOSE },
        { LEC_WS_ERROR, EIO_TRANSPORT_ERROR },
    };
    for (unsigned i = 0; i < 3; i++) {
        struct lec_ws *ws = rig_open_ws(r);
        rig_send(r, r->session, "4never sent");
        fake_ws_end(ws, cases[i].end);
        assert_ended(r, i + 1, cases[i].why);
        rig_gone(r);
    }
    assert_int_equal(fake_timers(r->loop), 0);
}

static void test_packets_that_end_it(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *text;
        enum eio_reason why;
    } cases[] = {
        { "1", EIO_TRANSPORT_CLOSE },      { "2", EIO_TRANSPORT_ERROR },
        { "2probe", EIO_TRANSPORT_ERROR }, { "abc", EIO_PARSE_ERROR },
        { "", EIO_PARSE_ERROR },           { "7", EIO_PARSE_ERROR },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned abrupt = 0; abrupt < 2; abrupt++) {
            struct lec_ws *ws = rig_open_ws(r);
            ws->abrupt = abrupt;
            fake_ws_text(ws, cases[i].text);
            assert_ended(r, 2 * i + abrupt + 1, cases[i].why);
            assert_false(ws->open);
            assert_int_equal(ws->code, 0);
            rig_gone(r);
        }
    }
}

static void test_ignored_packets(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    static const char *const packets[] = { "0", "3", "5", "6", "3probe" };
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        fake_ws_text(ws, packets[i]);
    assert_true(eio_session_is_open(r->session));
    assert_null(fake_ws_read(ws));
}

static void test_close_flushes(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    rig_send(r, r->session, "441");
    eio_session_close(r->session, false);
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    assert_true(ws->open);
    fake_turn(r->loop);
    assert_reads(ws, "441");
    assert_false(ws->open);
    assert_int_equal(ws->code, 0);
    rig_gone(r);
}

static void test_close_discards(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    rig_send(r, r->session, "4lost");
    eio_session_close(r->session, true);
    eio_session_close(r->session, true);
    fake_turn(r->loop);
    assert_null(fake_ws_read(ws));
    assert_false(ws->open);
    assert_ended(r, 1, EIO_FORCED_CLOSE);
}

static void test_close_waits_for_kernel(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    ws->full = true;
    rig_send(r, r->session, "441");
    eio_session_close(r->session, false);
    fake_turn(r->loop);
    fake_advance(r->loop, 29999);
    assert_true(ws->open);
    fake_ws_drain(ws);
    assert_reads(ws, "441");
    assert_false(ws->open);

    ws = rig_open_ws(r);
    ws->full = true;
    rig_send(r, r->session, "441");
    eio_session_close(r->session, false);
    fake_advance(r->loop, 30000);
    assert_false(ws->open);
    assert_null(fake_ws_read(ws));
    rig_gone(r);
}

static void test_closing_hears_nothing(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = rig_open_ws(r);
    ws->full = true;
    rig_send(r, r->session, "441");
    eio_session_close(r->session, false);
    fake_ws_text(ws, "4a");
    fake_ws_text(ws, "3");
    assert_heard(r, "");
    fake_ws_end(ws, LEC_WS_GONE);
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    rig_gone(r);
}

static void close_it(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary)
{
    (void)r, (void)binary;
    eio_session_close(s, data.n == 1);
}

static void test_close_in_callback(void **state)
{
    struct rig *r = *state;
    r->on_message = close_it;
    for (int abrupt = 0; abrupt < 2; abrupt++) {
        struct lec_ws *ws = rig_open_ws(r);
        ws->abrupt = abrupt;
        fake_ws_text(ws, "4a");
        assert_false(ws->open);
        ws = rig_open_ws(r);
        ws->abrupt = abrupt;
        fake_ws_text(ws, "4ab");
        assert_false(ws->open);
    }
    assert_ended(r, 4, EIO_FORCED_CLOSE);
}

static void close_again(struct rig *r, struct eio_session *s)
{
    (void)r;
    eio_session_close(s, false);
    struct lec_msg *m = lec_msg_copy(false, "4x", 2);
    assert_int_equal(eio_session_send(s, m), LEC_ECLOSED);
    lec_msg_unref(m);
}

static void test_calls_in_on_close(void **state)
{
    struct rig *r = *state;
    r->on_close = close_again;
    fake_ws_end(rig_open_ws(r), LEC_WS_GONE);
    rig_open_ws(r);
    eio_session_close(r->session, false);
    fake_turn(r->loop);
    assert_ended(r, 2, EIO_FORCED_CLOSE);
}

static void test_shutdown(void **state)
{
    struct rig *r = *state;
    struct lec_ws *cut = rig_open_ws(r);
    rig_send(r, r->session, "4now");
    struct lec_http *opening = rig_ask_ws(r, NULL); /* ends the turn: it has left */
    rig_send(r, r->session, "4lost");
    eio_engine_close(r->engine, false);
    fake_turn(r->loop);
    assert_false(cut->open);
    assert_int_equal(cut->code, 0);
    assert_reads(cut, "4now");
    assert_null(fake_ws_read(cut));
    assert_false(fake_ws_open(opening)->open);
    assert_ended(r, 1, EIO_SERVER_SHUTDOWN);

    struct lec_ws *flushed = rig_open_ws(r);
    rig_send(r, r->session, "4last");
    eio_engine_close(r->engine, true);
    assert_ended(r, 2, EIO_SERVER_SHUTDOWN);
    fake_turn(r->loop);
    assert_reads(flushed, "4last");
    assert_false(flushed->open);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_one_write_a_turn),
        TEST(test_open_packet_comes_first),
        TEST(test_base64),
        TEST(test_client_closes),
        TEST(test_packets_that_end_it),
        TEST(test_ignored_packets),
        TEST(test_close_flushes),
        TEST(test_close_discards),
        TEST(test_close_waits_for_kernel),
        TEST(test_closing_hears_nothing),
        TEST(test_close_in_callback),
        TEST(test_calls_in_on_close),
        TEST(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
