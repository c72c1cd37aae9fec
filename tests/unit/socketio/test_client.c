/* Connections, namespaces and sockets: who is let in, what is handed on, what closes a client. */
#include "harness.h"

static void assert_connect_packet(struct fake_peer *p, const char *prefix, struct sio_socket *s)
{
    char expected[128];
    snprintf(expected, sizeof expected, "%s{\"sid\":\"%s\"}", prefix, sio_socket_id(s));
    assert_sent(p, expected);
    assert_int_equal(strlen(sio_socket_id(s)), 20);
}

static void lets_in(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("chat"));
    struct fake_peer *p = fake_open(&a->engine);
    assert_sent(p, "");
    app_text(a, p, "0{\"token\":\"t\"}");
    assert_connect_packet(p, "40", a->last);
    struct sio_socket *first = a->last;
    app_text(a, p, "0/chat,");
    assert_connect_packet(p, "40/chat,", a->last);
    assert_journal(a, "connect(/,{\"token\":\"t\"}) connect(/chat,{})");
    assert_ptr_not_equal(first, a->last);
    assert_string_not_equal(sio_socket_id(first), sio_socket_id(a->last));
    assert_ptr_equal(sio_namespace_socket(a->main, S(sio_socket_id(first))), first);
    assert_null(sio_namespace_socket(a->main, S(sio_socket_id(a->last))));
    assert_int_equal(sio_namespace_count(a->main), 1);
    assert_int_equal(a->counters.sockets_connected, 2);
    assert_string_equal(sio_socket_handshake(first)->query, "EIO=4");

    app_text(a, p, "2[\"hi\",1]");
    app_text(a, p, "2/chat,5[\"a\\u0062c\"]");
    app_text(a, p, "2[7]");
    assert_journal(a, "event(/,hi,[\"hi\",1]) event(/chat,abc,[\"a\\u0062c\"],#5) event(/,7,[7])");
    assert_int_equal(a->counters.events_in, 3);
    assert_sent(p, "");
}

static void namespaces(void **state)
{
    struct app *a = *state;
    struct sio_namespace *chat = sio_server_of(a->io, S("/chat"));
    assert_ptr_equal(sio_server_of(a->io, S("chat")), chat);
    assert_ptr_equal(sio_server_find(a->io, S("chat")), chat);
    assert_ptr_equal(sio_server_of(a->io, S("")), a->main);
    assert_null(sio_server_find(a->io, S("nope")));
    assert_true(lec_slice_is(sio_namespace_name(chat), "/chat"));
    size_t pos = 0, n = 0;
    while (sio_server_next(a->io, &pos))
        n++;
    assert_int_equal(n, 2);

    struct fake_peer *p = app_join(a);
    app_text(a, p, "0/x,{\"a\":1}");
    assert_sent(p, "44/x,{\"message\":\"Invalid namespace\"}");
    assert_int_equal(a->counters.sockets_refused, 1);
    app_text(a, p, "2[\"still here\"]");
    assert_journal(a, "event(/,still here,[\"still here\"])");
}

static void closes_a_namespace(void **state)
{
    struct app *a = *state;
    struct sio_namespace *chat = sio_server_of(a->io, S("/chat"));
    struct fake_peer *p = app_join(a), *q = app_join(a);
    app_text(a, p, "0/chat,");
    struct sio_socket *s = a->last;
    assert_int_equal(sio_socket_join(s, S("room")), LEC_OK);
    a->hold = true;
    app_text(a, q, "0/chat,");
    fake_sent(p);
    app_journal(a);
    sio_server_close_namespace(a->io, chat);
    assert_sent(p, "41/chat,");
    assert_sent(q, "44/chat,{\"message\":\"Invalid namespace\"}");
    assert_journal(a, "free(/chat) disconnect(/chat,server namespace disconnect) free(/chat)");
    assert_null(sio_server_find(a->io, S("/chat")));
    sio_server_close_namespace(a->io, a->main);
    assert_ptr_equal(sio_server_find(a->io, S("/")), a->main);
    fake_turn(&a->engine, 1);

    /* What was on its way is excused, and the name is as unknown as any. */
    app_text(a, p, "2/chat,[\"late\"]");
    app_text(a, p, "0/chat,");
    assert_sent(p, "44/chat,{\"message\":\"Invalid namespace\"}");
    assert_non_null(p->session);
}

