/* Routes, the way from a token to the hooks, reload, what is said of the configuration. */
#include "world.h"

static void says_what_is_too_fast(void **state)
{
    struct world *w = *state;
    world_set(w, "limits.burst", "1");
    world_set(w, "limits.events", "hand=1, wave=1000");
    world_start(w);
    world_join(w);
    world_post(w, "42[\"hand\"]");
    world_post(w, "421[\"hand\"]");
    assert_string_equal(world_poll(w),
                        "431[{\"ok\":false,\"error\":{\"code\":\"rate_limited\",\"message\":"
                        "\"too many of these events a second\"}}]");
    world_post(w, "42[\"hand\"]\x1e"
                  "42[\"hand\"]"); /* told once a second */
    assert_string_equal(world_poll(w), "42[\"error\",{\"event\":\"hand\",\"code\":\"rate_limited\","
                                       "\"message\":\"too many of these events a second\"}]");
    /* Nobody needs to set it. */
    world_post(w, "421[\"refresh_token\",\"x\"]");
    world_poll(w);
    world_post(w, "421[\"refresh_token\",\"x\"]");
    assert_non_null(strstr(world_poll(w), "rate_limited"));
    assert_int_equal(w->server->counters.events_rate_limited, 4);
    assert_int_equal(w->server->counters.tokens_refused, 1);
}

static void a_person_has_so_many_connections(void **state)
{
    struct world *w = *state;
    char first[sizeof w->sid];
    struct lec_buf packet = { 0 };
    world_set(w, "max_connections_per_user", "2");
    world_start(w);
    world_join(w);
    strcpy(first, w->sid);
    world_join(w);
    lec_buf_printf(&packet, "40{\"token\":\"%s\"}", lec_buf_str(&w->token));
    world_open(w, NULL);
    world_post(w, lec_buf_str(&packet));
    assert_string_equal(world_poll(w), "44{\"message\":\"Too many connections\",\"data\":{\"code\":"
                                       "\"too_many_connections\"}}");
    assert_int_equal(w->server->counters.sockets_refused_user, 1);
    char third[sizeof w->sid];
    strcpy(third, w->sid);
    strcpy(w->sid, first);
    world_post(w, "1");
    strcpy(w->sid, third);
    world_post(w, lec_buf_str(&packet));
    assert_memory_equal(world_poll(w), "40{\"sid\":\"", 10);
    assert_int_equal(w->server->people.by_name.count, 1);
    lec_buf_fini(&packet);
}

static void routes_by_path(void **state)
{
    struct world *w = *state;
    static const struct {
        enum lec_method method;
        const char *url;
        unsigned status;
        const char *body; /* its beginning */
    } cases[] = {
        { LEC_GET, "/socket.io/?EIO=4&transport=polling", 200, "0{\"sid\":" },
        { LEC_GET, "/socket.io/default/?EIO=4&transport=polling", 200, "0{\"sid\":" },
        { LEC_GET, "/socket.io/?EIO=3&transport=polling", 400, "{\"code\":5" },
        { LEC_GET, "/socket.io/", 400, "{\"code\":0" },
        { LEC_GET, "/socket.io?EIO=4&transport=polling", 404,
          "{\"error\":{\"code\":\"not_found\"" },
        { LEC_GET, "/socket.iofoo/?EIO=4&transport=polling", 404, "{\"error\":" },
        { LEC_GET, "/engine.io/?EIO=4&transport=polling", 404, "{\"error\":" },
        { LEC_GET, "/", 404, "{\"error\":" },
        { LEC_POST, "/", 404, "{\"error\":" },
        { LEC_GET, "/healthz", 200, "{\"status\":\"ok\"}" },
        { LEC_HEAD, "/healthz", 200, "" },
        { LEC_GET, "/healthz?x", 200, "{\"status\":\"ok\"}" },
        { LEC_GET, "/healthz/", 404, "{\"error\":" },
        { LEC_POST, "/healthz", 405, "{\"error\":{\"code\":\"method_not_allowed\"" },
        { LEC_OPTIONS, "/healthz", 204, "" },
        { LEC_OPTIONS, "*", 204, "" },
        { LEC_GET, "/readyz", 200, "{\"status\":\"ready\"}" },
    };
    world_start(w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_host_request(w->loop, cases[i].method, cases[i].url, NULL);
        assert_int_equal(http->status, cases[i].status);
        bool allow = cases[i].status == 405 || (cases[i].method == LEC_OPTIONS);
        assert_int_equal(strstr(lec_buf_str(&http->reply_headers), "Allow: GET, HEAD") != NULL,
                         allow);
        assert_int_equal(strncmp(lec_buf_str(&http->body), cases[i].body, strlen(cases[i].body)),
                         0);
    }
    struct lec_http *ws = fake_request(w->loop, LEC_GET, "/readyz");
    ws->wants_ws = true;
    fake_host.events->on_request(fake_host.ctx, ws);
    assert_int_equal(ws->status, 404);
}

