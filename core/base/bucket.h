/* Token buckets: so many things a second in the long run, so many at once. Pure.
 *
 * A bucket is one number, all zero is a full one: the time at which it will be full again, in
 * thousandths of a token (the virtual scheduling algorithm of ITU-T I.371, annex A). Nothing runs
 * while nothing is taken, and a bucket costs eight bytes and no clock of its own. */
#ifndef LEC_BASE_BUCKET_H
#define LEC_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* What may be taken from a bucket; one rate serves many buckets. Far under 2^50. */
struct lec_rate {
    uint64_t per_second; /* 0: there is no limit */
    uint64_t burst;      /* what a full bucket holds */
};

/* Takes n tokens, or none and says false. now_ms: any clock that never goes back, always the same. */
static inline bool lec_bucket_take(uint64_t *bucket, const struct lec_rate *rate, uint64_t now_ms,
                                   uint64_t n)
{
    if (rate->per_second == 0)
        return true;
    uint64_t now = now_ms * rate->per_second, most = rate->burst * 1000;
    /* What is missing from the bucket: never more than `most`, so a larger difference is that to a
     * time that is over. */
    uint64_t missing = *bucket - now;
    if (missing > most)
        missing = 0;
    if (n > rate->burst || missing + n * 1000 > most)
        return false;
    *bucket = now + missing + n * 1000;
    return true;
}

#endif
