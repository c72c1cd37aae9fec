/* The listener and its limits: how connections come in, and how all of them end. */
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/internal.h"

#define ACCEPT_PER_TURN 64
#define ACCEPT_PAUSE_MS 100 /* when the machine has no memory for another socket */
#define OTHER_FDS       256 /* descriptors of the process that are no connections */
#define WATCH_PER_TURN  256
#define SHAKES_PER_TURN 8 /* steps of TLS handshakes: 3 to 8 ms of computing */

/* --- accepting ------------------------------------------------------------------------------ */

static void accept_again(struct lec_timer *t)
{
    struct lec_net *net = LEC_CONTAINER(t, struct lec_net, accept_pause);
    lec_watch_set(net->listen_watch, LEC_READABLE);
}

static void refuse(struct lec_net *net, int fd)
{
    close(fd);
    net->counters->connections_refused++;
}

/* No descriptor is left: takes one connection with the spare one, and refuses it. False if even
 * that cannot be had. */
static bool refuse_with_spare(struct lec_net *net)
{
    if (net->spare_fd < 0)
        return false;
    close(net->spare_fd);
    int fd = accept4(net->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        refuse(net, fd);
    net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

bool net_has_room_for(const struct lec_net *net, const char *address)
{
    char site[LEC_ADDRESS_SIZE];
    return net->cfg->max_per_site == 0 ||
           lec_tally_count(&net->sites, lec_address_site(address, site)) < net->cfg->max_per_site ||
           lec_networks_contain(&net->cfg->trusted_proxies, address);
}

/* The peer's address as text. */
static void text_of(const struct sockaddr_storage *peer, char out[LEC_ADDRESS_SIZE])
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

static void admit(struct lec_net *net, int fd, const struct sockaddr_storage *peer)
{
    char address[LEC_ADDRESS_SIZE];
    text_of(peer, address);
    if (net->count >= net->limit || net->closing) {
        refuse(net, fd);
        return;
    }
    if (!net_has_room_for(net, address)) {
        close(fd);
        net->counters->connections_refused_address++;
        return;
    }
    net->counters->connections_accepted++;
    conn_new(net, fd, address);
}

static void on_acceptable(void *ctx, unsigned events)
{
    struct lec_net *net = ctx;
    (void)events;
    for (int i = 0; i < ACCEPT_PER_TURN && net->listen_fd >= 0; i++) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof peer;
        int fd =
            accept4(net->listen_fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(net, fd, &peer);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
            if (refuse_with_spare(net))
                continue;
            break;
        case ENOMEM:
        case ENOBUFS:
            break;
        default: /* errors of the one connection (accept(2)) */
            continue;
        }
        lec_watch_set(net->listen_watch, 0);
        lec_timer_start(net->loop, &net->accept_pause, ACCEPT_PAUSE_MS, accept_again);
        return;
    }
}

/* A listening socket on one address; -1 with errno. */
static int listen_on(const struct sockaddr *addr, socklen_t n)
{
    int zero = 0, one = 1;
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (addr->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, addr, n) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static int listen_everywhere(unsigned port)
{
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    int fd = listen_on((struct sockaddr *)&any6, sizeof any6);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return listen_on((struct sockaddr *)&any4, sizeof any4);
}

int lec_net_listen(struct lec_net *net)
{
    const char *host = net->cfg->host;
    if (host == NULL || host[0] == '\0') {
        net->listen_fd = listen_everywhere(net->cfg->port);
    } else {
        char port[12];
        struct addrinfo *a = NULL;
        struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                  .ai_socktype = SOCK_STREAM };
        snprintf(port, sizeof port, "%u", net->cfg->port);
        if (getaddrinfo(host, port, &hints, &a) != 0)
            return LEC_EINVAL;
        net->listen_fd = listen_on(a->ai_addr, a->ai_addrlen);
        freeaddrinfo(a);
    }
    if (net->listen_fd < 0)
        return LEC_EIO;

    int one = 1; /* connections have these from their listener (tcp(7)) */
    unsigned timeout = net->cfg->send_timeout_ms;
    setsockopt(net->listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(net->listen_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);

    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    getsockname(net->listen_fd, (struct sockaddr *)&bound, &n);
    net->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    net->listen_watch = lec_watch_new(net->loop, net->listen_fd, LEC_READABLE, on_acceptable, net);
    return net->listen_watch != NULL ? LEC_OK : LEC_EIO;
}

unsigned lec_net_port(const struct lec_net *net)
{
    return net->port;
}

unsigned lec_net_connections(const struct lec_net *net)
{
    return net->count;
}

void lec_net_stop_listening(struct lec_net *net)
{
    if (net->listen_fd < 0)
        return;
    lec_timer_stop(net->loop, &net->accept_pause);
    lec_watch_free(net->listen_watch);
    net->listen_watch = NULL;
    close(net->listen_fd);
    net->listen_fd = -1;
}

/* --- connections that net watches itself ---------------------------------------------------- */

static void on_watch(void *ctx, unsigned events)
{
    struct lec_net *net = ctx;
    struct epoll_event e[WATCH_PER_TURN];
    (void)events;
    net->shakes = SHAKES_PER_TURN;
    /* All of the pointers live to the end of the turn, whatever the earlier ones cause. */
    int n = epoll_wait(net->watch_fd, e, WATCH_PER_TURN, 0);
    for (int i = 0; i < n; i++)
        conn_watched(e[i].data.ptr, e[i].events);
}

/* --- its life ------------------------------------------------------------------------------- */

/* Makes room for the connections, no more: the library has a table of all descriptors that could
 * be, and goes through all of it whenever it closes one. */
static unsigned limit_descriptors(struct lec_net *net)
{
    struct rlimit r;
    rlim_t want = (rlim_t)net->cfg->max_connections + OTHER_FDS;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return net->cfg->max_connections;
    rlim_t soft = want < r.rlim_max ? want : r.rlim_max;
    if (soft != r.rlim_cur) {
        r.rlim_cur = soft;
        if (setrlimit(RLIMIT_NOFILE, &r) != 0)
            getrlimit(RLIMIT_NOFILE, &r);
    }
    if (r.rlim_cur >= want)
        return net->cfg->max_connections;
    unsigned limit =
        r.rlim_cur > 2 * OTHER_FDS ? (unsigned)r.rlim_cur - OTHER_FDS : (unsigned)r.rlim_cur / 2;
    lec_log(net->log, LEC_LOG_WARN, LEC_CAT_NET, LEC_NOBODY,
            "the system allows %llu descriptors: at most %u connections, not %u",
            (unsigned long long)r.rlim_cur, limit, net->cfg->max_connections);
    return limit;
}

struct lec_net *lec_net_new(struct lec_loop *loop, const struct lec_net_config *cfg,
                            const struct lec_net_events *events, void *ctx,
                            struct lec_counters *counters, struct lec_log *log)
{
    struct lec_net *net = lec_alloc0(sizeof *net);
    net->loop = loop;
    net->cfg = cfg;
    net->events = events;
    net->ctx = ctx;
    net->counters = counters;
    net->log = log;
    net->listen_fd = -1;
    lec_list_init(&net->conns);
    net->limit = limit_descriptors(net);
    net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    net->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    net->names = header_names_new(cfg->headers);
    if (net->watch_fd >= 0)
        net->watch = lec_watch_new(loop, net->watch_fd, LEC_READABLE, on_watch, net);
    if (net->watch == NULL)
        lec_log(log, LEC_LOG_ERROR, LEC_CAT_NET, LEC_NOBODY, "cannot watch connections: %s",
                strerror(errno));
    if (net->watch == NULL || lec_lws_new(net) == NULL) {
        lec_watch_free(net->watch);
        if (net->watch_fd >= 0)
            close(net->watch_fd);
        if (net->spare_fd >= 0)
            close(net->spare_fd);
        header_names_free(net->names);
        free(net);
        return NULL;
    }
    net->gather = lec_alloc(LEC_GATHER);
    net->input = lec_alloc(LEC_WS_HELD + LEC_INPUT);
    return net;
}

void lec_net_close(struct lec_net *net)
{
    net->closing = true;
    for (struct lec_list *n = net->conns.next; n != &net->conns; n = n->next)
        conn_abort(LEC_CONTAINER(n, struct conn, node));
}

void lec_net_free(struct lec_net *net)
{
    if (net == NULL)
        return;
    lec_net_stop_listening(net);
    lec_net_close(net);
    lec_loop_end_turn(net->loop);
    lec_watch_free(net->watch);
    lec_lws_free(net);
    close(net->watch_fd);
    if (net->spare_fd >= 0)
        close(net->spare_fd);
    lec_tally_fini(&net->sites);
    lec_buf_fini(&net->scratch);
    header_names_free(net->names);
    free(net->gather);
    free(net->input);
    free(net);
}