static void follows_the_configured_path(void **state)
{
    struct world *w = *state;
    world_set(w, "path", "/live/");
    world_start(w);
    assert_int_equal(
        fake_host_request(w->loop, LEC_GET, "/live/?EIO=4&transport=polling", NULL)->status, 200);
    assert_int_equal(
        fake_host_request(w->loop, LEC_GET, "/socket.io/?EIO=4&transport=polling", NULL)->status,
        404);
}

static void hands_the_configuration_down(void **state)
{
    struct world *w = *state;
    world_set(w, "http.headers", "X-Request-Id,  x-b,");
    world_set(w, "tls.cert", "a.pem");
    world_set(w, "tls.key", "/b.pem");
    world_set(w, "max_header_bytes", "2048");
    world_start(w);
    assert_string_equal(fake_host.cfg->headers[0], "x-request-id");
    assert_string_equal(fake_host.cfg->headers[1], "x-b");
    assert_null(fake_host.cfg->headers[2]);
    assert_string_equal(fake_host.cfg->tls_cert, "/nowhere/a.pem");
    assert_string_equal(fake_host.cfg->tls_key, "/b.pem");
    assert_int_equal(fake_host.cfg->max_header_bytes, 2048);
    assert_non_null(strstr(world_log(w), "listening on https://localhost:3999"));
}

static void lets_in_who_has_a_token(void **state)
{
    struct world *w = *state;
    world_start(w);
    assert_string_equal(world_journal(w), "start;");
    world_join(w);
    assert_string_equal(world_journal(w), "connect(42);");
    world_post(w, "42[\"join_room\",{\"room\":\"course:1\"}]");
    assert_string_equal(world_journal(w), "event(42 join_room);");
    world_post(w, "41");
    assert_string_equal(world_journal(w), "disconnect(42 client namespace disconnect);free(42);");
    assert_null(strstr(world_log(w), lec_buf_str(&w->token)));
    assert_non_null(strstr(world_log(w), "user=42"));
    assert_non_null(strstr(world_log(w), "event join_room"));
}

static void takes_the_token_of_the_header(void **state)
{
    struct world *w = *state;
    struct lec_buf value = { 0 };
    world_start(w);
    lec_buf_printf(&value, "Bearer %s", lec_buf_str(&w->token));
    world_open(w, lec_buf_str(&value));
    lec_buf_fini(&value);
    world_post(w, "40");
    assert_memory_equal(world_poll(w), "40{\"sid\":\"", 10);
    assert_string_equal(world_journal(w), "start;connect(42);");
}

static void refuses_who_has_none(void **state)
{
    struct world *w = *state;
    static const char *const connects[] = {
        "40",
        "40{}",
        "40{\"token\":7}",
        "40{\"token\":\"\"}",
        "40{\"token\":\"a.b.c\"}",
        "40{\"token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.\"}",
    };
    world_start(w);
    assert_string_equal(world_journal(w), "start;");
    for (size_t i = 0; i < sizeof connects / sizeof connects[0]; i++) {
        static const char begin[] = "44{\"message\":\"Authentication error: ";
        static const char end[] = "\",\"data\":{\"code\":\"unauthorized\"}}";
        world_open(w, NULL);
        world_post(w, connects[i]);
        const char *answer = world_poll(w);
        assert_memory_equal(answer, begin, sizeof begin - 1);
        assert_true(strlen(answer) > sizeof begin + sizeof end);
        assert_string_equal(answer + strlen(answer) - (sizeof end - 1), end);
        assert_string_equal(world_journal(w), "");
    }
    assert_int_equal(lec_server_counters(w->server)->tokens_refused, 6);
    assert_null(strstr(world_log(w), "eyJ"));
}

