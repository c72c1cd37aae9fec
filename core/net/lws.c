/* libwebsockets 4.1.6, and everything that keeps it harmless.
 *
 * One context and one virtual host a net, on our libuv loop, without the library's listener,
 * timers, extensions and HTTP/2. Every connection's opaque pointer is its struct conn. The guards
 * below are named T1 … T19; each says what happens without it. Sources are the library's own
 * (4.1.6) and what was reproduced against it. tests/e2e/net_*.test.mjs attack each.
 *
 * T1   A request with a body that the library reads from its own buffer (pipelined behind another
 *      one) enters a loop without end in lws_http_action. on_http closes such a connection.
 * T2   An unknown Upgrade on a kept-alive connection is compared after its memory was freed. on_
 *      upgrade refuses by looking the header up, never by `in`; this refuses h2c too.
 * T3   A frame written while something is buffered loses its header, and an empty raw write
 *      aborts. wire_frame writes ready-made frames, raw, and its callers ask wire_full first;
 *      only the close frame may be appended, which is sound for raw bytes.
 * T4   A request that is not answered at once spins on input that it does not read, and its
 *      client's end goes unnoticed. wire_pause takes it off the library's poll and puts it on an
 *      epoll of our own that sees the end. A paused connection on which the library waits to write
 *      spins too; therefore answers never go through its output buffer (wire_send), and one that
 *      would have buffered input when paused is closed (wire_pause_now).
 * T5   `return -1` from SERVER_WRITEABLE loses the close frame; a close while output is buffered
 *      spins on input. ws.c says the close frame itself and lingers; conn.c never closes what is
 *      full, but cuts it (wire_cut).
 * T6   Flow control on a WebSocket over TLS can hang. Only HTTP is ever paused.
 * T7   permessage-deflate reads freed memory. No extension is offered.
 * T8   Forced service stops early under libuv, so buffered input waits for other traffic (on_turn_
 *      end wakes it). Timers armed outside its callbacks are late and cost O(n): ours are used,
 *      the library's are cleared wherever it sets one. The service buffer holds a whole TLS
 *      record, else T1's guard would hit honest requests.
 * T9   Its listener spins when descriptors run out. net.c has its own.
 * T10  Without tx_packet_size every write is cut at the receive buffer's size and copied.
 * T11  HTTP/2 (ALPN, h2c, prior knowledge) has none of these guards. ALPN names http/1.1 only.
 * T12  Content-Length is atoll, chunked requests never end, a dripping body never times out.
 *      request.c reads the framing itself; conn.c has a deadline for the whole body.
 * T13  Sec-WebSocket-Version 8 is accepted (ws_check refuses it). Unmasked frames are accepted,
 *      and we cannot tell: the library keeps the mask bit in a private struct, has unmasked in
 *      place before any callback, and reads the socket itself, so that nothing public, neither
 *      callback nor accessor nor the descriptor, shows the bit any more. Masking protects proxies
 *      on the way, not the server.
 * T14  rx_buffer_size under 128 truncates control frames.
 * T15  Error lines can be provoked by peers at any rate. emit() lets a few through.
 * T16  Killing a connection inside its own callback frees it under the library's feet. conn.c
 *      puts all closing off to the end of the turn.
 * T17  CONNECT turns a connection into a raw one, without protocol. on_event refuses to adopt it.
 * T18  An unknown subprotocol closes the connection. The virtual host's only protocol bears, while
 *      a handshake runs, the first name that the client offered, as npm's ws answers.
 * T19  Certificates that it loads stay for good, with a key exchange of P-256 only, and a key with a
 *      password asks for it on the terminal. Its context for TLS is made empty; tls.c fills it. */
#include <errno.h>
#include <libwebsockets.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>

#include "net/certificate.h"
#include "net/internal.h"
#include "net/request.h"
#include "net/tls.h"

#define SUBPROTOCOL_MAX  63  /* the library copies names to 64 bytes … */
#define SUBPROTOCOLS_MAX 126 /* … and the whole list to 128 */

