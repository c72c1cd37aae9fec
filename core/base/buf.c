#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void lec_buf_fini(struct lec_buf *b)
{
    free(b->p);
    *b = (struct lec_buf){ 0 };
}

char *lec_buf_reserve(struct lec_buf *b, size_t n)
{
    if (b->cap - b->n < n || !b->p) {
        size_t cap = b->cap ? b->cap : FIRST_SIZE;
        while (cap - b->n < n) {
            if (cap > SIZE_MAX / 2) {
                cap = SIZE_MAX; /* lec_realloc refuses it with its message */
                break;
            }
            cap *= 2;
        }
        b->p = lec_realloc(b->p, cap);
        b->cap = cap;
    }
    return b->p + b->n;
}

void lec_buf_add(struct lec_buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(lec_buf_reserve(b, n), p, n);
    b->n += n;
}

void lec_buf_addc(struct lec_buf *b, char c)
{
    *lec_buf_reserve(b, 1) = c;
    b->n++;
}

void lec_buf_adds(struct lec_buf *b, const char *s)
{
    lec_buf_add(b, s, strlen(s));
}

void lec_buf_addu(struct lec_buf *b, unsigned long long n)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    lec_buf_add(b, digits + at, sizeof(digits) - at);
}

void lec_buf_vprintf(struct lec_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char *at = lec_buf_reserve(b, 1);
    size_t room = b->cap - b->n;
    int n = vsnprintf(at, room, fmt, ap);
    if (n > 0) {
        if ((size_t)n >= room)
            vsnprintf(lec_buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void lec_buf_printf(struct lec_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    lec_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

const char *lec_buf_str(struct lec_buf *b)
{
    *lec_buf_reserve(b, 1) = '\0';
    return b->p;
}

void lec_buf_clear(struct lec_buf *b, size_t keep)
{
    if (b->cap > keep)
        lec_buf_fini(b);
    b->n = 0;
}
