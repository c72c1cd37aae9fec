/* One event that many are to answer: who does, who does not, and when it is over. */
#include "harness.h"
#include "socketio/question.h"

#define PEOPLE 4

struct room {
    struct app *app;
    struct fake_peer *peers[PEOPLE];
    struct sio_socket *sockets[PEOPLE];
    struct sio_question *question;
    int over, refuse; /* what on_answer returns */
    bool free_when_over;
    char heard[256]; /* "1=[…]+0 " */
};

static int on_answer(void *ctx, size_t i, const struct sio_payload *args)
{
    struct room *r = ctx;
    size_t n = strlen(r->heard);
    snprintf(r->heard + n, sizeof r->heard - n, "%zu=%.*s+%u ", i, (int)args->json.n, args->json.p,
             args->n_attachments);
    return r->refuse;
}

static void on_over(void *ctx)
{
    struct room *r = ctx;
    r->over++;
    if (r->free_when_over)
        sio_question_free(r->question);
}

static const struct sio_question_events events = { on_answer, on_over };

static struct room fill(struct app *a)
{
    struct room r = { .app = a };
    for (int i = 0; i < PEOPLE; i++) {
        r.peers[i] = app_join(a);
        r.sockets[i] = a->last;
    }
    return r;
}

static void ask(struct room *r, unsigned ms)
{
    struct sio_payload event = { .json = S("[\"q\"]") };
    r->question = sio_question_new(r->app->main, r->sockets, PEOPLE, &event, ms, &events, r);
}

static void assert_results(const struct room *r, int a, int b, int c, int d)
{
    assert_int_equal(sio_question_result(r->question, 0), a);
    assert_int_equal(sio_question_result(r->question, 1), b);
    assert_int_equal(sio_question_result(r->question, 2), c);
    assert_int_equal(sio_question_result(r->question, 3), d);
}

