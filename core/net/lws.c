/* libwebsockets 4.1.6, and everything that keeps it harmless.
 *
 * It carries connections in its raw role: from a connection's first bytes on it has the socket, makes
 * the TLS handshake, and closes both at the end. What comes after the handshake is read and sent by
 * socket.c; the library has no state of it. One context and one virtual host a net, without the
 * library's event loop, listener, timers, HTTP and WebSocket. Every connection's opaque pointer is its
 * struct conn. The guards below are named T4 … T22; each says what happens without it. Sources are
 * the library's own (4.1.6) and what was reproduced against it. The numbers that are missing are of its
 * HTTP, its WebSocket and its flow control, which are not used.
 *
 * T4   An input that is not read keeps waking its epoll, and a client's end behind it stays unseen.
 *      conn.c takes such input out of the mask when it first shows, and looks for the end alone.
 * T8   Nobody runs its timers, which cost O(n); ours are used. They are cleared wherever it sets one.
 * T9   Its listener spins when descriptors run out. net.c has its own. Its table has an entry for each
 *      descriptor that may be, is gone through whenever it closes one, and is written beyond its end
 *      by one that may not: the limit of descriptors is final before its context is made, and no
 *      larger than needed.
 * T11  HTTP/2 by ALPN turns a raw connection into something else. ALPN names http/1.1 only.
 * T15  Error lines can be provoked by peers at any rate. emit() lets a few through.
 * T16  Killing a connection inside its own callback frees it under the library's feet. Its callbacks do
 *      nothing but note its end; everything else is done outside of them.
 * T19  Certificates that it loads stay for good, with a key exchange of P-256 only, and a key with a
 *      password asks for it on the terminal. Its context for TLS is made empty; tls.c fills it.
 * T21  It begins the handshake when it gets a socket, and a handshake costs 43 KB until it ends.
 *      conn.c gives it a socket when its first bytes have come, and bounds the steps of a turn.
 * T22  It reads what the client sends behind its part of the handshake, if it is told that the socket
 *      can be read once too often; told of POLLOUT it can spin. It is told of POLLIN only, and not any
 *      more when the handshake is over.
 *
 * How a WebSocket's socket is taken (wire_take), which saves 850 bytes and a part of each close: the
 * socket gets a second descriptor, ours, and the library's number is made to mean something dead. Then
 * it may close what it has. With TLS a reference of ours keeps the SSL, which is pointed to our
 * descriptor when the library has forgotten it. */
#include <assert.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/certificate.h"
#include "net/internal.h"
#include "net/tls.h"

static_assert(LWS_LIBRARY_VERSION_NUMBER == 4001006,
              "the guards were proved against libwebsockets 4.1.6: prove them anew for this one");

struct lec_lws {
    struct lec_net *net;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lec_tls *tls; /* NULL serves plain HTTP */
    struct lws_protocols protocols[2];
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

/* Other reasons than these are other roles: a connection that gets there is closed. */
static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    struct conn *c = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    (void)in;
    (void)n;
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS: { /* T19 */
        struct lec_lws *owner = lws_context_user(lws_get_context(wsi));
        lec_tls_set_up(owner->tls, user);
        return 0;
    }
    case LWS_CALLBACK_WSI_DESTROY:
        if (c != NULL)
            c->wsi = NULL;
        return 0;
    case LWS_CALLBACK_RAW_ADOPT:
        c->wsi = wsi;
        return 0;
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return -1;
    default:
        return 0;
    }
}

/* --- what is done to it ------------------------------------------------------------------- */

static void no_timer(struct conn *c)
{
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0); /* T8 */
}

/* Whether the handshake of a connection that the library has is over. */
static int progress(struct conn *c)
{
    if (c->wsi == NULL) {
        c->fd = -1; /* the library has closed it */
        conn_gone(c);
        return LEC_ECLOSED;
    }
    no_timer(c);
    SSL *ssl = lws_get_ssl(c->wsi);
    if (ssl != NULL && !SSL_is_init_finished(ssl))
        return LEC_EAGAIN;
    if (ssl != NULL)
        SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    c->ssl = ssl;
    return LEC_OK;
}

int wire_adopt(struct conn *c)
{
    lws_adopt_desc_t what = { .vh = c->net->lws->vhost,
                              .type = c->plain ? LWS_ADOPT_SOCKET
                                               : LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
                              .fd.sockfd = c->fd,
                              .vh_prot_name = "lectern",
                              .opaque = c };
    (void)lws_adopt_descriptor_vhost_via_info(&what);
    return progress(c);
}

int wire_shake(struct conn *c)
{
    struct lws_pollfd readable = { c->fd, LWS_POLLIN, LWS_POLLIN }; /* T22 */
    (void)lws_service_fd(c->net->lws->context, &readable);
    return progress(c);
}

static void end(struct conn *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    assert(c->wsi == NULL);
}

int wire_take(struct conn *c)
{
    int fd = c->fd, ours = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (ours < 0)
        return LEC_ECLOSED;
    epoll_ctl(c->net->watch_fd, EPOLL_CTL_DEL, fd, NULL);
    c->watched = 0;
    if (dup3(c->net->lws->dead_fd, fd, O_CLOEXEC) < 0) {
        close(ours);
        return LEC_ECLOSED;
    }
    if (c->ssl != NULL)
        SSL_up_ref(c->ssl);
    end(c);
    c->fd = ours;
    if (c->ssl == NULL)
        return LEC_OK;
    SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS);
    SSL_set_read_ahead(c->ssl, 1);
    return SSL_set_fd(c->ssl, c->fd) == 1 ? LEC_OK : LEC_ECLOSED;
}

void wire_close(struct conn *c)
{
    if (c->ssl != NULL && !SSL_in_init(c->ssl)) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    if (c->wsi != NULL) {
        end(c);
    } else {
        SSL_free(c->ssl);
        close(c->fd);
    }
    c->ssl = NULL;
    conn_gone(c);
}

bool wire_secure(const struct conn *c)
{
    return c->net->cfg->tls_cert != NULL && !c->plain;
}

bool wire_blocked(const struct conn *c)
{
    SSL *ssl = c->state == CONN_HANDSHAKE ? lws_get_ssl(c->wsi) : c->ssl;
    return ssl != NULL && SSL_want_write(ssl);
}

bool wire_certificate(const struct conn *c, struct lec_buf *json)
{
    X509 *cert = c->ssl != NULL && c->net->cfg->tls_client_ca != NULL
                     ? SSL_get0_peer_certificate(c->ssl)
                     : NULL;
    if (cert != NULL)
        lec_certificate_json(cert, json);
    return cert != NULL;
}

/* --- its life ----------------------------------------------------------------------------- */

int lec_net_reload_tls(struct lec_net *net, struct lec_buf *text)
{
    return net->lws->tls != NULL ? lec_tls_load(net->lws->tls, text) : LEC_OK;
}

struct lec_lws *lec_lws_new(struct lec_net *net)
{
    const struct lec_net_config *cfg = net->cfg;
    struct lec_lws *l = lec_alloc0(sizeof *l);

    lws_log.net = net;
    lws_set_log_level(LLL_ERR | LLL_WARN, emit);
    l->net = net;
    l->dead_fd = eventfd(0, EFD_CLOEXEC);
    l->protocols[0] = (struct lws_protocols){ .name = "lectern", .callback = on_event };

    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* T9 */
        .protocols = l->protocols,
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
    free(l);
}
