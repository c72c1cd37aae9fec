/* libwebsockets 4.1.6, and everything that keeps it harmless.
 *
 * One context and one virtual host a net, without the library's event loop, listener, timers,
 * extensions, HTTP/2 and WebSocket. It waits for nothing by itself: net's epoll knows every
 * connection, and wire_serve has the library look at the one that something came for. Every
 * connection's opaque pointer is its struct conn. The guards below are named T1 … T20; each says
 * what happens without it. Sources are the library's own (4.1.6) and what was reproduced against
 * it. tests/e2e/net_*.test.mjs attack each.
 *
 * T1   A request with a body that the library reads from its own buffer (pipelined behind another
 *      one) enters a loop without end in lws_http_action. on_http closes such a connection.
 * T2   An unknown Upgrade on a kept-alive connection is compared after its memory was freed. on_
 *      upgrade refuses by looking the header up, never by `in`; this refuses h2c too.
 * T3   Its WebSocket corrupts a stream when written to while it has something buffered, loses close
 *      frames, spins when closed with output buffered, can hang under flow control over TLS, reads
 *      freed memory in permessage-deflate, takes frames that are not masked, answers one ping of
 *      several, and closes without a word where a code is due. It never comes to that: on_upgrade
 *      lets it see an ordinary request, and wire_take takes the socket away from it.
 * T4   A request that is not answered at once leaves input unread, and its client's end unnoticed.
 *      While it waits (paused), what comes is left in the kernel: wire_mute has the epoll look for
 *      the client's end only. This is done when something comes, so that a client that waits for its
 *      answer, as all do, costs nothing.
 * T8   Nobody runs its timers, which cost O(n); ours are used. They are cleared wherever it sets one.
 *      The service buffer holds a whole TLS record, or OpenSSL would keep input that no epoll sees.
 * T9   Its listener spins when descriptors run out. net.c has its own.
 * T11  HTTP/2 (ALPN, h2c, prior knowledge) has none of these guards. ALPN names http/1.1 only.
 * T12  Content-Length is atoll, chunked requests never end, a dripping body never times out.
 *      request.c reads the framing itself; conn.c has a deadline for the whole body.
 * T15  Error lines can be provoked by peers at any rate. emit() lets a few through.
 * T16  Killing a connection inside its own callback frees it under the library's feet. conn.c
 *      puts all closing off to the end of the turn.
 * T17  CONNECT turns a connection into a raw one, without protocol. on_event refuses to adopt it.
 * T19  Certificates that it loads stay for good, with a key exchange of P-256 only, and a key with a
 *      password asks for it on the terminal. Its context for TLS is made empty; tls.c fills it.
 * T20  What it has read too much of a connection (requests sent without waiting) it keeps, and does
 *      not say whose it is. wire_serve has it used up, a request a turn. In between, or as long as
 *      the connection is paused or closing, it is out of sight by flow control: what is in sight is
 *      of the connection that is served.
 *
 * How a WebSocket's socket is taken (wire_take): at the end of the turn, outside of all callbacks,
 * the socket gets a second descriptor, ours, and the library's number is made to mean something
 * dead. Then it may close what it has: shutdown(2) and close(2) hit the dead one. With TLS a
 * reference of ours keeps the SSL, and a quiet shutdown makes its farewell a formality without
 * bytes; when the library has forgotten it, that is undone and the SSL pointed to our descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/certificate.h"
#include "net/internal.h"
#include "net/request.h"
#include "net/tls.h"

struct lec_lws {
    struct lec_net *net;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lec_tls *tls; /* NULL serves plain HTTP */
    struct lws_protocols protocols[2];
    struct header_names *names;
    const struct sockaddr_storage *accepting; /* the peer, while a socket is adopted */
    int dead_fd; /* what a descriptor becomes when its socket was taken */
};

/* --- its log (T15) ------------------------------------------------------------------------ */

#define LOG_LINES     10
#define LOG_PERIOD_MS 10000

/* The library's log function gets no context and is one for the process. A thread runs one loop
 * and hears only its own connections, so each thread has its own. */
static _Thread_local struct {
    struct lec_net *net;
    uint64_t since;
    unsigned lines;
} lws_log;

static void emit(int level, const char *line)
{
    struct lec_net *net = lws_log.net;
    if (net == NULL)
        return;
    uint64_t now = lec_loop_now(net->loop);
    if (now - lws_log.since >= LOG_PERIOD_MS) {
        if (lws_log.lines > LOG_LINES)
            lec_log(net->log, LEC_LOG_WARN, LEC_CAT_NET, LEC_NOBODY,
                    "libwebsockets: %u more lines not shown", lws_log.lines - LOG_LINES);
        lws_log.since = now;
        lws_log.lines = 0;
    }
    if (lws_log.lines++ < LOG_LINES)
        lec_log(net->log, level == LLL_ERR ? LEC_LOG_WARN : LEC_LOG_INFO, LEC_CAT_NET, LEC_NOBODY,
                "libwebsockets: %.*s", (int)strcspn(line, "\r\n"), line);
}

