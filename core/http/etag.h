/* Entity tags (RFC 9110, 8.8.3). Pure. */
#ifndef LEC_HTTP_ETAG_H
#define LEC_HTTP_ETAG_H

#include "base/slice.h"

/* Whether this If-None-Match names etag, with its quotes and without W/: it is a list of tags, weakly
 * compared (13.1.2), or "*". Our tags hold no comma. */
bool lec_etag_matches(struct lec_slice header, const char *etag);

#endif
