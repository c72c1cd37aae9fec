/* Revocations that only the database knows, with a driver that answers when the test says so. */
#include "world.h"

#include "base/clock.h"
#include "db/db.h"
#include "fake_db.h"
#include "server/revocations.h"

/* --- what it is asked, and answers --- */

static size_t answered; /* the oldest requests */

/* How many requests wait for an answer. */
static size_t asked(void)
{
    return fake_db.n - answered;
}

/* Whether the oldest of these has this text in it: of its statement, or a parameter. */
static bool asked_for(const char *text)
{
    size_t i = answered;
    assert_true(asked() > 0);
    return memmem(fake_db.got[i].request, fake_db.got[i].n, text, strlen(text)) != NULL;
}

static void reply(struct lec_buf *answer)
{
    fake_db_reply(answered++, answer->p, answer->n);
    lec_buf_fini(answer);
}

static void number(struct lec_buf *b, uint64_t value, unsigned octets)
{
    lectern_write_number(lec_buf_reserve(b, octets), value, octets);
    b->n += octets;
}

static void text(struct lec_buf *b, const char *value)
{
    number(b, LECTERN_TEXT, 1);
    number(b, strlen(value), 4);
    lec_buf_adds(b, value);
}

static void integer(struct lec_buf *b, int64_t value)
{
    number(b, LECTERN_INTEGER, 1);
    number(b, (uint64_t)value, 8);
}

static struct lec_buf begin(unsigned columns, uint32_t rows)
{
    struct lec_buf b = { 0 };
    number(&b, LECTERN_DB_OK, 1);
    number(&b, 1, 2);
    number(&b, 0, 8);
    number(&b, columns, 2);
    for (unsigned i = 0; i < columns; i++) {
        number(&b, 1, 2);
        lec_buf_adds(&b, "c");
    }
    number(&b, rows, 4);
    return b;
}

static void reply_nothing(void)
{
    struct lec_buf b = begin(0, 0);
    reply(&b);
}

static void reply_error(void)
{
    struct lec_buf b = { 0 };
    number(&b, LECTERN_DB_UNAVAILABLE, 1);
    number(&b, 0, 2);
    number(&b, 4, 4);
    lec_buf_adds(&b, "away");
    reply(&b);
}

/* A row of a page: created, name, time. */
static void reply_page(const char *name, int64_t time)
{
    struct lec_buf b = begin(3, 1);
    integer(&b, 5);
    text(&b, name);
    integer(&b, time);
    reply(&b);
}

static void reply_found(const char *kind, const char *name, int64_t time)
{
    struct lec_buf b = begin(3, 1);
    text(&b, kind);
    text(&b, name);
    integer(&b, time);
    reply(&b);
}

/* --- the world, with such a database --- */

static struct lec_db *db;

static struct lec_revocations *start(struct world *w)
{
    static const struct lec_db_config cfg = { .max_calls = 3,
                                              .max_bytes = 100000,
                                              .timeout_ms = 5000,
                                              .max_rows = 10000,
                                              .max_result_bytes = 1 << 20 };
    char err[100];
    answered = 0;
    world_start(w);
    db = lec_db_new(w->loop, &cfg, w->log);
    assert_int_equal(lec_db_open(db, &fake_db_driver, NULL, "fake:", err, sizeof err), LEC_OK);
    lec_revocations_start(w->server->revocations, db);
    return w->server->revocations;
}

static void finish(struct world *w)
{
    lec_server_free(w->server);
    w->server = NULL;
    lec_db_free(db);
}

/* There are none, but for these people beyond the list. */
static void read_all(bool more_people)
{
    reply_nothing(); /* tokens: beyond, page */
    reply_nothing();
    if (more_people)
        reply_page("beyond", 1);
    else
        reply_nothing();
    reply_nothing();
    assert_int_equal(asked(), 0);
}

/* A client with a good token of person 42; what it gets is told by the next poll. */
static void come(struct world *w)
{
    struct lec_buf packet = { 0 };
    world_open(w, NULL);
    lec_buf_printf(&packet, "40{\"token\":\"%s\"}", lec_buf_str(&w->token));
    world_post(w, lec_buf_str(&packet));
    lec_buf_fini(&packet);
}

static void is_in(struct world *w)
{
    const char *answer = world_poll(w);
    assert_memory_equal(answer, "40{\"sid\":\"", 10);
}

static void is_refused(struct world *w, const char *code)
{
    bool for_now = strcmp(code, "unavailable") == 0;
    const char *answer = world_poll(w);
    assert_non_null(strstr(answer, for_now ? "44{\"message\":\"Unavailable: "
                                           : "44{\"message\":\"Authentication error: "));
    assert_non_null(strstr(answer, code));
}

static int64_t later(void)
{
    return lec_clock_ms() / 1000 + 10;
}

