/* The state machine (engineio/session.h), heartbeat and queue of a session.
 *
 * Everything that is to be sent goes through `out` and leaves at the end of the turn by the current
 * transport, so a turn's messages share one write or one poll, and the order stays.
 *
 * Heartbeat: the server pings ping_interval after the open packet, and again ping_interval after
 * each pong; a pong must come within ping_timeout. One timer serves both. Version 3 has it the other
 * way round: the client pings, and both times must not pass between two of its pings. */
#include "engineio/session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engineio/internal.h"
#include "engineio/packet3.h"

/* A ping that left this late (ms) gives the client its whole time from then on: our own stall is
 * not its fault. Below, deadlines follow the schedule exactly. */
enum { STALLED_MS = 50 };

static void on_beat(struct lec_timer *t);

static char *put_string(char *at, const char *p, size_t n)
{
    memcpy(at, p, n);
    at[n] = '\0';
    return at + n + 1;
}

struct eio_session *eio_session_new(struct eio_engine *e, struct lec_http *http,
                                    const struct eio_query *query, enum eio_transport transport)
{
    struct lec_slice path = lec_http_path(http), text = lec_http_query(http);
    struct lec_slice address = lec_slice_str(lec_http_address(http));
    struct lec_slice headers = lec_http_headers(http);
    struct lec_buf cert = { 0 };
    bool has_cert = lec_http_certificate(http, &cert);

    struct eio_session *s = lec_alloc0(sizeof *s + e->cfg->user_size + path.n + 1 + text.n + 1 +
                                       address.n + 1 + cert.n + has_cert + headers.n);
    s->engine = e;
    s->transport = transport;
    s->base64 = query->base64;
    lec_id_make(s->sid);
    memcpy(s->log_id, s->sid, EIO_LOG_ID_LEN);

    char *at = s->user + e->cfg->user_size;
    struct eio_handshake *h = &s->handshake;
    h->url = at;
    at = put_string(at, path.p, path.n);
    if (text.n > 0) {
        at[-1] = '?';
        h->query = at;
        at = put_string(at, text.p, text.n);
    } else {
        h->query = at - 1;
    }
    h->address = at;
    at = put_string(at, address.p, address.n);
    if (has_cert) {
        h->certificate = at;
        at = put_string(at, cert.p, cert.n);
    }
    lec_buf_fini(&cert);
    h->headers = (struct lec_slice){ at, headers.n };
    if (headers.n > 0)
        memcpy(at, headers.p, headers.n);
    h->protocol = query->protocol;
    h->secure = lec_http_secure(http);
    h->xdomain = lec_http_header(http, "origin").n > 0;
    h->issued_ms = lec_clock_ms();

    lec_map_put(&e->by_sid, (struct lec_slice){ s->sid, LEC_ID_LEN }, s);
    lec_list_append(&e->all, &s->node);
    lec_list_init(&s->unknown);
    if (e->cfg->max_per_site > 0) {
        char site[LEC_ADDRESS_SIZE];
        lec_tally_add(&e->sites, lec_address_site(h->address, site));
    }
    return s;
}

void eio_session_put_open(struct eio_session *s)
{
    const struct eio_config *cfg = s->engine->cfg;
    struct lec_buf *out = &s->engine->out;
    bool upgrades = s->transport == EIO_POLLING && cfg->websocket && cfg->allow_upgrades;
    lec_buf_clear(out, EIO_SCRATCH_KEEP);
    lec_buf_printf(out,
                   "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%u,\"pingTimeout\":%u,"
                   "\"maxPayload\":%u}",
                   s->sid, upgrades ? "\"websocket\"" : "", cfg->ping_interval_ms,
                   cfg->ping_timeout_ms, cfg->max_payload);
    struct lec_msg *m = lec_msg_copy(false, out->p, out->n);
    lec_outq_push(&s->out, m);
    lec_msg_unref(m);
    s->engine->counters->packets_out++;
}

static void start_beat(struct eio_session *s, uint64_t due)
{
    uint64_t now = lec_loop_now(s->engine->loop);
    lec_timer_start(s->engine->loop, &s->beat, due > now ? due - now : 0, on_beat);
}

