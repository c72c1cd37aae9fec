/* A server of core/net alone, for the tests that attack it (tests/e2e/net_*.test.mjs).
 *
 *   GET  /            "hello"               GET  /stats    what happened, as JSON
 *   GET  /hold        held until …          GET  /release  … answers all that are held
 *   POST /echo        its body              POST /slow     its body, but held until released
 *   POST /refuse      413, body unread      GET  /big?N    N bytes
 *   GET  /headers     the headers           any  /query/…  method, path and query
 *   GET  /cors        CORS headers of --origins; OPTIONS is its preflight
 *   /ws               echoes messages; a text "flood N SIZE" is answered by N messages of SIZE,
 *                     "close CODE REASON" by a close; /ws-cookie adds a header to the 101, /ws-greeting
 *                     says "welcome", /ws-closing closes at once
 *
 * With --describe it answers every request but GET /stats, once its body is there, with what it
 * took it for, as JSON: method, path, query, headers, body, each byte a character. (HEAD has that
 * in X-Request.) GET /seen lists what it answered so, and forgets it.
 *
 * Prints "listening on PORT". Ends on SIGTERM, having freed everything. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fields.h"
#include "base/list.h"
#include "base/outq.h"
#include "net/cors.h"
#include "net/http.h"
#include "net/net.h"
#include "net/ws.h"

enum { MAX_SEEN = 1 << 20 }; /* bytes of descriptions; more forget the earlier ones */

struct probe {
    struct lec_loop *loop;
    struct lec_net *net;
    struct lec_counters counters;
    struct lec_cors cors;
    struct lec_list held; /* of struct held */
    unsigned max_body, max_message;
    bool describe;
    struct lec_buf seen; /* with --describe: "{…},{…}" */
    unsigned long held_count, aborts, opens, closes, messages, waits, refused_upgrades;
    int last_end;
};

struct held {
    struct probe *probe;
    struct lec_list node;
    struct lec_http *http;
    struct lec_buf body;
    bool wait; /* for /release, once the body is here */
};

struct client {
    struct probe *probe;
    struct lec_ws *ws;
    struct lec_outq q;
    struct lec_later flush;
    bool greets, closes; /* when it is opened */
};

static void answer(struct lec_http *http, unsigned status, const char *p, size_t n)
{
    lec_http_answer(
        http, &(struct lec_reply){ .status = status, .type = "text/plain", .body = { p, n } });
}

/* --- held requests ------------------------------------------------------------------------ */

static void forget(struct held *h)
{
    lec_list_remove(&h->node);
    lec_buf_fini(&h->body);
    free(h);
}

static void on_body(void *owner, struct lec_http *http, struct lec_slice body)
{
    struct held *h = owner;
    if (h->wait) {
        h->probe->held_count++;
        lec_buf_add(&h->body, body.p, body.n);
        return;
    }
    answer(http, 200, body.p, body.n);
    forget(h);
}

static void on_abort(void *owner, struct lec_http *http)
{
    struct held *h = owner;
    (void)http;
    h->probe->aborts++;
    forget(h);
}

static void on_too_big(void *owner, struct lec_http *http)
{
    forget(owner);
    answer(http, 413, "too large", 9);
}

static void on_described_body(void *owner, struct lec_http *http, struct lec_slice body);

static const struct lec_http_events held_events = { .on_body = on_body,
                                                    .on_too_big = on_too_big,
                                                    .on_abort = on_abort };
static const struct lec_http_events describe_events = { .on_body = on_described_body,
                                                        .on_too_big = on_too_big,
                                                        .on_abort = on_abort };

static struct held *hold(struct probe *p, struct lec_http *http)
{
    struct held *h = lec_alloc0(sizeof *h);
    h->probe = p;
    h->http = http;
    lec_list_append(&p->held, &h->node);
    return h;
}

