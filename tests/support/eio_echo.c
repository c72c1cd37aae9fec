/* An Engine.IO server of net and engineio alone: sends every message back, text and binary, on
 * /engine.io/. Shows that the two layers stand by themselves, and serves the transport tests. */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engineio/session.h"
#include "net/net.h"

static const char usage[] =
    "usage: eio_echo [options]\n"
    "  --port N           port to listen on, 0 for a free one (3000)\n"
    "  --host ADDRESS     address to listen on (all)\n"
    "  --ping-interval MS (25000)\n"
    "  --ping-timeout MS  (20000)\n"
    "  --upgrade-timeout MS (10000)\n"
    "  --max-payload N    bytes of a POST body and of a WebSocket message (1000000)\n"
    "  --max-queue N      bytes that may wait to be sent to one client (16000000)\n"
    "  --max-sessions N   (10000)\n"
    "  --eio3 1           serve Engine.IO 3 clients too (0)\n"
    "  --origins LIST     origins allowed by CORS, \"*\" for any (*)\n";

struct echo {
    struct lec_loop *loop;
    struct lec_net *net;
    struct eio_engine *engine;
};

static void on_open(void *ctx, struct eio_session *s)
{
    (void)ctx;
    eio_session_keep(s); /* everybody is welcome */
}

static void on_message(void *ctx, struct eio_session *s, struct lec_slice data, bool binary)
{
    (void)ctx;
    size_t type = binary ? 0 : 1;
    struct lec_msg *m = lec_msg_new(binary, type + data.n);
    if (!binary)
        *lec_msg_data(m) = '4';
    if (data.n > 0)
        memcpy(lec_msg_data(m) + type, data.p, data.n);
    (void)!eio_session_send(s, m); /* a client that is gone or slow: the engine has said so */
    lec_msg_unref(m);
}

static void on_close(void *ctx, struct eio_session *s, enum eio_reason why)
{
    (void)ctx, (void)s, (void)why;
}

static void on_request(void *ctx, struct lec_http *http)
{
    static const char prefix[] = "/engine.io/";
    struct echo *echo = ctx;
    struct lec_slice path = lec_http_path(http);
    if (path.n >= sizeof prefix - 1 && memcmp(path.p, prefix, sizeof prefix - 1) == 0)
        eio_engine_request(echo->engine, http);
}

static void on_signal(void *ctx, int signum)
{
    (void)signum;
    struct echo *echo = ctx;
    lec_net_stop_listening(echo->net);
    eio_engine_drain(echo->engine);
    eio_engine_close(echo->engine, false);
    lec_net_close(echo->net);
    lec_loop_stop(echo->loop);
}

/* A whole number; "1e6" too. */
static unsigned number(const char *name, const char *text)
{
    char *end;
    double d = strtod(text, &end);
    if (end == text || *end != '\0' || !(d >= 0 && d <= 4e9) || (double)(unsigned)d != d) {
        fprintf(stderr, "eio_echo: --%s: \"%s\" is no number\n", name, text);
        exit(2);
    }
    return (unsigned)d;
}

int main(int argc, char **argv)
{
    struct lec_net_config net = {
        .host = "",
        .port = 3000,
        .max_connections = 10000,
        .max_header_bytes = 16384,
        .header_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .keepalive_timeout_ms = 60000,
        .linger_timeout_ms = 2000,
        .send_timeout_ms = 30000,
    };
    struct eio_config cfg = {
        .ping_interval_ms = 25000,
        .ping_timeout_ms = 20000,
        .upgrade_timeout_ms = 10000,
        .max_payload = 1000000,
        .max_first_payload = UINT_MAX,
        .max_queue_bytes = 16000000,
        .close_timeout_ms = 30000,
        .max_sessions = 10000,
        .polling = true,
        .websocket = true,
        .allow_upgrades = true,
        .cors = { .origins = "*" },
    };
    unsigned eio3 = 0;
    const struct {
        const char *name;
        unsigned *number;
        const char **text;
    } settings[] = {
        { "port", &net.port, NULL },
        { "host", NULL, &net.host },
        { "ping-interval", &cfg.ping_interval_ms, NULL },
        { "ping-timeout", &cfg.ping_timeout_ms, NULL },
        { "upgrade-timeout", &cfg.upgrade_timeout_ms, NULL },
        { "max-payload", &cfg.max_payload, NULL },
        { "max-queue", &cfg.max_queue_bytes, NULL },
        { "max-sessions", &cfg.max_sessions, NULL },
        { "eio3", &eio3, NULL },
        { "origins", NULL, &cfg.cors.origins },
    };
    enum { COUNT = sizeof settings / sizeof *settings };
    struct option options[COUNT + 1] = { 0 };
    for (int i = 0; i < COUNT; i++)
        options[i] = (struct option){ settings[i].name, required_argument, NULL, i };
    for (int i; (i = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (i == '?') {
            fputs(usage, stderr);
            return 2;
        }
        if (settings[i].number)
            *settings[i].number = number(settings[i].name, optarg);
        else
            *settings[i].text = optarg;
    }
    cfg.allow_eio3 = eio3;
    if (optind < argc) {
        fputs(usage, stderr);
        return 2;
    }

    int status = 1;
    struct echo echo = { 0 };
    struct lec_counters counters = { 0 };
    struct lec_log *log = lec_log_new(STDERR_FILENO);
    if (getenv("DEBUG"))
        lec_log_set_debug(log, getenv("DEBUG"));
    const struct eio_events events = { on_open, on_message, on_close };
    const struct lec_net_events net_events = { on_request };
    echo.loop = lec_loop_new();
    if (echo.loop == NULL) {
        perror("eio_echo: loop");
        goto out;
    }
    echo.engine = eio_engine_new(echo.loop, &cfg, &events, &echo, &counters, log);
    echo.net = lec_net_new(echo.loop, &net, &net_events, &echo, &counters, log);
    if (echo.net == NULL)
        goto out;
    if (lec_net_listen(echo.net) < 0 ||
        lec_loop_on_signal(echo.loop, SIGTERM, on_signal, &echo) < 0 ||
        lec_loop_on_signal(echo.loop, SIGINT, on_signal, &echo) < 0) {
        perror("eio_echo: listen");
        lec_net_close(echo.net);
        goto out;
    }
    printf("listening on %u\n", lec_net_port(echo.net));
    fflush(stdout);
    lec_loop_run(echo.loop);
    status = 0;
out:
    if (echo.net)
        lec_net_free(echo.net);
    eio_engine_free(echo.engine);
    if (echo.loop)
        lec_loop_free(echo.loop);
    lec_log_free(log);
    return status;
}
