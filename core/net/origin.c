#include "net/origin.h"

#include <strings.h>

/* The port of addresses that name none; 0 for schemes of apps. */
static unsigned default_port(struct lec_slice scheme)
{
    return lec_slice_is_word(scheme, "http") ? 80 : lec_slice_is_word(scheme, "https") ? 443 : 0;
}

static struct lec_slice class_of(struct lec_slice scheme)
{
    if (lec_slice_is_word(scheme, "ws"))
        return LEC_SLICE("http");
    return lec_slice_is_word(scheme, "wss") ? LEC_SLICE("https") : scheme;
}

/* Bytes in front of the first of these. */
static size_t length_before(struct lec_slice text, const char *stops)
{
    size_t n = 0;
    while (n < text.n && (text.p[n] == '\0' || strchr(stops, text.p[n]) == NULL))
        n++;
    return n;
}

/* No digits are the default port, as in "http://x:" (RFC 3986, 3.2.3). */
static bool take_port(struct lec_slice digits, unsigned *port)
{
    unsigned n = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        n = n * 10 + (unsigned)(digits.p[i] - '0');
        if (n > 65535)
            return false;
    }
    if (digits.n > 0)
        *port = n;
    return true;
}

/* "host", "host:port", "[IPv6]:port". *port stays as it is if none is given. */
static bool take_authority(struct lec_slice text, struct lec_slice *host, unsigned *port)
{
    if (length_before(text, "@ ,/?#\\") < text.n)
        return false;
    const char *end = text.n > 0 && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    size_t n = end ? (size_t)(end - text.p) + 1 : length_before(text, ":");
    *host = (struct lec_slice){ text.p, n };
    if (n == 0 || n == text.n)
        return n > 0;
    return text.p[n] == ':' &&
           take_port((struct lec_slice){ text.p + n + 1, text.n - n - 1 }, port);
}

bool lec_origin_parse(struct lec_origin *out, struct lec_slice text)
{
    *out = (struct lec_origin){ .scheme = text, .host = { text.p, 0 } };
    if (lec_slice_is_word(text, "null"))
        return true;
    const char *mark = text.n > 0 ? memmem(text.p, text.n, "://", 3) : NULL;
    /* of two Origins in one header neither counts */
    if (mark == NULL || mark == text.p || memchr(text.p, ' ', text.n) != NULL)
        return false;
    out->scheme = class_of((struct lec_slice){ text.p, (size_t)(mark - text.p) });
    out->port = default_port(out->scheme);
    struct lec_slice rest = { mark + 3, (size_t)(text.p + text.n - mark) - 3 };
    rest.n = length_before(rest, "/?#\\");
    if (rest.n == 0)
        return lec_slice_is_word(out->scheme, "file");
    return take_authority(rest, &out->host, &out->port);
}

static bool same_word(struct lec_slice a, struct lec_slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool lec_host_matches(struct lec_slice host, struct lec_slice rule)
{
    if (rule.n < 2 || rule.p[0] != '*')
        return same_word(host, rule);
    struct lec_slice domain = { rule.p + 1, rule.n - 1 }; /* with its dot */
    return host.n > domain.n && host.p[0] != '.' &&
           same_word((struct lec_slice){ host.p + host.n - domain.n, domain.n }, domain);
}

bool lec_origin_matches(const struct lec_origin *origin, const struct lec_origin *rule)
{
    return same_word(origin->scheme, rule->scheme) && origin->port == rule->port &&
           lec_host_matches(origin->host, rule->host);
}

bool lec_origin_is_host(const struct lec_origin *origin, struct lec_slice host)
{
    struct lec_slice name;
    unsigned port = default_port(origin->scheme);
    return take_authority(host, &name, &port) && port == origin->port &&
           same_word(name, origin->host);
}
