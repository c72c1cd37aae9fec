/* What tests/support/fake_net.h leaves out of net: the listener and the control socket, so that a
 * whole lec_server runs in memory. One host a program. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "fake_net.h"
#include "net/control.h"
#include "net/net.h"

struct fake_host {
    const struct lec_net_config *cfg;
    const struct lec_net_events *events;
    void *ctx;
    bool listening, closed;
    unsigned connections; /* what lec_net_connections says; set by the test */
    const char *tls;      /* what lec_net_reload_tls says, NULL without TLS; set by the test */
    int tls_result;
    lec_control_fn *command;
    void *command_ctx;
};

extern struct fake_host fake_host;

/* Asks the server by its control socket. The answer's status; -1: it has not come yet (and must not come
 * any more). */
int fake_command(const char *line, struct lec_buf *answer);

/* Where a client polls: in its session, or "" for a new one. Valid until the next call. */
const char *fake_host_url(const char *sid);

/* A request to the server, after its turn. */
struct lec_http *fake_host_request(struct lec_loop *loop, enum lec_method method, const char *url,
                                   const char *body);

#endif
