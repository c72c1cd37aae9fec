/* Connection state recovery: who comes back as what, and that everybody gets everything once. */
#include "base/id.h"
#include "harness.h"

/* A client: what socket.io-client remembers of its session. */
struct client {
    struct fake_peer *peer;
    struct sio_socket *socket;
    char id[LEC_ID_LEN + 1], pid[LEC_ID_LEN + 1];
    char offset[24];
    struct lec_buf got; /* the events, less their offsets */
};

static void copy_member(char out[LEC_ID_LEN + 1], const char *text, const char *name)
{
    const char *p = strstr(text, name);
    assert_non_null(p);
    snprintf(out, LEC_ID_LEN + 1, "%s", p + strlen(name));
    assert_true(strlen(out) == LEC_ID_LEN);
}

/* Reads what was sent, as the client of npm does: the last argument, if it is a string, is the offset. */
static void read_all(struct client *c)
{
    char *text = strdup(fake_sent(c->peer)), *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(word);
        if (strncmp(word, "40", 2) == 0) {
            copy_member(c->id, word, "\"sid\":\"");
            copy_member(c->pid, word, "\"pid\":\"");
            lec_buf_printf(&c->got, "%sCONNECT", c->got.n ? " " : "");
            continue;
        }
        if (strncmp(word, "42[", 3) != 0 || word[n - 2] != '"') {
            lec_buf_printf(&c->got, "%s%s", c->got.n ? " " : "", word);
            continue;
        }
        char *begin = memrchr(word, ',', n);
        begin = begin ? begin : word + 2;
        snprintf(c->offset, sizeof c->offset, "%.*s", (int)(word + n - 2 - (begin + 2)), begin + 2);
        lec_buf_printf(&c->got, "%s%.*s]", c->got.n ? " " : "", (int)(begin - word), word);
    }
    free(text);
}

static const char *got(struct client *c)
{
    static char shown[8192];
    read_all(c);
    snprintf(shown, sizeof shown, "%s", lec_buf_str(&c->got));
    lec_buf_clear(&c->got, 4096);
    return shown;
}

#define assert_got(client, text) assert_string_equal(got(client), text)

/* A new client; `c` is fresh, or was given back by leave. */
static void join(struct app *a, struct client *c)
{
    memset(c, 0, sizeof *c);
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, "0");
    c->socket = a->last;
    assert_got(c, "CONNECT");
    assert_string_equal(c->id, sio_socket_id(c->socket));
}

static void leave(struct client *c)
{
    lec_buf_fini(&c->got);
}

/* Reads what has arrived, and loses the connection. */
static void drop(struct app *a, struct client *c)
{
    read_all(c);
    fake_close(&a->engine, c->peer, EIO_TRANSPORT_CLOSE);
    c->socket = NULL;
}

static void come_back(struct app *a, struct client *c)
{
    char packet[128];
    snprintf(packet, sizeof packet, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", c->pid, c->offset);
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, packet);
    c->socket = a->last;
}

static enum sio_recovery_result result(const struct client *c)
{
    return sio_socket_recovery(c->socket);
}

static void everybody(struct app *a, const char *json)
{
    app_broadcast(a->main, "", "", NULL, json);
}