struct lec_lws {
    struct lec_net *net;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lec_tls *tls; /* NULL serves plain HTTP */
    struct lws_protocols protocols[2];
    char protocol_name[SUBPROTOCOL_MAX + 1]; /* T18 */
    struct header_names *names;
    const struct sockaddr_storage *accepting; /* the peer, while a socket is adopted */
    struct turn_end turn_end;
    unsigned handles; /* of the loop, before the library added its own */
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

static bool has_body(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PUT_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) > 0;
}

/* Whether some connection has buffered input that could be read: 0 means yes. It does not say
 * which; taking it for ours closes a few that are innocent and misses none (T1, T4). */
static bool input_buffered(const struct lec_net *net)
{
    return lws_service_adjust_timeout(net->lws->context, 1, 0) == 0;
}

static int on_http(struct conn *c, struct lws *wsi)
{
    struct lec_net *net = c->net;
    struct lec_http *http = NULL;
    no_timer(wsi);
    if (c->kill)
        return 0;
    if (c->served && has_body(wsi) && input_buffered(net)) { /* T1 */
        net->counters->http_refused++;
        conn_gone(c);
        return 1;
    }
    int status = request_read(c, wsi, net->lws->names, &http);
    if (status != 0) {
        /* Only a body of POST makes the library go on reading, which lingering needs. */
        http_refuse(c, (unsigned)status, status == 413 || status == 411);
        if (c->state == CONN_LINGER && !has_body(wsi))
            conn_kill(c);
        return 0;
    }
    http_serve(c, http);
    return 0;
}

/* Puts the first offered name in place for lws_process_ws_upgrade, which runs next (T18). */
static bool name_protocol(struct lec_lws *l, const struct lec_http *http)
{
    struct lec_slice offered = lec_http_header(http, "sec-websocket-protocol");
    if (offered.n == 0)
        return true;
    return offered.n <= SUBPROTOCOLS_MAX &&
           lec_request_subprotocol(offered, l->protocol_name, sizeof l->protocol_name) == LEC_OK;
}

/* A wish to upgrade: 0 lets the library do the handshake, -1 closes (after our answer). The
 * exchange cannot wait here. */
static int on_upgrade(struct conn *c, struct lws *wsi)
{
    char upgrade[16];
    struct lec_http *http = NULL;
    bool known = lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) > 0 &&
                 lws_hdr_copy(wsi, upgrade, sizeof upgrade, WSI_TOKEN_UPGRADE) > 0 &&
                 strcasecmp(upgrade, "websocket") == 0; /* T2, T11 */
    if (c->kill || !known) {
        conn_gone(c);
        return -1;
    }
    int status = request_read(c, wsi, c->net->lws->names, &http);
    if (status == 0) {
        http->wants_ws = true;
        http_serve(c, http);
        if (c->http == http && http->state == HTTP_UPGRADING && !c->kill) {
            if (name_protocol(c->net->lws, http))
                return 0;
            http_refuse(c, 400, false);
        }
    } else {
        http_refuse(c, (unsigned)status, false);
    }
    conn_gone(c);
    return -1;
}

/* Our further lines of the 101. */
static int add_headers(struct conn *c, struct lws_process_html_args *args)
{
    struct lec_http *http = c->http;
    if (http == NULL || http->state != HTTP_UPGRADING)
        return -1;
    size_t n = http->ws_headers.n;
    if (n + 4 > (size_t)args->max_len)
        return -1;
    if (n > 0)
        memcpy(args->p, http->ws_headers.p, n);
    args->p += n;
    return 0;
}

static int on_ws_data(struct conn *c, struct lws *wsi, const char *p, size_t n)
{
    ws_received(c, p, n, lws_remaining_packet_payload(wsi), lws_is_final_fragment(wsi) != 0,
                lws_frame_is_binary(wsi) != 0);
    return 0;
}

/* The client's close frame. The library echoes it, unless we have said ours. */
static int on_ws_close(struct conn *c)
{
    if (c->ws == NULL || c->state != CONN_WS)
        return -1;
    ws_ended(c, LEC_WS_CLOSED);
    conn_linger(c);
    return 0;
}

