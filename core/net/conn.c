/* One TCP connection, from accept to its end: its states, its one deadline, what it reads.
 *
 * While it speaks HTTP a connection reads a piece, works through it (consume), and keeps what it could
 * not use: part of a head, or requests that were sent without waiting while one is answered. That is
 * bounded by what one read may bring (HEAD_READ) and by max_header_bytes; all else waits in the
 * kernel. Callbacks may close any connection, this one too: conn_end marks, the end of the turn closes,
 * and the struct lives to the end of that turn. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/internal.h"
#include "net/proxy_header.h"

#define HEAD_READ LEC_RECORD  /* bytes read at once where a head is awaited */
#define MAX_SKIP  (64 * 1024) /* bytes of a body that are thrown away to keep a connection */

static void conn_settle(struct lec_later *later);
static void conn_read(struct conn *c, bool hangup);

/* --- states ------------------------------------------------------------------------------- */

#define BIT(s)  (1u << CONN_##s)
#define ANY_END (BIT(ENDING) | BIT(DEAD))

/* What may follow each state. */
static const uint16_t followers[] = {
    [CONN_FRESH] = BIT(HANDSHAKE) | BIT(HEAD) | ANY_END,
    [CONN_HANDSHAKE] = BIT(HEAD) | ANY_END,
    [CONN_HEAD] = BIT(EXCHANGE) | BIT(SENDING) | BIT(LINGER) | ANY_END,
    [CONN_EXCHANGE] =
        BIT(BODY) | BIT(HEAD) | BIT(SENDING) | BIT(SKIP) | BIT(WS) | BIT(LINGER) | ANY_END,
    [CONN_BODY] = BIT(EXCHANGE) | BIT(HEAD) | BIT(SENDING) | BIT(SKIP) | BIT(LINGER) | ANY_END,
    [CONN_SENDING] = BIT(HEAD) | BIT(SKIP) | BIT(LINGER) | ANY_END,
    [CONN_SKIP] = BIT(HEAD) | BIT(SENDING) | BIT(LINGER) | ANY_END,
    [CONN_WS] = BIT(LINGER) | ANY_END,
    [CONN_LINGER] = ANY_END,
    [CONN_ENDING] = BIT(DEAD),
    [CONN_DEAD] = 0,
};

void conn_become(struct conn *c, enum conn_state state)
{
    bool legal = (followers[c->state] & (1u << state)) != 0;
    assert(legal);
    (void)legal;
    c->state = (uint8_t)state;
    c->mute = false;
    c->half_closed = false;
    if (!conn_is_over(c) && c->ws == NULL)
        conn_look(c);
}

/* The events that matter now. That a client that waits for its answer sends something is found out when
 * it does (mute); that it half-closes while it is sent to does not matter. */
static uint32_t wanted(const struct conn *c)
{
    if (c->state == CONN_SENDING)
        return EPOLLOUT;
    if (c->state == CONN_EXCHANGE && c->half_closed)
        return EPOLLET; /* errors and the full end are always told, here once */
    if (c->state == CONN_EXCHANGE)
        return c->mute ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;
    if (c->state == CONN_LINGER) /* whether the client hears TLS's farewell matters to nobody */
        return EPOLLIN | EPOLLRDHUP;
    return wire_blocked(c) ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;
}

static void watch(struct conn *c, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = c };
    int op = c->watched != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    c->watched = events;
    if (epoll_ctl(c->net->watch_fd, op, c->fd, &e) != 0)
        conn_abort(c);
}

void conn_look(struct conn *c)
{
    uint32_t events = c->ws != NULL ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : wanted(c);
    if (events != c->watched || c->ws != NULL)
        watch(c, events);
}

/* --- deadlines ---------------------------------------------------------------------------- */

static void on_deadline(struct lec_timer *t)
{
    struct conn *c = LEC_CONTAINER(t, struct conn, timer);
    switch ((enum conn_state)c->state) {
    case CONN_HEAD:
        if (c->intake != NULL && c->intake->bytes.n > 0) {
            reply_refuse(c, 408);
            break;
        }
        if (c->served) { /* it was idle */
            conn_end(c);
            break;
        }
        /* fall through */
    case CONN_FRESH:
    case CONN_HANDSHAKE:
    case CONN_SKIP:
        c->net->counters->http_refused++;
        conn_end(c);
        break;
    case CONN_BODY:
        http_abort(c);
        if (c->state == CONN_BODY)
            reply_refuse(c, 408);
        break;
    case CONN_SENDING:
        c->net->counters->http_unread++;
        conn_end(c);
        break;
    case CONN_LINGER:
        conn_end(c);
        break;
    case CONN_WS:
        ws_pause_ends(c);
        break;
    case CONN_EXCHANGE:
    case CONN_ENDING:
    case CONN_DEAD:
        break;
    }
}

