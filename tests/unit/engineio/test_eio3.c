/* Engine.IO 3 clients: framing, heartbeat the other way round, upgrade, and who may use a sid. */
#include "rig.h"

#include <stdio.h>

static int setup(void **state)
{
    int rc = rig_setup(state);
    ((struct rig *)*state)->cfg.allow_eio3 = true;
    return rc;
}

static const char *url(const char *transport, const struct eio_session *s, const char *extra)
{
    static char text[256];
    snprintf(text, sizeof text, "/engine.io/?EIO=3&transport=%s%s%s%s", transport, s ? "&sid=" : "",
             s ? eio_session_sid(s) : "", extra);
    return text;
}

static struct eio_session *open_with(struct rig *r, const char *extra)
{
    struct lec_http *http = rig_request(r, LEC_GET, url("polling", NULL, extra), NULL);
    char expected[64];
    assert_answer(http, 200, NULL);
    snprintf(expected, sizeof expected, "%zu:0{\"sid\":\"%s\"", http->body.n - strlen("115:"),
             r->sid);
    assert_memory_equal(lec_buf_str(&http->body), expected, strlen(expected));
    assert_int_equal(eio_session_handshake(r->session)->protocol, 3);
    return r->session;
}

static struct lec_http *poll(struct rig *r, const struct eio_session *s)
{
    return rig_request(r, LEC_GET, url("polling", s, ""), NULL);
}

static struct lec_http *post(struct rig *r, const struct eio_session *s, const char *type,
                             struct lec_slice body)
{
    struct lec_http *http = fake_request(r->loop, LEC_POST, url("polling", s, ""));
    fake_header(http, "content-type", type);
    http->body_length = body.n;
    eio_engine_request(r->engine, http);
    if (http->state == FAKE_BODY)
        fake_body(http, body);
    fake_turn(r->loop);
    return http;
}

static struct lec_ws *open_ws(struct rig *r, const struct eio_session *s, const char *extra)
{
    struct lec_http *http = fake_request(r->loop, LEC_GET, url("websocket", s, extra));
    http->wants_ws = true;
    eio_engine_request(r->engine, http);
    fake_turn(r->loop);
    struct lec_ws *ws = fake_ws_open(http);
    if (!s)
        assert_int_equal(fake_ws_read(ws)[0], '0');
    return ws;
}

static void send_bytes(struct eio_session *s, const char *bytes)
{
    struct lec_msg *m = lec_msg_copy(true, bytes, strlen(bytes));
    assert_int_equal(eio_session_send(s, m), LEC_OK);
    lec_msg_unref(m);
}

static const struct lec_buf *last_sent(const struct lec_ws *ws)
{
    assert_true(ws->sent_count > 0);
    return &ws->sent[ws->sent_count - 1].data;
}

#define assert_bytes(buf, literal) assert_true(lec_slice_eq(lec_buf_slice(buf), LEC_SLICE(literal)))

static void test_refused_unless_allowed(void **state)
{
    struct rig *r = *state;
    static const char body[] = "{\"code\":5,\"message\":\"Unsupported protocol version\"}";
    static const char *const urls[] = {
        "/engine.io/?EIO=3&transport=polling",
        "/engine.io/?transport=polling",
        "/engine.io/?EIO=abc&transport=polling",
    };
    for (int allowed = 0; allowed < 2; allowed++) {
        r->cfg.allow_eio3 = allowed;
        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
            assert_answer(rig_request(r, LEC_GET, urls[i], NULL), allowed ? 200 : 400,
                          allowed ? NULL : body);
    }
    assert_int_equal(r->opened, 3);
    assert_int_equal(r->counters.sessions_opened_eio3, 3);
    rig_open(r);
    assert_int_equal(eio_session_handshake(r->session)->protocol, 4);
    assert_int_equal(r->counters.sessions_opened_eio3, 3);
}

static void test_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    assert_answer(post(r, s, "text/plain;charset=UTF-8",
                       LEC_SLICE("6:4hello2:4\xe2\x82\xac"
                                 "10:b4AQIDBA==")),
                  200, "ok");
    assert_heard(r, "hello;\xe2\x82\xac;<\1\2\3\4>;");
    rig_send(r, s, "4\xe2\x82\xac");
    rig_send(r, s, "4x");
    struct lec_http *http = poll(r, s);
    assert_answer(http, 200,
                  "2:4\xe2\x82\xac"
                  "2:4x");
    assert_string_equal(lec_buf_str(&http->type), "text/plain; charset=UTF-8");
}