/* The library has begun to close a WebSocket. If it has a reason to tell, the client was wrong. */
static void on_ws_dropped(struct conn *c, struct lws *wsi)
{
    if (c->ws != NULL)
        ws_ended(c, lws_get_close_length(wsi) > 0 ? LEC_WS_ERROR : LEC_WS_GONE);
    conn_gone(c);
}

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
        return c->state == CONN_DEAD ? -1 : on_upgrade(c, wsi);
    case LWS_CALLBACK_ADD_HEADERS:
        return add_headers(c, in);
    case LWS_CALLBACK_ESTABLISHED:
        no_timer(wsi);
        if (c->http == NULL || c->http->state != HTTP_UPGRADING)
            return -1;
        ws_opened(c);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_ws_data(c, wsi, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        ws_writable(c);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_ws_close(c);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
        on_ws_dropped(c, wsi);
        return 0;
    case LWS_CALLBACK_CLOSED_HTTP:
        conn_gone(c);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        conn_release(c);
        return 0;
    default:
        return 0;
    }
}

/* --- what is done to it ------------------------------------------------------------------- */

ssize_t wire_send(struct conn *c, const char *p, size_t n)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    if (ssl == NULL) {
        ssize_t k = send(lws_get_socket_fd(c->wsi), p, n, MSG_NOSIGNAL);
        if (k >= 0)
            return k;
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    }
    /* As many records as the kernel takes: the library has turned partial writes on. */
    size_t done = 0;
    while (done < n) {
        ERR_clear_error();
        int k = SSL_write(ssl, p + done, n - done > LEC_GATHER ? LEC_GATHER : (int)(n - done));
        if (k > 0) {
            done += (size_t)k;
            continue;
        }
        int why = SSL_get_error(ssl, k);
        if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            return -1;
        break;
    }
    return (ssize_t)done;
}

void wire_pause_now(struct conn *c)
{
    c->pause_late = false;
    if (input_buffered(c->net)) { /* T4 */
        conn_abort(c);
        return;
    }
    lws_rx_flow_control(c->wsi, 0);
}

void wire_pause(struct conn *c)
{
    struct epoll_event e = { .events = EPOLLRDHUP | EPOLLOUT | EPOLLET, .data.ptr = c };
    no_timer(c->wsi);
    lws_http_headers_detach(c->wsi); /* 5 KB while it waits */
    c->paused = true;
    if (input_buffered(c->net)) {
        c->pause_late = true;
        conn_later(c);
    } else {
        lws_rx_flow_control(c->wsi, 0);
    }
    if (epoll_ctl(c->net->watch_fd, EPOLL_CTL_ADD, lws_get_socket_fd(c->wsi), &e) != 0)
        conn_abort(c);
}

void wire_unwatch(struct conn *c)
{
    if (!c->paused)
        return;
    c->paused = c->pause_late = false;
    epoll_ctl(c->net->watch_fd, EPOLL_CTL_DEL, lws_get_socket_fd(c->wsi), NULL);
}

void wire_resume(struct conn *c)
{
    bool reading = c->pause_late;
    wire_unwatch(c);
    if (!reading)
        lws_rx_flow_control(c->wsi, 1);
}

int wire_next_request(struct conn *c)
{
    if (lws_http_transaction_completed(c->wsi) != 0)
        return -1;
    no_timer(c->wsi);
    return 0;
}

bool wire_secure(const struct conn *c)
{
    return c->net->cfg->tls_cert != NULL;
}

bool wire_certificate(const struct conn *c, struct lec_buf *json)
{
    SSL *ssl = c->net->cfg->tls_client_ca ? lws_get_ssl(c->wsi) : NULL;
    X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    if (cert)
        lec_certificate_json(cert, json);
    return cert != NULL;
}