/* --- what the library reports ------------------------------------------------------------- */

static void no_timer(struct lws *wsi)
{
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* T8 */
}

/* Flipped in its first letter, "websocket" is another word to the library: from on_upgrade to on_http. */
enum { DISGUISE = 1 };

static bool posts(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PUT_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) > 0;
}

static bool has_body(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 || posts(wsi);
}

/* Whether the library goes on to read a body: of POST, PUT and PATCH, or as long as it says. What is
 * chunked it takes for the next request. */
static bool reads_body(struct lws *wsi)
{
    char length[32];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
        return lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
               strtoll(length, NULL, 10) > 0;
    return posts(wsi);
}

/* Whether the connection that is served has input which the library keeps (T20). */
static bool input_kept(const struct lec_net *net)
{
    return lws_service_adjust_timeout(net->lws->context, 1, 0) == 0;
}

static int on_http(struct conn *c, struct lws *wsi)
{
    struct lec_net *net = c->net;
    struct lec_http *http = NULL;
    bool upgrade = c->upgrade;
    c->upgrade = false;
    if (c->kill)
        return 0;
    if (c->served && input_kept(net) && has_body(wsi)) { /* T1 */
        net->counters->http_refused++;
        conn_gone(c);
        return 1;
    }
    int status = request_read(c, wsi, net->lws->names, &http);
    if (status != 0) {
        /* Lingering needs that the library reads; else what it has buffered stays (T1). */
        http_refuse(c, (unsigned)status, (status == 413 || status == 411) && reads_body(wsi));
        return 0;
    }
    struct lec_slice word = upgrade ? lec_http_header(http, "upgrade") : (struct lec_slice){ 0 };
    http->wants_ws = word.n > 0;
    if (http->wants_ws)
        http->strings[word.p - http->strings] ^= DISGUISE; /* off */
    http_serve(c, http);
    if (c->http == http && http->state == HTTP_UPGRADING && !c->kill) {
        c->state = CONN_UPGRADE;
        conn_later(c);
    }
    return 0;
}

/* A wish to upgrade. One that we know goes on as an ordinary request (T3): the library compares
 * the header's value, which it shows us, again when we return. */
static int on_upgrade(struct conn *c, struct lws *wsi, char *value)
{
    char upgrade[16];
    bool known = lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) > 0 &&
                 lws_hdr_copy(wsi, upgrade, sizeof upgrade, WSI_TOKEN_UPGRADE) > 0 &&
                 strcasecmp(upgrade, "websocket") == 0; /* T2, T11 */
    if (c->kill || !known) {
        conn_gone(c);
        return -1;
    }
    c->upgrade = true;
    value[0] ^= DISGUISE;
    return 0;
}

static void taken(struct conn *c);

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) { /* T19 */
        struct lec_lws *owner = lws_context_user(lws_get_context(wsi));
        lec_tls_set_up(owner->tls, user);
        return 0;
    }
    struct conn *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    struct lec_lws *l;
    if (c != NULL && c->fd >= 0) { /* its socket was taken */
        if (reason == LWS_CALLBACK_WSI_DESTROY)
            taken(c);
        return 0;
    }

    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        l = lws_context_user(lws_get_context(wsi));
        if (l->accepting == NULL)
            return -1;
        lws_set_opaque_user_data(wsi, conn_new(l->net, wsi, l->accepting));
        return 0;
    case LWS_CALLBACK_RAW_ADOPT: /* T17 */
    case LWS_CALLBACK_RAW_RX:
        if (c != NULL)
            conn_gone(c);
        return -1;
    default:
        break;
    }
    if (c == NULL)
        return 0;

    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return c->state == CONN_DEAD ? -1 : on_http(c, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        http_body(c, in, n);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        http_body_end(c);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return c->state == CONN_DEAD ? -1 : on_upgrade(c, wsi, in);
    case LWS_CALLBACK_ESTABLISHED: /* T3 */
        conn_gone(c);
        return -1;
    case LWS_CALLBACK_CLOSED_HTTP:
        conn_gone(c);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        c->wsi = NULL;
        conn_release(c);
        return 0;
    default:
        return 0;
    }
}

/* --- what is done to it ------------------------------------------------------------------- */

static SSL *ssl_of(const struct conn *c)
{
    return c->fd >= 0 ? c->ssl : lws_get_ssl(c->wsi);
}

