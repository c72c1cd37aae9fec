#include "socketio/tombstone.h"

#include <stdlib.h>

#include "base/err.h"

/* How long packets are excused. */
#define TOMBSTONE_MS 10000

struct sio_tombstone {
    struct sio_tombstone *next;
    uint64_t until;
    size_t name_len;
    char name[];
};

static bool is(const struct sio_tombstone *t, struct lec_slice name)
{
    return lec_slice_eq((struct lec_slice){ t->name, t->name_len }, name);
}

void sio_tombstone_add(struct sio_tombstone **list, struct lec_slice name, uint64_t now_ms,
                       unsigned most)
{
    unsigned count = 1;
    for (struct sio_tombstone **p = list, *t; (t = *p);) {
        if (is(t, name) || t->until <= now_ms || ++count > most) {
            *p = t->next;
            free(t);
        } else {
            p = &t->next;
        }
    }
    struct sio_tombstone *t = lec_alloc(sizeof *t + name.n);
    t->until = now_ms + TOMBSTONE_MS;
    t->name_len = name.n;
    memcpy(t->name, name.p, name.n);
    t->next = *list;
    *list = t;
}

bool sio_tombstone_find(const struct sio_tombstone *list, struct lec_slice name, uint64_t now_ms)
{
    for (const struct sio_tombstone *t = list; t; t = t->next)
        if (is(t, name))
            return t->until > now_ms;
    return false;
}

void sio_tombstone_free_all(struct sio_tombstone *list)
{
    while (list) {
        struct sio_tombstone *next = list->next;
        free(list);
        list = next;
    }
}
