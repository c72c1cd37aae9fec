/* Which requests are let in, and what the others are told. */
#include "rig.h"

#include <stdio.h>
#include <unistd.h>

static const char unknown_transport[] = "{\"code\":0,\"message\":\"Transport unknown\"}";
static const char unknown_sid[] = "{\"code\":1,\"message\":\"Session ID unknown\"}";
static const char bad_method[] = "{\"code\":2,\"message\":\"Bad handshake method\"}";
static const char bad_request[] = "{\"code\":3,\"message\":\"Bad request\"}";
static const char bad_protocol[] = "{\"code\":5,\"message\":\"Unsupported protocol version\"}";

static void test_polling_handshake(void **state)
{
    struct rig *r = *state;
    struct lec_http *http = rig_request(
        r, LEC_GET, "/engine.io/default/?EIO=4&transport=polling&t=abc&room=%26a", NULL);
    char expected[200];
    snprintf(expected, sizeof expected,
             "0{\"sid\":\"%s\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
             "\"pingTimeout\":20000,\"maxPayload\":1000}",
             eio_session_sid(r->session));
    assert_answer(http, 200, expected);
    assert_string_equal(lec_buf_str(&http->type), "text/plain; charset=UTF-8");
    assert_string_equal(lec_buf_str(&http->reply_headers), "cache-control: no-store\r\n");
    assert_int_equal(strlen(eio_session_sid(r->session)), 20);
    assert_int_equal(strncmp(eio_session_sid(r->session), eio_session_log_id(r->session),
                             strlen(eio_session_log_id(r->session))),
                     0);
    assert_int_equal(eio_session_transport(r->session), EIO_POLLING);
    assert_int_equal(eio_engine_count(r->engine), 1);
    assert_int_equal(r->counters.sessions_opened, 1);
}

static void test_cookie(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *same_site;
        bool secure;
        const char *attributes;
    } cases[] = {
        { "Lax", false, "; Path=/; HttpOnly; SameSite=Lax\r\n" },
        { "Lax", true, "; Path=/; HttpOnly; Secure; SameSite=Lax\r\n" },
        { "Strict", false, "; Path=/; HttpOnly; SameSite=Strict\r\n" },
        { "None", false, "; Path=/; HttpOnly; Secure; SameSite=None\r\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        r->cfg.cookie = "io";
        r->cfg.cookie_same_site = cases[i].same_site;
        struct lec_http *http = fake_request(r->loop, LEC_GET, rig_url(r, "polling", NULL));
        http->secure = cases[i].secure;
        eio_engine_request(r->engine, http);
        char expected[160];
        snprintf(expected, sizeof expected, "Set-Cookie: io=%s%scache-control: no-store\r\n",
                 eio_session_sid(r->session), cases[i].attributes);
        assert_answer(http, 200, NULL);
        assert_string_equal(lec_buf_str(&http->reply_headers), expected);
        /* not with later answers, nor with a WebSocket of its own */
        http = rig_post(r, r->session, "3");
        assert_null(strstr(lec_buf_str(&http->reply_headers), "Cookie"));
    }
    struct lec_http *http = rig_ask_ws(r, NULL);
    assert_null(strstr(lec_buf_str(&http->reply_headers), "Cookie"));
    fake_ws_open(http);
}

static void test_handshake_kept(void **state)
{
    struct rig *r = *state;
    struct lec_http *http =
        fake_request(r->loop, LEC_GET, "/engine.io/?EIO=4&transport=polling&b=%26");
    fake_header(http, "host", "school.example");
    fake_header(http, "origin", "http://school.example");
    http->secure = true;
    eio_engine_request(r->engine, http);
    const struct eio_handshake *h = eio_session_handshake(r->session);
    assert_string_equal(h->url, "/engine.io/?EIO=4&transport=polling&b=%26");
    assert_string_equal(h->query, "EIO=4&transport=polling&b=%26");
    assert_ptr_equal(h->query, h->url + strlen("/engine.io/?"));
    assert_int_equal(h->headers.n, 5 + 15 + 7 + 22);
    assert_memory_equal(h->headers.p, "host\0school.example\0origin\0http://school.example", 49);
    assert_string_equal(h->address, "192.0.2.7");
    assert_true(h->secure);
    assert_true(h->xdomain);
    assert_true(h->issued_ms > 1700000000000);
}

