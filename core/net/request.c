/* The library's header table, read once a request into one allocation.
 *
 * libwebsockets has decoded the path and the query when we see them (and made "//", "/./" and
 * "/../" plain), and has split the query at '&'. They are encoded again, so that what callers get
 * means what the client sent, letter for letter wherever that had a canonical form. */
#include "net/request.h"

#include <libwebsockets.h>
#include <stdlib.h>

#include "net/internal.h"

/* Pairs of a header's name and, for the library's own, its token. */
struct header_name {
    char *name; /* lower case, with its colon */
    size_t len; /* with the colon */
    int token;  /* -1: found by name */
};

struct header_names {
    size_t count, found_count;
    unsigned short *found; /* indexes of entries: what the request that is read has */
    struct header_name entries[];
};

/* --- pure parts --------------------------------------------------------------------------- */

int lec_request_length(struct lec_slice text, size_t *n)
{
    size_t value = 0;
    if (text.n == 0)
        return LEC_EPROTO;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return LEC_EPROTO;
        if (value >= 100000000000000000u) /* 10^17: the product below stays under 10^18 */
            return LEC_ETOOBIG;
        value = value * 10 + (size_t)(text.p[i] - '0');
    }
    *n = value;
    return LEC_OK;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

size_t lec_request_encode(char *out, const char *p, size_t n, const char *also)
{
    static const char hex[] = "0123456789ABCDEF";
    char *o = out;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (is_alnum(p[i]) || (c != 0 && (strchr("-._~", c) || strchr(also, c)))) {
            *o++ = p[i];
        } else {
            *o++ = '%';
            *o++ = hex[c >> 4];
            *o++ = hex[c & 15];
        }
    }
    return (size_t)(o - out);
}

bool lec_request_has_token(struct lec_slice list, const char *token)
{
    while (list.n > 0)
        if (lec_slice_is_word(lec_slice_shift(&list, ','), token))
            return true;
    return false;
}

int lec_request_subprotocol(struct lec_slice list, struct lec_slice *first)
{
    struct lec_slice name = lec_slice_shift(&list, ',');
    if (name.n == 0)
        return LEC_EPROTO;
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.n; i++)
        if (!is_alnum(name.p[i]) && memchr(marks, name.p[i], sizeof marks - 1) == NULL)
            return LEC_EPROTO;
    *first = name;
    return LEC_OK;
}

/* --- the names ---------------------------------------------------------------------------- */

static void add_name(struct header_names *names, const char *name, size_t n, int token)
{
    struct header_name *e = &names->entries[names->count++];
    e->name = lec_alloc(n + 2);
    memcpy(e->name, name, n);
    e->name[n] = ':';
    e->name[n + 1] = '\0';
    e->len = n + 1;
    e->token = token;
}

static bool has_name(const struct header_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->entries[i].len == strlen(name) + 1 &&
            strncmp(names->entries[i].name, name, strlen(name)) == 0)
            return true;
    return false;
}

struct header_names *header_names_new(const char *const *extra, bool proxied)
{
    size_t max = WSI_TOKEN_COUNT + 1;
    for (const char *const *e = extra; e != NULL && *e != NULL; e++)
        max++;
    struct header_names *names = lec_alloc0(sizeof *names + max * sizeof names->entries[0]);
    for (int t = 0; t < WSI_TOKEN_COUNT; t++) {
        const char *s = (const char *)lws_token_to_string((enum lws_token_indexes)t);
        size_t n = s ? strlen(s) : 0;
        if (n > 1 && s[0] != ':' && s[n - 1] == ':') /* others are methods and HTTP/2's */
            add_name(names, s, n - 1, t);
    }
    static const char proto[] = "x-forwarded-proto"; /* no name of the library's */
    if (proxied)
        add_name(names, proto, strlen(proto), -1);
    for (const char *const *e = extra; e != NULL && *e != NULL; e++)
        if (!has_name(names, *e))
            add_name(names, *e, strlen(*e), -1);
    names->found = lec_alloc(names->count * sizeof names->found[0]);
    return names;
}

