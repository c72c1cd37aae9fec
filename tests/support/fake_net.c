#include "fake_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/msg.h"

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: misuse of net: %s\n", __FILE__, __LINE__, #cond);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct lec_loop {
    uint64_t now;
    uint64_t busy, longest; /* ms stalled */
    struct lec_timer **timers;
    unsigned count, cap;
    struct lec_later *flush, **flush_end;
    struct lec_later *dead, **dead_end;
    struct lec_http *https;
    struct lec_ws *sockets;
};

struct lec_loop *fake_loop_new(void)
{
    struct lec_loop *loop = lec_alloc0(sizeof *loop);
    loop->now = 1000000;
    loop->flush_end = &loop->flush;
    loop->dead_end = &loop->dead;
    return loop;
}

static void free_ws(struct lec_ws *ws)
{
    for (size_t i = 0; i < ws->sent_count; i++)
        lec_buf_fini(&ws->sent[i].data);
    free(ws->sent);
    free(ws);
}

static void free_http(struct lec_http *http)
{
    lec_buf_fini(&http->path);
    lec_buf_fini(&http->query);
    lec_buf_fini(&http->headers);
    lec_buf_fini(&http->type);
    lec_buf_fini(&http->reply_headers);
    lec_buf_fini(&http->body);
    free(http);
}

void fake_loop_free(struct lec_loop *loop)
{
    MUST(loop->count == 0);
    MUST(loop->flush == NULL && loop->dead == NULL);
    while (loop->https) {
        struct lec_http *http = loop->https;
        loop->https = http->next;
        MUST(http->state == FAKE_GONE || http->state == FAKE_NEW);
        free_http(http);
    }
    while (loop->sockets) {
        struct lec_ws *ws = loop->sockets;
        loop->sockets = ws->next;
        MUST(!ws->open);
        free_ws(ws);
    }
    free(loop->timers);
    free(loop);
}

static void append(struct lec_later ***end, struct lec_later *l, void (*fn)(struct lec_later *))
{
    l->fn = fn;
    l->next = NULL;
    **end = l;
    *end = &l->next;
}

static void run(struct lec_later **head, struct lec_later ***end)
{
    struct lec_later *l;
    while ((l = *head) != NULL) {
        *head = l->next;
        if (*head == NULL)
            *end = head;
        void (*fn)(struct lec_later *) = l->fn;
        l->fn = NULL;
        fn(l);
    }
}

void fake_turn(struct lec_loop *loop)
{
    run(&loop->flush, &loop->flush_end);
    run(&loop->dead, &loop->dead_end);
    MUST(loop->flush == NULL); /* freeing must not start anything */
}

void fake_advance(struct lec_loop *loop, uint64_t ms)
{
    uint64_t until = loop->now + ms;
    for (;;) {
        struct lec_timer *next = NULL;
        for (unsigned i = 0; i < loop->count; i++)
            if (loop->timers[i]->at <= until && (next == NULL || loop->timers[i]->at < next->at))
                next = loop->timers[i];
        if (next == NULL)
            break;
        if (next->at > loop->now)
            loop->now = next->at;
        lec_timer_stop(loop, next);
        next->fn(next);
        fake_turn(loop);
    }
    loop->now = until;
    fake_turn(loop);
}

void fake_stall(struct lec_loop *loop, uint64_t ms)
{
    loop->now += ms;
    loop->busy += ms;
    if (ms > loop->longest)
        loop->longest = ms;
}

unsigned fake_timers(const struct lec_loop *loop)
{
    return loop->count;
}

/* net/loop.h */

struct lec_loop_usage lec_loop_usage(struct lec_loop *loop)
{
    struct lec_loop_usage usage = { loop->busy * 1000, loop->longest * 1000 };
    loop->longest = 0;
    return usage;
}

struct lec_loop *lec_loop_new(void)
{
    return fake_loop_new();
}

void lec_loop_free(struct lec_loop *loop)
{
    fake_loop_free(loop);
}

void lec_loop_run(struct lec_loop *loop)
{
    (void)loop;
    MUST(false); /* the test drives it */
}

void lec_loop_stop(struct lec_loop *loop)
{
    (void)loop;
}

size_t lec_loop_timers(const struct lec_loop *loop)
{
    return loop->count;
}

uint64_t lec_loop_now(const struct lec_loop *loop)
{
    return loop->now;
}

void lec_timer_start(struct lec_loop *loop, struct lec_timer *t, uint64_t ms,
                     void (*fn)(struct lec_timer *))
{
    if (t->slot == 0) {
        if (loop->count == loop->cap) {
            loop->cap = loop->cap ? loop->cap * 2 : 16;
            loop->timers = lec_realloc(loop->timers, loop->cap * sizeof(struct lec_timer *));
        }
        loop->timers[loop->count++] = t;
        t->slot = loop->count;
    }
    t->at = loop->now + ms;
    t->fn = fn;
}

void lec_timer_stop(struct lec_loop *loop, struct lec_timer *t)
{
    if (t->slot == 0)
        return;
    struct lec_timer *last = loop->timers[--loop->count];
    loop->timers[t->slot - 1] = last;
    last->slot = t->slot;
    t->slot = 0;
}

