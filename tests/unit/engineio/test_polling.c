/* The rules of GET and POST. */
#include "rig.h"

#include <stdio.h>

#include "engineio/packet.h"

static void test_parked_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    assert_int_equal(poll->state, FAKE_HELD);
    rig_send(r, s, "4a");
    rig_send(r, s, "4b");
    assert_int_equal(poll->state, FAKE_HELD); /* leaves with the turn */
    fake_turn(r->loop);
    assert_answer(poll, 200,
                  "4a\x1e"
                  "4b");
    assert_string_equal(lec_buf_str(&poll->type), "text/plain; charset=UTF-8");
    assert_string_equal(lec_buf_str(&poll->reply_headers), "cache-control: no-store\r\n");
}

static void test_large_polls_are_compressed(void **state)
{
    struct rig *r = *state;
    static const char many[] = "4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    r->cfg.deflater = lec_deflater_new(sizeof many - 1);
    struct eio_session *s = rig_open(r);
    static const struct {
        const char *message, *accept, *headers;
    } cases[] = {
        { many, "gzip", "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n" },
        { many, NULL, "Vary: Accept-Encoding\r\n" },
        { many + 1, "gzip", "" }, /* a byte less */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *poll = fake_request(r->loop, LEC_GET, rig_url(r, "polling", s));
        struct lec_buf body = { 0 };
        char headers[128];
        if (cases[i].accept)
            fake_header(poll, "accept-encoding", cases[i].accept);
        eio_engine_request(r->engine, poll);
        rig_send(r, s, cases[i].message);
        fake_turn(r->loop);
        assert_answer(poll, 200, NULL);
        snprintf(headers, sizeof headers, "cache-control: no-store\r\n%s", cases[i].headers);
        assert_string_equal(lec_buf_str(&poll->reply_headers), headers);
        if (strstr(headers, "gzip"))
            assert_int_equal(lec_gunzip(lec_buf_slice(&poll->body), strlen(many), &body), LEC_OK);
        else
            lec_buf_add(&body, poll->body.p, poll->body.n);
        assert_string_equal(lec_buf_str(&body), cases[i].message);
        lec_buf_fini(&body);
    }
    lec_deflater_free(r->cfg.deflater);
    r->cfg.deflater = NULL;
}

static void test_poll_finds_queue(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    rig_send(r, s, "4a");
    struct lec_msg *binary = lec_msg_copy(true, "\1\2\3\4", 4);
    assert_int_equal(eio_session_send(s, binary), LEC_OK);
    lec_msg_unref(binary);
    rig_send(r, s, "4c");
    fake_turn(r->loop);
    assert_answer(rig_poll(r, s), 200,
                  "4a\x1e"
                  "bAQIDBA==\x1e"
                  "4c");
    assert_int_equal(rig_poll(r, s)->state, FAKE_HELD); /* nothing is sent twice */
}

static void greet(struct rig *r, struct eio_session *s)
{
    rig_send(r, s, "4first");
}

static void test_open_rides_alone(void **state)
{
    struct rig *r = *state;
    r->on_open = greet;
    struct lec_http *http = rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL);
    assert_answer(http, 200, NULL);
    assert_null(strchr(lec_buf_str(&http->body), EIO_SEPARATOR));
    assert_answer(rig_poll(r, r->session), 200, "4first");
}

static void test_post(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *post = rig_post(r, s, "4hello");
    assert_answer(post, 200, "ok");
    assert_string_equal(lec_buf_str(&post->type), "text/html");
    assert_string_equal(lec_buf_str(&post->reply_headers), "cache-control: no-store\r\n");
    rig_post(r, s,
             "4a\x1e"
             "bAQID\x1e"
             "4\xe2\x82\xac\x1e"
             "4");
    assert_heard(r, "hello;a;<\1\2\3>;\xe2\x82\xac;;");
    assert_int_equal(r->counters.packets_in, 5);
}

static void test_post_beside_parked_poll(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    assert_answer(rig_post(r, s,
                           "4a\x1e"
                           "bAQIDBA==\x1e"
                           "4b"),
                  200, "ok");
    assert_answer(poll, 200,
                  "4a\x1e"
                  "bAQIDBA==\x1e"
                  "4b");
    assert_true(eio_session_is_open(s));
}

