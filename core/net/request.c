/* From a head to the exchange that it begins: which fields are kept, what they mean for the body and the
 * connection, and what is refused. One allocation a request. */
#include "net/request.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/map.h"
#include "net/grammar.h"
#include "net/internal.h"
#include "net/target.h"

/* --- pure parts --------------------------------------------------------------------------- */

int lec_request_length(struct lec_slice text, uint64_t *n)
{
    uint64_t value = 0;
    if (text.n == 0)
        return LEC_EPROTO;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return LEC_EPROTO;
        if (value >= 100000000000000000u) /* 10^17: the product below stays under 10^18 */
            return LEC_ETOOBIG;
        value = value * 10 + (uint64_t)(text.p[i] - '0');
    }
    *n = value;
    return LEC_OK;
}

bool lec_request_has_token(struct lec_slice list, const char *token)
{
    while (list.n > 0)
        if (lec_slice_is_word(lec_slice_shift(&list, ','), token))
            return true;
    return false;
}

static bool consists_of(struct lec_slice text, unsigned what)
{
    for (size_t i = 0; i < text.n; i++)
        if (!lec_octet_is(text.p[i], what))
            return false;
    return text.n > 0;
}

int lec_request_subprotocol(struct lec_slice list, struct lec_slice *first)
{
    struct lec_slice name = lec_slice_shift(&list, ',');
    if (!consists_of(name, LEC_TOKEN))
        return LEC_EPROTO;
    *first = name;
    return LEC_OK;
}

bool lec_request_is_host(struct lec_slice text)
{
    return consists_of(text, LEC_HOST);
}

/* --- the fields that are kept ------------------------------------------------------------- */

#define LONGEST_NAME 64 /* bytes of a field's name that may be one that is kept */

/* A value in the head that is read. */
struct header_value {
    struct lec_slice text;
    size_t next; /* the next one of its name, as index + 1; 0: it is the last */
};

struct header_name {
    char *name; /* lower case */
    struct lec_slice key;
    size_t first, last; /* its values, as index + 1; 0: there is none */
    unsigned count;
};

struct header_names {
    struct lec_map by_name; /* of struct header_name */
    unsigned short count, found_count;
    unsigned short *found; /* indexes of the entries that the request has, in its order */
    struct header_value *values;
    size_t values_count, values_cap;
    struct header_name entries[];
};

/* What is standard in requests, RFC 9110 for the most part, and what the server API looks at. */
static const char *const standard[] = {
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
};

static void add_name(struct header_names *names, const char *name)
{
    size_t n = strlen(name);
    if (n > LONGEST_NAME || lec_map_get(&names->by_name, (struct lec_slice){ name, n }) != NULL)
        return;
    struct header_name *e = &names->entries[names->count++];
    e->name = lec_strndup(name, n);
    e->key = (struct lec_slice){ e->name, n };
    lec_map_put(&names->by_name, e->key, e);
}

struct header_names *header_names_new(const char *const *extra)
{
    size_t max = sizeof standard / sizeof standard[0];
    for (const char *const *e = extra; e != NULL && *e != NULL; e++)
        max++;
    struct header_names *names = lec_alloc0(sizeof *names + max * sizeof names->entries[0]);
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        add_name(names, standard[i]);
    for (const char *const *e = extra; e != NULL && *e != NULL; e++)
        add_name(names, *e);
    names->found = lec_alloc(names->count * sizeof names->found[0]);
    return names;
}

void header_names_free(struct header_names *names)
{
    if (names == NULL)
        return;
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    lec_map_fini(&names->by_name);
    free(names->found);
    free(names->values);
    free(names);
}

static struct header_name *find_name(struct header_names *names, struct lec_slice name)
{
    char lower[LONGEST_NAME];
    if (name.n > sizeof lower)
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        lower[i] = (char)tolower((unsigned char)name.p[i]);
    return lec_map_get(&names->by_name, (struct lec_slice){ lower, name.n });
}

