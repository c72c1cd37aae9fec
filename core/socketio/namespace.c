/* A namespace's own life and what can be asked about it. Sending is in socketio/broadcast.c. */
#include "socketio/namespace.h"

#include <stdlib.h>

#include "socketio/internal.h"

struct sio_namespace *sio_namespace_new(struct sio_server *io, struct lec_slice name)
{
    size_t slash = name.n == 0 || name.p[0] != '/';
    struct sio_namespace *nsp = lec_alloc0(sizeof *nsp + slash + name.n);
    nsp->io = io;
    lec_list_init(&nsp->link);
    nsp->bytes[0] = '/';
    if (name.n > 0)
        memcpy(nsp->bytes + slash, name.p, name.n);
    nsp->name = (struct lec_slice){ nsp->bytes, slash + name.n };
    nsp->recovery = sio_recovery_new(nsp);
    return nsp;
}

void sio_namespace_free(struct sio_namespace *nsp)
{
    sio_recovery_free(nsp->recovery);
    lec_map_fini(&nsp->rooms);
    lec_map_fini(&nsp->sockets);
    free(nsp->everyone.p);
    free(nsp);
}

struct lec_slice sio_namespace_name(const struct sio_namespace *nsp)
{
    return nsp->name;
}

size_t sio_namespace_count(const struct sio_namespace *nsp)
{
    return nsp->connected;
}

size_t sio_namespace_rooms(const struct sio_namespace *nsp)
{
    return nsp->occupied;
}

size_t sio_namespace_room_count(const struct sio_namespace *nsp, struct lec_slice name)
{
    const struct sio_room *room = sio_room_find(nsp, name);
    return (room ? room->members.count : 0) + (sio_namespace_socket(nsp, name) != NULL);
}

struct sio_socket *sio_namespace_socket(const struct sio_namespace *nsp, struct lec_slice id)
{
    return sio_may_be_id(id) ? lec_map_get(&nsp->sockets, id) : NULL;
}

bool sio_namespace_next_room(const struct sio_namespace *nsp, size_t *pos, struct lec_slice *name,
                             size_t *members)
{
    const struct sio_room *room;
    do
        room = lec_map_next(&nsp->rooms, pos);
    while (room && room->members.count == 0);
    if (!room)
        return false;
    *name = sio_room_name(room);
    *members = room->members.count;
    return true;
}
