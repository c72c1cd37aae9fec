/* Patterns of namespace names, like "/course-*".
 *
 * A '*' stands for one or more characters, none of them '/', '*' or a control character; each part
 * between slashes has one at most. So there is only one way to match, and one pass finds it. */
#ifndef SIO_PATTERN_H
#define SIO_PATTERN_H

#include "base/slice.h"

#define SIO_MAX_STARS 8 /* of one pattern; one with more matches nothing */

static inline bool sio_is_pattern(struct lec_slice name)
{
    return name.n > 0 && memchr(name.p, '*', name.n);
}

/* How many stars the pattern has, and what each of them matched, as slices of name; -1: the name does
 * not match. */
int sio_pattern_match(struct lec_slice pattern, struct lec_slice name,
                      struct lec_slice stars[SIO_MAX_STARS]);

#endif
