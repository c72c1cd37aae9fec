/* A namespace: its sockets and rooms, and sending to many of them.
 *
 * Owner: the server, for its whole life but for sio_server_close_namespace and dynamic ones
 * (socketio/dynamic.h). A room exists while somebody is in it. Each socket is by itself a room of its
 * id, which costs nothing; others may join a room of that name, and what is sent there reaches them all. */
#ifndef SIO_NAMESPACE_H
#define SIO_NAMESPACE_H

#include "socketio/server.h"

struct lec_slice sio_namespace_name(const struct sio_namespace *nsp);
size_t sio_namespace_count(const struct sio_namespace *nsp); /* accepted sockets */
size_t sio_namespace_rooms(const struct sio_namespace *nsp); /* rooms that somebody is in */
size_t sio_namespace_room_count(const struct sio_namespace *nsp,
                                struct lec_slice room); /* sockets in it */
struct sio_socket *sio_namespace_socket(const struct sio_namespace *nsp,
                                        struct lec_slice id); /* or NULL */

/* Whom a broadcast reaches: sockets in any of `rooms` (all, if there are none), but in none of
 * `except`, and not `but`. Each socket once. */
struct sio_target {
    const struct lec_slice *rooms;
    size_t n_rooms;
    const struct lec_slice *except;
    size_t n_except;
    const struct sio_socket *but;
};

/* Sends an event to all of the target: encoded once, shared by all. Returns how many sockets it was
 * sent to. `is_volatile`: those not writable now are passed over. */
size_t sio_namespace_emit(struct sio_namespace *nsp, const struct sio_target *target,
                          const struct sio_payload *event, bool is_volatile);

/* A snapshot of the target's sockets for the caller to free(); *n of them. The sockets are
 * borrowed, as ever (socketio/socket.h). */
struct sio_socket **sio_namespace_select(struct sio_namespace *nsp, const struct sio_target *target,
                                         size_t *n);

/* Iterates the names of rooms (not those that sockets are by themselves): start with *pos = 0; false at the end. Nobody may join or leave
 * meanwhile. */
bool sio_namespace_next_room(const struct sio_namespace *nsp, size_t *pos, struct lec_slice *name,
                             size_t *members);

#endif
