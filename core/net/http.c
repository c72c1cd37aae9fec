/* The exchange: from a read header block to its answer (states in net/http.h).
 *
 * It belongs to its connection (conn->http). When it is answered, dropped or aborted it leaves
 * the connection at once and its memory goes at the end of the turn, so that slices which a
 * handler still holds on its stack stay readable. */
#include "net/http.h"

#include <assert.h>
#include <stdlib.h>

#include "base/fields.h"
#include "net/internal.h"

#define SCRATCH_KEEP (64 * 1024)

/* --- the request -------------------------------------------------------------------------- */

enum lec_method lec_http_method(const struct lec_http *http)
{
    return http->method;
}

struct lec_slice lec_http_path(const struct lec_http *http)
{
    return http->path;
}

struct lec_slice lec_http_query(const struct lec_http *http)
{
    return http->query;
}

struct lec_slice lec_http_header(const struct lec_http *http, const char *name)
{
    return lec_fields_find(http->headers, name);
}

struct lec_slice lec_http_headers(const struct lec_http *http)
{
    return http->headers;
}

const char *lec_http_address(const struct lec_http *http)
{
    return http->address;
}

bool lec_http_secure(const struct lec_http *http)
{
    return http->secure;
}

bool lec_http_certificate(const struct lec_http *http, struct lec_buf *json)
{
    return wire_certificate(http->conn, json);
}

bool lec_http_wants_ws(const struct lec_http *http)
{
    return http->wants_ws;
}

size_t lec_http_body_length(const struct lec_http *http)
{
    return http->body_length;
}

/* --- its life ----------------------------------------------------------------------------- */

static void free_http(struct lec_later *later)
{
    struct lec_http *h = LEC_CONTAINER(later, struct lec_http, later);
    lec_buf_fini(&h->body);
    lec_buf_fini(&h->ws_headers);
    free(h);
}

void http_forget(struct lec_http *h)
{
    assert(h->state != HTTP_DONE);
    h->state = HTTP_DONE;
    h->conn->http = NULL;
    lec_loop_free_later(h->conn->net->loop, &h->later, free_http);
}

void http_abort(struct conn *c)
{
    struct lec_http *h = c->http;
    const struct lec_http_events *events = h->events;
    const struct lec_ws_events *ws_events = h->state == HTTP_UPGRADING ? h->ws_events : NULL;
    void *owner = h->owner;
    http_forget(h);
    if (ws_events != NULL)
        ws_events->on_close(owner, NULL, LEC_WS_GONE);
    else if (events != NULL)
        events->on_abort(owner, h);
}

/* The handler, or on_body, has returned: an exchange that stays open stops reading, so that bytes
 * behind the request wait in the kernel, and its client's end is noticed. */
static void after_handler(struct conn *c)
{
    struct lec_http *h = c->http;
    if (h == NULL || h->state != HTTP_HELD || c->kill)
        return;
    lec_timer_stop(c->net->loop, &c->timer);
    wire_pause(c);
}

static void deliver_body(struct conn *c, struct lec_slice body)
{
    struct lec_http *h = c->http;
    h->state = HTTP_HELD;
    h->events->on_body(h->owner, h, body);
    after_handler(c);
}

void http_serve(struct conn *c, struct lec_http *h)
{
    struct lec_net *net = c->net;
    const struct lec_networks *proxies = &net->cfg->trusted_proxies;
    h->secure = wire_secure(c);
    memcpy(h->address, c->address, strlen(c->address) + 1);
    if (proxies->n > 0) {
        lec_client_address(proxies, c->address, lec_http_header(h, "x-forwarded-for"), h->address);
        h->secure = lec_client_secure(proxies, c->address, lec_http_header(h, "x-forwarded-proto"),
                                      h->secure);
    }
    c->http = h;
    c->state = CONN_REQUEST;
    lec_timer_stop(net->loop, &c->timer);
    net->counters->http_requests++;
    net->events->on_request(net->ctx, h);
    if (c->http != h)
        return; /* answered */
    if (h->state == HTTP_NEW)
        lec_http_answer(h, &(struct lec_reply){ .status = 404, .type = "text/plain" });
    else if (h->state == HTTP_BODY && h->body_done)
        deliver_body(c, (struct lec_slice){ "", 0 });
    else
        after_handler(c);
}

void lec_http_hold(struct lec_http *h, const struct lec_http_events *events, void *owner)
{
    assert(h->state == HTTP_NEW && !h->wants_ws);
    h->events = events;
    h->owner = owner;
    h->state = HTTP_HELD;
}

int lec_http_read_body(struct lec_http *h, size_t limit, const struct lec_http_events *events,
                       void *owner)
{
    struct conn *c = h->conn;
    assert(h->state == HTTP_NEW && !h->wants_ws);
    if (h->body_length > limit)
        return LEC_ETOOBIG;
    h->events = events;
    h->owner = owner;
    h->state = HTTP_BODY;
    if (h->body_done)
        return LEC_OK;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (h->expect_continue && wire_send(c, go_on, sizeof go_on - 1) != sizeof go_on - 1)
        conn_kill(c);
    conn_set_deadline(c, c->net->cfg->body_timeout_ms);
    return LEC_OK;
}