static void too_many_namespaces(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    for (char c = 'a'; c <= 'd'; c++) {
        char name[] = { '/', c, 0 }, packet[] = { '0', '/', c, ',', 0 };
        sio_server_of(a->io, S(name));
        app_text(a, p, packet);
        if (c < 'd')
            assert_connect_packet(p, (char[]){ '4', '0', '/', c, ',', 0 }, a->last);
    }
    assert_sent(p, "44/d,{\"message\":\"Too many namespaces\"}");
    app_text(a, p, "1/a,");
    app_text(a, p, "0/d,");
    assert_connect_packet(p, "40/d,", a->last);
}

static void refuses(void **state)
{
    struct app *a = *state;
    a->hold = true;
    sio_server_of(a->io, S("/mw"));
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0");
    assert_true(lec_slice_is(sio_socket_auth(a->last), "{}"));
    sio_socket_refuse(a->last, "say \"please\"\n", (struct lec_slice){ NULL, 0 });
    assert_sent(p, "44{\"message\":\"say \\\"please\\\"\\n\"}");
    app_text(a, p, "0/mw,{\"t\":[1]}");
    assert_true(lec_slice_is(sio_socket_auth(a->last), "{\"t\":[1]}"));
    assert_int_equal(sio_socket_join(a->last, S("r")), LEC_OK);
    app_emit(a->last, "[\"never seen\"]");
    sio_socket_refuse(a->last, "nope", S("{\"code\":42}"));
    assert_sent(p, "44/mw,{\"message\":\"nope\",\"data\":{\"code\":42}}");
    assert_journal(a, "connect(/,{}) free(/) connect(/mw,{\"t\":[1]}) free(/mw)");
    assert_int_equal(a->counters.sockets_refused, 2);
    assert_int_equal(sio_namespace_rooms(sio_server_of(a->io, S("/mw"))), 0);

    /* The text of a handler need not be UTF-8. And a refused client may try again. */
    app_text(a, p, "0");
    sio_socket_refuse(a->last, "\xff", (struct lec_slice){ NULL, 0 });
    assert_sent(p, "44{\"message\":\"Refused\"}");
    app_text(a, p, "0");
    assert_false(p->kept);
    sio_socket_accept(a->last);
    assert_true(p->kept);
    assert_connect_packet(p, "40", a->last);
    sio_socket_accept(a->last);
    sio_socket_refuse(a->last, "too late", (struct lec_slice){ NULL, 0 });
    assert_sent(p, "");
}

/* Asking costs little, a refusal more: who is only ever refused is not heard for ever. */
static void refusals_are_few(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 31; i++)
            app_text(a, p, "0/nowhere,");
        app_text(a, p, "0"); /* accepted: the count begins anew */
        assert_int_equal(a->counters.clients_bad_packet, 0);
        app_text(a, p, "1");
    }
    a->hold = true;
    for (int i = 0; i < 32; i++) {
        app_text(a, p, "0");
        assert_true(sio_socket_connecting(a->last));
        sio_socket_refuse(a->last, "no", (struct lec_slice){ NULL, 0 });
    }
    assert_non_null(p->session);
    app_text(a, p, "0");
    assert_null(p->session);
    assert_int_equal(a->counters.clients_bad_packet, 1);
    assert_int_equal(a->counters.sockets_refused, 62 + 32);
}

static void connecting_waits(void **state)
{
    struct app *a = *state;
    a->hold = true;
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0{\"auth\":1}");
    struct sio_socket *s = a->last;
    struct lec_msg *bytes = lec_msg_copy(true, "\x01\x02", 2);
    struct sio_payload binary = { S("[\"b\",{\"_placeholder\":true,\"num\":0}]"), &bytes, 1 };
    app_emit(s, "[\"one\"]");
    assert_int_equal(sio_socket_emit(s, &binary, false), LEC_OK);
    assert_int_equal(sio_socket_emit(s, &binary, true), LEC_EAGAIN);
    assert_int_equal(a->counters.volatile_dropped, 1);
    app_emit(s, "[\"two\"]");
    assert_int_equal(app_broadcast(a->main, "", "", NULL, "[\"not for it\"]"), 0);
    assert_int_equal(sio_socket_ack(s, 1, &binary), LEC_ECLOSED);
    assert_int_equal(sio_namespace_count(a->main), 0);
    assert_sent(p, "");

    sio_socket_accept(s);
    char expected[256];
    snprintf(expected, sizeof expected,
             "40{\"sid\":\"%s\"} 42[\"one\"] 451-[\"b\",{\"_placeholder\":true,\"num\":0}] <0102> "
             "42[\"two\"]",
             sio_socket_id(s));
    assert_sent(p, expected);
    assert_true(lec_slice_is(sio_socket_auth(s), "{}"));
    lec_msg_unref(bytes);
}

