/* The WebSocket transport, and the probe by which a polling session moves to one:
 *
 *   client: connects with the sid      probe attached, upgrade_timeout runs
 *   client: 2probe                     3probe; the parked poll is answered "6"
 *   client: waits for its GET and POST to end (new polls are answered "6")
 *   client: 5                          the session drains its queue here from now on
 *
 * Until "5" everything that is queued goes by polling, so nothing is lost or overtaken. Whatever
 * goes wrong before it costs only the probe. */
#include <stdlib.h>

#include "engineio/internal.h"

enum {
    /* A client that upgrades sends nothing until its poll is answered, for which the reference takes
     * up to 100 ms. But networks exist that let the 101 through and then swallow every frame. Their
     * clients would poll in a hot loop until the upgrade times out, so only so many polls are
     * answered at once; then one a tick. */
    EAGER_NOOPS = 20,
    TICK_MS = 100,
};

void eio_link_close(struct eio_link *link)
{
    if (link == NULL)
        return;
    link->session = NULL;
    if (link->ws != NULL)
        lec_ws_close(link->ws, 0, NULL); /* may free the link */
}

static void free_probe(struct eio_session *s)
{
    lec_timer_stop(s->engine->loop, &s->probe->tick);
    free(s->probe);
    s->probe = NULL;
}

void eio_probe_close(struct eio_session *s)
{
    if (s->probe == NULL)
        return;
    struct eio_link *link = s->probe->link;
    free_probe(s);
    eio_link_close(link);
}

static void drop_probe(struct eio_session *s, const char *why)
{
    lec_log(s->engine->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_WS, EIO_WHO(s), "probe dropped: %s", why);
    eio_probe_close(s);
}

static void start_tick(struct eio_probe *probe);

static void on_tick(struct lec_timer *t)
{
    struct eio_probe *probe = LEC_CONTAINER(t, struct eio_probe, tick);
    struct eio_session *s = probe->link->session;
    if (lec_loop_now(s->engine->loop) >= probe->deadline) {
        drop_probe(s, "timeout");
        return;
    }
    start_tick(probe);
    if (probe->noops == 0)
        probe->noops = 1;
    eio_polling_flush(s);
}

static void start_tick(struct eio_probe *probe)
{
    struct lec_loop *loop = probe->link->session->engine->loop;
    uint64_t left = probe->deadline - lec_loop_now(loop);
    lec_timer_start(loop, &probe->tick, left < TICK_MS ? left : TICK_MS, on_tick);
}

static void start_probe(struct eio_session *s, struct eio_link *link)
{
    struct eio_probe *probe = s->probe = lec_alloc0(sizeof *probe);
    probe->link = link;
    probe->noops = EAGER_NOOPS;
    probe->deadline = lec_loop_now(s->engine->loop) + s->engine->cfg->upgrade_timeout_ms;
    start_tick(probe);
}

void eio_probe_flush(struct eio_session *s)
{
    struct eio_probe *probe = s->probe;
    if (probe == NULL || !probe->probed)
        return;
    probe->probed = false;
    struct lec_outq q = { 0 };
    lec_outq_push(&q, s->engine->probed);
    int rc = lec_ws_write(probe->link->ws, &q);
    lec_outq_fini(&q);
    if (rc < 0 && s->probe == probe)
        drop_probe(s, "it does not read");
}

static void on_probe_message(struct eio_session *s, struct lec_slice data, bool binary)
{
    struct eio_probe *probe = s->probe;
    if (!binary && lec_slice_is(data, "2probe")) {
        probe->probed = true;
        eio_session_flush_later(s);
    } else if (!binary && lec_slice_is(data, "5")) {
        struct eio_link *link = probe->link;
        eio_probe_flush(s); /* a client that did not wait for it */
        if (s->probe != probe)
            return;
        free_probe(s);
        eio_session_upgrade(s, link);
    } else {
        drop_probe(s, "neither probe nor upgrade");
    }
}

static void on_open(void *owner, struct lec_ws *ws)
{
    struct eio_link *link = owner;
    struct eio_session *s = link->session;
    link->ws = ws;
    if (s == NULL) {
        lec_ws_close(ws, 0, NULL);
    } else if (s->link == link) {
        eio_session_put_open(s);
        eio_session_flush_later(s);
        eio_session_opened(s);
    }
}

static void on_message(void *owner, struct lec_ws *ws, struct lec_slice data, bool binary)
{
    (void)ws;
    struct eio_session *s = ((struct eio_link *)owner)->session;
    if (s == NULL)
        return;
    if (s->link != owner)
        on_probe_message(s, data, binary);
    else
        (void)!eio_session_take(s, data, binary);
}

static void on_writable(void *owner, struct lec_ws *ws)
{
    (void)ws;
    struct eio_session *s = ((struct eio_link *)owner)->session;
    if (s != NULL && s->link == owner)
        eio_ws_flush(s);
}

static void on_close(void *owner, struct lec_ws *ws, enum lec_ws_end why)
{
    (void)ws;
    struct eio_link *link = owner;
    struct eio_session *s = link->session;
    if (s != NULL && s->link == link) {
        s->link = NULL;
        eio_session_end(s, why == LEC_WS_ERROR ? EIO_TRANSPORT_ERROR : EIO_TRANSPORT_CLOSE,
                        s->engine->close);
    } else if (s != NULL) {
        free_probe(s);
    }
    free(link);
}

static const struct lec_ws_events events = { on_open, on_message, on_writable, on_close };

static void accept_link(struct eio_engine *e, struct lec_http *http, struct eio_link *link)
{
    lec_buf_clear(&e->headers, EIO_SCRATCH_KEEP);
    lec_cors_headers(&e->cfg->cors, http, &e->headers);
    const struct eio_session *s = link->session;
    size_t max = s != NULL ? eio_session_max_payload(s) : 0;
    lec_http_accept_ws(http, lec_buf_slice(&e->headers), max, &events, link);
}

void eio_ws_accept(struct eio_session *s, struct lec_http *http, const struct eio_query *query)
{
    struct eio_engine *e = s->engine;
    struct eio_link *link = lec_alloc0(sizeof *link);
    link->session = s;
    link->base64 = query->base64;
    if (s->transport == EIO_WEBSOCKET)
        s->link = link;
    else
        start_probe(s, link);
    accept_link(e, http, link);
}

void eio_ws_turn_away(struct eio_engine *e, struct lec_http *http)
{
    e->counters->requests_refused++;
    accept_link(e, http, lec_alloc0(sizeof(struct eio_link))); /* on_open closes it */
}

void eio_ws_flush(struct eio_session *s)
{
    if (s->state == EIO_OPENING)
        return;
    int rc = s->out.count > 0 ? lec_ws_write(s->link->ws, &s->out) : LEC_OK;
    if (rc == LEC_OK && s->state == EIO_CLOSING)
        eio_session_end(s, EIO_FORCED_CLOSE, s->engine->close);
    /* LEC_EAGAIN: on_writable comes; LEC_ECLOSED: on_close comes. */
}
