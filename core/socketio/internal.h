/* What the files of this folder share: the bodies of server, namespace and socket.
 *
 *   server ─┬─ namespaces, by name ─┬─ rooms, by name (socketio/room.h)
 *           │                       └─ sockets
 *           └─ clients, one an Engine.IO session (socketio/client.h) ─── sockets, in join order
 *
 * Lifetimes. Any callback may disconnect, refuse, accept, join or leave any socket, broadcast,
 * close any client or namespace, the one that it is called about included. This holds because:
 *
 * 1. Ending marks and unlinks at once; memory goes at the end of the loop's turn. So after a
 *    callback every pointer on the stack can still be read, but nothing that it says may be
 *    relied on: look at the state again.
 * 2. Callbacks come from four places only: sio_events, an ack's function, and, by on_close,
 *    eio_session_send and eio_session_close. Rule 1 applies after each of them. (on_keep and
 *    on_forget are asked to do nothing but keep and forget.)
 * 3. No callback comes from inside a broadcast. A session that ends there, as too slow, is only
 *    marked, and ended when the broadcast is over. Loops over members go straight over the array.
 * 4. A client dies with its session, and a socket in the same turn or before, so a socket may
 *    always look at its client, and that at its session. Functions that free memory look at nothing
 *    but the memory they free.
 * 5. GONE is for ever. A client that comes back (socketio/recovery.h) gets a new socket, which takes
 *    over id, rooms and ticket of the old one; between the two only the ticket exists. */
#ifndef SIO_INTERNAL_H
#define SIO_INTERNAL_H

#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "base/outq.h"
#include "socketio/client.h"
#include "socketio/dynamic.h"
#include "socketio/recovery.h"
#include "socketio/room.h"
#include "socketio/socket.h"

struct sio_server {
    struct lec_loop *loop;
    struct sio_config cfg;
    const struct sio_events *events;
    void *ctx;
    struct lec_counters *counters;
    struct lec_log *log;
    struct lec_map namespaces;
    struct sio_pattern **patterns; /* strongest first */
    size_t n_patterns;
    size_t n_dynamic; /* namespaces */
    /* The highest numbers of dynamic namespaces that ended. Later ones go on from there: they may bear
     * the same name, and what an old client still says about old numbers must mean nothing there. */
    int64_t past_ack;
    uint64_t past_event;
    uint64_t mark; /* of the last walk over a target; sockets never carry a later one */
    bool broadcasting;
    struct sio_client *ended; /* clients whose sessions ended during the broadcast */
};

struct sio_namespace {
    struct sio_server *io;
    struct lec_map rooms;          /* struct sio_room by name, those only waited for included */
    struct lec_map sockets;        /* accepted ones by id */
    struct sio_members everyone;   /* all sockets but GONE ones; slots are not used */
    size_t connected;              /* accepted ones among them */
    size_t occupied;               /* rooms that somebody is in */
    int64_t next_ack;              /* ids are never used twice in one namespace */
    struct sio_recovery *recovery; /* NULL: it is off */
    bool closed;                   /* clients can no longer find it; freed this turn */
    bool dynamic;                  /* ends when nobody is left (socketio/dynamic.h) */
    struct sio_pattern *pattern;   /* of a dynamic one; NULL for an orphan */
    struct lec_list link;          /* pattern->children */
    struct lec_later later;
    struct lec_slice name; /* into bytes */
    char bytes[];
};

enum sio_state { SIO_CONNECTING, SIO_CONNECTED, SIO_GONE };

/* What only a CONNECTING socket needs. Dies when it is accepted or refused, or leaves. */
struct sio_waiting {
    struct lec_outq missed; /* messages that precede its CONNECT packet: it is recovered */
    struct lec_outq out;    /* messages that follow it */
    size_t auth_len;
    char auth[];
};

