/* One client in one namespace.
 *
 *   CONNECTING --accept--> CONNECTED --disconnect--> GONE
 *   CONNECTING --refuse | client left--> GONE
 *
 * Owner: its client (socketio/client.c). Users keep the pointer from on_connect to on_free. on_free
 * may come from inside a call on this very socket; the memory goes at the end of the loop's turn,
 * so code that called into here may still look at the pointer until its callback returns. Every
 * call on a socket that is GONE is harmless: LEC_ECLOSED, false, nothing. */
#ifndef SIO_SOCKET_H
#define SIO_SOCKET_H

#include "socketio/namespace.h"

/* Public: 20 characters that are not the session's sid. A Socket.IO 2 client makes its id from the sid
 * ("sid", or "/nsp#sid"), so that is its id here too, if no other can use it (eio_session_is_bound). */
const char *sio_socket_id(const struct sio_socket *s);
struct sio_namespace *sio_socket_namespace(const struct sio_socket *s);
const struct eio_handshake *sio_socket_handshake(const struct sio_socket *s);
struct lec_slice sio_socket_auth(const struct sio_socket *s); /* its CONNECT payload; kept until
                                                                 accepted or refused, then "{}" */
enum eio_transport sio_socket_transport(const struct sio_socket *s);
const char *sio_socket_log_id(const struct sio_socket *s); /* its connection's, for logs */
bool sio_socket_connected(const struct sio_socket *s);     /* accepted and not gone */
bool sio_socket_connecting(const struct sio_socket *s);    /* not answered yet */

/* A pointer for the user of this layer. */
void sio_socket_set_user(struct sio_socket *s, void *user);
void *sio_socket_user(const struct sio_socket *s);
/* Whose it is, both borrowed: the account by which alone it may come back (sio_socket_recover), and what the
 * person is called in log lines. */
void sio_socket_set_person(struct sio_socket *s, const char *account, const char *name);

/* Lets a CONNECTING socket in: it gets what it missed, if it is recovered, then its CONNECT packet;
 * what is emitted next follows. */
void sio_socket_accept(struct sio_socket *s);
/* What became of a client's wish to go on where its last connection ended. */
enum sio_recovery_result {
    SIO_RECOVERY_NOT_ASKED,
    SIO_RECOVERED,
    SIO_RECOVERY_UNKNOWN,      /* no session of this server's, or of its last run's */
    SIO_RECOVERY_EXPIRED,      /* the session is over: away for too long, or ended on purpose */
    SIO_RECOVERY_NO_OFFSET,    /* it had received no event to go on from */
    SIO_RECOVERY_OFFSET_LOST,  /* the log no longer reaches back to where it was */
    SIO_RECOVERY_TOO_MUCH,     /* it missed more than it may be sent at once */
    SIO_RECOVERY_USER_CHANGED, /* the session is somebody else's */
};

/* What the person was called whose socket a CONNECTING one with an account asks to go on as; NULL if
 * there is none, or it was of another account. Valid until the loop goes on. */
const char *sio_socket_returns_as(const struct sio_socket *s);

/* Gives a CONNECTING socket, which must have its account (sio_socket_set_person) and that nobody else
 * knows yet, id and rooms of the one that its CONNECT asks for, if that can be; to be
 * accepted by the caller in the same turn. *kept: from on_keep. False: it is a new one, and
 * sio_socket_recovery says why. An old connection that still stands is closed by this, so anything
 * may have happened, the end of this very socket included. */
bool sio_socket_recover(struct sio_socket *s, void **kept);
enum sio_recovery_result sio_socket_recovery(const struct sio_socket *s);
/* The reason as a word for programs ("offset_lost"); NULL if there is none to tell. */
const char *sio_recovery_text(enum sio_recovery_result result);

/* Refuses it with CONNECT_ERROR {"message": …, "data": …}; data is JSON text, n == 0 for none.
 * message: UTF-8. A Socket.IO 2 client gets the message alone. on_free follows. */
void sio_socket_refuse(struct sio_socket *s, const char *message, struct lec_slice data);

/* Sends an event to this client. To a CONNECTING one it waits, and follows its CONNECT packet (not
 * a volatile one). LEC_EFULL: it was cut off as too slow; or, while CONNECTING, max_waiting_bytes
 * wait already, and this event is dropped. A volatile event to a client that is not
 * writable now is dropped: LEC_EAGAIN. */
int sio_socket_emit(struct sio_socket *s, const struct sio_payload *event, bool is_volatile);

/* The answer to emit_ack: err LEC_OK with the client's [args…]; or LEC_ETIMEOUT, LEC_ECLOSED with
 * none. Comes exactly once, never from inside emit_ack. payload is valid during the call. */
typedef void sio_ack_fn(void *ctx, int err, const struct sio_payload *payload);

/* Sends an event that the client is to answer within timeout_ms (0: no limit). On LEC_OK, *ack
 * (may be NULL) is its number for sio_socket_forget_ack. LEC_ECLOSED, LEC_EFULL (max_acks,
 * or as sio_socket_emit): fn is not called. */
int sio_socket_emit_ack(struct sio_socket *s, const struct sio_payload *event, unsigned timeout_ms,
                        sio_ack_fn *fn, void *ctx, int64_t *ack) LEC_CHECK;
void sio_socket_forget_ack(struct sio_socket *s, int64_t ack); /* fn will not be called */

/* Answers a client's event. args: [ … ]. Twice for one id is the caller's mistake. LEC_EINVAL: no
 * answer was wanted; LEC_ECLOSED, LEC_EFULL as sio_socket_emit. */
int sio_socket_ack(struct sio_socket *s, int64_t ack_id, const struct sio_payload *args);

/* Rooms. Joining twice is LEC_OK. LEC_EFULL (max_rooms), LEC_ETOOBIG (the name), LEC_EINVAL (empty
 * or no UTF-8), LEC_ECLOSED. A socket may join while CONNECTING: it counts from its acceptance on.
 * Its own room (its id) it has never joined and cannot leave: join is LEC_OK without effect, leave
 * LEC_EINVAL, in is true until it is GONE. */
int sio_socket_join(struct sio_socket *s, struct lec_slice room);
int sio_socket_leave(struct sio_socket *s,
                     struct lec_slice room); /* LEC_ENOTFOUND: was not in it */
bool sio_socket_in(const struct sio_socket *s, struct lec_slice room);
/* The rooms it is in, its own (its id) not among them; 0 <= i < count. Valid until it joins or
 * leaves. */
size_t sio_socket_room_count(const struct sio_socket *s);
struct lec_slice sio_socket_room(const struct sio_socket *s, size_t i);

/* Sends DISCONNECT and takes the socket out of its namespace; with `close`, ends the client's whole
 * connection, all its namespaces included. on_disconnect and on_free come before it returns. */
void sio_socket_disconnect(struct sio_socket *s, bool close);

#endif
