#include "socketio/rate.h"

#include "socketio/internal.h"

/* Who sends this many times what it may is no busy client but a broken or hostile one, and is
 * disconnected when that goes on for so many seconds. */
#define FLOOD_FACTOR  10u
#define FLOOD_SECONDS 3u

/* Takes from what a client may go over its rate. False: it has used that up too, and is gone now. */
static bool bear(struct sio_client *c, uint64_t *bucket, const struct lec_rate *rate, uint64_t n)
{
    struct sio_server *io = c->io;
    struct lec_rate more = { rate->per_second * FLOOD_FACTOR,
                             rate->per_second * FLOOD_FACTOR * FLOOD_SECONDS };
    if (more.burst < rate->burst)
        more.burst = rate->burst;
    if (lec_bucket_take(bucket, &more, lec_loop_now(io->loop), n))
        return true;
    io->counters->clients_flooding++;
    lec_log(io->log, LEC_LOG_INFO, LEC_CAT_IO_CLIENT,
            (struct lec_who){ eio_session_log_id(c->session), NULL },
            "disconnected: it sends more than %u times what it may", FLOOD_FACTOR);
    struct sio_socket *s = c->sockets;
    while (s && s->state != SIO_CONNECTED)
        s = s->next;
    if (s && io->events->on_limited)
        io->events->on_limited(io->ctx, s, NULL, "disconnected for sending far too much");
    sio_client_disconnect(c);
    return false;
}

bool sio_rate_message(struct sio_client *c, size_t n)
{
    const struct lec_rate *rate = &c->io->cfg.bytes;
    if (!c->partial)
        c->too_many_bytes = false;
    if (lec_bucket_take(&c->bytes, rate, lec_loop_now(c->io->loop), n))
        return true;
    c->too_many_bytes = true;
    return bear(c, &c->more_bytes, rate, n);
}

/* Why this event is not handled now, NULL if it is. */
static const char *over_rate(struct sio_client *c, const struct sio_event *event)
{
    const struct sio_config *cfg = &c->io->cfg;
    uint64_t now = lec_loop_now(c->io->loop);
    if (c->too_many_bytes)
        return "too many bytes a second";
    if (!lec_bucket_take(&c->events, &cfg->events, now, 1))
        return "too many events a second";
    for (size_t i = 0; i < cfg->n_event_rates; i++)
        if (lec_slice_eq(cfg->event_rates[i].name, event->name))
            return lec_bucket_take(&c->by_event[i], &cfg->event_rates[i].rate, now, 1)
                       ? NULL
                       : "too many of these events a second";
    return NULL;
}

bool sio_rate_event(struct sio_client *c, struct sio_socket *s, const struct sio_event *event)
{
    struct sio_server *io = c->io;
    const char *why = over_rate(c, event);
    if (!why)
        return true;
    io->counters->events_rate_limited++;
    if (bear(c, &c->more_events, &io->cfg.events, 1) && io->events->on_limited)
        io->events->on_limited(io->ctx, s, event, why);
    return false;
}