static void test_ws_handshake(void **state)
{
    struct rig *r = *state;
    struct lec_http *http = rig_ask_ws(r, NULL);
    assert_int_equal(http->state, FAKE_ACCEPTED);
    assert_int_equal(http->max_message, 1000);
    assert_int_equal(r->opened, 0);
    assert_int_equal(eio_engine_count(r->engine), 0);
    struct lec_ws *ws = fake_ws_open(http);
    assert_int_equal(r->opened, 1);
    char expected[200];
    snprintf(expected, sizeof expected,
             "0{\"sid\":\"%s\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
             "\"maxPayload\":1000}",
             eio_session_sid(r->session));
    assert_reads(ws, expected);
    assert_int_equal(eio_session_transport(r->session), EIO_WEBSOCKET);
    assert_string_equal(eio_session_handshake(r->session)->query, "EIO=4&transport=websocket");
}

static void test_ws_handshake_fails(void **state)
{
    struct rig *r = *state;
    fake_ws_fail(rig_ask_ws(r, NULL));
    assert_int_equal(r->opened, 0);
    assert_int_equal(r->closed, 0);
}

static void test_refused(void **state)
{
    struct rig *r = *state;
    static const struct {
        enum lec_method method;
        const char *query;
        unsigned status;
        const char *body;
    } cases[] = {
        { LEC_GET, "", 400, unknown_transport },
        { LEC_GET, "?EIO=4", 400, unknown_transport },
        { LEC_GET, "?EIO=4&transport=abc", 400, unknown_transport },
        { LEC_GET, "?EIO=4&transport=webtransport", 400, unknown_transport },
        { LEC_POST, "?EIO=4&transport=abc&sid=x", 400, unknown_transport },
        { LEC_GET, "?transport=polling&sid=abc", 400, unknown_sid },
        { LEC_GET, "?EIO=4&transport=websocket&sid=abc", 400, unknown_sid },
        { LEC_DELETE, "?EIO=4&transport=polling&sid=abc", 400, unknown_sid },
        { LEC_POST, "?EIO=4&transport=polling", 400, bad_method },
        { LEC_PUT, "?EIO=4&transport=polling", 400, bad_method },
        { LEC_HEAD, "?EIO=4&transport=polling", 400, bad_method },
        { LEC_OPTIONS, "?EIO=4&transport=polling", 400, bad_method },
        { LEC_POST, "?transport=websocket", 400, bad_method },
        { LEC_GET, "?EIO=4&transport=websocket", 400, bad_request },
        { LEC_GET, "?transport=polling", 400, bad_protocol },
        { LEC_GET, "?EIO=3&transport=polling", 400, bad_protocol },
        { LEC_GET, "?EIO=abc&transport=polling", 400, bad_protocol },
    };
    size_t n = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < n; i++) {
        char url[100];
        snprintf(url, sizeof url, "/engine.io/%s", cases[i].query);
        struct lec_http *http = rig_request(r, cases[i].method, url, NULL);
        assert_answer(http, cases[i].status, cases[i].body);
        assert_string_equal(lec_buf_str(&http->type), "application/json");
    }
    assert_int_equal(r->opened, 0);
    assert_int_equal(r->counters.sessions_refused + r->counters.requests_refused, n);
    assert_int_equal(r->counters.requests_refused, 4);
}

static void test_ws_refused(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *query, *origin, *body;
    } cases[] = {
        { "", NULL, "Transport unknown" },
        { "?EIO=4&transport=abc", NULL, "Transport unknown" },
        { "?EIO=4&transport=websocket&sid=abc", NULL, "Session ID unknown" },
        { "?EIO=4&transport=polling", NULL, "Bad request" },
        { "?transport=websocket", NULL, "Unsupported protocol version" },
        { "?EIO=3&transport=websocket", NULL, "Unsupported protocol version" },
        { "?EIO=4&transport=websocket", "http://evil.example", "Forbidden" },
        { "?EIO=4&transport=websocket", "http://a\x01", "Bad request" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[100];
        snprintf(url, sizeof url, "/engine.io/%s", cases[i].query);
        struct lec_http *http = fake_request(r->loop, LEC_GET, url);
        fake_header(http, "host", "school.example");
        if (cases[i].origin)
            fake_header(http, "origin", cases[i].origin);
        http->wants_ws = true;
        eio_engine_request(r->engine, http);
        assert_answer(http, 400, cases[i].body);
        assert_string_equal(lec_buf_str(&http->type), "text/html");
    }
}

