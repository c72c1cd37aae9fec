/* How much and how fast a client may send. */
#include "harness.h"
#include "socketio/internal.h"

#define S(text) lec_slice_str(text)

struct limited {
    int events, ends;
    const char *why;
};

static void on_limited(void *ctx, struct sio_socket *s, const struct sio_event *event,
                       const char *why)
{
    struct app *a = ctx;
    struct limited *l = a->ctx;
    assert_true(sio_socket_connected(s));
    l->why = why;
    if (event)
        l->events++;
    else
        l->ends++;
}

static struct sio_events events; /* the harness', and on_limited */

static void set_up(struct app *a, struct limited *l)
{
    events = *a->io->events;
    events.on_limited = on_limited;
    a->io->events = &events;
    a->ctx = l;
}

static unsigned send(struct app *a, struct fake_peer *p, const char *packet, unsigned n)
{
    uint64_t before = a->counters.events_in;
    for (unsigned i = 0; i < n && p->session; i++)
        app_text(a, p, packet);
    return (unsigned)(a->counters.events_in - before);
}

static void events_a_second(void **state)
{
    struct app *a = *state;
    struct limited l = { 0 };
    set_up(a, &l);
    a->io->cfg.events = (struct lec_rate){ 10, 20 };
    struct fake_peer *p = app_join(a), *q = app_join(a); /* joining takes one */
    assert_int_equal(send(a, p, "2[\"x\"]", 30), 19);
    assert_int_equal(l.events, 11);
    assert_string_equal(l.why, "too many events a second");
    assert_int_equal(a->counters.events_rate_limited, 11);
    assert_int_equal(send(a, q, "2[\"x\"]", 5), 5);
    fake_turn(&a->engine, 500);
    assert_int_equal(send(a, p, "2[\"x\"]", 30), 5);
    fake_turn(&a->engine, 60000);
    assert_int_equal(send(a, p, "2[\"x\"]", 30), 20);
    assert_non_null(p->session);
}

static void single_events(void **state)
{
    struct app *a = *state;
    struct limited l = { 0 };
    const struct sio_event_rate rates[] = { { S("hand"), { 1, 2 } },
                                            { S("d\xc3\xa9j\xc3\xa0"), { 5, 5 } } };
    set_up(a, &l);
    a->io->cfg.event_rates = rates;
    a->io->cfg.n_event_rates = 2;
    struct fake_peer *p = app_join(a), *q = app_join(a);
    assert_int_equal(send(a, p, "2[\"hand\"]", 5), 2);
    assert_string_equal(l.why, "too many of these events a second");
    assert_int_equal(send(a, p, "2[\"d\\u00e9j\\u00e0\"]", 7), 5);
    assert_int_equal(send(a, p, "2[\"other\"]", 500), 500);
    assert_int_equal(send(a, q, "2[\"hand\"]", 1), 1);
    fake_turn(&a->engine, 1000);
    assert_int_equal(send(a, p, "2[\"hand\"]", 5), 1);
}

static void bytes_a_second(void **state)
{
    struct app *a = *state;
    struct limited l = { 0 };
    set_up(a, &l);
    a->io->cfg.bytes = (struct lec_rate){ 100, 200 };
    struct fake_peer *p = app_join(a);
    fake_turn(&a->engine, 5000);
    char packet[102] = "2[\"x\",\"";
    memset(packet + 7, 'y', 91);
    strcpy(packet + 98, "\"]");
    assert_int_equal(send(a, p, packet, 4), 2);
    assert_string_equal(l.why, "too many bytes a second");
    assert_int_equal(l.events, 2);
    fake_turn(&a->engine, 1000);
    assert_int_equal(send(a, p, packet, 2), 1);

    /* A binary event counts with its attachments, and is refused as a whole. */
    fake_turn(&a->engine, 2000);
    static const char bytes[150];
    uint64_t before = a->counters.events_in;
    for (int i = 0; i < 2; i++) {
        app_text(a, p, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
        fake_binary(&a->engine, p, bytes, sizeof bytes);
    }
    assert_int_equal(a->counters.events_in, before + 1);
    assert_int_equal(l.events, 4);
    fake_turn(&a->engine, 2000);
    assert_int_equal(send(a, p, "2[\"x\"]", 1), 1); /* what was refused leaves no trace */
}

static void who_goes_on_is_disconnected(void **state)
{
    struct app *a = *state;
    struct limited l = { 0 };
    set_up(a, &l);
    a->io->cfg.events = (struct lec_rate){ 10, 20 };
    struct fake_peer *p = app_join(a), *q = app_join(a);
    app_journal(a);
    /* ten times as much is borne for ever */
    for (int i = 0; i < 100; i++) {
        send(a, p, "2[\"x\"]", 10);
        fake_turn(&a->engine, 100);
    }
    assert_non_null(p->session);
    for (int i = 0; i < 100 && p->session; i++) {
        send(a, p, "2[\"x\"]", 30);
        fake_turn(&a->engine, 100);
    }
    assert_null(p->session);
    assert_int_equal(l.ends, 1);
    assert_int_equal(a->counters.clients_flooding, 1);
    assert_int_equal(send(a, q, "2[\"x\"]", 1), 1);

    a->io->cfg.bytes = (struct lec_rate){ 10, 1000 };
    static const char bytes[990];
    p = app_join(a);
    for (int i = 0; i < 10 && p->session; i++) {
        app_text(a, p, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
        fake_binary(&a->engine, p, bytes, sizeof bytes);
    }
    assert_null(p->session);
    assert_int_equal(l.ends, 2);
}

/* Each costs a look at a token, and what on_connect does. */
static void connects_count(void **state)
{
    struct app *a = *state;
    struct limited l = { 0 };
    set_up(a, &l);
    a->io->cfg.events = (struct lec_rate){ 1, 5 };
    struct fake_peer *p = fake_open(&a->engine);
    for (int i = 0; i < 5; i++) {
        app_text(a, p, "0");
        app_text(a, p, "1");
    }
    fake_sent(p);
    app_text(a, p, "0");
    assert_string_equal(fake_sent(p), "44{\"message\":\"Too many events a second\",\"data\":{"
                                      "\"code\":\"rate_limited\"}}");
    fake_turn(&a->engine, 1000);
    app_text(a, p, "0");
    assert_true(sio_socket_connected(a->last));
}

static void attachments_together(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    static const char bytes[60000];
    a->io->cfg.max_attachment_bytes = 100000;
    for (int i = 0; i < 3; i++) { /* one after the other is fine */
        app_text(a, p, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
        fake_binary(&a->engine, p, bytes, sizeof bytes);
    }
    assert_int_equal(a->counters.events_in, 3);
    app_text(a, p, "53-[\"x\"]");
    fake_binary(&a->engine, p, bytes, sizeof bytes);
    assert_non_null(p->session);
    fake_binary(&a->engine, p, bytes, sizeof bytes);
    assert_null(p->session);
    assert_int_equal(a->counters.clients_bad_packet, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(events_a_second), T(single_events),
        T(bytes_a_second),  T(who_goes_on_is_disconnected),
        T(connects_count),  T(attachments_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
