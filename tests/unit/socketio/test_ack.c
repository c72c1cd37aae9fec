/* Answers of clients: in time, late, never, twice, unasked; and who hears what at the end. */
#include "harness.h"

struct heard {
    struct app *app;
    int times, err;
    char text[64];
};

static void on_ack(void *ctx, int err, const struct sio_payload *args)
{
    struct heard *h = ctx;
    h->times++;
    h->err = err;
    assert_int_equal(args != NULL, err == LEC_OK);
    if (args)
        snprintf(h->text, sizeof h->text, "%.*s+%u", (int)args->json.n, args->json.p,
                 args->n_attachments);
}

static int ask(struct sio_socket *s, unsigned ms, struct heard *h, int64_t *id)
{
    struct sio_payload event = { .json = S("[\"q\"]") };
    return sio_socket_emit_ack(s, &event, ms, on_ack, h, id);
}

static void answers(void **state)
{
    struct app *a = *state;
    struct heard one = { 0 }, two = { 0 }, three = { 0 };
    int64_t id = -7;
    sio_server_of(a->io, S("/b"));
    struct fake_peer *p = app_join(a);
    struct sio_socket *s = a->last;
    app_text(a, p, "0/b,");
    fake_sent(p);
    assert_int_equal(ask(s, 1000, &one, &id), LEC_OK);
    assert_int_equal(id, 0);
    assert_int_equal(ask(s, 0, &two, NULL), LEC_OK);
    assert_int_equal(ask(a->last, 1000, &three, &id), LEC_OK);
    assert_int_equal(id, 0); /* each namespace counts by itself */
    assert_sent(p, "420[\"q\"] 421[\"q\"] 42/b,0[\"q\"]");

    app_text(a, p, "31[\"two\"]");
    assert_string_equal(two.text, "[\"two\"]+0");
    app_text(a, p, "61-0[{\"_placeholder\":true,\"num\":0}]");
    assert_int_equal(one.times, 0);
    fake_binary(&a->engine, p, "\x01", 1);
    assert_string_equal(one.text, "[{\"_placeholder\":true,\"num\":0}]+1");
    app_text(a, p, "3/b,0[]");
    assert_string_equal(three.text, "[]+0");

    /* Twice, unasked, without id: nothing. */
    app_text(a, p, "31[]");
    app_text(a, p, "3999[]");
    app_text(a, p, "3[]");
    fake_turn(&a->engine, 5000);
    assert_int_equal(one.times + two.times + three.times, 3);
    assert_non_null(p->session);
    assert_int_equal(a->counters.acks_timed_out, 0);
}

static void ids_are_the_namespaces(void **state)
{
    struct app *a = *state;
    struct heard one = { 0 }, two = { 0 };
    struct fake_peer *p = app_join(a);
    struct sio_socket *s = a->last;
    struct fake_peer *q = app_join(a);
    assert_int_equal(ask(s, 0, &one, NULL), LEC_OK);
    assert_int_equal(ask(a->last, 0, &two, NULL), LEC_OK);
    assert_sent(q, "421[\"q\"]");
    app_text(a, q, "30[]"); /* not its question */
    assert_int_equal(one.times, 0);
    app_text(a, p, "30[]");
    assert_int_equal(one.times, 1);
    fake_close(&a->engine, q, EIO_TRANSPORT_CLOSE);
    assert_int_equal(two.err, LEC_ECLOSED);
}

static void timeouts(void **state)
{
    struct app *a = *state;
    struct heard slow = { 0 }, quick = { 0 }, patient = { 0 };
    struct fake_peer *p = app_join(a);
    assert_int_equal(ask(a->last, 300, &slow, NULL), LEC_OK);
    assert_int_equal(ask(a->last, 100, &quick, NULL), LEC_OK);
    assert_int_equal(ask(a->last, 0, &patient, NULL), LEC_OK);
    fake_turn(&a->engine, 99);
    assert_int_equal(quick.times, 0);
    fake_turn(&a->engine, 1);
    assert_int_equal(quick.err, LEC_ETIMEOUT);
    assert_int_equal(slow.times, 0);
    fake_turn(&a->engine, 200);
    assert_int_equal(slow.err, LEC_ETIMEOUT);
    assert_int_equal(a->counters.acks_timed_out, 2);
    app_text(a, p, "30[\"late\"]");
    assert_int_equal(slow.times, 1);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(patient.err, LEC_ECLOSED);
    assert_int_equal(patient.times, 1);
}

static void limits(void **state)
{
    struct app *a = *state;
    struct heard h[5] = { 0 };
    struct fake_peer *p = app_join(a);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ask(a->last, 0, &h[i], NULL), LEC_OK);
    fake_sent(p);
    assert_int_equal(ask(a->last, 0, &h[4], NULL), LEC_EFULL);
    assert_sent(p, "");
    app_text(a, p, "32[]");
    assert_int_equal(ask(a->last, 0, &h[4], NULL), LEC_OK);
    sio_socket_disconnect(a->last, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(h[i].times, 1);
        assert_int_equal(h[i].err, i == 2 ? LEC_OK : LEC_ECLOSED);
    }
    assert_int_equal(ask(a->last, 0, &h[4], NULL), LEC_ECLOSED);
}

static void forgotten(void **state)
{
    struct app *a = *state;
    struct heard h = { 0 };
    int64_t id;
    struct fake_peer *p = app_join(a);
    assert_int_equal(ask(a->last, 100, &h, &id), LEC_OK);
    sio_socket_forget_ack(a->last, id);
    sio_socket_forget_ack(a->last, id);
    app_text(a, p, "30[]");
    fake_turn(&a->engine, 1000);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(h.times, 0);
}

static void while_connecting(void **state)
{
    struct app *a = *state;
    struct heard h = { 0 }, never = { 0 };
    a->hold = true;
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0");
    assert_int_equal(ask(a->last, 0, &h, NULL), LEC_OK);
    sio_socket_accept(a->last);
    app_text(a, p, "30[5]");
    assert_string_equal(h.text, "[5]+0");
    p = fake_open(&a->engine);
    app_text(a, p, "0");
    assert_int_equal(ask(a->last, 0, &never, NULL), LEC_OK);
    sio_socket_refuse(a->last, "no", (struct lec_slice){ NULL, 0 });
    assert_int_equal(never.err, LEC_ECLOSED);
}

/* The send that asks finds the client too slow: the caller learns it, the function is not called. */
static void cut_off_by_asking(void **state)
{
    struct app *a = *state;
    struct heard before = { 0 }, h = { 0 };
    struct fake_peer *p = app_join(a);
    assert_int_equal(ask(a->last, 50, &before, NULL), LEC_OK);
    p->room = 3;
    assert_int_equal(ask(a->last, 50, &h, NULL), LEC_EFULL);
    assert_int_equal(h.times, 0);
    assert_int_equal(before.err, LEC_ECLOSED);
    fake_turn(&a->engine, 1000);
    assert_int_equal(h.times, 0);
    assert_int_equal(before.times, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(answers),   T(ids_are_the_namespaces), T(timeouts),          T(limits),
        T(forgotten), T(while_connecting),       T(cut_off_by_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