static void test_transports_off(void **state)
{
    struct rig *r = *state;
    r->cfg.polling = false;
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 400,
                  unknown_transport);
    r->cfg.polling = true;
    r->cfg.websocket = false;
    assert_answer(rig_ask_ws(r, NULL), 400, "Transport unknown");
    struct lec_http *http = rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL);
    assert_non_null(strstr(lec_buf_str(&http->body), "\"upgrades\":[]"));
    assert_answer(rig_ask_ws(r, r->session), 400, "Transport unknown");
}

static void test_upgrades_off(void **state)
{
    struct rig *r = *state;
    r->cfg.allow_upgrades = false;
    struct lec_http *http = rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL);
    assert_non_null(strstr(lec_buf_str(&http->body), "\"upgrades\":[]"));
    assert_answer(rig_ask_ws(r, r->session), 400, "Bad request");
    rig_open_ws(r);
}

static void test_wrong_transport_for_sid(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "websocket", s), NULL), 400, bad_request);
    struct lec_http *http = fake_request(r->loop, LEC_GET, rig_url(r, "polling", s));
    http->wants_ws = true;
    eio_engine_request(r->engine, http);
    assert_answer(http, 400, "Bad request");
    assert_true(eio_session_is_open(s));

    rig_open_ws(r);
    assert_answer(rig_poll(r, r->session), 400, bad_request);
    assert_answer(rig_post(r, r->session, "4a"), 400, bad_request);
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "websocket", r->session), NULL), 400,
                  bad_request);
    assert_false(fake_ws_open(rig_ask_ws(r, r->session))->open); /* turned away */
    assert_true(eio_session_is_open(r->session));
}

static void test_origin_characters(void **state)
{
    struct rig *r = *state;
    struct lec_http *http = fake_request(r->loop, LEC_GET, "/engine.io/?EIO=4&transport=polling");
    fake_header(http, "origin", "http://a\x7f");
    eio_engine_request(r->engine, http);
    assert_answer(http, 400, bad_request);
}

static void assert_cors(struct lec_http *http)
{
    assert_non_null(strstr(lec_buf_str(&http->reply_headers),
                           "Access-Control-Allow-Origin: http://good.example\r\n"));
    assert_non_null(
        strstr(lec_buf_str(&http->reply_headers), "Access-Control-Allow-Credentials: true\r\n"));
}

static void test_cors_everywhere(void **state)
{
    struct rig *r = *state;
    r->cfg.cors.origins = "http://good.example";
    assert_cors(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL));
    struct eio_session *s = r->session;
    struct lec_http *poll = rig_poll(r, s);
    assert_cors(rig_post(r, s, "4a"));
    rig_send(r, s, "4b");
    fake_turn(r->loop);
    assert_cors(poll);
    assert_cors(rig_request(r, LEC_GET, "/engine.io/", NULL));
    assert_cors(rig_request(r, LEC_PUT, rig_url(r, "polling", s), NULL));
    assert_cors(rig_post(r, s, "abc"));
    assert_cors(rig_request(r, LEC_GET, "/engine.io/?transport=polling&sid=gone", NULL));
    struct lec_http *refused = fake_request(r->loop, LEC_GET, "/engine.io/?transport=websocket");
    refused->wants_ws = true;
    eio_engine_request(r->engine, refused);
    assert_cors(refused);
    struct lec_http *ws = rig_ask_ws(r, NULL);
    assert_cors(ws);
    fake_ws_open(ws);

    struct lec_http *preflight = rig_request(r, LEC_OPTIONS, "/engine.io/?EIO=4", NULL);
    assert_answer(preflight, 204, "");
}

