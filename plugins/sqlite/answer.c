#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define MAX_MESSAGE 2000

void *sql_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p) {
        fputs("lectern: out of memory in the SQLite driver\n", stderr);
        abort();
    }
    return p;
}

void sql_bytes_add(struct sql_bytes *b, const void *p, size_t n)
{
    if (b->cap - b->n < n) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap - b->n < n)
            cap *= 2;
        unsigned char *grown = sql_alloc(cap);
        if (b->n > 0)
            memcpy(grown, b->p, b->n);
        free(b->p);
        b->p = grown;
        b->cap = cap;
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

void sql_bytes_number(struct sql_bytes *b, uint64_t value, unsigned octets)
{
    unsigned char at[8];
    lectern_write_number(at, value, octets);
    sql_bytes_add(b, at, octets);
}

void sql_answer_begin(struct sql_bytes *b)
{
    b->n = 0;
    sql_bytes_number(b, LECTERN_DB_OK, 1);
    sql_bytes_number(b, 0, 2);
}

void sql_answer_count(struct sql_bytes *b, unsigned results)
{
    lectern_write_number(b->p + 1, results, 2);
}

void sql_answer_error(struct sql_bytes *b, enum lectern_db_code code, unsigned statement,
                      const char *fmt, ...)
{
    char text[MAX_MESSAGE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    /* SQLite's messages repeat what was sent: not in the middle of a character. */
    if (n >= (int)sizeof text) {
        while (size > 0 && ((unsigned char)text[size - 1] & 0xc0) == 0x80)
            size--;
        size -= size > 0 && (unsigned char)text[size - 1] >= 0xc0;
    }
    b->n = 0;
    sql_bytes_number(b, code, 1);
    sql_bytes_number(b, statement, 2);
    sql_bytes_number(b, size, 4);
    sql_bytes_add(b, text, size);
}

enum lectern_db_code sql_answer_code(const struct sql_bytes *b)
{
    return (enum lectern_db_code)b->p[0];
}
