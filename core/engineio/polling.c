/* The long-polling transport: at most one parked GET brings packets to the client, at most one
 * POST brings them here; both may come by any TCP connection, and interleave. */
#include <strings.h>

#include "base/utf8.h"

#include "engineio/internal.h"
#include "engineio/packet3.h"

static const char text_type[] = "text/plain; charset=UTF-8",
                  raw_type[] = "application/octet-stream";

/* Whether what is queued makes a payload of the second form of version 3. */
static bool needs_raw(const struct eio_session *s)
{
    if (s->handshake.protocol != 3 || s->base64)
        return false;
    for (uint32_t i = 0; i < s->out.count; i++)
        if (lec_outq_at(&s->out, i)->binary)
            return true;
    return false;
}

static void put_packet(const struct eio_session *s, bool raw, const struct lec_msg *m)
{
    if (s->handshake.protocol == 3)
        eio_payload3_add(&s->engine->out, raw, m);
    else
        eio_payload_add(&s->engine->out, m);
}

/* Answers the parked poll with all that is queued, and `last` behind it. A noop only serves to
 * fill an answer that would be empty. */
static void answer_poll(struct eio_session *s, const struct lec_msg *last)
{
    struct eio_engine *e = s->engine;
    struct lec_http *http = s->get;
    s->get = NULL;

    bool raw = needs_raw(s);
    lec_buf_clear(&e->out, EIO_SCRATCH_KEEP);
    for (uint32_t i = 0; i < s->out.count; i++)
        put_packet(s, raw, lec_outq_at(&s->out, i));
    lec_outq_drop(&s->out, s->out.count);
    if (s->late && e->out.n == 0)
        put_packet(s, raw, e->noop);
    if (last != NULL && (last != e->noop || e->out.n == 0))
        put_packet(s, raw, last);
    eio_answer_fresh(e, http, s->state == EIO_OPENING ? s->sid : NULL, raw ? raw_type : text_type,
                     lec_buf_slice(&e->out));
}

void eio_polling_accept(struct eio_session *s, struct lec_http *http)
{
    eio_session_put_open(s);
    s->get = http;
    answer_poll(s, NULL);
    eio_session_opened(s);
}

/* The last messages of a session that closes are answered alone, and the close with the next poll:
 * socket.io-client handles messages a tick behind packets, so a close in the same payload would
 * overtake them. When the server goes, nobody waits for that next poll. */
static void flush_closing(struct eio_session *s)
{
    struct eio_engine *e = s->engine;
    if (s->get != NULL && s->out.count == 0) {
        eio_session_end(s, EIO_FORCED_CLOSE, e->close);
        return;
    }
    if (s->get != NULL)
        answer_poll(s, NULL);
    s->late = true;
    if (s->hasty && s->out.count == 0)
        eio_session_end(s, EIO_FORCED_CLOSE, e->close);
}

void eio_polling_flush(struct eio_session *s)
{
    if (s->state == EIO_CLOSING) {
        flush_closing(s);
    } else if (s->get != NULL && s->out.count > 0) {
        answer_poll(s, NULL);
    } else if (s->get != NULL && s->probe != NULL && s->probe->noops > 0) {
        s->probe->noops--;
        answer_poll(s, s->engine->noop);
    }
}

void eio_polling_release(struct eio_session *s)
{
    struct eio_engine *e = s->engine;
    struct lec_http *http = s->get;
    if (http == NULL)
        return;
    s->get = NULL;
    lec_buf_clear(&e->out, EIO_SCRATCH_KEEP);
    put_packet(s, false, e->close);
    eio_answer_fresh(e, http, NULL, text_type, lec_buf_slice(&e->out));
}

void eio_polling_end(struct eio_session *s, const struct lec_msg *last)
{
    if (s->get != NULL)
        answer_poll(s, last);
    if (s->post != NULL && !s->in_body) {
        struct lec_http *http = s->post;
        s->post = NULL;
        eio_answer(s->engine, http, 400, NULL, LEC_SLICE(""));
    }
}

static void on_get_abort(void *owner, struct lec_http *http)
{
    (void)http;
    struct eio_session *s = owner;
    s->get = NULL;
    eio_session_end(s, EIO_TRANSPORT_ERROR, s->engine->close);
}

static const struct lec_http_events get_events = { .on_abort = on_get_abort };

/* The client broke the rules of the transport. */
static void refuse_and_end(struct eio_session *s, struct lec_http *http)
{
    struct eio_engine *e = s->engine;
    eio_session_end(s, EIO_TRANSPORT_ERROR, e->close);
    eio_answer(e, http, 400, NULL, LEC_SLICE(""));
}

