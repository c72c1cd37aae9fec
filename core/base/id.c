#include "base/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"

void lec_random(void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            perror("lectern: no random numbers");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

void lec_id_make(char out[LEC_ID_LEN + 1])
{
    unsigned char bytes[LEC_ID_LEN / 4 * 3];
    lec_random(bytes, sizeof(bytes));
    lec_base64url_write(out, bytes, sizeof(bytes));
    out[LEC_ID_LEN] = '\0';
}

/* Adds 1 and 64 bits of chance to the number, which is big-endian. */
static void step(unsigned char number[LEC_ID_BYTES])
{
    unsigned char by[8];
    unsigned carry = 1;
    lec_random(by, sizeof by);
    for (size_t i = 0; i < LEC_ID_BYTES && (i < sizeof by || carry); i++) {
        unsigned char *octet = &number[LEC_ID_BYTES - 1 - i];
        carry += *octet + (i < sizeof by ? by[i] : 0u);
        *octet = (unsigned char)carry;
        carry >>= 8;
    }
}

void lec_ids_next(struct lec_ids *ids, int64_t now_ms, char out[LEC_ID_LEN + 1])
{
    /* base64url's characters in the order of their bytes */
    static const char alphabet[] =
        "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    uint64_t time = (uint64_t)now_ms << 4;
    unsigned char fresh[LEC_ID_BYTES];
    lec_random(fresh, sizeof fresh);
    for (unsigned i = 0; i < 5; i++)
        fresh[i] = (unsigned char)(time >> (40 - 8 * i));
    fresh[5] = (unsigned char)((time & 0xf0) | (fresh[5] & 0x0f));
    if (memcmp(fresh, ids->last, sizeof fresh) > 0)
        memcpy(ids->last, fresh, sizeof fresh);
    else
        step(ids->last);
    for (size_t i = 0; i < LEC_ID_BYTES; i += 3) {
        const unsigned char *p = &ids->last[i];
        uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        for (unsigned shift = 24; shift > 0; *out++ = alphabet[bits >> shift & 63])
            shift -= 6;
    }
    *out = '\0';
}
