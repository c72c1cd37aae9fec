#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/origin.h"

static void parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *host; /* scheme NULL: it is none */
        unsigned port;
    } cases[] = {
        { "http://x", "http", "x", 80 },
        { "https://x", "https", "x", 443 },
        { "ws://x", "http", "x", 80 },
        { "WSS://X:443", "https", "X", 443 },
        { "http://x:3001", "http", "x", 3001 },
        { "http://x:", "http", "x", 80 },
        { "http://x/", "http", "x", 80 },
        { "http://127.0.0.1:3001/", "http", "127.0.0.1", 3001 },
        { "http://x:3001/?tenant=7", "http", "x", 3001 },
        { "http://x?a@b", "http", "x", 80 },
        { "http://x#a", "http", "x", 80 },
        { "http://x\\a", "http", "x", 80 },
        { "http://[::1]", "http", "[::1]", 80 },
        { "https://[2001:db8::1]:8443/", "https", "[2001:db8::1]", 8443 },
        { "capacitor://localhost", "capacitor", "localhost", 0 },
        { "app://-", "app", "-", 0 },
        { "file://", "file", "", 0 },
        { "file:///android_asset/www/index.html", "file", "", 0 },
        { "null", "null", "", 0 },
        { "", NULL, NULL, 0 },
        { "x", NULL, NULL, 0 },
        { "x:3001", NULL, NULL, 0 },
        { "://x", NULL, NULL, 0 },
        { "http:/x", NULL, NULL, 0 },
        { "http://", NULL, NULL, 0 },
        { "http:///x", NULL, NULL, 0 },
        { "http://:80", NULL, NULL, 0 },
        { "http://user@x", NULL, NULL, 0 },
        { "http://user:1@x", NULL, NULL, 0 },
        { "http://x:1@evil", NULL, NULL, 0 },
        { "http://x:65536", NULL, NULL, 0 },
        { "http://x:99999999999999999999", NULL, NULL, 0 },
        { "http://x:-1", NULL, NULL, 0 },
        { "http://x:8a", NULL, NULL, 0 },
        { "http://x:80:80", NULL, NULL, 0 },
        { "http://[::1", NULL, NULL, 0 },
        { "http://[::1]x", NULL, NULL, 0 },
        { "http://::1", NULL, NULL, 0 },
        { "http://x, http://y", NULL, NULL, 0 },
        { "http://x/, http://y", NULL, NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_origin o;
        bool ok = lec_origin_parse(&o, lec_slice_str(cases[i].text));
        if (ok != (cases[i].scheme != NULL))
            fail_msg("%s", cases[i].text);
        if (!ok)
            continue;
        assert_true(lec_slice_is_word(o.scheme, cases[i].scheme));
        assert_true(lec_slice_is(o.host, cases[i].host));
        assert_int_equal(o.port, cases[i].port);
    }
    struct lec_origin o;
    assert_false(lec_origin_parse(&o, (struct lec_slice){ NULL, 0 }));
}

static void matches(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *rule;
        bool same;
    } cases[] = {
        { "http://x", "http://x", true },
        { "HTTP://X", "http://x:80/", true },
        { "wss://x", "https://x:443", true },
        { "https://x", "http://x", false },
        { "https://x:80", "http://x", false },
        { "http://x:81", "http://x", false },
        { "http://y", "http://x", false },
        { "http://[::1]:80", "http://[::1]", true },
        { "file:///index.html", "file://", true },
        { "null", "null", true },
        { "null", "file://", false },
        { "app://null", "null", false },
        { "ionic://localhost", "capacitor://localhost", false },
        { "https://a.x.example", "https://*.x.example", true },
        { "https://A.B.X.example", "https://*.x.example", true },
        { "https://a.x.example:8443", "https://*.x.example:8443", true },
        { "https://a.x.example:8443", "https://*.x.example", false },
        { "http://a.x.example", "https://*.x.example", false },
        { "https://x.example", "https://*.x.example", false },
        { "https://.x.example", "https://*.x.example", false },
        { "https://ax.example", "https://*.x.example", false },
        { "https://a.x.example.evil", "https://*.x.example", false },
        { "https://evil/a.x.example", "https://*.x.example", false },
        { "https://*.x.example", "https://a.x.example", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_origin o, rule;
        assert_true(lec_origin_parse(&o, lec_slice_str(cases[i].origin)));
        assert_true(lec_origin_parse(&rule, lec_slice_str(cases[i].rule)));
        if (lec_origin_matches(&o, &rule) != cases[i].same)
            fail_msg("%s %s", cases[i].origin, cases[i].rule);
    }
}

static void is_host(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool own;
    } cases[] = {
        { "http://x", "x", true },
        { "https://x", "x", true },
        { "http://X", "x", true },
        { "http://x:80", "x", true },
        { "http://x", "x:80", true },
        { "https://x:443", "x", true },
        { "https://x", "x:443", true },
        { "wss://x", "x:443", true },
        { "wss://x/", "x", true },
        { "http://127.0.0.1:3001/", "127.0.0.1:3001", true },
        { "http://x:3001/?tenant=7", "x:3001", true },
        { "http://[::1]:3001", "[::1]:3001", true },
        { "http://[::1]", "[::1]", true },
        { "capacitor://localhost", "localhost", true },
        { "http://x", "x:443", false },
        { "https://x", "x:80", false },
        { "http://x:443", "x", false },
        { "http://x:3000", "x:3001", false },
        { "http://x", "x:3001", false },
        { "http://x:3001", "x", false },
        { "http://evil.x", "x", false },
        { "http://x.evil", "x", false },
        { "http://evil", "x@evil", false },
        { "http://evil", "x, evil", false },
        { "http://x", "", false },
        { "http://x", "x/", false },
        { "null", "null", false },
        { "file://", "", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_origin o;
        assert_true(lec_origin_parse(&o, lec_slice_str(cases[i].origin)));
        if (lec_origin_is_host(&o, lec_slice_str(cases[i].host)) != cases[i].own)
            fail_msg("%s %s", cases[i].origin, cases[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(matches),
        cmocka_unit_test(is_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
