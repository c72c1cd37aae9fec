/* The whole server on fake sockets: routes, the way from a token to the hooks, reload, drain. */
#include "server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "fake_host.h"
#include "server/internal.h"
#include "server/person.h"

#define SECRET "a secret of this test, and of nobody else"

struct world {
    struct lec_loop *loop;
    struct lec_config cfg;
    struct lec_log *log;
    int log_file;
    struct lec_server *server;
    struct lec_hooks hooks;
    struct lec_buf journal, token;
    int reload_result;
    bool farewell; /* on_stop says bye to everybody */
    char sid[32];  /* of the session that was opened last */
};

/* --- hooks that write down what they are told ---------------------------------------------- */

static void note(struct world *w, const char *what, struct sio_socket *s, const char *more)
{
    const struct lec_peer *peer = sio_socket_user(s);
    lec_buf_printf(&w->journal, "%s(%s%s);", what, peer->id, more);
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    (void)auth;
    note(ctx, "connect", s, "");
    sio_socket_accept(s);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    char name[64];
    snprintf(name, sizeof name, " %.*s", (int)event->name.n, event->name.p);
    note(ctx, "event", s, name);
}

static void on_disconnect(void *ctx, struct sio_socket *s, enum sio_reason why)
{
    char text[64];
    snprintf(text, sizeof text, " %s", sio_reason_text(why));
    note(ctx, "disconnect", s, text);
}

static void on_free(void *ctx, struct sio_socket *s)
{
    note(ctx, "free", s, "");
}

static void on_start(void *ctx)
{
    lec_buf_adds(&((struct world *)ctx)->journal, "start;");
}

static void on_stop(void *ctx)
{
    struct world *w = ctx;
    const struct sio_payload bye = { .json = LEC_SLICE("[\"bye\"]") };
    const struct sio_target all = { 0 };
    lec_buf_adds(&w->journal, "stop;");
    if (w->farewell)
        sio_namespace_emit(sio_server_find(lec_server_io(w->server), LEC_SLICE("/")), &all, &bye,
                           false);
}

static int on_reload(void *ctx, struct lec_buf *answer)
{
    struct world *w = ctx;
    lec_buf_adds(answer, w->reload_result == LEC_OK ? "loaded 2 files\n" : "a.lua:3: bad\n");
    return w->reload_result;
}

/* What was written down since the last call. */
static const char *journal(struct world *w)
{
    static struct lec_buf shown;
    lec_buf_fini(&shown);
    shown = w->journal;
    w->journal = (struct lec_buf){ 0 };
    return lec_buf_str(&shown);
}

/* --- set up -------------------------------------------------------------------------------- */

static void set(struct world *w, const char *key, const char *value)
{
    char err[256];
    assert_int_equal(lec_config_set(&w->cfg, key, value, LEC_FROM_FLAG, err, sizeof err), LEC_OK);
}

static void start(struct world *w)
{
    char err[256];
    w->server = lec_server_new(w->loop, &w->cfg, "/nowhere", w->log, err, sizeof err);
    assert_non_null(w->server);
    lec_server_set_hooks(w->server, &w->hooks);
    assert_int_equal(lec_server_start(w->server, err, sizeof err), LEC_OK);
}

static int set_up(void **state)
{
    struct world *w = lec_alloc0(sizeof *w);
    char path[] = "/tmp/lectern-log-XXXXXX", err[256];
    const struct lec_person person = { .id = "42", .lifetime_s = 3600 };
    w->loop = fake_loop_new();
    w->log_file = mkstemp(path);
    unlink(path);
    w->log = lec_log_new(w->log_file);
    lec_log_set_debug(w->log, "*");
    w->hooks = (struct lec_hooks){ .ctx = w,
                                   .socket = { .on_connect = on_connect,
                                               .on_event = on_event,
                                               .on_disconnect = on_disconnect,
                                               .on_free = on_free },
                                   .on_start = on_start,
                                   .on_stop = on_stop,
                                   .reload = on_reload };
    lec_config_init(&w->cfg);
    set(w, "jwt.secret", SECRET);
    assert_int_equal(
        lec_person_token(&person, &w->cfg, (int64_t)time(NULL), &w->token, err, sizeof err),
        LEC_OK);
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
    lec_log_free(w->log);
    close(w->log_file);
    lec_buf_fini(&w->journal);
    lec_buf_fini(&w->token);
    free(w);
    return 0;
}

