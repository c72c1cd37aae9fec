/* The head of a request: its line and its fields (RFC 9112, 2 to 5). A pure reader of (pointer,
 * length), strict, and incremental: bytes that were looked at are not looked at again.
 *
 * What is wrong shows at the first octet that cannot be right. Where RFC 9112 lets a recipient be
 * lenient this one is not: a line ends with CRLF, no white space stands before a colon, none begins
 * a line (obs-fold). Empty lines before the request are passed over (2.2). */
#ifndef LEC_NET_HEAD_H
#define LEC_NET_HEAD_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* All zero is the beginning. Positions are offsets, as the bytes may lie elsewhere at the next call. */
struct lec_head {
    uint8_t state;        /* private */
    uint8_t matched;      /* private: octets of the version */
    uint8_t major, minor; /* of the version: 1 and 0 or 1 when the head is whole */
    uint16_t status;      /* with LEC_EPROTO: 400, 414, 431 or 505 */
    uint32_t at;          /* private: octets that were looked at */
    uint32_t method, method_end, target, target_end;
    uint32_t fields; /* where the first field line begins */
};

/* p is the request from its first byte on, n all that has come. How long the head is, its empty line
 * included; 0: more is needed; LEC_EPROTO: `status` says what to answer. More than max bytes are 431,
 * or 414 while the request line goes on. */
int lec_head_read(struct lec_head *h, const char *p, size_t n, size_t max) LEC_CHECK;

struct lec_slice lec_head_method(const struct lec_head *h, const char *p);
struct lec_slice lec_head_target(const struct lec_head *h, const char *p);

/* Walks the fields of a whole head; start with *pos = h->fields. The value without white space
 * around. False at the end. */
bool lec_head_next(const char *p, size_t *pos, struct lec_slice *name, struct lec_slice *value);

#endif
