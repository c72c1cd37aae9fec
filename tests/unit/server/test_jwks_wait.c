/* Who waits for keys by URL, on the loop's clock of the test and with fetches that the test answers. The
 * whole server on fake sockets. */
#include "server/jwks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../auth/mint.h"
#include "base/base64.h"
#include "base/clock.h"
#include "fake_host.h"

#define COOLDOWN 1000
#define REFRESH  60000

/* The set with pkeys[ED25519] as the key of that name; valid until the next call. */
static const char *set_with(const char *kid)
{
    static char text[512];
    unsigned char raw[32];
    size_t n = sizeof raw;
    struct lec_buf x = { 0 };
    assert_int_equal(EVP_PKEY_get_raw_public_key(pkeys[ED25519], raw, &n), 1);
    lec_base64url_encode(&x, raw, n);
    const char *key = lec_buf_str(&x);
    snprintf(text, sizeof text,
             "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"},"
             "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"other\",\"x\":\"%s\"}]}",
             kid, key, key);
    lec_buf_fini(&x);
    return text;
}

struct world {
    struct lec_loop *loop;
    struct lec_config cfg;
    struct lec_server *server;
    struct lec_hooks hooks;
    bool revoke; /* the hook revokes everybody's tokens of person 42 */
};

struct client {
    char sid[32];
};

int64_t lec_clock_ms(void)
{
    return (int64_t)NOW * 1000;
}

/* --- in place of core/net/fetch.c ---------------------------------------------------------- */

static struct {
    lec_fetch_fn *fn; /* of the one in flight; NULL: none is */
    void *ctx;
    unsigned started;
    bool broken; /* none can start */
} fetches;

struct lec_fetcher *lec_fetcher_new(struct lec_loop *loop, const struct lec_fetch_config *cfg,
                                    char *err, size_t err_size)
{
    (void)loop, (void)cfg, (void)err, (void)err_size;
    return lec_alloc0(1);
}

void lec_fetcher_free(struct lec_fetcher *f)
{
    assert_null(fetches.fn);
    free(f);
}

int lec_fetch_start(struct lec_fetcher *f, const struct lec_fetch_request *request,
                    lec_fetch_fn *fn, void *ctx, struct lec_fetch **out)
{
    (void)f;
    assert_string_equal(request->url, "https://keys.example/");
    assert_null(fetches.fn);
    fetches.started++;
    if (fetches.broken)
        return LEC_EINVAL;
    fetches.fn = fn;
    fetches.ctx = ctx;
    *out = (struct lec_fetch *)(void *)&fetches;
    return LEC_OK;
}

void lec_fetch_cancel(struct lec_fetch *fetch)
{
    assert_ptr_equal(fetch, &fetches);
    fetches.fn = NULL;
}

/* Ends the fetch in flight: with that body, or NULL: it failed. */
static void answer(struct world *w, const char *body)
{
    struct lec_fetch_result r = { .err = body ? LEC_OK : LEC_EIO, .why = "nobody is there" };
    lec_fetch_fn *fn = fetches.fn;
    assert_non_null(fn);
    fetches.fn = NULL;
    r.status = 200;
    r.body = lec_slice_str(body ? body : "");
    fn(fetches.ctx, &r);
    fake_advance(w->loop, 0);
}

/* --- the server and its clients ------------------------------------------------------------ */

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    struct world *w = ctx;
    (void)auth;
    sio_socket_accept(s);
    if (w->revoke)
        lec_server_revoke_user(w->server, LEC_SLICE("42"));
}

static void set(struct world *w, const char *key, const char *value)
{
    char err[256];
    assert_int_equal(lec_config_set(&w->cfg, key, value, LEC_FROM_FLAG, err, sizeof err), LEC_OK);
}