static void test_missed_events_come_first(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    assert_int_equal(sio_socket_join(c.socket, S("math")), LEC_OK);
    app_emit(c.socket, "[\"hello\"]");
    assert_got(&c, "42[\"hello\"]");
    char id[LEC_ID_LEN + 1], pid[LEC_ID_LEN + 1];
    memcpy(id, c.id, sizeof id);
    memcpy(pid, c.pid, sizeof pid);
    app_journal(a);
    drop(a, &c);
    assert_journal(a, "disconnect(/,transport close) keep(/) free(/)");
    assert_int_equal(sio_namespace_rooms(a->main), 0);
    assert_null(sio_namespace_socket(a->main, S(id)));

    everybody(a, "[\"all\"]");
    app_broadcast(a->main, "math", "", NULL, "[\"math\"]");
    app_broadcast(a->main, "art", "", NULL, "[\"art\"]");
    app_broadcast(a->main, "", "math", NULL, "[\"not-math\"]");
    app_broadcast(a->main, id, "", NULL, "[\"you\"]");
    fake_turn(&a->engine, 999);
    app_journal(a);
    come_back(a, &c);
    assert_got(&c, "42[\"all\"] 42[\"math\"] 42[\"you\"] CONNECT");
    assert_string_equal(c.id, id);
    assert_string_equal(c.pid, pid);
    assert_int_equal(result(&c), SIO_RECOVERED);
    assert_true(sio_socket_in(c.socket, S("math")));
    assert_int_equal(sio_namespace_room_count(a->main, S("math")), 1);
    assert_ptr_equal(sio_namespace_socket(a->main, S(id)), c.socket);
    assert_int_equal(a->counters.sockets_recovered, 1);

    /* and once more, with nothing missed */
    drop(a, &c);
    come_back(a, &c);
    assert_got(&c, "CONNECT");
    assert_int_equal(result(&c), SIO_RECOVERED);
    assert_string_equal(c.id, id);
    leave(&c);
}

/* Sent before the loss was noticed, but not received. */
static void test_what_was_under_way_comes_again(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    everybody(a, "[\"b\"]");
    fake_sent(c.peer); /* lost */
    fake_close(&a->engine, c.peer, EIO_PING_TIMEOUT);
    everybody(a, "[\"c\"]");
    come_back(a, &c);
    assert_got(&c, "42[\"b\"] 42[\"c\"] CONNECT");
    leave(&c);
}

static void test_binary(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    struct lec_msg *bytes = lec_msg_copy(true, "\x01\x02", 2);
    struct sio_payload event = { S("[\"b\",{\"_placeholder\":true,\"num\":0}]"), &bytes, 1 };
    sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, false);
    lec_msg_unref(bytes);
    come_back(a, &c);
    assert_non_null(
        strstr(got(&c), "451-[\"b\",{\"_placeholder\":true,\"num\":0},\"2\"] <0102> CONNECT"));
    leave(&c);
}

/* Only what was sent while it was in a room was for it; not what it had sent itself. */
static void test_rooms_count_from_when_they_were_joined(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    app_emit(c.socket, "[\"hello\"]");
    assert_got(&c, "42[\"hello\"]");
    struct client other;
    join(a, &other);
    sio_socket_join(other.socket, S("math"));
    app_broadcast(a->main, "math", "", NULL, "[\"before\"]");
    sio_socket_join(c.socket, S("math"));
    app_broadcast(a->main, "math", "", c.socket, "[\"own\"]");
    app_broadcast(a->main, "math art", "", NULL, "[\"after\"]");
    fake_sent(c.peer);
    fake_close(&a->engine, c.peer, EIO_TRANSPORT_ERROR);
    app_broadcast(a->main, "math", other.id, NULL, "[\"absent\"]");
    come_back(a, &c);
    assert_got(&c, "42[\"after\"] 42[\"absent\"] CONNECT");
    leave(&c);
    leave(&other);
}

/* A client may not ask for what was sent before it came. */
static void test_an_offset_cannot_reach_before_its_birth(void **state)
{
    struct app *a = *state;
    struct client early, c;
    join(a, &early);
    everybody(a, "[\"secret\"]");
    join(a, &c);
    snprintf(c.offset, sizeof c.offset, "0");
    drop(a, &c);
    come_back(a, &c);
    assert_got(&c, "CONNECT");
    assert_int_equal(result(&c), SIO_RECOVERED);
    leave(&early);
    leave(&c);
}

static void test_volatile(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    everybody(a, "[\"a\"]");
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
    drop(a, &c);
    sio_namespace_emit(a->main, &(struct sio_target){ 0 },
                       &(struct sio_payload){ .json = S("[\"v\"]") }, true);
    come_back(a, &c);
    assert_got(&c, "CONNECT");
    leave(&c);
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
    join(a, &c);
    struct sio_payload event = { .json = S("[\"q\"]") };
    assert_int_equal(sio_socket_emit_ack(c.socket, &event, 0, ignore_answer, NULL, NULL), LEC_OK);
    assert_sent(c.peer, "420[\"q\"]");
    leave(&c);
}

