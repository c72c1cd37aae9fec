/* The exchange: from a read head to its answer (states in net/http.h).
 *
 * It belongs to its connection (conn->http). When it is answered, dropped or aborted it leaves
 * the connection at once and its memory goes at the end of the turn, so that slices which a
 * handler still holds on its stack stay readable. */
#include "net/http.h"

#include <assert.h>
#include <stdlib.h>

#include "base/fields.h"
#include "net/internal.h"

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

bool lec_http_inner(const struct lec_http *http)
{
    return http->conn->inner;
}

bool lec_http_certificate(const struct lec_http *http, struct lec_buf *json)
{
    return wire_certificate(http->conn, json);
}

bool lec_http_wants_ws(const struct lec_http *http)
{
    return http->wants_ws;
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

/* The handler has taken the wish to upgrade. A client must wait for the answer (RFC 6455, 4.1). */
static void upgrade(struct conn *c, bool glued)
{
    unsigned status = glued ? 400 : ws_check(c->http);
    if (status == 0 && wire_take(c) == LEC_OK) {
        ws_opened(c);
        return;
    }
    http_abort(c);
    if (status != 0)
        reply_refuse(c, status);
    else
        conn_end(c);
}

static void deliver_body(struct conn *c, struct lec_slice body)
{
    struct lec_http *h = c->http;
    lec_timer_stop(c->net->loop, &c->timer);
    if (c->state == CONN_BODY)
        conn_become(c, CONN_EXCHANGE);
    h->state = HTTP_HELD;
    h->events->on_body(h->owner, h, body);
}

static void find_client(const struct conn *c, struct lec_http *h)
{
    const struct lec_networks *proxies = &c->net->cfg->trusted_proxies;
    const char *peer = c->client != NULL ? c->client : c->address;
    h->secure = wire_secure(c);
    memcpy(h->address, peer, strlen(peer) + 1);
    if (proxies->n == 0)
        return;
    lec_client_address(proxies, peer, lec_http_header(h, "x-forwarded-for"), h->address);
    h->secure =
        lec_client_secure(proxies, peer, lec_http_header(h, "x-forwarded-proto"), h->secure);
}

void http_serve(struct conn *c, struct lec_http *h, bool glued)
{
    struct lec_net *net = c->net;
    find_client(c, h);
    c->http = h;
    lec_timer_stop(net->loop, &c->timer);
    conn_become(c, CONN_EXCHANGE);
    if (c->http != h)
        return;
    net->counters->http_requests++;
    net->events->on_request(net->ctx, h);
    if (c->http != h)
        return; /* answered */
    if (h->state == HTTP_NEW)
        lec_http_answer(h, &(struct lec_reply){ .status = 404, .type = "text/plain" });
    else if (h->state == HTTP_UPGRADING)
        upgrade(c, glued);
    else if (h->state == HTTP_BODY && lec_body_is_whole(&h->framing))
        deliver_body(c, (struct lec_slice){ "", 0 });
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
    if (!lec_body_is_chunked(&h->framing) && h->framing.left > limit)
        return LEC_ETOOBIG;
    h->events = events;
    h->owner = owner;
    h->state = HTTP_BODY;
    h->max_body = limit;
    if (lec_body_is_whole(&h->framing))
        return LEC_OK;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    ssize_t size = sizeof go_on - 1;
    if (h->expect_continue && socket_send(c->fd, c->ssl, go_on, (size_t)size) != size)
        conn_end(c);
    h->expect_continue = false;
    if (conn_is_over(c))
        return LEC_OK;
    conn_become(c, CONN_BODY);
    conn_set_deadline(c, c->net->cfg->body_timeout_ms);
    return LEC_OK;
}

/* The body is no body, or longer than its owner wants. */
static void refuse_body(struct conn *c, int why)
{
    struct lec_http *h = c->http;
    lec_timer_stop(c->net->loop, &c->timer);
    if (why == LEC_OK) { /* nothing is wrong with it but its length */
        conn_become(c, CONN_EXCHANGE);
        h->state = HTTP_HELD;
        h->events->on_too_big(h->owner, h);
        return;
    }
    http_abort(c);
    if (!conn_is_over(c))
        reply_refuse(c, why == LEC_ETOOBIG ? 413 : 400);
}

size_t http_body(struct conn *c, const char *p, size_t n)
{
    struct lec_http *h = c->http;
    struct lec_slice data;
    int64_t used = lec_body_read(&h->framing, p, n, &data);
    if (used < 0 || data.n + h->framing.left > h->max_body - h->body.n) {
        refuse_body(c, used < 0 ? (int)used : LEC_OK);
        return used < 0 ? 0 : (size_t)used;
    }
    bool whole = lec_body_is_whole(&h->framing);
    if (whole && h->body.n == 0) { /* in one piece: it is handed on where it lies */
        deliver_body(c, data);
        return (size_t)used;
    }
    lec_buf_add(&h->body, data.p, data.n);
    if (whole)
        deliver_body(c, lec_buf_slice(&h->body));
    return (size_t)used;
}

/* Files that are sent at a time: half of the descriptors that are no connections' (net.c). */
#define MAX_FILES 128
#define RETRY     "Retry-After: 1\r\n"

/* --- the answer --------------------------------------------------------------------------- */

/* Whether another request may follow the answer: what is left of this one's body must be short, and
 * sure to come. */
static bool may_go_on(struct lec_http *h, const struct lec_reply *r)
{
    const struct lec_net *net = h->conn->net;
    if (!h->keep_alive || h->wants_ws || r->close || net->closing || net->listeners[0].fd < 0)
        return false;
    if (lec_body_is_whole(&h->framing))
        return true;
    return !h->expect_continue && conn_skip(h->conn, &h->framing);
}

void lec_http_answer(struct lec_http *h, const struct lec_reply *r)
{
    static const struct lec_reply busy = { .status = 503, .headers = { RETRY, sizeof RETRY - 1 } };
    struct conn *c = h->conn;
    struct lec_net *net = c->net;
    assert(h->state != HTTP_DONE);
    if (conn_is_over(c)) {
        http_forget(h);
        return;
    }
    if (r->file != NULL && net->files >= MAX_FILES)
        r = &busy;
    bool keep = may_go_on(h, r), head = h->method == LEC_HEAD;
    struct lec_slice bytes = reply_write(net, r, keep, head);
    http_forget(h);
    lec_timer_stop(net->loop, &c->timer);
    conn_send(c, bytes, head ? NULL : r, keep ? AFTER_NEXT : AFTER_LINGER);
}

/* --- WebSocket ---------------------------------------------------------------------------- */

void lec_http_accept_ws(struct lec_http *h, struct lec_slice headers, size_t max_message,
                        const struct lec_ws_events *events, void *owner)
{
    assert(h->state == HTTP_NEW && h->wants_ws);
    h->state = HTTP_UPGRADING;
    h->ws_events = events;
    h->owner = owner;
    h->max_message = max_message;
    lec_buf_add(&h->ws_headers, headers.p, headers.n);
}