static void release(struct probe *p, struct lec_http *http)
{
    struct lec_buf b = { 0 };
    unsigned n = 0;
    struct lec_list *next;
    for (struct lec_list *i = p->held.next; i != &p->held; i = next) {
        struct held *h = LEC_CONTAINER(i, struct held, node);
        next = i->next;
        if (!h->wait)
            continue;
        if (h->body.n > 0)
            answer(h->http, 200, h->body.p, h->body.n);
        else
            answer(h->http, 200, "released", 8);
        forget(h);
        n++;
    }
    lec_buf_addu(&b, n);
    answer(http, 200, b.p, b.n);
    lec_buf_fini(&b);
}

static void read_body(struct probe *p, struct lec_http *http, bool wait)
{
    struct held *h = hold(p, http);
    h->wait = wait;
    if (lec_http_read_body(http, p->max_body, p->describe ? &describe_events : &held_events, h) !=
        LEC_OK) {
        forget(h);
        answer(http, 413, "too large", 9);
    }
}

/* --- descriptions, for --describe ----------------------------------------------------------- */

/* A JSON string of bytes, each the character of its number. */
static void put_bytes(struct lec_buf *b, struct lec_slice s)
{
    lec_buf_addc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            lec_buf_printf(b, "\\u%04x", c);
        else
            lec_buf_addc(b, (char)c);
    }
    lec_buf_addc(b, '"');
}

static void describe(struct lec_buf *b, const struct lec_http *http, struct lec_slice body)
{
    struct lec_slice name, value;
    lec_buf_printf(b, "{\"method\":%d,\"path\":", (int)lec_http_method(http));
    put_bytes(b, lec_http_path(http));
    lec_buf_adds(b, ",\"query\":");
    put_bytes(b, lec_http_query(http));
    lec_buf_adds(b, ",\"headers\":{");
    for (size_t pos = 0, n = 0; lec_fields_next(lec_http_headers(http), &pos, &name, &value); n++) {
        if (n > 0)
            lec_buf_addc(b, ',');
        put_bytes(b, name);
        lec_buf_addc(b, ':');
        put_bytes(b, value);
    }
    lec_buf_adds(b, "},\"body\":");
    put_bytes(b, body);
    lec_buf_addc(b, '}');
}

static void on_described_body(void *owner, struct lec_http *http, struct lec_slice body)
{
    struct held *h = owner;
    struct lec_buf *seen = &h->probe->seen, headers = { 0 };
    if (seen->n > MAX_SEEN)
        lec_buf_fini(seen);
    if (seen->n > 0)
        lec_buf_addc(seen, ',');
    size_t at = seen->n;
    describe(seen, http, body);
    struct lec_slice text = { seen->p + at, seen->n - at };
    if (lec_http_method(http) == LEC_HEAD)
        lec_buf_printf(&headers, "X-Request: %.*s\r\n", (int)text.n, text.p);
    lec_http_answer(http, &(struct lec_reply){ .status = 200,
                                               .type = "application/json",
                                               .headers = lec_buf_slice(&headers),
                                               .body = text });
    lec_buf_fini(&headers);
    forget(h);
}

static void answer_seen(struct probe *p, struct lec_http *http)
{
    struct lec_buf b = { 0 };
    lec_buf_addc(&b, '[');
    lec_buf_add(&b, p->seen.p, p->seen.n);
    lec_buf_addc(&b, ']');
    answer(http, 200, b.p, b.n);
    lec_buf_fini(&b);
    lec_buf_fini(&p->seen);
}

/* --- WebSocket ---------------------------------------------------------------------------- */

static void flush(struct lec_later *l)
{
    struct client *c = LEC_CONTAINER(l, struct client, flush);
    int rc = c->ws ? lec_ws_write(c->ws, &c->q) : LEC_ECLOSED;
    if (rc == LEC_ECLOSED)
        lec_outq_fini(&c->q);
    else if (rc == LEC_EAGAIN)
        c->probe->waits++;
}

static void push(struct client *c, struct lec_msg *m)
{
    lec_outq_push(&c->q, m);
    lec_msg_unref(m);
    lec_loop_flush_later(c->probe->loop, &c->flush, flush);
}

