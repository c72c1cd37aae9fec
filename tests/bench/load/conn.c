#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { SCRATCH = 256 * 1024, EVENTS = 512 };

void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("load: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void net_init(struct net *net, const char *host, unsigned port, bool tls)
{
    net->epoll = epoll_create1(0);
    net->server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, host, &net->server.sin_addr) != 1)
        fail("%s is no IPv4 address", host);
    net->tls = tls ? SSL_CTX_new(TLS_client_method()) : NULL; /* any certificate will do */
    if (net->tls != NULL)
        SSL_CTX_set_mode(net->tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
                                       SSL_MODE_ENABLE_PARTIAL_WRITE);
    net->scratch = malloc(SCRATCH);
}

static void arm(struct conn *c, bool write)
{
    struct epoll_event e = { .events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = c };
    if (c->armed == write)
        return;
    c->armed = write;
    epoll_ctl(c->net->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

void conn_open(struct net *net, struct conn *c)
{
    int one = 1;
    c->net = net;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&net->server, sizeof net->server) < 0 &&
        errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    c->shaken = net->tls == NULL;
    if (net->tls != NULL) {
        c->ssl = SSL_new(net->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
    }
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
    c->armed = true;
    epoll_ctl(net->epoll, EPOLL_CTL_ADD, c->fd, &e);
}

/* As read and write, with 0 for "not now". */
static size_t take(struct conn *c, char *p, size_t n)
{
    if (c->ssl == NULL) {
        ssize_t k = recv(c->fd, p, n, 0);
        if (k == 0 || (k < 0 && errno != EAGAIN))
            fail("the server closed a connection%s%s", k < 0 ? ": " : "",
                 k < 0 ? strerror(errno) : "");
        return k < 0 ? 0 : (size_t)k;
    }
    size_t k = 0;
    if (SSL_read_ex(c->ssl, p, n, &k) != 1 && SSL_get_error(c->ssl, 0) != SSL_ERROR_WANT_READ)
        fail("the server closed a TLS connection");
    return k;
}

static size_t give(struct conn *c, const char *p, size_t n)
{
    if (c->ssl == NULL) {
        ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno != EAGAIN)
            fail("send: %s", strerror(errno));
        return k < 0 ? 0 : (size_t)k;
    }
    size_t k = 0;
    if (SSL_write_ex(c->ssl, p, n, &k) != 1 && SSL_get_error(c->ssl, 0) != SSL_ERROR_WANT_WRITE)
        fail("TLS write");
    return k;
}

static void flush(struct conn *c)
{
    size_t done = 0, k;
    while (done < c->out.n && (k = give(c, c->out.p + done, c->out.n - done)) > 0)
        done += k;
    memmove(c->out.p, c->out.p + done, c->out.n - done);
    c->out.n -= done;
    if (c->out.n == 0)
        lec_buf_fini(&c->out);
    arm(c, c->out.n > 0);
}

void conn_send(struct conn *c, const void *p, size_t n)
{
    lec_buf_add(&c->out, p, n);
    if (c->dirty || c->armed)
        return;
    c->dirty = true;
    c->next_dirty = c->net->dirty;
    c->net->dirty = c;
}

static void deliver(struct conn *c, const char *p, size_t n)
{
    if (c->in.n == 0) {
        size_t used = c->on_data(c, p, n);
        if (used < n)
            lec_buf_add(&c->in, p + used, n - used);
        return;
    }
    lec_buf_add(&c->in, p, n);
    size_t used = c->on_data(c, c->in.p, c->in.n);
    memmove(c->in.p, c->in.p + used, c->in.n - used);
    c->in.n -= used;
    if (c->in.n == 0)
        lec_buf_fini(&c->in);
}

static void ready(struct conn *c, uint32_t events)
{
    if (!c->shaken) {
        int rc = SSL_do_handshake(c->ssl);
        int why = rc == 1 ? 0 : SSL_get_error(c->ssl, rc);
        if (rc != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            fail("TLS handshake");
        c->shaken = rc == 1;
        if (!c->shaken) {
            arm(c, why == SSL_ERROR_WANT_WRITE);
            return;
        }
        flush(c);
    }
    if (events & EPOLLOUT)
        flush(c);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
        return;
    size_t n;
    do {
        n = take(c, c->net->scratch, SCRATCH);
        c->net->read_at = now_ns();
        if (n > 0)
            deliver(c, c->net->scratch, n);
    } while (n > 0 && c->ssl != NULL && SSL_pending(c->ssl) > 0);
}

static void send_what_waits(struct net *net)
{
    for (struct conn *c; (c = net->dirty) != NULL;) {
        net->dirty = c->next_dirty;
        c->dirty = false;
        flush(c);
    }
}

void net_turn(struct net *net, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    send_what_waits(net);
    int n = epoll_wait(net->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++)
        ready(events[i].data.ptr, events[i].events);
}