/* Everything logged so far. */
static const char *logged(struct world *w)
{
    static char text[1 << 16];
    ssize_t n = pread(w->log_file, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

/* --- a client by polling ------------------------------------------------------------------- */

static const char *url(const struct world *w)
{
    static char text[128];
    snprintf(text, sizeof text, "/socket.io/?EIO=4&transport=polling%s%s", w->sid[0] ? "&sid=" : "",
             w->sid);
    return text;
}

static void open_session(struct world *w, const char *authorization)
{
    w->sid[0] = '\0';
    struct lec_http *http = fake_request(w->loop, LEC_GET, url(w));
    if (authorization)
        fake_header(http, "authorization", authorization);
    fake_host.events->on_request(fake_host.ctx, http);
    fake_turn(w->loop);
    assert_int_equal(http->status, 200);
    assert_int_equal(sscanf(lec_buf_str(&http->body), "0{\"sid\":\"%20[^\"]\"", w->sid), 1);
}

static void post(struct world *w, const char *packet)
{
    assert_int_equal(fake_host_request(w->loop, LEC_POST, url(w), packet)->status, 200);
}

/* The answer to a poll, "" if it waits. */
static const char *poll(struct world *w)
{
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, url(w), NULL);
    return http->state == FAKE_GONE ? lec_buf_str(&http->body) : "";
}

/* A client that is let in. */
static void join(struct world *w)
{
    struct lec_buf packet = { 0 };
    open_session(w, NULL);
    lec_buf_printf(&packet, "40{\"token\":\"%s\"}", lec_buf_str(&w->token));
    post(w, lec_buf_str(&packet));
    lec_buf_fini(&packet);
    assert_memory_equal(poll(w), "40{\"sid\":\"", 10);
}

/* --- tests --------------------------------------------------------------------------------- */

static void says_what_is_too_fast(void **state)
{
    struct world *w = *state;
    set(w, "limits.burst", "1");
    set(w, "limits.events", "hand=1, wave=1000");
    start(w);
    join(w);
    post(w, "42[\"hand\"]");
    post(w, "421[\"hand\"]");
    assert_string_equal(poll(w),
                        "431[{\"ok\":false,\"error\":{\"code\":\"rate_limited\",\"message\":"
                        "\"too many of these events a second\"}}]");
    post(w, "42[\"hand\"]\x1e"
            "42[\"hand\"]"); /* told once a second */
    assert_string_equal(poll(w), "42[\"error\",{\"event\":\"hand\",\"code\":\"rate_limited\","
                                 "\"message\":\"too many of these events a second\"}]");
    /* Nobody needs to set it. */
    post(w, "421[\"refresh_token\",\"x\"]");
    poll(w);
    post(w, "421[\"refresh_token\",\"x\"]");
    assert_non_null(strstr(poll(w), "rate_limited"));
    assert_int_equal(w->server->counters.events_rate_limited, 4);
    assert_int_equal(w->server->counters.tokens_refused, 1);
}

static void a_person_has_so_many_connections(void **state)
{
    struct world *w = *state;
    char first[sizeof w->sid];
    struct lec_buf packet = { 0 };
    set(w, "max_connections_per_user", "2");
    start(w);
    join(w);
    strcpy(first, w->sid);
    join(w);
    lec_buf_printf(&packet, "40{\"token\":\"%s\"}", lec_buf_str(&w->token));
    open_session(w, NULL);
    post(w, lec_buf_str(&packet));
    assert_string_equal(poll(w), "44{\"message\":\"Too many connections\",\"data\":{\"code\":"
                                 "\"too_many_connections\"}}");
    assert_int_equal(w->server->counters.sockets_refused_user, 1);
    char third[sizeof w->sid];
    strcpy(third, w->sid);
    strcpy(w->sid, first);
    post(w, "1");
    strcpy(w->sid, third);
    post(w, lec_buf_str(&packet));
    assert_memory_equal(poll(w), "40{\"sid\":\"", 10);
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
        { LEC_POST, "/healthz", 404, "{\"error\":" },
        { LEC_GET, "/readyz", 200, "{\"status\":\"ready\"}" },
    };
    start(w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_host_request(w->loop, cases[i].method, cases[i].url, NULL);
        assert_int_equal(http->status, cases[i].status);
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
    set(w, "path", "/live/");
    start(w);
    assert_int_equal(
        fake_host_request(w->loop, LEC_GET, "/live/?EIO=4&transport=polling", NULL)->status, 200);
    assert_int_equal(
        fake_host_request(w->loop, LEC_GET, "/socket.io/?EIO=4&transport=polling", NULL)->status,
        404);
}

static void hands_the_configuration_down(void **state)
{
    struct world *w = *state;
    set(w, "http.headers", "X-Request-Id,  x-b,");
    set(w, "tls.cert", "a.pem");
    set(w, "tls.key", "/b.pem");
    set(w, "max_header_bytes", "2048");
    start(w);
    assert_string_equal(fake_host.cfg->headers[0], "x-request-id");
    assert_string_equal(fake_host.cfg->headers[1], "x-b");
    assert_null(fake_host.cfg->headers[2]);
    assert_string_equal(fake_host.cfg->tls_cert, "/nowhere/a.pem");
    assert_string_equal(fake_host.cfg->tls_key, "/b.pem");
    assert_int_equal(fake_host.cfg->max_header_bytes, 2048);
    assert_non_null(strstr(logged(w), "listening on https://localhost:3999"));
}

static void lets_in_who_has_a_token(void **state)
{
    struct world *w = *state;
    start(w);
    assert_string_equal(journal(w), "start;");
    join(w);
    assert_string_equal(journal(w), "connect(42);");
    post(w, "42[\"join_room\",{\"room\":\"course:1\"}]");
    assert_string_equal(journal(w), "event(42 join_room);");
    post(w, "41");
    assert_string_equal(journal(w), "disconnect(42 client namespace disconnect);free(42);");
    assert_null(strstr(logged(w), lec_buf_str(&w->token)));
    assert_non_null(strstr(logged(w), "user=42"));
    assert_non_null(strstr(logged(w), "event join_room"));
}

static void takes_the_token_of_the_header(void **state)
{
    struct world *w = *state;
    struct lec_buf value = { 0 };
    start(w);
    lec_buf_printf(&value, "Bearer %s", lec_buf_str(&w->token));
    open_session(w, lec_buf_str(&value));
    lec_buf_fini(&value);
    post(w, "40");
    assert_memory_equal(poll(w), "40{\"sid\":\"", 10);
    assert_string_equal(journal(w), "start;connect(42);");
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
    start(w);
    assert_string_equal(journal(w), "start;");
    for (size_t i = 0; i < sizeof connects / sizeof connects[0]; i++) {
        static const char begin[] = "44{\"message\":\"Authentication error: ";
        static const char end[] = "\",\"data\":{\"code\":\"unauthorized\"}}";
        open_session(w, NULL);
        post(w, connects[i]);
        const char *answer = poll(w);
        assert_memory_equal(answer, begin, sizeof begin - 1);
        assert_true(strlen(answer) > sizeof begin + sizeof end);
        assert_string_equal(answer + strlen(answer) - (sizeof end - 1), end);
        assert_string_equal(journal(w), "");
    }
    assert_int_equal(lec_server_counters(w->server)->tokens_refused, 6);
    assert_null(strstr(logged(w), "eyJ"));
}

static void lets_in_without_hooks(void **state)
{
    struct world *w = *state;
    w->hooks = (struct lec_hooks){ .ctx = w };
    start(w);
    join(w);
    post(w, "42[\"x\"]");
    assert_string_equal(journal(w), "");
}

static void reloads_on_command(void **state)
{
    struct world *w = *state;
    struct lec_buf answer = { 0 };
    start(w);
    assert_int_equal(fake_host.command(fake_host.command_ctx, "reload", &answer), 0);
    assert_string_equal(lec_buf_str(&answer), "loaded 2 files\n");
    w->reload_result = LEC_ESCRIPT;
    answer.n = 0;
    assert_int_equal(fake_host.command(fake_host.command_ctx, "reload", &answer), 1);
    assert_string_equal(lec_buf_str(&answer), "a.lua:3: bad\n");
    answer.n = 0;
    assert_int_equal(fake_host.command(fake_host.command_ctx, "dance", &answer), 2);
    assert_non_null(strstr(lec_buf_str(&answer), "dance"));
    lec_buf_fini(&answer);
    assert_int_equal(lec_server_counters(w->server)->reloads, 1);
    assert_int_equal(lec_server_counters(w->server)->reloads_failed, 1);
    assert_non_null(strstr(logged(w), "a.lua:3: bad"));
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
    start(w);
    fake_host.tls = "a certificate";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_host.tls_result = cases[i].tls;
        w->reload_result = cases[i].handlers;
        answer.n = 0;
        assert_int_equal(fake_host.command(fake_host.command_ctx, "reload", &answer),
                         cases[i].status);
        assert_string_equal(lec_buf_str(&answer), cases[i].answer);
    }
    lec_buf_fini(&answer);
    assert_int_equal(lec_server_counters(w->server)->reloads, 1);
    assert_int_equal(lec_server_counters(w->server)->reloads_failed, 2);
    assert_non_null(strstr(logged(w), "error lectern reload: a certificate"));
}