static void on_open(void *owner, struct lec_ws *ws)
{
    struct client *c = owner;
    c->ws = ws;
    c->probe->opens++;
    if (c->greets)
        push(c, lec_msg_copy(false, "welcome", 7));
    if (c->closes)
        lec_ws_close(ws, 1000, NULL);
}

static void on_message(void *owner, struct lec_ws *ws, struct lec_slice data, bool binary)
{
    struct client *c = owner;
    char text[160];
    unsigned n, size;
    c->probe->messages++;
    snprintf(text, sizeof text, "%.*s", data.n < 159 ? (int)data.n : 159, data.p ? data.p : "");
    if (!binary && sscanf(text, "flood %u %u", &n, &size) == 2) {
        for (unsigned i = 0; i < n; i++) {
            struct lec_msg *m = lec_msg_new(false, size < 10 ? 10 : size);
            memset(lec_msg_data(m), 'x', m->len);
            char number[11];
            snprintf(number, sizeof number, "%010u", i);
            memcpy(lec_msg_data(m), number, 10);
            push(c, m);
        }
    } else if (!binary && sscanf(text, "close %u", &n) == 1) {
        const char *reason = strchr(text + 6, ' ');
        lec_ws_close(ws, n, reason ? reason + 1 : NULL);
    } else {
        push(c, lec_msg_copy(binary, data.p, data.n));
    }
}

static void on_writable(void *owner, struct lec_ws *ws)
{
    struct client *c = owner;
    (void)ws;
    flush(&c->flush);
}

static void free_client(struct lec_later *l)
{
    struct client *c = LEC_CONTAINER(l, struct client, flush);
    lec_outq_fini(&c->q);
    free(c);
}

static void on_close(void *owner, struct lec_ws *ws, enum lec_ws_end why)
{
    struct client *c = owner;
    if (ws == NULL)
        c->probe->refused_upgrades++;
    else
        c->probe->closes++;
    c->probe->last_end = (int)why;
    c->ws = NULL;
    lec_loop_flush_cancel(c->probe->loop, &c->flush);
    lec_loop_free_later(c->probe->loop, &c->flush, free_client);
}

static const struct lec_ws_events ws_events = { on_open, on_message, on_writable, on_close };

/* --- requests ------------------------------------------------------------------------------ */

static void answer_stats(struct probe *p, struct lec_http *http)
{
    struct lec_buf b = { 0 };
    lec_buf_printf(
        &b,
        "{\"connections\":%u,\"held\":%lu,\"aborts\":%lu,\"opens\":%lu,\"closes\":%lu,"
        "\"messages\":%lu,\"waits\":%lu,\"refusedUpgrades\":%lu,\"lastEnd\":%d,\"refused\":%llu,"
        "\"requests\":%llu,\"accepted\":%llu,\"turnedAway\":%llu,\"wsErrors\":%llu,"
        "\"unread\":%llu,\"longest\":%llu}",
        lec_net_connections(p->net), p->held_count, p->aborts, p->opens, p->closes, p->messages,
        p->waits, p->refused_upgrades, p->last_end, (unsigned long long)p->counters.http_refused,
        (unsigned long long)p->counters.http_requests,
        (unsigned long long)p->counters.connections_accepted,
        (unsigned long long)p->counters.connections_refused,
        (unsigned long long)p->counters.ws_errors, (unsigned long long)p->counters.http_unread,
        (unsigned long long)lec_loop_usage(p->loop).longest_us);
    answer(http, 200, b.p, b.n);
    lec_buf_fini(&b);
}

static void answer_big(struct lec_http *http)
{
    struct lec_slice q = lec_http_query(http);
    char digits[16];
    snprintf(digits, sizeof digits, "%.*s", q.n < 15 ? (int)q.n : 15, q.p);
    size_t n = strtoul(digits, NULL, 10);
    char *p = lec_alloc(n + 1);
    memset(p, 'b', n);
    answer(http, 200, p, n);
    free(p);
}

