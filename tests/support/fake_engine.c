#include "fake_engine.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/loop.h"

#define MAX_TIMERS 4096

struct lec_loop {
    uint64_t now;
    struct lec_timer *timers[MAX_TIMERS]; /* in no order; t->slot - 1 is the place */
    uint32_t n_timers;
    struct lec_later *to_free;
};

struct eio_session {
    struct fake_engine *engine;
    struct fake_peer *peer;
    bool open;
    bool eio3, bound;
    struct lec_later later;
    char sid[32];
    _Alignas(max_align_t) char user[1024]; /* more than any user needs */
};

/* The loop */

uint64_t lec_loop_now(const struct lec_loop *loop)
{
    return loop->now;
}

void lec_timer_start(struct lec_loop *loop, struct lec_timer *t, uint64_t ms,
                     void (*fn)(struct lec_timer *))
{
    if (t->slot == 0) {
        assert_true(loop->n_timers < MAX_TIMERS);
        loop->timers[loop->n_timers++] = t;
        t->slot = loop->n_timers;
    }
    t->at = loop->now + ms;
    t->fn = fn;
}

void lec_timer_stop(struct lec_loop *loop, struct lec_timer *t)
{
    if (t->slot == 0)
        return;
    struct lec_timer *last = loop->timers[--loop->n_timers];
    loop->timers[t->slot - 1] = last;
    last->slot = t->slot;
    t->slot = 0;
}

void lec_loop_free_later(struct lec_loop *loop, struct lec_later *l, void (*fn)(struct lec_later *))
{
    if (l->fn != NULL)
        return;
    l->fn = fn;
    l->next = loop->to_free;
    loop->to_free = l;
}

static void end_turn(struct lec_loop *loop)
{
    while (loop->to_free) {
        struct lec_later *l = loop->to_free;
        loop->to_free = l->next;
        l->fn(l);
    }
}

void fake_turn(struct fake_engine *e, uint64_t ms)
{
    struct lec_loop *loop = e->loop;
    uint64_t until = loop->now + ms;
    end_turn(loop);
    for (;;) {
        struct lec_timer *due = NULL;
        for (uint32_t i = 0; i < loop->n_timers; i++)
            if (loop->timers[i]->at <= until && (!due || loop->timers[i]->at < due->at))
                due = loop->timers[i];
        if (!due)
            break;
        loop->now = due->at;
        lec_timer_stop(loop, due);
        due->fn(due);
        end_turn(loop);
    }
    loop->now = until;
}

/* Sessions */

static void free_session(struct lec_later *l)
{
    struct eio_session *s = LEC_CONTAINER(l, struct eio_session, later);
    free(s);
}

static void end_session(struct eio_session *s, enum eio_reason why)
{
    struct fake_engine *e = s->engine;
    if (!s->open)
        return;
    s->open = false;
    s->peer->session = NULL;
    s->peer->why = why;
    e->count--;
    e->events->on_close(e->ctx, s, why);
    lec_loop_free_later(e->loop, &s->later, free_session);
}

static void record(struct fake_peer *p, struct lec_msg *m)
{
    struct lec_slice data = lec_msg_payload(m);
    if (p->text.n > 0)
        lec_buf_addc(&p->text, ' ');
    if (m->binary) {
        lec_buf_addc(&p->text, '<');
        for (size_t i = 0; i < data.n; i++)
            lec_buf_printf(&p->text, "%02x", (unsigned char)data.p[i]);
        lec_buf_addc(&p->text, '>');
    } else {
        lec_buf_add(&p->text, data.p, data.n);
    }
    struct lec_msg **last = m->binary ? &p->last_binary : &p->last;
    lec_msg_unref(*last);
    *last = lec_msg_ref(m);
}

int eio_session_send(struct eio_session *s, struct lec_msg *m)
{
    if (!s->open)
        return LEC_ECLOSED;
    if (m->len > s->peer->room) {
        end_session(s, EIO_SLOW_CONSUMER);
        return LEC_EFULL;
    }
    s->peer->room -= m->len;
    record(s->peer, m);
    return LEC_OK;
}

uint64_t eio_session_answered(const struct eio_session *s)
{
    return s->peer->answered;
}

bool eio_session_writable(const struct eio_session *s)
{
    return s->open && s->peer->writable;
}

void eio_session_close(struct eio_session *s, bool discard)
{
    if (s->open)
        s->peer->discarded = discard;
    end_session(s, EIO_FORCED_CLOSE);
}

