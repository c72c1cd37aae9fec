/* Between Socket.IO and the hooks: a client's CONNECT becomes a peer or a refusal here, and only
 * sockets with a peer are the hooks' concern. A peer lives from on_connect to on_free; all of
 * Socket.IO's events pass, so that each is logged with its connection and person. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "engineio/session.h"
#include "server/jwks.h"
#include "server/peer.h"
#include "server/revocations.h"
#include "server/stay.h"
#include "socketio/dynamic.h"

static struct lec_who who(const struct sio_socket *s)
{
    const struct lec_peer *peer = sio_socket_user(s);
    return (struct lec_who){ sio_socket_log_id(s), peer ? peer->id : NULL };
}

/* The wording is part of the interface: clients tell it by its beginning, or by data.code. */
void lec_gate_refuse(struct lec_server *server, struct sio_socket *s, const char *why)
{
    struct lec_buf message = { 0 };
    server->counters.tokens_refused++;
    lec_log(server->log, LEC_LOG_INFO, LEC_CAT_AUTH, who(s), "refused %s: %s",
            sio_socket_handshake(s)->address, why);
    lec_buf_printf(&message, "Authentication error: %s", why);
    sio_socket_refuse(s, lec_buf_str(&message), LEC_SLICE("{\"code\":\"unauthorized\"}"));
    lec_buf_fini(&message);
}

/* Its token may be good: whoever asks again later may be let in. Clients that look for the words token or auth in
 * a message, to show a log-in, find none. */
static void refuse_for_now(struct lec_server *server, struct sio_socket *s, const char *why)
{
    struct lec_buf message = { 0 };
    lec_log(server->log, LEC_LOG_INFO, LEC_CAT_AUTH, who(s), "refused %s: %s",
            sio_socket_handshake(s)->address, why);
    lec_buf_printf(&message, "Unavailable: %s", why);
    sio_socket_refuse(s, lec_buf_str(&message), LEC_SLICE("{\"code\":\"unavailable\"}"));
    lec_buf_fini(&message);
}

void lec_gate_refuse_event(struct sio_socket *s, const struct sio_event *event, const char *code,
                           const char *why)
{
    struct lec_buf json = { 0 };
    bool ack = event && event->ack_id != SIO_NO_ID;
    lec_buf_adds(&json, ack ? "[{\"ok\":false,\"error\":{" : "[\"error\",{");
    if (event && !ack) {
        lec_buf_adds(&json, "\"event\":");
        (void)!lec_json_put_string(&json, event->name.p, event->name.n); /* names are UTF-8 */
        lec_buf_addc(&json, ',');
    }
    lec_buf_printf(&json, "\"code\":\"%s\",\"message\":", code);
    (void)!lec_json_put_string(&json, why, strlen(why));
    lec_buf_adds(&json, ack ? "}}]" : "}]");
    struct sio_payload payload = { .json = lec_buf_slice(&json) };
    if (ack)
        (void)!sio_socket_ack(s, event->ack_id, &payload);
    else
        (void)!sio_socket_emit(s, &payload, false);
    lec_buf_fini(&json);
}

/* --- how many connections a person may have ------------------------------------------------ */

/* Appends what a person's sockets in one namespace are counted under: a connection has one there. */
static struct lec_slice tally_name(const struct sio_socket *s, const struct lec_peer *peer,
                                   struct lec_buf *out)
{
    struct lec_slice nsp = sio_namespace_name(sio_socket_namespace(s));
    lec_buf_add(out, nsp.p, nsp.n);
    lec_buf_addc(out, '\0');
    lec_buf_adds(out, peer->id);
    return lec_buf_slice(out);
}

static void count_out(struct lec_server *server, const struct sio_socket *s, struct lec_peer *peer)
{
    if (!peer->counted)
        return;
    struct lec_buf name = { 0 };
    lec_tally_remove(&server->people, tally_name(s, peer, &name));
    lec_buf_fini(&name);
    peer->counted = false;
}

