/* Sending to many, and finding many: one walk over a target serves both.
 *
 * The walk goes straight over the rooms' arrays. That is safe because nothing in here calls back
 * (rule 3 in socketio/internal.h). Each walk has a mark of its own: sockets of `except` get it
 * before the walk begins, and are passed over; sockets that another room of the target may hold
 * too get it when they are met. */
#include <stdlib.h>

#include "socketio/internal.h"

struct walk {
    struct sio_namespace *nsp;
    const struct sio_target *target;
    uint64_t mark;
    bool repeats;               /* a socket may be met twice */
    const struct sio_member *p; /* `left` members from here */
    size_t left;
    size_t step;           /* two for each room: who bears its name as id, who is in it */
    struct sio_member own; /* the one of the first kind */
};

static void mark_except(struct walk *w)
{
    for (size_t i = 0; i < w->target->n_except; i++) {
        struct lec_slice name = w->target->except[i];
        struct sio_socket *own = sio_namespace_socket(w->nsp, name);
        if (own)
            own->mark = w->mark;
        const struct sio_room *room = sio_room_find(w->nsp, name);
        for (uint32_t k = 0; room && k < room->members.count; k++)
            room->members.p[k].socket->mark = w->mark;
    }
}

static void start(struct walk *w, struct sio_namespace *nsp, const struct sio_target *target)
{
    *w = (struct walk){ .nsp = nsp, .target = target, .mark = ++nsp->io->mark };
    if (target->n_rooms == 0) {
        w->p = nsp->everyone.p;
        w->left = nsp->everyone.count;
    } else {
        w->repeats = target->n_rooms > 1 || sio_may_be_id(target->rooms[0]);
    }
    mark_except(w);
}

static bool next_group(struct walk *w)
{
    while (w->step < 2 * w->target->n_rooms) {
        struct lec_slice name = w->target->rooms[w->step / 2];
        if (w->step++ % 2 == 0) {
            w->own.socket = sio_namespace_socket(w->nsp, name);
            w->p = &w->own;
            w->left = w->own.socket != NULL;
        } else {
            const struct sio_room *room = sio_room_find(w->nsp, name);
            w->p = room ? room->members.p : NULL;
            w->left = room ? room->members.count : 0;
        }
        if (w->left > 0)
            return true;
    }
    return false;
}

/* The next socket that the target reaches, NULL at the end. Members that are CONNECTING or on
 * their way out have no session. */
static inline struct sio_socket *next(struct walk *w)
{
    do {
        while (w->left > 0) {
            struct sio_socket *s = (w->p++)->socket;
            w->left--;
            if (!s->session || s->mark == w->mark || s == w->target->but)
                continue;
            if (w->repeats)
                s->mark = w->mark;
            return s;
        }
    } while (next_group(w));
    return NULL;
}

size_t sio_namespace_emit(struct sio_namespace *nsp, const struct sio_target *target,
                          const struct sio_payload *event, bool is_volatile)
{
    struct sio_server *io = nsp->io;
    struct walk w;
    start(&w, nsp, target);
    struct sio_socket *s = next(&w);
    struct sio_recovery *r = nsp->recovery;
    if (!s && (is_volatile || !sio_recovery_wants(r)))
        return 0;

    struct sio_payload stamped = r ? sio_recovery_stamp(r, event, is_volatile) : *event;
    struct lec_msg *msg =
        sio_packet_encode(SIO_EVENT, nsp->name, SIO_NO_ID, event->n_attachments, stamped.json);
    if (r && !is_volatile)
        sio_recovery_log(r, msg, event, NULL, target);
    struct sio_outgoing out = sio_outgoing_of(msg, event);
    /* The same without offset, for those who cannot come back. */
    struct sio_outgoing plain = sio_outgoing_of(NULL, event);
    size_t sent = 0;
    io->broadcasting = true;
    for (; s; s = next(&w)) {
        bool is_plain = r && !s->ticket;
        if (is_plain && !plain.msg)
            plain.msg = sio_packet_encode(SIO_EVENT, nsp->name, SIO_NO_ID, event->n_attachments,
                                          event->json);
        if (is_volatile && !eio_session_writable(s->session))
            io->counters->volatile_dropped++;
        else if (sio_send(s->session, s->msgpack, is_plain ? &plain : &out) == LEC_OK)
            sent++;
    }
    io->broadcasting = false;
    sio_outgoing_fini(&out);
    sio_outgoing_fini(&plain);
    io->counters->events_out += sent;
    sio_client_end_postponed(io);
    return sent;
}

struct sio_socket **sio_namespace_select(struct sio_namespace *nsp, const struct sio_target *target,
                                         size_t *n)
{
    struct sio_socket **found = NULL, *s;
    size_t count = 0, cap = 0;
    struct walk w;
    for (start(&w, nsp, target); (s = next(&w));) {
        if (count == cap) {
            cap = cap ? cap * 2 : 16;
            found = lec_realloc(found, cap * sizeof *found);
        }
        found[count++] = s;
    }
    *n = count;
    return found;
}
