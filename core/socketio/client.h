/* One Engine.IO session as Socket.IO sees it: packets come in here, attachments are put together,
 * and each packet goes to the socket of its namespace.
 *
 * A client speaks one of two forms, and what it sends first tells which: text is the default one, a
 * binary message msgpack (socketio/msgpack.h). Socket.IO 2 clients, to whom the server speaks first,
 * have the default one. Behind this file, and in what waits or is logged,
 * all packets are of the default form; sio_send makes the other one.
 *
 * It lies in the session's memory, for its user. Life: from the engine's on_open to its on_close.
 *
 *   OPEN --a bad packet, connect timeout, sio_client_disconnect--> closing --on_close--> ended
 *   OPEN --on_close--> ended
 *
 * closing: we asked the engine to close; nothing more is read, `why` is the reason to tell.
 * ended: the session is over; `why` is the reason. */
#ifndef SIO_CLIENT_H
#define SIO_CLIENT_H

#include "socketio/server.h"

struct sio_partial;
struct sio_tombstone;

struct sio_client {
    struct sio_server *io;
    struct eio_session *session;      /* over when `ended` */
    struct sio_socket *sockets;       /* CONNECTING and CONNECTED, in the order they came */
    struct sio_partial *partial;      /* a packet that waits for attachments, or NULL */
    struct sio_tombstone *tombstones; /* namespaces left lately, latest first */
    struct lec_timer timer;           /* runs while joined is 0 */
    struct sio_client *next_ended;
    uint64_t events, bytes;           /* buckets of what it may send … */
    uint64_t more_events, more_bytes; /* … and of how far it may go over that */
    uint32_t joined;                  /* CONNECTED sockets */
    uint32_t refusals;                /* CONNECTs that came to nothing since one was accepted */
    uint8_t why;                      /* enum sio_reason */
    bool spoke;                       /* its first message came, and tells: */
    bool msgpack;                     /* its form, both ways */
    bool closing, ended;
    bool eio3;           /* speaks Socket.IO 2 (socketio/client.c) */
    bool too_many_bytes; /* in some message of the packet that is coming in */
    uint64_t by_event[]; /* a bucket for each of the config's event_rates */
};

/* The engine's three events. */
void sio_client_open(struct sio_server *io, struct eio_session *session);
void sio_client_message(struct sio_client *c, struct lec_slice data, bool binary);
void sio_client_close(struct sio_client *c, enum eio_reason why);

/* Ends the clients whose sessions ended during the broadcast that is just over. */
void sio_client_end_postponed(struct sio_server *io);

/* Its person has come back on another connection: this one is dead. */
void sio_client_replaced(struct sio_client *c);

/* Sends DISCONNECT for all its namespaces and ends the session when that has left. */
void sio_client_disconnect(struct sio_client *c);

/* Sends a packet of the connection's own, with no event in it, in the client's form. */
int sio_client_send(struct sio_client *c, enum sio_type type, struct lec_slice nsp,
                    struct lec_slice json) LEC_CHECK;

/* Bookkeeping of sio_socket: it came, was accepted, left. */
void sio_client_add(struct sio_client *c, struct sio_socket *s);
void sio_client_joined(struct sio_client *c);
void sio_client_remove(struct sio_client *c, struct sio_socket *s, bool was_joined);

#endif
