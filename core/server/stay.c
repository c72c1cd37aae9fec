#include "server/stay.h"

#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "server/jwks.h"
#include "server/peer.h"
#include "server/revocations.h"

/* Timers are set anew after this long, so that a clock that was put forward is noticed. */
#define MAX_WAIT_MS 600000

static const char expired[] = "the token has expired";
static const char revoked[] = "the token was revoked";

static struct lec_who who(const struct lec_peer *peer)
{
    return (struct lec_who){ sio_socket_log_id(peer->socket), peer->id };
}

/* A token's second as milliseconds; far ones all at the end of time. */
static int64_t ms_of(int64_t seconds)
{
    return seconds > INT64_MAX / 2000 ? INT64_MAX / 2 : seconds * 1000;
}

/* --- what the client is told --------------------------------------------------------------- */

/* Appends the second as "2026-11-22T19:44:05.000Z"; null if it has no such form. */
static void put_time(struct lec_buf *out, int64_t seconds)
{
    char text[40];
    struct tm tm;
    time_t t = (time_t)seconds;
    if (seconds == INT64_MAX || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900) {
        lec_buf_adds(out, "null");
        return;
    }
    strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%S.000Z\"", &tm);
    lec_buf_adds(out, text);
}

/* Sends and frees. */
static void emit(struct sio_socket *socket, struct lec_buf *json)
{
    struct sio_payload event = { .json = lec_buf_slice(json) };
    (void)!sio_socket_emit(socket, &event, false);
    lec_buf_fini(json);
}

static void warn(struct lec_peer *peer, int64_t now)
{
    struct lec_buf json = { 0 };
    int64_t left = (ms_of(peer->expires) - now + 500) / 1000;
    lec_buf_adds(&json, "[\"token_expiring\",{\"expiresAt\":");
    put_time(&json, peer->expires);
    lec_buf_printf(&json, ",\"secondsLeft\":%lld}]", (long long)(left > 0 ? left : 0));
    emit(peer->socket, &json);
}

static const char unauthorized[] = "unauthorized";

/* --- time ---------------------------------------------------------------------------------- */

/* After this the peer may be no more. */
static void end(struct lec_peer *peer, const char *why)
{
    struct sio_socket *socket = peer->socket;
    if (sio_socket_connecting(socket)) {
        lec_gate_refuse(peer->server, socket, why);
        return;
    }
    lec_log(peer->server->log, LEC_LOG_INFO, LEC_CAT_AUTH, who(peer), "disconnected: %s", why);
    lec_gate_refuse_event(socket, NULL, unauthorized, why);
    sio_socket_disconnect(socket, false);
}

static void on_time(struct lec_timer *t);

static void set_timer(struct lec_peer *peer, int64_t now)
{
    struct lec_server *s = peer->server;
    if (peer->expires == INT64_MAX) {
        lec_timer_stop(s->loop, &peer->timer);
        return;
    }
    int64_t at = peer->warned ? ms_of(peer->expires) + (int64_t)s->cfg->jwt_leeway_s * 1000
                              : ms_of(peer->expires) - (int64_t)s->cfg->jwt_warn_s * 1000;
    int64_t wait = at < now ? 0 : at - now < MAX_WAIT_MS ? at - now : MAX_WAIT_MS;
    lec_timer_start(s->loop, &peer->timer, (uint64_t)wait, on_time);
}

static void on_time(struct lec_timer *t)
{
    struct lec_peer *peer = LEC_CONTAINER(t, struct lec_peer, timer);
    struct lec_server *s = peer->server;
    int64_t now = lec_clock_ms(), exp = ms_of(peer->expires);
    if (peer->revoked) {
        s->counters.sockets_revoked++;
        end(peer, revoked);
        return;
    }
    if (now >= exp + (int64_t)s->cfg->jwt_leeway_s * 1000) {
        s->counters.sockets_expired++;
        end(peer, expired);
        return;
    }
    bool due = !peer->warned && now >= exp - (int64_t)s->cfg->jwt_warn_s * 1000;
    peer->warned = peer->warned || due;
    set_timer(peer, now);
    if (due)
        warn(peer, now); /* last, as it may end the socket */
}

void lec_stay_begin(struct lec_server *s, struct lec_peer *peer, struct sio_socket *socket)
{
    peer->server = s;
    peer->socket = socket;
    peer->warned = s->cfg->jwt_warn_s == 0;
    lec_list_append(&s->peers, &peer->link);
    set_timer(peer, lec_clock_ms());
}

void lec_stay_end(struct lec_server *s, struct lec_peer *peer)
{
    lec_timer_stop(s->loop, &peer->timer);
    lec_list_remove(&peer->link);
}

/* --- another token ------------------------------------------------------------------------- */