/* The old connection is still thought alive when its client comes back. */
static void test_takeover(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    everybody(a, "[\"b\"]");
    struct fake_peer *old = c.peer;
    app_journal(a);
    come_back(a, &c);
    assert_got(&c, "42[\"b\"] CONNECT");
    assert_null(old->session);
    assert_true(old->discarded);
    assert_int_equal(sio_namespace_count(a->main), 1);
    assert_non_null(
        strstr(app_journal(a), "disconnect(/,transport close) keep(/) free(/) recovered(/)"));
    /* the old one's later end changes nothing */
    fake_turn(&a->engine, 5000);
    assert_true(sio_socket_connected(c.socket));
    everybody(a, "[\"c\"]");
    assert_got(&c, "42[\"c\"]");
    leave(&c);
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
    join(a, &c);
    everybody(a, "[\"a\"]");
    read_all(&c);
    a->on_disconnect = close_last;
    come_back(a, &c);
    a->on_disconnect = NULL;
    assert_null(c.peer->session);
    leave(&c);

    sio_server_of(a->io, S("/x"));
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0/x,");
    char pid[LEC_ID_LEN + 1], packet[128];
    copy_member(pid, fake_sent(p), "\"pid\":\"");
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
    join(a, &c);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    thief = c;
    thief.got = (struct lec_buf){ 0 };
    come_back(a, &c);
    come_back(a, &thief);
    assert_int_equal(sio_namespace_count(a->main), 1);
    assert_null(c.peer->session);
    leave(&c);
    leave(&thief);
}

/* Nothing was missed, so that the log has forgotten the offset does not matter. */
static void test_idle_for_long(void **state)
{
    struct app *a = *state;
    struct client c, busy;
    join(a, &c);
    join(a, &busy);
    everybody(a, "[\"a\"]");
    assert_got(&c, "42[\"a\"]");
    for (int i = 0; i < 20; i++) {
        fake_turn(&a->engine, 400);
        app_emit(busy.socket, "[\"busy\"]");
    }
    c.peer->answered = lec_loop_now(a->engine.loop) - 300;
    fake_turn(&a->engine, 400);
    everybody(a, "[\"lost\"]");
    fake_sent(c.peer);
    fake_close(&a->engine, c.peer, EIO_PING_TIMEOUT);
    fake_turn(&a->engine, 600);
    everybody(a, "[\"b\"]");
    come_back(a, &c);
    assert_got(&c, "42[\"lost\"] 42[\"b\"] CONNECT");

    /* Of the new connection no ping was answered: what counts is what the old one had received. */
    for (int i = 0; i < 5; i++) {
        fake_turn(&a->engine, 400);
        app_emit(busy.socket, "[\"busy\"]");
    }
    drop(a, &c);
    snprintf(c.offset, sizeof c.offset, "1");
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_OFFSET_LOST);
    leave(&c);
    leave(&busy);
}

static void reasons_case(struct app *a, struct client *c, const char *packet,
                         enum sio_recovery_result expected)
{
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, packet);
    c->socket = a->last;
    assert_int_equal(result(c), expected);
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
    leave(&c);

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
        join(a, &c);
        everybody(a, "[\"a\"]");
        drop(a, &c);
        leave(&c);
        memcpy(id, c.id, sizeof id);
        snprintf(packet, sizeof packet, "0{\"pid\":\"%s\"%s}", c.pid, offsets[i].offset);
        reasons_case(a, &c, packet, offsets[i].expected);
        assert_string_not_equal(c.id, id);
        /* it was asked for, so it is gone */
        assert_int_equal(a->kept, 0);
        leave(&c);
    }

    join(a, &c);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    app_journal(a);
    fake_turn(&a->engine, 1001);
    assert_journal(a, "forget");
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_EXPIRED);

    static const enum eio_reason lost[] = { EIO_TRANSPORT_CLOSE, EIO_TRANSPORT_ERROR,
                                            EIO_PING_TIMEOUT, EIO_SLOW_CONSUMER };
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        everybody(a, "[\"a\"]");
        read_all(&c);
        fake_close(&a->engine, c.peer, lost[i]);
        come_back(a, &c);
        assert_int_equal(result(&c), SIO_RECOVERED);
    }
    everybody(a, "[\"a\"]");
    read_all(&c);
    app_text(a, c.peer, "9"); /* forced close */
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERED);
    app_text(a, c.peer, "1"); /* on purpose */
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_EXPIRED);
    everybody(a, "[\"a\"]");
    read_all(&c);
    sio_socket_disconnect(c.socket, true);
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_EXPIRED);
    leave(&c);
}

