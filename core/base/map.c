/* Linear probing; removal moves the entries behind the gap back (Knuth, 6.4, algorithm R), so
 * there are no tombstones and lookups never get slower with age. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"

#define FIRST_CAP 8

struct lec_map_entry {
    const char *key;
    void *value; /* NULL: the entry is free */
    uint32_t key_len, hash;
};

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint32_t siphash13(const uint64_t seed[2], struct lec_slice key)
{
    uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                      seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
    uint64_t word;
    const char *p = key.p;
    size_t n = key.n;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (n > 0)
        memcpy(&word, p, n);
    word |= (uint64_t)key.n << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* Where the key's entry is, or the free one where it would go. Needs cap > 0. */
static size_t find(const struct lec_map *m, struct lec_slice key, uint32_t hash)
{
    size_t mask = m->cap - 1;
    size_t i = hash & mask;
    const struct lec_map_entry *e;
    while ((e = &m->entries[i])->value &&
           (e->hash != hash || !lec_slice_eq((struct lec_slice){ e->key, e->key_len }, key)))
        i = (i + 1) & mask;
    return i;
}

static void resize(struct lec_map *m, size_t cap)
{
    struct lec_map_entry *entries = lec_alloc0(cap * sizeof(*entries));
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->entries[i].value)
            continue;
        size_t at = m->entries[i].hash & (cap - 1);
        while (entries[at].value)
            at = (at + 1) & (cap - 1);
        entries[at] = m->entries[i];
    }
    free(m->entries);
    m->entries = entries;
    m->cap = cap;
}

void lec_map_fini(struct lec_map *m)
{
    free(m->entries);
    *m = (struct lec_map){ 0 };
}

void *lec_map_get(const struct lec_map *m, struct lec_slice key)
{
    if (m->count == 0)
        return NULL;
    return m->entries[find(m, key, siphash13(m->seed, key))].value;
}

void lec_map_put(struct lec_map *m, struct lec_slice key, void *value)
{
    assert(value && key.n <= UINT32_MAX);
    if (m->count >= m->cap / 4 * 3) {
        if (m->seed[0] == 0 && m->seed[1] == 0)
            lec_random(m->seed, sizeof(m->seed));
        resize(m, m->cap ? m->cap * 2 : FIRST_CAP);
    }
    uint32_t hash = siphash13(m->seed, key);
    size_t i = find(m, key, hash);
    assert(!m->entries[i].value);
    m->entries[i] = (struct lec_map_entry){ key.p, value, (uint32_t)key.n, hash };
    m->count++;
}

void *lec_map_remove(struct lec_map *m, struct lec_slice key)
{
    if (m->count == 0)
        return NULL;
    size_t mask = m->cap - 1;
    size_t gap = find(m, key, siphash13(m->seed, key));
    void *value = m->entries[gap].value;
    if (!value)
        return NULL;

    for (size_t i = (gap + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
        /* Its own place lies at or before the gap, counted around the ring: it may move there. */
        if (((i - m->entries[i].hash) & mask) >= ((i - gap) & mask)) {
            m->entries[gap] = m->entries[i];
            gap = i;
        }
    }
    m->entries[gap].value = NULL;
    m->count--;

    if (m->count == 0) {
        free(m->entries);
        m->entries = NULL;
        m->cap = 0;
    } else if (m->cap > FIRST_CAP && m->count < m->cap / 8) {
        resize(m, m->cap / 2);
    }
    return value;
}

void *lec_map_next(const struct lec_map *m, size_t *pos)
{
    while (*pos < m->cap) {
        void *value = m->entries[(*pos)++].value;
        if (value)
            return value;
    }
    return NULL;
}
