/* Socket.IO 2 clients (Engine.IO 3): how they come in, what they are told, beside newer ones. */
#include "harness.h"

static void are_in_without_asking(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/chat"));
    struct fake_peer *p = fake_open3(&a->engine, true);
    assert_sent(p, "40");
    assert_true(p->kept);
    assert_string_equal(sio_socket_id(a->last), eio_session_sid(p->session));
    app_text(a, p, "0/chat?token=t%201&x=2");
    assert_sent(p, "40/chat,");
    assert_journal(a, "connect(/,{}) connect(/chat,{\"token\":\"t 1\",\"x\":\"2\"})");
    struct sio_socket *chat = a->last;
    char id[64];
    snprintf(id, sizeof id, "/chat#%s", eio_session_sid(p->session));
    assert_string_equal(sio_socket_id(chat), id);
    assert_ptr_equal(sio_namespace_socket(sio_socket_namespace(chat), S(id)), chat);
    assert_true(sio_socket_in(chat, S(id)));
    app_text(a, p, "2/chat,7[\"hi\"]");
    assert_journal(a, "event(/chat,hi,[\"hi\"],#7)");
    assert_int_equal(app_broadcast(sio_socket_namespace(chat), id, "", NULL, "[\"x\"]"), 1);
    assert_sent(p, "42/chat,[\"x\"]");
    assert_int_equal(app_broadcast(sio_socket_namespace(chat), "", id, NULL, "[\"x\"]"), 0);
    app_text(a, p, "1/chat,");
    app_text(a, p, "0/chat");
    assert_sent(p, "40/chat,");
    assert_string_equal(sio_socket_id(a->last), id);
    app_text(a, p, "0");
    assert_null(p->session); /* it is in "/" already */
}

/* A sid that anybody can use who knows it must not become known. */
static void unbound_sids_stay_secret(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open3(&a->engine, false);
    assert_sent(p, "40");
    assert_int_equal(strlen(sio_socket_id(a->last)), 20);
    assert_string_not_equal(sio_socket_id(a->last), eio_session_sid(p->session));
}

static void refuse(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_refuse(s, "not \"you\"", S("{\"code\":\"forbidden\"}"));
}

static void are_refused_with_a_string(void **state)
{
    struct app *a = *state;
    a->on_connect = refuse;
    struct fake_peer *p = fake_open3(&a->engine, true);
    assert_sent(p, "44\"not \\\"you\\\"\"");
    app_text(a, p, "0/zzz?a=1");
    assert_sent(p, "44/zzz,{\"message\":\"Invalid namespace\"}");
    a->on_connect = NULL;
    app_text(a, p, "0");
    assert_sent(p, "40");
}

static void close_client(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_disconnect(s, true);
}

static void may_be_closed_as_they_open(void **state)
{
    struct app *a = *state;
    a->on_connect = close_client;
    struct fake_peer *p = fake_open3(&a->engine, true);
    assert_null(p->session);
}

static void wait_for_an_answer(void **state)
{
    struct app *a = *state;
    a->hold = true;
    struct fake_peer *p = fake_open3(&a->engine, true);
    app_emit(a->last, "[\"early\"]");
    assert_sent(p, "");
    sio_socket_accept(a->last);
    assert_sent(p, "40 42[\"early\"]");
}

static void get_no_offsets(void **state)
{
    struct app *a = *state;
    struct fake_peer *new = app_join(a), *p = fake_open3(&a->engine, true), *q;
    assert_sent(p, "40");
    struct sio_socket *old = a->last;
    q = fake_open3(&a->engine, false);
    assert_sent(q, "40");
    assert_int_equal(app_broadcast(a->main, "", "", NULL, "[\"all\",1]"), 3);
    assert_sent(new, "42[\"all\",1,\"1\"]");
    assert_sent(p, "42[\"all\",1]");
    assert_sent(q, "42[\"all\",1]");
    assert_ptr_equal(p->last, q->last); /* encoded once */
    app_emit(old, "[\"one\"]");
    assert_sent(p, "42[\"one\"]");
    app_journal(a);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_journal(a, "disconnect(/,transport close) free(/)"); /* nothing is kept */
}

static void cannot_be_recovered(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/chat"));
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0/chat,");
    const char *at = strstr(fake_sent(p), "\"pid\":\"");
    char connect[128];
    assert_non_null(at);
    app_emit(a->last, "[\"x\"]");
    snprintf(connect, sizeof connect, "0/chat?offset=1&pid=%.20s", at + 7);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    p = fake_open3(&a->engine, true);
    assert_sent(p, "40");
    app_text(a, p, connect);
    assert_sent(p, "40/chat,");
    assert_int_equal(sio_socket_recovery(a->last), SIO_RECOVERY_NOT_ASKED);
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, app_setup, app_teardown)
#define RECOVERY_TEST(name) cmocka_unit_test_setup_teardown(name, app_setup_recovery, app_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(are_in_without_asking),        TEST(unbound_sids_stay_secret),
        TEST(are_refused_with_a_string),    TEST(may_be_closed_as_they_open),
        TEST(wait_for_an_answer),           RECOVERY_TEST(get_no_offsets),
        RECOVERY_TEST(cannot_be_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
