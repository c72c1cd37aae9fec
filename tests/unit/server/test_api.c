/* Calls and requests of routes, up to the script's door. */
#include "world.h"

#include <time.h>

#include "db/db.h"
#include "server/key_store.h"
#include "server/person.h"
#include "server/request.h"

#define MAX 8

static struct lec_request *given[MAX];
static size_t n_given;

static int on_route(void *ctx, enum lec_method method, struct lec_slice path, struct lec_route *out)
{
    (void)ctx, (void)method;
    *out = (struct lec_route){ .route = "here" };
    return lec_slice_is(path, "/here") ? LEC_OK : LEC_ENOTFOUND;
}

static void forget_route(void *ctx, const void *route)
{
    (void)ctx, (void)route;
}

static void on_request(void *ctx, struct lec_request *r)
{
    (void)ctx;
    assert_true(n_given < MAX);
    given[n_given++] = r;
}

static void on_request_over(void *ctx, struct lec_request *r)
{
    (void)ctx, (void)r;
}

static void start(struct world *w)
{
    n_given = 0;
    w->hooks.route = on_route;
    w->hooks.forget_route = forget_route;
    w->hooks.on_request = on_request;
    w->hooks.on_request_over = on_request_over;
    world_start(w);
}

static void end_all(void)
{
    for (size_t i = 0; i < n_given; i++)
        lec_request_done(given[i]);
    n_given = 0;
}

/* Its head; the body comes by fake_body. */
static struct lec_http *head(struct world *w, const char *url, const char *credentials)
{
    struct lec_buf value = { 0 };
    struct lec_http *http = fake_request(w->loop, LEC_POST, url);
    lec_buf_printf(&value, "Bearer %s", credentials);
    fake_header(http, "authorization", lec_buf_str(&value));
    fake_host.events->on_request(fake_host.ctx, http);
    fake_turn(w->loop);
    lec_buf_fini(&value);
    return http;
}

static void make_token(struct world *w, const struct lec_person *person, struct lec_buf *out)
{
    char err[256];
    assert_int_equal(lec_person_token(person, &w->cfg, (int64_t)time(NULL), out, err, sizeof err),
                     LEC_OK);
}

static void a_token_may_be_revoked_while_a_body_comes(void **state)
{
    struct world *w = *state;
    start(w);
    struct lec_http *http = head(w, "/here", lec_buf_str(&w->token));
    assert_int_equal(http->state, FAKE_BODY);
    (void)lec_server_revoke_user(w->server, LEC_SLICE("42"));
    fake_body(http, LEC_SLICE("{}"));
    assert_int_equal(http->status, 401);
    assert_int_equal(n_given, 0);
}

static void a_crowd_at_the_routes_leaves_room_for_calls(void **state)
{
    struct world *w = *state;
    struct lec_buf service = { 0 };
    const struct lec_person program = { .id = "billing", .role = "service", .lifetime_s = 60 };
    world_set(w, "api.max_calls", "2");
    start(w);
    make_token(w, &program, &service);
    struct lec_http *first = head(w, "/here", lec_buf_str(&w->token)),
                    *second = head(w, "/here", lec_buf_str(&w->token));
    assert_int_equal(first->state, FAKE_BODY);
    assert_int_equal(second->state, FAKE_BODY);
    assert_int_equal(head(w, "/here", lec_buf_str(&w->token))->status, 503);
    struct lec_http *call = head(w, "/api/x", lec_buf_str(&service));
    assert_int_equal(call->state, FAKE_BODY);
    fake_body(call, LEC_SLICE("[]"));
    assert_int_equal(n_given, 1);
    end_all();
    fake_abort(first);
    fake_abort(second);
    lec_buf_fini(&service);
}

/* Before the keys are there anybody can send what looks like one. */
static void who_cannot_be_told_yet_fills_no_log(void **state)
{
    struct world *w = *state;
    static const struct lec_db_config cfg = { .max_calls = 1, .max_bytes = 1000 };
    struct lec_db *db = lec_db_new(w->loop, &cfg, w->log);
    start(w);
    lec_key_store_free(w->server->key_store);
    w->server->key_store = lec_key_store_new(w->loop, db, &w->server->api.keys, w->log);
    for (int i = 0; i < 40; i++)
        assert_int_equal(head(w, "/api/x", "lk_anything")->status, 503);
    size_t lines = 0;
    for (const char *at = world_log(w); (at = strstr(at, "POST /api/x")) != NULL; at++)
        lines++;
    assert_in_range(lines, 1, 10);
    lec_server_free(w->server);
    w->server = NULL;
    lec_db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_token_may_be_revoked_while_a_body_comes),
        WORLD_TEST(a_crowd_at_the_routes_leaves_room_for_calls),
        WORLD_TEST(who_cannot_be_told_yet_fills_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