static void are_read_before_the_server_is_ready(void **state)
{
    struct world *w = *state;
    struct lec_revocations *r = start(w);
    assert_false(lec_revocations_ready(r));
    assert_true(asked_for("token"));
    reply_nothing();
    reply_page("a-jti", 7);
    assert_true(asked_for("person"));
    reply_nothing();
    assert_false(lec_revocations_ready(r));
    reply_page("42", later());
    assert_true(lec_revocations_ready(r));
    assert_non_null(strstr(world_log(w), "revocations read: 1 tokens, 1 people\n"));
    /* Both lists hold all there are, so nobody asks. */
    come(w);
    is_refused(w, "unauthorized");
    assert_int_equal(asked(), 0);
    int64_t time;
    assert_true(lec_revoked_find(&w->server->revoked_tokens, LEC_SLICE("a-jti"), &time));
    assert_true(time == INT64_MAX);
    finish(w);
}

static void are_read_page_by_page(void **state)
{
    struct world *w = *state;
    struct lec_revocations *r = start(w);
    reply_nothing();
    struct lec_buf b = begin(3, 1000);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%04d", i);
        integer(&b, 1);
        text(&b, name);
        integer(&b, 2);
    }
    reply(&b);
    assert_true(asked_for("t0999"));
    reply_page("t1000", 2);
    assert_int_equal(w->server->revoked_tokens.by_name.count, 1001);
    reply_nothing();
    reply_nothing();
    assert_true(lec_revocations_ready(r));
    finish(w);
}

static void are_read_again_after_a_failure(void **state)
{
    struct world *w = *state;
    struct lec_revocations *r = start(w);
    reply_error();
    assert_int_equal(asked(), 0);
    assert_non_null(strstr(world_log(w), "the revocations cannot be read: away"));
    /* Meanwhile each is looked up. */
    come(w);
    assert_int_equal(asked(), 1);
    reply_nothing();
    is_in(w);
    fake_advance(w->loop, 1000);
    assert_int_equal(asked(), 1);
    read_all(false);
    assert_true(lec_revocations_ready(r));
    come(w);
    is_in(w);
    finish(w);
}

static void beyond_the_list_are_looked_up(void **state)
{
    struct world *w = *state;
    (void)start(w);
    read_all(true);
    come(w);
    assert_int_equal(asked(), 1);
    assert_true(asked_for("42"));
    assert_string_equal(world_journal(w), "start;");
    reply_nothing();
    is_in(w);
    assert_string_equal(world_journal(w), "connect(42);");

    come(w);
    assert_int_equal(asked(), 1);
    reply_found("person", "42", 1); /* an older one's tokens */
    is_in(w);

    come(w);
    assert_int_equal(asked(), 1);
    reply_found("person", "42", later());
    is_refused(w, "unauthorized");
    come(w);
    is_refused(w, "unauthorized"); /* it is in the list now */
    assert_int_equal(asked(), 0);
    finish(w);
}

static void let_nobody_in_who_cannot_be_looked_up(void **state)
{
    struct world *w = *state;
    (void)start(w);
    read_all(true);
    come(w);
    assert_int_equal(asked(), 1);
    reply_error();
    is_refused(w, "unavailable");
    /* Too much waits already. */
    for (int i = 0; i < 3; i++)
        come(w);
    assert_int_equal(asked(), 3);
    come(w);
    is_refused(w, "unavailable");
    finish(w);
}

static void forget_who_goes_while_waiting(void **state)
{
    struct world *w = *state;
    (void)start(w);
    read_all(true);
    come(w);
    assert_int_equal(asked(), 1);
    world_post(w, "1");
    assert_int_equal(fake_db.canceled, 1);
    reply_found("person", "42", later());
    finish(w);
}

static void are_looked_up_for_another_token(void **state)
{
    struct world *w = *state;
    struct lec_buf packet = { 0 };
    (void)start(w);
    read_all(true);
    come(w);
    assert_int_equal(asked(), 1);
    reply_nothing();
    is_in(w);
    lec_buf_printf(&packet, "421[\"refresh_token\",\"%s\"]", lec_buf_str(&w->token));
    world_post(w, lec_buf_str(&packet));
    assert_int_equal(asked(), 1);
    reply_nothing();
    assert_memory_equal(world_poll(w), "431[{\"ok\":true", 14);
    world_post(w, lec_buf_str(&packet));
    reply_error();
    assert_non_null(strstr(world_poll(w), "\"unavailable\""));
    world_post(w, lec_buf_str(&packet));
    reply_found("person", "42", later());
    assert_non_null(strstr(world_poll(w), "the token was revoked"));
    lec_buf_fini(&packet);
    finish(w);
}

/* on_connect has looked up another id for the person: it is asked for, too, before they come in. */
static void of_a_person_are_looked_up_beside_the_account(void **state)
{
    struct world *w = *state;
    w->person = "p7";
    (void)start(w);
    read_all(true);
    come(w);
    assert_int_equal(asked(), 1);
    reply_nothing();
    assert_int_equal(asked(), 1);
    assert_true(asked_for("42"));
    assert_true(asked_for("p7"));
    reply_nothing();
    is_in(w);
    assert_string_equal(world_journal(w), "start;connect(42);admitted(p7);");

    come(w);
    reply_nothing();
    assert_int_equal(asked(), 1);
    reply_error();
    is_refused(w, "unavailable");
    come(w);
    reply_nothing();
    assert_int_equal(asked(), 1);
    reply_found("person", "p7", later());
    is_refused(w, "unauthorized");
    assert_null(strstr(world_journal(w), "admitted"));
    /* It is in the list now, which is looked at first. */
    come(w);
    assert_int_equal(asked(), 1);
    reply_nothing();
    is_refused(w, "unauthorized");
    assert_int_equal(asked(), 0);
    finish(w);
}

