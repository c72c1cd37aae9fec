/* The WebSocket, on a socket that is net's own (wire_take).
 *
 * In: what was read lies in net->input, behind the little that was kept of the time before, and is
 * unmasked and delivered where it lies. Only a message that has not come whole costs memory
 * (struct incoming), and an idle connection has none.
 *
 * Out: frames that are ready (base/msg.h) go to the kernel as they are. One of which it takes but
 * some is kept (`part`), shared with its other receivers. What it refuses of small ones, and what we
 * say by ourselves (the answer to the upgrade, pongs, the close frame), waits in `rest`.
 *
 * Its end: once `closing` is set the owner hears nothing but on_close, which is told once. The
 * struct stays to the connection's end: until both close frames have passed, input is read for the
 * client's; then we say that no more will be sent, and throw input away until the client has
 * closed too, so that no reset overtakes our last words. conn_linger bounds all that. */
#include "net/ws.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "net/frame.h"
#include "net/internal.h"
#include "net/request.h"

static_assert(LEC_WS_HELD >= LEC_FRAME_HEADER + LEC_CONTROL_PAYLOAD, "what step leaves is kept");

/* What is there of a message, or of a header or control frame, that has not come whole. */
struct incoming {
    struct lec_buf message;
    size_t checked;         /* its bytes that are known to be UTF-8 */
    struct lec_frame frame; /* the data frame that is coming in */
    uint64_t got;           /* of its payload */
    bool open;              /* a message has begun; its last frame has not ended */
    bool binary;
    unsigned char held_n, held[LEC_WS_HELD];
};

/* What the first frame waits behind the answer to the handshake. Programs exist that listen for
 * messages when they hear of the opening, and lose what arrives together with it: it takes a client
 * so long to wake up and read. */
#define PAUSE_MS 2

/* Output that is ours alone and must leave behind `part`, before all else. */
struct rest {
    struct lec_buf bytes; /* never empty */
    size_t at;            /* what of it has left */
    size_t pong_at;       /* the last pong in it, if no write has tried it yet; else 0 */
};

struct lec_ws {
    struct conn *conn;
    const struct lec_ws_events *events;
    void *owner;
    struct incoming *in;  /* NULL between messages */
    struct lec_msg *part; /* of which some has left; NULL if none is there */
    size_t part_at;       /* how much */
    struct rest *rest;    /* NULL if there is none */
    size_t max_message;
    bool pausing;        /* the answer to the handshake has just left; nothing else leaves yet */
    bool full;           /* the kernel takes no more; conn_watched tells when it does */
    bool wants_writable; /* owes an on_writable */
    bool closing;        /* no further callback but on_close … */
    bool told;           /* … which has been made */
    bool said, heard;    /* close frames: ours is in `rest` or gone; we look for no other */
    bool finished;       /* we have said that no more will be sent */
    uint8_t why;         /* enum lec_ws_end */
};

/* --- its beginning ------------------------------------------------------------------------ */

unsigned ws_check(const struct lec_http *h)
{
    struct lec_slice key = lec_http_header(h, "sec-websocket-key");
    if (!lec_slice_is(lec_http_header(h, "sec-websocket-version"), "13"))
        return 426;
    if (h->method != LEC_GET || !h->http11 || !lec_body_is_whole(&h->framing))
        return 400;
    if (!lec_request_has_token(lec_http_header(h, "connection"), "upgrade"))
        return 400;
    struct lec_slice offered = lec_http_header(h, "sec-websocket-protocol"), name;
    if (offered.n > 0 && lec_request_subprotocol(offered, &name) != LEC_OK)
        return 400;
    struct lec_buf nonce = { 0 }; /* 16 bytes (RFC 6455, 4.1) */
    bool ok = key.n == 24 && lec_base64_decode(&nonce, key.p, key.n) == LEC_OK && nonce.n == 16;
    lec_buf_fini(&nonce);
    return ok ? 0 : 400;
}

