/* Connection state recovery: who comes back as what, and with what. */
#include "returning.h"

static void test_missed_events_come_first(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    assert_int_equal(sio_socket_join(c.socket, S("math")), LEC_OK);
    app_emit(c.socket, "[\"hello\"]");
    assert_got(&c, "42[\"hello\"]");
    char id[LEC_ID_LEN + 1], pid[LEC_ID_LEN + 1];
    memcpy(id, c.id, sizeof id);
    memcpy(pid, c.pid, sizeof pid);
    app_journal(a);
    client_drop(a, &c);
    assert_journal(a, "disconnect(/,transport close) keep(/) free(/)");
    assert_int_equal(sio_namespace_rooms(a->main), 0);
    assert_null(sio_namespace_socket(a->main, S(id)));

    app_everybody(a, "[\"all\"]");
    app_broadcast(a->main, "math", "", NULL, "[\"math\"]");
    app_broadcast(a->main, "art", "", NULL, "[\"art\"]");
    app_broadcast(a->main, "", "math", NULL, "[\"not-math\"]");
    app_broadcast(a->main, id, "", NULL, "[\"you\"]");
    fake_turn(&a->engine, 999);
    app_journal(a);
    client_return(a, &c);
    assert_got(&c, "42[\"all\"] 42[\"math\"] 42[\"you\"] CONNECT");
    assert_string_equal(c.id, id);
    assert_string_equal(c.pid, pid);
    assert_int_equal(client_result(&c), SIO_RECOVERED);
    assert_true(sio_socket_in(c.socket, S("math")));
    assert_int_equal(sio_namespace_room_count(a->main, S("math")), 1);
    assert_ptr_equal(sio_namespace_socket(a->main, S(id)), c.socket);
    assert_int_equal(a->counters.sockets_recovered, 1);

    /* and once more, with nothing missed */
    client_drop(a, &c);
    client_return(a, &c);
    assert_got(&c, "CONNECT");
    assert_int_equal(client_result(&c), SIO_RECOVERED);
    assert_string_equal(c.id, id);
    client_leave(&c);
}

/* Sent before the loss was noticed, but not received. */
static void test_what_was_under_way_comes_again(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    app_everybody(a, "[\"b\"]");
    fake_sent(c.peer); /* lost */
    fake_close(&a->engine, c.peer, EIO_PING_TIMEOUT);
    app_everybody(a, "[\"c\"]");
    client_return(a, &c);
    assert_got(&c, "42[\"b\"] 42[\"c\"] CONNECT");
    client_leave(&c);
}

static void test_binary(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    struct lec_msg *bytes = lec_msg_copy(true, "\x01\x02", 2);
    struct sio_payload event = { S("[\"b\",{\"_placeholder\":true,\"num\":0}]"), &bytes, 1 };
    sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, false);
    lec_msg_unref(bytes);
    client_return(a, &c);
    assert_non_null(strstr(client_got(&c),
                           "451-[\"b\",{\"_placeholder\":true,\"num\":0},\"2\"] <0102> CONNECT"));
    client_leave(&c);
}

/* Only what was sent while it was in a room was for it; not what it had sent itself. */
static void test_rooms_count_from_when_they_were_joined(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_emit(c.socket, "[\"hello\"]");
    assert_got(&c, "42[\"hello\"]");
    struct client other;
    client_join(a, &other);
    sio_socket_join(other.socket, S("math"));
    app_broadcast(a->main, "math", "", NULL, "[\"before\"]");
    sio_socket_join(c.socket, S("math"));
    app_broadcast(a->main, "math", "", c.socket, "[\"own\"]");
    app_broadcast(a->main, "math art", "", NULL, "[\"after\"]");
    fake_sent(c.peer);
    fake_close(&a->engine, c.peer, EIO_TRANSPORT_ERROR);
    app_broadcast(a->main, "math", other.id, NULL, "[\"absent\"]");
    client_return(a, &c);
    assert_got(&c, "42[\"after\"] 42[\"absent\"] CONNECT");
    client_leave(&c);
    client_leave(&other);
}

/* A client may not ask for what was sent before it came. */
static void test_an_offset_cannot_reach_before_its_birth(void **state)
{
    struct app *a = *state;
    struct client early, c;
    client_join(a, &early);
    app_everybody(a, "[\"secret\"]");
    client_join(a, &c);
    snprintf(c.offset, sizeof c.offset, "0");
    client_drop(a, &c);
    client_return(a, &c);
    assert_got(&c, "CONNECT");
    assert_int_equal(client_result(&c), SIO_RECOVERED);
    client_leave(&early);
    client_leave(&c);
}

