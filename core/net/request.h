/* The parts of reading a request that are pure functions of bytes. Internal to net. */
#ifndef LEC_NET_REQUEST_H
#define LEC_NET_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* The number in a Content-Length field (RFC 9110, 8.6): digits only. LEC_EPROTO; LEC_ETOOBIG past
 * 18 digits. */
int lec_request_length(struct lec_slice text, uint64_t *n) LEC_CHECK;

/* Whether one of the elements of a comma-separated field is `token`, in any case. */
bool lec_request_has_token(struct lec_slice list, const char *token);

/* The first element of a Sec-WebSocket-Protocol field. LEC_EPROTO if it is no token (RFC 9110,
 * 5.6.2). */
int lec_request_subprotocol(struct lec_slice list, struct lec_slice *first) LEC_CHECK;

/* Whether a Host field names a host (RFC 9110, 7.2): not empty, and of its characters only. */
bool lec_request_is_host(struct lec_slice text);

#endif