void lec_loop_flush_later(struct lec_loop *loop, struct lec_later *l,
                          void (*fn)(struct lec_later *))
{
    if (l->fn == NULL)
        append(&loop->flush_end, l, fn);
}

void lec_loop_flush_cancel(struct lec_loop *loop, struct lec_later *l)
{
    if (l->fn == NULL)
        return;
    struct lec_later **at = &loop->flush;
    while (*at != NULL && *at != l)
        at = &(*at)->next;
    MUST(*at == l);
    *at = l->next;
    if (l->next == NULL)
        loop->flush_end = at;
    l->fn = NULL;
}

void lec_loop_free_later(struct lec_loop *loop, struct lec_later *l, void (*fn)(struct lec_later *))
{
    MUST(l->fn == NULL);
    append(&loop->dead_end, l, fn);
}

int lec_loop_on_signal(struct lec_loop *loop, int signum, void (*fn)(void *ctx, int signum),
                       void *ctx)
{
    (void)loop, (void)signum, (void)fn, (void)ctx;
    return LEC_OK;
}

/* net/http.h */

struct lec_http *fake_request(struct lec_loop *loop, enum lec_method method, const char *url)
{
    struct lec_http *http = lec_alloc0(sizeof *http);
    const char *mark = strchr(url, '?');
    http->loop = loop;
    http->method = method;
    lec_buf_add(&http->path, url, mark ? (size_t)(mark - url) : strlen(url));
    lec_buf_adds(&http->query, mark ? mark + 1 : "");
    lec_buf_reserve(&http->query, 1);
    http->next = loop->https;
    loop->https = http;
    return http;
}

void fake_header(struct lec_http *http, const char *name, const char *value)
{
    lec_buf_add(&http->headers, name, strlen(name) + 1);
    lec_buf_add(&http->headers, value, strlen(value) + 1);
}

void fake_body(struct lec_http *http, struct lec_slice body)
{
    MUST(http->state == FAKE_BODY);
    http->state = FAKE_HELD;
    /* A copy of its own, so that a sanitizer sees who keeps it. */
    char *copy = lec_strndup(body.p, body.n);
    http->events->on_body(http->owner, http, (struct lec_slice){ copy, body.n });
    free(copy);
    fake_turn(http->loop);
}

void fake_too_big(struct lec_http *http)
{
    MUST(http->state == FAKE_BODY);
    http->state = FAKE_HELD;
    http->events->on_too_big(http->owner, http);
    fake_turn(http->loop);
}

void fake_abort(struct lec_http *http)
{
    MUST(http->state == FAKE_HELD || http->state == FAKE_BODY);
    http->state = FAKE_GONE;
    http->events->on_abort(http->owner, http);
    fake_turn(http->loop);
}

enum lec_method lec_http_method(const struct lec_http *http)
{
    MUST(http->state != FAKE_GONE);
    return http->method;
}

struct lec_slice lec_http_path(const struct lec_http *http)
{
    MUST(http->state != FAKE_GONE);
    return lec_buf_slice(&http->path);
}

struct lec_slice lec_http_query(const struct lec_http *http)
{
    MUST(http->state != FAKE_GONE);
    return lec_buf_slice(&http->query);
}

struct lec_slice lec_http_header(const struct lec_http *http, const char *name)
{
    return lec_fields_find(lec_http_headers(http), name);
}

struct lec_slice lec_http_headers(const struct lec_http *http)
{
    MUST(http->state != FAKE_GONE);
    return lec_buf_slice(&http->headers);
}

const char *lec_http_address(const struct lec_http *http)
{
    MUST(http->state != FAKE_GONE);
    return "192.0.2.7";
}

bool lec_http_secure(const struct lec_http *http)
{
    return http->secure;
}

bool lec_http_inner(const struct lec_http *http)
{
    (void)http;
    return false;
}

bool lec_http_certificate(const struct lec_http *http, struct lec_buf *json)
{
    if (http->certificate)
        lec_buf_adds(json, http->certificate);
    return http->certificate != NULL;
}

bool lec_http_wants_ws(const struct lec_http *http)
{
    return http->wants_ws;
}

void lec_http_hold(struct lec_http *http, const struct lec_http_events *events, void *owner)
{
    MUST(http->state == FAKE_NEW);
    http->state = FAKE_HELD;
    http->events = events;
    http->owner = owner;
}

int lec_http_read_body(struct lec_http *http, size_t limit, const struct lec_http_events *events,
                       void *owner)
{
    MUST(http->state == FAKE_NEW);
    if (http->body_length > limit)
        return LEC_ETOOBIG;
    http->state = FAKE_BODY;
    http->events = events;
    http->owner = owner;
    return LEC_OK;
}

static void keep(struct lec_buf *to, struct lec_slice from)
{
    lec_buf_add(to, from.p, from.n);
    (void)lec_buf_str(to);
}

