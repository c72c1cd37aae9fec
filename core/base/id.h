/* Ids that nobody can guess: 20 characters of base64url's alphabet, as Socket.IO's own (other
 * software of its world checks for this length). */
#ifndef LEC_BASE_ID_H
#define LEC_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

#define LEC_ID_LEN   20
#define LEC_ID_BYTES (LEC_ID_LEN / 4 * 3)

/* 15 random bytes from the operating system. */
void lec_id_make(char out[LEC_ID_LEN + 1]);

/* Ids in the order of time, for what is stored: as bytes, each is greater than those made before it
 * from the same sequence, even if the clock went back; those of several sequences are in order to the
 * millisecond. Such an id tells when it was made; with one known, another still is one of 2^64. */
struct lec_ids {
    unsigned char last[LEC_ID_BYTES]; /* 44 bits of milliseconds, 76 of chance; zero at first */
};

/* now_ms: Unix time. */
void lec_ids_next(struct lec_ids *ids, int64_t now_ms, char out[LEC_ID_LEN + 1]);

/* Fills p from the operating system's generator; ends the process if there is none. */
void lec_random(void *p, size_t n);

#endif