static void lets_in_without_hooks(void **state)
{
    struct world *w = *state;
    w->hooks = (struct lec_hooks){ .ctx = w };
    world_start(w);
    world_join(w);
    world_post(w, "42[\"x\"]");
    assert_string_equal(world_journal(w), "");
}

static void reloads_on_command(void **state)
{
    struct world *w = *state;
    struct lec_buf answer = { 0 };
    world_start(w);
    assert_int_equal(fake_command("reload", &answer), 0);
    assert_string_equal(lec_buf_str(&answer), "loaded 2 files\n");
    w->reload_result = LEC_ESCRIPT;
    answer.n = 0;
    assert_int_equal(fake_command("reload", &answer), 1);
    assert_string_equal(lec_buf_str(&answer), "a.lua:3: bad\n");
    answer.n = 0;
    assert_int_equal(fake_command("dance", &answer), 2);
    assert_non_null(strstr(lec_buf_str(&answer), "dance"));
    lec_buf_fini(&answer);
    assert_int_equal(lec_server_counters(w->server)->reloads, 1);
    assert_int_equal(lec_server_counters(w->server)->reloads_failed, 1);
    assert_non_null(strstr(world_log(w), "a.lua:3: bad"));
}

static void reloads_certificates_too(void **state)
{
    struct world *w = *state;
    struct lec_buf answer = { 0 };
    static const struct {
        int tls, handlers, status;
        const char *answer;
    } cases[] = {
        { LEC_OK, LEC_OK, 0, "a certificate\nloaded 2 files\n" },
        { LEC_EINVAL, LEC_OK, 1,
          "a certificate\nthe certificate of before goes on serving\nloaded 2 files\n" },
        { LEC_OK, LEC_ESCRIPT, 1, "a certificate\na.lua:3: bad\n" },
    };
    world_start(w);
    fake_host.tls = "a certificate";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_host.tls_result = cases[i].tls;
        w->reload_result = cases[i].handlers;
        answer.n = 0;
        assert_int_equal(fake_command("reload", &answer), cases[i].status);
        assert_string_equal(lec_buf_str(&answer), cases[i].answer);
    }
    lec_buf_fini(&answer);
    assert_int_equal(lec_server_counters(w->server)->reloads, 1);
    assert_int_equal(lec_server_counters(w->server)->reloads_failed, 2);
    assert_non_null(strstr(world_log(w), "error lectern reload: a certificate"));
}

static void says_what_configuration_lacks(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *key, *value, *word;
    } cases[] = {
        { "jwt.secret", "", "JWT_SECRET" },
        { "jwt.public_key_file", "key.pem", "more than one" },
        { "tls.cert", "cert.pem", "tls.key" },
        { "tls.client_ca", "ca.pem", "tls.cert" },
        { "public_dir", "web", "/nowhere/web" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_config cfg;
        char err[512] = "";
        lec_config_init(&cfg);
        assert_int_equal(lec_config_set(&cfg, "jwt.secret", SECRET, LEC_FROM_ENV, err, sizeof err),
                         LEC_OK);
        assert_int_equal(
            lec_config_set(&cfg, cases[i].key, cases[i].value, LEC_FROM_FLAG, err, sizeof err),
            LEC_OK);
        assert_null(lec_server_new(w->loop, &cfg, "/nowhere", w->log, err, sizeof err));
        assert_non_null(strstr(err, cases[i].word));
        lec_config_fini(&cfg);
    }
}

static void warns_of_what_is_weak(void **state)
{
    struct world *w = *state;
    world_set(w, "jwt.secret", "short");
    world_set(w, "polling", "false");
    world_set(w, "script.unsafe", "true");
    world_start(w);
    static const char *const words[] = { "FRONTEND_URL is not set", "JWT_SECRET is short",
                                         "polling is off", "script.unsafe is on" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(world_log(w), words[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(says_what_is_too_fast),
        WORLD_TEST(a_person_has_so_many_connections),
        WORLD_TEST(routes_by_path),
        WORLD_TEST(follows_the_configured_path),
        WORLD_TEST(hands_the_configuration_down),
        WORLD_TEST(lets_in_who_has_a_token),
        WORLD_TEST(takes_the_token_of_the_header),
        WORLD_TEST(refuses_who_has_none),
        WORLD_TEST(lets_in_without_hooks),
        WORLD_TEST(reloads_on_command),
        WORLD_TEST(reloads_certificates_too),
        WORLD_TEST(says_what_configuration_lacks),
        WORLD_TEST(warns_of_what_is_weak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