static void start_beat_in(struct eio_session *s, unsigned ms)
{
    start_beat(s, lec_loop_now(s->engine->loop) + ms);
}

/* How long the client may take for a heartbeat. */
static unsigned patience(const struct eio_session *s)
{
    const struct eio_config *cfg = s->engine->cfg;
    return cfg->ping_timeout_ms + (s->handshake.protocol == 3 ? cfg->ping_interval_ms : 0);
}

void eio_session_opened(struct eio_session *s)
{
    struct eio_engine *e = s->engine;
    s->state = EIO_ALIVE;
    e->open++;
    lec_list_append(&e->unknown, &s->unknown);
    e->counters->sessions_opened++;
    s->awaits_beat = s->handshake.protocol == 3;
    e->counters->sessions_opened_eio3 += s->awaits_beat;
    start_beat_in(s, s->awaits_beat ? patience(s) : e->cfg->ping_interval_ms);
    lec_log(e->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_SOCKET, EIO_WHO(s), "open by %s from %s, EIO=%u",
            s->transport == EIO_POLLING ? "polling" : "websocket", s->handshake.address,
            s->handshake.protocol);
    e->events.on_open(e->ctx, s);
}

static void flush(struct lec_later *l)
{
    struct eio_session *s = LEC_CONTAINER(l, struct eio_session, flush);
    if (s->state == EIO_CLOSED) /* ended since; it is freed behind this */
        return;
    if (s->transport == EIO_WEBSOCKET) {
        eio_ws_flush(s);
    } else {
        eio_probe_flush(s);
        eio_polling_flush(s);
    }
}

void eio_session_flush_later(struct eio_session *s)
{
    lec_loop_flush_later(s->engine->loop, &s->flush, flush);
}

void eio_session_push(struct eio_session *s, struct lec_msg *m)
{
    lec_outq_push(&s->out, m);
    s->engine->counters->packets_out++;
    eio_session_flush_later(s);
}

/* Whether n more bytes would pass the bound. A burst within one turn is not the client's fault:
 * what it can take now is given to it first. A queue that is empty takes any message, since the
 * messages of a healthy client are bounded by who makes them. */
static bool is_slow(struct eio_session *s, size_t n)
{
    size_t max = s->engine->cfg->max_queue_bytes;
    if (s->out.bytes + n <= max)
        return false;
    flush(&s->flush);
    return s->out.count > 0 && s->out.bytes + n > max;
}

static int send_text_or_raw(struct eio_session *s, struct lec_msg *m)
{
    if (is_slow(s, lec_msg_frame(m).n)) {
        struct eio_engine *e = s->engine;
        e->counters->sessions_slow++;
        lec_log(e->log, LEC_LOG_INFO, LEC_CAT_ENGINE_SOCKET, EIO_WHO(s),
                "slow consumer: %zu bytes wait to be sent", s->out.bytes);
        lec_outq_fini(&s->out);
        eio_session_end(s, EIO_SLOW_CONSUMER, e->close);
        return LEC_EFULL;
    }
    if (s->state != EIO_ALIVE) /* the flush found out */
        return LEC_ECLOSED;
    eio_session_push(s, m);
    return LEC_OK;
}

static bool is_text_only(const struct eio_session *s)
{
    return s->base64 && s->transport == EIO_WEBSOCKET;
}

/* A message in the form that a WebSocket of text only sends; the caller has a reference of it. */
static struct lec_msg *as_text(const struct eio_session *s, struct lec_msg *m)
{
    if (!m->binary)
        return lec_msg_ref(m);
    return s->handshake.protocol == 3 ? eio_message3_text(m) : eio_message_text(m);
}

int eio_session_send(struct eio_session *s, struct lec_msg *m)
{
    if (s->state != EIO_ALIVE)
        return LEC_ECLOSED;
    bool eio3 = s->handshake.protocol == 3;
    if (!m->binary || (!eio3 && !is_text_only(s)))
        return send_text_or_raw(s, m);
    struct lec_msg *raw = eio3 ? eio_message3(m) : lec_msg_ref(m);
    struct lec_msg *fit = is_text_only(s) ? as_text(s, raw) : lec_msg_ref(raw);
    int rc = send_text_or_raw(s, fit);
    lec_msg_unref(fit);
    lec_msg_unref(raw);
    return rc;
}

