/* Cross-origin rules. Pure: what is written depends on the configuration and the request only. */
#include "net/cors.h"

#include "net/http.h"
#include "net/origin.h"

/* Takes the next origin off a configured list; empty at its end. */
static struct lec_slice next_origin(const char **list)
{
    const char *p = *list + strspn(*list, ", \t");
    size_t n = strcspn(p, ", \t");
    *list = p + n;
    return (struct lec_slice){ p, n };
}

static bool is_any(const char *origins)
{
    return lec_slice_is(next_origin(&origins), "*");
}

/* The origin that is named in every answer, whoever asks: the only one of the list, unless it stands
 * for several. Else empty. */
static struct lec_slice only_origin(const char *origins)
{
    struct lec_slice first = next_origin(&origins);
    if (first.n == 0 || memchr(first.p, '*', first.n) != NULL || next_origin(&origins).n > 0)
        return (struct lec_slice){ NULL, 0 };
    return first;
}

static bool is_listed(const char *origins, const struct lec_origin *origin)
{
    struct lec_origin rule;
    for (struct lec_slice o = next_origin(&origins); o.n > 0; o = next_origin(&origins))
        if (lec_origin_parse(&rule, o) && lec_origin_matches(origin, &rule))
            return true;
    return false;
}

bool lec_cors_allowed(const struct lec_cors *cors, const struct lec_http *http)
{
    struct lec_slice text = lec_http_header(http, "origin");
    struct lec_origin origin;
    if (text.n == 0 || is_any(cors->origins))
        return true;
    return lec_origin_parse(&origin, text) &&
           (lec_origin_is_host(&origin, lec_http_header(http, "host")) ||
            is_listed(cors->origins, &origin));
}

/* The lines but Vary, whose value is returned. */
static const char *put_origin(const struct lec_cors *cors, const struct lec_http *http,
                              struct lec_buf *out)
{
    struct lec_slice named = only_origin(cors->origins);
    struct lec_origin origin;
    if (is_any(cors->origins)) {
        lec_buf_adds(out, "Access-Control-Allow-Origin: *\r\n");
        return NULL;
    }
    if (named.n == 0) {
        named = lec_http_header(http, "origin");
        if (!lec_origin_parse(&origin, named) || !is_listed(cors->origins, &origin))
            return "Origin";
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
    lec_buf_adds(&out, "Content-Length: 0\r\n"); /* as npm's: Safari waits for a body without it */
    lec_http_answer(http, &(struct lec_reply){ .status = 204, .headers = lec_buf_slice(&out) });
    lec_buf_fini(&out);
    return true;
}
