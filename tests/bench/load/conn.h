/* Non-blocking TCP or TLS connections to one server, on one epoll. Any failure ends the program
 * with a message: a benchmark that lost a connection has measured nothing.
 *
 * Owner: who declared it; it lives from conn_open to the end of the program. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "base/buf.h"

struct net {
    int epoll;
    struct sockaddr_in server;
    SSL_CTX *tls; /* NULL: plain TCP */
    char *scratch;
    struct conn *dirty; /* those that have something to send at the next turn's beginning */
    uint64_t read_at;   /* when what is being delivered was read (now_ns) */
};

struct conn {
    struct net *net;
    int fd;
    SSL *ssl;
    bool shaken; /* the TLS handshake is done; true without TLS */
    bool armed;  /* waits for EPOLLOUT too */
    bool dirty;  /* is in the net's list */
    struct conn *next_dirty;
    struct lec_buf in, out;
    /* Takes what it can use of p and says how much that was; the rest comes again with more. */
    size_t (*on_data)(struct conn *c, const char *p, size_t n);
    void *owner;
};

_Noreturn void fail(const char *fmt, ...) LEC_PRINTF(1, 2);
uint64_t now_ns(void); /* monotonic */

void net_init(struct net *net, const char *host, unsigned port, bool tls);
/* Sends what waits, one write a connection, and handles what is ready; waits at most timeout_ms (-1: for ever) for something. */
void net_turn(struct net *net, int timeout_ms);

void conn_open(struct net *net, struct conn *c);
void conn_send(struct conn *c, const void *p, size_t n); /* at the next turn's beginning */

#endif