/* The answer to a command that succeeds, of this one's last call. */
static const char *command(const char *line)
{
    static struct lec_buf answer;
    lec_buf_fini(&answer);
    assert_int_equal(fake_host.command(fake_host.command_ctx, line, &answer), 0);
    return lec_buf_str(&answer);
}

static void on_usage(void *ctx, struct lec_script_usage *out)
{
    (void)ctx;
    *out = (struct lec_script_usage){ 3 << 20, 256 << 20, 2, 42, 5, 6 };
}

/* What stands behind "key": in a JSON text, as a number. */
static double number_at(const char *json, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(json, pattern);
    assert_non_null(at);
    return strtod(at + strlen(pattern), NULL);
}

static void says_what_it_does(void **state)
{
    struct world *w = *state;
    w->hooks.usage = on_usage;
    start(w);
    join(w);
    post(w, "42[\"a\"]");
    join(w);
    struct lec_http *ws = fake_request(w->loop, LEC_GET, "/socket.io/?EIO=4&transport=websocket");
    ws->wants_ws = true;
    fake_host.events->on_request(fake_host.ctx, ws);
    fake_ws_open(ws);
    fake_host.connections = 7;

    const char *text = command("status json");
    assert_int_equal(lec_json_check(lec_slice_str(text), 16), LEC_OK);
    assert_non_null(strstr(text, "\"version\":\"" LEC_VERSION "\",\"pid\":"));
    assert_non_null(strstr(text, "\"port\":3999,\"state\":\"serving\",\"uptime\":0,"));
    assert_non_null(strstr(text, "\"connections\":7,"
                                 "\"sessions\":{\"polling\":2,\"websocket\":1,\"closing\":0}"));
    assert_non_null(strstr(text, "\"handlers\":3145728,\"handlersMax\":268435456}"));
    assert_non_null(strstr(text, "{\"generation\":2,\"functions\":42,\"tasks\":5,\"timers\":6}"));
    assert_non_null(strstr(text, "\"namespaces\":{\"/\":{\"sockets\":2,\"rooms\":0}}"));
    assert_non_null(strstr(text, "\"sessions_opened\":{\"total\":3,"));
    assert_true(number_at(text, "rss") > 1 << 20);

    text = command("status");
    assert_non_null(strstr(text, "port 3999, serving, up 0 s\n"));
    assert_non_null(strstr(text, "clients      3: 2 by polling, 1 by websocket; leaving: 0"));
    assert_non_null(strstr(text, "handlers 3.0 of 256.0 MiB"));
    assert_non_null(strstr(text, "generation 2, functions: 42; at work: 5, timers: 6"));
    assert_non_null(strstr(text, "\nsessions_opened                        3 "));
    assert_null(strstr(text, "sessions_slow"));

    fake_ws_end(ws->ws, LEC_WS_GONE);
    lec_server_drain(w->server, 20000);
    assert_non_null(strstr(command("status"), "port 3999, draining, up "));
}

