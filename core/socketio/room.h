/* A room: the sockets of one namespace that asked for what is sent to this name.
 *
 * Owner: its namespace. It exists while somebody is in it, or CONNECTING and going to be, and is
 * freed the moment the last one leaves. Membership is written down on both sides: a room's member
 * knows its place (slot) among its socket's rooms, a socket's membership its place (index) among
 * the room's members, so that leaving moves one entry on each side. */
#ifndef SIO_ROOM_H
#define SIO_ROOM_H

#include <stdint.h>

#include "base/slice.h"

struct sio_namespace;
struct sio_socket;

struct sio_member {
    struct sio_socket *socket;
    uint32_t slot; /* in socket->rooms */
};

/* Members in one run of memory, in no order. All zero is an empty one, without heap. */
struct sio_members {
    struct sio_member *p;
    uint32_t count, cap;
};

uint32_t sio_members_add(struct sio_members *m, struct sio_member member); /* its index */
/* Removes by moving the last one into the gap; true if one was moved, to `index`. */
bool sio_members_remove(struct sio_members *m, uint32_t index);

struct sio_room {
    struct sio_members members; /* accepted sockets */
    uint32_t waiting;           /* CONNECTING ones that will be members */
    uint32_t name_len;
    char name[];
};

#define SIO_NO_INDEX UINT32_MAX /* CONNECTING: not among the members yet */

struct sio_membership {
    struct sio_room *room;
    uint32_t index; /* in room->members */
    uint64_t since; /* number of the latest event when it joined; 0 where recovery is off */
};

static inline struct lec_slice sio_room_name(const struct sio_room *room)
{
    return (struct lec_slice){ room->name, room->name_len };
}

struct sio_room *sio_room_find(const struct sio_namespace *nsp,
                               struct lec_slice name); /* or NULL */

/* The socket was accepted: it becomes a member of the rooms that it is waiting for. */
void sio_room_enter_all(struct sio_socket *s);
void sio_room_leave_all(struct sio_socket *s);

#endif