/* The new token's peer; else as lec_peer_of_event, or it waits. */
static int present(struct lec_peer **fresh, struct lec_server *s, struct sio_socket *socket,
                   const struct sio_event *event, unsigned waited, bool *waits, const char **why)
{
    const struct lec_peer *peer = sio_socket_user(socket);
    int rc = lec_peer_of_event(fresh, s->keys, event->payload.json, lec_clock_ms() / 1000, why);
    if (rc == LEC_ENOTFOUND) {
        rc = waited & LEC_WAITED_KEYS ? lec_jwks_verdict(s->jwks)
                                      : lec_jwks_wait(s->jwks, socket, event, waited);
        *waits = rc == LEC_OK;
        *why = rc == LEC_EAGAIN ? LEC_KEYS_UNAVAILABLE : *why;
        return rc;
    }
    if (rc != LEC_OK)
        return rc;
    if (strcmp((*fresh)->account, peer->account) != 0) {
        *why = "the token is somebody else's";
        rc = LEC_EDENIED;
    } else {
        lec_peer_identify(*fresh, lec_slice_str(peer->id));
        rc = lec_revocations_pass(s->revocations, *fresh, socket, event, waited, waits);
        *why = rc == LEC_EAGAIN ? LEC_REVOCATIONS_UNAVAILABLE : revoked;
    }
    if (rc != LEC_OK || *waits)
        lec_peer_free(*fresh);
    return rc;
}

void lec_stay_refresh(struct lec_server *s, struct sio_socket *socket,
                      const struct sio_event *event, unsigned waited)
{
    struct lec_peer *fresh, *peer = sio_socket_user(socket);
    const char *why = "";
    bool waits = false;
    if (peer->revoked)
        return;
    int rc = present(&fresh, s, socket, event, waited, &waits, &why);
    if (waits)
        return;
    if (rc != LEC_OK) {
        bool for_now = rc == LEC_EAGAIN;
        s->counters.tokens_refused += !for_now;
        lec_log(s->log, LEC_LOG_INFO, LEC_CAT_AUTH, who(peer), "refused another token: %s", why);
        lec_gate_refuse_event(socket, event, for_now ? "unavailable" : unauthorized, why);
        return;
    }
    lec_peer_renew(peer, fresh);
    peer->warned = s->cfg->jwt_warn_s == 0;
    set_timer(peer, lec_clock_ms());
    s->counters.tokens_refreshed++;
    lec_log(s->log, LEC_LOG_DEBUG, LEC_CAT_AUTH, who(peer), "took another token");
    struct lec_buf json = { 0 };
    lec_buf_adds(&json, "[{\"ok\":true,\"expiresAt\":");
    put_time(&json, peer->expires);
    lec_buf_adds(&json, "}]");
    if (s->hooks->on_refreshed)
        s->hooks->on_refreshed(s->hooks->ctx, socket); /* may end the socket */
    struct sio_payload args = { .json = lec_buf_slice(&json) };
    if (event->ack_id != SIO_NO_ID)
        (void)!sio_socket_ack(socket, event->ack_id, &args);
    lec_buf_fini(&json);
}

/* --- revocation ---------------------------------------------------------------------------- */

/* Whether it is of before this person's, or account's, revocation. Tokens tell whole seconds: one of the very
 * second of the revocation counts as older. */
static bool of_revoked(struct lec_server *s, const struct lec_peer *peer, const char *id)
{
    int64_t time;
    return lec_revoked_find(&s->revoked_people, lec_slice_str(id), &time) && peer->issued <= time;
}

bool lec_stay_revoked(struct lec_server *s, const struct lec_peer *peer)
{
    struct lec_slice jti = lec_slice_str(peer->jti);
    int64_t time;
    if (peer->jti && lec_revoked_find(&s->revoked_tokens, jti, &time)) {
        /* Now that the token is here, it tells how long it must be remembered. */
        if (time == INT64_MAX && peer->expires < INT64_MAX - (int64_t)s->cfg->jwt_leeway_s)
            lec_revoked_set(&s->revoked_tokens, jti, peer->expires + (int64_t)s->cfg->jwt_leeway_s);
        return true;
    }
    return of_revoked(s, peer, peer->id) || (peer->person && of_revoked(s, peer, peer->account));
}

static void expel(struct lec_server *s, struct lec_peer *peer, size_t *n)
{
    if (peer->revoked)
        return;
    peer->revoked = true;
    lec_timer_start(s->loop, &peer->timer, 0, on_time);
    ++*n;
}

static void note_loss(struct lec_server *s, bool lost, bool of_people)
{
    if (!lost)
        return;
    lec_log(s->log, LEC_LOG_WARN, LEC_CAT_AUTH, LEC_NOBODY,
            "more than %llu revocations: the oldest was forgotten%s",
            (unsigned long long)s->cfg->max_revocations,
            lec_server_db(s) ? " here, and who comes is looked up in the database" : "");
    lec_revocations_lost(s->revocations, of_people);
}

size_t lec_server_revoke_user(struct lec_server *s, struct lec_slice id)
{
    size_t n = 0;
    note_loss(s, lec_revoked_add(&s->revoked_people, id, lec_clock_ms() / 1000, INT64_MIN), true);
    for (struct lec_list *node = s->peers.next; node != &s->peers; node = node->next) {
        struct lec_peer *peer = LEC_CONTAINER(node, struct lec_peer, link);
        if (lec_slice_is(id, peer->id) || lec_slice_is(id, peer->account))
            expel(s, peer, &n);
    }
    return n;
}

size_t lec_server_revoke_token(struct lec_server *s, struct lec_slice jti)
{
    size_t n = 0;
    note_loss(s, lec_revoked_add(&s->revoked_tokens, jti, INT64_MAX, lec_clock_ms() / 1000), false);
    for (struct lec_list *node = s->peers.next; node != &s->peers; node = node->next) {
        struct lec_peer *peer = LEC_CONTAINER(node, struct lec_peer, link);
        if (peer->jti && lec_slice_is(jti, peer->jti) && lec_stay_revoked(s, peer))
            expel(s, peer, &n);
    }
    return n;
}
