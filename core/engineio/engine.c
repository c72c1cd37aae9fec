/* The table of sessions, and the checks that each request passes, in the reference's order:
 * transport, characters of Origin, sid, transport of that sid | method, upgrade, origin, protocol.
 * A client that errs in two ways is told of the same one by both servers. */
#include "engineio/engine.h"

#include <stdlib.h>

#include "engineio/internal.h"

enum {
    FOREIGN_LINES = 5, /* about pages of other origins in the log, in each … */
    FOREIGN_PERIOD_MS = 60000,
    FOREIGN_CHARS = 100, /* of a header in such a line */
};

/* Why a request is refused. For HTTP a JSON body with the code; for WebSocket, whose browsers see
 * neither status nor body, the reference writes 400 and the message. */
struct refusal {
    unsigned status, code;
    const char *message;
};

static const struct refusal transport_unknown = { 400, 0, "Transport unknown" };
static const struct refusal sid_unknown = { 400, 1, "Session ID unknown" };
static const struct refusal bad_method = { 400, 2, "Bad handshake method" };
static const struct refusal bad_request = { 400, 3, "Bad request" };
static const struct refusal forbidden = { 403, 4, "Forbidden" };
static const struct refusal bad_protocol = { 400, 5, "Unsupported protocol version" };
/* Not among the reference's codes: clients go by the status, and come back later. */
static const struct refusal full = { 503, 503, "Too many sessions" };
static const struct refusal draining = { 503, 503, "Server is shutting down" };
static const struct refusal storm = { 503, 503, "Too many handshakes at once" };
static const struct refusal crowded = { 429, 429, "Too many connections from this address" };

struct eio_engine *eio_engine_new(struct lec_loop *loop, const struct eio_config *cfg,
                                  const struct eio_events *events, void *ctx,
                                  struct lec_counters *counters, struct lec_log *log)
{
    struct eio_engine *e = lec_alloc0(sizeof *e);
    e->loop = loop;
    e->cfg = cfg;
    e->events = *events;
    e->ctx = ctx;
    e->counters = counters;
    e->log = log;
    lec_list_init(&e->all);
    lec_list_init(&e->unknown);
    e->ping = lec_msg_copy(false, "2", 1);
    e->pong = lec_msg_copy(false, "3", 1);
    e->noop = lec_msg_copy(false, "6", 1);
    e->close = lec_msg_copy(false, "1", 1);
    e->probed = lec_msg_copy(false, "3probe", 6);
    return e;
}

void eio_engine_free(struct eio_engine *e)
{
    if (e == NULL)
        return;
    lec_map_fini(&e->by_sid);
    lec_tally_fini(&e->sites);
    lec_msg_unref(e->ping);
    lec_msg_unref(e->pong);
    lec_msg_unref(e->noop);
    lec_msg_unref(e->close);
    lec_msg_unref(e->probed);
    lec_buf_fini(&e->in);
    lec_buf_fini(&e->out);
    lec_buf_fini(&e->headers);
    free(e);
}

static void answer(struct eio_engine *e, struct lec_http *http, const struct lec_reply *reply)
{
    struct lec_reply full_reply = *reply;
    lec_cors_headers(&e->cfg->cors, http, &e->headers);
    full_reply.headers = lec_buf_slice(&e->headers);
    lec_http_answer(http, &full_reply);
}

void eio_answer(struct eio_engine *e, struct lec_http *http, unsigned status, const char *type,
                struct lec_slice body)
{
    lec_buf_clear(&e->headers, EIO_SCRATCH_KEEP);
    answer(e, http, &(struct lec_reply){ .status = status, .type = type, .body = body });
}

/* For load balancers that keep a client with one server by a cookie; nothing here reads it. */
static void add_cookie(struct eio_engine *e, const struct lec_http *http, const char *sid)
{
    const char *same_site = e->cfg->cookie_same_site;
    /* browsers ignore one for other sites that is not Secure */
    bool secure = lec_http_secure(http) || strcmp(same_site, "None") == 0;
    lec_buf_printf(&e->headers, "Set-Cookie: %s=%s; Path=/; HttpOnly%s; SameSite=%s\r\n",
                   e->cfg->cookie, sid, secure ? "; Secure" : "", same_site);
}

