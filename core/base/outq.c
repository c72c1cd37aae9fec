#include "base/outq.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

#define FIRST_CAP 4

static struct lec_msg **slot(struct lec_outq *q, uint32_t i)
{
    return q->cap == 0 ? &q->one : &q->ring[(q->head + i) & (q->cap - 1)];
}

static void grow(struct lec_outq *q)
{
    assert(q->cap <= UINT32_MAX / 4);
    uint32_t cap = q->cap ? q->cap * 2 : FIRST_CAP;
    struct lec_msg **ring = lec_alloc(cap * sizeof(struct lec_msg *));
    for (uint32_t i = 0; i < q->count; i++)
        ring[i] = *slot(q, i);
    if (q->cap > 0)
        free(q->ring);
    q->ring = ring;
    q->head = 0;
    q->cap = cap;
}

void lec_outq_fini(struct lec_outq *q)
{
    lec_outq_drop(q, q->count);
}

void lec_outq_push(struct lec_outq *q, struct lec_msg *m)
{
    if (q->count > 0 && q->count >= q->cap)
        grow(q);
    *slot(q, q->count) = lec_msg_ref(m);
    q->count++;
    q->bytes += lec_msg_frame(m).n + LEC_OUTQ_OVERHEAD;
}

struct lec_msg *lec_outq_at(const struct lec_outq *q, uint32_t i)
{
    assert(i < q->count);
    return q->cap == 0 ? q->one : q->ring[(q->head + i) & (q->cap - 1)];
}

void lec_outq_drop(struct lec_outq *q, uint32_t n)
{
    assert(n <= q->count);
    for (uint32_t i = 0; i < n; i++) {
        struct lec_msg *m = *slot(q, i);
        q->bytes -= lec_msg_frame(m).n + LEC_OUTQ_OVERHEAD;
        lec_msg_unref(m);
    }
    q->count -= n;
    if (q->count > 0) {
        q->head = (q->head + n) & (q->cap - 1);
        return;
    }
    if (q->cap > 0)
        free(q->ring);
    *q = (struct lec_outq){ 0 };
}
