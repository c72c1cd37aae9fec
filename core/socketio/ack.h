/* Answers that the server waits for: a list a socket, oldest first, as clients mostly answer in
 * the order they were asked. The public half is in socketio/socket.h. */
#ifndef SIO_ACK_H
#define SIO_ACK_H

#include "socketio/socket.h"

/* Waits for the answer to an event of this number that was just sent; fn and ctx as for
 * sio_socket_emit_ack. max_acks is the caller's to look at. */
void sio_ack_add(struct sio_socket *s, int64_t id, unsigned timeout_ms, sio_ack_fn *fn, void *ctx);

/* A client's answer. One that nobody waits for, any more or at all, is ignored. */
void sio_ack_answer(struct sio_socket *s, int64_t id, const struct sio_payload *args);

/* The socket is GONE: all that wait hear LEC_ECLOSED. */
void sio_ack_close_all(struct sio_socket *s);

#endif