void eio_answer_fresh(struct eio_engine *e, struct lec_http *http, const char *sid,
                      const char *type, struct lec_slice body)
{
    lec_buf_clear(&e->headers, EIO_SCRATCH_KEEP);
    if (sid && e->cfg->cookie)
        add_cookie(e, http, sid);
    lec_buf_adds(&e->headers, "cache-control: no-store\r\n");
    body = lec_deflate_for(e->cfg->deflater, http, body, &e->headers);
    answer(e, http, &(struct lec_reply){ .status = 200, .type = type, .body = body });
}

/* A header for the log, at most so long, without what could pass for the words around it. */
static void add_cleaned(struct lec_buf *out, struct lec_slice value)
{
    size_t n = value.n < FOREIGN_CHARS ? value.n : FOREIGN_CHARS;
    lec_buf_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        char c = value.p[i];
        lec_buf_addc(out, c > ' ' && c <= '~' && c != '"' ? c : '?');
    }
    lec_buf_adds(out, n < value.n ? "…\"" : "\"");
}

/* Browsers tell a page no more than that it failed, so whoever runs the server must hear why. */
static void log_foreign(struct eio_engine *e, const struct lec_http *http)
{
    struct eio_foreign *f = &e->foreign;
    uint64_t now = lec_loop_now(e->loop);
    if (now - f->since >= FOREIGN_PERIOD_MS) {
        f->since = now;
        f->logged = 0;
    }
    if (f->logged == FOREIGN_LINES) {
        f->skipped++;
        return;
    }
    f->logged++;
    struct lec_buf line = { 0 };
    lec_buf_adds(&line, "refused a WebSocket of another site: Origin ");
    add_cleaned(&line, lec_http_header(http, "origin"));
    lec_buf_adds(&line, ", Host ");
    add_cleaned(&line, lec_http_header(http, "host"));
    lec_buf_adds(&line, "; to allow it, name its origin in frontend_url (FRONTEND_URL)");
    if (f->skipped > 0)
        lec_buf_printf(&line, "; %u more were not logged", f->skipped);
    f->skipped = 0;
    lec_log(e->log, LEC_LOG_INFO, LEC_CAT_ENGINE, LEC_NOBODY, "%s", lec_buf_str(&line));
    lec_buf_fini(&line);
}

static void refuse(struct eio_engine *e, struct lec_http *http, const struct eio_query *query,
                   const struct refusal *why)
{
    if (query->sid.n == 0)
        e->counters->sessions_refused++;
    else
        e->counters->requests_refused++;
    lec_log(e->log, LEC_LOG_DEBUG, LEC_CAT_ENGINE, LEC_NOBODY, "refused %s: %s",
            lec_http_address(http), why->message);
    if (why == &forbidden)
        log_foreign(e, http);
    struct lec_reply reply = { .status = why->status,
                               .type = "text/html",
                               .body = lec_slice_str(why->message) };
    lec_buf_clear(&e->headers, EIO_SCRATCH_KEEP);
    if (why->status >= 429)
        lec_buf_adds(&e->headers, "retry-after: 1\r\n");
    if (lec_http_wants_ws(http)) {
        reply.status = why->status >= 429 ? why->status : 400;
    } else {
        lec_buf_clear(&e->out, EIO_SCRATCH_KEEP);
        lec_buf_printf(&e->out, "{\"code\":%u,\"message\":\"%s\"}", why->code, why->message);
        reply.type = "application/json";
        reply.body = lec_buf_slice(&e->out);
    }
    answer(e, http, &reply);
}

static bool is_offered(const struct eio_config *cfg, enum eio_transport transport)
{
    return (transport == EIO_POLLING && cfg->polling) ||
           (transport == EIO_WEBSOCKET && cfg->websocket);
}