ssize_t wire_send(struct conn *c, const char *p, size_t n)
{
    return socket_send(c->fd >= 0 ? c->fd : lws_get_socket_fd(c->wsi), ssl_of(c), p, n);
}

static void watch(struct conn *c, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = c };
    int op = c->watched != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    c->watched = events;
    if (epoll_ctl(c->net->watch_fd, op, fd, &e) != 0)
        conn_abort(c);
}

/* Has net look for what matters now; a system call only if that is not what it does already. That
 * a connection can be written to brings it back in the next turn, for input that was kept. As long
 * as TLS itself must write (the answer to a key update), the library reads nothing, not even the end. */
static void look(struct conn *c)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    bool blocked = ssl != NULL && SSL_want_write(ssl);
    uint32_t events = 0;
    if (!blocked || c->paused)
        events |= EPOLLRDHUP;
    if (!blocked && !c->mute)
        events |= EPOLLIN;
    if (c->state == CONN_SENDING || (c->kept && !c->paused) || lws_partial_buffered(c->wsi) ||
        blocked)
        events |= EPOLLOUT;
    if (events != c->watched)
        watch(c, lws_get_socket_fd(c->wsi), events);
}

/* Outside of its callbacks. It puts off the end of some, over TLS or with something to send, to a
 * time that never comes (T8). */
static void end(struct conn *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    if (c->wsi != NULL) {
        struct lws_pollfd broken = { lws_get_socket_fd(c->wsi), 0, LWS_POLLHUP };
        (void)lws_service_fd(c->net->lws->context, &broken);
    }
}

/* Has the library act on events of poll(2). */
static void act_on(struct conn *c, short events)
{
    struct lws_pollfd p = { lws_get_socket_fd(c->wsi), events, events };
    if (lws_service_fd(c->net->lws->context, &p) != 0 && c->wsi != NULL) /* closed */
        end(c);
}

/* After an answer it reads on when it has heard that it may write. */
static void go_on(struct conn *c, bool writable)
{
    if (!writable && !c->answered)
        return;
    c->answered = false;
    act_on(c, LWS_POLLOUT);
}

void wire_serve(struct conn *c, bool writable)
{
    if (c->kept)
        lws_rx_flow_control(c->wsi, 1);
    c->kept = false;
    go_on(c, writable);
    if (c->wsi != NULL)
        act_on(c, LWS_POLLIN);
    if (c->wsi != NULL)
        go_on(c, false);
    if (c->wsi == NULL)
        return;
    no_timer(c->wsi);
    c->kept = input_kept(c->net);
    if (c->kept)
        lws_rx_flow_control(c->wsi, 0);
    look(c);
}

void wire_pause(struct conn *c)
{
    c->paused = true;
    lws_http_headers_detach(c->wsi); /* 5 KB while it waits */
    look(c);
}

void wire_mute(struct conn *c)
{
    c->mute = true;
    look(c);
}

void wire_resume(struct conn *c)
{
    c->paused = c->mute = false;
    look(c);
}

int wire_next_request(struct conn *c)
{
    if (lws_http_transaction_completed(c->wsi) != 0)
        return -1;
    no_timer(c->wsi);
    c->answered = true;
    return 0;
}

bool wire_secure(const struct conn *c)
{
    return c->net->cfg->tls_cert != NULL;
}

bool wire_certificate(const struct conn *c, struct lec_buf *json)
{
    SSL *ssl = c->net->cfg->tls_client_ca ? ssl_of(c) : NULL;
    X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    if (cert)
        lec_certificate_json(cert, json);
    return cert != NULL;
}

/* --- taking the socket away (T3) ------------------------------------------------------------ */

void wire_take(struct conn *c)
{
    int fd = lws_get_socket_fd(c->wsi);
    if (c->kept) {
        /* Bytes behind the request, which nobody can have any more. A client must wait for the
         * answer (RFC 6455, 4.1). */
        http_refuse(c, 400, false);
        conn_abort(c);
        return;
    }
    epoll_ctl(c->net->watch_fd, EPOLL_CTL_DEL, fd, NULL);
    c->watched = 0;
    c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (c->fd < 0 || dup3(c->net->lws->dead_fd, fd, O_CLOEXEC) < 0) {
        if (c->fd >= 0)
            close(c->fd);
        c->fd = -1;
        conn_abort(c);
        return;
    }
    c->ssl = lws_get_ssl(c->wsi);
    if (c->ssl != NULL) {
        SSL_up_ref(c->ssl);
        SSL_set_quiet_shutdown(c->ssl, 1);
    }
    end(c);
}