static int set_up(void **state)
{
    struct world *w = *state = lec_alloc0(sizeof *w);
    char err[256];
    fetches.started = 0;
    fetches.broken = false;
    w->loop = fake_loop_new();
    w->hooks = (struct lec_hooks){ .ctx = w, .socket = { .on_connect = on_connect } };
    lec_config_init(&w->cfg);
    set(w, "jwt.jwks_url", "https://keys.example/");
    set(w, "jwt.jwks_cooldown", "1000");
    set(w, "jwt.jwks_refresh", "60000");
    set(w, "ping_interval", "86400000"); /* clients of this test do not answer */
    set(w, "ping_timeout", "86400000");
    set(w, "max_connect_bytes", "1000000"); /* what waits has a bound of its own */
    w->server = lec_server_new(w->loop, &w->cfg, "/nowhere", NULL, err, sizeof err);
    assert_non_null(w->server);
    lec_server_set_hooks(w->server, &w->hooks);
    assert_int_equal(lec_server_start(w->server, err, sizeof err), LEC_OK);
    assert_int_equal(fetches.started, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lec_server_free(w->server);
    fake_turn(w->loop);
    fake_loop_free(w->loop);
    lec_config_fini(&w->cfg);
    free(w);
    return 0;
}

static void post(struct world *w, const struct client *c, const char *before, const char *kid,
                 const char *after)
{
    char header[128];
    struct lec_buf packet = { 0 };
    snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid);
    struct lec_buf token =
        unsigned_token(header, "{\"sub\":\"42\",\"jti\":\"j\",\"iat\":1800000000}");
    sign_with(&token, pkeys[ED25519], NULL, NO_PSS);
    lec_buf_printf(&packet, "%s%s%s", before, lec_buf_str(&token), after);
    assert_int_equal(
        fake_host_request(w->loop, LEC_POST, fake_host_url(c->sid), lec_buf_str(&packet))->status,
        200);
    lec_buf_fini(&token);
    lec_buf_fini(&packet);
}

static struct client knock(struct world *w, const char *kid, const char *pad)
{
    struct client c = { "" };
    struct lec_buf after = { 0 };
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, fake_host_url(c.sid), NULL);
    assert_int_equal(sscanf(lec_buf_str(&http->body), "0{\"sid\":\"%20[^\"]\"", c.sid), 1);
    lec_buf_printf(&after, "\",\"pad\":\"%s\"}", pad);
    post(w, &c, "40{\"token\":\"", kid, lec_buf_str(&after));
    lec_buf_fini(&after);
    return c;
}

static void refresh(struct world *w, const struct client *c, const char *kid, bool ack)
{
    post(w, c, ack ? "421[\"refresh_token\",\"" : "42[\"refresh_token\",\"", kid, "\"]");
}

/* What has come, with nothing of a CONNECT but its beginning. */
static const char *poll(struct world *w, const struct client *c)
{
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, fake_host_url(c->sid), NULL);
    if (http->state != FAKE_GONE)
        return NULL; /* nothing; the request is left hanging: the client's last */
    char *text = http->body.p;
    if (strncmp(lec_buf_str(&http->body), "40{\"sid\"", 8) == 0)
        text[2] = '\0';
    return text;
}

static bool waits(struct world *w, const struct client *c)
{
    return poll(w, c) == NULL;
}

#define UNKNOWN                                                                                    \
    "44{\"message\":\"Authentication error: the token's key is unknown\","                         \
    "\"data\":{\"code\":\"unauthorized\"}}"
#define LATER                                                                                      \
    "44{\"message\":\"Unavailable: the keys cannot be fetched at the moment\","                    \
    "\"data\":{\"code\":\"unavailable\"}}"

/* --- tests --------------------------------------------------------------------------------- */

static void wait_for_the_first_set(void **state)
{
    struct world *w = *state;
    struct client good = knock(w, "a", ""), bad = knock(w, "b", "");
    answer(w, set_with("a"));
    assert_string_equal(poll(w, &good), "40");
    assert_string_equal(poll(w, &bad), UNKNOWN);
    assert_int_equal(fetches.started, 1);
}

static void are_told_to_come_again(void **state)
{
    struct world *w = *state;
    struct client c = knock(w, "a", "");
    answer(w, NULL);
    assert_string_equal(poll(w, &c), LATER);
}

static void cause_one_fetch_each_cooldown(void **state)
{
    struct world *w = *state;
    answer(w, set_with("a"));
    struct client b = knock(w, "b", "");
    assert_int_equal(fetches.started, 2);
    answer(w, set_with("a"));
    assert_string_equal(poll(w, &b), UNKNOWN);
    for (int i = 0; i < 50; i++)
        knock(w, "c", "");
    struct client d = knock(w, "d", "");
    fake_advance(w->loop, COOLDOWN - 1);
    assert_int_equal(fetches.started, 2);
    fake_advance(w->loop, 1);
    assert_int_equal(fetches.started, 3);
    answer(w, set_with("d"));
    assert_string_equal(poll(w, &d), "40");
}