static void test_raw_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    assert_answer(post(r, s, "application/octet-stream",
                       LEC_SLICE("\0\4\xff"
                                 "4\xe2\x82\xac\1\3\xff\4\1\2")),
                  200, "ok");
    assert_heard(r, "\xe2\x82\xac;<\1\2>;");
    rig_send(r, s, "4\xe2\x82\xac");
    send_bytes(s, "\1\2");
    struct lec_http *http = poll(r, s);
    assert_answer(http, 200, NULL);
    assert_bytes(&http->body, "\0\4\xff"
                              "4\xe2\x82\xac\1\3\xff\4\1\2");
    assert_string_equal(lec_buf_str(&http->type), "application/octet-stream");
}

static void test_base64_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "&b64=1");
    send_bytes(s, "\1\2\3\4");
    rig_send(r, s, "4x");
    assert_answer(poll(r, s), 200, "10:b4AQIDBA==2:4x");
}

static void test_bad_bodies(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *type;
        struct lec_slice body;
    } cases[] = {
        { "text/plain", LEC_SLICE("abc") },
        { "text/plain", LEC_SLICE("") },
        { "text/plain", LEC_SLICE("4hello") },
        { "text/plain", LEC_SLICE("9:4hello") },
        { "text/plain", LEC_SLICE("2:4\xff") },
        { "text/plain", LEC_SLICE("5:bAAAA") },
        { "application/octet-stream", LEC_SLICE("6:4hello") },
        { "application/octet-stream", LEC_SLICE("\0\2\xff"
                                                "4\xff") },
        { "application/octet-stream", LEC_SLICE("\1\2\xff\7x") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(post(r, open_with(r, ""), cases[i].type, cases[i].body), 400, "");
        assert_ended(r, i + 1, EIO_PARSE_ERROR);
        rig_gone(r);
    }
}

static void test_websocket(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = open_ws(r, NULL, "");
    fake_ws_text(ws, "4hello");
    fake_ws_binary(ws, "\4\1\2", 3);
    fake_ws_text(ws, "b4AQIDBA==");
    assert_heard(r, "hello;<\1\2>;<\1\2\3\4>;");
    rig_send(r, r->session, "4hi");
    send_bytes(r->session, "\1\2");
    fake_turn(r->loop);
    assert_reads(ws, "4hi");
    assert_reads(ws, "<binary>");
    assert_bytes(last_sent(ws), "\4\1\2");
    fake_ws_binary(ws, "", 0);
    assert_ended(r, 1, EIO_PARSE_ERROR);
}

static void test_base64_websocket(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = open_ws(r, NULL, "&b64=1");
    send_bytes(r->session, "\1\2\3\4");
    fake_turn(r->loop);
    assert_reads(ws, "b4AQIDBA==");
}

static void test_upgrade(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    struct lec_http *parked = poll(r, s);
    struct lec_ws *ws = open_ws(r, s, "");
    fake_ws_text(ws, "2probe");
    assert_reads(ws, "3probe");
    assert_answer(parked, 200, "1:6");
    send_bytes(s, "\1\2");
    fake_ws_text(ws, "5");
    assert_reads(ws, "<binary>");
    assert_bytes(last_sent(ws), "\4\1\2");
    assert_int_equal(eio_session_transport(s), EIO_WEBSOCKET);
    fake_ws_text(ws, "2probe"); /* no probe any more */
    assert_reads(ws, "3");
    assert_true(eio_session_is_open(s));
}

static void test_early_upgrade_releases_the_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    struct lec_ws *ws = open_ws(r, s, "");
    struct lec_http *parked = NULL;
    for (int i = 0; i < 21; i++)
        parked = poll(r, s);
    assert_int_equal(parked->state, FAKE_HELD);
    fake_ws_text(ws, "5");
    assert_answer(parked, 200, "1:1");
    assert_true(eio_session_is_open(s));
}

