/* One TCP connection, from accept to its end.
 *
 * Each state has one deadline, kept by the connection's one timer. Closing never happens inside a
 * callback of the library about this very connection (T16): conn_kill marks, and the end of the
 * turn closes. wire_close may call conn_gone before it returns; the struct lives until
 * conn_release, and then to the end of that turn. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "net/internal.h"

/* What the kernel has not taken yet of an answer. */
struct unsent {
    size_t n, at;
    char p[];
};

static void conn_settle(struct lec_later *later);

void conn_later(struct conn *c)
{
    lec_loop_flush_later(c->net->loop, &c->later, conn_settle);
}

static void on_deadline(struct lec_timer *t)
{
    struct conn *c = LEC_CONTAINER(t, struct conn, timer);
    struct lec_net *net = c->net;
    switch ((enum conn_state)c->state) {
    case CONN_IDLE:
        if (!c->served)
            net->counters->http_refused++;
        conn_kill(c);
        break;
    case CONN_REQUEST: /* the body */
        net->counters->http_refused++;
        conn_abort(c);
        break;
    case CONN_LINGER:
        conn_kill(c);
        break;
    case CONN_SENDING: /* TCP_USER_TIMEOUT bounds it */
    case CONN_UPGRADE: /* to the end of the turn */
    case CONN_WS:
    case CONN_DEAD:
        break;
    }
}

void conn_set_deadline(struct conn *c, unsigned ms)
{
    lec_timer_start(c->net->loop, &c->timer, ms, on_deadline);
}

void conn_peer(const struct sockaddr_storage *peer, char out[LEC_ADDRESS_SIZE])
{
    const void *ip = &((const struct sockaddr_in *)peer)->sin_addr;
    int family = peer->ss_family;
    if (family == AF_INET6) {
        const struct in6_addr *ip6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(ip6);
        ip = mapped ? (const void *)&ip6->s6_addr[12] : (const void *)ip6;
        family = mapped ? AF_INET : AF_INET6;
    }
    if (inet_ntop(family, ip, out, LEC_ADDRESS_SIZE) == NULL)
        out[0] = '\0';
}

struct conn *conn_new(struct lec_net *net, struct lws *wsi, const struct sockaddr_storage *peer)
{
    char address[LEC_ADDRESS_SIZE];
    conn_peer(peer, address);
    size_t n = strlen(address) + 1;
    struct conn *c = lec_alloc0(sizeof *c + n);
    c->net = net;
    c->wsi = wsi;
    c->fd = -1;
    memcpy(c->address, address, n);
    if (net->cfg->max_per_site > 0) {
        char site[LEC_ADDRESS_SIZE];
        lec_tally_add(&net->sites, lec_address_site(c->address, site));
    }
    lec_list_append(&net->conns, &c->node);
    net->count++;
    conn_set_deadline(c, net->cfg->header_timeout_ms);
    return c;
}

/* --- its end ------------------------------------------------------------------------------ */

static void conn_settle(struct lec_later *later)
{
    struct conn *c = LEC_CONTAINER(later, struct conn, later);
    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_UPGRADE && !c->kill) {
        if (c->fd < 0)
            wire_take(c);
        else if (c->wsi == NULL)
            ws_opened(c);
    } else if (c->ws != NULL) {
        ws_settle(c);
    }
    if (c->kill)
        wire_close(c);
}

void conn_kill(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    lec_timer_stop(c->net->loop, &c->timer);
    c->kill = true;
    conn_later(c);
}

void conn_linger(struct conn *c)
{
    if (c->state == CONN_DEAD || c->kill)
        return;
    c->state = CONN_LINGER;
    conn_set_deadline(c, c->net->cfg->linger_timeout_ms);
}

/* Tells whoever waits for this connection that it is no more. */
static void tell(struct conn *c, enum lec_ws_end why)
{
    if (c->ws != NULL)
        ws_ended(c, why);
    else if (c->http != NULL)
        http_abort(c);
}

void conn_abort(struct conn *c)
{
    conn_kill(c);
    tell(c, LEC_WS_GONE);
}

void conn_gone(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    lec_timer_stop(c->net->loop, &c->timer);
    tell(c, LEC_WS_GONE);
}

static void free_conn(struct lec_later *later)
{
    struct conn *c = LEC_CONTAINER(later, struct conn, later);
    ws_free(c->ws);
    free(c->unsent);
    free(c);
}

void conn_release(struct conn *c)
{
    conn_gone(c);
    lec_list_remove(&c->node);
    c->net->count--;
    if (c->net->cfg->max_per_site > 0) {
        char site[LEC_ADDRESS_SIZE];
        lec_tally_remove(&c->net->sites, lec_address_site(c->address, site));
    }
    lec_loop_free_later(c->net->loop, &c->later, free_conn);
}

/* --- between requests ----------------------------------------------------------------------- */

void conn_idle(struct conn *c)
{
    c->served = true;
    c->state = CONN_IDLE;
    conn_set_deadline(c, c->net->cfg->keepalive_timeout_ms);
}

/* All of the answer is with the kernel. */
static void sent(struct conn *c)
{
    if (c->keep) {
        if (c->paused)
            wire_resume(c);
        if (wire_next_request(c) < 0)
            conn_kill(c);
        else
            conn_idle(c);
    } else if (c->drain) {
        if (c->paused)
            wire_resume(c);
        conn_linger(c);
    } else {
        conn_kill(c);
    }
}

void conn_send(struct conn *c, const char *p, size_t n, bool keep, bool drain)
{
    c->keep = keep;
    c->drain = drain;
    ssize_t k = wire_send(c, p, n);
    if (k < 0) {
        conn_kill(c);
        return;
    }
    if ((size_t)k == n) {
        sent(c);
        return;
    }
    struct unsent *u = c->unsent = lec_alloc(sizeof *u + n - (size_t)k);
    u->at = 0;
    u->n = n - (size_t)k;
    memcpy(u->p, p + k, u->n);
    c->state = CONN_SENDING;
    lec_timer_stop(c->net->loop, &c->timer);
    wire_pause(c);
}

static void send_on(struct conn *c)
{
    struct unsent *u = c->unsent;
    while (u->at < u->n) {
        ssize_t k = wire_send(c, u->p + u->at, u->n - u->at);
        if (k < 0)
            conn_kill(c);
        if (k <= 0)
            return;
        u->at += (size_t)k;
    }
    free(u);
    c->unsent = NULL;
    c->state = CONN_REQUEST;
    sent(c);
}

/* Of a paused connection. A client that has sent all it will (half-closed) but still reads is as
 * gone: no browser does that. */
static void paused(struct conn *c, bool readable, bool writable, bool hangup)
{
    if (hangup) {
        conn_abort(c);
        return;
    }
    if (readable)
        wire_mute(c);
    if (writable && c->state == CONN_SENDING)
        send_on(c);
}

void conn_watched(struct conn *c, unsigned events)
{
    bool readable = (events & EPOLLIN) != 0, writable = (events & EPOLLOUT) != 0;
    bool hangup = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (c->kill || c->state == CONN_DEAD)
        return;
    if (c->ws == NULL) {
        if (c->paused)
            paused(c, readable, writable, hangup);
        else
            wire_serve(c, writable);
        return;
    }
    if (writable)
        ws_writable(c);
    /* TLS may hold bytes of which the kernel knows nothing any more. */
    if (readable || hangup || c->ssl != NULL)
        ws_readable(c, hangup);
}
