/* Header fields as one run of bytes: "name\0value\0", pair behind pair, names in lower case. Pure
 * functions over borrowed bytes; slices handed out point into them, and a zero follows each. */
#ifndef LEC_BASE_FIELDS_H
#define LEC_BASE_FIELDS_H

#include "base/slice.h"

/* Iterates the pairs: start with *pos = 0. False at the end. */
bool lec_fields_next(struct lec_slice fields, size_t *pos, struct lec_slice *name,
                     struct lec_slice *value);

/* The value of the first field of that name; empty if there is none. */
struct lec_slice lec_fields_find(struct lec_slice fields, const char *name);

#endif