static void connecting_waits_for_so_much(void **state)
{
    struct app *a = *state;
    a->hold = true;
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0");
    struct lec_buf big = { 0 };
    lec_buf_adds(&big, "[\"");
    while (big.n < 400000)
        lec_buf_adds(&big, "0123456789abcdef");
    lec_buf_adds(&big, "\"]");
    struct sio_payload event = { .json = lec_buf_slice(&big) };
    assert_int_equal(sio_socket_emit(a->last, &event, false), LEC_OK);
    assert_int_equal(sio_socket_emit(a->last, &event, false), LEC_OK);
    assert_int_equal(sio_socket_emit(a->last, &event, false), LEC_EFULL);
    assert_true(sio_socket_connecting(a->last));
    app_emit(a->last, "[\"small\"]");
    lec_buf_fini(&big);
}

/* Each on a client that has joined "/" and is being kept waiting in "/held". */
static void garbage_closes(void **state)
{
    static const char *const garbage[] = {
        "",
        "abc",
        "0",
        "0/held,",
        "0[1]",
        "2{}",
        "2[]",
        "2[\"disconnect\"]",
        "2abc[\"x\"]",
        "2[\"a name of more than sixteen bytes\"]",
        "2[\"\\u0061 name of more than sixteen bytes\"]",
        "2[\"x\",[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]",
        "2/never,[\"x\"]",
        "2/held,[\"x\"]",
        "3/never,1[]",
        "1/never,",
        "4{\"message\":\"x\"}",
        "50-[\"x\"]",
        "511-[\"x\"]",
        "51-/never,[\"x\"]",
        "51-/held,[\"x\"]",
        "51-[\"x\",{\"_placeholder\":true,\"num\":1}]",
    };
    struct app *a = *state;
    sio_server_of(a->io, S("/held"));
    sio_server_of(a->io, S("/never"));
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        a->hold = false;
        struct fake_peer *p = app_join(a);
        a->hold = true;
        app_text(a, p, "0/held,");
        app_journal(a);
        app_text(a, p, garbage[i]);
        if (p->session || p->why != EIO_FORCED_CLOSE || !p->discarded)
            fail_msg("not closed as it should be: %s", garbage[i]);
        assert_journal(a, "disconnect(/,forced close) free(/) free(/held)");
        assert_int_equal(a->counters.clients_bad_packet, i + 1);
        assert_sent(p, "");
        fake_turn(&a->engine, 1);
    }
}