/* False: the person has as many as may be. Who comes back in place of a lost connection is let in. */
static bool count_in(struct lec_server *server, const struct sio_socket *s, struct lec_peer *peer,
                     bool recovered)
{
    uint64_t most = server->cfg->max_connections_per_user;
    if (most == 0)
        return true;
    struct lec_buf text = { 0 };
    struct lec_slice name = tally_name(s, peer, &text);
    peer->counted = recovered || lec_tally_count(&server->people, name) < most;
    if (peer->counted)
        lec_tally_add(&server->people, name);
    lec_buf_fini(&text);
    return peer->counted;
}

/* --- events -------------------------------------------------------------------------------- */

/* Tells the layer below whose socket it is. */
static void name(struct sio_socket *s, const struct lec_peer *peer)
{
    sio_socket_set_person(s, peer->account, peer->id);
}

/* Who comes back is the person that on_connect took the account for, the first time. */
static void name_as_before(struct sio_socket *s, struct lec_peer *peer)
{
    name(s, peer);
    const char *person = sio_socket_returns_as(s);
    if (!person)
        return;
    lec_peer_identify(peer, lec_slice_str(person));
    name(s, peer);
}

/* A good token is not enough. LEC_OK; else the socket has been refused, or waits for what decides it. */
static int pass(struct lec_server *server, struct sio_socket *s, const struct lec_peer *peer,
                unsigned waited)
{
    bool waits;
    int rc = lec_revocations_pass(server->revocations, peer, s, NULL, waited, &waits);
    if (waits)
        return LEC_EAGAIN;
    if (rc == LEC_EAGAIN)
        refuse_for_now(server, s, LEC_REVOCATIONS_UNAVAILABLE);
    else if (rc != LEC_OK)
        lec_gate_refuse(server, s, "the token was revoked");
    return rc;
}

static void refuse_crowd(struct lec_server *server, struct sio_socket *s)
{
    server->counters.sockets_refused_user++;
    sio_socket_refuse(s, "Too many connections", LEC_SLICE("{\"code\":\"too_many_connections\"}"));
}

/* The peer of a CONNECT that may come in, the caller's; NULL: refused, or it waits. */
static struct lec_peer *peer_of(struct lec_server *server, struct sio_socket *s,
                                struct lec_slice auth, unsigned waited)
{
    const char *why = "";
    struct lec_peer *peer;
    int rc = lec_peer_new(&peer, server->keys, auth, sio_socket_handshake(s), lec_clock_ms() / 1000,
                          &why);
    if (rc == LEC_ENOTFOUND) {
        rc = waited & LEC_WAITED_KEYS ? lec_jwks_verdict(server->jwks)
                                      : lec_jwks_wait(server->jwks, s, NULL, waited);
        if (rc == LEC_EAGAIN)
            refuse_for_now(server, s, LEC_KEYS_UNAVAILABLE);
        if (rc != LEC_ENOTFOUND)
            return NULL;
    }
    if (!peer) {
        lec_gate_refuse(server, s, why);
        return NULL;
    }
    name_as_before(s, peer);
    if (pass(server, s, peer, waited) == LEC_OK)
        return peer;
    sio_socket_set_person(s, NULL, NULL);
    lec_peer_free(peer);
    return NULL;
}

static void admit(struct lec_server *server, struct sio_socket *s, struct lec_slice auth,
                  unsigned waited)
{
    struct lec_peer *peer = peer_of(server, s, auth, waited);
    void *kept;
    if (!peer)
        return;
    sio_socket_set_user(s, peer);
    lec_stay_begin(server, peer, s);
    if (sio_socket_recover(s, &kept)) {
        (void)count_in(server, s, peer, true);
        if (server->hooks->on_recover)
            server->hooks->on_recover(server->hooks->ctx, s, auth, kept);
        else
            sio_socket_accept(s);
    } else if (sio_socket_connecting(s)) {
        lec_peer_identify(peer, lec_slice_str(peer->account)); /* on_connect says anew who it is */
        name(s, peer);
        if (!count_in(server, s, peer, false))
            refuse_crowd(server, s);
        else if (server->hooks->socket.on_connect)
            server->hooks->socket.on_connect(server->hooks->ctx, s, auth);
        else
            sio_socket_accept(s);
    }
}

int lec_server_identify(struct lec_server *server, struct sio_socket *s, struct lec_slice id,
                        const char **why)
{
    struct lec_peer *peer = sio_socket_user(s);
    *why = lec_id_flaw(id);
    if (*why)
        return LEC_EINVAL;
    count_out(server, s, peer);
    lec_peer_identify(peer, id);
    name(s, peer);
    return LEC_OK;
}

