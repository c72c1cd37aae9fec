/* Leaving without a storm: the clients are closed one by one over some time, so that they do not come
 * back all at once. */
#include "db/db.h"
#include "server/internal.h"

#define TICK_MS   10u
#define LINGER_MS 100u /* for the last answers to leave, after the last session */

/* Closes as many as it takes for the open ones to lie on a line from all to none. Who leaves by
 * itself counts. */
static void shed(struct lec_server *s, uint64_t elapsed)
{
    size_t open = eio_engine_count(s->engine), keep = 0;
    if (elapsed < s->drain.spread)
        keep = (size_t)((double)s->drain.clients * (double)(s->drain.spread - elapsed) /
                        (double)s->drain.spread);
    if (open > keep)
        eio_engine_shed(s->engine, open - keep);
}

/* A handler that was detached, or on_stop, asks on when its clients have gone. It has ended when nobody
 * waited at two ticks in a row, nor has asked between them: an answer may have come whose task runs
 * only after this tick. */
static bool is_asking(struct lec_server *s)
{
    const struct lec_db *db = lec_server_db(s);
    bool waits = db && lec_db_waiting(db) > 0;
    bool quiet = !waits && !s->drain.waited && s->counters.db_calls == s->drain.db_calls;
    s->drain.waited = waits;
    s->drain.db_calls = s->counters.db_calls;
    return !quiet;
}

static void drain_tick(struct lec_timer *t)
{
    struct lec_server *s = LEC_CONTAINER(t, struct lec_server, drain.timer);
    uint64_t now = lec_loop_now(s->loop), elapsed = now - s->drain.began;
    shed(s, elapsed);
    size_t left = eio_engine_count(s->engine) + eio_engine_closing(s->engine);
    bool calls = is_asking(s) || !lec_list_empty(&s->api.requests);
    if (left == 0 && !calls && s->drain.settled == 0) {
        s->drain.settled = now;
        lec_net_stop_listening(s->net);
    }
    bool gone = left == 0 && !calls &&
                (lec_net_connections(s->net) == 0 || now - s->drain.settled >= LINGER_MS);
    if (!gone && elapsed < s->drain.spread + s->cfg->drain_timeout) {
        lec_timer_start(s->loop, t, TICK_MS, drain_tick);
        return;
    }
    if (left > 0)
        lec_log(s->log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY,
                "clients that did not take their last messages in time: %zu", left);
    lec_server_stop(s);
}

void lec_server_drain(struct lec_server *s, uint64_t spread_ms)
{
    if (s->state != SERVER_SERVING && s->state != SERVER_DRAINING)
        return;
    lec_log(s->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY,
            "stopping; clients: %zu, closed over %llu ms", eio_engine_count(s->engine),
            (unsigned long long)spread_ms);
    if (s->state == SERVER_SERVING) {
        s->state = SERVER_DRAINING;
        eio_engine_drain(s->engine);
        if (s->hooks->on_stop)
            s->hooks->on_stop(s->hooks->ctx);
        sio_server_end_recovery(s->io);
    }
    s->drain.clients = eio_engine_count(s->engine);
    s->drain.began = lec_loop_now(s->loop);
    s->drain.spread = spread_ms;
    shed(s, 0);
    lec_timer_start(s->loop, &s->drain.timer, 0, drain_tick);
}
