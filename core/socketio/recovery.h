/* Connection state recovery: a client that lost its connection comes back as the socket it was, and
 * receives what it missed.
 *
 * Each accepted socket holds a ticket, whose secret number (pid) its client is told in the CONNECT
 * answer. Events carry their number in the namespace's log as last argument (offset). A client that
 * comes back names both; what it missed is taken from the log.
 *
 *   held by a socket --connection lost--> absent --sio_socket_recover--> held by another socket
 *   absent --window is over | room is needed | recovery is refused--> forgotten
 *   held --either side ends it on purpose--> forgotten
 *
 * Owner: the namespace, which has no sio_recovery where recovery is off; a dynamic namespace
 * (socketio/dynamic.h) lives until its last absent one is forgotten. What had arrived when a
 * connection was lost follows from the offset, or from the last ping that was answered: what was sent
 * before it had arrived, as a connection keeps the order. So a client that received nothing for
 * hours is recovered like any other, though its offset is long forgotten. */
#ifndef SIO_RECOVERY_H
#define SIO_RECOVERY_H

#include "base/list.h"
#include "base/map.h"
#include "socketio/log.h"
#include "socketio/socket.h"

struct sio_absence;

struct sio_ticket {
    struct sio_socket *socket;   /* that holds it, or NULL and */
    struct sio_absence *absence; /* what is kept meanwhile */
    uint64_t born;               /* number of the latest event when it was first let in */
    uint64_t accepted;           /* when its socket was let in; UINT64_MAX: not yet */
    uint64_t received;           /* when absent: what was sent before had arrived */
    char pid[LEC_ID_LEN + 1];
};

struct sio_recovery {
    struct sio_namespace *nsp;
    struct sio_log log;
    struct lec_map tickets; /* by pid */
    struct lec_list absent; /* struct sio_absence, longest absent first */
    size_t absent_bytes;
    size_t leaving; /* sockets with a ticket whose end has begun: soon absent, or forgotten */
    struct lec_timer log_timer, absent_timer;
    struct lec_buf scratch;
    bool ended;               /* nobody can come back any more */
    char tag[LEC_ID_LEN + 1]; /* its first characters begin each pid */
};

struct sio_recovery *sio_recovery_new(struct sio_namespace *nsp); /* NULL: it is off */
void sio_recovery_free(struct sio_recovery *r);                   /* NULL is fine */
/* Forgets the absent and what was sent; from now on who leaves has left. */
void sio_recovery_end(struct sio_recovery *r);

/* A socket was accepted that may come back: it gets a ticket, unless it has one. */
void sio_recovery_accepted(struct sio_recovery *r, struct sio_socket *s);
/* A socket with a ticket has ended; it is still in its rooms, and its session can be read. */
void sio_recovery_left(struct sio_recovery *r, struct sio_socket *s, enum sio_reason why);

/* The event with an offset as last argument; valid until the next call. A volatile one, which is in
 * no log, gets the latest offset, and only where its client would take its last argument for one:
 * socket.io-client does so with any string. */
struct sio_payload sio_recovery_stamp(struct sio_recovery *r, const struct sio_payload *event,
                                      bool is_volatile);
/* Logs a stamped event that is not volatile, before it is sent; as sio_log_add. */
void sio_recovery_log(struct sio_recovery *r, struct lec_msg *msg, const struct sio_payload *event,
                      const char *only, const struct sio_target *target);

/* Whether somebody who is not there may come back, so that the namespace must live, and an event be
 * logged though nobody is there to get it. */
static inline bool sio_recovery_wants(const struct sio_recovery *r)
{
    return r && (r->leaving > 0 || !lec_list_empty(&r->absent));
}

#endif
