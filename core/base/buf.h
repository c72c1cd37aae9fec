/* A growable run of bytes. All zero is an empty one; whoever declared it calls lec_buf_fini.
 * Adding cannot fail (see lec_alloc): callers bound what they add. */
#ifndef LEC_BASE_BUF_H
#define LEC_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct lec_buf {
    char *p;
    size_t n; /* bytes in use */
    size_t cap;
};

void lec_buf_fini(struct lec_buf *b);               /* frees; leaves an empty buffer */
char *lec_buf_reserve(struct lec_buf *b, size_t n); /* room for n more; where they go */
void lec_buf_add(struct lec_buf *b, const void *p, size_t n);
void lec_buf_addc(struct lec_buf *b, char c);
void lec_buf_adds(struct lec_buf *b, const char *s);
void lec_buf_addu(struct lec_buf *b, unsigned long long n); /* decimal digits */
void lec_buf_printf(struct lec_buf *b, const char *fmt, ...) LEC_PRINTF(2, 3);
void lec_buf_vprintf(struct lec_buf *b, const char *fmt, va_list ap);
const char *lec_buf_str(struct lec_buf *b); /* zero-terminated; valid until the next call on b */

/* Empties a scratch buffer that lives long, and gives memory back if it once grew past `keep`. */
void lec_buf_clear(struct lec_buf *b, size_t keep);

static inline struct lec_slice lec_buf_slice(const struct lec_buf *b)
{
    return (struct lec_slice){ b->p, b->n };
}

#endif
