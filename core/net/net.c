/* What belongs to all connections of a net, and how all of them end. */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/internal.h"

#define OTHER_FDS       (256 + LEC_MAX_INNER) /* descriptors that are no connections from outside */
#define WATCH_PER_TURN  256
#define SHAKES_PER_TURN 8 /* steps of TLS handshakes: 3 to 8 ms of computing */

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

unsigned lec_net_connections(const struct lec_net *net)
{
    return net->count;
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
    for (unsigned i = 0; i < LEC_LISTENERS; i++)
        net->listeners[i] = (struct listener){ .net = net, .fd = -1 };
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
