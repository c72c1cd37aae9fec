#include "server/callers.h"

#include <stdlib.h>

#define SWEEP 1024 /* entries at least before it is looked for idle ones */

struct caller {
    size_t under_way;
    uint64_t bucket;
    struct lec_rate rate; /* the latest */
    size_t n;
    char name[];
};

void lec_callers_fini(struct lec_callers *c)
{
    void *each;
    for (size_t pos = 0; (each = lec_map_next(&c->by_name, &pos)) != NULL;)
        free(each);
    lec_map_fini(&c->by_name);
}

/* Whether it has nothing under way, and its allowance is whole again. */
static bool is_idle(const struct caller *e, uint64_t now_ms)
{
    uint64_t missing = e->bucket - now_ms * e->rate.per_second;
    return e->under_way == 0 && (missing == 0 || missing > e->rate.burst * 1000);
}

/* Linear, but only when there are twice as many as were left: constant on the average. */
static void sweep(struct lec_callers *c, uint64_t now_ms)
{
    size_t n = 0;
    if (c->by_name.count < SWEEP || c->by_name.count < 2 * c->swept)
        return;
    struct caller *e, **idle = lec_alloc(c->by_name.count * sizeof *idle);
    for (size_t pos = 0; (e = lec_map_next(&c->by_name, &pos)) != NULL;)
        if (is_idle(e, now_ms))
            idle[n++] = e;
    for (size_t i = 0; i < n; i++) {
        lec_map_remove(&c->by_name, (struct lec_slice){ idle[i]->name, idle[i]->n });
        free(idle[i]);
    }
    free(idle);
    c->swept = c->by_name.count;
}

int lec_callers_enter(struct lec_callers *c, struct lec_slice name, size_t max,
                      const struct lec_rate *rate, uint64_t now_ms)
{
    struct caller *e = lec_map_get(&c->by_name, name);
    if (e == NULL) {
        sweep(c, now_ms);
        e = lec_alloc0(sizeof *e + name.n);
        memcpy(e->name, name.p, name.n);
        e->n = name.n;
        lec_map_put(&c->by_name, (struct lec_slice){ e->name, e->n }, e);
    }
    if (rate != NULL)
        e->rate = *rate;
    if (e->under_way >= max)
        return LEC_EFULL;
    if (rate != NULL && !lec_bucket_take(&e->bucket, rate, now_ms, 1))
        return LEC_EAGAIN;
    e->under_way++;
    return LEC_OK;
}

void lec_callers_leave(struct lec_callers *c, struct lec_slice name)
{
    struct caller *e = lec_map_get(&c->by_name, name);
    e->under_way--;
}