static void set_person(struct app *a, struct sio_socket *s)
{
    sio_socket_set_log_user(s, a->ctx);
}

static void test_another_person(void **state)
{
    struct app *a = *state;
    struct client c;
    a->on_connect = set_person;
    a->ctx = "ada";
    join(a, &c);
    everybody(a, "[\"a\"]");
    read_all(&c);
    struct fake_peer *first = c.peer;
    struct client thief = c;
    thief.got = (struct lec_buf){ 0 };
    a->ctx = "bob";
    come_back(a, &thief);
    assert_int_equal(result(&thief), SIO_RECOVERY_USER_CHANGED);
    assert_non_null(first->session); /* nothing was taken over */
    drop(a, &c);
    snprintf(thief.pid, sizeof thief.pid, "%s", c.pid);
    come_back(a, &thief);
    assert_int_equal(result(&thief), SIO_RECOVERY_USER_CHANGED);
    a->ctx = "ada";
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERED);
    leave(&c);
    leave(&thief);
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
    join(a, &c);
    join(a, &other);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    for (int i = 0; i < 3; i++)
        everybody(a, big(4000));
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_TOO_MUCH); /* of 10,000 */
    assert_got(&c, "42[\"a\"] CONNECT");

    everybody(a, "[\"a\"]");
    drop(a, &c);
    for (int i = 0; i < 6; i++)
        app_emit(other.socket, big(4000));
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_OFFSET_LOST); /* log of 20,000 */

    /* one that is larger than the whole log */
    everybody(a, "[\"a\"]");
    drop(a, &c);
    everybody(a, big(30000));
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_OFFSET_LOST);

    /* the absent are bounded too: the longest absent goes */
    everybody(a, "[\"a\"]");
    drop(a, &c);
    for (int i = 0; i < 40; i++) {
        struct client n;
        join(a, &n);
        drop(a, &n);
        leave(&n);
    }
    assert_in_range(a->kept, 5, 19);
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_EXPIRED);
    leave(&c);
    leave(&other);
}

