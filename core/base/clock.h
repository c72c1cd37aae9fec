/* The time of day. Alone in its file, so that a test can set it. */
#ifndef LEC_BASE_CLOCK_H
#define LEC_BASE_CLOCK_H

#include <stdint.h>

int64_t lec_clock_ms(void); /* Unix time */

#endif