static void answer_headers(struct lec_http *http)
{
    struct lec_buf b = { 0 };
    struct lec_slice name, value;
    for (size_t pos = 0; lec_fields_next(lec_http_headers(http), &pos, &name, &value);)
        lec_buf_printf(&b, "%s: %s\n", name.p, value.p);
    lec_buf_printf(&b, "address %s secure %d\n", lec_http_address(http), lec_http_secure(http));
    answer(http, 200, b.p, b.n);
    lec_buf_fini(&b);
}

static void answer_query(struct lec_http *http)
{
    struct lec_buf b = { 0 };
    struct lec_slice path = lec_http_path(http), query = lec_http_query(http);
    lec_buf_printf(&b, "%d %.*s ? %.*s", (int)lec_http_method(http), (int)path.n, path.p,
                   (int)query.n, query.p);
    answer(http, 200, b.p, b.n);
    lec_buf_fini(&b);
}

static void answer_cors(struct probe *p, struct lec_http *http)
{
    struct lec_buf b = { 0 };
    if (lec_cors_preflight(&p->cors, http))
        return;
    lec_cors_headers(&p->cors, http, &b);
    lec_http_answer(http,
                    &(struct lec_reply){ .status = lec_cors_allowed(&p->cors, http) ? 200 : 403,
                                         .headers = lec_buf_slice(&b) });
    lec_buf_fini(&b);
}

static void accept_ws(struct probe *p, struct lec_http *http, struct lec_slice headers)
{
    struct client *c = lec_alloc0(sizeof *c);
    c->probe = p;
    c->greets = lec_slice_is(lec_http_path(http), "/ws-greeting");
    c->closes = lec_slice_is(lec_http_path(http), "/ws-closing");
    lec_http_accept_ws(http, headers, p->max_message, &ws_events, c);
}

static void on_request(void *ctx, struct lec_http *http)
{
    struct probe *p = ctx;
    struct lec_slice path = lec_http_path(http);
    enum lec_method method = lec_http_method(http);
    if (lec_http_wants_ws(http)) {
        if (lec_slice_is(path, "/ws") || lec_slice_is(path, "/ws-greeting") ||
            lec_slice_is(path, "/ws-closing"))
            accept_ws(p, http, (struct lec_slice){ NULL, 0 });
        else if (lec_slice_is(path, "/ws-cookie"))
            accept_ws(p, http, LEC_SLICE("Set-Cookie: a=b; Path=/\r\nX-Probe: 1\r\n"));
        else if (lec_slice_is(path, "/ws-refused"))
            answer(http, 400, "{\"code\":1}", 10);
    } else if (p->describe && method == LEC_GET && lec_slice_is(path, "/seen")) {
        answer_seen(p, http);
    } else if (p->describe && !lec_slice_is(path, "/stats")) {
        read_body(p, http, false);
    } else if (lec_slice_is(path, "/")) {
        answer(http, 200, "hello\n", 6);
    } else if (lec_slice_is(path, "/hold") && method == LEC_GET) {
        struct held *h = hold(p, http);
        h->wait = true;
        p->held_count++;
        lec_http_hold(http, &held_events, h);
    } else if (lec_slice_is(path, "/release")) {
        release(p, http);
    } else if (lec_slice_is(path, "/echo")) {
        read_body(p, http, false);
    } else if (lec_slice_is(path, "/slow")) {
        read_body(p, http, true);
    } else if (lec_slice_is(path, "/refuse")) {
        answer(http, 413, "no", 2);
    } else if (lec_slice_is(path, "/stats")) {
        answer_stats(p, http);
    } else if (lec_slice_is(path, "/big")) {
        answer_big(http);
    } else if (lec_slice_is(path, "/headers")) {
        answer_headers(http);
    } else if (lec_slice_is(path, "/cors")) {
        answer_cors(p, http);
    } else if (path.n >= 6 && memcmp(path.p, "/query", 6) == 0) {
        answer_query(http);
    }
}

