#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/origins.h"

static void in_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tidy;
    } cases[] = {
        { "", "" },
        { " , ", "" },
        { "*", "*" },
        { "https://school.example", "https://school.example" },
        { "https://school.example/", "https://school.example" },
        { "https://school.example,", "https://school.example" },
        { " https://a.example ,https://b.example/,", "https://a.example, https://b.example" },
        { "HTTPS://School.Example", "https://school.example" },
        { "https://school.example:443", "https://school.example" },
        { "http://school.example:80/", "http://school.example" },
        { "https://school.example:80", "https://school.example:80" },
        { "http://localhost:03000", "http://localhost:3000" },
        { "http://127.0.0.1:3000", "http://127.0.0.1:3000" },
        { "http://[::1]:3000", "http://[::1]:3000" },
        { "http://[0:0:0:0:0:0:0:1]", "http://[::1]" },
        { "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]" },
        { "http://[::255.255.255.255]:80", "http://[::ffff:ffff]" },
        { "https://xn--schle-kva.example", "https://xn--schle-kva.example" },
        { "https://my_school.example", "https://my_school.example" },
        { "https://school.example.", "https://school.example." },
        { "https://2school.1a", "https://2school.1a" },
        { "https://*.school.example", "https://*.school.example" },
        { "https://*.School.example:443", "https://*.school.example" },
        { "http://*.localhost:3000", "http://*.localhost:3000" },
        { "file://", "file://" },
        { "file:///", "file://" },
        { "null, file://", "null, file://" },
        { "NULL", "null" },
        { "capacitor://localhost", "capacitor://localhost" },
        { "ionic://localhost:8080", "ionic://localhost:8080" },
        { "app://.", "app://." },
        { "chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf out = { 0 }, why = { 0 };
        if (!lec_origins_tidy(cases[i].text, &out, &why))
            fail_msg("%s", lec_buf_str(&why));
        assert_string_equal(lec_buf_str(&out), cases[i].tidy);
        assert_int_equal(why.n, 0);
        lec_buf_fini(&out);
        lec_buf_fini(&why);
    }
}

#define NO_SCHEME "it lacks a scheme: write "
#define NO_MORE   "an origin is no more than scheme, host and port: write "
#define NO_PORT   "its port is a number from 1 to 65535, or is left out"
#define NO_HOST                                                                                    \
    "no browser sends such a host: give origins like https://school.example, separated by commas"
#define NO_STAR                                                                                    \
    "a star stands for all that is in front of a domain: write it as in https://*.school.example"

static void complaints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *entry, *what; /* entry NULL: the text */
    } cases[] = {
        { "school.example", NULL, NO_SCHEME "https://school.example" },
        { "https://a.example, school.example/app", "school.example/app",
          NO_SCHEME "https://school.example" },
        { "*.school.example", NULL, NO_SCHEME "https://*.school.example" },
        { "//school.example", NULL, NO_SCHEME "https://school.example" },
        { "https:/school.example", NULL, NO_SCHEME "https://school.example" },
        { "localhost:3000", NULL, NO_SCHEME "http://localhost:3000" },
        { "127.0.0.1:3000/", NULL, NO_SCHEME "http://127.0.0.1:3000" },
        { "://x", NULL, NO_SCHEME "https://x" },
        { "htp://x", NULL, "its scheme is not spelled right: write http://x" },
        { "htps://x/app", NULL, "its scheme is not spelled right: write https://x" },
        { "wss://x", NULL,
          "an origin has the scheme of the page, not of its WebSocket: write https://x" },
        { "ws://x:3001/chat", NULL,
          "an origin has the scheme of the page, not of its WebSocket: write http://x:3001" },
        { "ftp://x", NULL, "no page has an origin of this scheme: write https://x" },
        { "https://x/path", NULL, NO_MORE "https://x" },
        { "https://x//", NULL, NO_MORE "https://x" },
        { "http://x:3000?a=b", NULL, NO_MORE "http://x:3000" },
        { "https://x#a", NULL, NO_MORE "https://x" },
        { "https://user:secret@x/", NULL, NO_MORE "https://x" },
        { "capacitor://localhost/index.html", NULL, NO_MORE "capacitor://localhost" },
        { "file:///var/www/index.html", NULL, "all pages of files have one origin: write file://" },
        { "https://", NULL, "it lacks a host: give origins like https://school.example" },
        { "https://:443", NULL, "it lacks a host: give origins like https://school.example" },
        { "capacitor://", NULL, "it lacks a host: give origins like https://school.example" },
        { "https://x:65536", NULL, NO_PORT },
        { "https://x:0", NULL, NO_PORT },
        { "https://x:", NULL, NO_PORT },
        { "https://x:*", NULL, NO_PORT },
        { "https://x:99999999999999999999", NULL, NO_PORT },
        { "https://sch\xc3\xbcle.example", NULL,
          "browsers send such a name in ASCII, as its \"xn--\" form: write that" },
        { "http://a.example http://b.example", NULL,
          "give origins like https://school.example, separated by commas" },
        { "https://a..example", NULL, NO_HOST },
        { "https://a;b", NULL, NO_HOST },
        { "https://127.1", NULL, NO_HOST },
        { "https://256.0.0.1", NULL, NO_HOST },
        { "https://[::1", NULL, "there is no IPv6 address in its brackets" },
        { "https://[x]", NULL, "there is no IPv6 address in its brackets" },
        { "https://*", NULL, NO_STAR },
        { "https://*.", NULL, NO_STAR },
        { "https://*school.example", NULL, NO_STAR },
        { "https://a.*.example", NULL, NO_STAR },
        { "https://*.*.example", NULL, NO_STAR },
        { "https://*.0.0.1", NULL, NO_STAR },
        { "app://*.x", NULL, NO_STAR },
        { "*, https://x", NULL, "* lets in every origin, and stands alone" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf out = { 0 }, why = { 0 }, want = { 0 };
        const char *entry = cases[i].entry ? cases[i].entry : cases[i].text;
        lec_buf_printf(&want, "\"%s\" is not allowed; %s", entry, cases[i].what);
        if (lec_origins_tidy(cases[i].text, &out, &why))
            fail_msg("%s was taken", cases[i].text);
        assert_string_equal(lec_buf_str(&why), lec_buf_str(&want));
        lec_buf_fini(&out);
        lec_buf_fini(&why);
        lec_buf_fini(&want);
    }
}

static void long_ones_are_cut(void **state)
{
    (void)state;
    char text[4096];
    struct lec_buf out = { 0 }, why = { 0 };
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(lec_origins_tidy(text, &out, &why));
    assert_true(why.n < 256);
    memcpy(text, "https://", 8);
    assert_false(lec_origins_tidy(text, &out, &why));
    memcpy(text + sizeof text - 1 - 8, "://x.com", 8);
    memset(text, 'x', 8);
    assert_false(lec_origins_tidy(text, &out, &why));
    lec_buf_fini(&out);
    lec_buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_form),
        cmocka_unit_test(complaints),
        cmocka_unit_test(long_ones_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
