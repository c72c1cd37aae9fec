/* SHA-256 (FIPS 180-4), and comparing secrets. Pure. */
#ifndef LEC_AUTH_DIGEST_H
#define LEC_AUTH_DIGEST_H

#include <stdbool.h>

#include "base/slice.h"

#define LEC_SHA256_SIZE 32
#define LEC_SHA256_HEX  64 /* characters of it as text, in lower case */

void lec_sha256(unsigned char out[LEC_SHA256_SIZE], struct lec_slice bytes);
/* The same of n pieces, each behind its length, so that no two lists of pieces are one text. */
void lec_sha256_hex(char out[LEC_SHA256_HEX + 1], const struct lec_slice *pieces, unsigned n);
/* Whether n bytes are the same, in a time that does not tell where they differ. */
bool lec_same_secret(const void *a, const void *b, size_t n);

#endif
