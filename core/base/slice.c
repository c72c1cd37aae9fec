#include "base/slice.h"

#include <strings.h>

bool lec_slice_is_word(struct lec_slice a, const char *word)
{
    return a.n == strlen(word) && (a.n == 0 || strncasecmp(a.p, word, a.n) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct lec_slice lec_slice_trim(struct lec_slice s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s.p++, s.n--;
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct lec_slice lec_slice_shift(struct lec_slice *list, char separator)
{
    const char *at = list->n > 0 ? memchr(list->p, separator, list->n) : NULL;
    struct lec_slice first = { list->p, at ? (size_t)(at - list->p) : list->n };
    size_t used = first.n + (at != NULL);
    if (used > 0)
        list->p += used;
    list->n -= used;
    return lec_slice_trim(first);
}