static void test_ws_origin(void **state)
{
    struct rig *r = *state;
    r->cfg.cors.origins = "http://good.example";
    static const struct {
        const char *origin;
        bool ok;
    } cases[] = { { "http://good.example", true },
                  { "http://evil.example", false },
                  { NULL, true } };
    struct eio_session *s = rig_open(r);
    for (size_t i = 0; i < 3; i++) {
        for (int upgrade = 0; upgrade < 2; upgrade++) {
            struct lec_http *http =
                fake_request(r->loop, LEC_GET, rig_url(r, "websocket", upgrade ? s : NULL));
            http->wants_ws = true;
            fake_header(http, "host", "server.example");
            if (cases[i].origin)
                fake_header(http, "origin", cases[i].origin);
            eio_engine_request(r->engine, http);
            if (cases[i].ok)
                fake_ws_end(fake_ws_open(http), LEC_WS_GONE);
            else
                assert_answer(http, 400, "Forbidden");
        }
    }
}

static void ask_foreign(struct rig *r, const char *origin)
{
    struct lec_http *http = fake_request(r->loop, LEC_GET, rig_url(r, "websocket", NULL));
    http->wants_ws = true;
    fake_header(http, "host", "server.example:3001");
    fake_header(http, "origin", origin);
    eio_engine_request(r->engine, http);
    assert_answer(http, 400, "Forbidden");
}

static unsigned logged(struct rig *r, const char *text)
{
    static char log[16384];
    ssize_t n = pread(r->log_fd, log, sizeof log - 1, 0);
    assert_true(n >= 0 && n < (ssize_t)sizeof log - 1);
    log[n] = '\0';
    unsigned count = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void test_foreign_pages_are_logged(void **state)
{
    struct rig *r = *state;
    char longest[1001];
    assert_int_equal(lec_log_set_level(r->log, "info"), LEC_OK);
    ask_foreign(r, "https://evil.example");
    assert_int_equal(logged(r, "refused a WebSocket of another site: "
                               "Origin \"https://evil.example\", Host \"server.example:3001\"; "
                               "to allow it, name its origin in frontend_url (FRONTEND_URL)\n"),
                     1);
    memset(longest, 'x', 1000);
    longest[1000] = '\0';
    ask_foreign(r, longest);
    assert_int_equal(logged(r, "xxx…\", Host"), 1);
    ask_foreign(r, "http://a\", Host \"b\xff");
    assert_int_equal(logged(r, "Origin \"http://a?,?Host??b?\", Host \"server"), 1);
    for (int i = 0; i < 1000; i++)
        ask_foreign(r, "null");
    assert_int_equal(logged(r, "refused"), 5);
    fake_advance(r->loop, 60000);
    for (int i = 0; i < 1000; i++)
        ask_foreign(r, "null");
    assert_int_equal(logged(r, "refused"), 10);
    assert_int_equal(logged(r, "(FRONTEND_URL); 998 more were not logged\n"), 1);
    assert_int_equal(logged(r, "more were not"), 1);
}

static void test_limits(void **state)
{
    struct rig *r = *state;
    r->cfg.max_sessions = 2;
    struct eio_session *s = rig_open(r);
    eio_session_keep(s);
    struct lec_http *opening = rig_ask_ws(r, NULL); /* counts although it is not open yet */
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 503, NULL);
    assert_answer(rig_ask_ws(r, NULL), 503, NULL);
    assert_int_equal(r->counters.sessions_refused, 2);
    rig_post(r, s, "1");
    rig_open(r);
    fake_ws_open(opening);
    assert_int_equal(eio_engine_count(r->engine), 2);
}

static void test_handshake_rate(void **state)
{
    struct rig *r = *state;
    r->cfg.max_sessions = 1000;
    r->cfg.handshakes = (struct lec_rate){ 10, 5 };
    struct lec_slice body = LEC_SLICE("{\"code\":503,\"message\":\"Too many handshakes at once\"}");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++)
            rig_open(r);
        struct lec_http *http = rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL);
        assert_answer(http, 503, body.p);
        assert_non_null(strstr(lec_buf_str(&http->reply_headers), "retry-after: 1\r\n"));
        assert_answer(rig_ask_ws(r, NULL), 503, "Too many handshakes at once");
        fake_advance(r->loop, 500);
    }
    assert_int_equal(r->counters.sessions_refused_rate, 4);
    assert_int_equal(r->counters.sessions_refused, 4);
    assert_answer(rig_post(r, r->session, "4x"), 200, "ok"); /* sessions go on */
}

