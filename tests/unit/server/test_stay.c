/* How long tokens let sockets stay, on a clock that the test sets. The whole server on fake sockets. */
#include "server/stay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fake_host.h"

#define SECRET "a secret of this test, and of nobody else"
#define START  1800000000 /* Unix time of the loop's zero */

struct world {
    struct lec_loop *loop;
    struct lec_config cfg;
    struct lec_server *server;
    struct lec_hooks hooks;
    struct lec_buf journal;
    bool hold;             /* on_connect does not answer */
    bool leave_on_refresh; /* the hook disconnects the socket */
    char sid[32];
};

static struct lec_loop *the_loop;
static int64_t clock_jump_ms; /* of the time of day against the loop's clock */

/* In place of core/base/clock.c. */
int64_t lec_clock_ms(void)
{
    return (int64_t)START * 1000 + (int64_t)lec_loop_now(the_loop) + clock_jump_ms;
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    (void)auth;
    if (!((struct world *)ctx)->hold)
        sio_socket_accept(s);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    struct world *w = ctx;
    const struct lec_peer *peer = sio_socket_user(s);
    lec_buf_printf(&w->journal, "event(%s %.*s);", peer->id, (int)event->name.n, event->name.p);
    if (lec_slice_is(event->name, "revoke me"))
        lec_buf_printf(&w->journal, "%zu;",
                       lec_server_revoke_user(w->server, lec_slice_str(peer->id)));
}

static void on_free(void *ctx, struct sio_socket *s)
{
    const struct lec_peer *peer = sio_socket_user(s);
    lec_buf_printf(&((struct world *)ctx)->journal, "free(%s);", peer->id);
}

static void on_refreshed(void *ctx, struct sio_socket *s)
{
    struct world *w = ctx;
    const struct lec_peer *peer = sio_socket_user(s);
    lec_buf_printf(&w->journal, "refreshed(%s);", peer->claims);
    if (w->leave_on_refresh)
        sio_socket_disconnect(s, false);
}

static const char *journal(struct world *w)
{
    static struct lec_buf shown;
    lec_buf_fini(&shown);
    shown = w->journal;
    w->journal = (struct lec_buf){ 0 };
    return lec_buf_str(&shown);
}

static void set(struct world *w, const char *key, const char *value)
{
    char err[256];
    assert_int_equal(lec_config_set(&w->cfg, key, value, LEC_FROM_FLAG, err, sizeof err), LEC_OK);
}

