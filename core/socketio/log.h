/* What was sent in a namespace lately, and to whom, for clients that missed some of it.
 *
 * Events are numbered 1, 2, 3 … without gaps; the log holds the latest ones, bounded in age and in
 * bytes. An event's number travels with it: it is the offset that a client names when it comes
 * back. Entries hold a reference of the message that was sent, so they cost no second encoding.
 * Owner: the namespace's sio_recovery. Nothing here calls back. */
#ifndef SIO_LOG_H
#define SIO_LOG_H

#include "base/id.h"
#include "base/outq.h"
#include "socketio/namespace.h"

struct sio_entry;

struct sio_log {
    struct sio_entry **ring;
    uint32_t head, count, cap; /* cap is 0 or a power of two */
    uint64_t last;             /* number of the latest event, 0 before the first */
    uint64_t forgot_at;        /* when the latest of the forgotten was sent; 0: none was */
    size_t bytes, max_bytes;
    uint64_t max_age; /* ms */
};

/* A room and the number of the latest event when it was joined: only later ones were for it. */
struct sio_stay {
    struct lec_slice room;
    uint64_t since;
};

/* A receiver: the room that it is by itself, and those that it was in. */
struct sio_reader {
    struct lec_slice id; /* LEC_ID_LEN */
    const struct sio_stay *stays;
    size_t n_stays;
};

/* Adds what is being sent, as event `last` + 1: to the one socket of this id if `only` is given, else
 * to the target. attachments are those of msg. */
void sio_log_add(struct sio_log *log, uint64_t now, struct lec_msg *msg,
                 struct lec_msg *const *attachments, unsigned n_attachments, const char *only,
                 const struct sio_target *target);
/* Forgets what is over the bounds. */
void sio_log_trim(struct sio_log *log, uint64_t now);
void sio_log_fini(struct sio_log *log);             /* forgets all, but counts on */
uint64_t sio_log_oldest(const struct sio_log *log); /* when it was sent; count > 0 */

/* Whether nothing behind `offset` is forgotten that a client can have missed which had received
 * all that was sent before `received` (ms). False for offsets still to come, too. */
bool sio_log_reaches(const struct sio_log *log, uint64_t offset, uint64_t received);

/* Appends to out what was sent to the reader after `offset`. LEC_EFULL: more than max_bytes. */
int sio_log_collect(const struct sio_log *log, uint64_t offset, const struct sio_reader *reader,
                    size_t max_bytes, struct lec_outq *out) LEC_CHECK;

#endif