static void tells_the_rates_of_late(void **state)
{
    struct world *w = *state;
    set(w, "ping_interval", "86400000");
    start(w);
    join(w);
    for (int i = 0; i < 50; i++)
        post(w, "42[\"a\"]");
    fake_advance(w->loop, 5000);
    assert_true(number_at(strstr(command("status json"), "events_in"), "perSecond") == 10);
    fake_advance(w->loop, 3600000);
    assert_true(number_at(strstr(command("status json"), "events_in"), "perSecond") == 0);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 4; j++)
            post(w, "42[\"a\"]");
        fake_advance(w->loop, 1000);
    }
    assert_in_range(number_at(strstr(command("status json"), "events_in"), "perSecond") * 10, 18,
                    20);
    assert_non_null(strstr(command("status json"), "\"events_in\":{\"total\":70,"));
    assert_non_null(strstr(command("status"), "up 1 h 0 min\n"));
    fake_advance(w->loop, 86400000);
    assert_non_null(strstr(command("status"), "up 1 d 1 h\n"));
}

static void measures_how_late_the_loop_is(void **state)
{
    struct world *w = *state;
    start(w);
    assert_non_null(strstr(command("status json"), "\"loop\":{\"lagMs\":0.000,"));
    fake_advance(w->loop, 1000);
    fake_stall(w->loop, 350);
    fake_advance(w->loop, 1);
    fake_advance(w->loop, 1000);
    const char *text = command("status json");
    assert_int_equal(number_at(text, "lagMs"), 350);
    assert_non_null(strstr(text, "\"busy\":0.1"));
    fake_advance(w->loop, 11000);
    assert_non_null(strstr(command("status json"), "\"loop\":{\"lagMs\":0.000,"));
}

