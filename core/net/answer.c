#include "net/answer.h"

#include <ctype.h>

#include "base/fields.h"

#define MAX_SECONDS 2147483648 /* RFC 9111, 1.2.2: what is larger counts as this */

void lec_answer_add(struct lec_buf *headers, struct lec_slice line)
{
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
    if (!colon || colon == line.p || memchr(line.p, '\0', line.n))
        return;
    size_t n = (size_t)(colon - line.p);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line.p[i] <= ' ')
            return;
    for (size_t i = 0; i < n; i++)
        lec_buf_addc(headers, (char)tolower((unsigned char)line.p[i]));
    lec_buf_addc(headers, '\0');
    struct lec_slice value = lec_slice_trim((struct lec_slice){ colon + 1, line.n - n - 1 });
    lec_buf_add(headers, value.p, value.n);
    lec_buf_addc(headers, '\0');
}

/* A number of seconds, perhaps in quotes; -1 if it is none. */
static int64_t seconds(struct lec_slice text)
{
    int64_t n = 0;
    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = (struct lec_slice){ text.p + 1, text.n - 2 };
    if (text.n == 0)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        n = n * 10 + (text.p[i] - '0');
        if (n > MAX_SECONDS)
            n = MAX_SECONDS;
    }
    return n;
}

/* One directive of Cache-Control. */
static void read_directive(struct lec_slice text, int64_t *max_age)
{
    const char *equals = text.n > 0 ? memchr(text.p, '=', text.n) : NULL;
    struct lec_slice name = { text.p, equals ? (size_t)(equals - text.p) : text.n };
    name = lec_slice_trim(name);
    if (lec_slice_is_word(name, "no-cache") || lec_slice_is_word(name, "no-store")) {
        *max_age = 0;
    } else if (equals && lec_slice_is_word(name, "max-age") && *max_age != 0) {
        size_t n = (size_t)(text.p + text.n - equals - 1);
        int64_t age = seconds(lec_slice_trim((struct lec_slice){ equals + 1, n }));
        *max_age = age < 0 ? 0 : age; /* RFC 9111, 4.2.1: what is invalid is stale */
    }
}

static void read_directives(struct lec_slice value, int64_t *max_age)
{
    while (value.n > 0)
        read_directive(lec_slice_shift(&value, ','), max_age);
}

int64_t lec_answer_max_age(struct lec_slice headers)
{
    struct lec_slice name, value;
    int64_t max_age = -1, age = 0;
    for (size_t pos = 0; lec_fields_next(headers, &pos, &name, &value);) {
        if (lec_slice_is(name, "cache-control"))
            read_directives(value, &max_age);
        else if (lec_slice_is(name, "age"))
            age = seconds(value);
    }
    if (max_age < 0)
        return -1;
    return age > max_age ? 0 : max_age - (age > 0 ? age : 0);
}
