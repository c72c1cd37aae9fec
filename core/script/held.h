/* Events that wait because a task of their socket waits for the database.
 *
 * To its own socket a database call takes no time: while one of its tasks waits for an answer, what its
 * client sends is copied and runs later, in order, on the handlers that serve then. Thus a client that
 * joins a room and speaks in it in one breath is heard, though joining asks the database.
 *
 *   event, and nobody waits --> runs                     the answer has come, and its task has run
 *   event, and somebody does, or others are held --> held ----------------------------------> runs
 *
 * They count as events whose handlers have not ended (max_tasks), and their bytes are bounded by
 * max_queue_bytes. Acks, heartbeats, disconnects and new tokens are not held.
 *
 * Owner of a held event: its handle, and whoever runs it for that time. They go when the handle does: it was
 * the socket's wish, and it has left. The handle may go inside of any event that runs. */
#ifndef LEC_SCRIPT_HELD_H
#define LEC_SCRIPT_HELD_H

#include "script/host.h"

struct lec_handle;

/* Part of a handle. */
struct lec_held {
    struct lec_list events; /* oldest first */
    unsigned count;
    size_t bytes;
    unsigned waits;      /* tasks of the handle that wait for the database */
    struct lec_list due; /* in script->due: nobody waits any more, and events may be there */
};

void lec_held_init(struct lec_held *held);
void lec_held_drop(struct lec_handle *h); /* all of them */

/* A task of the handle begins to wait, ends to. */
void lec_held_wait(struct lec_handle *h);
void lec_held_go_on(struct lec_handle *h);

/* Whether what comes now has to be held. */
bool lec_held_must(const struct lec_handle *h);

/* Takes a copy. heard: the listeners to any event have had it, and it comes before the others. False: too
 * much is held. */
bool lec_held_add(struct lec_handle *h, const struct sio_event *event, bool heard) LEC_CHECK;

/* Runs what is due. Only where no script runs. */
void lec_held_run(struct lec_script *s);

#endif