static void on_signal(void *ctx, int signum)
{
    struct probe *p = ctx;
    (void)signum;
    lec_loop_stop(p->loop);
}

int main(int argc, char **argv)
{
    static const char *const extra_headers[] = { "x-probe", NULL };
    struct lec_net_config cfg = {
        .host = "127.0.0.1",
        .max_connections = 1000,
        .max_header_bytes = 16384,
        .header_timeout_ms = 10000,
        .body_timeout_ms = 10000,
        .keepalive_timeout_ms = 20000,
        .linger_timeout_ms = 2000,
        .send_timeout_ms = 30000,
        .headers = extra_headers,
    };
    struct probe p = { .max_body = 1 << 20, .max_message = 1 << 20, .cors = { "" } };
    enum {
        PORT,
        HOST,
        CERT,
        KEY,
        CONNS,
        HEADER,
        HEADER_MS,
        BODY_MS,
        KEEP_MS,
        SEND_MS,
        BODY,
        MESSAGE,
        ORIGINS,
        DESCRIBE
    };
    static const struct option options[] = {
        { "port", 1, NULL, PORT },
        { "host", 1, NULL, HOST },
        { "cert", 1, NULL, CERT },
        { "key", 1, NULL, KEY },
        { "max-connections", 1, NULL, CONNS },
        { "max-header", 1, NULL, HEADER },
        { "header-ms", 1, NULL, HEADER_MS },
        { "body-ms", 1, NULL, BODY_MS },
        { "keepalive-ms", 1, NULL, KEEP_MS },
        { "send-ms", 1, NULL, SEND_MS },
        { "max-body", 1, NULL, BODY },
        { "max-message", 1, NULL, MESSAGE },
        { "origins", 1, NULL, ORIGINS },
        { "describe", 0, NULL, DESCRIBE },
        { NULL, 0, NULL, 0 },
    };
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned n = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        switch (o) {
        case PORT:
            cfg.port = n;
            break;
        case HOST:
            cfg.host = optarg;
            break;
        case CERT:
            cfg.tls_cert = optarg;
            break;
        case KEY:
            cfg.tls_key = optarg;
            break;
        case CONNS:
            cfg.max_connections = n;
            break;
        case HEADER:
            cfg.max_header_bytes = n;
            break;
        case HEADER_MS:
            cfg.header_timeout_ms = n;
            break;
        case BODY_MS:
            cfg.body_timeout_ms = n;
            break;
        case KEEP_MS:
            cfg.keepalive_timeout_ms = n;
            break;
        case SEND_MS:
            cfg.send_timeout_ms = n;
            break;
        case BODY:
            p.max_body = n;
            break;
        case MESSAGE:
            p.max_message = n;
            break;
        case ORIGINS:
            p.cors.origins = optarg;
            break;
        case DESCRIBE:
            p.describe = true;
            break;
        default:
            return 2;
        }
    }

    struct lec_log *log = lec_log_new(2);
    lec_list_init(&p.held);
    p.loop = lec_loop_new();
    struct lec_net_events events = { on_request };
    p.net = lec_net_new(p.loop, &cfg, &events, &p, &p.counters, log);
    int status = 1;
    if (p.net == NULL)
        goto out;
    int rc = lec_net_listen(p.net);
    if (rc != LEC_OK) {
        fprintf(stderr, "cannot listen: %s (%m)\n", lec_strerror(rc));
        goto out;
    }
    if (lec_loop_on_signal(p.loop, SIGTERM, on_signal, &p) != LEC_OK)
        goto out;
    printf("listening on %u\n", lec_net_port(p.net));
    fflush(stdout);
    lec_loop_run(p.loop);
    status = 0;
out:
    lec_net_free(p.net);
    lec_buf_fini(&p.seen);
    lec_loop_free(p.loop);
    lec_log_free(log);
    return status;
}
