#include "server/origins.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "net/origin.h"
#include "server/suggest.h"

enum {
    SHOWN = 80, /* characters of an entry in a sentence */
    MAX_SCHEME = 32,
    MAX_NAME = 253,
    MAX_LABEL = 63,
};

/* Begins the sentence; always false. */
static bool wrong(struct lec_buf *why, struct lec_slice entry, const char *what)
{
    int n = entry.n < SHOWN ? (int)entry.n : SHOWN;
    lec_buf_printf(why, "\"%.*s\" is not allowed; %s", n, entry.p, what);
    return false;
}

/* Ends it with the address that was perhaps meant; always false. */
static bool instead(struct lec_buf *why, const char *scheme, struct lec_slice rest)
{
    int n = rest.n < SHOWN ? (int)rest.n : SHOWN;
    lec_buf_printf(why, ": write %s://%.*s", scheme, n, rest.p);
    return false;
}

static bool is_all(struct lec_slice text, int (*is_class)(int), const char *others)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\0' || c > 127 || (!is_class(c) && strchr(others, c) == NULL))
            return false;
    }
    return true;
}

static bool is_web(struct lec_slice scheme)
{
    return lec_slice_is(scheme, "http") || lec_slice_is(scheme, "https");
}

/* Host and port, without what people copy along with them. */
static struct lec_slice authority_of(struct lec_slice rest)
{
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '\0' && strchr("/?#\\", rest.p[n]) == NULL)
        n++;
    const char *user = memrchr(rest.p, '@', n);
    size_t skip = user ? (size_t)(user - rest.p) + 1 : 0;
    return (struct lec_slice){ rest.p + skip, n - skip };
}

/* Whether pages have origins of this scheme, which is lower-case and zero-terminated: the Web's, and any
 * other that may be an app's. */
static bool is_scheme(struct lec_slice entry, struct lec_slice scheme, struct lec_slice authority,
                      struct lec_buf *why)
{
    static const char *const pageless[] = { "ftp", "ftps", "data", "blob", "about", "javascript" };
    struct lec_suggest suggest;
    if (is_web(scheme))
        return true;
    if (lec_slice_is(scheme, "ws") || lec_slice_is(scheme, "wss")) {
        wrong(why, entry, "an origin has the scheme of the page, not of its WebSocket");
        return instead(why, scheme.n == 2 ? "http" : "https", authority);
    }
    for (size_t i = 0; i < sizeof pageless / sizeof pageless[0]; i++)
        if (lec_slice_is(scheme, pageless[i])) {
            wrong(why, entry, "no page has an origin of this scheme");
            return instead(why, "https", authority);
        }
    lec_suggest_init(&suggest, scheme.p);
    lec_suggest_try(&suggest, "https");
    lec_suggest_try(&suggest, "http");
    if (suggest.best == NULL)
        return true;
    wrong(why, entry, "its scheme is not spelled right");
    return instead(why, suggest.best, authority);
}

/* Names of the Internet and IPv4 addresses, as browsers write them. */
static bool is_name(struct lec_slice host)
{
    struct in_addr v4;
    char text[MAX_NAME + 1];
    if (host.n == 0 || host.n > MAX_NAME || !is_all(host, isalnum, "-_."))
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    const char *last = text;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ".");
        if (n > MAX_LABEL || (n == 0 && (at == text || at[0] != '\0')))
            return false;
        if (n > 0)
            last = at;
        at += n;
        if (*at == '\0')
            break;
    }
    /* Browsers take it for an address if its last label is a number (URL standard, 3.5). */
    return !isdigit((unsigned char)*last) || last[strspn(last, "0123456789.")] != '\0' ||
           inet_pton(AF_INET, text, &v4) == 1;
}

static bool put_ipv6(struct lec_slice host, struct lec_buf *out)
{
    struct in6_addr v6;
    char text[INET6_ADDRSTRLEN];
    if (host.n < 4 || host.n > sizeof text || host.p[host.n - 1] != ']')
        return false;
    memcpy(text, host.p + 1, host.n - 2);
    text[host.n - 2] = '\0';
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    inet_ntop(AF_INET6, &v6, text, sizeof text);
    const unsigned char *ip = v6.s6_addr;
    if (strchr(text, '.') != NULL) /* browsers have no IPv4 in it */
        snprintf(strrchr(text, ':') + 1, 10, "%x:%x", ip[12] << 8 | ip[13], ip[14] << 8 | ip[15]);
    lec_buf_printf(out, "[%s]", text);
    return true;
}

static void put_lower(struct lec_buf *out, struct lec_slice text)
{
    for (size_t i = 0; i < text.n; i++)
        lec_buf_addc(out, (char)tolower((unsigned char)text.p[i]));
}

