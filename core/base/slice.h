/* A borrowed run of bytes. It owns nothing and is not zero-terminated; the declaration that
 * hands one out says how long it stays valid. */
#ifndef LEC_BASE_SLICE_H
#define LEC_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct lec_slice {
    const char *p;
    size_t n;
};

#define LEC_SLICE(literal) ((struct lec_slice){ (literal), sizeof(literal) - 1 })

static inline struct lec_slice lec_slice_str(const char *s)
{
    return (struct lec_slice){ s, s ? strlen(s) : 0 };
}

static inline bool lec_slice_eq(struct lec_slice a, struct lec_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool lec_slice_is(struct lec_slice a, const char *s)
{
    return lec_slice_eq(a, lec_slice_str(s));
}

/* The same, whatever the case of ASCII letters. */
bool lec_slice_is_word(struct lec_slice a, const char *word);

/* Without the spaces, tabs and line ends around it. */
struct lec_slice lec_slice_trim(struct lec_slice s);

/* Takes what stands before the next separator off the list, and the separator; trimmed. */
struct lec_slice lec_slice_shift(struct lec_slice *list, char separator);

#endif