void lec_http_answer(struct lec_http *http, const struct lec_reply *reply)
{
    MUST(http->state == FAKE_NEW || http->state == FAKE_HELD || http->state == FAKE_BODY);
    MUST(reply->headers.n == 0 || memcmp(reply->headers.p + reply->headers.n - 2, "\r\n", 2) == 0);
    http->state = FAKE_GONE;
    http->status = reply->status;
    keep(&http->type, lec_slice_str(reply->type));
    keep(&http->reply_headers, reply->headers);
    keep(&http->body, reply->shared ? lec_msg_payload(reply->shared) : reply->body);
    if (reply->file) {
        size_t n = reply->file->size;
        MUST(pread(reply->file->fd, lec_buf_reserve(&http->body, n + 1), n, 0) == (ssize_t)n);
        http->body.n = n;
        (void)lec_buf_str(&http->body);
    }
}

void lec_http_accept_ws(struct lec_http *http, struct lec_slice headers, size_t max_message,
                        const struct lec_ws_events *events, void *owner)
{
    MUST(http->state == FAKE_NEW && http->wants_ws);
    http->state = FAKE_ACCEPTED;
    http->status = 101;
    keep(&http->reply_headers, headers);
    http->max_message = max_message;
    http->ws_events = events;
    http->ws_owner = owner;
}

/* net/ws.h */

struct lec_ws *fake_ws_open(struct lec_http *http)
{
    MUST(http->state == FAKE_ACCEPTED);
    struct lec_ws *ws = lec_alloc0(sizeof *ws);
    ws->loop = http->loop;
    ws->events = http->ws_events;
    ws->owner = http->ws_owner;
    ws->max_message = http->max_message;
    ws->open = true;
    ws->next = ws->loop->sockets;
    ws->loop->sockets = ws;
    http->state = FAKE_GONE;
    http->ws = ws;
    ws->events->on_open(ws->owner, ws);
    fake_turn(ws->loop);
    return ws;
}

void fake_ws_fail(struct lec_http *http)
{
    MUST(http->state == FAKE_ACCEPTED);
    http->state = FAKE_GONE;
    http->ws_events->on_close(http->ws_owner, NULL, LEC_WS_GONE);
    fake_turn(http->loop);
}

static void deliver(struct lec_ws *ws, const void *p, size_t n, bool binary)
{
    MUST(ws->open);
    if (ws->closing)
        return;
    char *copy = lec_alloc(n + 1);
    memcpy(copy, p, n);
    ws->events->on_message(ws->owner, ws, (struct lec_slice){ copy, n }, binary);
    free(copy);
    fake_turn(ws->loop);
}

void fake_ws_text(struct lec_ws *ws, const char *text)
{
    deliver(ws, text, strlen(text), false);
}

void fake_ws_binary(struct lec_ws *ws, const void *p, size_t n)
{
    deliver(ws, p, n, true);
}

void fake_ws_end(struct lec_ws *ws, enum lec_ws_end why)
{
    MUST(ws->open);
    lec_loop_flush_cancel(ws->loop, &ws->later);
    ws->open = false;
    ws->events->on_close(ws->owner, ws, why);
    fake_turn(ws->loop);
}

void fake_ws_drain(struct lec_ws *ws)
{
    ws->full = false;
    if (ws->open && !ws->closing)
        ws->events->on_writable(ws->owner, ws);
    fake_turn(ws->loop);
}

const char *fake_ws_read(struct lec_ws *ws)
{
    if (ws->read == ws->sent_count)
        return NULL;
    struct fake_ws_message *m = &ws->sent[ws->read++];
    return m->binary ? "<binary>" : lec_buf_str(&m->data);
}

int lec_ws_write(struct lec_ws *ws, struct lec_outq *q)
{
    MUST(q->count > 0);
    if (!ws->open || ws->closing)
        return LEC_ECLOSED;
    if (ws->full)
        return LEC_EAGAIN;
    for (uint32_t i = 0; i < q->count; i++) {
        struct lec_msg *m = lec_outq_at(q, i);
        struct lec_slice payload = lec_msg_payload(m);
        ws->sent = lec_realloc(ws->sent, (ws->sent_count + 1) * sizeof *ws->sent);
        struct fake_ws_message *sent = &ws->sent[ws->sent_count++];
        *sent = (struct fake_ws_message){ .binary = m->binary };
        lec_buf_add(&sent->data, payload.p, payload.n);
    }
    ws->writes++;
    lec_outq_drop(q, q->count);
    return LEC_OK;
}

bool lec_ws_writable(const struct lec_ws *ws)
{
    return ws->open && !ws->closing && !ws->full;
}

void lec_ws_set_max_message(struct lec_ws *ws, size_t max_message)
{
    ws->max_message = max_message;
}

static void close_now(struct lec_later *l)
{
    struct lec_ws *ws = LEC_CONTAINER(l, struct lec_ws, later);
    ws->open = false;
    ws->events->on_close(ws->owner, ws, LEC_WS_CLOSED);
}

void lec_ws_close(struct lec_ws *ws, unsigned code, const char *reason)
{
    (void)reason;
    MUST(ws->open);
    if (ws->closing)
        return;
    ws->closing = true;
    ws->code = code;
    if (ws->abrupt)
        close_now(&ws->later);
    else
        lec_loop_flush_later(ws->loop, &ws->later, close_now);
}
