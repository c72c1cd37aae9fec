/* The cross-origin rules, against what npm's cors sends. The exchange is a stand-in: headers from
 * a table, the answer kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "net/cors.h"

struct lec_http {
    enum lec_method method;
    const char *origin, *host, *request_headers;
    unsigned status;
    struct lec_buf answer;
};

struct lec_slice lec_http_header(const struct lec_http *http, const char *name)
{
    if (strcmp(name, "origin") == 0)
        return lec_slice_str(http->origin);
    if (strcmp(name, "host") == 0)
        return lec_slice_str(http->host);
    if (strcmp(name, "access-control-request-headers") == 0)
        return lec_slice_str(http->request_headers);
    return (struct lec_slice){ NULL, 0 };
}

enum lec_method lec_http_method(const struct lec_http *http)
{
    return http->method;
}

void lec_http_answer(struct lec_http *http, const struct lec_reply *reply)
{
    http->status = reply->status;
    lec_buf_add(&http->answer, reply->headers.p, reply->headers.n);
}

#define ONE  "http://good.com"
#define LIST "https://a.example, http://localhost:3000/,http://b.example"

#define WILD "https://*.school.example"

#define NAMED(o) "Access-Control-Allow-Origin: " o "\r\nAccess-Control-Allow-Credentials: true\r\n"

static void allowed(void **state)
{
    static const struct {
        const char *origins, *origin, *host;
        bool allowed;
    } table[] = {
        { "", NULL, "x", true }, /* no page */
        { "", "http://x", "x", true },
        { "", "https://x:8443", "x:8443", true },
        { "", "http://X", "x", true },
        { "", "http://x:80", "x", true },
        { "", "https://x", "x", true }, /* a proxy took TLS off */
        { "", "wss://x", "x:443", true },
        { "", "http://x:3001/?tenant=7", "x:3001", true },
        { "", "http://x:443", "x", false },
        { "", "http://evil.x", "x", false },
        { "", "http://x.evil", "x", false },
        { "", "null", "x", false },
        { "", "x", "x", false },
        { "", "http://", "", false },
        { ONE, "http://good.com", "x", true },
        { ONE, "HTTP://Good.com", "x", true },
        { ONE, "ws://good.com:80/chat", "x", true },
        { ONE, "http://good.com:81", "x", false },
        { ONE, "https://good.com", "x", false },
        { ONE, "http://user@good.com", "x", false },
        { ONE, "http://good.com, http://evil.com", "x", false },
        { "file://, null", "file://", "x", true },
        { "file://, null", "null", "x", true },
        { "file://", "null", "x", false },
        { WILD, "https://a.b.school.example", "x", true },
        { WILD, "https://school.example", "x", false },
        { ONE, "http://good.com.evil", "x", false },
        { ONE, "http://good.co", "x", false },
        { ONE, "http://x", "x", true },
        { "http://good.com/", "http://good.com", "x", true },
        { "http://good.com,", "http://good.com", "x", true },
        { LIST, "http://localhost:3000", "x", true },
        { LIST, "http://b.example", "x", true },
        { LIST, "http://a.example", "x", false },
        { LIST, "https://a.example, http://localhost:3000", "x", false },
        { "*", "http://anything", "x", true },
        { "*", "null", "x", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_http http = { .origin = table[i].origin, .host = table[i].host };
        assert_int_equal(lec_cors_allowed(&(struct lec_cors){ table[i].origins }, &http),
                         table[i].allowed);
    }
}

static void headers(void **state)
{
    static const struct {
        const char *origins, *origin, *lines;
    } table[] = {
        { "", "http://good.com", "" },
        { " , ", "http://good.com", "" },
        { "*", "http://good.com", "Access-Control-Allow-Origin: *\r\n" },
        { "*", NULL, "Access-Control-Allow-Origin: *\r\n" },
        { ONE, "http://good.com", NAMED("http://good.com") "Vary: Origin\r\n" },
        { ONE, "http://evil.com", NAMED("http://good.com") "Vary: Origin\r\n" },
        { ONE, NULL, NAMED("http://good.com") "Vary: Origin\r\n" },
        { LIST, "http://localhost:3000", NAMED("http://localhost:3000") "Vary: Origin\r\n" },
        { LIST, "http://evil.com", "Vary: Origin\r\n" },
        { LIST, NULL, "Vary: Origin\r\n" },
        { WILD, "https://a.school.example", NAMED("https://a.school.example") "Vary: Origin\r\n" },
        { WILD, "https://school.example", "Vary: Origin\r\n" },
        { WILD, NULL, "Vary: Origin\r\n" },
        { "null", "http://evil.com", NAMED("null") "Vary: Origin\r\n" },
        { "null, file://", "file://", NAMED("file://") "Vary: Origin\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_http http = { .origin = table[i].origin, .host = "x" };
        struct lec_buf out = { 0 };
        lec_cors_headers(&(struct lec_cors){ table[i].origins }, &http, &out);
        assert_string_equal(lec_buf_str(&out), table[i].lines);
        lec_buf_fini(&out);
    }
}

static void preflight(void **state)
{
#define METHODS "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
    static const struct {
        const char *origins, *origin, *wanted, *lines;
    } table[] = {
        { ONE, "http://good.com", "content-type,x-a",
          NAMED("http://good.com") "Vary: Origin, Access-Control-Request-Headers\r\n" METHODS
                                   "Access-Control-Allow-Headers: content-type,x-a\r\n" },
        { ONE, "http://good.com", NULL,
          NAMED("http://good.com") "Vary: Origin, Access-Control-Request-Headers\r\n" METHODS },
        { LIST, "http://evil.com", "x-a",
          "Vary: Origin, Access-Control-Request-Headers\r\n" METHODS
          "Access-Control-Allow-Headers: x-a\r\n" },
        { "*", "http://evil.com", "x-a",
          "Access-Control-Allow-Origin: *\r\nVary: Access-Control-Request-Headers\r\n" METHODS
          "Access-Control-Allow-Headers: x-a\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_http http = { .method = LEC_OPTIONS,
                                 .origin = table[i].origin,
                                 .host = "x",
                                 .request_headers = table[i].wanted };
        assert_true(lec_cors_preflight(&(struct lec_cors){ table[i].origins }, &http));
        assert_int_equal(http.status, 204);
        char expected[512];
        snprintf(expected, sizeof expected, "%sContent-Length: 0\r\n", table[i].lines);
        assert_string_equal(lec_buf_str(&http.answer), expected);
        lec_buf_fini(&http.answer);
    }
    struct lec_http off = { .method = LEC_OPTIONS, .origin = "http://good.com", .host = "x" };
    assert_false(lec_cors_preflight(&(struct lec_cors){ "" }, &off));
    struct lec_http get = { .method = LEC_GET, .origin = "http://good.com", .host = "x" };
    assert_false(lec_cors_preflight(&(struct lec_cors){ ONE }, &get));
    assert_int_equal(off.status + get.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed),
        cmocka_unit_test(headers),
        cmocka_unit_test(preflight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
