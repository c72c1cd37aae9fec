#include "server/rates.h"

static struct lec_slice trim(struct lec_slice s)
{
    while (s.n > 0 && *s.p == ' ')
        s.p++, s.n--;
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

/* Takes what stands before the separator off the text, and the separator. */
static struct lec_slice shift(struct lec_slice *text, char separator)
{
    const char *end = memchr(text->p, separator, text->n);
    struct lec_slice first = { text->p, end ? (size_t)(end - text->p) : text->n };
    size_t used = first.n + (end != NULL);
    text->p += used;
    text->n -= used;
    return trim(first);
}

int lec_rates_next(struct lec_slice *text, struct lec_slice *name, uint64_t *per_second)
{
    struct lec_slice entry = { NULL, 0 };
    while (entry.n == 0) {
        if (text->n == 0)
            return 0;
        entry = shift(text, ',');
    }
    *name = shift(&entry, '=');
    entry = trim(entry);
    *per_second = 0;
    for (size_t i = 0; i < entry.n; i++) {
        if (entry.p[i] < '0' || entry.p[i] > '9')
            return LEC_EINVAL;
        *per_second = *per_second * 10 + (uint64_t)(entry.p[i] - '0');
        if (*per_second > LEC_RATE_MAX)
            return LEC_EINVAL;
    }
    return name->n > 0 && *per_second > 0 ? 1 : LEC_EINVAL;
}
