/* The parts of reading a request that are pure functions of bytes. Internal to net. */
#ifndef LEC_NET_REQUEST_H
#define LEC_NET_REQUEST_H

#include <stddef.h>

#include "base/buf.h"

/* The number in a Content-Length header (RFC 9110, 8.6): digits only. LEC_EPROTO; LEC_ETOOBIG
 * past 18 digits. */
int lec_request_length(struct lec_slice text, size_t *n) LEC_CHECK;

/* Writes bytes as part of a path or query, with everything but unreserved characters (RFC 3986,
 * 2.3) and those of `also` percent-encoded: at most 3 * n bytes. Returns how many. */
size_t lec_request_encode(char *out, const char *p, size_t n, const char *also);

/* Whether one of the elements of a comma-separated header is `token`, in any case. */
bool lec_request_has_token(struct lec_slice list, const char *token);

/* The first element of a Sec-WebSocket-Protocol header. LEC_EPROTO if it is no token (RFC 9110,
 * 5.6.2). */
int lec_request_subprotocol(struct lec_slice list, struct lec_slice *first) LEC_CHECK;

#endif
