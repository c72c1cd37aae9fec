#include "socketio/pattern.h"

#include "base/utf8.h"

/* Takes the part up to the next slash off; rest->p is NULL behind the last one. */
static struct lec_slice take_part(struct lec_slice *rest)
{
    const char *slash = memchr(rest->p, '/', rest->n);
    struct lec_slice part = { rest->p, slash ? (size_t)(slash - rest->p) : rest->n };
    *rest = slash ? (struct lec_slice){ slash + 1, rest->n - part.n - 1 }
                  : (struct lec_slice){ NULL, 0 };
    return part;
}

/* Names get into logs and onto terminals: no control characters, U+0080 to U+009F included. */
static bool is_plain(struct lec_slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f || c == '*')
            return false;
        if (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0)
            return false;
    }
    return lec_utf8_valid(text.p, text.n);
}

static bool match_part(struct lec_slice pattern, const char *star, struct lec_slice name,
                       struct lec_slice *matched)
{
    size_t before = (size_t)(star - pattern.p), after = pattern.n - before - 1;
    if (memchr(star + 1, '*', after) || name.n <= before + after ||
        memcmp(name.p, pattern.p, before) != 0 ||
        memcmp(name.p + name.n - after, star + 1, after) != 0)
        return false;
    *matched = (struct lec_slice){ name.p + before, name.n - before - after };
    return is_plain(*matched);
}

int sio_pattern_match(struct lec_slice pattern, struct lec_slice name,
                      struct lec_slice stars[SIO_MAX_STARS])
{
    int n = 0;
    while (pattern.p && name.p) {
        struct lec_slice wanted = take_part(&pattern), part = take_part(&name);
        const char *star = memchr(wanted.p, '*', wanted.n);
        if (!star) {
            if (!lec_slice_eq(wanted, part))
                return -1;
        } else if (n == SIO_MAX_STARS || !match_part(wanted, star, part, &stars[n++])) {
            return -1;
        }
    }
    return pattern.p || name.p ? -1 : n;
}