static int set_up(void **state)
{
    struct world *w = lec_alloc0(sizeof *w);
    char err[256];
    the_loop = w->loop = fake_loop_new();
    clock_jump_ms = -(int64_t)lec_loop_now(w->loop);
    w->hooks = (struct lec_hooks){
        .ctx = w,
        .socket = { .on_connect = on_connect, .on_event = on_event, .on_free = on_free },
        .on_refreshed = on_refreshed
    };
    lec_config_init(&w->cfg);
    set(w, "jwt.secret", SECRET);
    set(w, "ping_interval", "86400000"); /* clients of this test do not answer */
    set(w, "ping_timeout", "86400000");
    w->server = lec_server_new(w->loop, &w->cfg, "/nowhere", NULL, err, sizeof err);
    assert_non_null(w->server);
    lec_server_set_hooks(w->server, &w->hooks);
    assert_int_equal(lec_server_start(w->server, err, sizeof err), LEC_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lec_server_free(w->server);
    fake_turn(w->loop);
    fake_loop_free(w->loop);
    lec_config_fini(&w->cfg);
    lec_buf_fini(&w->journal);
    free(w);
    return 0;
}

/* --- a client by polling ------------------------------------------------------------------- */

static void post(struct world *w, const char *packet)
{
    assert_int_equal(fake_host_request(w->loop, LEC_POST, fake_host_url(w->sid), packet)->status,
                     200);
}

static const char *poll(struct world *w)
{
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    assert_int_equal(http->state, FAKE_GONE);
    return lec_buf_str(&http->body);
}

/* A token with these claims, valid until a static buffer is used again. */
static const char *token(const char *claims)
{
    static struct lec_buf out;
    struct lec_token_config cfg = { .secret = SECRET };
    lec_buf_fini(&out);
    assert_int_equal(lec_token_sign(&cfg, lec_slice_str(claims), &out), LEC_OK);
    return lec_buf_str(&out);
}

static void send_token(struct world *w, const char *before, const char *claims, const char *after)
{
    struct lec_buf packet = { 0 };
    lec_buf_printf(&packet, "%s%s%s", before, token(claims), after);
    post(w, lec_buf_str(&packet));
    lec_buf_fini(&packet);
}

static void knock(struct world *w, const char *claims)
{
    w->sid[0] = '\0';
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    assert_int_equal(sscanf(lec_buf_str(&http->body), "0{\"sid\":\"%20[^\"]\"", w->sid), 1);
    send_token(w, "40{\"token\":\"", claims, "\"}");
}

static void join(struct world *w, const char *claims)
{
    knock(w, claims);
    assert_memory_equal(poll(w), "40{\"sid\":\"", 10);
}

#define ENDED(why)                                                                                 \
    "42[\"error\",{\"code\":\"unauthorized\",\"message\":\"" why "\"}]\x1e"                        \
    "41"
#define EXPIRED "the token has expired"
#define REVOKED "the token was revoked"

/* --- tests --------------------------------------------------------------------------------- */

static void warns_and_ends_in_time(void **state)
{
    struct world *w = *state; /* warns 60 s before, forgives 10 s */
    join(w, "{\"sub\":\"a\",\"exp\":1800000100}");
    fake_advance(w->loop, 39999);
    unsigned timers = fake_timers(w->loop);
    fake_advance(w->loop, 1);
    assert_string_equal(poll(w),
                        "42[\"token_expiring\",{\"expiresAt\":\"2027-01-15T08:01:40.000Z\","
                        "\"secondsLeft\":60}]");
    assert_int_equal(fake_timers(w->loop), timers);
    fake_advance(w->loop, 69999);
    assert_string_equal(journal(w), "");
    fake_advance(w->loop, 1);
    assert_string_equal(journal(w), "free(a);");
    assert_string_equal(poll(w), ENDED(EXPIRED));
    assert_int_equal(lec_server_counters(w->server)->sockets_expired, 1);
}

static void costs_nothing_without_exp(void **state)
{
    struct world *w = *state;
    unsigned before = fake_timers(w->loop);
    join(w, "{\"sub\":\"a\"}");
    unsigned one = fake_timers(w->loop) - before;
    join(w, "{\"sub\":\"b\",\"exp\":1800000100}");
    assert_int_equal(fake_timers(w->loop), before + 2 * one + 1);
}

static void is_silent_if_told(void **state)
{
    struct world *w = *state;
    w->cfg.jwt_warn_s = 0;
    join(w, "{\"sub\":\"a\",\"exp\":1800000100}");
    fake_advance(w->loop, 110000);
    assert_string_equal(poll(w), ENDED(EXPIRED));
}

/* The machine slept, or its clock was set: noticed within ten minutes. */
static void notices_that_the_clock_was_put_forward(void **state)
{
    struct world *w = *state;
    join(w, "{\"sub\":\"a\",\"exp\":1800864000}");
    fake_advance(w->loop, 3600000);
    assert_string_equal(journal(w), "");
    clock_jump_ms += 864000000;
    fake_advance(w->loop, 600000);
    assert_string_equal(journal(w), "free(a);");
}

static void ends_who_is_not_yet_in(void **state)
{
    struct world *w = *state;
    w->hold = true;
    knock(w, "{\"sub\":\"a\",\"exp\":1800000005}");
    fake_advance(w->loop, 15000);
    assert_string_equal(poll(w), "44{\"message\":\"Authentication error: " EXPIRED
                                 "\",\"data\":{\"code\":\"unauthorized\"}}");
    assert_string_equal(journal(w), "free(a);");
}

static void takes_another_token(void **state)
{
    struct world *w = *state;
    join(w, "{\"sub\":\"a\",\"exp\":1800000100}");
    fake_advance(w->loop, 50000);
    poll(w);
    send_token(w, "420[\"refresh_token\",\"", "{\"sub\":\"a\",\"exp\":1800000200,\"x\":1}", "\"]");
    assert_string_equal(poll(w), "430[{\"ok\":true,\"expiresAt\":\"2027-01-15T08:03:20.000Z\"}]");
    assert_string_equal(journal(w), "refreshed({\"exp\":1800000200,\"sub\":\"a\",\"x\":1});");
    fake_advance(w->loop, 89999);
    fake_advance(w->loop, 1);
    assert_non_null(strstr(poll(w), "\"secondsLeft\":60"));
    send_token(w, "421[\"refresh_token\",{\"token\":\"Bearer ", "{\"sub\":\"a\"}", "\"}]");
    assert_string_equal(poll(w), "431[{\"ok\":true,\"expiresAt\":null}]");
    fake_advance(w->loop, 300000);
    assert_non_null(strstr(journal(w), "refreshed("));
    assert_int_equal(lec_server_counters(w->server)->tokens_refreshed, 2);
    w->leave_on_refresh = true;
    send_token(w, "422[\"refresh_token\",\"", "{\"sub\":\"a\"}", "\"]");
    assert_string_equal(poll(w), "41");
}

static void refuses_another_token(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *before, *claims, *after, *why;
    } cases[] = {
        { "420[\"refresh_token\",\"", "{\"sub\":\"b\"}", "\"]", "the token is somebody else's" },
        { "420[\"refresh_token\",\"", "{\"sub\":\"a\",\"exp\":5}", "\"]", EXPIRED },
        { "420[\"refresh_token\",\"", "{\"sub\":\"a\",\"jti\":\"x\"}", "\"]", REVOKED },
        { "420[\"refresh_token\",\"", "{\"sub\":\"a\"}", "x\"]", "the token's signature is wrong" },
        { "420[\"refresh_token\",[\"", "{\"sub\":\"a\"}", "\"]]", "the token must be a string" },
        { "420[\"refresh_token\",{\"t\":\"", "{\"sub\":\"a\"}", "\"}]", "no token was given" },
    };
    lec_server_revoke_token(w->server, LEC_SLICE("x"));
    join(w, "{\"sub\":\"a\",\"exp\":1800000100}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf want = { 0 };
        send_token(w, cases[i].before, cases[i].claims, cases[i].after);
        lec_buf_printf(
            &want, "430[{\"ok\":false,\"error\":{\"code\":\"unauthorized\",\"message\":\"%s\"}}]",
            cases[i].why);
        assert_string_equal(poll(w), lec_buf_str(&want));
        lec_buf_fini(&want);
    }
    post(w, "42[\"refresh_token\"]");
    assert_string_equal(poll(w),
                        "42[\"error\",{\"event\":\"refresh_token\",\"code\":\"unauthorized\","
                        "\"message\":\"no token was given\"}]");
    assert_string_equal(journal(w), "");
    fake_advance(w->loop, 110000);
    assert_string_equal(journal(w), "free(a);");
}

