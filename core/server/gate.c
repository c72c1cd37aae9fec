/* Between Socket.IO and the hooks: a client's CONNECT becomes a peer or a refusal here, and only
 * sockets with a peer are the hooks' concern. A peer lives from on_connect to on_free; all of
 * Socket.IO's events pass, so that each is logged with its connection and person. */
#include <stdlib.h>

#include "engineio/session.h"
#include "server/clock.h"
#include "server/jwks.h"
#include "server/peer.h"
#include "server/stay.h"

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

/* Its token may be good: whoever asks again later may be let in. */
static void refuse_for_now(struct lec_server *server, struct sio_socket *s)
{
    lec_log(server->log, LEC_LOG_INFO, LEC_CAT_AUTH, who(s), "refused %s: " LEC_KEYS_UNAVAILABLE,
            sio_socket_handshake(s)->address);
    sio_socket_refuse(s, "Authentication unavailable: " LEC_KEYS_UNAVAILABLE,
                      LEC_SLICE("{\"code\":\"unavailable\"}"));
}

static void admit(struct lec_server *server, struct sio_socket *s, struct lec_slice auth,
                  bool may_wait)
{
    const char *why = "";
    struct lec_peer *peer;
    int rc = lec_peer_new(&peer, server->keys, auth, sio_socket_handshake(s), lec_clock_ms() / 1000,
                          &why);
    if (rc == LEC_ENOTFOUND && may_wait && lec_jwks_wait(server->jwks, s, NULL))
        return;
    if (rc == LEC_ENOTFOUND && lec_jwks_failing(server->jwks)) {
        refuse_for_now(server, s);
        return;
    }
    if (peer && lec_stay_revoked(server, peer)) {
        lec_peer_free(peer);
        peer = NULL;
        why = "the token was revoked";
    }
    if (!peer) {
        lec_gate_refuse(server, s, why);
        return;
    }
    sio_socket_set_user(s, peer);
    sio_socket_set_log_user(s, peer->id);
    lec_stay_begin(server, peer, s);
    void *kept;
    if (sio_socket_recover(s, &kept)) {
        if (server->hooks->on_recover)
            server->hooks->on_recover(server->hooks->ctx, s, auth, kept);
        else
            sio_socket_accept(s);
    } else if (sio_socket_connecting(s)) {
        if (server->hooks->socket.on_connect)
            server->hooks->socket.on_connect(server->hooks->ctx, s, auth);
        else
            sio_socket_accept(s);
    }
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    admit(ctx, s, auth, true);
}

/* The payload is copied, since the socket's own goes when it is accepted. */
void lec_gate_again(struct lec_server *server, struct sio_socket *s)
{
    struct lec_slice auth = sio_socket_auth(s);
    char *copy = lec_strndup(auth.p, auth.n);
    admit(server, s, (struct lec_slice){ copy, auth.n }, false);
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
        lec_stay_refresh(server, s, event, true);
    else if (server->hooks->socket.on_event)
        server->hooks->socket.on_event(server->hooks->ctx, s, event);
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
    if (!peer)
        return;
    if (server->hooks->socket.on_free)
        server->hooks->socket.on_free(server->hooks->ctx, s);
    lec_stay_end(server, peer);
    sio_socket_set_log_user(s, NULL);
    sio_socket_set_user(s, NULL);
    lec_peer_free(peer);
}

const struct sio_events *lec_gate_events(void)
{
    static const struct sio_events events = {
        .on_connect = on_connect,
        .on_event = on_event,
        .on_disconnect = on_disconnect,
        .on_keep = on_keep,
        .on_forget = on_forget,
        .on_free = on_free,
    };
    return &events;
}
