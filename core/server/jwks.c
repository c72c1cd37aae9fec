#include "server/jwks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/map.h"
#include "net/answer.h"
#include "net/fetch.h"
#include "server/stay.h"

#define MAX_BYTES         (1u << 20) /* of a set */
#define FIRST_RETRY_MS    1000u
#define MAX_RETRY_MS      60000u
#define MAX_WAIT_MS       30000u      /* for a fetch to begin */
#define MAX_WAITING_BYTES (16u << 20) /* held for all who wait */
#define RETRIED_PER_TURN  64          /* each costs a signature */

struct waiter {
    struct lec_list node;
    struct sio_socket *socket; /* its key in the map */
    size_t cost;               /* bytes held for it */
    unsigned waited;           /* for what else, before */
    bool connecting;           /* its CONNECT waits, else its event: */
    int64_t ack_id;
    size_t n;
    char args[];
};

struct lec_jwks {
    struct lec_server *server;
    struct lec_fetch *fetch; /* in flight */
    struct lec_timer timer;  /* until the next */
    uint64_t due;            /* when it is, on the loop's clock */
    uint64_t forced;         /* when an unknown key caused one; 0: never */
    uint64_t fetched;        /* when one was good; 0: never */
    unsigned failures;       /* in a row */
    struct lec_buf last;     /* the set in force, as it came */
    char why[512];           /* the latest failure */

    struct lec_map waiters;   /* all, by socket */
    struct lec_list waiting;  /* for the end of a fetch */
    struct lec_list answered; /* those whose fetch has ended */
    struct lec_timer retry;
    size_t waiting_bytes;
};

static struct lec_slice key(struct sio_socket *const *socket)
{
    return (struct lec_slice){ (const char *)socket, sizeof *socket };
}

/* Before the first set, and after a fetch that failed, an unknown key may be our fault. */
int lec_jwks_verdict(const struct lec_jwks *j)
{
    return j && (j->failures > 0 || j->fetched == 0) ? LEC_EAGAIN : LEC_ENOTFOUND;
}

/* --- who waits ----------------------------------------------------------------------------- */

static struct waiter *take(struct lec_jwks *j, struct sio_socket *socket)
{
    struct waiter *w = lec_map_remove(&j->waiters, key(&socket));
    if (!w)
        return NULL;
    lec_list_remove(&w->node);
    j->waiting_bytes -= w->cost;
    return w;
}

void lec_jwks_forget(struct lec_jwks *j, struct sio_socket *socket)
{
    if (j && j->waiters.count > 0)
        free(take(j, socket));
}

static void retry_some(struct lec_timer *t)
{
    struct lec_jwks *j = LEC_CONTAINER(t, struct lec_jwks, retry);
    for (int i = 0; i < RETRIED_PER_TURN && !lec_list_empty(&j->answered); i++) {
        struct waiter *first = LEC_CONTAINER(j->answered.next, struct waiter, node);
        struct waiter *w = take(j, first->socket);
        if (w->connecting) {
            lec_gate_again(j->server, w->socket, w->waited | LEC_WAITED_KEYS);
        } else {
            struct sio_event event = { .name = LEC_SLICE("refresh_token"),
                                       .payload.json = { w->args, w->n },
                                       .ack_id = w->ack_id };
            lec_stay_refresh(j->server, w->socket, &event, w->waited | LEC_WAITED_KEYS);
        }
        free(w);
    }
    if (!lec_list_empty(&j->answered))
        lec_timer_start(j->server->loop, t, 0, retry_some);
}

/* A fetch has ended, well or not. */
static void look_again(struct lec_jwks *j)
{
    struct lec_list *node;
    while ((node = lec_list_shift(&j->waiting)) != NULL)
        lec_list_append(&j->answered, node);
    if (!lec_list_empty(&j->answered))
        lec_timer_start(j->server->loop, &j->retry, 0, retry_some);
}

/* --- fetching ------------------------------------------------------------------------------ */

static void fetch_now(struct lec_jwks *j);

static void on_due(struct lec_timer *t)
{
    struct lec_jwks *j = LEC_CONTAINER(t, struct lec_jwks, timer);
    if (!lec_list_empty(&j->waiting))
        j->forced = lec_loop_now(j->server->loop);
    fetch_now(j);
}