static void test_volatile(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    static const char *const table[][2] = {
        { "[\"v\",{}]", "42[\"v\",{}]" },
        { "[\"v\",1]", "42[\"v\",1]" },
        /* what the client would take for an offset is followed by one */
        { "[\"v\",\"text\"]", "42[\"v\",\"text\",\"1\"]" },
        { "[\"v\"]", "42[\"v\",\"1\"]" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct sio_payload event = { .json = S(table[i][0]) };
        assert_int_equal(sio_socket_emit(c.socket, &event, true), LEC_OK);
        assert_sent(c.peer, table[i][1]);
        sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, true);
        assert_sent(c.peer, table[i][1]);
    }
    assert_string_equal(c.offset, "1");
    client_drop(a, &c);
    sio_namespace_emit(a->main, &(struct sio_target){ 0 },
                       &(struct sio_payload){ .json = S("[\"v\"]") }, true);
    client_return(a, &c);
    assert_got(&c, "CONNECT");
    client_leave(&c);
}

static void ignore_answer(void *ctx, int err, const struct sio_payload *payload)
{
    (void)ctx;
    (void)err;
    (void)payload;
}

static void test_acks_bear_no_offset(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    struct sio_payload event = { .json = S("[\"q\"]") };
    assert_int_equal(sio_socket_emit_ack(c.socket, &event, 0, ignore_answer, NULL, NULL), LEC_OK);
    assert_sent(c.peer, "420[\"q\"]");
    client_leave(&c);
}

/* The old connection is still thought alive when its client comes back. */
static void test_takeover(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    app_everybody(a, "[\"b\"]");
    struct fake_peer *old = c.peer;
    app_journal(a);
    client_return(a, &c);
    assert_got(&c, "42[\"b\"] CONNECT");
    assert_null(old->session);
    assert_true(old->discarded);
    assert_int_equal(sio_namespace_count(a->main), 1);
    assert_non_null(
        strstr(app_journal(a), "disconnect(/,transport close) keep(/) free(/) recovered(/)"));
    /* the old one's later end changes nothing */
    fake_turn(&a->engine, 5000);
    assert_true(sio_socket_connected(c.socket));
    app_everybody(a, "[\"c\"]");
    assert_got(&c, "42[\"c\"]");
    client_leave(&c);
}

/* What the handlers do when the old one ends may end the new one. */
static void close_last(struct app *a, struct sio_socket *s)
{
    (void)s;
    sio_socket_disconnect(a->last, true);
}

static void close_namespace(struct app *a, struct sio_socket *s)
{
    sio_server_close_namespace(a->io, sio_socket_namespace(s));
}

static void test_takeover_that_ends_everything(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_read(&c);
    a->on_disconnect = close_last;
    client_return(a, &c);
    a->on_disconnect = NULL;
    assert_null(c.peer->session);
    client_leave(&c);

    sio_server_of(a->io, S("/x"));
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0/x,");
    char pid[LEC_ID_LEN + 1], packet[128];
    client_member(pid, fake_sent(p), "\"pid\":\"");
    snprintf(packet, sizeof packet, "0/x,{\"pid\":\"%s\",\"offset\":\"0\"}", pid);
    a->on_disconnect = close_namespace;
    p = fake_open(&a->engine);
    app_text(a, p, packet);
    assert_string_equal(fake_sent(p), "44/x,{\"message\":\"Invalid namespace\"}");
}

static void test_a_session_is_recovered_by_one(void **state)
{
    struct app *a = *state;
    struct client c, thief;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    thief = c;
    thief.got = (struct lec_buf){ 0 };
    client_return(a, &c);
    client_return(a, &thief);
    assert_int_equal(sio_namespace_count(a->main), 1);
    assert_null(c.peer->session);
    client_leave(&c);
    client_leave(&thief);
}