void lec_gate_identified(struct lec_server *server, struct sio_socket *s, unsigned waited)
{
    if (pass(server, s, sio_socket_user(s), waited) == LEC_OK)
        server->hooks->on_admitted(server->hooks->ctx, s);
}

void lec_server_admit(struct lec_server *server, struct sio_socket *s)
{
    if (count_in(server, s, sio_socket_user(s), false))
        lec_gate_identified(server, s, 0);
    else
        refuse_crowd(server, s);
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    admit(ctx, s, auth, 0);
}

/* The payload is copied, since the socket's own goes when it is accepted. A reload may have taken the
 * pattern of its namespace away meanwhile, and the on_connect that would look at it. */
void lec_gate_again(struct lec_server *server, struct sio_socket *s, unsigned waited)
{
    if (sio_namespace_is_orphan(sio_socket_namespace(s))) {
        sio_socket_refuse(s, "Invalid namespace", (struct lec_slice){ NULL, 0 });
        return;
    }
    struct lec_slice auth = sio_socket_auth(s);
    char *copy = lec_strndup(auth.p, auth.n);
    admit(server, s, (struct lec_slice){ copy, auth.n }, waited);
    free(copy);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    struct lec_server *server = ctx;
    const struct lec_peer *peer = sio_socket_user(s);
    if (lec_log_on(server->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET))
        lec_log(server->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET, who(s), "event %.*s, %zu bytes%s",
                (int)event->name.n, event->name.p, event->payload.json.n,
                event->ack_id == SIO_NO_ID ? "" : ", wants an answer");
    if (peer->revoked)
        return;
    if (lec_slice_eq(event->name, LEC_SLICE("refresh_token")))
        lec_stay_refresh(server, s, event, 0);
    else if (server->hooks->socket.on_event)
        server->hooks->socket.on_event(server->hooks->ctx, s, event);
}

static void on_limited(void *ctx, struct sio_socket *s, const struct sio_event *event,
                       const char *why)
{
    static const struct lec_rate once_a_second = { 1, 1 };
    struct lec_server *server = ctx;
    struct lec_peer *peer = sio_socket_user(s);
    if (!event || event->ack_id != SIO_NO_ID ||
        lec_bucket_take(&peer->told, &once_a_second, lec_loop_now(server->loop), 1))
        lec_gate_refuse_event(s, event, "rate_limited", why);
}

static void on_disconnect(void *ctx, struct sio_socket *s, enum sio_reason why)
{
    struct lec_server *server = ctx;
    if (server->hooks->socket.on_disconnect)
        server->hooks->socket.on_disconnect(server->hooks->ctx, s, why);
}

static void *on_keep(void *ctx, struct sio_socket *s)
{
    struct lec_server *server = ctx;
    return server->hooks->socket.on_keep ? server->hooks->socket.on_keep(server->hooks->ctx, s)
                                         : NULL;
}

static void on_forget(void *ctx, void *kept)
{
    struct lec_server *server = ctx;
    if (server->hooks->socket.on_forget)
        server->hooks->socket.on_forget(server->hooks->ctx, kept);
}

/* Hooks never heard of a socket that was refused before it had a peer. */
static void on_free(void *ctx, struct sio_socket *s)
{
    struct lec_server *server = ctx;
    struct lec_peer *peer = sio_socket_user(s);
    lec_jwks_forget(server->jwks, s);
    lec_revocations_forget(server->revocations, s);
    if (!peer)
        return;
    if (server->hooks->socket.on_free)
        server->hooks->socket.on_free(server->hooks->ctx, s);
    count_out(server, s, peer);
    lec_stay_end(server, peer);
    sio_socket_set_person(s, NULL, NULL);
    sio_socket_set_user(s, NULL);
    lec_peer_free(peer);
}

const struct sio_events *lec_gate_events(void)
{
    static const struct sio_events events = {
        .on_connect = on_connect,
        .on_event = on_event,
        .on_limited = on_limited,
        .on_disconnect = on_disconnect,
        .on_keep = on_keep,
        .on_forget = on_forget,
        .on_free = on_free,
    };
    return &events;
}
