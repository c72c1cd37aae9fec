/* The Socket.IO server on top of an Engine.IO engine: namespaces, sockets, rooms, broadcast, acks.
 *
 * It is the events table and context of its engine (sio_server_engine_events). Owner: who made it.
 * Clients (one an Engine.IO session) and sockets (one a client and namespace) are its own;
 * see socketio/socket.h for how long a socket may be kept. */
#ifndef SIO_SERVER_H
#define SIO_SERVER_H

#include "base/bucket.h"
#include "base/counters.h"
#include "base/log.h"
#include "engineio/session.h"
#include "socketio/packet.h"

struct sio_socket;
struct sio_namespace;

struct sio_config {
    unsigned
        connect_timeout_ms;   /* 45000: a connection that joined no namespace by then is closed */
    unsigned max_namespaces;  /* one client may have joined at a time */
    unsigned max_rooms;       /* one socket may be in */
    unsigned max_room_name;   /* bytes */
    unsigned max_event_name;  /* bytes; longer ones close the client as malformed */
    unsigned max_acks;        /* one socket may have outstanding */
    unsigned max_refusals;    /* CONNECTs in a row that may come to nothing: each costs a look at a
                                 token and a line in the log, and is cheap to ask for */
    size_t max_waiting_bytes; /* what may wait for a CONNECTING socket's answer */
    size_t max_attachment_bytes;    /* of all attachments of one packet */
    unsigned attachment_timeout_ms; /* for each attachment of a packet to come */
    struct sio_limits packet;       /* attachments 10, depth 64 */
    /* What one client may send. Events are counted with CONNECTs, over all namespaces. */
    struct lec_rate events, bytes;
    const struct sio_event_rate *event_rates; /* of single events; borrowed, may be NULL */
    size_t n_event_rates;
    /* Dynamic namespaces (socketio/dynamic.h). */
    unsigned max_dynamic_namespaces; /* living at a time */
    unsigned max_namespace_name;     /* bytes, of one of them */
    /* Recovery of lost connections (socketio/recovery.h). */
    unsigned recovery_window_ms;    /* how long a lost client may come back; 0: recovery is off */
    unsigned recovery_unnoticed_ms; /* how long a connection may be dead before we notice */
    size_t recovery_max_bytes;      /* of each namespace's log, and of what its absent leave here */
    size_t recovery_max_dynamic_bytes; /* that dynamic namespaces have equal parts of */
    size_t recovery_max_replay;        /* what one client may have missed: it must fit its queue */
};

struct sio_event_rate {
    struct lec_slice name;
    struct lec_rate rate;
};

enum sio_reason { /* texts of the reference by sio_reason_text */
                  SIO_TRANSPORT_CLOSE,
                  SIO_TRANSPORT_ERROR,
                  SIO_PING_TIMEOUT,
                  SIO_PARSE_ERROR,  /* Engine.IO-level garbage */
                  SIO_FORCED_CLOSE, /* Socket.IO-level garbage */
                  SIO_SERVER_SHUTTING_DOWN,
                  SIO_SLOW_CONSUMER,
                  SIO_CLIENT_DISCONNECT, /* "client namespace disconnect" */
                  SIO_SERVER_DISCONNECT, /* "server namespace disconnect" */
};

/* An event from a client. Everything in it is valid during the call, whatever the callee does to
 * the client meanwhile. */
struct sio_event {
    struct lec_slice name;      /* plain bytes, escapes resolved */
    struct sio_payload payload; /* ["name", args…] */
    int64_t ack_id;             /* for sio_socket_ack; SIO_NO_ID: no answer is wanted */
};

/* Any of these may do anything: disconnect or accept any socket, this one included, broadcast,
 * close the namespace. What follows from a client that a broadcast found too slow comes when all
 * others have got theirs, before sio_namespace_emit returns. */
struct sio_events {
    /* A client asks to join a namespace. Answer by sio_socket_accept or _refuse, now or later.
     * auth: its CONNECT payload, a JSON object ("{}" if none was sent); valid during the call. */
    void (*on_connect)(void *ctx, struct sio_socket *s, struct lec_slice auth);
    void (*on_event)(void *ctx, struct sio_socket *s, const struct sio_event *event);
    /* An event came too fast, and on_event does not follow; why is a sentence. event NULL: it went on
     * like this, and the whole client is about to be disconnected. May be NULL. */
    void (*on_limited)(void *ctx, struct sio_socket *s, const struct sio_event *event,
                       const char *why);
    /* An accepted socket left. It is still in its rooms (and counted there), but nothing reaches
     * it any more, and sio_namespace_socket and _select do not find it. Acks that are not forgotten
     * here end with LEC_ECLOSED right after. */
    void (*on_disconnect)(void *ctx, struct sio_socket *s, enum sio_reason why);
    /* An accepted socket left whose client may come back; between on_disconnect and on_free. What is
     * returned is kept for sio_socket_recover, or given to on_forget, if it is not NULL. Both do
     * nothing else, and may be NULL. */
    void *(*on_keep)(void *ctx, struct sio_socket *s);
    void (*on_forget)(void *ctx, void *kept);
    /* Last word of any socket that on_connect brought, accepted or not: forget the pointer. */
    void (*on_free)(void *ctx, struct sio_socket *s);
};

/* Copies cfg; borrows the rest. */
struct sio_server *sio_server_new(struct lec_loop *loop, const struct sio_config *cfg,
                                  const struct sio_events *events, void *ctx,
                                  struct lec_counters *counters, struct lec_log *log);
void sio_server_free(struct sio_server *io); /* after its engine's sessions are closed */
/* Forgets who may come back, and lets nobody come back from now on: for a server that stops. */
void sio_server_end_recovery(struct sio_server *io);

/* For eio_engine_new, with the sio_server as ctx, and for its config. */
const struct eio_events *sio_server_engine_events(void);
size_t sio_server_user_size(const struct sio_config *cfg);

/* The namespace of this name ("/x"; a missing leading slash is added), made if it is new. Clients
 * may join it from now on; "/" always exists. socketio/dynamic.h has those that clients make. */
struct sio_namespace *sio_server_of(struct sio_server *io, struct lec_slice name);
struct sio_namespace *sio_server_find(struct sio_server *io, struct lec_slice name); /* or NULL */
/* Clients may join no more; sockets in it are disconnected, CONNECTING ones refused. The pointer
 * dies at the end of this turn. "/" stays. */
void sio_server_close_namespace(struct sio_server *io, struct sio_namespace *nsp);
/* Iterates namespaces: start with *pos = 0, ends with NULL. */
struct sio_namespace *sio_server_next(struct sio_server *io, size_t *pos);

const char *sio_reason_text(enum sio_reason why); /* "transport close" */

#endif