static void test_heartbeat(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = open_ws(r, NULL, "");
    for (int i = 0; i < 3; i++) {
        fake_advance(r->loop, 44999);
        assert_null(fake_ws_read(ws)); /* the server does not ping */
        fake_ws_text(ws, "2");
        assert_reads(ws, "3");
    }
    fake_ws_text(ws, "4x"); /* no heartbeat */
    fake_advance(r->loop, 44999);
    assert_int_equal(r->closed, 0);
    fake_advance(r->loop, 1);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_heartbeat_by_polling(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    fake_advance(r->loop, 44999);
    assert_answer(post(r, s, "text/plain", LEC_SLICE("1:2")), 200, "ok");
    assert_answer(poll(r, s), 200, "1:3");
    fake_stall(r->loop, 45000); /* the request comes before the timer fires */
    assert_answer(poll(r, s), 400, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_upgrade_gives_the_heartbeat_its_time(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    struct lec_ws *ws = open_ws(r, s, "");
    fake_ws_text(ws, "2probe");
    fake_advance(r->loop, 5000);
    fake_ws_text(ws, "5");
    fake_advance(r->loop, 44999);
    assert_true(eio_session_is_open(s));
    fake_advance(r->loop, 1);
    assert_ended(r, 1, EIO_PING_TIMEOUT);
}

static void test_pong_is_not_the_clients(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = open_ws(r, NULL, "");
    fake_ws_text(ws, "3");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
}

static void test_pongs_have_a_bound(void **state)
{
    struct rig *r = *state;
    struct lec_ws *ws = open_ws(r, NULL, "");
    ws->full = true;
    for (int i = 0; i < 2000 && r->closed == 0; i++)
        fake_ws_text(ws, "2");
    assert_ended(r, 1, EIO_SLOW_CONSUMER);
}

static void test_close(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = open_with(r, "");
    struct lec_http *parked = poll(r, s);
    assert_answer(post(r, s, "text/plain", LEC_SLICE("1:1")), 200, "ok");
    assert_answer(parked, 200, "1:6");
    assert_ended(r, 1, EIO_TRANSPORT_CLOSE);
    s = open_with(r, "");
    parked = poll(r, s);
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_answer(parked, 200, "1:1");
    assert_ended(r, 2, EIO_FORCED_CLOSE);
}

#define TOKEN "aaaaaaaaaaaa.bbbbbbbbbbbb.cccccccccccc"

/* A sid that others may know is worth nothing without what the handshake bore. */
static void test_binding(void **state)
{
    struct rig *r = *state;
    static const char unknown[] = "{\"code\":1,\"message\":\"Session ID unknown\"}";
    struct eio_session *s = open_with(r, "&token=" TOKEN);
    assert_true(eio_session_is_bound(s));
    assert_answer(poll(r, s), 400, unknown);
    assert_answer(post(r, s, "text/plain", LEC_SLICE("2:4x")), 400, unknown);
    assert_answer(rig_request(r, LEC_GET, url("polling", s, "&token=" TOKEN "x"), NULL), 400,
                  unknown);
    struct lec_http *ws = fake_request(r->loop, LEC_GET, url("websocket", s, "&token="));
    ws->wants_ws = true;
    eio_engine_request(r->engine, ws);
    assert_answer(ws, 400, "Session ID unknown");
    assert_true(eio_session_is_open(s));
    rig_send(r, s, "4x");
    assert_answer(rig_request(r, LEC_GET, url("polling", s, "&token=" TOKEN), NULL), 200, "2:4x");
    open_ws(r, s, "&token=" TOKEN);

    struct lec_http *http = fake_request(r->loop, LEC_GET, url("polling", NULL, ""));
    fake_header(http, "authorization", "Bearer " TOKEN);
    eio_engine_request(r->engine, http);
    s = r->session;
    assert_true(eio_session_is_bound(s));
    assert_answer(poll(r, s), 400, unknown);
    http = fake_request(r->loop, LEC_GET, url("polling", s, ""));
    fake_header(http, "authorization", "Bearer " TOKEN);
    eio_engine_request(r->engine, http);
    assert_int_equal(http->state, FAKE_HELD);

    assert_false(eio_session_is_bound(open_with(r, "&token=")));
    assert_false(eio_session_is_bound(open_with(r, "&token=undefined")));
    http = fake_request(r->loop, LEC_GET, url("polling", NULL, ""));
    fake_header(http, "authorization", "Basic " TOKEN);
    eio_engine_request(r->engine, http);
    assert_false(eio_session_is_bound(r->session));
    assert_answer(rig_request(r, LEC_GET, "/engine.io/?EIO=4&transport=polling&token=" TOKEN, NULL),
                  200, NULL);
    assert_false(eio_session_is_bound(r->session));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refused_unless_allowed),
        TEST(test_polling),
        TEST(test_raw_polling),
        TEST(test_base64_polling),
        TEST(test_bad_bodies),
        TEST(test_websocket),
        TEST(test_base64_websocket),
        TEST(test_upgrade),
        TEST(test_early_upgrade_releases_the_poll),
        TEST(test_heartbeat),
        TEST(test_heartbeat_by_polling),
        TEST(test_upgrade_gives_the_heartbeat_its_time),
        TEST(test_pong_is_not_the_clients),
        TEST(test_pongs_have_a_bound),
        TEST(test_close),
        TEST(test_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