/* Nothing was missed, so that the log has forgotten the offset does not matter. */
static void test_idle_for_long(void **state)
{
    struct app *a = *state;
    struct client c, busy;
    client_join(a, &c);
    client_join(a, &busy);
    app_everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    for (int i = 0; i < 20; i++) {
        fake_turn(&a->engine, 400);
        app_emit(busy.socket, "[\"busy\"]");
    }
    c.peer->answered = lec_loop_now(a->engine.loop) - 300;
    fake_turn(&a->engine, 400);
    app_everybody(a, "[\"lost\"]");
    fake_sent(c.peer);
    fake_close(&a->engine, c.peer, EIO_PING_TIMEOUT);
    fake_turn(&a->engine, 600);
    app_everybody(a, "[\"b\"]");
    client_return(a, &c);
    assert_got(&c, "42[\"lost\"] 42[\"b\"] CONNECT");

    /* Of the new connection no ping was answered: what counts is what the old one had received. */
    for (int i = 0; i < 5; i++) {
        fake_turn(&a->engine, 400);
        app_emit(busy.socket, "[\"busy\"]");
    }
    client_drop(a, &c);
    snprintf(c.offset, sizeof c.offset, "1");
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_OFFSET_LOST);
    client_leave(&c);
    client_leave(&busy);
}

static void reasons_case(struct app *a, struct client *c, const char *packet,
                         enum sio_recovery_result expected)
{
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, packet);
    c->socket = a->last;
    assert_int_equal(client_result(c), expected);
    assert_got(c, "CONNECT");
}

static void test_reasons(void **state)
{
    struct app *a = *state;
    struct client c;
    char packet[128], id[LEC_ID_LEN + 1];

    memset(&c, 0, sizeof c);
    reasons_case(a, &c, "0", SIO_RECOVERY_NOT_ASKED);
    reasons_case(a, &c, "0{\"pid\":7,\"offset\":\"1\"}", SIO_RECOVERY_NOT_ASKED);
    reasons_case(a, &c, "0{\"offset\":\"1\"}", SIO_RECOVERY_NOT_ASKED);
    reasons_case(a, &c, "0{\"pid\":\"abc\",\"offset\":\"1\"}", SIO_RECOVERY_UNKNOWN);
    reasons_case(a, &c, "0{\"pid\":\"aaaaaaaaaaaaaaaaaaaa\",\"offset\":\"1\"}",
                 SIO_RECOVERY_UNKNOWN);
    reasons_case(a, &c, "0{\"pid\":\"\",\"offset\":\"\"}", SIO_RECOVERY_UNKNOWN);
    client_leave(&c);

    static const struct {
        const char *offset; /* as the packet says it */
        enum sio_recovery_result expected;
    } offsets[] = {
        { "", SIO_RECOVERY_NO_OFFSET },
        { ",\"offset\":1", SIO_RECOVERY_NO_OFFSET },
        { ",\"offset\":\"\"", SIO_RECOVERY_NO_OFFSET },
        { ",\"offset\":\"text\"", SIO_RECOVERY_OFFSET_LOST },
        { ",\"offset\":\"-1\"", SIO_RECOVERY_OFFSET_LOST },
        { ",\"offset\":\"99999999999999999999999999\"", SIO_RECOVERY_OFFSET_LOST },
        { ",\"offset\":\"1000000\"", SIO_RECOVERY_OFFSET_LOST }, /* not sent yet */
    };
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        client_join(a, &c);
        app_everybody(a, "[\"a\"]");
        client_drop(a, &c);
        client_leave(&c);
        memcpy(id, c.id, sizeof id);
        snprintf(packet, sizeof packet, "0{\"pid\":\"%s\"%s}", c.pid, offsets[i].offset);
        reasons_case(a, &c, packet, offsets[i].expected);
        assert_string_not_equal(c.id, id);
        /* it was asked for, so it is gone */
        assert_int_equal(a->kept, 0);
        client_leave(&c);
    }

    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    app_journal(a);
    fake_turn(&a->engine, 1001);
    assert_journal(a, "forget");
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_EXPIRED);

    static const enum eio_reason lost[] = { EIO_TRANSPORT_CLOSE, EIO_TRANSPORT_ERROR,
                                            EIO_PING_TIMEOUT, EIO_SLOW_CONSUMER };
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        app_everybody(a, "[\"a\"]");
        client_read(&c);
        fake_close(&a->engine, c.peer, lost[i]);
        client_return(a, &c);
        assert_int_equal(client_result(&c), SIO_RECOVERED);
    }
    app_everybody(a, "[\"a\"]");
    client_read(&c);
    app_text(a, c.peer, "9"); /* forced close */
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERED);
    app_text(a, c.peer, "1"); /* on purpose */
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_EXPIRED);
    app_everybody(a, "[\"a\"]");
    client_read(&c);
    sio_socket_disconnect(c.socket, true);
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_EXPIRED);
    client_leave(&c);
}

static void set_person(struct app *a, struct sio_socket *s)
{
    sio_socket_set_person(s, a->ctx, a->ctx);
}