static void fetch_in(struct lec_jwks *j, uint64_t ms)
{
    j->due = lec_loop_now(j->server->loop) + ms;
    lec_timer_start(j->server->loop, &j->timer, ms, on_due);
}

/* The time less a random part of it, up to one `part`th. */
static uint64_t jittered(uint64_t ms, unsigned part)
{
    uint32_t random;
    lec_random(&random, sizeof random);
    return ms - ms / part * (random % 1024) / 1024;
}

static void succeed(struct lec_jwks *j, const struct lec_fetch_result *r)
{
    struct lec_server *s = j->server;
    bool changed = !lec_slice_eq(lec_buf_slice(&j->last), r->body);
    if (changed || j->failures > 0)
        lec_log(s->log, LEC_LOG_INFO, LEC_CAT_AUTH, LEC_NOBODY, "%s %s; keys read: %zu",
                s->cfg->jwt_jwks_url,
                j->fetched == 0 ? "fetched"
                : changed       ? "changed"
                                : "is back",
                lec_keys_count(s->keys));
    lec_buf_clear(&j->last, MAX_BYTES);
    lec_buf_add(&j->last, r->body.p, r->body.n);
    j->failures = 0;
    j->fetched = lec_loop_now(s->loop);
    uint64_t most = s->cfg->jwt_jwks_refresh, least = s->cfg->jwt_jwks_cooldown;
    int64_t seconds = lec_answer_max_age(r->headers);
    uint64_t age = seconds < 0 || (uint64_t)seconds > most / 1000 ? most : (uint64_t)seconds * 1000;
    fetch_in(j, jittered(age > least ? age : least, 10));
}

/* Told in the log when it begins, and no more until it has ended. */
static void fail(struct lec_jwks *j)
{
    struct lec_server *s = j->server;
    bool before = lec_keys_count(s->keys) > 0;
    s->counters.jwks_failed++;
    lec_log(s->log, j->failures > 0 ? LEC_LOG_DEBUG : LEC_LOG_ERROR, LEC_CAT_AUTH, LEC_NOBODY,
            "%s: %s; %s", s->cfg->jwt_jwks_url, j->why,
            before ? "the keys of before stay in force" : "nobody can log in until it is there");
    uint64_t ms = j->failures < 6 ? (uint64_t)FIRST_RETRY_MS << j->failures : MAX_RETRY_MS;
    j->failures++;
    fetch_in(j, jittered(ms, 2));
}

static void on_fetched(void *ctx, const struct lec_fetch_result *r)
{
    struct lec_jwks *j = ctx;
    int rc = LEC_EINVAL;
    j->fetch = NULL;
    if (r->err != LEC_OK)
        snprintf(j->why, sizeof j->why, "%s", r->why);
    else if (r->status != 200)
        snprintf(j->why, sizeof j->why, "it was answered with status %u%s", r->status,
                 r->status / 100 == 3 ? " (redirects are not followed)" : "");
    else
        rc = lec_keys_take(j->server->keys, r->body, j->why, sizeof j->why);
    if (rc == LEC_OK)
        succeed(j, r);
    else
        fail(j);
    look_again(j);
}

static void fetch_now(struct lec_jwks *j)
{
    static const char *const headers[] = { "Accept: application/jwk-set+json, application/json",
                                           NULL };
    struct lec_server *s = j->server;
    const struct lec_fetch_request request = {
        .method = "GET",
        .url = s->cfg->jwt_jwks_url,
        .headers = headers,
        .timeout_ms = (unsigned)s->cfg->http_client_timeout,
        .max_bytes = MAX_BYTES,
        .configured = true,
    };
    lec_timer_stop(s->loop, &j->timer);
    s->counters.jwks_fetches++;
    if (lec_fetch_start(s->fetcher, &request, on_fetched, j, &j->fetch) == LEC_OK)
        return;
    snprintf(j->why, sizeof j->why, "the request could not be made");
    fail(j);
    look_again(j);
}

