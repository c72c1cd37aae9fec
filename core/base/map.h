/* A hash map from bytes to pointers: sessions by id, rooms and namespaces by name.
 *
 * Keys are borrowed: they must live and stay as they are while their entry does, which they do
 * when they are a member of the value. Peers choose room names, so the hash is keyed
 * (SipHash-1-3, Aumasson and Bernstein 2012) with random bytes of each map. All operations take
 * constant time on the average. The map must not change while it is iterated. */
#ifndef LEC_BASE_MAP_H
#define LEC_BASE_MAP_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct lec_map_entry;

struct lec_map {
    struct lec_map_entry *entries; /* open addressing, cap is 0 or a power of two */
    size_t count, cap;
    uint64_t seed[2];
};

void lec_map_fini(struct lec_map *m); /* forgets all entries; values are the caller's */
void *lec_map_get(const struct lec_map *m, struct lec_slice key); /* NULL if there is none */
void lec_map_put(struct lec_map *m, struct lec_slice key,
                 void *value); /* key must be new; value not NULL */
void *lec_map_remove(struct lec_map *m,
                     struct lec_slice key); /* the value, NULL if there was none */

/* Iteration in no order: start with *pos = 0, ends with NULL. */
void *lec_map_next(const struct lec_map *m, size_t *pos);

#endif
