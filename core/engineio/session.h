/* One Engine.IO session: the thing with a sid. It outlives its TCP connections: several carry it
 * while it polls, and it moves from polling to a WebSocket without losing or reordering anything.
 *
 *   OPEN --probe--> OPEN, upgrading --"5"--> OPEN on WebSocket
 *   OPEN --eio_session_close--> CLOSING --flushed | timeout--> CLOSED
 *   any  --client closes, error, ping timeout, queue bound--> CLOSED
 *
 * Owner: the engine. Users keep the pointer from on_open to on_close. CLOSED sessions are freed at
 * the end of the loop's turn. Invariants: one queue a session, whatever the transport; only the
 * current transport drains it; while upgrading that is still polling.
 *
 * Engine.IO 3 clients (handshake.protocol 3), where they are allowed, differ in framing
 * (engineio/packet3.h) and heartbeat. Their sid is less of a secret, since Socket.IO 2 clients take it
 * for their public id: see eio_session_is_bound. */
#ifndef EIO_SESSION_H
#define EIO_SESSION_H

#include "base/msg.h"
#include "engineio/engine.h"
#include "engineio/query.h"

/* What the handshake request said, kept for socket.handshake. Owned by the session. */
struct eio_handshake {
    const char *url;          /* path and query as sent */
    const char *query;        /* into url, behind '?' ("" without one) */
    struct lec_slice headers; /* as fields (base/fields.h) */
    const char *address;      /* the peer's */
    const char *certificate;  /* what its TLS certificate says, a JSON object; NULL without one */
    unsigned protocol;        /* of Engine.IO: 4, or 3 */
    bool secure;              /* lec_http_secure */
    bool xdomain;             /* the request bore an Origin */
    int64_t issued_ms;        /* Unix time */
};

/* Queues a message (Engine.IO type digit included in its payload; an attachment is binary and has
 * none) and sends it at the end of the turn. Takes a reference of its own. Past max_queue_bytes what
 * can leave now is sent first; if the client cannot take it, the session is closed as slow and
 * LEC_EFULL comes back. An empty queue takes a message of any size. LEC_ECLOSED after its end. */
int eio_session_send(struct eio_session *s, struct lec_msg *m);

/* Whether what is sent now would leave now: a volatile message is dropped otherwise. */
bool eio_session_writable(const struct eio_session *s);

/* Ends the session from our side: what is queued is sent first, unless `discard`. on_close comes
 * before it returns (EIO_FORCED_CLOSE). */
void eio_session_close(struct eio_session *s, bool discard);

/* The user knows whose session this is: it may send messages of max_payload from now on. Others give way, oldest first, to new ones when the server
 * is full, so that those who never say who they are keep out nobody who does. */
void eio_session_keep(struct eio_session *s);

/* When (the loop's clock) the last ping was sent that the client has answered; 0 before the first.
 * What was sent before that has arrived, since a session keeps the order. */
uint64_t eio_session_answered(const struct eio_session *s);

bool eio_session_is_open(const struct eio_session *s);
const char *eio_session_sid(
    const struct eio_session *s); /* a secret: not for other users, not for logs */
/* Whether the sid alone is worth nothing: each request of this session (Engine.IO 3 only) must bear
 * the token or Authorization that its handshake bore. */
bool eio_session_is_bound(const struct eio_session *s);
const char *eio_session_log_id(
    const struct eio_session *s); /* the first characters of it, for logs */
enum eio_transport eio_session_transport(const struct eio_session *s);
const struct eio_handshake *eio_session_handshake(const struct eio_session *s);

/* Memory for the session's user, of the engine's user_size; zero when the session opens, it dies with
 * the session. */
void *eio_session_user(struct eio_session *s);

#endif
