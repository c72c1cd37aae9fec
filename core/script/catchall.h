/* Catch-all listeners: on_any hears each event of a client, on_any_outgoing each emit of a handler.
 *
 * Each listener runs as a task of its own, with values of its own: what it waits for holds up nobody,
 * and its failure is logged and hurts nobody. What a listener to outgoing events emits itself is not
 * told to any. Where no module listens, nothing of this is called. */
#ifndef LEC_SCRIPT_CATCHALL_H
#define LEC_SCRIPT_CATCHALL_H

#include "script/generation.h"

struct lec_handle;

/* Runs the listeners of the socket's namespace, of which there are some. The socket may be gone then. */
void lec_catchall_event(struct lec_handle *h, const struct sio_event *event);

static inline bool lec_catchall_hears_outgoing(const struct lec_script *s)
{
    return s->now && s->now->hears_outgoing;
}

/* An event that a binding sends; places are those of its arguments, 0 for none. */
struct lec_sent {
    struct lec_slice nsp;
    int event, last;        /* its name, and its last argument */
    int socket;             /* the only receiver, a box */
    int rooms, except, but; /* or whom it goes to: lists, and a box that it does not */
    size_t receivers;
};

/* Runs these listeners (NULL: none), unless one of them is running. They may do anything. May raise
 * before any runs. */
void lec_catchall_sent(lua_State *L, const struct lec_handler *listeners,
                       const struct lec_sent *sent);

#endif
