#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define T(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void strings(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice plain, text;
    } cases[] = {
        { T(""), T("\"\"") },
        { T("abc"), T("\"abc\"") },
        { T("a/b"), T("\"a/b\"") },
        { T("\"\\"), T("\"\\\"\\\\\"") },
        { T("\b\f\n\r\t"), T("\"\\b\\f\\n\\r\\t\"") },
        { T("\0\x01\x1f\x7f"), T("\"\\u0000\\u0001\\u001f\x7f\"") },
        { T("a\nb\nc"), T("\"a\\nb\\nc\"") },
        { T("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
          T("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"") },
        { T("</script>\xe2\x80\xa8"), T("\"</script>\xe2\x80\xa8\"") },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        assert_int_equal(lec_json_put_string(&b, cases[i].plain.p, cases[i].plain.n), LEC_OK);
        if (!lec_slice_eq(lec_buf_slice(&b), cases[i].text))
            fail_msg("case %zu: %s", i, lec_buf_str(&b));
        lec_buf_fini(&b);
    }
}

static void strings_that_are_not_utf8(void **state)
{
    (void)state;
    static const struct lec_slice cases[] = { T("\xff"),
                                              T("a\x80"),
                                              T("abc\xc3"),
                                              T("\xc0\xaf"),
                                              T("\xed\xa0\x80"),
                                              T("\n\xf5"),
                                              T("\xe2\x82"
                                                "a"),
                                              T("\xf4\x90\x80\x80") };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        lec_buf_adds(&b, "[");
        assert_int_equal(lec_json_put_string(&b, cases[i].p, cases[i].n), LEC_EPROTO);
        assert_string_equal(lec_buf_str(&b), "[");
        lec_buf_fini(&b);
    }
}

static void strings_come_back(void **state)
{
    (void)state;
    char all[128];
    for (int i = 0; i < 128; i++)
        all[i] = (char)i;
    for (size_t n = 0; n <= sizeof(all); n++) {
        struct lec_buf text = { 0 }, back = { 0 };
        struct lec_json j;
        struct lec_json_token t;
        assert_int_equal(lec_json_put_string(&text, all, n), LEC_OK);
        lec_json_init(&j, lec_buf_slice(&text), 0);
        assert_int_equal(lec_json_next(&j, &t), LEC_OK);
        lec_json_string(&back, &t);
        assert_int_equal(back.n, n);
        assert_true(lec_slice_eq(lec_buf_slice(&back), (struct lec_slice){ all, n }));
        lec_buf_fini(&text);
        lec_buf_fini(&back);
    }
}

static void numbers_as_ecmascript_prints_them(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 1, "1" },
        { -1, "-1" },
        { 123, "123" },
        { 0.1, "0.1" },
        { -0.1, "-0.1" },
        { 0.5, "0.5" },
        { 1.5, "1.5" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" },
        { 100.25, "100.25" },
        { 87.5, "87.5" },
        { 0.123456, "0.123456" },
        { 0.1234567, "0.1234567" },
        { 999999999.999999, "999999999.999999" },
        { 1000000000.5, "1000000000.5" },
        { 123456789012.345, "123456789012.345" },
        { 999999999999.999, "999999999999.999" },
        { 1234567890123.25, "1234567890123.25" },
        { 1700000000.123, "1700000000.123" },
        { 9007199254740991.0, "9007199254740991" },
        { -9007199254740991.0, "-9007199254740991" },
        { 9007199254740992.0, "9007199254740992" },
        { 9007199254740994.0, "9007199254740994" },
        { 1e17, "100000000000000000" },
        { 123456789012345680000.0, "123456789012345680000" },
        { 1e20, "100000000000000000000" },
        { 1e21, "1e+21" },
        { 1.5e21, "1.5e+21" },
        { -1e21, "-1e+21" },
        { 1e100, "1e+100" },
        { 0.001, "0.001" },
        { 0.000001, "0.000001" },
        { 0.00000123, "0.00000123" },
        { 1e-7, "1e-7" },
        { 1.25e-7, "1.25e-7" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 5e-324, "5e-324" },
        { 1e-323, "1e-323" },
        { 1.2e-310, "1.2e-310" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        lec_json_put_number(&b, cases[i].d);
        assert_string_equal(lec_buf_str(&b), cases[i].text);
        lec_buf_fini(&b);
    }
}

static void assert_comes_back(double d)
{
    struct lec_buf b = { 0 };
    struct lec_json j;
    struct lec_json_token t;
    lec_json_put_number(&b, d);
    lec_json_init(&j, lec_buf_slice(&b), 0);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(t.kind, LEC_JSON_NUMBER);
    assert_int_equal(t.text.n, b.n);
    if (lec_json_number(&t) != d)
        fail_msg("%.17g became %s", d, lec_buf_str(&b));
    lec_buf_fini(&b);
}

static void numbers_come_back(void **state)
{
    (void)state;
    srand(2);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = 0;
        for (int k = 0; k < 5; k++)
            bits = bits << 15 ^ (uint64_t)rand();
        double d;
        memcpy(&d, &bits, sizeof(d));
        if (isfinite(d))
            assert_comes_back(d);
        assert_comes_back((double)(rand() % 2000000 - 1000000) / 1000);
    }
    for (int e = -1074; e < 1024; e++)
        assert_comes_back(ldexp(1, e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),           cmocka_unit_test(strings_that_are_not_utf8),
        cmocka_unit_test(strings_come_back), cmocka_unit_test(numbers_as_ecmascript_prints_them),
        cmocka_unit_test(numbers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