struct sio_socket {
    struct eio_session *session; /* the way to the client; NULL unless CONNECTED */
    uint64_t mark;               /* of the last walk that met it */
    bool msgpack;                /* its client's form; here, where a broadcast looks anyway */
    uint8_t recovery;            /* enum sio_recovery_result */
    uint8_t state;               /* enum sio_state */
    uint32_t index;              /* its place in nsp->everyone */
    struct sio_socket *next;     /* of the same client */
    struct sio_client *client;
    struct sio_namespace *nsp;
    struct sio_membership *rooms; /* room for n_rooms, rounded up to a power of two */
    uint32_t n_rooms, n_acks;
    struct sio_waiting *waiting; /* NULL unless CONNECTING */
    struct lec_list acks;        /* struct sio_ack, oldest first */
    void *user;
    const char *account; /* who may come back in its place; borrowed, as log_user is */
    const char *log_user;
    struct lec_later later;
    struct sio_ticket
        *ticket; /* to come back with; NULL where recovery is off, or before CONNECTED */
    char id[];   /* zero-terminated */
};

/* Whether this can be a socket's id: "id" or "/nsp#id". */
static inline bool sio_may_be_id(struct lec_slice name)
{
    return name.n == LEC_ID_LEN ||
           (name.n > LEC_ID_LEN && name.p[name.n - LEC_ID_LEN - 1] == '#' && name.p[0] == '/');
}

/* A CONNECTING socket, linked to its client and namespace. auth: JSON, copied. */
struct sio_socket *sio_socket_new(struct sio_client *c, struct sio_namespace *nsp,
                                  struct lec_slice auth);

/* The end of a socket that is not GONE, on our side alone (nothing is sent): on_disconnect if it
 * was accepted, then its acks, its rooms, on_free. GONE: nothing. */
void sio_socket_end(struct sio_socket *s, enum sio_reason why);

/* One packet of this socket's, and what follows it; while CONNECTING it waits. Results as
 * sio_socket_emit. */
int sio_socket_send_event(struct sio_socket *s, const struct sio_payload *event, int64_t id,
                          bool is_volatile) LEC_CHECK;

struct lec_who sio_socket_who(const struct sio_socket *s); /* for log lines */

struct sio_namespace *sio_namespace_new(struct sio_server *io, struct lec_slice name);
void sio_namespace_free(struct sio_namespace *nsp); /* nobody is in it */

/* The namespace that a client wants to join, made if it is a dynamic one. NULL: it may not, and *why
 * is the text for it. */
struct sio_namespace *sio_dynamic_join(struct sio_server *io, struct lec_slice name,
                                       const char **why);
/* Somebody left for good: ends a dynamic namespace if nobody is left. No other is touched. */
void sio_dynamic_left(struct sio_namespace *nsp);
void sio_dynamic_sweep(struct sio_server *io); /* the same for all */
/* It is dynamic no more: it closes, or stays for ever. */
void sio_dynamic_end(struct sio_namespace *nsp);
void sio_dynamic_fini(struct sio_server *io);

/* A packet on its way to one client or to many, encoded once in each form that is met. Its maker
 * calls sio_outgoing_fini. */
struct sio_outgoing {
    struct lec_msg *msg; /* owned */
    struct lec_msg *const *attachments;
    unsigned n_attachments;
    struct lec_msg *packed; /* all of it as msgpack; owned; NULL until the first who speaks that */
};

static inline struct sio_outgoing sio_outgoing_of(struct lec_msg *msg,
                                                  const struct sio_payload *payload)
{
    return (struct sio_outgoing){ msg, payload->attachments, payload->n_attachments, NULL };
}

static inline void sio_outgoing_fini(struct sio_outgoing *out)
{
    lec_msg_unref(out->msg);
    lec_msg_unref(out->packed);
}

int sio_send_packed(struct eio_session *session, struct sio_outgoing *out) LEC_CHECK;

/* Sends it in the client's form: one message, or the packet and its attachments back to back. */
static inline int sio_send(struct eio_session *session, bool msgpack, struct sio_outgoing *out)
{
    if (msgpack)
        return sio_send_packed(session, out);
    int rc = eio_session_send(session, out->msg);
    for (unsigned i = 0; rc == LEC_OK && i < out->n_attachments; i++)
        rc = eio_session_send(session, out->attachments[i]);
    return rc;
}

#endif