static void attachments(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/b"));
    struct fake_peer *p = app_join(a);
    app_text(a, p, "0/b,");
    app_journal(a);
    app_text(a, p,
             "52-/b,3[\"\\u0075p\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,"
             "\"num\":0}]");
    fake_binary(&a->engine, p, "\x01\x02\x03", 3);
    assert_journal(a, "");
    fake_binary(&a->engine, p, "", 0);
    assert_journal(a,
                   "event(/b,up,[\"\\u0075p\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\""
                   ":true,\"num\":0}],#3,<010203>,<>)");
    app_text(a, p, "51-[8,{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&a->engine, p, "\xff", 1);
    assert_journal(a, "event(/,8,[8,{\"_placeholder\":true,\"num\":0}],<ff>)");

    /* It may leave its namespace while they are on their way. */
    app_text(a, p, "51-/b,[\"x\"]");
    sio_socket_disconnect(a->last, false);
    app_journal(a);
    fake_binary(&a->engine, p, "\x05", 1);
    assert_journal(a, "");
    assert_non_null(p->session);
}

static void attachments_out_of_place(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    fake_binary(&a->engine, p, "\x01", 1);
    assert_journal(a, "disconnect(/,forced close) free(/)");

    p = app_join(a);
    app_text(a, p, "52-[\"x\"]");
    fake_binary(&a->engine, p, "\x01", 1);
    app_text(a, p, "2[\"y\"]");
    assert_journal(a, "disconnect(/,forced close) free(/)");

    p = app_join(a);
    app_text(a, p, "52-[\"x\"]");
    fake_turn(&a->engine, 59000);
    fake_binary(&a->engine, p, "\x01", 1);
    fake_turn(&a->engine, 59000);
    assert_non_null(p->session);
    fake_turn(&a->engine, 2000);
    assert_null(p->session);
    assert_journal(a, "disconnect(/,forced close) free(/)");
    assert_int_equal(a->counters.clients_bad_packet, 3);

    p = app_join(a);
    app_text(a, p, "52-[\"x\"]");
    fake_binary(&a->engine, p, "\x01", 1);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_journal(a, "disconnect(/,transport close) free(/)");
}

static void reasons(void **state)
{
    static const struct {
        enum eio_reason why;
        const char *text;
    } table[] = {
        { EIO_TRANSPORT_CLOSE, "transport close" }, { EIO_TRANSPORT_ERROR, "transport error" },
        { EIO_PING_TIMEOUT, "ping timeout" },       { EIO_PARSE_ERROR, "parse error" },
        { EIO_FORCED_CLOSE, "forced close" },       { EIO_SERVER_SHUTDOWN, "server shutting down" },
        { EIO_SLOW_CONSUMER, "slow consumer" },
    };
    struct app *a = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_peer *p = app_join(a);
        char expected[128];
        snprintf(expected, sizeof expected, "disconnect(/,%s) free(/)", table[i].text);
        fake_close(&a->engine, p, table[i].why);
        assert_journal(a, expected);
        assert_sent(p, "");
    }
}

static void connect_timeout(void **state)
{
    struct app *a = *state;
    struct fake_peer *idle = fake_open(&a->engine), *joined = fake_open(&a->engine);
    struct fake_peer *kept = fake_open(&a->engine);
    app_text(a, joined, "0");
    a->hold = true;
    app_text(a, kept, "0");
    app_journal(a);
    fake_turn(&a->engine, 44999);
    assert_non_null(idle->session);
    fake_turn(&a->engine, 1);
    assert_null(idle->session);
    assert_int_equal(idle->why, EIO_FORCED_CLOSE);
    assert_null(kept->session);
    assert_journal(a, "free(/)");
    assert_non_null(joined->session);

    /* One that has left its last namespace has as long to join another. */
    app_text(a, joined, "1");
    fake_turn(&a->engine, 30000);
    a->hold = false;
    app_text(a, joined, "0");
    fake_turn(&a->engine, 100000);
    assert_non_null(joined->session);
    app_text(a, joined, "1");
    fake_turn(&a->engine, 45000);
    assert_null(joined->session);
}

static void client_leaves(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/b"));
    struct fake_peer *p = app_join(a);
    app_text(a, p, "0/b,");
    fake_sent(p);
    app_journal(a);
    app_text(a, p, "1");
    assert_journal(a, "disconnect(/,client namespace disconnect) free(/)");
    assert_sent(p, "");
    app_text(a, p, "2/b,[\"x\"]");
    assert_journal(a, "event(/b,x,[\"x\"])");
    app_text(a, p, "0");
    assert_journal(a, "connect(/,{})");

    /* Also while it is kept waiting. */
    app_text(a, p, "1");
    a->hold = true;
    app_text(a, p, "0");
    app_journal(a);
    app_text(a, p, "1");
    assert_journal(a, "free(/)");
    assert_non_null(p->session);
}

static void server_disconnects(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/b"));
    struct fake_peer *p = app_join(a);
    struct sio_socket *s = a->last;
    app_text(a, p, "0/b,");
    fake_sent(p);
    app_journal(a);
    sio_socket_disconnect(s, false);
    assert_sent(p, "41");
    assert_journal(a, "disconnect(/,server namespace disconnect) free(/)");
    assert_int_equal(sio_socket_emit(s, &(struct sio_payload){ .json = S("[\"x\"]") }, false),
                     LEC_ECLOSED);
    sio_socket_disconnect(s, false);
    sio_socket_disconnect(s, true);
    assert_sent(p, "");

    /* What the client had sent by then is ignored, for some seconds; then it is an offence. */
    fake_turn(&a->engine, 9999);
    app_text(a, p, "2[\"late\"]");
    app_text(a, p, "27[\"late\"]");
    app_text(a, p, "30[]");
    app_text(a, p, "1");
    app_text(a, p, "51-[\"late\"]");
    fake_binary(&a->engine, p, "x", 1);
    assert_journal(a, "");
    app_text(a, p, "2/b,[\"on\"]");
    assert_journal(a, "event(/b,on,[\"on\"])");
    fake_turn(&a->engine, 1);
    app_text(a, p, "2[\"too late\"]");
    assert_journal(a, "disconnect(/b,forced close) free(/b)");
}

