/* Base64 (RFC 4648): the standard alphabet for Engine.IO's binary packets, the URL-safe one for
 * tokens and ids. */
#ifndef LEC_BASE_BASE64_H
#define LEC_BASE_BASE64_H

#include "base/buf.h"

/* Appends p as standard base64 with padding. */
void lec_base64_encode(struct lec_buf *out, const void *p, size_t n);

/* Appends p as base64url without padding. */
void lec_base64url_encode(struct lec_buf *out, const void *p, size_t n);

/* The same into the caller's (n + 2) / 3 * 4 characters; no terminator. */
void lec_base64url_write(char *out, const void *p, size_t n);

/* Appends the bytes that the text stands for. Accepts both alphabets, with or without padding;
 * LEC_EPROTO at anything else (a bad length, spaces, bits left over), with `out` as it was. */
int lec_base64_decode(struct lec_buf *out, const char *p, size_t n) LEC_CHECK;

/* Appends the bytes that the text stands for, as Node's Buffer.from(text, "base64") reads it: both
 * alphabets; everything else is skipped, as the line ends that Java and Android put in; the first '='
 * ends it; bits left over are dropped. For what clients send, not for what proves something. */
void lec_base64_decode_loose(struct lec_buf *out, const char *p, size_t n);

#endif
