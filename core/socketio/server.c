/* The server: the table of namespaces, and the engine's events handed to clients. */
#include "socketio/server.h"

#include <stdlib.h>

#include "socketio/internal.h"

struct sio_server *sio_server_new(struct lec_loop *loop, const struct sio_config *cfg,
                                  const struct sio_events *events, void *ctx,
                                  struct lec_counters *counters, struct lec_log *log)
{
    struct sio_server *io = lec_alloc0(sizeof *io);
    io->loop = loop;
    io->cfg = *cfg;
    io->events = events;
    io->ctx = ctx;
    io->counters = counters;
    io->log = log;
    sio_server_of(io, LEC_SLICE("/"));
    return io;
}

void sio_server_free(struct sio_server *io)
{
    if (!io)
        return;
    struct sio_namespace *nsp;
    for (size_t pos = 0; (nsp = lec_map_next(&io->namespaces, &pos));)
        sio_namespace_free(nsp);
    lec_map_fini(&io->namespaces);
    sio_dynamic_fini(io);
    free(io);
}

void sio_server_end_recovery(struct sio_server *io)
{
    struct sio_namespace *nsp;
    io->cfg.recovery_window_ms = 0; /* namespaces that are made from now on have none */
    for (size_t pos = 0; (nsp = lec_map_next(&io->namespaces, &pos));)
        if (nsp->recovery)
            sio_recovery_end(nsp->recovery);
    sio_dynamic_sweep(io);
}

static void on_open(void *ctx, struct eio_session *session)
{
    sio_client_open(ctx, session);
}

static void on_message(void *ctx, struct eio_session *session, struct lec_slice data, bool binary)
{
    (void)ctx;
    sio_client_message(eio_session_user(session), data, binary);
}

static void on_close(void *ctx, struct eio_session *session, enum eio_reason why)
{
    (void)ctx;
    sio_client_close(eio_session_user(session), why);
}

const struct eio_events *sio_server_engine_events(void)
{
    static const struct eio_events events = {
        .on_open = on_open,
        .on_message = on_message,
        .on_close = on_close,
    };
    return &events;
}

size_t sio_server_user_size(const struct sio_config *cfg)
{
    return sizeof(struct sio_client) + cfg->n_event_rates * sizeof(uint64_t);
}

struct sio_namespace *sio_server_find(struct sio_server *io, struct lec_slice name)
{
    if (name.n > 0 && name.p[0] == '/')
        return lec_map_get(&io->namespaces, name);
    struct lec_buf full = { 0 };
    lec_buf_addc(&full, '/');
    lec_buf_add(&full, name.p, name.n);
    struct sio_namespace *nsp = lec_map_get(&io->namespaces, lec_buf_slice(&full));
    lec_buf_fini(&full);
    return nsp;
}

struct sio_namespace *sio_server_of(struct sio_server *io, struct lec_slice name)
{
    struct sio_namespace *nsp = sio_server_find(io, name);
    if (nsp) {
        sio_dynamic_end(nsp);
        return nsp;
    }
    nsp = sio_namespace_new(io, name);
    lec_map_put(&io->namespaces, nsp->name, nsp);
    return nsp;
}

static void free_namespace(struct lec_later *l)
{
    sio_namespace_free(LEC_CONTAINER(l, struct sio_namespace, later));
}

void sio_server_close_namespace(struct sio_server *io, struct sio_namespace *nsp)
{
    if (nsp->closed || lec_slice_is(nsp->name, "/"))
        return;
    nsp->closed = true;
    sio_dynamic_end(nsp);
    if (nsp->recovery)
        sio_recovery_end(nsp->recovery);
    lec_map_remove(&io->namespaces, nsp->name);
    /* Callbacks may take others out; nobody comes in any more. */
    while (nsp->everyone.count > 0) {
        struct sio_socket *s = nsp->everyone.p[nsp->everyone.count - 1].socket;
        if (sio_socket_connecting(s))
            sio_socket_refuse(s, "Invalid namespace", (struct lec_slice){ NULL, 0 });
        else
            sio_socket_disconnect(s, false);
    }
    lec_loop_free_later(io->loop, &nsp->later, free_namespace);
}

struct sio_namespace *sio_server_next(struct sio_server *io, size_t *pos)
{
    return lec_map_next(&io->namespaces, pos);
}

const char *sio_reason_text(enum sio_reason why)
{
    switch (why) {
    case SIO_TRANSPORT_CLOSE:
        return "transport close";
    case SIO_TRANSPORT_ERROR:
        return "transport error";
    case SIO_PING_TIMEOUT:
        return "ping timeout";
    case SIO_PARSE_ERROR:
        return "parse error";
    case SIO_FORCED_CLOSE:
        return "forced close";
    case SIO_SERVER_SHUTTING_DOWN:
        return "server shutting down";
    case SIO_SLOW_CONSUMER:
        return "slow consumer";
    case SIO_CLIENT_DISCONNECT:
        return "client namespace disconnect";
    case SIO_SERVER_DISCONNECT:
        return "server namespace disconnect";
    }
    return "unknown";
}