void conn_set_deadline(struct conn *c, unsigned ms)
{
    lec_timer_start(c->net->loop, &c->timer, ms, on_deadline);
}

/* --- its beginning ------------------------------------------------------------------------ */

/* Counts it for its address, or not any more. */
static void count_site(struct conn *c, bool in)
{
    struct lec_net *net = c->net;
    char site[LEC_ADDRESS_SIZE];
    if (net->cfg->max_per_site == 0 || c->inner)
        return;
    struct lec_slice name = lec_address_site(c->client ? c->client : c->address, site);
    if (in)
        lec_tally_add(&net->sites, name);
    else
        lec_tally_remove(&net->sites, name);
}

void conn_new(const struct listener *l, int fd, const char *address)
{
    struct lec_net *net = l->net;
    size_t n = strlen(address) + 1;
    struct conn *c = lec_alloc0(sizeof *c + n);
    c->inner = l->inner;
    c->plain = l->plain;
    net->inner_count += c->inner;
    c->net = net;
    c->fd = fd;
    memcpy(c->address, address, n);
    count_site(c, true);
    lec_list_append(&net->conns, &c->node);
    net->count++;
    conn_set_deadline(c, net->cfg->header_timeout_ms);
    conn_look(c);
}

static struct intake *intake(struct conn *c)
{
    if (c->intake == NULL)
        c->intake = lec_alloc0(sizeof *c->intake);
    return c->intake;
}

static void free_intake(struct conn *c)
{
    if (c->intake != NULL)
        lec_buf_fini(&c->intake->bytes);
    free(c->intake);
    c->intake = NULL;
}

/* What a PROXY header says: it counts from now on as if the client had connected by itself. */
static void proxied(struct conn *c, const char *address)
{
    if (address[0] != '\0' && !net_has_room_for(c->net, address)) {
        c->net->counters->connections_refused_address++;
        conn_end(c);
        return;
    }
    count_site(c, false);
    if (address[0] == '\0')
        address = c->address;
    c->client = lec_strndup(address, strlen(address));
    count_site(c, true);
    free_intake(c);
}

/* Once a minute, as what checks a server's health may come every second. */
static void tell_of_proxy(struct conn *c)
{
    struct lec_net *net = c->net;
    uint64_t now = lec_loop_now(net->loop);
    if (net->proxy_told != 0 && now - net->proxy_told < 60000)
        return;
    net->proxy_told = now;
    lec_log(
        net->log, LEC_LOG_WARN, LEC_CAT_NET, LEC_NOBODY,
        "the proxy %s does not begin its connections with the PROXY protocol: have it do so, or "
        "turn proxy_protocol off",
        c->address);
}