static void test_ignored_packets(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    assert_answer(rig_post(r, s,
                           "3\x1e"
                           "6\x1e"
                           "5\x1e"
                           "0\x1e"
                           "3probe"),
                  200, "ok");
    assert_true(eio_session_is_open(s));
    assert_heard(r, "");
}

static void test_malformed_posts(void **state)
{
    struct rig *r = *state;
    static const char *const bodies[] = {
        "abc", "", "4a\x1e", "\x1e", "4\xff", "4\xed\xa0\x80", "7", "4a\x1e\x1e\x34z",
    };
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct eio_session *s = rig_open(r);
        struct lec_http *poll = rig_poll(r, s);
        assert_answer(rig_post(r, s, bodies[i]), 400, "");
        assert_answer(poll, 200, "1");
        assert_ended(r, i + 1, EIO_PARSE_ERROR);
        rig_gone(r);
        assert_int_equal(r->counters.sessions_bad_packet, i + 1);
    }
}

static void test_packets_before_malformed_count(void **state)
{
    struct rig *r = *state;
    r->on_message = rig_echo;
    struct lec_http *poll = rig_poll(r, rig_open(r));
    rig_post(r, r->session,
             "4a\x1e"
             "x\x1e"
             "4b");
    assert_heard(r, "a;");
    assert_answer(poll, 200,
                  "4a\x1e"
                  "1");
}

static void test_second_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *first = rig_poll(r, s);
    struct lec_http *second = rig_poll(r, s);
    assert_answer(first, 200, "1");
    assert_answer(second, 400, "");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
    rig_gone(r);
}

/* A POST whose body has not come yet. */
static struct lec_http *begin_post(struct rig *r, struct eio_session *s)
{
    struct lec_http *post = fake_request(r->loop, LEC_POST, rig_url(r, "polling", s));
    post->body_length = 2;
    eio_engine_request(r->engine, post);
    assert_int_equal(post->state, FAKE_BODY);
    return post;
}

static void test_second_post(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s), *first = begin_post(r, s);
    assert_answer(rig_post(r, s, "4b"), 400, "");
    assert_answer(first, 400, "");
    assert_answer(poll, 200, "1");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
    assert_heard(r, "");
    rig_gone(r);
}

static void test_aborted_poll(void **state)
{
    struct rig *r = *state;
    fake_abort(rig_poll(r, rig_open(r)));
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
    rig_gone(r);
}

static void test_aborted_post(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    fake_abort(begin_post(r, s));
    assert_answer(poll, 200, "1");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
    rig_gone(r);
}

static void test_raw_binary(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *post = fake_request(r->loop, LEC_POST, rig_url(r, "polling", s));
    fake_header(post, "content-type", "application/octet-stream");
    post->body_length = 3;
    eio_engine_request(r->engine, post);
    fake_turn(r->loop);
    assert_answer(post, 400, "");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
}

static void test_payload_limit(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    char body[1002];
    memset(body, 'd', sizeof body);
    body[0] = '4';
    body[1000] = '\0';
    assert_answer(rig_post(r, s, body), 200, "ok");
    assert_int_equal(r->heard.n, 1000);
    body[1000] = 'd';
    body[1001] = '\0';
    struct lec_http *post = rig_post(r, s, body);
    assert_answer(post, 413, "");
    assert_int_equal(post->type.n, 0);
    assert_int_equal(r->counters.payloads_too_big, 1);
    assert_true(eio_session_is_open(s));
    assert_answer(rig_post(r, s, "4still"), 200, "ok");
}

/* Until somebody knows whose session it is. */
static void test_first_payload_limit(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    r->cfg.max_first_payload = 10;
    assert_answer(rig_post(r, s, "4234567890"), 200, "ok");
    assert_answer(rig_post(r, s, "42345678901"), 413, "");
    eio_session_keep(s);
    assert_answer(rig_post(r, s, "42345678901"), 200, "ok");
}

static void test_too_big_in_chunks(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *post = fake_request(r->loop, LEC_POST, rig_url(r, "polling", s));
    eio_engine_request(r->engine, post);
    fake_too_big(post);
    assert_answer(post, 413, "");
    assert_int_equal(r->counters.payloads_too_big, 1);
    assert_answer(rig_post(r, s, "4still"), 200, "ok");
}