bool eio_session_writable(const struct eio_session *s)
{
    if (s->state != EIO_ALIVE)
        return false;
    if (s->transport == EIO_WEBSOCKET)
        return lec_ws_writable(s->link->ws);
    return s->get != NULL;
}

static void free_session(struct lec_later *l)
{
    free(LEC_CONTAINER(l, struct eio_session, free));
}

/* The user's part of the end. */
static void tell_end(struct eio_session *s, enum eio_reason why)
{
    struct eio_engine *e = s->engine;
    e->open--;
    lec_log(e->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_SOCKET, EIO_WHO(s), "closed: %s",
            eio_reason_text(why));
    e->events.on_close(e->ctx, s, why);
}

void eio_session_end(struct eio_session *s, enum eio_reason why, const struct lec_msg *last)
{
    if (s->state == EIO_CLOSED)
        return;
    struct eio_engine *e = s->engine;
    bool known = s->state == EIO_ALIVE;
    s->state = EIO_CLOSED;
    lec_map_remove(&e->by_sid, (struct lec_slice){ s->sid, LEC_ID_LEN });
    lec_list_remove(&s->node);
    lec_list_remove(&s->unknown);
    lec_timer_stop(e->loop, &s->beat);
    if (e->cfg->max_per_site > 0) {
        char site[LEC_ADDRESS_SIZE];
        lec_tally_remove(&e->sites, lec_address_site(s->handshake.address, site));
    }

    eio_polling_end(s, last);
    if (s->link != NULL && s->link->ws != NULL && s->out.count > 0)
        (void)!lec_ws_write(s->link->ws, &s->out); /* what fits: no more can be done for it */
    eio_link_close(s->link);
    eio_probe_close(s);
    s->link = NULL;
    lec_outq_fini(&s->out);
    lec_loop_free_later(e->loop, &s->free, free_session);
    if (known)
        tell_end(s, why);
}

void eio_session_leave(struct eio_session *s, enum eio_reason why)
{
    if (s->state == EIO_OPENING)
        eio_session_end(s, why, s->engine->close);
    if (s->state != EIO_ALIVE)
        return;
    s->state = EIO_CLOSING;
    lec_list_remove(&s->unknown);
    start_beat_in(s, s->engine->cfg->close_timeout_ms);
    eio_session_flush_later(s);
    tell_end(s, why);
}

void eio_session_close(struct eio_session *s, bool discard)
{
    if (s->state != EIO_ALIVE)
        return;
    if (discard)
        lec_outq_fini(&s->out);
    eio_session_leave(s, EIO_FORCED_CLOSE);
}

void eio_session_bad_packet(struct eio_session *s)
{
    s->engine->counters->sessions_bad_packet++;
    eio_session_end(s, EIO_PARSE_ERROR, s->engine->close);
}

static void on_pong(struct eio_session *s)
{
    if (!s->awaits_beat)
        return;
    s->awaits_beat = false;
    s->answered = s->pinged;
    start_beat_in(s, s->engine->cfg->ping_interval_ms);
}

/* Version 3. */
static void on_ping(struct eio_session *s)
{
    start_beat_in(s, patience(s));
    (void)!send_text_or_raw(s, s->engine->pong);
}

static void handle(struct eio_session *s, const struct eio_packet *packet)
{
    struct eio_engine *e = s->engine;
    e->counters->packets_in++;
    switch (packet->type) {
    case EIO_MESSAGE:
        if (s->state == EIO_ALIVE)
            e->events.on_message(e->ctx, s, packet->data, packet->binary);
        break;
    case EIO_CLOSE:
        eio_session_end(s, EIO_TRANSPORT_CLOSE, e->noop);
        break;
    case EIO_PING:
    case EIO_PONG:
        if ((packet->type == EIO_PING) != (s->handshake.protocol == 3)) /* the server's part */
            eio_session_end(s, EIO_TRANSPORT_ERROR, e->close);
        else if (s->state == EIO_ALIVE && packet->type == EIO_PING)
            on_ping(s);
        else if (s->state == EIO_ALIVE)
            on_pong(s);
        break;
    case EIO_OPEN:
    case EIO_UPGRADE:
    case EIO_NOOP:
        break;
    }
}