void header_names_free(struct header_names *names)
{
    if (names == NULL)
        return;
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    free(names->found);
    free(names);
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct {
    enum lws_token_indexes token;
    enum lec_method method;
} methods[] = {
    { WSI_TOKEN_GET_URI, LEC_GET },
    { WSI_TOKEN_HEAD_URI, LEC_HEAD },
    { WSI_TOKEN_POST_URI, LEC_POST },
    { WSI_TOKEN_PUT_URI, LEC_PUT },
    { WSI_TOKEN_PATCH_URI, LEC_PATCH },
    { WSI_TOKEN_DELETE_URI, LEC_DELETE },
    { WSI_TOKEN_OPTIONS_URI, LEC_OPTIONS },
    { WSI_TOKEN_CONNECT, LEC_METHOD_OTHER },
    { WSI_TOKEN_HTTP_COLON_PATH, LEC_METHOD_OTHER },
};

/* One method, or it is no request: the library reads "POST /x" among the headers of a GET as a
 * second method, and would then wait for a body. */
static bool read_method(struct lws *wsi, enum lec_method *method, enum lws_token_indexes *token)
{
    int found = 0;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
            *method = methods[i].method;
            *token = methods[i].token;
            found++;
        }
    }
    return found == 1 && *method != LEC_METHOD_OTHER;
}

/* Whether all of p may stand in a header's value (RFC 9110, 5.5). The library lets NUL through. */
static bool value_ok(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Appends the values of a header, joined as RFC 9110, 5.3 has it (6265bis, 4.2.2 for cookies). The
 * library puts a space in front of each but the first. Returns the new end, NULL if it is bad. */
static char *copy_values(struct lws *wsi, enum lws_token_indexes token, char *o, char *end,
                         int *count)
{
    char *start = o;
    *count = 0;
    for (;; ++*count) {
        if (*count > 0) {
            *o++ = token == WSI_TOKEN_HTTP_COOKIE ? ';' : ',';
            *o++ = ' ';
        }
        int n = lws_hdr_copy_fragment(wsi, o, (int)(end - o), token, *count);
        if (n < 0) {
            if (*count > 0)
                o -= 2;
            break;
        }
        if (!value_ok(o, (size_t)n))
            return NULL;
        struct lec_slice v = lec_slice_trim((struct lec_slice){ o, (size_t)n });
        memmove(o, v.p, v.n);
        o += v.n;
    }
    *o++ = '\0';
    return *count > 0 ? o : start;
}

/* Appends the query: the library's fragments, encoded, with '&' between. Inside one, the first
 * '=' ends the name; it has made others in the name '_'. */
static char *copy_query(struct lws *wsi, char *o, char *tmp, int tmp_size)
{
    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(wsi, tmp, tmp_size, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0)
            return o;
        if (i > 0)
            *o++ = '&';
        const char *equals = memchr(tmp, '=', (size_t)n);
        size_t name = equals ? (size_t)(equals - tmp) : (size_t)n;
        o += lec_request_encode(o, tmp, name, "");
        if (equals != NULL) {
            *o++ = '=';
            o += lec_request_encode(o, equals + 1, (size_t)n - name - 1, "");
        }
    }
}

/* Room for everything that request_read puts into strings; finds which headers there are. */
static size_t measure(struct lws *wsi, struct header_names *names, size_t path)
{
    size_t n = 3 * path + 2;
    n += 3 * (size_t)lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) + 2;
    names->found_count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct header_name *e = &names->entries[i];
        int len = e->token >= 0 ? lws_hdr_total_length(wsi, (enum lws_token_indexes)e->token)
                                : lws_hdr_custom_length(wsi, e->name, (int)e->len);
        if (len <= 0)
            continue;
        names->found[names->found_count++] = (unsigned short)i;
        /* Each further fragment costs a separator, less than its own space and ','. */
        n += e->len + (size_t)len + 4;
    }
    return n;
}