static void everybody_answers(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    uint64_t sent = a->counters.events_out;
    ask(&r, 1000);
    assert_int_equal(sio_question_open(r.question), PEOPLE);
    assert_int_equal(a->counters.events_out - sent, PEOPLE);
    for (int i = 0; i < PEOPLE; i++) { /* one number, one message */
        assert_sent(r.peers[i], "420[\"q\"]");
        assert_ptr_equal(r.peers[i]->last, r.peers[0]->last);
    }
    app_text(a, r.peers[2], "30[\"c\",2]");
    app_text(a, r.peers[2], "30[\"again\"]");
    app_text(a, r.peers[0], "61-0[{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&a->engine, r.peers[0], "\x01", 1);
    app_text(a, r.peers[3], "30[]");
    assert_int_equal(r.over, 0);
    assert_results(&r, LEC_OK, LEC_EAGAIN, LEC_OK, LEC_OK);
    app_text(a, r.peers[1], "30[null]");
    assert_int_equal(r.over, 1);
    assert_string_equal(r.heard,
                        "2=[\"c\",2]+0 0=[{\"_placeholder\":true,\"num\":0}]+1 3=[]+0 1=[null]+0 ");
    assert_int_equal(sio_question_open(r.question), 0);
    fake_turn(&a->engine, 5000);
    assert_int_equal(r.over, 1);
    sio_question_free(r.question);
    /* the number is the namespace's, with those of single sockets */
    ask(&r, 1000);
    assert_sent(r.peers[0], "421[\"q\"]");
    sio_question_free(r.question);
}

static void some_do_not(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    ask(&r, 100);
    app_text(a, r.peers[0], "30[1]");
    fake_close(&a->engine, r.peers[1], EIO_TRANSPORT_CLOSE); /* counts at once */
    assert_results(&r, LEC_OK, LEC_ECLOSED, LEC_EAGAIN, LEC_EAGAIN);
    fake_turn(&a->engine, 99);
    assert_int_equal(r.over, 0);
    fake_turn(&a->engine, 1);
    assert_int_equal(r.over, 1);
    assert_results(&r, LEC_OK, LEC_ECLOSED, LEC_ETIMEOUT, LEC_ETIMEOUT);
    assert_int_equal(a->counters.acks_timed_out, 2);
    app_text(a, r.peers[2], "30[\"late\"]");
    assert_string_equal(r.heard, "0=[1]+0 ");
    sio_question_free(r.question);
}

static void all_leave(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    r.free_when_over = true;
    ask(&r, 0);
    for (int i = 0; i < PEOPLE; i++) {
        assert_int_equal(r.over, 0);
        sio_socket_disconnect(r.sockets[i], i % 2);
    }
    assert_int_equal(r.over, 1);
}

static void freed_before_it_is_over(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    ask(&r, 100);
    app_text(a, r.peers[0], "30[1]");
    sio_question_free(r.question);
    app_text(a, r.peers[1], "30[1]");
    fake_turn(&a->engine, 1000);
    fake_close(&a->engine, r.peers[2], EIO_TRANSPORT_CLOSE);
    assert_int_equal(r.over, 0);
    assert_string_equal(r.heard, "0=[1]+0 ");
}

static void an_answer_that_does_not_count(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    ask(&r, 100);
    r.refuse = LEC_ETOOBIG;
    app_text(a, r.peers[0], "30[1]");
    assert_results(&r, LEC_ETOOBIG, LEC_EAGAIN, LEC_EAGAIN, LEC_EAGAIN);
    assert_int_equal(sio_question_open(r.question), PEOPLE - 1);
    sio_question_free(r.question);
}

/* max_acks of the harness is 4. */
static void who_cannot_be_asked(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    struct sio_payload event = { .json = S("[\"one\"]") };
    struct sio_question *earlier[4];
    for (int i = 0; i < 4; i++)
        earlier[i] = sio_question_new(a->main, &r.sockets[1], 1, &event, 0, &events, &r);
    fake_sent(r.peers[1]);
    sio_socket_disconnect(r.sockets[2], false);
    r.peers[3]->room = 3; /* too slow: cut off by this very event */
    ask(&r, 100);
    assert_results(&r, LEC_EAGAIN, LEC_EFULL, LEC_ECLOSED, LEC_EFULL);
    assert_sent(r.peers[1], "");
    assert_null(r.peers[3]->session);
    app_text(a, r.peers[0], "34[1]");
    assert_int_equal(r.over, 1);
    assert_string_equal(r.heard, "0=[1]+0 ");
    sio_question_free(r.question);
    for (int i = 0; i < 4; i++)
        sio_question_free(earlier[i]);
}

/* Who is too slow takes the others along: it is over before it has begun, and nobody is told. */
static void close_everybody(struct app *a, struct sio_socket *s)
{
    const struct room *r = a->ctx;
    (void)s;
    a->on_disconnect = NULL;
    for (int i = 0; i < PEOPLE; i++)
        sio_socket_disconnect(r->sockets[i], true);
}

static void over_while_asking(void **state)
{
    struct app *a = *state;
    struct room r = fill(a);
    a->ctx = &r;
    a->on_disconnect = close_everybody;
    r.peers[1]->room = 3;
    ask(&r, 100);
    assert_int_equal(sio_question_open(r.question), 0);
    assert_results(&r, LEC_ECLOSED, LEC_EFULL, LEC_ECLOSED, LEC_ECLOSED);
    fake_turn(&a->engine, 1000);
    assert_int_equal(r.over, 0);
    sio_question_free(r.question);
}

static void nobody(void **state)
{
    struct app *a = *state;
    struct room r = { .app = a };
    struct sio_payload event = { .json = S("[\"q\"]") };
    struct sio_question *q = sio_question_new(a->main, NULL, 0, &event, 100, &events, &r);
    assert_int_equal(sio_question_open(q), 0);
    fake_turn(&a->engine, 1000);
    assert_int_equal(r.over, 0);
    sio_question_free(q);
    sio_question_free(NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(everybody_answers),   T(some_do_not),
        T(all_leave),           T(freed_before_it_is_over),
        T(who_cannot_be_asked), T(an_answer_that_does_not_count),
        T(over_while_asking),   T(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