static bool put_host(struct lec_slice entry, struct lec_slice scheme, struct lec_slice host,
                     struct lec_buf *out, struct lec_buf *why)
{
    const char *star = memchr(host.p, '*', host.n);
    for (size_t i = 0; i < host.n; i++)
        if ((unsigned char)host.p[i] > 127)
            return wrong(why, entry,
                         "browsers send such a name in ASCII, as its \"xn--\" form: write that");
    if (host.p[0] == '[')
        return put_ipv6(host, out) || wrong(why, entry, "there is no IPv6 address in its brackets");
    if (star != NULL) {
        struct lec_slice domain = { host.p + 2, host.n - 2 };
        if (!is_web(scheme) || host.n < 3 || star != host.p || star[1] != '.' || !is_name(domain))
            return wrong(why, entry,
                         "a star stands for all that is in front of a domain: write it as in "
                         "https://*.school.example");
    } else if (is_web(scheme) ? !is_name(host) : !is_all(host, isalnum, "-_.")) {
        return wrong(why, entry,
                     "no browser sends such a host: give origins like "
                     "https://school.example, separated by commas");
    }
    put_lower(out, host);
    return true;
}

static bool put_authority(struct lec_slice entry, struct lec_slice scheme,
                          struct lec_slice authority, struct lec_buf *out, struct lec_buf *why)
{
    struct lec_slice host = authority, port = { NULL, 0 };
    const char *end = authority.p + authority.n, *colon = memrchr(authority.p, ':', authority.n);
    if (colon != NULL && memchr(colon, ']', (size_t)(end - colon)) == NULL) {
        host.n = (size_t)(colon - authority.p);
        port = (struct lec_slice){ colon + 1, (size_t)(end - colon) - 1 };
    }
    if (host.n == 0)
        return wrong(why, entry, "it lacks a host: give origins like https://school.example");
    if (!put_host(entry, scheme, host, out, why))
        return false;
    if (colon == NULL || port.p == NULL)
        return true;
    struct lec_origin origin;
    if (port.n == 0 || !is_all(port, isdigit, "") || !lec_origin_parse(&origin, entry) ||
        origin.port == 0)
        return wrong(why, entry, "its port is a number from 1 to 65535, or is left out");
    if (!is_web(scheme) || origin.port != (scheme.n == 4 ? 80 : 443))
        lec_buf_printf(out, ":%u", origin.port);
    return true;
}

static bool lacks_scheme(struct lec_slice entry, struct lec_buf *why)
{
    struct lec_slice rest = entry;
    const char *slash = memmem(entry.p, entry.n, ":/", 2);
    if (slash != NULL)
        rest = (struct lec_slice){ slash + 1, (size_t)(entry.p + entry.n - slash) - 1 };
    while (rest.n > 0 && *rest.p == '/')
        rest.p++, rest.n--;
    bool is_local = (rest.n >= 9 && strncasecmp(rest.p, "localhost", 9) == 0) ||
                    (rest.n >= 4 && memcmp(rest.p, "127.", 4) == 0);
    wrong(why, entry, "it lacks a scheme");
    return instead(why, is_local ? "http" : "https", authority_of(rest));
}

static bool put_entry(struct lec_slice entry, struct lec_buf *out, struct lec_buf *why)
{
    for (size_t i = 0; i < entry.n; i++)
        if ((unsigned char)entry.p[i] <= ' ')
            return wrong(why, entry,
                         "give origins like https://school.example, separated by commas");
    if (lec_slice_is_word(entry, "null") || lec_slice_is(entry, "*")) {
        put_lower(out, entry);
        return true;
    }
    const char *mark = memmem(entry.p, entry.n, "://", 3);
    struct lec_slice scheme = { entry.p, mark ? (size_t)(mark - entry.p) : 0 };
    char lower[MAX_SCHEME + 1] = "";
    if (scheme.n == 0 || scheme.n > MAX_SCHEME || !isalpha((unsigned char)*scheme.p) ||
        !is_all(scheme, isalnum, "+-."))
        return lacks_scheme(entry, why);
    put_lower(out, scheme);
    memcpy(lower, out->p + out->n - scheme.n, scheme.n);
    scheme.p = lower;
    lec_buf_adds(out, "://");

    struct lec_slice rest = { mark + 3, entry.n - scheme.n - 3 };
    if (rest.n > 0 && rest.p[rest.n - 1] == '/') /* people copy it along with an address */
        rest.n--;
    struct lec_slice authority = authority_of(rest);
    if (!is_scheme(entry, scheme, authority, why))
        return false;
    if (lec_slice_is(scheme, "file")) {
        if (rest.n == 0)
            return true;
        wrong(why, entry, "all pages of files have one origin");
        return instead(why, lower, LEC_SLICE(""));
    }
    if (authority.n < rest.n) {
        wrong(why, entry, "an origin is no more than scheme, host and port");
        return instead(why, lower, authority);
    }
    return put_authority(entry, scheme, authority, out, why);
}

bool lec_origins_tidy(const char *text, struct lec_buf *out, struct lec_buf *why)
{
    struct lec_slice left = lec_slice_str(text);
    size_t count = 0;
    bool any = false;
    while (left.n > 0) {
        struct lec_slice entry = lec_slice_shift(&left, ',');
        if (entry.n == 0)
            continue;
        if (count++ > 0)
            lec_buf_adds(out, ", ");
        any = any || lec_slice_is(entry, "*");
        if (!put_entry(entry, out, why))
            return false;
    }
    if (any && count > 1)
        return wrong(why, lec_slice_str(text), "* lets in every origin, and stands alone");
    return true;
}
