/* How connections come in: by the main listener, and by an inner one for programs that are trusted with
 * more, on an address of its own or on a unix socket. Each has a limit of its own, so that a crowd on the
 * one does not shut out the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/internal.h"

#define ACCEPT_PER_TURN 64
#define ACCEPT_PAUSE_MS 100 /* when the machine has no memory for another socket */
#define UNIX_PREFIX     "unix:"

/* --- accepting ------------------------------------------------------------------------------ */

static void accept_again(struct lec_timer *t)
{
    struct listener *l = LEC_CONTAINER(t, struct listener, pause);
    lec_watch_set(l->watch, LEC_READABLE);
}

static void refuse(struct lec_net *net, int fd)
{
    close(fd);
    net->counters->connections_refused++;
}

/* No descriptor is left: takes one connection with the spare one, and refuses it. False if even
 * that cannot be had. */
static bool refuse_with_spare(struct listener *l)
{
    struct lec_net *net = l->net;
    if (net->spare_fd < 0)
        return false;
    close(net->spare_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
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
    if (!lec_address_of((const struct sockaddr *)peer, out))
        snprintf(out, LEC_ADDRESS_SIZE, "%s", peer->ss_family == AF_UNIX ? "unix" : "");
}

static void admit(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct lec_net *net = l->net;
    char address[LEC_ADDRESS_SIZE];
    text_of(peer, address);
    bool full =
        l->inner ? net->inner_count >= LEC_MAX_INNER : net->count - net->inner_count >= net->limit;
    if (full || net->closing) {
        refuse(net, fd);
        return;
    }
    if (!l->inner && !net_has_room_for(net, address)) {
        close(fd);
        net->counters->connections_refused_address++;
        return;
    }
    net->counters->connections_accepted++;
    conn_new(l, fd, address);
}

static void on_acceptable(void *ctx, unsigned events)
{
    struct listener *l = ctx;
    (void)events;
    for (int i = 0; i < ACCEPT_PER_TURN && l->fd >= 0; i++) {
        struct sockaddr_storage peer = { 0 };
        socklen_t n = sizeof peer;
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(l, fd, &peer);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
            if (refuse_with_spare(l))
                continue;
            break;
        case ENOMEM:
        case ENOBUFS:
            break;
        default: /* errors of the one connection (accept(2)) */
            continue;
        }
        lec_watch_set(l->watch, 0);
        lec_timer_start(l->net->loop, &l->pause, ACCEPT_PAUSE_MS, accept_again);
        return;
    }
}

/* --- listening ------------------------------------------------------------------------------ */

/* A listening socket on one address; -1 with errno. */
static int listen_on(const struct sockaddr *addr, socklen_t n)
{
    int zero = 0, one = 1;
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (addr->sa_family != AF_UNIX)
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

#define IS_NO_ADDRESS (-2)

/* The descriptor; -1 with errno; IS_NO_ADDRESS. */
static int listen_at(const char *host, unsigned number, bool *loopback)
{
    char port[12];
    struct addrinfo *a = NULL;
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                              .ai_socktype = SOCK_STREAM };
    snprintf(port, sizeof port, "%u", number);
    if (getaddrinfo(host, port, &hints, &a) != 0)
        return IS_NO_ADDRESS;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a->ai_addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a->ai_addr;
    *loopback = a->ai_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                         : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    int fd = listen_on(a->ai_addr, a->ai_addrlen);
    freeaddrinfo(a);
    return fd;
}

/* Whether somebody answers on a unix socket. */
static bool answers(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 &&
                 (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return there;
}

/* A socket file that nobody answers on is of a server that has gone. Who else may open it is a matter of
 * its group and folder. */
static int listen_unix(struct listener *l, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct stat st;
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof addr.sun_path)
        return IS_NO_ADDRESS;
    memcpy(addr.sun_path, path, n + 1);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        if (answers(&addr)) {
            errno = EADDRINUSE;
            return -1;
        }
        unlink(path);
    }
    int fd = listen_on((const struct sockaddr *)&addr, sizeof addr);
    if (fd >= 0) {
        (void)!chmod(path, 0660);
        l->path = lec_strndup(path, n);
    }
    return fd;
}

/* "host:port", "[host]:port" or "unix:/path". */
static int listen_inner(struct listener *l, const char *text)
{
    const size_t n = sizeof UNIX_PREFIX - 1;
    l->inner = l->plain = true;
    if (strncmp(text, UNIX_PREFIX, n) == 0)
        return listen_unix(l, text + n);
    const char *colon = strrchr(text, ':');
    char *end, host[LEC_ADDRESS_SIZE] = "";
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof host)
        return IS_NO_ADDRESS;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    memcpy(host, text + bracketed, (size_t)(colon - text) - 2 * bracketed);
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > 65535)
        return IS_NO_ADDRESS;
    return listen_at(host, (unsigned)port, &l->plain);
}

static int begin(struct listener *l, int fd)
{
    if (fd < 0)
        return fd == IS_NO_ADDRESS ? LEC_EINVAL : LEC_EIO;
    l->fd = fd;
    int one = 1; /* connections have these from their listener (tcp(7)) */
    unsigned timeout = l->net->cfg->send_timeout_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);

    struct sockaddr_storage bound = { 0 };
    socklen_t n = sizeof bound;
    getsockname(fd, (struct sockaddr *)&bound, &n);
    l->port = bound.ss_family == AF_UNIX    ? 0
              : bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                            : ntohs(((struct sockaddr_in *)&bound)->sin_port);
    l->watch = lec_watch_new(l->net->loop, fd, LEC_READABLE, on_acceptable, l);
    return l->watch != NULL ? LEC_OK : LEC_EIO;
}

int lec_net_listen(struct lec_net *net)
{
    const char *host = net->cfg->host;
    bool loopback;
    struct listener *l = &net->listeners[0];
    return begin(l, host == NULL || host[0] == '\0' ? listen_everywhere(net->cfg->port)
                                                    : listen_at(host, net->cfg->port, &loopback));
}

int lec_net_listen_inner(struct lec_net *net, const char *address)
{
    struct listener *l = &net->listeners[1];
    return begin(l, listen_inner(l, address));
}

unsigned lec_net_port(const struct lec_net *net)
{
    return net->listeners[0].port;
}

unsigned lec_net_inner_port(const struct lec_net *net)
{
    return net->listeners[1].port;
}

void lec_net_stop_listening(struct lec_net *net)
{
    for (struct listener *l = net->listeners; l < net->listeners + LEC_LISTENERS; l++) {
        if (l->fd < 0)
            continue;
        lec_timer_stop(net->loop, &l->pause);
        lec_watch_free(l->watch);
        l->watch = NULL;
        close(l->fd);
        l->fd = -1;
        if (l->path != NULL)
            unlink(l->path);
        free(l->path);
        l->path = NULL;
    }
}