static const char *separator_of(const struct header_name *e)
{
    return lec_slice_is(e->key, "cookie") ? "; " : ", "; /* RFC 6265bis, 4.2.2; RFC 9110, 5.3 */
}

static void add_value(struct header_names *names, struct header_name *e, struct lec_slice text)
{
    if (names->values_count == names->values_cap) {
        names->values_cap = names->values_cap > 0 ? 2 * names->values_cap : 64;
        names->values = lec_realloc(names->values, names->values_cap * sizeof *names->values);
    }
    names->values[names->values_count++] = (struct header_value){ text, 0 };
    if (e->count++ == 0) {
        names->found[names->found_count++] = (unsigned short)(e - names->entries);
        e->first = names->values_count;
    } else {
        names->values[e->last - 1].next = names->values_count;
    }
    e->last = names->values_count;
}

/* Finds which of them a head has; room for what put_fields writes. Linear, whatever a client sends. */
static size_t find_fields(struct header_names *names, const char *head, size_t pos)
{
    struct lec_slice name, value;
    size_t size = 0;
    for (size_t i = 0; i < names->found_count; i++)
        names->entries[names->found[i]].count = 0;
    names->found_count = 0;
    names->values_count = 0;
    while (lec_head_next(head, &pos, &name, &value)) {
        struct header_name *e = find_name(names, name);
        if (e == NULL)
            continue;
        add_value(names, e, value);
        size += e->key.n + 1 + value.n + 2;
    }
    return size;
}

/* One Host, or in 1.0 none (RFC 9112, 3.2). What stands in an absolute target counts in its place
 * (3.2.2): *more is how much longer that is. False: the request is refused. */
static bool check_host(struct header_names *names, bool http11, struct lec_slice authority,
                       size_t *more)
{
    const struct header_name *e = lec_map_get(&names->by_name, LEC_SLICE("host"));
    *more = 0;
    if (e->count == 0)
        return !http11;
    struct lec_slice *host = &names->values[e->first - 1].text;
    if (e->count > 1 || !lec_request_is_host(*host))
        return false;
    if (authority.n > 0) {
        *more = authority.n;
        *host = authority;
    }
    return true;
}

/* Writes them as fields (base/fields.h); the end. */
static char *put_fields(char *o, const struct header_names *names)
{
    for (size_t i = 0; i < names->found_count; i++) {
        const struct header_name *e = &names->entries[names->found[i]];
        o = mempcpy(o, e->name, e->key.n + 1);
        for (size_t v = e->first; v != 0; v = names->values[v - 1].next) {
            struct lec_slice text = names->values[v - 1].text;
            if (v != e->first)
                o = mempcpy(o, separator_of(e), 2);
            o = mempcpy(o, text.p, text.n);
        }
        *o++ = '\0';
    }
    return o;
}

static unsigned count_of(const struct header_names *names, const char *name)
{
    const struct header_name *e = lec_map_get(&names->by_name, lec_slice_str(name));
    return e->count;
}

/* --- what they mean ----------------------------------------------------------------------- */

static enum lec_method method_of(struct lec_slice text)
{
    static const char *const methods[] = { "GET",   "HEAD",   "POST",   "PUT",
                                           "PATCH", "DELETE", "OPTIONS" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lec_slice_is(text, methods[i]))
            return (enum lec_method)i;
    return LEC_METHOD_OTHER;
}

/* Whether a tab stands behind the value of a field that the request has: white space by RFC 9112, 5, but
 * parsers differ on it (Node's refuses it), and what parsers differ on is no framing. */
static bool has_tab_behind(const struct header_names *names, const char *name)
{
    const struct header_name *e = lec_map_get(&names->by_name, lec_slice_str(name));
    struct lec_slice text = names->values[e->first - 1].text;
    const char *p = text.p + text.n;
    while (*p == ' ')
        p++;
    return *p == '\t';
}

