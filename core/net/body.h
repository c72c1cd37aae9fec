/* The framing of a request's body (RFC 9112, 6 and 7): so many bytes, or chunks. A pure, strict,
 * incremental decoder of (pointer, length).
 *
 * Of chunks only their data comes out. Extensions and trailers are read by the grammar, thrown away,
 * and bounded together; a recipient may ignore both (7.1.1, 7.1.2). What would frame the body has no
 * business in a trailer (RFC 9110, 6.5.1). */
#ifndef LEC_NET_BODY_H
#define LEC_NET_BODY_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* All zero is a body of no bytes. */
struct lec_body {
    uint64_t left;      /* bytes of the body, or of this chunk, that are to come */
    uint32_t extra;     /* private: bytes of extensions and trailers so far */
    uint32_t max_extra; /* of them */
    uint8_t state;      /* private, as the others */
    uint8_t candidates; /* which of the forbidden names a trailer's may still be, as bits */
    uint8_t matched;    /* how much of it */
};

void lec_body_of_length(struct lec_body *b, uint64_t n);
void lec_body_of_chunks(struct lec_body *b, uint32_t max_extra);

bool lec_body_is_chunked(const struct lec_body *b);
bool lec_body_is_whole(const struct lec_body *b); /* nothing of it is to come */

/* Takes what it can of p, up to the end of one piece of data: how many bytes, with the data, into p,
 * in *data (perhaps empty). Call it until all is taken or the body is whole. LEC_EPROTO: no chunks;
 * LEC_ETOOBIG: more than max_extra around them. */
int64_t lec_body_read(struct lec_body *b, const char *p, size_t n,
                      struct lec_slice *data) LEC_CHECK;

#endif
