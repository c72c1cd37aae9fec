/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef LEC_BASE_UTF8_H
#define LEC_BASE_UTF8_H

#include "base/buf.h"

bool lec_utf8_valid(const char *p, size_t n);

/* Whether more bytes could make p valid; then *whole of its bytes are whole characters. */
bool lec_utf8_begins(const char *p, size_t n, size_t *whole);

/* The bytes of the character that p, of n > 0 bytes, begins with: 1 to 4; 0 if it is not UTF-8. */
size_t lec_utf8_len(const char *p, size_t n);

/* Appends p, with one U+FFFD in place of each run that begins a character and breaks off, and of each
 * byte that begins none (Unicode, 3.9: maximal subparts; as browsers and Node have it). */
void lec_utf8_mend(struct lec_buf *out, const char *p, size_t n);

/* Writes the code point (at most 4 bytes); returns how many. cp <= 0x10FFFF, no surrogate. */
size_t lec_utf8_put(char *out, unsigned cp);

#endif
