/* Percent-encoding of URLs (RFC 3986, 2.1). */
#ifndef LEC_BASE_PERCENT_H
#define LEC_BASE_PERCENT_H

#include "base/slice.h"

/* The byte that the "%41" at text.p[i] stands for, 0 to 255; -1 if two hexadecimal digits do not
 * follow the '%'. i < text.n. */
int lec_percent_byte(struct lec_slice text, size_t i);

#endif