void eio_session_keep(struct eio_session *s)
{
    s->peer->kept = true;
}

bool eio_session_is_open(const struct eio_session *s)
{
    return s->open;
}

const char *eio_session_sid(const struct eio_session *s)
{
    return s->sid;
}

const char *eio_session_log_id(const struct eio_session *s)
{
    return s->sid;
}

enum eio_transport eio_session_transport(const struct eio_session *s)
{
    (void)s;
    return EIO_WEBSOCKET;
}

const struct eio_handshake *eio_session_handshake(const struct eio_session *s)
{
    static const struct eio_handshake handshakes[] = {
        { .url = "/socket.io/?EIO=4", .query = "EIO=4", .protocol = 4 },
        { .url = "/socket.io/?EIO=3", .query = "EIO=3", .protocol = 3 },
    };
    return s->sid[0] ? &handshakes[s->eio3] : NULL;
}

bool eio_session_is_bound(const struct eio_session *s)
{
    return s->bound;
}

void *eio_session_user(struct eio_session *s)
{
    return s->user;
}

/* The engine */

void fake_engine_init(struct fake_engine *e, const struct eio_events *events, void *ctx)
{
    *e = (struct fake_engine){ .events = events, .ctx = ctx };
    e->loop = lec_alloc0(sizeof *e->loop);
    e->loop->now = 1000;
}

void fake_engine_set(struct fake_engine *e, const struct eio_events *events, void *ctx)
{
    e->events = events;
    e->ctx = ctx;
}

void fake_engine_shutdown(struct fake_engine *e)
{
    for (struct fake_peer *p = e->peers; p; p = p->next)
        if (p->session)
            end_session(p->session, EIO_SERVER_SHUTDOWN);
    end_turn(e->loop);
}

void fake_engine_fini(struct fake_engine *e)
{
    assert_int_equal(e->count, 0);
    assert_int_equal(e->loop->n_timers, 0);
    end_turn(e->loop);
    for (struct fake_peer *p = e->peers, *next; p; p = next) {
        next = p->next;
        lec_buf_fini(&p->text);
        lec_buf_fini(&p->shown);
        lec_msg_unref(p->last);
        lec_msg_unref(p->last_binary);
        free(p);
    }
    free(e->loop);
}

static struct fake_peer *open_peer(struct fake_engine *e)
{
    static const size_t plenty = 100000000;
    struct fake_peer *p = lec_alloc0(sizeof *p);
    p->writable = true;
    p->room = plenty;
    p->number = e->peers ? e->peers->number + 1 : 1;
    p->next = e->peers;
    e->peers = p;
    p->session = lec_alloc0(sizeof *p->session);
    p->session->engine = e;
    p->session->peer = p;
    p->session->open = true;
    p->session->sid[0] = 's';
    e->count++;
    return p;
}

struct fake_peer *fake_open(struct fake_engine *e)
{
    struct fake_peer *p = open_peer(e);
    e->events->on_open(e->ctx, p->session);
    return p;
}

struct fake_peer *fake_open3(struct fake_engine *e, bool bound)
{
    struct fake_peer *p = open_peer(e);
    p->session->eio3 = true;
    p->session->bound = bound;
    snprintf(p->session->sid, sizeof p->session->sid, "sid-of-%013u", p->number);
    e->events->on_open(e->ctx, p->session);
    return p;
}

/* In a buffer of its own that dies with the call, as the engine's may. */
static void deliver(struct fake_engine *e, struct fake_peer *p, const void *bytes, size_t n,
                    bool binary)
{
    if (!p->session)
        return;
    char *copy = lec_alloc(n + 1);
    memcpy(copy, bytes, n);
    e->events->on_message(e->ctx, p->session, (struct lec_slice){ copy, n }, binary);
    free(copy);
}

void fake_text(struct fake_engine *e, struct fake_peer *p, const char *packet)
{
    deliver(e, p, packet, strlen(packet), false);
}

void fake_binary(struct fake_engine *e, struct fake_peer *p, const void *bytes, size_t n)
{
    deliver(e, p, bytes, n, true);
}

void fake_close(struct fake_engine *e, struct fake_peer *p, enum eio_reason why)
{
    (void)e;
    if (p->session)
        end_session(p->session, why);
}

const char *fake_sent(struct fake_peer *p)
{
    lec_buf_clear(&p->shown, 0);
    lec_buf_add(&p->shown, p->text.p, p->text.n);
    lec_buf_clear(&p->text, 4096);
    return lec_buf_str(&p->shown);
}