/* The library has let go of it. */
static void taken(struct conn *c)
{
    lws_set_opaque_user_data(c->wsi, NULL);
    c->wsi = NULL;
    if (c->ssl != NULL) {
        SSL_set_quiet_shutdown(c->ssl, 0);
        SSL_set_shutdown(c->ssl, 0);
        SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
        SSL_set_read_ahead(c->ssl, 1);
        if (SSL_set_fd(c->ssl, c->fd) != 1)
            conn_abort(c);
    }
    conn_later(c);
}

void wire_watch(struct conn *c)
{
    watch(c, c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void wire_close(struct conn *c)
{
    if (c->fd < 0) {
        end(c);
        return;
    }
    socket_close(c->fd, c->ssl);
    conn_release(c);
}

/* --- its life ----------------------------------------------------------------------------- */

void lec_lws_adopt(struct lec_net *net, int fd, const struct sockaddr_storage *peer)
{
    struct lec_lws *l = net->lws;
    l->accepting = peer;
    struct lws *wsi = lws_adopt_socket_vhost(l->vhost, fd); /* closes fd if it fails */
    l->accepting = NULL;
    if (wsi == NULL)
        return;
    no_timer(wsi);
    look(lws_get_opaque_user_data(wsi));
}

int lec_net_reload_tls(struct lec_net *net, struct lec_buf *text)
{
    return net->lws->tls != NULL ? lec_tls_load(net->lws->tls, text) : LEC_OK;
}

struct lec_lws *lec_lws_new(struct lec_net *net)
{
    static const lws_retry_bo_t no_validity = { 0 }; /* T8: no timers of 300 s */
    const struct lec_net_config *cfg = net->cfg;
    struct lec_lws *l = lec_alloc0(sizeof *l);

    lws_log.net = net;
    lws_set_log_level(LLL_ERR | LLL_WARN, emit);
    l->net = net;
    l->dead_fd = eventfd(0, EFD_CLOEXEC);
    l->names = header_names_new(cfg->headers, cfg->trusted_proxies.n > 0);
    l->protocols[0] = (struct lws_protocols){ .name = "lectern", .callback = on_event };

    /* Ours end first; these are a net below them, and must not be zero. */
    unsigned slowest = cfg->header_timeout_ms;
    if (cfg->body_timeout_ms > slowest)
        slowest = cfg->body_timeout_ms;
    if (cfg->keepalive_timeout_ms > slowest)
        slowest = cfg->keepalive_timeout_ms;
    unsigned timeout = slowest / 1000 + 30;

    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* T9 */
        .protocols = l->protocols,
        .retry_and_idle_policy = &no_validity,
        .pt_serv_buf_size = 20480, /* T8 */
        .max_http_header_data =
            (unsigned short)(cfg->max_header_bytes > 65000 ? 65000 : cfg->max_header_bytes),
        .timeout_secs = timeout,
        .timeout_secs_ah_idle = timeout,
        .keepalive_timeout = (int)timeout,
        .alpn = "http/1.1", /* T11 */
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .user = l,
        .vhost_name = "lectern",
    };
    struct lec_buf why = { 0 };
    if (cfg->tls_cert != NULL) {
        info.options |=
            LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
        l->tls = lec_tls_new(cfg->tls_cert, cfg->tls_key, cfg->tls_client_ca, &why);
        if (l->tls == NULL)
            goto fail;
    }
    l->context = l->dead_fd >= 0 ? lws_create_context(&info) : NULL;
    if (l->context == NULL)
        goto fail;
    l->vhost = lws_create_vhost(l->context, &info);
    if (l->vhost == NULL)
        goto fail;
    if (why.n > 0)
        lec_log(net->log, LEC_LOG_INFO, LEC_CAT_NET, LEC_NOBODY, "%s", lec_buf_str(&why));
    lec_buf_fini(&why);
    net->lws = l;
    return l;
fail:
    lec_log(net->log, LEC_LOG_ERROR, LEC_CAT_NET, LEC_NOBODY, "%s",
            l->tls == NULL && why.n > 0 ? lec_buf_str(&why) : "cannot set up libwebsockets");
    lec_buf_fini(&why);
    net->lws = l;
    lec_lws_free(net);
    return NULL;
}

void lec_lws_free(struct lec_net *net)
{
    struct lec_lws *l = net->lws;
    if (l == NULL)
        return;
    net->lws = NULL;
    if (l->context != NULL)
        lws_context_destroy(l->context);
    lec_loop_end_turn(net->loop);
    lws_log.net = NULL;
    if (l->dead_fd >= 0)
        close(l->dead_fd);
    lec_tls_free(l->tls);
    header_names_free(l->names);
    free(l);
}