/* Takes no more from the socket than is the header's: what follows may be TLS. */
static void read_proxy_header(struct conn *c)
{
    struct lec_buf *kept = &intake(c)->bytes;
    size_t had = kept->n, room = LEC_PROXY_HEADER_MAX - had;
    char address[LEC_ADDRESS_SIZE];
    ssize_t n = recv(c->fd, lec_buf_reserve(kept, room), room, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    int rc = n > 0 ? 0 : LEC_EPROTO;
    if (n > 0) {
        kept->n = lec_proxy_header_take(kept->p, had + (size_t)n);
        (void)!recv(c->fd, kept->p + had, kept->n - had, 0);
        rc = lec_proxy_header_read(kept->p, kept->n, address);
    }
    if (rc > 0)
        proxied(c, address);
    if (rc >= 0)
        return;
    if (n > 0)
        tell_of_proxy(c);
    c->net->counters->http_refused++;
    conn_end(c);
}

/* Its first bytes have come, or more of its handshake. */
static void begin(struct conn *c)
{
    struct lec_net *net = c->net;
    if (c->state == CONN_FRESH && net->cfg->proxy_protocol && !c->inner && c->client == NULL &&
        lec_networks_contain(&net->cfg->trusted_proxies, c->address)) {
        read_proxy_header(c);
        if (c->client == NULL || conn_is_over(c))
            return; /* or what follows is looked at as well */
    }
    if (wire_secure(c) && net->shakes-- == 0) { /* it is the next turn's, which epoll will tell */
        net->shakes = 0;
        return;
    }
    int rc = c->state == CONN_FRESH ? wire_adopt(c) : wire_shake(c);
    if (rc == LEC_OK)
        conn_become(c, CONN_HEAD);
    else if (rc == LEC_EAGAIN && c->state == CONN_FRESH)
        conn_become(c, CONN_HANDSHAKE);
    else if (rc == LEC_EAGAIN)
        conn_look(c);
    if (rc == LEC_OK)
        conn_read(c, false);
}

/* --- its end ------------------------------------------------------------------------------ */

void conn_later(struct conn *c)
{
    lec_loop_flush_later(c->net->loop, &c->later, conn_settle);
}

void conn_end(struct conn *c)
{
    if (conn_is_over(c))
        return;
    lec_timer_stop(c->net->loop, &c->timer);
    conn_become(c, CONN_ENDING);
    conn_later(c);
}

void conn_linger(struct conn *c)
{
    if (conn_is_over(c))
        return;
    if (c->ws == NULL)
        socket_finish(c->fd, c->ssl);
    conn_become(c, CONN_LINGER);
    conn_set_deadline(c, c->net->cfg->linger_timeout_ms);
}

/* Tells whoever waits for this connection that it is no more. */
static void tell(struct conn *c)
{
    if (c->ws != NULL)
        ws_ended(c, LEC_WS_GONE);
    else if (c->http != NULL)
        http_abort(c);
}

void conn_abort(struct conn *c)
{
    conn_end(c);
    tell(c);
}

static void free_conn(struct lec_later *later)
{
    struct conn *c = LEC_CONTAINER(later, struct conn, later);
    ws_free(c->ws);
    sending_free(c);
    free_intake(c);
    free(c->client);
    free(c);
}

void conn_gone(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    lec_timer_stop(c->net->loop, &c->timer);
    conn_become(c, CONN_DEAD);
    tell(c);
    lec_list_remove(&c->node);
    c->net->count--;
    c->net->inner_count -= c->inner;
    count_site(c, false);
    lec_loop_free_later(c->net->loop, &c->later, free_conn);
}

/* --- reading ------------------------------------------------------------------------------ */

static void next_request(struct conn *c)
{
    conn_become(c, CONN_HEAD);
    conn_set_deadline(c, c->net->cfg->keepalive_timeout_ms);
}

void conn_sent(struct conn *c)
{
    c->served = true;
    if (c->after == AFTER_LINGER) {
        conn_linger(c);
    } else if (c->intake != NULL && !lec_body_is_whole(&c->intake->skip)) {
        conn_become(c, CONN_SKIP);
        conn_set_deadline(c, c->net->cfg->body_timeout_ms);
    } else {
        next_request(c);
    }
    conn_later(c); /* for what is here already */
}

bool conn_skip(struct conn *c, const struct lec_body *body)
{
    if (body->left > MAX_SKIP)
        return false;
    intake(c)->skip = *body;
    c->intake->skipped = 0;
    return true;
}

static size_t skip_body(struct conn *c, const char *p, size_t n)
{
    struct intake *in = c->intake;
    size_t used = 0;
    while (used < n && !lec_body_is_whole(&in->skip)) {
        struct lec_slice data;
        int64_t k = lec_body_read(&in->skip, p + used, n - used, &data);
        in->skipped += data.n;
        if (k < 0 || in->skipped + in->skip.left > MAX_SKIP) {
            conn_linger(c);
            return used;
        }
        used += (size_t)k;
    }
    if (lec_body_is_whole(&in->skip))
        next_request(c);
    return used;
}

/* How many bytes the next head has; 0: it is not whole, or refused. */
static size_t take_head(struct conn *c, const char *p, size_t n)
{
    struct lec_head head = { 0 };
    if (c->intake != NULL)
        head = c->intake->head;
    bool begins = head.at == 0;
    int rc = lec_head_read(&head, p, n, c->net->cfg->max_header_bytes);
    if (rc == 0) {
        intake(c)->head = head;
        if (begins && c->served) /* until now it was idle */
            conn_set_deadline(c, c->net->cfg->header_timeout_ms);
        return 0;
    }
    if (c->intake != NULL)
        c->intake->head = (struct lec_head){ 0 };
    struct lec_http *http = NULL;
    unsigned status = rc < 0 ? head.status : request_read(c, &head, p, &http);
    if (status != 0) {
        reply_refuse(c, status);
        return 0;
    }
    http_serve(c, http, (size_t)rc < n);
    return (size_t)rc;
}

/* Works through p as far as the state lets it; how many bytes were used. */
static size_t consume(struct conn *c, const char *p, size_t n)
{
    size_t used = 0, k = 1;
    while (used < n && k > 0) {
        switch ((enum conn_state)c->state) {
        case CONN_HEAD:
            k = take_head(c, p + used, n - used);
            break;
        case CONN_BODY:
            k = http_body(c, p + used, n - used);
            break;
        case CONN_SKIP:
            k = skip_body(c, p + used, n - used);
            break;
        default:
            k = 0;
        }
        used += k;
    }
    return used;
}

/* Has what was not used come again. p may be the intake's own. */
static void keep(struct conn *c, const char *p, size_t n, size_t used)
{
    bool has_use = c->state >= CONN_HEAD && c->state <= CONN_SKIP;
    bool skips = c->intake != NULL && !lec_body_is_whole(&c->intake->skip);
    if (!has_use || (used == n && !skips)) {
        free_intake(c);
    } else if (c->intake != NULL && p == c->intake->bytes.p) {
        memmove(c->intake->bytes.p, p + used, n - used);
        c->intake->bytes.n = n - used;
    } else if (used < n) {
        lec_buf_add(&intake(c)->bytes, p + used, n - used);
    }
}

/* Whether the exchange goes on though no more will come. */
static bool bears_end(struct conn *c)
{
    const struct lec_http *h = c->http;
    if (c->state != CONN_EXCHANGE || h == NULL || h->state != HTTP_HELD || !h->events->half_closed)
        return false;
    c->half_closed = true;
    conn_look(c);
    return true;
}

/* No more will come. */
static void ended(struct conn *c)
{
    if (bears_end(c))
        return;
    if (c->state == CONN_EXCHANGE || c->state == CONN_BODY)
        conn_abort(c);
    else if (c->state != CONN_SENDING && c->ws == NULL)
        conn_end(c);
}

/* Reads a piece, and works through it behind what is kept of the pieces before. */
static void conn_read(struct conn *c, bool hangup)
{
    struct lec_buf *kept = c->intake != NULL && c->intake->bytes.n > 0 ? &c->intake->bytes : NULL;
    size_t room = c->state == CONN_HEAD ? HEAD_READ : LEC_INPUT;
    char *p = (char *)c->net->input;
    bool end;
    size_t n = socket_read(c->fd, c->ssl, c->net->input, room, hangup, &end);
    if (c->state == CONN_LINGER) {
        if (end)
            conn_end(c);
        return;
    }
    if (kept != NULL) {
        lec_buf_add(kept, p, n);
        p = kept->p;
        n = kept->n;
    }
    keep(c, p, n, consume(c, p, n));
    if (end)
        ended(c);
    else if (!conn_is_over(c) && c->ws == NULL)
        conn_look(c);
}

/* Works through what is kept. */
static void read_on(struct conn *c)
{
    struct lec_buf *kept = c->intake != NULL ? &c->intake->bytes : NULL;
    if (kept == NULL || kept->n == 0)
        return;
    size_t n = kept->n;
    keep(c, kept->p, n, consume(c, kept->p, n));
}

static void conn_settle(struct lec_later *later)
{
    struct conn *c = LEC_CONTAINER(later, struct conn, later);
    if (c->ws != NULL && c->state != CONN_DEAD)
        ws_settle(c);
    else if (c->state == CONN_HEAD || c->state == CONN_SKIP)
        read_on(c);
    if (c->state == CONN_ENDING)
        wire_close(c);
}

/* --- events ------------------------------------------------------------------------------- */

static void ws_watched(struct conn *c, bool readable, bool writable, bool hangup)
{
    if (writable)
        ws_writable(c);
    /* TLS may hold bytes of which the kernel knows nothing any more. */
    if (readable || hangup || c->ssl != NULL)
        ws_readable(c, hangup);
}

void conn_watched(struct conn *c, unsigned events)
{
    bool readable = (events & EPOLLIN) != 0, writable = (events & EPOLLOUT) != 0;
    bool hangup = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (conn_is_over(c))
        return;
    if (c->ws != NULL) {
        ws_watched(c, readable, writable, hangup);
        return;
    }
    switch ((enum conn_state)c->state) {
    case CONN_FRESH:
    case CONN_HANDSHAKE:
        begin(c);
        break;
    case CONN_EXCHANGE:
        if ((events & (EPOLLHUP | EPOLLERR)) != 0 || (hangup && !bears_end(c))) {
            conn_abort(c);
        } else if (!hangup) {
            c->mute = true;
            conn_look(c);
        }
        break;
    case CONN_SENDING:
        sending_go_on(c);
        break;
    default:
        conn_read(c, hangup);
    }
}
