#include "net/target.h"

#include <strings.h>

#include "base/percent.h"
#include "net/grammar.h"

static size_t encode(char *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    out[0] = '%';
    out[1] = hex[c >> 4];
    out[2] = hex[c & 15];
    return 3;
}

/* Takes "http://authority" off the front. */
static int take_authority(struct lec_target *t, struct lec_slice *text)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]), end;
        if (text->n < n || strncasecmp(text->p, schemes[i], n) != 0)
            continue;
        for (end = n; end < text->n && lec_octet_is(text->p[end], LEC_HOST);)
            end++;
        t->authority = (struct lec_slice){ text->p + n, end - n };
        *text = (struct lec_slice){ text->p + end, text->n - end };
        bool ended = text->n == 0 || text->p[0] == '/' || text->p[0] == '?';
        return t->authority.n > 0 && ended ? LEC_OK : LEC_EPROTO;
    }
    return LEC_EPROTO;
}

int lec_target_read(struct lec_target *t, struct lec_slice text)
{
    *t = (struct lec_target){ .query = LEC_SLICE("") };
    if (lec_slice_is(text, "*")) {
        t->path = text;
        return LEC_OK;
    }
    if (text.n == 0 || (text.p[0] != '/' && take_authority(t, &text) != LEC_OK))
        return LEC_EPROTO;
    const char *mark = text.n > 0 ? memchr(text.p, '?', text.n) : NULL;
    size_t path = mark ? (size_t)(mark - text.p) : text.n;
    t->path = path > 0 ? (struct lec_slice){ text.p, path } : LEC_SLICE("/");
    if (mark != NULL)
        t->query = (struct lec_slice){ mark + 1, text.n - path - 1 };
    return LEC_OK;
}

/* Writes one segment; how many bytes. */
static int put_segment(char *out, struct lec_slice segment)
{
    char *o = out;
    for (size_t i = 0; i < segment.n; i++) {
        char c = segment.p[i];
        bool escaped = c == '%';
        if (escaped) {
            int byte = lec_percent_byte(segment, i);
            if (byte <= 0)
                return LEC_EPROTO;
            c = (char)byte;
            i += 2;
        }
        if (lec_octet_is(c, LEC_UNRESERVED) || (!escaped && strchr("!$&'()*+,;=:@", c) != NULL))
            *o++ = c;
        else
            o += encode(o, (unsigned char)c);
    }
    return (int)(o - out);
}

int lec_target_path(char *out, struct lec_slice path)
{
    char *o = out;
    *o++ = '/';
    struct lec_slice rest = { path.p + 1, path.n - 1 };
    while (rest.n > 0) {
        const char *slash = memchr(rest.p, '/', rest.n);
        struct lec_slice segment = { rest.p, slash ? (size_t)(slash - rest.p) : rest.n };
        size_t used = segment.n + (slash != NULL);
        rest = (struct lec_slice){ rest.p + used, rest.n - used };
        int n = put_segment(o, segment);
        if (n < 0)
            return n;
        struct lec_slice written = { o, (size_t)n };
        if (lec_slice_is(written, "..")) {
            if (o - out > 1)
                for (o--; o[-1] != '/';)
                    o--;
        } else if (n > 0 && !lec_slice_is(written, ".")) {
            o += n;
            if (slash != NULL)
                *o++ = '/';
        }
    }
    return (int)(o - out);
}