static void test_other_methods(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    static const enum lec_method methods[] = { LEC_PUT, LEC_DELETE, LEC_PATCH, LEC_HEAD,
                                               LEC_METHOD_OTHER };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        assert_answer(rig_request(r, methods[i], rig_url(r, "polling", s), NULL), 500, "");
    assert_true(eio_session_is_open(s));
    assert_answer(rig_post(r, s, "4a"), 200, "ok");
}

static void test_client_closes(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    assert_answer(rig_post(r, s,
                           "4a\x1e"
                           "1\x1e"
                           "4b"),
                  200, "ok");
    assert_answer(poll, 200, "6");
    assert_ended(r, 1, EIO_TRANSPORT_CLOSE);
    assert_heard(r, "a;");
    rig_gone(r);
}

static void test_client_pings(void **state)
{
    struct rig *r = *state;
    assert_answer(rig_post(r, rig_open(r), "2"), 200, "ok");
    assert_ended(r, 1, EIO_TRANSPORT_ERROR);
    rig_gone(r);
}

static void test_close_with_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    eio_session_close(s, false);
    assert_ended(r, 1, EIO_FORCED_CLOSE); /* before it returns */
    assert_int_equal(eio_engine_count(r->engine), 0);
    fake_turn(r->loop);
    assert_answer(poll, 200, "1");
    rig_gone(r);
}

static void test_close_sends_queue_first(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    rig_send(r, s, "441");
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_answer(poll, 200, "441"); /* alone: a close beside it would overtake it in the client */
    assert_int_equal(eio_engine_closing(r->engine), 1);
    assert_answer(rig_poll(r, s), 200,
                  "6\x1e"
                  "1");
    assert_int_equal(eio_engine_closing(r->engine), 0);
    rig_gone(r);
}

static void test_close_discards(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    struct lec_http *poll = rig_poll(r, s);
    rig_send(r, s, "4lost");
    eio_session_close(s, true);
    fake_turn(r->loop);
    assert_answer(poll, 200, "1");
    rig_gone(r);
}

static void test_close_waits_for_poll(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    eio_session_close(s, false);
    fake_advance(r->loop, 29999);
    struct lec_msg *m = lec_msg_copy(false, "4x", 2);
    assert_int_equal(eio_session_send(s, m), LEC_ECLOSED);
    lec_msg_unref(m);
    assert_answer(rig_post(r, s, "4ignored"), 200, "ok");
    assert_heard(r, "");
    assert_answer(rig_ask_ws(r, s), 400, "Bad request");
    assert_answer(rig_poll(r, s), 200,
                  "6\x1e"
                  "1");
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    rig_gone(r);
}

static void test_close_waits_with_queue(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    rig_send(r, s, "4a");
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_answer(rig_poll(r, s), 200, "4a");
    assert_answer(rig_poll(r, s), 200,
                  "6\x1e"
                  "1");
    rig_gone(r);
}

static void test_close_gives_up(void **state)
{
    struct rig *r = *state;
    eio_session_close(rig_open(r), false);
    fake_advance(r->loop, 30000);
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    assert_int_equal(fake_timers(r->loop), 0);
    rig_gone(r);
}

static void test_client_leaves_while_closing(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    eio_session_close(s, false);
    fake_turn(r->loop);
    assert_answer(rig_post(r, s, "1"), 200, "ok");
    assert_ended(r, 1, EIO_FORCED_CLOSE);
    rig_gone(r);
}

static void close_it(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary)
{
    (void)r, (void)data, (void)binary;
    eio_session_close(s, false);
}

static void test_close_in_callback(void **state)
{
    struct rig *r = *state;
    r->on_message = close_it;
    struct lec_http *poll = rig_poll(r, rig_open(r));
    assert_answer(rig_post(r, r->session,
                           "4a\x1e"
                           "4b\x1e"
                           "4c"),
                  200, "ok");
    assert_heard(r, "a;");
    assert_answer(poll, 200, "1");
    rig_gone(r);
}

static void close_at_open(struct rig *r, struct eio_session *s)
{
    (void)r;
    rig_send(r, s, "4bye");
    eio_session_close(s, false);
}

