#include "server/dotenv.h"

void lec_dotenv_init(struct lec_dotenv *d, struct lec_slice text)
{
    if (!text.p)
        text = LEC_SLICE("");
    *d = (struct lec_dotenv){ .p = text.p, .end = text.p + text.n, .next_line = 1 };
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
        d->p += 3;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static bool at_line_end(const struct lec_dotenv *d)
{
    return d->p == d->end || *d->p == '\n' || *d->p == '\r';
}

static void skip_blanks(struct lec_dotenv *d)
{
    while (d->p < d->end && is_blank(*d->p))
        d->p++;
}

static void skip_line(struct lec_dotenv *d)
{
    const char *nl = memchr(d->p, '\n', (size_t)(d->end - d->p));
    d->p = nl ? nl + 1 : d->end;
    d->next_line++;
}

static int wrong(struct lec_dotenv *d, const char *why)
{
    d->why = why;
    return LEC_EPROTO;
}

static struct lec_slice take_name(struct lec_dotenv *d)
{
    const char *start = d->p;
    while (d->p < d->end && is_name(*d->p))
        d->p++;
    return (struct lec_slice){ start, (size_t)(d->p - start) };
}

/* Takes up to the closing quote; only double quotes know escapes. */
static bool take_quoted(struct lec_dotenv *d, struct lec_buf *value)
{
    char quote = *d->p++;
    for (; d->p < d->end; d->p++) {
        char c = *d->p;
        if (c == quote) {
            d->p++;
            return true;
        }
        if (c == '\n')
            d->next_line++;
        if (c == '\r' && d->p + 1 < d->end && d->p[1] == '\n')
            continue;
        if (c == '\\' && quote == '"' && d->p + 1 < d->end && d->p[1] != '\n') {
            c = *++d->p;
            static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
            const char *known = memchr(from, c, sizeof from - 1);
            if (known)
                c = to[known - from];
            else
                lec_buf_addc(value, '\\');
        }
        lec_buf_addc(value, c);
    }
    return false;
}

static void take_plain(struct lec_dotenv *d, struct lec_buf *value)
{
    const char *start = d->p;
    while (!at_line_end(d) && *d->p != '#')
        d->p++;
    const char *end = d->p;
    while (end > start && is_blank(end[-1]))
        end--;
    lec_buf_add(value, start, (size_t)(end - start));
}

int lec_dotenv_next(struct lec_dotenv *d, struct lec_slice *name, struct lec_buf *value)
{
    value->n = 0;
    for (;; skip_line(d)) {
        d->line = d->next_line;
        skip_blanks(d);
        if (d->p == d->end)
            return 0;
        if (!at_line_end(d) && *d->p != '#')
            break;
    }

    *name = take_name(d);
    if (lec_slice_is(*name, "export") && d->p < d->end && is_blank(*d->p)) {
        skip_blanks(d);
        struct lec_slice exported = take_name(d);
        if (exported.n > 0)
            *name = exported;
    }
    skip_blanks(d);
    if (name->n == 0 || d->p == d->end || *d->p != '=')
        return wrong(d, "not of the form NAME=value");
    d->p++;
    skip_blanks(d);

    if (!at_line_end(d) && (*d->p == '"' || *d->p == '\'' || *d->p == '`')) {
        if (!take_quoted(d, value))
            return wrong(d, "the quote is not closed");
        skip_blanks(d);
    } else {
        take_plain(d, value);
    }
    if (!at_line_end(d) && *d->p != '#')
        return wrong(d, "something follows the closing quote");
    if (value->n > 0 && memchr(value->p, '\0', value->n))
        return wrong(d, "a zero byte in the value");
    skip_line(d);
    return 1;
}