/* Sees to it that a fetch ends soon. False: none is allowed to begin. */
static bool hurry(struct lec_jwks *j)
{
    struct lec_server *s = j->server;
    uint64_t now = lec_loop_now(s->loop);
    uint64_t allowed = j->forced == 0 ? now : j->forced + s->cfg->jwt_jwks_cooldown;
    if (j->fetch)
        return true;
    if (allowed <= now) {
        j->forced = now;
        fetch_now(j);
        return j->fetch != NULL;
    }
    uint64_t at = allowed < j->due ? allowed : j->due;
    if (at > now + MAX_WAIT_MS)
        return false;
    if (at < j->due)
        fetch_in(j, at - now);
    return true;
}

int lec_jwks_wait(struct lec_jwks *j, struct sio_socket *socket, const struct sio_event *event,
                  unsigned waited)
{
    if (!j)
        return LEC_ENOTFOUND;
    if (lec_map_get(&j->waiters, key(&socket)))
        return LEC_EAGAIN;
    struct lec_slice args = event ? event->payload.json : (struct lec_slice){ NULL, 0 };
    size_t cost = sizeof(struct waiter) + (event ? args.n : sio_socket_auth(socket).n);
    if (cost > MAX_WAITING_BYTES - j->waiting_bytes)
        return LEC_EAGAIN;
    if (!hurry(j))
        return lec_jwks_verdict(j);
    struct waiter *w = lec_alloc0(sizeof *w + args.n);
    w->socket = socket;
    w->cost = cost;
    w->waited = waited;
    w->connecting = event == NULL;
    if (event) {
        w->ack_id = event->ack_id;
        w->n = args.n;
        memcpy(w->args, args.p, args.n);
    }
    lec_map_put(&j->waiters, key(&w->socket), w);
    lec_list_append(&j->waiting, &w->node);
    j->waiting_bytes += cost;
    j->server->counters.tokens_waited++;
    return LEC_OK;
}

bool lec_jwks_want(struct lec_jwks *j)
{
    return j && ((hurry(j) && j->fetch) || lec_jwks_verdict(j) == LEC_EAGAIN);
}

/* --- its life ------------------------------------------------------------------------------ */

struct lec_jwks *lec_jwks_new(struct lec_server *s)
{
    struct lec_jwks *j = lec_alloc0(sizeof *j);
    j->server = s;
    lec_list_init(&j->waiting);
    lec_list_init(&j->answered);
    return j;
}

void lec_jwks_start(struct lec_jwks *j)
{
    fetch_now(j);
}

void lec_jwks_stop(struct lec_jwks *j)
{
    if (j->fetch)
        lec_fetch_cancel(j->fetch);
    j->fetch = NULL;
    lec_timer_stop(j->server->loop, &j->timer);
    lec_timer_stop(j->server->loop, &j->retry);
}

void lec_jwks_free(struct lec_jwks *j)
{
    if (!j)
        return;
    lec_jwks_stop(j);
    lec_map_fini(&j->waiters);
    lec_buf_fini(&j->last);
    free(j);
}

/* --- how it stands ------------------------------------------------------------------------- */

void lec_jwks_text(const struct lec_jwks *j, struct lec_buf *out)
{
    struct lec_server *s = j->server;
    lec_buf_printf(out, "%zu, ", lec_keys_count(s->keys));
    if (j->fetched == 0)
        lec_buf_adds(out, "never fetched");
    else
        lec_buf_printf(out, "fetched %llu s ago",
                       (unsigned long long)(lec_loop_now(s->loop) - j->fetched) / 1000);
    if (j->failures > 0)
        lec_buf_printf(out, "; FAILED %u times since: %s", j->failures, j->why);
}

void lec_jwks_json(const struct lec_jwks *j, struct lec_buf *out)
{
    struct lec_server *s = j->server;
    lec_buf_printf(out, "\"count\":%zu,\"failures\":%u,\"age\":", lec_keys_count(s->keys),
                   j->failures);
    if (j->fetched == 0)
        lec_buf_adds(out, "null");
    else
        lec_buf_printf(out, "%llu",
                       (unsigned long long)(lec_loop_now(s->loop) - j->fetched) / 1000);
}