static void drains(void **state)
{
    struct world *w = *state;
    start(w);
    join(w);
    struct lec_http *parked = fake_host_request(w->loop, LEC_GET, url(w), NULL);
    assert_int_equal(parked->state, FAKE_HELD);
    fake_host.connections = 1;
    journal(w);

    lec_server_drain(w->server, 0);
    assert_string_equal(journal(w), "stop;disconnect(42 server shutting down);free(42);");
    fake_turn(w->loop);
    assert_string_equal(lec_buf_str(&parked->body), "1");
    assert_true(fake_host.listening); /* for those who ask /readyz */
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 503);
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/healthz", NULL)->status, 200);
    w->sid[0] = '\0';
    assert_int_equal(fake_host_request(w->loop, LEC_GET, url(w), NULL)->status, 503);
    struct lec_buf answer = { 0 };
    assert_int_equal(fake_host.command(fake_host.command_ctx, "reload", &answer), 1);
    lec_buf_fini(&answer);

    fake_advance(w->loop, 1);
    assert_false(fake_host.listening);
    assert_false(fake_host.closed);
    fake_host.connections = 0;
    fake_advance(w->loop, 20);
    assert_true(fake_host.closed);
    assert_non_null(strstr(logged(w), "stopped"));
    assert_int_equal(fake_timers(w->loop), 0);
    lec_server_drain(w->server, 0); /* harmless */
}

/* Clients who poll, each with a parked poll; how many of them are told to go. */
#define CROWD 20

static size_t told(struct lec_http *const *polls)
{
    size_t n = 0;
    for (size_t i = 0; i < CROWD; i++)
        n += polls[i]->state == FAKE_GONE;
    return n;
}

static void spreads_the_closing(void **state)
{
    struct world *w = *state;
    struct lec_http *polls[CROWD];
    struct lec_buf answer = { 0 };
    start(w);
    for (size_t i = 0; i < CROWD; i++) {
        join(w);
        polls[i] = fake_host_request(w->loop, LEC_GET, url(w), NULL);
    }
    fake_host.connections = CROWD;
    assert_int_equal(fake_host.command(fake_host.command_ctx, "draining", &answer), 1);
    assert_int_equal(fake_host.command(fake_host.command_ctx, "drain 10", &answer), 0);
    assert_string_equal(lec_buf_str(&answer), "clients that will be closed: 20, within 10 s\n");
    assert_int_equal(fake_host.command(fake_host.command_ctx, "draining", &answer), 0);
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 503);
    for (size_t i = 0; i < CROWD; i++) {
        assert_in_range(told(polls), i, i + 1);
        assert_false(fake_host.closed);
        fake_advance(w->loop, 500);
        if (i == CROWD / 2) { /* in order it would be one time in 184,756 */
            size_t first = 0;
            while (first < CROWD && polls[first]->state == FAKE_GONE)
                first++;
            assert_in_range(first, 0, CROWD / 2);
        }
    }
    assert_int_equal(told(polls), CROWD);
    fake_host.connections = 0;
    fake_advance(w->loop, 20);
    assert_true(fake_host.closed);
    lec_buf_fini(&answer);
}