static void of_a_person_who_goes_while_waiting_end_there(void **state)
{
    struct world *w = *state;
    w->person = "p7";
    (void)start(w);
    read_all(true);
    come(w);
    reply_nothing();
    assert_int_equal(asked(), 1);
    world_post(w, "1");
    assert_int_equal(fake_db.canceled, 1);
    finish(w);
}

/* Either ends the socket: who revokes may know only one of the two. */
static void end_sockets_by_person_and_by_account(void **state)
{
    static const struct {
        const char *person, *revoked;
    } cases[] = { { "p7", "p7" }, { "p8", "42" } };
    struct world *w = *state;
    (void)start(w);
    read_all(false);
    for (size_t i = 0; i < 2; i++) {
        w->person = cases[i].person;
        come(w);
        is_in(w);
        assert_int_equal(lec_server_revoke_user(w->server, lec_slice_str(cases[i].revoked)), 1);
        fake_advance(w->loop, 1);
        assert_non_null(strstr(world_journal(w), "disconnect(p"));
    }
    finish(w);
}

static void of_a_full_list_are_looked_up(void **state)
{
    struct world *w = *state;
    world_set(w, "max_revocations", "1");
    (void)start(w);
    read_all(false);
    (void)lec_server_revoke_user(w->server, LEC_SLICE("42"));
    come(w);
    is_refused(w, "unauthorized");
    (void)lec_server_revoke_user(w->server, LEC_SLICE("43"));
    come(w);
    assert_int_equal(asked(), 1);
    reply_found("person", "42", later());
    is_refused(w, "unauthorized");
    finish(w);
}

/* The list is full when the last of the database's come, and who was revoked meanwhile has to go. */
static void that_go_while_others_are_read_are_looked_up(void **state)
{
    struct world *w = *state;
    world_set(w, "max_revocations", "1");
    (void)start(w);
    reply_nothing();
    reply_nothing();
    reply_nothing(); /* people: nobody beyond */
    (void)lec_server_revoke_user(w->server, LEC_SLICE("42"));
    reply_page("43", later());
    assert_int_equal(asked(), 0);
    come(w);
    assert_int_equal(asked(), 1);
    reply_found("person", "42", later());
    is_refused(w, "unauthorized");
    finish(w);
}

static int verdict;

static void on_verdict(void *ctx, int rc)
{
    (void)ctx;
    verdict = rc;
}

static void are_told_to_whoever_asks(void **state)
{
    struct world *w = *state;
    struct lec_revocations *r = start(w);
    struct lec_peer *peer = lec_alloc0(sizeof *peer + 2);
    peer->id = peer->account;
    peer->jti = lec_strndup("j", 1);
    peer->issued = 5;
    read_all(true);
    assert_int_equal(lec_revocations_look(r, peer), LEC_EAGAIN);
    assert_non_null(lec_revocations_ask(r, peer, on_verdict, NULL));
    reply_found("token", "j", 3);
    assert_int_equal(verdict, LEC_EDENIED);
    assert_int_equal(lec_revocations_look(r, peer), LEC_EDENIED);
    peer->jti[0] = 'k';
    assert_non_null(lec_revocations_ask(r, peer, on_verdict, NULL));
    reply_nothing();
    assert_int_equal(verdict, LEC_OK);
    assert_non_null(lec_revocations_ask(r, peer, on_verdict, NULL));
    reply_error();
    assert_int_equal(verdict, LEC_EAGAIN);
    verdict = 1;
    struct lec_revocations_ask *ask = lec_revocations_ask(r, peer, on_verdict, NULL);
    lec_revocations_cancel(ask);
    reply_nothing();
    assert_int_equal(verdict, 1);
    free(peer->jti);
    free(peer);
    finish(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(are_read_before_the_server_is_ready),
        WORLD_TEST(are_read_page_by_page),
        WORLD_TEST(are_read_again_after_a_failure),
        WORLD_TEST(beyond_the_list_are_looked_up),
        WORLD_TEST(let_nobody_in_who_cannot_be_looked_up),
        WORLD_TEST(forget_who_goes_while_waiting),
        WORLD_TEST(are_looked_up_for_another_token),
        WORLD_TEST(of_a_person_are_looked_up_beside_the_account),
        WORLD_TEST(of_a_person_who_goes_while_waiting_end_there),
        WORLD_TEST(end_sockets_by_person_and_by_account),
        WORLD_TEST(of_a_full_list_are_looked_up),
        WORLD_TEST(that_go_while_others_are_read_are_looked_up),
        WORLD_TEST(are_told_to_whoever_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
