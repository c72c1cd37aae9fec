/* Membership, both ways (socketio/room.h), and the room calls of socketio/socket.h. */
#include "socketio/room.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "socketio/internal.h"

uint32_t sio_members_add(struct sio_members *m, struct sio_member member)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 1;
        m->p = lec_realloc(m->p, m->cap * sizeof *m->p);
    }
    m->p[m->count] = member;
    return m->count++;
}

bool sio_members_remove(struct sio_members *m, uint32_t index)
{
    bool moved = index != --m->count;
    if (moved)
        m->p[index] = m->p[m->count];
    if (m->count == 0) {
        free(m->p);
        *m = (struct sio_members){ 0 };
    } else if (m->count <= m->cap / 4) {
        m->cap /= 2;
        m->p = lec_realloc(m->p, m->cap * sizeof *m->p);
    }
    return moved;
}

struct sio_room *sio_room_find(const struct sio_namespace *nsp, struct lec_slice name)
{
    return lec_map_get(&nsp->rooms, name);
}

static struct sio_room *new_room(struct sio_namespace *nsp, struct lec_slice name)
{
    struct sio_room *room = lec_alloc0(sizeof *room + name.n);
    room->name_len = (uint32_t)name.n;
    memcpy(room->name, name.p, name.n);
    lec_map_put(&nsp->rooms, sio_room_name(room), room);
    return room;
}

/* slot: of the socket's rooms. */
static void enter(struct sio_socket *s, uint32_t slot)
{
    struct sio_room *room = s->rooms[slot].room;
    s->rooms[slot].index = sio_members_add(&room->members, (struct sio_member){ s, slot });
    if (room->members.count == 1)
        s->nsp->occupied++;
}

static void leave(struct sio_socket *s, uint32_t slot)
{
    struct sio_membership gone = s->rooms[slot];
    struct sio_room *room = gone.room;

    if (slot != --s->n_rooms) {
        struct sio_membership *moved = &s->rooms[slot];
        *moved = s->rooms[s->n_rooms];
        if (moved->index != SIO_NO_INDEX)
            moved->room->members.p[moved->index].slot = slot;
    }
    if (gone.index == SIO_NO_INDEX) {
        room->waiting--;
    } else {
        if (sio_members_remove(&room->members, gone.index)) {
            struct sio_member *moved = &room->members.p[gone.index];
            moved->socket->rooms[moved->slot].index = gone.index;
        }
        if (room->members.count == 0)
            s->nsp->occupied--;
    }
    if (room->members.count == 0 && room->waiting == 0) {
        lec_map_remove(&s->nsp->rooms, sio_room_name(room));
        free(room);
    }
}

void sio_room_enter_all(struct sio_socket *s)
{
    for (uint32_t i = 0; i < s->n_rooms; i++) {
        s->rooms[i].room->waiting--;
        enter(s, i);
    }
}

void sio_room_leave_all(struct sio_socket *s)
{
    while (s->n_rooms > 0)
        leave(s, s->n_rooms - 1);
    free(s->rooms);
    s->rooms = NULL;
}

/* The slot, or n_rooms. A socket is in few rooms: a walk is quicker than a table and smaller. */
static uint32_t find_slot(const struct sio_socket *s, const struct sio_room *room)
{
    uint32_t i = 0;
    while (i < s->n_rooms && s->rooms[i].room != room)
        i++;
    return i;
}

int sio_socket_join(struct sio_socket *s, struct lec_slice name)
{
    if (s->state == SIO_GONE)
        return LEC_ECLOSED;
    if (name.n == 0)
        return LEC_EINVAL;
    if (name.n > s->nsp->io->cfg.max_room_name)
        return LEC_ETOOBIG;
    if (!lec_utf8_valid(name.p, name.n))
        return LEC_EINVAL;
    if (lec_slice_is(name, s->id))
        return LEC_OK;

    struct sio_room *room = sio_room_find(s->nsp, name);
    if (room && find_slot(s, room) < s->n_rooms)
        return LEC_OK;
    if (s->n_rooms >= s->nsp->io->cfg.max_rooms)
        return LEC_EFULL;

    if ((s->n_rooms & (s->n_rooms - 1)) == 0) /* none, or a power of two */
        s->rooms = lec_realloc(s->rooms, (s->n_rooms ? 2 * s->n_rooms : 1) * sizeof *s->rooms);
    if (!room)
        room = new_room(s->nsp, name);
    s->rooms[s->n_rooms++] = (struct sio_membership){
        .room = room,
        .index = SIO_NO_INDEX,
        .since = s->nsp->recovery ? s->nsp->recovery->log.last : 0,
    };
    if (s->state == SIO_CONNECTED)
        enter(s, s->n_rooms - 1);
    else
        room->waiting++;
    return LEC_OK;
}

int sio_socket_leave(struct sio_socket *s, struct lec_slice name)
{
    if (s->state == SIO_GONE)
        return LEC_ECLOSED;
    if (lec_slice_is(name, s->id))
        return LEC_EINVAL;
    const struct sio_room *room = sio_room_find(s->nsp, name);
    uint32_t slot = room ? find_slot(s, room) : s->n_rooms;
    if (slot == s->n_rooms)
        return LEC_ENOTFOUND;
    leave(s, slot);
    return LEC_OK;
}

bool sio_socket_in(const struct sio_socket *s, struct lec_slice name)
{
    if (lec_slice_is(name, s->id))
        return s->state != SIO_GONE;
    for (uint32_t i = 0; i < s->n_rooms; i++)
        if (lec_slice_eq(sio_room_name(s->rooms[i].room), name))
            return true;
    return false;
}

size_t sio_socket_room_count(const struct sio_socket *s)
{
    return s->n_rooms;
}

struct lec_slice sio_socket_room(const struct sio_socket *s, size_t i)
{
    return sio_room_name(s->rooms[i].room);
}
