/* Where requests of ours may go. */
#include "net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void knows_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum lec_url want;
    } cases[] = {
        { "https://school.example", LEC_URL_HTTPS },
        { "HTTPS://school.example:8443/a/b?c=d", LEC_URL_HTTPS },
        { "https://localhost/", LEC_URL_HTTPS },
        { "http://school.example/", LEC_URL_HTTP },
        { "http://localhost:3000/x", LEC_URL_LOCAL_HTTP },
        { "http://LocalHost/", LEC_URL_LOCAL_HTTP },
        { "http://127.0.0.1/", LEC_URL_LOCAL_HTTP },
        { "http://127.1.2.3:80/", LEC_URL_LOCAL_HTTP },
        { "http://[::1]:80/", LEC_URL_LOCAL_HTTP },
        { "http://localhost.evil.example/", LEC_URL_HTTP },
        { "http://127.0.0.1.evil.example/", LEC_URL_HTTP },
        { "http://128.0.0.1/", LEC_URL_HTTP },
        { "http://[::2]/", LEC_URL_HTTP },
        { "http://evil.example/#@localhost/", LEC_URL_HTTP },
        { "http://localhost@evil.example/", LEC_URL_BAD },
        { "https://user:password@school.example/", LEC_URL_BAD },
        { "", LEC_URL_BAD },
        { "school.example", LEC_URL_BAD },
        { "/jwks.json", LEC_URL_BAD },
        { "https://", LEC_URL_BAD },
        { "ftp://localhost/", LEC_URL_BAD },
        { "file:///etc/passwd", LEC_URL_BAD },
        { "https://a b/", LEC_URL_BAD },
        { "https://school.example/a\r\nX: y", LEC_URL_BAD },
        { "https://school.example:99999/", LEC_URL_BAD },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (lec_url_kind(cases[i].url) != cases[i].want)
            fail_msg("%s is %d", cases[i].url, lec_url_kind(cases[i].url));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(knows_kinds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
