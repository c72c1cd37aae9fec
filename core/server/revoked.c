#include "server/revoked.h"

#include <stdlib.h>

struct entry {
    struct lec_list link;
    int64_t time;
    size_t n;
    char name[];
};

void lec_revoked_init(struct lec_revoked *r, size_t limit)
{
    *r = (struct lec_revoked){ .limit = limit };
    lec_list_init(&r->by_age);
}

static void drop(struct lec_revoked *r, struct entry *e)
{
    lec_map_remove(&r->by_name, (struct lec_slice){ e->name, e->n });
    lec_list_remove(&e->link);
    free(e);
}

static struct entry *oldest(const struct lec_revoked *r)
{
    return LEC_CONTAINER(r->by_age.next, struct entry, link);
}

void lec_revoked_fini(struct lec_revoked *r)
{
    while (r->by_name.count > 0)
        drop(r, oldest(r));
    lec_map_fini(&r->by_name);
}

/* Walks the whole list, but makes room for many: it comes once in as many additions as it freed. */
static bool make_room(struct lec_revoked *r, int64_t past)
{
    struct lec_list *node = r->by_age.next, *next;
    for (; node != &r->by_age; node = next) {
        struct entry *e = LEC_CONTAINER(node, struct entry, link);
        next = node->next;
        if (e->time < past)
            drop(r, e);
    }
    if (r->by_name.count < r->limit)
        return false;
    drop(r, oldest(r));
    return true;
}

bool lec_revoked_add(struct lec_revoked *r, struct lec_slice name, int64_t time, int64_t past)
{
    struct entry *e = lec_map_get(&r->by_name, name);
    if (e) {
        e->time = time > e->time ? time : e->time;
        return false;
    }
    bool lost = r->by_name.count >= r->limit && make_room(r, past);
    e = lec_alloc(sizeof *e + name.n);
    e->time = time;
    e->n = name.n;
    memcpy(e->name, name.p, name.n);
    lec_list_append(&r->by_age, &e->link);
    lec_map_put(&r->by_name, (struct lec_slice){ e->name, e->n }, e);
    return lost;
}

bool lec_revoked_find(const struct lec_revoked *r, struct lec_slice name, int64_t *time)
{
    const struct entry *e = lec_map_get(&r->by_name, name);
    if (e)
        *time = e->time;
    return e != NULL;
}

void lec_revoked_set(struct lec_revoked *r, struct lec_slice name, int64_t time)
{
    struct entry *e = lec_map_get(&r->by_name, name);
    if (e)
        e->time = time;
}
