/* What one connection still has to send: messages in order, with their bytes counted. All zero is an
 * empty one. A single message, as each receiver of a broadcast has, lies in the struct itself; more
 * make a ring, which gives its memory back when it is emptied. Holds one reference of each message. */
#ifndef LEC_BASE_OUTQ_H
#define LEC_BASE_OUTQ_H

#include "base/msg.h"

/* What a message costs beside its bytes: its place in the ring, its head and the allocator's. */
#define LEC_OUTQ_OVERHEAD 48

struct lec_outq {
    union {
        struct lec_msg *one;   /* cap is 0, count at most 1 */
        struct lec_msg **ring; /* cap is a power of two */
    };
    uint32_t head, count, cap;
    size_t bytes; /* of the frames in it, and LEC_OUTQ_OVERHEAD for each */
};

void lec_outq_fini(struct lec_outq *q);                    /* drops all */
void lec_outq_push(struct lec_outq *q, struct lec_msg *m); /* takes a reference of its own */
struct lec_msg *lec_outq_at(const struct lec_outq *q, uint32_t i); /* borrowed; i < count */
void lec_outq_drop(struct lec_outq *q, uint32_t n);                /* the first n, n <= count */

#endif