void http_body(struct conn *c, const char *p, size_t n)
{
    struct lec_http *h = c->http;
    if (h == NULL || h->state != HTTP_BODY || c->kill)
        return; /* a body that nobody wants */
    assert(h->body.n + n <= h->body_length);
    if (n == h->body_length) /* in one piece: it is handed on where it lies */
        h->whole = (struct lec_slice){ p, n };
    else
        lec_buf_add(&h->body, p, n);
}

void http_body_end(struct conn *c)
{
    struct lec_http *h = c->http;
    if (c->state == CONN_LINGER)
        conn_kill(c);
    if (h == NULL || h->state != HTTP_BODY || c->kill)
        return;
    lec_timer_stop(c->net->loop, &c->timer);
    h->body_done = true;
    deliver_body(c, h->whole.n > 0 ? h->whole : lec_buf_slice(&h->body));
}

/* --- the answer --------------------------------------------------------------------------- */

static const char *reason(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 411:
        return "Length Required";
    case 413:
        return "Payload Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return status < 400 ? "OK" : "Error";
    }
}

static void add_line(struct lec_buf *b, const char *before, const char *text)
{
    lec_buf_adds(b, before);
    lec_buf_adds(b, text);
    lec_buf_add(b, "\r\n", 2);
}

static void add_number(struct lec_buf *b, const char *before, size_t n)
{
    lec_buf_adds(b, before);
    lec_buf_addu(b, n);
    lec_buf_add(b, "\r\n", 2);
}

/* Status line, headers and body as one run of bytes, for one write. Each poll has one, so no printf. */
static void write_answer(struct lec_buf *b, const struct lec_reply *r, bool keep, bool head,
                         unsigned keepalive_ms)
{
    lec_buf_clear(b, SCRATCH_KEEP);
    lec_buf_adds(b, "HTTP/1.1 ");
    lec_buf_addu(b, r->status);
    add_line(b, " ", reason(r->status));
    if (r->type != NULL)
        add_line(b, "Content-Type: ", r->type);
    if (r->status != 304) /* it has none, and the length would be of what it stands for */
        add_number(b, "Content-Length: ", r->body.n);
    lec_buf_add(b, r->headers.p, r->headers.n);
    add_line(b, "Connection: ", keep ? "keep-alive" : "close");
    if (keep)
        add_number(b, "Keep-Alive: timeout=", keepalive_ms / 1000);
    lec_buf_add(b, "\r\n", 2);
    if (!head)
        lec_buf_add(b, r->body.p, r->body.n);
}

void lec_http_answer(struct lec_http *h, const struct lec_reply *r)
{
    struct conn *c = h->conn;
    struct lec_net *net = c->net;
    assert(h->state != HTTP_DONE);
    bool drain = !h->body_done && !h->wants_ws;
    bool keep = h->keep_alive && h->body_done && !h->wants_ws && !r->close && !net->closing &&
                net->listen_fd >= 0;
    write_answer(&net->scratch, r, keep, h->method == LEC_HEAD, net->cfg->keepalive_timeout_ms);
    http_forget(h);
    if (c->kill || c->state == CONN_DEAD)
        return;
    conn_send(c, net->scratch.p, net->scratch.n, keep, drain);
}

void http_refuse(struct conn *c, unsigned status, bool drain)
{
    struct lec_net *net = c->net;
    net->counters->http_refused++;
    struct lec_reply r = { .status = status, .close = true };
    if (status == 411) {
        r.type = "text/plain; charset=utf-8";
        r.body = LEC_SLICE("Send a Content-Length with the body; chunked ones are not taken.\n");
    }
    if (status == 426)
        r.headers = LEC_SLICE("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    write_answer(&net->scratch, &r, false, false, 0);
    lec_timer_stop(net->loop, &c->timer);
    conn_send(c, net->scratch.p, net->scratch.n, false, drain);
}

/* --- WebSocket ---------------------------------------------------------------------------- */

static void upgrade_refused(struct lec_later *later)
{
    struct lec_http *h = LEC_CONTAINER(later, struct lec_http, later);
    if (h->state == HTTP_UPGRADING)
        http_abort(h->conn);
}

void lec_http_accept_ws(struct lec_http *h, struct lec_slice headers, size_t max_message,
                        const struct lec_ws_events *events, void *owner)
{
    struct conn *c = h->conn;
    assert(h->state == HTTP_NEW && h->wants_ws);
    h->state = HTTP_UPGRADING;
    h->ws_events = events;
    h->owner = owner;
    h->max_message = max_message;
    unsigned status = ws_check(h);
    if (status != 0) { /* on_close comes at the end of the turn, not from inside this call */
        http_refuse(c, status, false);
        lec_loop_flush_later(c->net->loop, &h->later, upgrade_refused);
        return;
    }
    lec_buf_add(&h->ws_headers, headers.p, headers.n);
}