/* Whether there is a body, and how it is framed (RFC 9112, 6). 0, or a status. */
static unsigned read_framing(struct lec_http *h, const struct header_names *names,
                             unsigned max_extra)
{
    struct lec_slice coding = lec_http_header(h, "transfer-encoding");
    unsigned lengths = count_of(names, "content-length"),
             codings = count_of(names, "transfer-encoding");
    if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0))
        return 400;
    if (codings > 0) {
        if (!h->http11 || !lec_slice_is_word(coding, "chunked") ||
            has_tab_behind(names, "transfer-encoding"))
            return 400;
        lec_body_of_chunks(&h->framing, max_extra);
    } else if (lengths > 0) {
        uint64_t n;
        int rc = lec_request_length(lec_http_header(h, "content-length"), &n);
        if (rc == LEC_OK && has_tab_behind(names, "content-length"))
            rc = LEC_EPROTO;
        if (rc != LEC_OK)
            return rc == LEC_ETOOBIG ? 413 : 400;
        lec_body_of_length(&h->framing, n);
    }
    return 0;
}

/* Whether it is no more than can be done for a client. */
static bool is_known(struct lec_slice expectations)
{
    while (expectations.n > 0)
        if (!lec_slice_is_word(lec_slice_shift(&expectations, ','), "100-continue"))
            return false;
    return true;
}

/* 0, or a status. */
static unsigned read_meaning(struct lec_http *h, const struct header_names *names,
                             unsigned max_extra)
{
    struct lec_slice connection = lec_http_header(h, "connection");
    unsigned status = read_framing(h, names, max_extra);
    if (status != 0)
        return status;
    if (h->http11 && count_of(names, "expect") > 0) { /* RFC 9110, 10.1.1: 1.0 has none */
        struct lec_slice expectations = lec_http_header(h, "expect");
        if (expectations.n == 0 || !is_known(expectations))
            return 417;
        h->expect_continue = !lec_body_is_whole(&h->framing);
    }
    h->keep_alive = h->http11 ? !lec_request_has_token(connection, "close")
                              : lec_request_has_token(connection, "keep-alive");
    h->wants_ws = lec_request_has_token(lec_http_header(h, "upgrade"), "websocket");
    return h->method == LEC_METHOD_OTHER ? 501 : 0;
}

unsigned request_read(struct conn *c, const struct lec_head *head, const char *p,
                      struct lec_http **out)
{
    struct header_names *names = c->net->names;
    struct lec_slice method = lec_head_method(head, p);
    struct lec_target target;
    *out = NULL;
    if (lec_slice_is(method, "CONNECT"))
        return 501; /* its target is of another form */
    if (lec_target_read(&target, lec_head_target(head, p)) != LEC_OK)
        return 400;
    bool asterisk = lec_slice_is(target.path, "*");
    if (asterisk && !lec_slice_is(method, "OPTIONS"))
        return 400;

    size_t size = find_fields(names, p, head->fields), more;
    if (!check_host(names, head->minor == 1, target.authority, &more))
        return 400;
    size += more + 3 * target.path.n + 2 + target.query.n + 1;
    struct lec_http *h = lec_alloc(sizeof *h + size);
    memset(h, 0, sizeof *h);
    h->conn = c;
    h->method = method_of(method);
    h->http11 = head->minor == 1;
    char *o = h->strings;
    int n = 1;
    if (asterisk)
        *o = '*';
    else
        n = lec_target_path(o, target.path);
    unsigned status = 400;
    if (n < 0)
        goto refused;
    h->path = (struct lec_slice){ o, (size_t)n };
    o += n;
    *o++ = '\0';
    h->query = (struct lec_slice){ o, target.query.n };
    o = mempcpy(o, target.query.p, target.query.n);
    *o++ = '\0';
    h->headers = (struct lec_slice){ o, 0 };
    h->headers.n = (size_t)(put_fields(o, names) - o);
    status = read_meaning(h, names, c->net->cfg->max_header_bytes);
    if (status != 0)
        goto refused;
    *out = h;
    return 0;
refused:
    free(h);
    return status;
}