static void tombstones_are_few(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    for (char c = 'a'; c <= 'f'; c++) {
        char name[] = { '/', c, 0 }, packet[] = { '0', '/', c, ',', 0 };
        sio_server_of(a->io, S(name));
        app_text(a, p, packet);
        packet[0] = '1';
        app_text(a, p, packet);
    }
    app_text(a, p, "2/f,[1]");
    app_text(a, p, "2/c,[1]"); /* max_namespaces is 4 */
    assert_non_null(p->session);
    app_text(a, p, "2/b,[1]");
    assert_null(p->session);
}

static void server_closes_client(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/b"));
    sio_server_of(a->io, S("/held"));
    struct fake_peer *p = app_join(a);
    app_text(a, p, "0/b,");
    struct sio_socket *s = a->last;
    a->hold = true;
    app_text(a, p, "0/held,");
    fake_sent(p);
    app_journal(a);
    sio_socket_disconnect(s, true);
    assert_sent(p, "41 41/b,");
    assert_journal(a, "disconnect(/,server namespace disconnect) free(/) "
                      "disconnect(/b,server namespace disconnect) free(/b) free(/held)");
    assert_null(p->session);
    assert_false(p->discarded);
}

static void shutdown_says_nothing(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a), *q = app_join(a);
    fake_engine_shutdown(&a->engine);
    assert_sent(p, "");
    assert_sent(q, "");
    assert_journal(a, "disconnect(/,server shutting down) free(/) "
                      "disconnect(/,server shutting down) free(/)");
}

static void emits(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    struct lec_msg *bytes[] = { lec_msg_copy(true, "\x01", 1), lec_msg_copy(true, "\x02", 1) };
    struct sio_payload two = { S("[{\"_placeholder\":true,\"num\":1}]"), bytes, 2 };
    app_emit(a->last, "[\"hi\",{}]");
    assert_int_equal(sio_socket_ack(a->last, 12, &(struct sio_payload){ .json = S("[]") }), LEC_OK);
    assert_int_equal(sio_socket_ack(a->last, 5, &two), LEC_OK);
    assert_int_equal(sio_socket_ack(a->last, SIO_NO_ID, &two), LEC_EINVAL);
    assert_sent(p, "42[\"hi\",{}] 4312[] 462-5[{\"_placeholder\":true,\"num\":1}] <01> <02>");
    assert_int_equal(a->counters.events_out, 1);
    lec_msg_unref(bytes[0]);
    lec_msg_unref(bytes[1]);
}

static void volatile_events(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    struct sio_payload event = { .json = S("[\"v\"]") };
    assert_int_equal(sio_socket_emit(a->last, &event, true), LEC_OK);
    p->writable = false;
    assert_int_equal(sio_socket_emit(a->last, &event, true), LEC_EAGAIN);
    assert_int_equal(sio_socket_emit(a->last, &event, false), LEC_OK);
    assert_sent(p, "42[\"v\"] 42[\"v\"]");
    assert_int_equal(a->counters.volatile_dropped, 1);
}

static void slow_ones_are_cut_off(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    p->room = 5;
    assert_int_equal(sio_socket_emit(a->last, &(struct sio_payload){ .json = S("[\"x\"]") }, false),
                     LEC_EFULL);
    assert_journal(a, "disconnect(/,slow consumer) free(/)");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(lets_in),
        T(namespaces),
        T(closes_a_namespace),
        T(too_many_namespaces),
        T(refuses),
        T(refusals_are_few),
        T(connecting_waits),
        T(connecting_waits_for_so_much),
        T(garbage_closes),
        T(attachments),
        T(attachments_out_of_place),
        T(reasons),
        T(connect_timeout),
        T(client_leaves),
        T(server_disconnects),
        T(tombstones_are_few),
        T(server_closes_client),
        T(shutdown_says_nothing),
        T(emits),
        T(volatile_events),
        T(slow_ones_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
