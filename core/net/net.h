/* The network side of one server: a listener with its limits, and what comes in by it, as HTTP
 * requests (net/http.h) and WebSocket connections (net/ws.h). The only folder that knows
 * libwebsockets; its traps and their guards are described in net/lws.c. HTTP/1.1 is ours
 * (RFC 9110, 9112): what is no proper request never gets out of this folder.
 *
 * Owner: the server. Life: new, listen, (serve), stop_listening, close, free. */
#ifndef LEC_NET_NET_H
#define LEC_NET_NET_H

#include <stddef.h>

#include "base/counters.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"

struct lec_http;

struct lec_net_config {
    const char *host;              /* address to listen on; "" is all, IPv6 and IPv4 */
    unsigned port;                 /* 0 lets the system choose */
    unsigned max_connections;      /* more are closed at accept */
    unsigned max_per_site;         /* the same for each address (lec_address_site) but those of
                                   trusted proxies; 0: no limit */
    unsigned max_header_bytes;     /* of a request's line and headers */
    unsigned header_timeout_ms;    /* a connection's time for its first byte, and for a whole header
                                      block */
    unsigned body_timeout_ms;      /* for a whole request body, however it drips */
    unsigned keepalive_timeout_ms; /* idle between two requests */
    unsigned linger_timeout_ms;    /* for a client to hear our last words */
    unsigned send_timeout_ms;      /* until output that nobody acknowledges ends a connection */
    const char *tls_cert;          /* PEM files; NULL serves plain HTTP */
    const char *tls_key;
    const char *tls_client_ca;  /* whose certificates clients must have; NULL: they need none */
    const char *const *headers; /* names (lower case) of the non-standard request headers to keep,
                                 * NULL-terminated; the standard ones are always kept */
    struct lec_networks trusted_proxies; /* whose X-Forwarded- headers count */
    bool proxy_protocol; /* their connections begin with the PROXY protocol (net/proxy_header.h) */
};

struct lec_net_events {
    /* A request's header block is here, be it HTTP or the wish to upgrade to WebSocket
     * (lec_http_wants_ws). Before it returns the callee must answer, hold, read the body, or
     * accept the WebSocket; an exchange left alone is answered 404. */
    void (*on_request)(void *ctx, struct lec_http *http);
};

struct lec_net;

/* Borrows everything; cfg and its strings must outlive it. NULL: logged why. */
struct lec_net *lec_net_new(struct lec_loop *loop, const struct lec_net_config *cfg,
                            const struct lec_net_events *events, void *ctx,
                            struct lec_counters *counters, struct lec_log *log);
/* LEC_EIO with errno (address in use, no permission …), LEC_EINVAL (host is no address). */
int lec_net_listen(struct lec_net *net) LEC_CHECK;
/* A second listener, for programs of the same machine or network: "127.0.0.1:3002", "[::1]:3002" or
 * "unix:/path". It speaks TLS as the first does, but not on a loopback address or a unix socket. What
 * comes by it has limits of its own, and is known by lec_http_inner. Errors as above. */
int lec_net_listen_inner(struct lec_net *net, const char *address) LEC_CHECK;
unsigned lec_net_port(const struct lec_net *net);       /* the one in use, after listen */
unsigned lec_net_inner_port(const struct lec_net *net); /* the same; 0 for a unix socket */
unsigned lec_net_connections(const struct lec_net *net);
/* Reads the TLS files anew; connections stay. Appends a sentence, nothing if there is no TLS.
 * LEC_EINVAL: the certificate of before goes on serving. */
int lec_net_reload_tls(struct lec_net *net, struct lec_buf *text) LEC_CHECK;
void lec_net_stop_listening(struct lec_net *net);
/* Ends every connection at once, with on_abort/on_close of whatever is open. */
void lec_net_close(struct lec_net *net);
/* Closes what is still open. Not from a callback, and before lec_loop_free, which frees the rest. */
void lec_net_free(struct lec_net *net);

#endif
