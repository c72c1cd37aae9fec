/* The headers of an answer that we fetched, as fields (base/fields.h). Pure functions over borrowed
 * bytes. */
#ifndef LEC_NET_ANSWER_H
#define LEC_NET_ANSWER_H

#include <stdint.h>

#include "base/buf.h"

/* Appends the pair of one header line, with or without its line end. What is no "name: value" is
 * passed over. */
void lec_answer_add(struct lec_buf *headers, struct lec_slice line);

/* For how many seconds from now the answer may be used: max-age of Cache-Control, less Age (RFC 9111,
 * 4.2); 0 for no-cache and no-store. -1: it does not say. */
int64_t lec_answer_max_age(struct lec_slice headers);

#endif