/* Copies the headers behind `o`; the status to refuse with if one is bad. */
static int copy_headers(struct lec_http *h, struct lws *wsi, const struct header_names *names,
                        char *o, char *end)
{
    h->headers.p = o;
    for (size_t i = 0; i < names->found_count; i++) {
        const struct header_name *e = &names->entries[names->found[i]];
        int count = 0;
        char *value = o + e->len;
        memcpy(o, e->name, e->len - 1);
        o[e->len - 1] = '\0';
        if (e->token >= 0) {
            o = copy_values(wsi, (enum lws_token_indexes)e->token, value, end, &count);
            if (o == NULL)
                return 400;
        } else {
            int n = lws_hdr_custom_copy(wsi, value, (int)(end - value), e->name, (int)e->len);
            if (n < 0 || !value_ok(value, (size_t)n))
                return 400;
            struct lec_slice v = lec_slice_trim((struct lec_slice){ value, (size_t)n });
            memmove(value, v.p, v.n);
            o = value + v.n;
            *o++ = '\0';
        }
        if (count > 1 && (e->token == WSI_TOKEN_HTTP_CONTENT_LENGTH || e->token == WSI_TOKEN_HOST))
            return 400;
    }
    h->headers.n = (size_t)(o - h->headers.p);
    return 0;
}

#define LENGTH_HEADER 30 /* bytes of a Content-Length that the library looks at */

/* What decides whether there is a body, and how the connection goes on (RFC 9112, 6 and 9.3). */
static int read_framing(struct lec_http *h, struct lws *wsi)
{
    struct lec_slice connection = lec_http_header(h, "connection");
    struct lec_slice length = lec_http_header(h, "content-length");

    /* Names with a space before the colon are for the library other names. */
    if (lws_hdr_custom_length(wsi, "content-length :", 16) >= 0 ||
        lws_hdr_custom_length(wsi, "transfer-encoding :", 19) >= 0)
        return 400;
    /* A longer one (zeros, spaces) it overlooks, and reads no body, or 100 MB of it. */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > LENGTH_HEADER)
        return 400;
    if (lec_http_header(h, "transfer-encoding").n > 0)
        return 411;
    if (length.n > 0) {
        int rc = lec_request_length(length, &h->body_length);
        if (rc != LEC_OK)
            return rc == LEC_ETOOBIG ? 413 : 400;
    } else if (h->method == LEC_POST || h->method == LEC_PUT || h->method == LEC_PATCH) {
        return 411; /* the library takes a missing length for 100 MB */
    }
    h->body_done = h->body_length == 0;
    h->expect_continue = lec_request_has_token(lec_http_header(h, "expect"), "100-continue");

    char version[16] = "";
    int n = lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_HTTP);
    if (n < 8 || strncmp(version, "HTTP/1.", 7) != 0)
        return 505;
    h->http11 = version[7] != '0';
    if (h->http11 && lec_http_header(h, "host").n == 0)
        return 400;
    /* For 1.0 the library wants the bare word; for 1.1 we may close where it would not. */
    h->keep_alive = h->http11 ? !lec_request_has_token(connection, "close")
                              : lec_slice_is_word(connection, "keep-alive");
    return 0;
}

int request_read(struct conn *c, struct lws *wsi, struct header_names *names, struct lec_http **out)
{
    enum lec_method method = LEC_METHOD_OTHER;
    enum lws_token_indexes uri = WSI_TOKEN_GET_URI;
    *out = NULL;
    if (!read_method(wsi, &method, &uri))
        return 400;

    size_t path = (size_t)lws_hdr_total_length(wsi, uri);
    size_t query = (size_t)lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    size_t tmp_size = (path > query ? path : query) + 1;
    size_t size = measure(wsi, names, path);
    struct lec_http *h = lec_alloc(sizeof *h + size + tmp_size);
    memset(h, 0, sizeof *h);
    h->conn = c;
    h->method = method;
    char *o = h->strings, *end = h->strings + size, *tmp = end;

    int status = 400;
    int n = lws_hdr_copy(wsi, tmp, (int)tmp_size, uri);
    if (n <= 0 || tmp[0] != '/' || memchr(tmp, '\0', (size_t)n) != NULL)
        goto refused;
    h->path.p = o;
    h->path.n = lec_request_encode(o, tmp, (size_t)n, "/!$&'()*+,;=:@");
    o += h->path.n;
    *o++ = '\0';
    h->query.p = o;
    o = copy_query(wsi, o, tmp, (int)tmp_size);
    h->query.n = (size_t)(o - h->query.p);
    *o++ = '\0';
    status = copy_headers(h, wsi, names, o, end);
    if (status == 0)
        status = read_framing(h, wsi);
    if (status != 0)
        goto refused;
    *out = h;
    return 0;
refused:
    free(h);
    return status;
}
