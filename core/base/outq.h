/* What one connection still has to send: a ring of messages, in order, with their bytes counted.
 * All zero is an empty one and costs no heap; an emptied ring gives its memory back, so that an
 * idle connection holds none. Holds one reference of each message in it. */
#ifndef LEC_BASE_OUTQ_H
#define LEC_BASE_OUTQ_H

#include "base/msg.h"

/* What a message costs beside its bytes: its place in the ring, its head and the allocator's. */
#define LEC_OUTQ_OVERHEAD 48

struct lec_outq {
    struct lec_msg **ring;
    uint32_t head, count, cap; /* cap is 0 or a power of two */
    size_t bytes;              /* of the frames in it, and LEC_OUTQ_OVERHEAD for each */
};

void lec_outq_fini(struct lec_outq *q);                    /* drops all */
void lec_outq_push(struct lec_outq *q, struct lec_msg *m); /* takes a reference of its own */
struct lec_msg *lec_outq_at(const struct lec_outq *q, uint32_t i); /* borrowed; i < count */
void lec_outq_drop(struct lec_outq *q, uint32_t n);                /* the first n, n <= count */

#endif
