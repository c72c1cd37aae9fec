/* The WebSocket. The library frames what comes in; what goes out are frames that are ready
 * (base/msg.h), handed over as they are.
 *
 * lec_ws_close says the close frame itself and then lingers (conn.c): the library's own way loses
 * frames (T5), cannot say one without a code, and would close under output that still waits. Once
 * `closing` is set the owner hears nothing but on_close, and everything received is thrown away. */
#include "net/ws.h"

#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "net/internal.h"
#include "net/request.h"

struct lec_ws {
    struct conn *conn;
    const struct lec_ws_events *events;
    void *owner;
    struct lec_later later; /* on_close at the end of the turn; then its free */
    struct lec_buf message; /* parts so far; empty and without memory between messages */
    size_t max_message;
    bool closing;        /* no further callback but on_close */
    bool wants_writable; /* owes an on_writable */
    enum lec_ws_end why;
};

unsigned ws_check(const struct lec_http *h)
{
    struct lec_slice key = lec_http_header(h, "sec-websocket-key");
    if (!lec_slice_is(lec_http_header(h, "sec-websocket-version"), "13"))
        return 426;
    if (h->method != LEC_GET || !h->http11 || !h->body_done)
        return 400;
    if (!lec_request_has_token(lec_http_header(h, "connection"), "upgrade"))
        return 400;
    struct lec_buf nonce = { 0 }; /* 16 bytes (RFC 6455, 4.1) */
    bool ok = key.n == 24 && lec_base64_decode(&nonce, key.p, key.n) == LEC_OK && nonce.n == 16;
    lec_buf_fini(&nonce);
    return ok ? 0 : 400;
}

void ws_opened(struct conn *c)
{
    struct lec_http *h = c->http;
    struct lec_ws *ws = lec_alloc0(sizeof *ws);
    ws->conn = c;
    ws->events = h->ws_events;
    ws->owner = h->owner;
    ws->max_message = h->max_message;
    http_forget(h);
    c->ws = ws;
    c->state = CONN_WS;
    c->net->counters->ws_opened++;
    ws->events->on_open(ws->owner, ws);
}

/* --- its end ------------------------------------------------------------------------------ */

static void free_ws(struct lec_later *later)
{
    struct lec_ws *ws = LEC_CONTAINER(later, struct lec_ws, later);
    lec_buf_fini(&ws->message);
    free(ws);
}

void ws_ended(struct conn *c, enum lec_ws_end why)
{
    struct lec_ws *ws = c->ws;
    c->ws = NULL;
    if (!ws->closing)
        ws->why = why;
    ws->closing = true;
    if (ws->why == LEC_WS_ERROR)
        c->net->counters->ws_errors++;
    lec_loop_free_later(c->net->loop, &ws->later, free_ws);
    ws->events->on_close(ws->owner, ws, ws->why);
}

static void end_later(struct lec_later *later)
{
    struct lec_ws *ws = LEC_CONTAINER(later, struct lec_ws, later);
    ws_ended(ws->conn, ws->why);
}

static void close_with(struct lec_ws *ws, unsigned code, const char *text, enum lec_ws_end why)
{
    struct conn *c = ws->conn;
    if (ws->closing)
        return;
    ws->closing = true;
    ws->why = why;
    unsigned char frame[2 + 125] = { 0x88, 0 };
    size_t n = 0;
    if (code != 0) {
        size_t len = text ? strlen(text) : 0;
        if (len > 123) /* RFC 6455, 5.5 */
            len = 123;
        frame[2] = (unsigned char)(code >> 8);
        frame[3] = (unsigned char)code;
        if (len > 0)
            memcpy(frame + 4, text, len);
        n = 2 + len;
    }
    frame[1] = (unsigned char)n;
    if (c->state == CONN_WS && !c->kill) {
        if (wire_frame(c, frame, 2 + n) < 0)
            conn_kill(c);
        else
            conn_linger(c);
    }
    lec_loop_flush_later(c->net->loop, &ws->later, end_later);
}

void lec_ws_close(struct lec_ws *ws, unsigned code, const char *text)
{
    close_with(ws, code, text, LEC_WS_CLOSED);
}

/* --- in ----------------------------------------------------------------------------------- */

static void deliver(struct lec_ws *ws, struct lec_slice data, bool binary)
{
    ws->events->on_message(ws->owner, ws, data, binary);
}

void ws_received(struct conn *c, const char *p, size_t n, size_t left, bool final, bool binary)
{
    struct lec_ws *ws = c->ws;
    if (ws == NULL || ws->closing || c->kill)
        return;
    if (n + ws->message.n > ws->max_message || left > ws->max_message - n - ws->message.n) {
        close_with(ws, 1009, NULL, LEC_WS_ERROR);
        return;
    }
    bool complete = final && left == 0;
    if (complete && ws->message.n == 0) {
        deliver(ws, (struct lec_slice){ p, n }, binary);
        return;
    }
    lec_buf_add(&ws->message, p, n);
    if (!complete)
        return;
    /* The library misses a character cut off by an empty last fragment. */
    if (!binary && !lec_utf8_valid(ws->message.p, ws->message.n)) {
        close_with(ws, 1007, NULL, LEC_WS_ERROR);
        return;
    }
    struct lec_buf message = ws->message;
    ws->message = (struct lec_buf){ 0 };
    deliver(ws, lec_buf_slice(&message), binary);
    lec_buf_fini(&message);
}

/* --- out ---------------------------------------------------------------------------------- */

int lec_ws_write(struct lec_ws *ws, struct lec_outq *q)
{
    struct conn *c = ws->conn;
    if (ws->closing || c->state != CONN_WS || c->kill)
        return LEC_ECLOSED;
    while (q->count > 0) {
        if (wire_full(c)) {
            ws->wants_writable = true;
            return LEC_EAGAIN;
        }
        struct lec_slice frame = lec_msg_frame(lec_outq_at(q, 0));
        const unsigned char *p = (const unsigned char *)frame.p;
        size_t n = frame.n;
        uint32_t k = 1;
        if (q->count > 1 && n + lec_msg_frame(lec_outq_at(q, 1)).n <= LEC_GATHER) {
            unsigned char *gather = c->net->gather;
            memcpy(gather, p, n);
            for (; k < q->count; k++) {
                frame = lec_msg_frame(lec_outq_at(q, k));
                if (n + frame.n > LEC_GATHER)
                    break;
                memcpy(gather + n, frame.p, frame.n);
                n += frame.n;
            }
            p = gather;
        }
        int rc = wire_frame(c, p, n);
        lec_outq_drop(q, k);
        if (rc < 0) {
            ws->closing = true;
            ws->why = LEC_WS_GONE;
            conn_kill(c);
            lec_loop_flush_later(c->net->loop, &ws->later, end_later);
            return LEC_ECLOSED;
        }
    }
    return LEC_OK;
}

bool lec_ws_writable(const struct lec_ws *ws)
{
    const struct conn *c = ws->conn;
    return !ws->closing && c->state == CONN_WS && !c->kill && !wire_full(c);
}

void ws_writable(struct conn *c)
{
    struct lec_ws *ws = c->ws;
    if (ws == NULL || ws->closing || !ws->wants_writable)
        return;
    ws->wants_writable = false;
    ws->events->on_writable(ws->owner, ws);
}