int wire_frame(struct conn *c, const unsigned char *p, size_t n)
{
    /* The library's type is not const, but raw bytes are only read. */
    return lws_write(c->wsi, (unsigned char *)(uintptr_t)p, n, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

bool wire_full(const struct conn *c)
{
    return lws_partial_buffered(c->wsi) != 0;
}

void wire_close(struct conn *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

void wire_cut(struct conn *c)
{
    shutdown(lws_get_socket_fd(c->wsi), SHUT_RDWR);
}

/* --- its life ----------------------------------------------------------------------------- */

void lec_lws_adopt(struct lec_net *net, int fd, const struct sockaddr_storage *peer)
{
    struct lec_lws *l = net->lws;
    l->accepting = peer;
    struct lws *wsi = lws_adopt_socket_vhost(l->vhost, fd); /* closes fd if it fails */
    l->accepting = NULL;
    if (wsi != NULL)
        no_timer(wsi);
}

int lec_net_reload_tls(struct lec_net *net, struct lec_buf *text)
{
    return net->lws->tls != NULL ? lec_tls_load(net->lws->tls, text) : LEC_OK;
}

static void on_turn_end(struct turn_end *e)
{
    struct lec_lws *l = LEC_CONTAINER(e, struct lec_lws, turn_end);
    if (input_buffered(l->net)) /* T8 */
        lws_cancel_service(l->context);
}

struct lec_lws *lec_lws_new(struct lec_net *net)
{
    static const lws_retry_bo_t no_validity = { 0 }; /* T8: no timers of 300 s */
    const struct lec_net_config *cfg = net->cfg;
    struct lec_lws *l = lec_alloc0(sizeof *l);
    void *loops[1] = { &net->loop->uv };

    lws_log.net = net;
    lws_set_log_level(LLL_ERR | LLL_WARN, emit);
    l->net = net;
    l->handles = lec_loop_handles(net->loop);
    l->names = header_names_new(cfg->headers, cfg->trusted_proxies.n > 0);
    strcpy(l->protocol_name, "lectern");
    l->protocols[0] = (struct lws_protocols){
        .name = l->protocol_name,
        .callback = on_event,
        .per_session_data_size = 1, /* none, and the library would not report DROP_PROTOCOL */
        .rx_buffer_size = 512,      /* T14; also what an idle WebSocket costs */
        .tx_packet_size = 1 << 20,  /* T10 */
    };

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
        .extensions = NULL, /* T7 */
        .foreign_loops = loops,
        .retry_and_idle_policy = &no_validity,
        .pt_serv_buf_size = 20480, /* T8 */
        .max_http_header_data =
            (unsigned short)(cfg->max_header_bytes > 65000 ? 65000 : cfg->max_header_bytes),
        .timeout_secs = timeout,
        .timeout_secs_ah_idle = timeout,
        .keepalive_timeout = (int)timeout,
        .alpn = "http/1.1", /* T11 */
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8,
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
    l->context = lws_create_context(&info);
    if (l->context == NULL)
        goto fail;
    l->vhost = lws_create_vhost(l->context, &info);
    if (l->vhost == NULL)
        goto fail;
    if (why.n > 0)
        lec_log(net->log, LEC_LOG_INFO, LEC_CAT_NET, LEC_NOBODY, "%s", lec_buf_str(&why));
    lec_buf_fini(&why);
    lec_loop_at_turn_end(net->loop, &l->turn_end, on_turn_end);
    net->lws = l;
    return l;
fail:
    lec_log(net->log, LEC_LOG_ERROR, LEC_CAT_NET, LEC_NOBODY, "%s",
            l->tls == NULL && why.n > 0 ? lec_buf_str(&why) : "cannot set up libwebsockets");
    lec_buf_fini(&why);
    net->lws = l;
    lec_list_init(&l->turn_end.node);
    lec_lws_free(net);
    return NULL;
}

/* In two steps: the first closes, which takes some turns; the second frees. */
void lec_lws_free(struct lec_net *net)
{
    struct lec_lws *l = net->lws;
    if (l == NULL)
        return;
    net->lws = NULL;
    lec_list_remove(&l->turn_end.node);
    if (l->context != NULL) {
        lws_context_destroy(l->context);
        lec_loop_settle(net->loop, l->handles);
        lws_context_destroy(l->context);
    }
    lws_log.net = NULL;
    lec_tls_free(l->tls);
    header_names_free(l->names);
    free(l);
}