/* A client that is lost again while it gets what it missed. */
static void test_lost_again(void **state)
{
    struct app *a = *state;
    struct client c;
    char packet[128];
    join(a, &c);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    lec_buf_clear(&c.got, 0);
    everybody(a, "[\"b\"]");
    everybody(a, "[\"c\"]");
    snprintf(packet, sizeof packet, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", c.pid, c.offset);
    struct fake_peer *p = fake_open(&a->engine);
    p->room = 10;
    app_text(a, p, packet);
    assert_null(p->session);
    come_back(a, &c);
    assert_got(&c, "42[\"b\"] 42[\"c\"] CONNECT");
    leave(&c);
}

static void test_ended_for_good(void **state)
{
    struct app *a = *state;
    struct client c;
    join(a, &c);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    app_journal(a);
    sio_server_end_recovery(a->io);
    assert_journal(a, "forget");
    come_back(a, &c);
    assert_int_equal(result(&c), SIO_RECOVERY_EXPIRED);
    everybody(a, "[\"a\"]");
    drop(a, &c);
    assert_int_equal(a->kept, 0);
    leave(&c);
}

static void test_off(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    char expected[64];
    app_text(a, p, "0{\"pid\":\"aaaaaaaaaaaaaaaaaaaa\",\"offset\":\"1\"}");
    snprintf(expected, sizeof expected, "40{\"sid\":\"%s\"}", sio_socket_id(a->last));
    assert_sent(p, expected);
    everybody(a, "[\"a\",\"b\"]");
    assert_sent(p, "42[\"a\",\"b\"]");
    assert_int_equal(sio_socket_recovery(a->last), SIO_RECOVERY_NOT_ASKED);
}

/* Everybody gets every event that was for them, once and in order, whatever happens. */

enum { CLIENTS = 5, ROOMS = 3, STEPS = 3000 };

struct model {
    struct client c;
    bool in[ROOMS], here;
    struct lec_buf expected;
};

static unsigned pick(uint32_t *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % n;
}

static void model_event(struct model *m, bool is_for, const char *json)
{
    if (is_for)
        lec_buf_printf(&m->expected, "%s42%s", m->expected.n ? " " : "", json);
}

static void model_return(struct app *a, struct model *m)
{
    come_back(a, &m->c);
    m->here = true;
    assert_int_equal(result(&m->c), SIO_RECOVERED);
    lec_buf_printf(&m->expected, "%sCONNECT", m->expected.n ? " " : "");
}

/* How often one came back is not the point; CONNECTs fall where they fall. */
static void without_connects(struct lec_buf *out, struct lec_buf *words)
{
    char *save = NULL, *text = strdup(lec_buf_str(words));
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (strcmp(w, "CONNECT") != 0)
            lec_buf_printf(out, "%s%s", out->n ? " " : "", w);
    free(text);
}

static void run_model(struct app *a, uint32_t seed)
{
    static const char *const names[ROOMS] = { "math", "art", "music" };
    struct model m[CLIENTS];
    memset(m, 0, sizeof m);
    for (int i = 0; i < CLIENTS; i++) {
        join(a, &m[i].c);
        m[i].here = true;
        app_emit(m[i].c.socket, "[\"first\"]");
        model_event(&m[i], true, "[\"first\"]");
        read_all(&m[i].c);
    }
    for (int step = 0; step < STEPS; step++) {
        struct model *one = &m[pick(&seed, CLIENTS)];
        unsigned room = pick(&seed, ROOMS), other = pick(&seed, ROOMS), what = pick(&seed, 12);
        char json[32];
        snprintf(json, sizeof json, "[\"%d\"]", step);
        if (what == 0 && one->here) {
            sio_socket_join(one->c.socket, S(names[room]));
            one->in[room] = true;
        } else if (what == 1 && one->here) {
            /* A room that it left counts as one that it was never in: so it must have got all up to
             * here, for this to be exact. */
            (void)!sio_socket_leave(one->c.socket, S(names[room]));
            app_emit(one->c.socket, json);
            model_event(one, true, json);
            read_all(&one->c);
            one->in[room] = false;
        } else if (what == 2 && one->here) {
            if (pick(&seed, 2))
                read_all(&one->c);
            else
                fake_sent(one->c.peer); /* what was under way is lost */
            fake_close(&a->engine, one->c.peer, EIO_TRANSPORT_CLOSE);
            one->here = false;
        } else if (what == 3) {
            if (one->here && pick(&seed, 2))
                continue;
            model_return(a, one);
        } else if (what == 4 && one->here) {
            app_emit(one->c.socket, json);
            model_event(one, true, json);
        } else if (what == 5) {
            app_broadcast(a->main, names[room], names[other], NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], m[i].in[room] && !m[i].in[other], json);
        } else if (what == 6) {
            app_broadcast(a->main, "", "", one->here ? one->c.socket : NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], !one->here || &m[i] != one, json);
        } else if (what == 7) {
            app_broadcast(a->main, "math art", one->c.id, NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], (m[i].in[0] || m[i].in[1]) && &m[i] != one, json);
        } else if (what >= 8) {
            app_broadcast(a->main, names[room], "", NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], m[i].in[room], json);
        }
        app_journal(a);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (!m[i].here)
            model_return(a, &m[i]);
        read_all(&m[i].c);
        struct lec_buf plain = { 0 }, expected = { 0 };
        without_connects(&plain, &m[i].c.got);
        without_connects(&expected, &m[i].expected);
        assert_string_equal(lec_buf_str(&plain), lec_buf_str(&expected));
        lec_buf_fini(&plain);
        lec_buf_fini(&expected);
        lec_buf_fini(&m[i].expected);
        leave(&m[i].c);
    }
}

static void test_everything_once_and_in_order(void **state)
{
    struct app *a = *state;
    for (uint32_t seed = 1; seed <= 4; seed++)
        run_model(a, seed);
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
        ON(test_everything_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