static void takes_a_new_time(void **state)
{
    struct world *w = *state;
    struct lec_http *polls[CROWD];
    start(w);
    for (size_t i = 0; i < CROWD; i++) {
        join(w);
        polls[i] = fake_host_request(w->loop, LEC_GET, url(w), NULL);
    }
    lec_server_drain(w->server, 100000);
    fake_advance(w->loop, 10000);
    assert_in_range(told(polls), 2, 3);
    lec_server_drain(w->server, 0);
    fake_turn(w->loop);
    assert_int_equal(told(polls), CROWD);
    fake_advance(w->loop, 10);
    assert_true(fake_host.closed);
}

static void refuses_other_times(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = { "drain ",   "drain x",     "drain -1",
                                         "drain 5x", "drain 86401", "drain 99999999999999999999" };
    start(w);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct lec_buf answer = { 0 };
        assert_int_equal(fake_host.command(fake_host.command_ctx, lines[i], &answer), 2);
        assert_non_null(strstr(lec_buf_str(&answer), "no number of seconds"));
        lec_buf_fini(&answer);
    }
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 200);
}

/* A client that is between two polls gets its last messages with the next one. */
static void lets_clients_fetch_their_last_messages(void **state)
{
    struct world *w = *state;
    start(w);
    join(w);
    w->farewell = true;
    fake_host.connections = 1;
    lec_server_drain(w->server, 0);
    fake_advance(w->loop, 200);
    assert_false(fake_host.closed);
    assert_memory_equal(poll(w), "42[\"bye\"]", sizeof "42[\"bye\"]" - 1);
    fake_advance(w->loop, 200);
    poll(w);
    fake_advance(w->loop, 200);
    assert_true(fake_host.closed);
    assert_null(strstr(logged(w), "did not take"));
}

/* One that does not come back for them. */
static void drains_no_longer_than_it_may(void **state)
{
    struct world *w = *state;
    set(w, "drain_timeout", "500");
    start(w);
    join(w);
    w->farewell = true;
    fake_host.connections = 1;
    lec_server_drain(w->server, 0);
    fake_advance(w->loop, 450);
    assert_false(fake_host.closed);
    fake_advance(w->loop, 100);
    assert_true(fake_host.closed);
    assert_non_null(strstr(logged(w), "did not take"));
}

static void stops_at_once(void **state)
{
    struct world *w = *state;
    start(w);
    join(w);
    w->farewell = true;
    fake_host.connections = 1;
    lec_server_drain(w->server, 0);
    assert_false(fake_host.closed);
    lec_server_stop(w->server);
    assert_true(fake_host.closed);
    assert_int_equal(fake_timers(w->loop), 0);
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
    set(w, "jwt.secret", "short");
    set(w, "polling", "false");
    set(w, "script.unsafe", "true");
    start(w);
    static const char *const words[] = { "FRONTEND_URL is not set", "JWT_SECRET is short",
                                         "polling is off", "script.unsafe is on" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(logged(w), words[i]));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(says_what_is_too_fast),
        TEST(a_person_has_so_many_connections),
        TEST(routes_by_path),
        TEST(follows_the_configured_path),
        TEST(hands_the_configuration_down),
        TEST(lets_in_who_has_a_token),
        TEST(takes_the_token_of_the_header),
        TEST(refuses_who_has_none),
        TEST(lets_in_without_hooks),
        TEST(reloads_on_command),
        TEST(reloads_certificates_too),
        TEST(says_what_it_does),
        TEST(tells_the_rates_of_late),
        TEST(measures_how_late_the_loop_is),
        TEST(drains),
        TEST(spreads_the_closing),
        TEST(takes_a_new_time),
        TEST(refuses_other_times),
        TEST(lets_clients_fetch_their_last_messages),
        TEST(drains_no_longer_than_it_may),
        TEST(stops_at_once),
        TEST(says_what_configuration_lacks),
        TEST(warns_of_what_is_weak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