static void take_poll(struct eio_session *s, struct lec_http *http)
{
    if (s->get != NULL) {
        lec_log(s->engine->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_POLLING, EIO_WHO(s),
                "a second poll while one is pending");
        refuse_and_end(s, http);
        return;
    }
    s->get = http;
    eio_polling_flush(s);
    if (s->get == http)
        lec_http_hold(http, &get_events, s);
}

static bool next_packet(const struct eio_session *s, struct lec_slice body, bool raw, size_t *pos,
                        struct lec_slice *packet, bool *binary)
{
    *binary = false;
    return s->handshake.protocol == 3 ? eio_payload3_next(body, raw, pos, packet, binary)
                                      : eio_payload_next(body, pos, packet);
}

/* LEC_EPROTO if the body is not what it must be; that has ended the session. */
static int take_packets(struct eio_session *s, struct lec_slice body, bool raw)
{
    struct lec_slice packet;
    bool binary;
    if (!raw && !lec_utf8_valid(body.p, body.n)) {
        eio_session_bad_packet(s);
        return LEC_EPROTO;
    }
    for (size_t pos = 0; next_packet(s, body, raw, &pos, &packet, &binary);) {
        int rc = eio_session_take(s, packet, binary);
        if (rc < 0)
            return rc;
        if (s->state == EIO_CLOSED) /* what a client says behind its goodbye is not read */
            return LEC_OK;
    }
    return LEC_OK;
}

/* Attachments as they are; never in version 4. */
static bool is_raw(const struct lec_http *http)
{
    struct lec_slice type = lec_http_header(http, "content-type");
    return type.n >= sizeof raw_type - 1 && strncasecmp(type.p, raw_type, sizeof raw_type - 1) == 0;
}

static void on_body(void *owner, struct lec_http *http, struct lec_slice body)
{
    struct eio_session *s = owner;
    s->in_body = true;
    int rc = take_packets(s, body, is_raw(http));
    s->in_body = false;
    if (s->post == NULL) /* aborted meanwhile */
        return;
    s->post = NULL;
    if (rc < 0)
        eio_answer(s->engine, http, 400, NULL, LEC_SLICE(""));
    else
        eio_answer_fresh(s->engine, http, NULL, "text/html", LEC_SLICE("ok"));
}

static void on_post_abort(void *owner, struct lec_http *http)
{
    (void)http;
    struct eio_session *s = owner;
    s->post = NULL;
    if (s->transport == EIO_POLLING) /* else it came too late to matter */
        eio_session_end(s, EIO_TRANSPORT_ERROR, s->engine->close);
}

/* The session stays: the client has learnt what fits (maxPayload), and is told again. */
static void refuse_payload(struct eio_session *s, struct lec_http *http)
{
    struct eio_engine *e = s->engine;
    lec_log(e->log, LEC_LOG_INFO, LEC_CAT_ENGINE_POLLING, EIO_WHO(s),
            "refused a payload of more than %u bytes", eio_session_max_payload(s));
    e->counters->payloads_too_big++;
    eio_answer(e, http, 413, NULL, LEC_SLICE(""));
}

static void on_too_big(void *owner, struct lec_http *http)
{
    struct eio_session *s = owner;
    s->post = NULL;
    refuse_payload(s, http);
}

static const struct lec_http_events post_events = { .on_body = on_body,
                                                    .on_too_big = on_too_big,
                                                    .on_abort = on_post_abort };

static void take_post(struct eio_session *s, struct lec_http *http)
{
    struct eio_engine *e = s->engine;
    if (s->post != NULL || (s->handshake.protocol == 4 && is_raw(http))) {
        lec_log(e->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE_POLLING, EIO_WHO(s), "%s",
                s->post ? "a second POST while one is pending" : "a POST of raw binary");
        refuse_and_end(s, http);
        return;
    }
    s->post = http;
    if (lec_http_read_body(http, eio_session_max_payload(s), &post_events, s) == LEC_OK)
        return;
    s->post = NULL;
    refuse_payload(s, http);
}

void eio_polling_request(struct eio_session *s, struct lec_http *http)
{
    switch (lec_http_method(http)) {
    case LEC_GET:
        take_poll(s, http);
        break;
    case LEC_POST:
        take_post(s, http);
        break;
    default:
        s->engine->counters->requests_refused++;
        eio_answer(s->engine, http, 500, NULL, LEC_SLICE("")); /* as the reference */
    }
}
