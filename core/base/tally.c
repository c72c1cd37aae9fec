#include "base/tally.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    size_t count, len;
    char name[];
};

void lec_tally_fini(struct lec_tally *t)
{
    struct entry *e;
    for (size_t pos = 0; (e = lec_map_next(&t->by_name, &pos)) != NULL;)
        free(e);
    lec_map_fini(&t->by_name);
}

size_t lec_tally_count(const struct lec_tally *t, struct lec_slice name)
{
    const struct entry *e = lec_map_get(&t->by_name, name);
    return e ? e->count : 0;
}

void lec_tally_add(struct lec_tally *t, struct lec_slice name)
{
    struct entry *e = lec_map_get(&t->by_name, name);
    if (!e) {
        e = lec_alloc(sizeof *e + name.n);
        e->count = 0;
        e->len = name.n;
        memcpy(e->name, name.p, name.n);
        lec_map_put(&t->by_name, (struct lec_slice){ e->name, e->len }, e);
    }
    e->count++;
}

void lec_tally_remove(struct lec_tally *t, struct lec_slice name)
{
    struct entry *e = lec_map_get(&t->by_name, name);
    assert(e);
    if (--e->count > 0)
        return;
    lec_map_remove(&t->by_name, name);
    free(e);
}