static void test_close_at_open(void **state)
{
    struct rig *r = *state;
    r->on_open = close_at_open;
    assert_answer(rig_poll(r, rig_open(r)), 200, "4bye");
    assert_answer(rig_poll(r, r->session), 200,
                  "6\x1e"
                  "1");
    rig_gone(r);
}

static void shut_down(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary)
{
    (void)s, (void)data, (void)binary;
    eio_engine_close(r->engine, false);
}

static void test_shutdown_in_callback(void **state)
{
    struct rig *r = *state;
    r->on_message = shut_down;
    struct eio_session *s = rig_open(r);
    assert_answer(rig_post(r, s,
                           "4a\x1e"
                           "4b"),
                  200, "ok");
    assert_heard(r, "a;");
    assert_ended(r, 1, EIO_SERVER_SHUTDOWN);
}

static void test_shutdown(void **state)
{
    struct rig *r = *state;
    struct eio_session *first = rig_open(r), *second = rig_open(r);
    struct lec_http *poll = rig_poll(r, first), *post = begin_post(r, second);
    rig_send(r, first, "4lost");
    eio_engine_close(r->engine, false);
    assert_ended(r, 2, EIO_SERVER_SHUTDOWN);
    assert_answer(poll, 200, "1");
    assert_answer(post, 400, "");
    fake_turn(r->loop);
    rig_gone(r);
    assert_int_equal(fake_timers(r->loop), 0);
}

static void test_shutdown_flushes(void **state)
{
    struct rig *r = *state;
    struct eio_session *owed = rig_open(r), *parked = rig_open(r), *leaving = rig_open(r);
    rig_open(r); /* is away, and owed nothing: not waited for */
    eio_session_close(leaving, false);
    fake_turn(r->loop);
    assert_int_equal(eio_engine_closing(r->engine), 1);
    struct eio_session *away = rig_open(r);
    struct lec_http *full = rig_poll(r, owed), *empty = rig_poll(r, parked);
    rig_send(r, owed, "4a");
    rig_send(r, away, "4b");
    eio_engine_close(r->engine, true);
    assert_ended(r, 5, EIO_SERVER_SHUTDOWN);
    assert_int_equal(eio_engine_count(r->engine), 0);
    fake_turn(r->loop);
    assert_answer(full, 200, "4a");
    assert_answer(empty, 200, "1");
    assert_int_equal(eio_engine_closing(r->engine), 1);
    assert_answer(rig_poll(r, away), 200, "4b");
    assert_int_equal(eio_engine_closing(r->engine), 0);
    rig_gone(r);
}

static void test_shutdown_in_two_steps(void **state)
{
    struct rig *r = *state;
    struct eio_session *s = rig_open(r);
    rig_send(r, s, "4a");
    eio_engine_close(r->engine, true);
    fake_turn(r->loop);
    assert_int_equal(eio_engine_closing(r->engine), 1);
    eio_engine_close(r->engine, false);
    assert_int_equal(eio_engine_closing(r->engine), 0);
    assert_ended(r, 1, EIO_SERVER_SHUTDOWN);
    fake_turn(r->loop);
    rig_gone(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parked_poll),
        TEST(test_large_polls_are_compressed),
        TEST(test_poll_finds_queue),
        TEST(test_open_rides_alone),
        TEST(test_post),
        TEST(test_post_beside_parked_poll),
        TEST(test_ignored_packets),
        TEST(test_malformed_posts),
        TEST(test_packets_before_malformed_count),
        TEST(test_second_poll),
        TEST(test_second_post),
        TEST(test_aborted_poll),
        TEST(test_aborted_post),
        TEST(test_raw_binary),
        TEST(test_payload_limit),
        TEST(test_first_payload_limit),
        TEST(test_too_big_in_chunks),
        TEST(test_other_methods),
        TEST(test_client_closes),
        TEST(test_client_pings),
        TEST(test_close_with_poll),
        TEST(test_close_sends_queue_first),
        TEST(test_close_discards),
        TEST(test_close_waits_for_poll),
        TEST(test_close_waits_with_queue),
        TEST(test_close_gives_up),
        TEST(test_client_leaves_while_closing),
        TEST(test_close_in_callback),
        TEST(test_close_at_open),
        TEST(test_shutdown_in_callback),
        TEST(test_shutdown),
        TEST(test_shutdown_flushes),
        TEST(test_shutdown_in_two_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
