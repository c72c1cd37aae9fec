#include "peer.h"

#include <endian.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/base64.h"

#define PATH "/socket.io/?EIO=4&transport="

/* {"alg":"HS256"} with sub and exp: what an identity provider would have signed. */
static void add_token(struct lec_buf *out, const struct peer *p)
{
    char claims[96];
    long exp = (long)time(NULL) + 3600;
    int n = snprintf(claims, sizeof claims, "{\"sub\":\"user-%u\",\"exp\":%ld}", p->number, exp);
    size_t start = out->n;
    lec_buf_adds(out, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.");
    lec_base64url_encode(out, claims, (size_t)n);
    unsigned char mac[32];
    unsigned len = sizeof mac;
    HMAC(EVP_sha256(), p->crowd->secret, (int)strlen(p->crowd->secret),
         (const unsigned char *)out->p + start, out->n - start, mac, &len);
    lec_buf_addc(out, '.');
    lec_base64url_encode(out, mac, len);
}

/* One masked frame. The mask is 0: legal, and spares us the work; the server has it all the same. */
static void add_frame(struct lec_buf *out, unsigned char opcode, const void *p, size_t n)
{
    unsigned char head[14] = { (unsigned char)(0x80 | opcode) };
    size_t len = 2;
    if (n < 126) {
        head[1] = (unsigned char)(0x80 | n);
    } else if (n < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(n >> 8);
        head[3] = (unsigned char)n;
        len = 4;
    } else {
        uint64_t wide = htobe64(n);
        head[1] = 0x80 | 127;
        memcpy(head + 2, &wide, 8);
        len = 10;
    }
    lec_buf_add(out, head, len + 4);
    lec_buf_add(out, p, n);
}

static void send_poll(struct peer *p)
{
    struct lec_buf b = { 0 };
    lec_buf_printf(&b, "GET " PATH "polling%s%s HTTP/1.1\r\nHost: bench\r\n\r\n",
                   p->sid[0] ? "&sid=" : "", p->sid);
    conn_send(&p->conn, b.p, b.n);
    lec_buf_fini(&b);
}

static void send_post(struct peer *p)
{
    struct lec_buf b = { 0 };
    if (p->posting || p->queue.n == 0)
        return;
    p->posting = true;
    lec_buf_printf(&b,
                   "POST " PATH "polling&sid=%s HTTP/1.1\r\nHost: bench\r\n"
                   "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n",
                   p->sid, p->queue.n);
    lec_buf_add(&b, p->queue.p, p->queue.n);
    lec_buf_fini(&p->queue);
    conn_send(&p->post, b.p, b.n);
    lec_buf_fini(&b);
}

void peer_send(struct peer *p, const char *text, size_t len, const void *binary, size_t n)
{
    if (p->crowd->polling) {
        if (p->queue.n > 0)
            lec_buf_addc(&p->queue, '\x1e');
        lec_buf_add(&p->queue, text, len);
        if (n > 0) {
            lec_buf_adds(&p->queue, "\x1e"
                                    "b");
            lec_base64_encode(&p->queue, binary, n);
        }
        send_post(p);
        return;
    }
    struct lec_buf b = { 0 };
    add_frame(&b, 1, text, len);
    if (n > 0)
        add_frame(&b, 2, binary, n);
    conn_send(&p->conn, b.p, b.n);
    lec_buf_fini(&b);
}

void peer_join(struct peer *p)
{
    char text[80];
    int n = snprintf(text, sizeof text, "42%u[\"join_room\",{\"room\":\"course:%u\"}]", p->acks++,
                     p->room);
    peer_send(p, text, (size_t)n, NULL, 0);
}

static void say_who(struct peer *p)
{
    struct lec_buf b = { 0 };
    lec_buf_adds(&b, "40{\"token\":\"");
    add_token(&b, p);
    lec_buf_adds(&b, "\"}");
    p->state = PEER_CONNECT;
    peer_send(p, b.p, b.n, NULL, 0);
    lec_buf_fini(&b);
}

static bool starts(const char *p, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && memcmp(p, with, len) == 0;
}

static void on_open_packet(struct peer *p, const char *text, size_t n)
{
    const char *sid = memmem(text, n, "\"sid\":\"", 7);
    const char *end = sid ? memchr(sid + 7, '"', n - (size_t)(sid + 7 - text)) : NULL;
    if (end == NULL || (size_t)(end - sid - 7) >= sizeof p->sid)
        fail("no sid in %.*s", (int)n, text);
    memcpy(p->sid, sid + 7, (size_t)(end - sid - 7));
    say_who(p);
}

/* One Engine.IO packet that is text. */
static void on_text(struct peer *p, const char *text, size_t n)
{
    const struct peer_events *events = &p->crowd->events;
    if (starts(text, n, "42[\"typing_indicator\"")) {
        events->on_event(p, text, n);
    } else if (starts(text, n, "451-[\"typing_indicator\"")) {
        p->binary_event = true;
        events->on_event(p, text, n);
    } else if (starts(text, n, "43")) {
        if (p->state == PEER_READY) {
            events->on_ack(p);
        } else {
            p->state = PEER_READY;
            p->crowd->joined++;
            events->on_joined(p);
        }
    } else if (starts(text, n, "40")) {
        p->state = PEER_JOIN;
        peer_join(p);
    } else if (starts(text, n, "2")) {
        peer_send(p, "3", 1, NULL, 0);
    } else if (starts(text, n, "0")) {
        on_open_packet(p, text, n);
    } else if (!starts(text, n, "42") && !starts(text, n, "6")) {
        fail("user-%u got %.*s", p->number, n > 200 ? 200 : (int)n, text);
    }
}

/* Frames of a WebSocket; how many bytes were whole ones. */
static size_t on_frames(struct peer *p, const char *data, size_t n)
{
    size_t at = 0;
    while (n - at >= 2) {
        const unsigned char *h = (const unsigned char *)data + at;
        size_t head = 2, len = h[1];
        if (len == 126)
            head = 4;
        else if (len == 127)
            head = 10;
        if (n - at < head)
            break;
        if (len == 126) {
            len = (size_t)h[2] << 8 | h[3];
        } else if (len == 127) {
            uint64_t wide;
            memcpy(&wide, h + 2, 8);
            len = (size_t)be64toh(wide);
        }
        if (n - at - head < len)
            break;
        if (h[0] == 0x81)
            on_text(p, data + at + head, len);
        else if (h[0] == 0x82 && p->binary_event)
            p->binary_event = false;
        else
            fail("user-%u got a frame %02x %02x", p->number, h[0], h[1]);
        at += head + len;
    }
    return at;
}

/* The packets of a poll's answer. */
static void on_payload(struct peer *p, const char *body, size_t n)
{
    while (n > 0) {
        const char *end = memchr(body, '\x1e', n);
        size_t len = end ? (size_t)(end - body) : n;
        if (body[0] == 'b' && p->binary_event)
            p->binary_event = false;
        else
            on_text(p, body, len);
        body += len + (end != NULL);
        n -= len + (end != NULL);
    }
}

/* One HTTP answer with a Content-Length: its bytes in all, 0 if they are not all here yet. */
static size_t http_answer(const char *data, size_t n, const char **body, size_t *len)
{
    const char *end = memmem(data, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end + 4 - data);
    *body = data + head;
    *len = 0;
    for (const char *line = data; line < end;
         line = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2)
        if (strncasecmp(line, "content-length:", 15) == 0)
            *len = strtoul(line + 15, NULL, 10);
    return n - head < *len ? 0 : head + *len;
}

static size_t on_poll_answer(struct conn *c, const char *data, size_t n)
{
    struct peer *p = c->owner;
    const char *body;
    size_t len, used = http_answer(data, n, &body, &len);
    if (used == 0)
        return 0;
    if (!starts(data, n, "HTTP/1.1 200"))
        fail("user-%u: %.*s", p->number, n > 400 ? 400 : (int)n, data);
    on_payload(p, body, len);
    send_poll(p);
    return used;
}

static size_t on_post_answer(struct conn *c, const char *data, size_t n)
{
    struct peer *p = c->owner;
    const char *body;
    size_t len, used = http_answer(data, n, &body, &len);
    if (used == 0)
        return 0;
    if (!starts(data, n, "HTTP/1.1 200"))
        fail("user-%u: POST: %.*s", p->number, n > 400 ? 400 : (int)n, data);
    p->posting = false;
    send_post(p);
    return used;
}

static size_t on_ws_data(struct conn *c, const char *data, size_t n)
{
    struct peer *p = c->owner;
    size_t head = 0;
    if (!p->upgraded) {
        const char *end = memmem(data, n, "\r\n\r\n", 4);
        if (end == NULL)
            return 0;
        if (!starts(data, n, "HTTP/1.1 101"))
            fail("user-%u: %.*s", p->number, n > 400 ? 400 : (int)n, data);
        p->upgraded = true;
        head = (size_t)(end + 4 - data);
    }
    return head + on_frames(p, data + head, n - head);
}

void peer_start(struct crowd *crowd, struct peer *p, unsigned number, unsigned room)
{
    *p = (struct peer){ .crowd = crowd, .number = number, .room = room, .began = now_ns() };
    p->conn.owner = p->post.owner = p;
    conn_open(&crowd->net, &p->conn);
    if (crowd->polling) {
        p->conn.on_data = on_poll_answer;
        p->post.on_data = on_post_answer;
        conn_open(&crowd->net, &p->post);
        send_poll(p);
        return;
    }
    static const char upgrade[] =
        "GET " PATH "websocket HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    p->conn.on_data = on_ws_data;
    conn_send(&p->conn, upgrade, sizeof upgrade - 1);
}