/* Control characters, which no browser sends. */
static bool has_bad_characters(struct lec_slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_full(const struct eio_engine *e)
{
    return e->by_sid.count >= e->cfg->max_sessions;
}

static bool is_crowded(const struct eio_engine *e, const struct lec_http *http)
{
    char site[LEC_ADDRESS_SIZE];
    return e->cfg->max_per_site > 0 &&
           lec_tally_count(&e->sites, lec_address_site(lec_http_address(http), site)) >=
               e->cfg->max_per_site;
}

/* Why this handshake is refused, NULL if it is not. Takes its token from the bucket last, so that
 * what is refused for another reason costs the others none. */
static const struct refusal *check_handshake(struct eio_engine *e, const struct lec_http *http,
                                             const struct eio_query *query)
{
    bool ws = lec_http_wants_ws(http);
    if (lec_http_method(http) != LEC_GET)
        return &bad_method;
    if (ws != (query->transport == EIO_WEBSOCKET))
        return &bad_request;
    if (e->draining)
        return &draining;
    if (is_full(e) && lec_list_empty(&e->unknown))
        return &full;
    if (ws && !lec_cors_allowed(&e->cfg->cors, http))
        return &forbidden;
    if (query->protocol != 4 && !e->cfg->allow_eio3)
        return &bad_protocol;
    if (is_crowded(e, http)) {
        e->counters->sessions_refused_address++;
        return &crowded;
    }
    if (!lec_bucket_take(&e->handshakes, &e->cfg->handshakes, lec_loop_now(e->loop), 1)) {
        e->counters->sessions_refused_rate++;
        return &storm;
    }
    return NULL;
}

static void handshake(struct eio_engine *e, struct lec_http *http, const struct eio_query *query)
{
    const struct refusal *why = check_handshake(e, http, query);
    if (why != NULL) {
        refuse(e, http, query, why);
        return;
    }
    if (is_full(e)) {
        struct eio_session *oldest = LEC_CONTAINER(e->unknown.next, struct eio_session, unknown);
        e->counters->sessions_gave_way++;
        eio_session_end(oldest, EIO_FORCED_CLOSE, e->close);
    }
    struct eio_session *s = eio_session_new(e, http, query, query->transport);
    if (query->transport == EIO_WEBSOCKET)
        eio_ws_accept(s, http, query);
    else
        eio_polling_accept(s, http);
}

/* Why this request for a live session is refused, NULL if it is not. */
static const struct refusal *check_request(const struct eio_session *s, const struct lec_http *http,
                                           const struct eio_query *query)
{
    const struct eio_config *cfg = s->engine->cfg;
    if (!lec_http_wants_ws(http)) {
        bool fits = query->transport == EIO_POLLING && s->transport == EIO_POLLING;
        return fits ? NULL : &bad_request;
    }
    if (!lec_cors_allowed(&cfg->cors, http))
        return &forbidden;
    bool may_upgrade =
        query->transport == EIO_WEBSOCKET && cfg->allow_upgrades && s->state == EIO_ALIVE;
    return may_upgrade ? NULL : &bad_request;
}

/* It upgrades already, or did: the reference lets such a WebSocket open and closes it at once. */
static bool has_websocket(const struct eio_session *s)
{
    return s->transport == EIO_WEBSOCKET || s->probe != NULL;
}

void eio_engine_request(struct eio_engine *e, struct lec_http *http)
{
    struct eio_query query;
    eio_query_parse(&query, lec_http_query(http));

    if (lec_http_method(http) == LEC_OPTIONS && lec_cors_preflight(&e->cfg->cors, http))
        return;
    if (!is_offered(e->cfg, query.transport)) {
        refuse(e, http, &query, &transport_unknown);
        return;
    }
    if (has_bad_characters(lec_http_header(http, "origin"))) {
        refuse(e, http, &query, &bad_request);
        return;
    }
    if (query.sid.n == 0) {
        handshake(e, http, &query);
        return;
    }
    struct eio_session *s = lec_map_get(&e->by_sid, query.sid);
    if (s == NULL || s->state == EIO_OPENING || eio_session_expired(s) ||
        !eio_session_knows(s, http, &query)) {
        refuse(e, http, &query, e->draining ? &draining : &sid_unknown);
        return;
    }
    const struct refusal *why = check_request(s, http, &query);
    if (why != NULL)
        refuse(e, http, &query, why);
    else if (!lec_http_wants_ws(http))
        eio_polling_request(s, http);
    else if (has_websocket(s))
        eio_ws_turn_away(e, http);
    else
        eio_ws_accept(s, http, &query);
}

/* Fisher and Yates: so that who came together, like a class or all after a restart, does not leave
 * together. */
static void shuffle(struct eio_engine *e)
{
    size_t n = 0;
    struct lec_list **nodes = lec_alloc((e->by_sid.count + 1) * sizeof(struct lec_list *));
    struct lec_list *node;
    while ((node = lec_list_shift(&e->all)) != NULL)
        nodes[n++] = node;
    while (n > 0) {
        uint64_t random;
        lec_random(&random, sizeof random);
        size_t i = random % n;
        lec_list_append(&e->all, nodes[i]);
        nodes[i] = nodes[--n];
    }
    free(nodes);
}

void eio_engine_drain(struct eio_engine *e)
{
    e->draining = true;
    shuffle(e);
}

/* Sends what is queued, then ends it; it is not waited for only to be told. */
static void dismiss(struct eio_session *s)
{
    s->hasty = true;
    eio_session_leave(s, EIO_SERVER_SHUTDOWN);
    if (s->state == EIO_CLOSING) /* perhaps since long */
        eio_session_flush_later(s);
}

void eio_engine_shed(struct eio_engine *e, size_t n)
{
    /* Callbacks may end any session, and open none: each is looked at once at most. */
    struct lec_list *node;
    for (size_t left = e->by_sid.count; n > 0 && left > 0; left--) {
        if ((node = lec_list_shift(&e->all)) == NULL)
            return;
        struct eio_session *s = LEC_CONTAINER(node, struct eio_session, node);
        lec_list_append(&e->all, node);
        if (s->state != EIO_ALIVE)
            continue;
        dismiss(s);
        n--;
    }
}

void eio_engine_close(struct eio_engine *e, bool flush)
{
    /* Callbacks may end any session, and open none that must be closed too. */
    struct lec_list todo, *node;
    lec_list_init(&todo);
    while ((node = lec_list_shift(&e->all)) != NULL)
        lec_list_append(&todo, node);
    while ((node = lec_list_shift(&todo)) != NULL) {
        struct eio_session *s = LEC_CONTAINER(node, struct eio_session, node);
        lec_list_append(&e->all, node);
        if (flush) {
            dismiss(s);
        } else {
            lec_outq_fini(&s->out);
            eio_session_end(s, EIO_SERVER_SHUTDOWN, e->close);
        }
    }
}

size_t eio_engine_count(const struct eio_engine *e)
{
    return e->open;
}

size_t eio_engine_count_on(const struct eio_engine *e, enum eio_transport t)
{
    size_t n = 0;
    for (const struct lec_list *node = e->all.next; node != &e->all; node = node->next) {
        const struct eio_session *s = LEC_CONTAINER(node, struct eio_session, node);
        n += s->state == EIO_ALIVE && s->transport == t;
    }
    return n;
}

size_t eio_engine_closing(const struct eio_engine *e)
{
    return e->by_sid.count - e->open;
}

const char *eio_reason_text(enum eio_reason why)
{
    switch (why) {
    case EIO_TRANSPORT_CLOSE:
        return "transport close";
    case EIO_TRANSPORT_ERROR:
        return "transport error";
    case EIO_PING_TIMEOUT:
        return "ping timeout";
    case EIO_PARSE_ERROR:
        return "parse error";
    case EIO_FORCED_CLOSE:
        return "forced close";
    case EIO_SERVER_SHUTDOWN:
        return "server shutting down";
    case EIO_SLOW_CONSUMER:
        return "slow consumer";
    }
    return "unknown";
}