static void test_another_person(void **state)
{
    struct app *a = *state;
    struct client c;
    a->on_connect = set_person;
    a->ctx = "ada";
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_read(&c);
    struct fake_peer *first = c.peer;
    struct client thief = c;
    thief.got = (struct lec_buf){ 0 };
    a->ctx = "bob";
    client_return(a, &thief);
    assert_int_equal(client_result(&thief), SIO_RECOVERY_USER_CHANGED);
    assert_non_null(first->session); /* nothing was taken over */
    client_drop(a, &c);
    snprintf(thief.pid, sizeof thief.pid, "%s", c.pid);
    client_return(a, &thief);
    assert_int_equal(client_result(&thief), SIO_RECOVERY_USER_CHANGED);
    a->ctx = "ada";
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERED);
    client_leave(&c);
    client_leave(&thief);
}

static const char *big(size_t n)
{
    static char text[32768];
    assert_true(n < sizeof text);
    snprintf(text, sizeof text, "[\"%0*d\"]", (int)n, 0);
    return text;
}

static void test_bounds(void **state)
{
    struct app *a = *state;
    struct client c, other;
    client_join(a, &c);
    client_join(a, &other);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    for (int i = 0; i < 3; i++)
        app_everybody(a, big(4000));
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_TOO_MUCH); /* of 10,000 */
    assert_got(&c, "42[\"a\"] CONNECT");

    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    for (int i = 0; i < 6; i++)
        app_emit(other.socket, big(4000));
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_OFFSET_LOST); /* log of 20,000 */

    /* one that is larger than the whole log */
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    app_everybody(a, big(30000));
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_OFFSET_LOST);

    /* the absent are bounded too: the longest absent goes */
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    for (int i = 0; i < 40; i++) {
        struct client n;
        client_join(a, &n);
        client_drop(a, &n);
        client_leave(&n);
    }
    assert_in_range(a->kept, 5, 19);
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_EXPIRED);
    client_leave(&c);
    client_leave(&other);
}

/* A client that is lost again while it gets what it missed. */
static void test_lost_again(void **state)
{
    struct app *a = *state;
    struct client c;
    char packet[128];
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    lec_buf_clear(&c.got, 0);
    app_everybody(a, "[\"b\"]");
    app_everybody(a, "[\"c\"]");
    snprintf(packet, sizeof packet, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", c.pid, c.offset);
    struct fake_peer *p = fake_open(&a->engine);
    p->room = 10;
    app_text(a, p, packet);
    assert_null(p->session);
    client_return(a, &c);
    assert_got(&c, "42[\"b\"] 42[\"c\"] CONNECT");
    client_leave(&c);
}

static void test_ended_for_good(void **state)
{
    struct app *a = *state;
    struct client c;
    client_join(a, &c);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    app_journal(a);
    sio_server_end_recovery(a->io);
    assert_journal(a, "forget");
    client_return(a, &c);
    assert_int_equal(client_result(&c), SIO_RECOVERY_EXPIRED);
    app_everybody(a, "[\"a\"]");
    client_drop(a, &c);
    assert_int_equal(a->kept, 0);
    client_leave(&c);
}

static void test_off(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    char expected[64];
    app_text(a, p, "0{\"pid\":\"aaaaaaaaaaaaaaaaaaaa\",\"offset\":\"1\"}");
    snprintf(expected, sizeof expected, "40{\"sid\":\"%s\"}", sio_socket_id(a->last));
    assert_sent(p, expected);
    app_everybody(a, "[\"a\",\"b\"]");
    assert_sent(p, "42[\"a\",\"b\"]");
    assert_int_equal(sio_socket_recovery(a->last), SIO_RECOVERY_NOT_ASKED);
}

static int setup_small(void **state)
{
    return app_setup_with(state, 1000, 20000);
}

#define ON(test)  cmocka_unit_test_setup_teardown(test, app_setup_recovery, app_teardown)
#define OFF(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_missed_events_come_first),
        ON(test_what_was_under_way_comes_again),
        ON(test_binary),
        ON(test_rooms_count_from_when_they_were_joined),
        ON(test_an_offset_cannot_reach_before_its_birth),
        ON(test_volatile),
        ON(test_acks_bear_no_offset),
        ON(test_takeover),
        ON(test_takeover_that_ends_everything),
        ON(test_a_session_is_recovered_by_one),
        ON(test_idle_for_long),
        ON(test_reasons),
        ON(test_another_person),
        cmocka_unit_test_setup_teardown(test_bounds, setup_small, app_teardown),
        ON(test_lost_again),
        ON(test_ended_for_good),
        OFF(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