/* A retry lets in, and what handlers do then ends others that are on their way. */
static void may_be_ended_by_one_before(void **state)
{
    struct world *w = *state;
    struct client c[100];
    for (size_t i = 0; i < 100; i++) /* more than one turn takes */
        c[i] = knock(w, "a", "");
    w->revoke = true;
    answer(w, set_with("a"));
    fake_advance(w->loop, 0);
    fake_advance(w->loop, 0);
    assert_string_equal(poll(w, &c[99]), "44{\"message\":\"Authentication error: the token was "
                                         "revoked\",\"data\":{\"code\":\"unauthorized\"}}");
    assert_int_equal(lec_server_counters(w->server)->tokens_waited, 100);
}

/* What all who wait may hold is 16 MB; a CONNECT may have 1 MB. */
static void are_not_refused_for_a_flood(void **state)
{
    struct world *w = *state;
    char *pad = lec_alloc(900001);
    memset(pad, 'x', 900000);
    pad[900000] = '\0';
    answer(w, set_with("a"));
    for (int i = 0; i < 18; i++)
        knock(w, "made up", pad);
    struct client b = knock(w, "b", pad), known = knock(w, "a", "");
    assert_string_equal(poll(w, &known), "40");
    assert_string_equal(poll(w, &b), LATER);
    answer(w, set_with("b"));
    free(pad);
}

static void are_looked_at_even_if_no_fetch_can_start(void **state)
{
    struct world *w = *state;
    answer(w, set_with("a"));
    knock(w, "x", "");
    answer(w, set_with("a"));
    struct client b = knock(w, "b", ""); /* waits for the cooldown */
    fetches.broken = true;
    fake_advance(w->loop, COOLDOWN);
    fake_advance(w->loop, 0);
    assert_string_equal(poll(w, &b), LATER);
}

static void refresh_meanwhile(void **state)
{
    struct world *w = *state;
    answer(w, set_with("a"));
    struct client c = knock(w, "a", "");
    assert_string_equal(poll(w, &c), "40");
    refresh(w, &c, "b", true);
    refresh(w, &c, "b", true); /* one at a time */
    assert_string_equal(
        poll(w, &c), "431[{\"ok\":false,\"error\":{\"code\":\"unavailable\",\"message\":\"the keys "
                     "cannot be fetched at the moment\"}}]");
    answer(w, set_with("b"));
    assert_string_equal(poll(w, &c), "431[{\"ok\":true,\"expiresAt\":null}]");
}

static void name_the_event_they_waited_with(void **state)
{
    struct world *w = *state;
    answer(w, set_with("a"));
    struct client c = knock(w, "a", "");
    assert_string_equal(poll(w, &c), "40");
    refresh(w, &c, "b", false);
    answer(w, set_with("a"));
    assert_string_equal(poll(w, &c), "42[\"error\",{\"event\":\"refresh_token\",\"code\":"
                                     "\"unauthorized\",\"message\":\"the token's key is "
                                     "unknown\"}]");
}

static void may_be_revoked_while_they_wait(void **state)
{
    struct world *w = *state;
    answer(w, set_with("a"));
    struct client in = knock(w, "a", "");
    assert_string_equal(poll(w, &in), "40");
    struct client out = knock(w, "b", "");
    refresh(w, &in, "b", true);
    assert_int_equal(lec_server_revoke_token(w->server, LEC_SLICE("j")), 1);
    fake_advance(w->loop, 0);
    answer(w, set_with("b"));
    assert_string_equal(poll(w, &in), "42[\"error\",{\"code\":\"unauthorized\",\"message\":\"the "
                                      "token was revoked\"}]\x1e"
                                      "41");
    assert_string_equal(poll(w, &out), "44{\"message\":\"Authentication error: the token was "
                                       "revoked\",\"data\":{\"code\":\"unauthorized\"}}");
}

static void may_leave_and_the_server_stop(void **state)
{
    struct world *w = *state;
    struct client gone = knock(w, "a", "");
    knock(w, "a", "");
    assert_int_equal(fake_host_request(w->loop, LEC_POST, fake_host_url(gone.sid), "1")->status,
                     200);
    fake_turn(w->loop);
    lec_server_drain(w->server, 0);
    assert_false(waits(w, &gone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wait_for_the_first_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(are_told_to_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cause_one_fetch_each_cooldown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(may_be_ended_by_one_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(are_not_refused_for_a_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(are_looked_at_even_if_no_fetch_can_start, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refresh_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(name_the_event_they_waited_with, set_up, tear_down),
        cmocka_unit_test_setup_teardown(may_be_revoked_while_they_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(may_leave_and_the_server_stop, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("jwks_wait", tests, make_keys, drop_keys);
}