int eio_session_take(struct eio_session *s, struct lec_slice data, bool binary)
{
    struct lec_buf *scratch = &s->engine->in;
    struct eio_packet packet = { .type = EIO_MESSAGE, .binary = true, .data = data };
    int rc = LEC_OK;
    lec_buf_clear(scratch, EIO_SCRATCH_KEEP);
    if (s->handshake.protocol == 3)
        rc = eio_packet3_decode(&packet, data, binary, scratch);
    else if (!binary)
        rc = eio_packet_decode(&packet, data, scratch);
    if (rc < 0)
        eio_session_bad_packet(s);
    else
        handle(s, &packet);
    return rc;
}

static void ping_timed_out(struct eio_session *s)
{
    s->engine->counters->sessions_ping_timeout++;
    eio_session_end(s, EIO_PING_TIMEOUT, s->engine->close);
}

static void on_beat(struct lec_timer *t)
{
    struct eio_session *s = LEC_CONTAINER(t, struct eio_session, beat);
    if (s->state == EIO_CLOSING) {
        eio_session_end(s, EIO_FORCED_CLOSE, s->engine->close);
    } else if (s->awaits_beat) {
        ping_timed_out(s);
    } else {
        uint64_t now = lec_loop_now(s->engine->loop);
        uint64_t sent = now - lec_timer_due(t) < STALLED_MS ? lec_timer_due(t) : now;
        s->awaits_beat = true;
        s->pinged = now;
        start_beat(s, sent + patience(s));
        eio_session_push(s, s->engine->ping);
    }
}

bool eio_session_expired(struct eio_session *s)
{
    if (s->state != EIO_ALIVE || !s->awaits_beat ||
        lec_loop_now(s->engine->loop) < lec_timer_due(&s->beat))
        return false;
    ping_timed_out(s);
    return true;
}

/* What was queued for polls, for a WebSocket that takes no raw binary. */
static void make_text(struct eio_session *s)
{
    struct lec_outq text = { 0 };
    for (uint32_t i = 0; i < s->out.count; i++) {
        struct lec_msg *m = as_text(s, lec_outq_at(&s->out, i));
        lec_outq_push(&text, m);
        lec_msg_unref(m);
    }
    lec_outq_fini(&s->out);
    s->out = text;
}

void eio_session_upgrade(struct eio_session *s, struct eio_link *link)
{
    struct eio_engine *e = s->engine;
    eio_polling_release(s);
    s->transport = EIO_WEBSOCKET;
    s->link = link;
    s->base64 = link->base64;
    if (s->base64)
        make_text(s);
    e->counters->sessions_upgraded++;
    lec_ws_set_max_message(link->ws, eio_session_max_payload(s));
    /* The heartbeat may have been on its way by the old transport: it gets its whole time again. */
    if (s->state == EIO_ALIVE && s->awaits_beat)
        start_beat_in(s, patience(s));
    lec_log(e->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_SOCKET, EIO_WHO(s), "upgraded to websocket");
    eio_session_flush_later(s);
}

unsigned eio_session_max_payload(const struct eio_session *s)
{
    const struct eio_config *cfg = s->engine->cfg;
    return s->kept || cfg->max_first_payload > cfg->max_payload ? cfg->max_payload
                                                                : cfg->max_first_payload;
}

void eio_session_keep(struct eio_session *s)
{
    lec_list_remove(&s->unknown);
    s->kept = true;
    if (s->link != NULL && s->link->ws != NULL)
        lec_ws_set_max_message(s->link->ws, eio_session_max_payload(s));
}

uint64_t eio_session_answered(const struct eio_session *s)
{
    return s->answered;
}

bool eio_session_is_open(const struct eio_session *s)
{
    return s->state == EIO_ALIVE;
}

const char *eio_session_sid(const struct eio_session *s)
{
    return s->sid;
}

const char *eio_session_log_id(const struct eio_session *s)
{
    return s->log_id;
}

enum eio_transport eio_session_transport(const struct eio_session *s)
{
    return s->transport;
}

const struct eio_handshake *eio_session_handshake(const struct eio_session *s)
{
    return &s->handshake;
}

void *eio_session_user(struct eio_session *s)
{
    return s->user;
}
