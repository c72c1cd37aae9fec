/* Where requests of ours may go. */
#include "net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
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

/* As the library that makes the request reads it, whatever a handler took it for. */
static void knows_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host; /* NULL: none */
        unsigned port;
    } cases[] = {
        { "http://School.example/", "School.example", 80 },
        { "https://school.example./x", "school.example", 443 },
        { "https://school.example:8443", "school.example", 8443 },
        { "http://0x7f000001/", "127.0.0.1", 80 },
        { "http://2130706433/", "127.0.0.1", 80 },
        { "http://127.1/", "127.0.0.1", 80 },
        { "http://0177.0.0.1/", "127.0.0.1", 80 },
        { "http://[::FFFF:127.0.0.1]:81/", "::ffff:127.0.0.1", 81 },
        { "http://[fe80::1%25eth0]/", "fe80::1", 80 },
        { "http://a.example@b.example/", "b.example", 80 },
        { "http://a.example#@b.example/", "a.example", 80 },
        { "http://%61.example/", "a.example", 80 },
        { "nonsense", NULL, 0 },
        { "http:///", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[LEC_HOST_SIZE];
        unsigned port;
        if (lec_url_host(cases[i].url, host, &port) != (cases[i].host != NULL))
            fail_msg("%s", cases[i].url);
        if (!cases[i].host)
            continue;
        assert_int_equal(strcasecmp(host, cases[i].host), 0);
        assert_int_equal(port, cases[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(knows_kinds),
                                        cmocka_unit_test(knows_hosts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
