/* Cross-origin rules. Pure: what is written depends on the configuration and the request only. */
#include "net/cors.h"

#include <strings.h>

#include "net/http.h"

/* Takes the next origin off a configured list; empty at its end. A final '/', which people copy
 * along with an address, is no part of an origin (RFC 6454, 6.2). */
static struct lec_slice next_origin(const char **list)
{
    const char *p = *list + strspn(*list, ", \t");
    size_t n = strcspn(p, ", \t");
    *list = p + n;
    if (n > 1 && p[n - 1] == '/')
        n--;
    return (struct lec_slice){ p, n };
}

/* The number of configured origins, and whether the given one is among them. */
static unsigned match(const char *origins, struct lec_slice origin, bool *found)
{
    unsigned n = 0;
    *found = false;
    for (struct lec_slice o = next_origin(&origins); o.n > 0; o = next_origin(&origins)) {
        n++;
        if (o.n == origin.n && strncasecmp(o.p, origin.p, o.n) == 0)
            *found = true;
    }
    return n;
}

static bool is_any(const char *origins)
{
    return lec_slice_is(next_origin(&origins), "*");
}

static bool is_own(struct lec_slice origin, struct lec_slice host)
{
    const char *scheme = memmem(origin.p, origin.n, "://", 3);
    if (scheme == NULL || host.n == 0)
        return false;
    size_t skip = (size_t)(scheme - origin.p) + 3;
    return origin.n - skip == host.n && strncasecmp(origin.p + skip, host.p, host.n) == 0;
}

bool lec_cors_allowed(const struct lec_cors *cors, const struct lec_http *http)
{
    struct lec_slice origin = lec_http_header(http, "origin");
    bool found;
    if (origin.n == 0 || is_any(cors->origins) || is_own(origin, lec_http_header(http, "host")))
        return true;
    match(cors->origins, origin, &found);
    return found;
}

/* The lines but Vary, whose value is returned. */
static const char *put_origin(const struct lec_cors *cors, const struct lec_http *http,
                              struct lec_buf *out)
{
    struct lec_slice origin = lec_http_header(http, "origin");
    const char *list = cors->origins;
    struct lec_slice named = next_origin(&list);
    bool found;
    if (is_any(cors->origins)) {
        lec_buf_adds(out, "Access-Control-Allow-Origin: *\r\n");
        return NULL;
    }
    if (match(cors->origins, origin, &found) > 1) {
        if (!found)
            return "Origin";
        named = origin;
    }
    lec_buf_adds(out, "Access-Control-Allow-Origin: ");
    lec_buf_add(out, named.p, named.n);
    lec_buf_adds(out, "\r\nAccess-Control-Allow-Credentials: true\r\n");
    return "Origin";
}

static bool is_off(const struct lec_cors *cors)
{
    const char *list = cors->origins;
    return next_origin(&list).n == 0;
}

void lec_cors_headers(const struct lec_cors *cors, const struct lec_http *http, struct lec_buf *out)
{
    if (is_off(cors))
        return;
    const char *vary = put_origin(cors, http, out);
    if (vary != NULL)
        lec_buf_printf(out, "Vary: %s\r\n", vary);
}

bool lec_cors_preflight(const struct lec_cors *cors, struct lec_http *http)
{
    if (is_off(cors) || lec_http_method(http) != LEC_OPTIONS)
        return false;
    struct lec_slice wanted = lec_http_header(http, "access-control-request-headers");
    struct lec_buf out = { 0 };
    const char *vary = put_origin(cors, http, &out);
    lec_buf_printf(&out, "Vary: %s%sAccess-Control-Request-Headers\r\n", vary ? vary : "",
                   vary ? ", " : "");
    lec_buf_adds(&out, "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n");
    if (wanted.n > 0) {
        lec_buf_adds(&out, "Access-Control-Allow-Headers: ");
        lec_buf_add(&out, wanted.p, wanted.n);
        lec_buf_adds(&out, "\r\n");
    }
    lec_http_answer(http, &(struct lec_reply){ .status = 204, .headers = lec_buf_slice(&out) });
    lec_buf_fini(&out);
    return true;
}