static void revokes_a_person(void **state)
{
    struct world *w = *state;
    join(w, "{\"sub\":\"b\"}");
    join(w, "{\"sub\":\"a\",\"iat\":1800000009}"); /* of a clock that is ahead */
    fake_advance(w->loop, 1500);
    assert_int_equal(lec_server_revoke_user(w->server, LEC_SLICE("a")), 1);
    assert_int_equal(lec_server_revoke_user(w->server, LEC_SLICE("a")), 0); /* on its way out */
    assert_int_equal(lec_server_revoke_user(w->server, LEC_SLICE("")), 0);
    post(w, "42[\"too late\"]");
    assert_string_equal(journal(w), "");
    fake_advance(w->loop, 0);
    assert_string_equal(journal(w), "free(a);");
    assert_string_equal(poll(w), ENDED(REVOKED));
    assert_int_equal(lec_server_counters(w->server)->sockets_revoked, 1);

    static const char *const old[] = { "{\"sub\":\"a\"}", "{\"sub\":\"a\",\"iat\":1800000001}",
                                       "{\"sub\":\"a\",\"iat\":1800000001.9}",
                                       "{\"sub\":\"a\",\"iat\":5}" };
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        knock(w, old[i]);
        assert_non_null(strstr(poll(w), REVOKED));
    }
    assert_int_equal(lec_server_counters(w->server)->tokens_refused, 4);
    join(w, "{\"sub\":\"a\",\"iat\":1800000002}");
    join(w, "{\"sub\":\"b\"}");
}

static void revokes_from_inside(void **state)
{
    struct world *w = *state;
    join(w, "{\"sub\":\"a\"}");
    post(w, "42[\"revoke me\"]");
    assert_string_equal(journal(w), "event(a revoke me);1;");
    fake_advance(w->loop, 0);
    assert_string_equal(journal(w), "free(a);");
}

static void revokes_a_token(void **state)
{
    struct world *w = *state;
    join(w, "{\"sub\":\"b\",\"jti\":\"2\"}");
    w->hold = true;
    knock(w, "{\"sub\":\"c\",\"jti\":\"1\"}");
    w->hold = false;
    join(w, "{\"sub\":\"a\",\"jti\":\"1\",\"exp\":1800000100}");
    assert_int_equal(lec_server_revoke_token(w->server, LEC_SLICE("1")), 2);
    fake_advance(w->loop, 0);
    const char *gone = journal(w);
    assert_non_null(strstr(gone, "free(a);"));
    assert_non_null(strstr(gone, "free(c);"));
    assert_null(strstr(gone, "free(b);"));
    knock(w, "{\"sub\":\"a\",\"jti\":1}");
    assert_non_null(strstr(poll(w), REVOKED));
    join(w, "{\"sub\":\"a\"}");
    int64_t until;
    assert_true(lec_revoked_find(&w->server->revoked_tokens, LEC_SLICE("1"), &until));
    assert_int_equal(until, 1800000110);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(warns_and_ends_in_time), TEST(costs_nothing_without_exp),
        TEST(is_silent_if_told),      TEST(notices_that_the_clock_was_put_forward),
        TEST(ends_who_is_not_yet_in), TEST(takes_another_token),
        TEST(refuses_another_token),  TEST(revokes_a_person),
        TEST(revokes_from_inside),    TEST(revokes_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
