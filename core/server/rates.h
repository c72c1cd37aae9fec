/* The text of limits.events: names of events, each with how many of it a client may send a second,
 * like "typing_start=5, send_message=10". Pure. */
#ifndef LEC_SERVER_RATES_H
#define LEC_SERVER_RATES_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define LEC_RATE_MAX 1000000u

/* Takes the first entry off the text: 1; 0 if none is left; LEC_EINVAL: it is none. */
int lec_rates_next(struct lec_slice *text, struct lec_slice *name, uint64_t *per_second) LEC_CHECK;

#endif