static void test_sessions_of_an_address(void **state)
{
    struct rig *r = *state;
    r->cfg.max_per_site = 2;
    struct eio_session *s = rig_open(r);
    rig_open(r);
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 429,
                  "{\"code\":429,\"message\":\"Too many connections from this address\"}");
    assert_answer(rig_ask_ws(r, NULL), 429, "Too many connections from this address");
    assert_int_equal(r->counters.sessions_refused_address, 2);
    rig_post(r, s, "1");
    rig_open(r);
    assert_int_equal(eio_engine_count(r->engine), 2);
}

/* Sessions that nobody wanted kept make room, the oldest first. */
static void test_gives_way(void **state)
{
    struct rig *r = *state;
    r->cfg.max_sessions = 3;
    struct eio_session *known = rig_open(r);
    eio_session_keep(known);
    rig_open(r);
    struct eio_session *newer = rig_open(r);
    rig_open(r);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->why, EIO_FORCED_CLOSE);
    assert_true(eio_session_is_open(newer));
    eio_session_keep(newer);
    fake_ws_open(rig_ask_ws(r, NULL));
    assert_int_equal(r->closed, 2);
    assert_int_equal(eio_engine_count(r->engine), 3);

    /* One that is over already for its user, but not for us, cannot give way a second time. */
    eio_session_close(r->session, false);
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 503, NULL);
    assert_true(eio_session_is_open(known));
    assert_true(eio_session_is_open(newer));
    assert_int_equal(r->counters.sessions_gave_way, 2);
}

static void test_drain(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    eio_engine_drain(r->engine);
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 503, NULL);
    assert_answer(rig_ask_ws(r, NULL), 503, NULL);
    const char *elsewhere = "/engine.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA";
    assert_answer(rig_request(r, LEC_GET, elsewhere, NULL), 503, NULL);
    assert_answer(rig_post(r, s, "4still"), 200, "ok");
    assert_heard(r, "still;");
    rig_probe(r, s);
}

static void test_shed(void **state)
{
    struct rig *r = *state;
    for (int i = 0; i < 10; i++)
        rig_open(r);
    eio_engine_shed(r->engine, 0);
    assert_int_equal(eio_engine_count(r->engine), 10);
    eio_engine_drain(r->engine);
    assert_int_equal(eio_engine_count(r->engine), 10);
    eio_engine_shed(r->engine, 3);
    assert_int_equal(eio_engine_count(r->engine), 7);
    fake_turn(r->loop);
    assert_int_equal(eio_engine_closing(r->engine), 0); /* they were owed nothing */
    eio_engine_shed(r->engine, 100);
    fake_turn(r->loop);
    assert_int_equal(eio_engine_count(r->engine), 0);
    eio_engine_shed(r->engine, 1);
}

static void test_reasons(void **state)
{
    (void)state;
    assert_string_equal(eio_reason_text(EIO_TRANSPORT_CLOSE), "transport close");
    assert_string_equal(eio_reason_text(EIO_TRANSPORT_ERROR), "transport error");
    assert_string_equal(eio_reason_text(EIO_PING_TIMEOUT), "ping timeout");
    assert_string_equal(eio_reason_text(EIO_PARSE_ERROR), "parse error");
    assert_string_equal(eio_reason_text(EIO_FORCED_CLOSE), "forced close");
    assert_string_equal(eio_reason_text(EIO_SERVER_SHUTDOWN), "server shutting down");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_polling_handshake),
        TEST(test_cookie),
        TEST(test_handshake_kept),
        TEST(test_ws_handshake),
        TEST(test_ws_handshake_fails),
        TEST(test_refused),
        TEST(test_ws_refused),
        TEST(test_transports_off),
        TEST(test_upgrades_off),
        TEST(test_wrong_transport_for_sid),
        TEST(test_origin_characters),
        TEST(test_cors_everywhere),
        TEST(test_ws_origin),
        TEST(test_foreign_pages_are_logged),
        TEST(test_limits),
        TEST(test_handshake_rate),
        TEST(test_sessions_of_an_address),
        TEST(test_gives_way),
        TEST(test_drain),
        TEST(test_shed),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