/* RFC 6455, 4.2.2. The first offered subprotocol is agreed to, as npm's ws does. */
static void answer(struct lec_buf *b, const struct lec_http *h)
{
    struct lec_slice key = lec_http_header(h, "sec-websocket-key");
    struct lec_slice offered = lec_http_header(h, "sec-websocket-protocol"), name;
    unsigned char digest[SHA_DIGEST_LENGTH];
    lec_buf_reserve(b, 512); /* for the first frames too */
    lec_buf_add(b, key.p, key.n);
    lec_buf_adds(b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1((const unsigned char *)b->p, b->n, digest);
    b->n = 0;
    lec_buf_adds(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    lec_base64_encode(b, digest, sizeof digest);
    lec_buf_adds(b, "\r\n");
    if (offered.n > 0 && lec_request_subprotocol(offered, &name) == LEC_OK)
        lec_buf_printf(b, "Sec-WebSocket-Protocol: %.*s\r\n", (int)name.n, name.p);
    lec_buf_add(b, h->ws_headers.p, h->ws_headers.n);
    lec_buf_adds(b, "\r\n");
}

static struct lec_buf *rest(struct lec_ws *ws)
{
    if (ws->rest == NULL)
        ws->rest = lec_alloc0(sizeof *ws->rest);
    return &ws->rest->bytes;
}

static void free_rest(struct lec_ws *ws)
{
    if (ws->rest != NULL)
        lec_buf_fini(&ws->rest->bytes);
    free(ws->rest);
    ws->rest = NULL;
}

static bool send_rest(struct lec_ws *ws);

void ws_opened(struct conn *c)
{
    struct lec_http *h = c->http;
    struct lec_ws *ws = lec_alloc0(sizeof *ws);
    ws->conn = c;
    answer(rest(ws), h);
    ws->events = h->ws_events;
    ws->owner = h->owner;
    ws->max_message = h->max_message;
    http_forget(h);
    c->ws = ws;
    conn_become(c, CONN_WS);
    c->net->counters->ws_opened++;
    (void)send_rest(ws);
    ws->pausing = true;
    conn_set_deadline(c, PAUSE_MS);
    ws->events->on_open(ws->owner, ws);
    conn_later(c);
    conn_look(c);
}

static void free_incoming(struct lec_ws *ws)
{
    if (ws->in != NULL)
        lec_buf_fini(&ws->in->message);
    free(ws->in);
    ws->in = NULL;
}

void ws_free(struct lec_ws *ws)
{
    if (ws == NULL)
        return;
    free_incoming(ws);
    lec_msg_unref(ws->part);
    free_rest(ws);
    free(ws);
}

/* --- out ---------------------------------------------------------------------------------- */

/* The connection is of no use any more; the owner is told at the end of the turn. */
static void broken(struct lec_ws *ws)
{
    if (!ws->closing)
        ws->why = LEC_WS_GONE;
    ws->closing = true;
    conn_end(ws->conn);
}

static void stop_pausing(struct lec_ws *ws)
{
    ws->pausing = false;
    lec_timer_stop(ws->conn->net->loop, &ws->conn->timer);
}

/* Hands p to the kernel, from *at on. Whether it took all. */
static bool send_out(struct lec_ws *ws, const char *p, size_t n, size_t *at)
{
    ssize_t k = socket_send(ws->conn->fd, ws->conn->ssl, p + *at, n - *at);
    if (k < 0) {
        broken(ws);
        return false;
    }
    *at += (size_t)k;
    ws->full = *at < n;
    return !ws->full;
}

static bool send_part(struct lec_ws *ws)
{
    struct lec_slice frame = lec_msg_frame(ws->part);
    if (!send_out(ws, frame.p, frame.n, &ws->part_at))
        return false;
    lec_msg_unref(ws->part);
    ws->part = NULL;
    return true;
}

/* Whether nothing is left that must leave first. */
static bool send_rest(struct lec_ws *ws)
{
    if (ws->full || (ws->part != NULL && !send_part(ws)))
        return false;
    struct rest *r = ws->rest;
    if (r == NULL)
        return true;
    r->pong_at = 0;
    if (!send_out(ws, r->bytes.p, r->bytes.n, &r->at))
        return false;
    free_rest(ws);
    return true;
}

static bool usable(const struct lec_ws *ws)
{
    return !ws->closing && ws->conn->state == CONN_WS;
}

/* Puts messages behind `rest`, to leave with it; how many. */
static uint32_t join(struct lec_ws *ws, const struct lec_outq *q)
{
    uint32_t k = 0;
    for (; k < q->count; k++) {
        struct lec_slice frame = lec_msg_frame(lec_outq_at(q, k));
        if (rest(ws)->n + frame.n > LEC_GATHER)
            break;
        lec_buf_add(rest(ws), frame.p, frame.n);
    }
    return k;
}

/* Sends the first message, and small ones behind it; how many. */
static uint32_t send_first(struct lec_ws *ws, const struct lec_outq *q)
{
    struct lec_slice frame = lec_msg_frame(lec_outq_at(q, 0));
    if (q->count == 1 || frame.n + lec_msg_frame(lec_outq_at(q, 1)).n > LEC_GATHER) {
        ws->part = lec_msg_ref(lec_outq_at(q, 0));
        ws->part_at = 0;
        (void)send_part(ws);
        return 1;
    }
    char *gather = (char *)ws->conn->net->gather;
    size_t n = 0, at = 0;
    uint32_t k = 0;
    for (; k < q->count; k++) {
        frame = lec_msg_frame(lec_outq_at(q, k));
        if (n + frame.n > LEC_GATHER)
            break;
        memcpy(gather + n, frame.p, frame.n);
        n += frame.n;
    }
    if (!send_out(ws, gather, n, &at) && ws->full)
        lec_buf_add(rest(ws), gather + at, n - at);
    return k;
}

int lec_ws_write(struct lec_ws *ws, struct lec_outq *q)
{
    if (ws->pausing && q->bytes > LEC_GATHER) /* a queue that grows meanwhile is no slow client's */
        stop_pausing(ws);
    while (usable(ws) && !ws->full && !ws->pausing && q->count > 0) {
        if (ws->rest != NULL) {
            lec_outq_drop(q, join(ws, q));
            (void)send_rest(ws);
        } else {
            lec_outq_drop(q, send_first(ws, q));
        }
    }
    if (!usable(ws))
        return LEC_ECLOSED;
    ws->wants_writable = q->count > 0;
    return q->count > 0 ? LEC_EAGAIN : LEC_OK;
}

bool lec_ws_writable(const struct lec_ws *ws)
{
    return usable(ws) && !ws->full && !ws->pausing;
}

static void tell_writable(struct lec_ws *ws)
{
    if (ws->closing) {
        conn_later(ws->conn);
    } else if (ws->wants_writable && !ws->pausing) {
        ws->wants_writable = false;
        ws->events->on_writable(ws->owner, ws);
    }
}

void ws_writable(struct conn *c)
{
    struct lec_ws *ws = c->ws;
    if (!ws->full)
        return;
    ws->full = false;
    if (send_rest(ws))
        tell_writable(ws);
}

void ws_pause_ends(struct conn *c)
{
    struct lec_ws *ws = c->ws;
    stop_pausing(ws);
    if (!ws->full)
        tell_writable(ws);
}

void lec_ws_set_max_message(struct lec_ws *ws, size_t max_message)
{
    ws->max_message = max_message;
}

/* Puts a control frame into `rest`; it leaves at the end of the turn. */
static void say(struct lec_ws *ws, enum lec_opcode opcode, const void *p, size_t n)
{
    unsigned char frame[2 + LEC_CONTROL_PAYLOAD];
    lec_buf_add(rest(ws), frame, lec_frame_control(frame, opcode, p, n));
    conn_later(ws->conn);
}

/* A client that pings on and on without reading gets an answer to its last ping, once it reads
 * (RFC 6455, 5.5.3). */
static void pong(struct lec_ws *ws, const unsigned char *p, size_t n)
{
    struct rest *r = ws->rest;
    if (r != NULL && r->pong_at > 0)
        r->bytes.n = r->pong_at;
    if (r != NULL && ws->full)
        r->pong_at = r->bytes.n;
    say(ws, LEC_OP_PONG, p, n);
}

/* --- its end ------------------------------------------------------------------------------ */

void ws_ended(struct conn *c, enum lec_ws_end why)
{
    struct lec_ws *ws = c->ws;
    if (ws->told)
        return;
    if (!ws->closing)
        ws->why = (uint8_t)why;
    ws->closing = ws->told = true;
    if (ws->why == LEC_WS_ERROR)
        c->net->counters->ws_errors++;
    ws->events->on_close(ws->owner, ws, ws->why);
}

void ws_settle(struct conn *c)
{
    struct lec_ws *ws = c->ws;
    if (send_rest(ws) && ws->said && ws->heard && !ws->finished) {
        ws->finished = true;
        socket_finish(c->fd, c->ssl);
    }
    if (ws->closing)
        ws_ended(c, ws->why);
}

/* Says a close frame. */
static void close_with(struct lec_ws *ws, const void *p, size_t n, enum lec_ws_end why)
{
    if (!ws->closing)
        ws->why = (uint8_t)why;
    ws->closing = ws->said = true;
    ws->pausing = false; /* the deadline is lingering's from now on */
    say(ws, LEC_OP_CLOSE, p, n);
    conn_linger(ws->conn);
}

void lec_ws_close(struct lec_ws *ws, unsigned code, const char *text)
{
    if (ws->closing)
        return;
    unsigned char payload[LEC_CONTROL_PAYLOAD] = { (unsigned char)(code >> 8),
                                                   (unsigned char)code };
    size_t n = text ? strlen(text) : 0;
    if (n > sizeof payload - 2)
        n = sizeof payload - 2;
    if (n > 0)
        memcpy(payload + 2, text, n);
    close_with(ws, payload, code != 0 ? 2 + n : 0, LEC_WS_CLOSED);
}

/* The client was wrong. Nothing more of it is looked at. */
static void fail(struct lec_ws *ws, unsigned code)
{
    unsigned char payload[2] = { (unsigned char)(code >> 8), (unsigned char)code };
    ws->heard = true;
    if (!ws->said)
        close_with(ws, payload, sizeof payload, LEC_WS_ERROR);
    else
        conn_later(ws->conn);
}

/* The client's close frame: the answer is what it says, unless we have said ours. */
static void closed(struct lec_ws *ws, const unsigned char *p, size_t n)
{
    unsigned wrong = lec_frame_check_close(p, n);
    if (wrong != 0) {
        fail(ws, wrong);
        return;
    }
    ws->heard = true;
    if (!ws->said)
        close_with(ws, p, n, LEC_WS_CLOSED);
    else
        conn_later(ws->conn);
    ws_ended(ws->conn, LEC_WS_CLOSED);
}

/* --- in ----------------------------------------------------------------------------------- */

static struct incoming *incoming(struct lec_ws *ws)
{
    if (ws->in == NULL)
        ws->in = lec_alloc0(sizeof *ws->in);
    return ws->in;
}

static void control(struct lec_ws *ws, const struct lec_frame *f, const unsigned char *p)
{
    if (f->opcode == LEC_OP_CLOSE)
        closed(ws, p, (size_t)f->length);
    else if (f->opcode == LEC_OP_PING && !ws->said)
        pong(ws, p, (size_t)f->length);
}

static void deliver(struct lec_ws *ws, struct lec_slice data, bool binary)
{
    if (!ws->closing)
        ws->events->on_message(ws->owner, ws, data, binary);
}

/* A data frame's header: 0, or the code to fail with. Decided before any payload is kept. */
static unsigned check_data(const struct lec_ws *ws, const struct lec_frame *f)
{
    bool open = ws->in != NULL && ws->in->open;
    size_t have = open ? ws->in->message.n : 0;
    if (open != (f->opcode == LEC_OP_CONTINUATION))
        return 1002;
    return f->length > ws->max_message - have ? 1009 : 0;
}

/* The message in->message is complete. */
static void complete(struct lec_ws *ws)
{
    struct incoming *in = ws->in;
    ws->in = NULL;
    deliver(ws, lec_buf_slice(&in->message), in->binary);
    lec_buf_fini(&in->message);
    free(in);
}

/* A part of the payload of in->frame. */
static void add_payload(struct lec_ws *ws, unsigned char *p, size_t n)
{
    struct incoming *in = ws->in;
    lec_frame_unmask(p, n, in->frame.mask, in->got);
    in->got += n;
    bool whole = in->got == in->frame.length && in->frame.final;
    if (ws->closing)
        lec_buf_fini(&in->message);
    else
        lec_buf_add(&in->message, p, n);
    if (!in->binary && !ws->closing) {
        size_t valid;
        struct lec_buf *m = &in->message;
        if (!lec_utf8_begins(m->p + in->checked, m->n - in->checked, &valid) ||
            (whole && in->checked + valid < m->n)) {
            fail(ws, 1007);
            return;
        }
        in->checked += valid;
    }
    if (whole)
        complete(ws);
}

/* Takes one step: how many bytes of p are done with; 0: more are needed. */
static size_t step(struct lec_ws *ws, unsigned char *p, size_t n)
{
    struct incoming *in = ws->in;
    if (in != NULL && in->open && in->got < in->frame.length) {
        uint64_t left = in->frame.length - in->got;
        size_t k = left < n ? (size_t)left : n;
        add_payload(ws, p, k);
        return k;
    }
    struct lec_frame f;
    int rc = lec_frame_read(&f, p, n);
    if (rc < 0)
        fail(ws, 1002);
    if (rc <= 0)
        return 0;
    size_t header = (size_t)rc, size = header + (size_t)f.length;
    if (lec_frame_is_control(&f)) {
        if (n < size)
            return 0;
        lec_frame_unmask(p + header, (size_t)f.length, f.mask, 0);
        control(ws, &f, p + header);
        return size;
    }
    unsigned wrong = check_data(ws, &f);
    if (wrong != 0) {
        fail(ws, wrong);
        return 0;
    }
    if (f.opcode != LEC_OP_CONTINUATION && f.final && f.length <= n - header) {
        struct lec_slice data = { (const char *)p + header, (size_t)f.length };
        lec_frame_unmask(p + header, data.n, f.mask, 0);
        if (f.opcode == LEC_OP_TEXT && !lec_utf8_valid(data.p, data.n))
            fail(ws, 1007);
        else
            deliver(ws, data, f.opcode == LEC_OP_BINARY);
        return size;
    }
    in = incoming(ws);
    if (f.opcode != LEC_OP_CONTINUATION)
        in->binary = f.opcode == LEC_OP_BINARY;
    in->open = true;
    in->frame = f;
    in->got = 0;
    if (f.length == 0)
        add_payload(ws, p + header, 0);
    return header;
}

static void received(struct lec_ws *ws, unsigned char *p, size_t n)
{
    size_t k;
    while (n > 0 && !ws->heard && !conn_is_over(ws->conn) && (k = step(ws, p, n)) > 0) {
        p += k;
        n -= k;
    }
    if (ws->heard || conn_is_over(ws->conn))
        return;
    struct incoming *in = n > 0 ? incoming(ws) : ws->in;
    if (in == NULL)
        return;
    in->held_n = (unsigned char)n;
    if (n > 0)
        memcpy(in->held, p, n);
    else if (!in->open)
        free_incoming(ws);
}

void ws_readable(struct conn *c, bool hangup)
{
    struct lec_ws *ws = c->ws;
    unsigned char *p = c->net->input + LEC_WS_HELD;
    bool ended;
    size_t n = socket_read(c->fd, c->ssl, p, LEC_INPUT, hangup, &ended);
    if (n > 0 && ws->pausing) /* it has read the answer */
        ws_pause_ends(c);
    if (n > 0 && !ws->heard) {
        size_t held = ws->in != NULL ? ws->in->held_n : 0;
        if (held > 0)
            memcpy(p - held, ws->in->held, held);
        received(ws, p - held, held + n);
    }
    if (ended) {
        conn_end(c);
        ws_ended(c, LEC_WS_GONE);
    } else if (n > LEC_INPUT - LEC_RECORD &&
               !conn_is_over(c)) { /* the next turn goes on, after everybody else's */
        conn_look(c);
    }
}
