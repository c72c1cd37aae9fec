#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy without anything behind it, so that the sanitizer sees a step too far. */
static struct lec_slice exact(struct lec_slice text)
{
    char *copy = malloc(text.n ? text.n : 1);
    if (text.n)
        memcpy(copy, text.p, text.n);
    return (struct lec_slice){ copy, text.n };
}

static int check(struct lec_slice text, unsigned depth)
{
    struct lec_slice copy = exact(text);
    int rc = lec_json_check(copy, depth);
    free((void *)copy.p);
    return rc;
}

#define T(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void accepts(void **state)
{
    (void)state;
    static const struct lec_slice texts[] = {
        T("null"),
        T("true"),
        T("false"),
        T("0"),
        T("-0"),
        T("1"),
        T("-1"),
        T("10"),
        T("1.5"),
        T("-0.0"),
        T("0.10"),
        T("1e5"),
        T("1E5"),
        T("1e+5"),
        T("1e-5"),
        T("1.25E-07"),
        T("0e0"),
        T("0e+1"),
        T("123456789012345678901234567890"),
        T("1e999"),
        T("-1e-999"),
        T("\"\""),
        T("\"a\""),
        T("\"12345678\""),
        T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
        T("\"\\u0000\""),
        T("\"\\uABCD\\uabcd\""),
        T("\"\\ud83d\\ude00\""),
        T("\"\\ud800\""),
        T("\"\\ude00\\ud83d\""),
        T("\"\\ud800\\ud800\\udc00\""),
        T("\"\x7f\""),
        T("\"\xc3\xa4\""),
        T("\"\xe2\x80\xa8\""),
        T("\"\xf0\x9f\x98\x80\""),
        T("\"\xef\xbf\xbf\""),
        T("[]"),
        T("{}"),
        T("[ ]"),
        T("{ }"),
        T("[[]]"),
        T("[{}]"),
        T("[[],[[]]]"),
        T("[1]"),
        T("[1,2]"),
        T(" [ 1 , 2 ] "),
        T("\t[\n1\r,2]\n"),
        T("[null,true,false]"),
        T("[\"a\",\"b\"]"),
        T("{\"a\":1}"),
        T("{\"a\":1,\"b\":[{}]}"),
        T("{\"\":0}"),
        T("{\"a\":1,\"a\":2}"),
        T(" { \"a\" : { \"b\" : [ ] } } "),
        T("[\"]\"]"),
        T("{\"}\":\"{\"}"),
        T("{\"\\u0061\":1}"),
        T("[-0,0.0,-1]"),
        T("[\"\\\\\"]"),
        T("[1,[2,[3,{\"a\":[4]}]]]"),
        T("[\"join_room\",{\"room\":\"course:7\"}]"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (check(texts[i], 16) != LEC_OK)
            fail_msg("refused: %.*s", (int)texts[i].n, texts[i].p);
}

static void refuses(void **state)
{
    (void)state;
    static const struct lec_slice texts[] = {
        T(""),
        T(" "),
        T("\n"),
        T("\0"),
        T("nul"),
        T("nulll"),
        T("Null"),
        T("TRUE"),
        T("tru"),
        T("truefalse"),
        T("true false"),
        T("NaN"),
        T("Infinity"),
        T("-Infinity"),
        T("undefined"),
        T("-"),
        T("+"),
        T("+1"),
        T("01"),
        T("-01"),
        T("00"),
        T("1."),
        T(".5"),
        T("-.5"),
        T("1.e5"),
        T("1e"),
        T("1e+"),
        T("1e-"),
        T("1e1.5"),
        T("1ee5"),
        T("0x10"),
        T("1_000"),
        T("1 2"),
        T("--1"),
        T("-a"),
        T("1a"),
        T("1,2"),
        T("0.1.2"),
        T("0e"),
        T("1\0"),
        T("- 1"),
        T("\xef\xbc\x91"), /* a wide digit */
        T("\""),
        T("\"a"),
        T("\"\\\""),
        T("\"\\"),
        T("\"\\u\""),
        T("\"\\u1\""),
        T("\"\\u12\""),
        T("\"\\u123\""),
        T("\"\\u123g\""),
        T("\"\\u 123\""),
        T("\"\\u-123\""),
        T("\"\\x41\""),
        T("\"\\a\""),
        T("\"\\0\""),
        T("\"\\'\""),
        T("\"\\U0041\""),
        T("\"\\\n\""),
        T("\"\\\0\""),
        T("\"\\u12"),
        T("\"\\ud83d\\"),
        T("\"\\ud83d\\u"),
        T("\"\n\""),
        T("\"\t\""),
        T("\"\0\""),
        T("\"\x1f\""),
        T("\"1234567\x1f\""),
        T("\"\x80\""),
        T("\"\xff\""),
        T("\"\xc0\x80\""),
        T("\"\xc3\""),
        T("\"\xc3"),
        T("\"\xed\xa0\x80\""),
        T("\"\xf4\x90\x80\x80\""),
        T("\"\xf0\x9f\x98\""),
        T("\"\\\xc3\xa4\""),
        T("'a'"),
        T("a"),
        T("\"a\"b"),
        T("\"a\"\"b\""),
        T("[\"\xe2\x82"),
        T("\xc3\xa4"),
        T("["),
        T("]"),
        T("{"),
        T("}"),
        T("[}"),
        T("{]"),
        T("[1"),
        T("[1,"),
        T("[1,]"),
        T("[,1]"),
        T("[,]"),
        T("[1,,2]"),
        T("[1 2]"),
        T("[1;2]"),
        T("[1:2]"),
        T("[\"a\":1]"),
        T("[]]"),
        T("[[]"),
        T("[]["),
        T("[],[]"),
        T("[] []"),
        T("[1}"),
        T("[\"a\"}"),
        T("[{]"),
        T("[,"),
        T("{1:2}"),
        T("{\"a\"}"),
        T("{\"a\":}"),
        T("{\"a\":1,}"),
        T("{,\"a\":1}"),
        T("{\"a\" 1}"),
        T("{\"a\",1}"),
        T("{\"a\":1 \"b\":2}"),
        T("{\"a\":1,,\"b\":2}"),
        T("{a:1}"),
        T("{'a':1}"),
        T("{\"a\":1]"),
        T("{\"a\":1"),
        T("{\"a\":"),
        T("{\"a\""),
        T("{\"a"),
        T("{\"a\"::1}"),
        T("{\"a\":1}}"),
        T("{null:1}"),
        T("{[]:1}"),
        T("{\"a\":1:2}"),
        T("{:1}"),
        T("{\"a\":1};"),
        T("[1]x"),
        T("[1]//"),
        T("/**/[1]"),
        T("[1/**/]"),
        T("\xef\xbb\xbf[1]"),
        T("[1]\0"),
        T("[\v1]"),
        T("[\f1]"),
        T("[\xc2\xa0"
          "1]"),
        T("[\xe2\x80\xa8"
          "1]"),
        T("\x1e[1]"),
        T("[\"a\",\n\"b\"\0]"),
        T("[true,fals]"),
        T("[1e]"),
        T("{\"a\":tru}"),
        T("[-]"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (check(texts[i], 16) != LEC_EPROTO)
            fail_msg("case %zu was taken: %.*s", i, (int)texts[i].n, texts[i].p);
}

/* Every text cut short anywhere is refused, unless the rest alone is a number. */
static void refuses_every_beginning_of_a_text(void **state)
{
    (void)state;
    struct lec_slice text = LEC_SLICE(
        "[\"e\\u00e4v\",{\"a\":[1.5e3,-2],\"\xc3\xa4\":\"\\ud83d\\ude00\"},null,true,false,\"x\"]");
    assert_int_equal(check(text, 16), LEC_OK);
    for (size_t n = 0; n < text.n; n++)
        assert_int_equal(check((struct lec_slice){ text.p, n }, 16), LEC_EPROTO);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(check(LEC_SLICE("1"), 0), LEC_OK);
    assert_int_equal(check(LEC_SLICE("[]"), 0), LEC_ETOOBIG);
    assert_int_equal(check(LEC_SLICE("[]"), 1), LEC_OK);
    assert_int_equal(check(LEC_SLICE("[[]]"), 1), LEC_ETOOBIG);
    assert_int_equal(check(LEC_SLICE("{\"a\":{}}"), 1), LEC_ETOOBIG);
    assert_int_equal(check(LEC_SLICE("[{\"a\":[]},[[]]]"), 3), LEC_OK);

    const char *openers[] = { "[", "{\"a\":", "[{\"a\":" };
    const char *closers[] = { "]", "}", "}]" };
    const unsigned levels[] = { 1, 1, 2 };
    for (size_t kind = 0; kind < 3; kind++) {
        for (unsigned depth = 60; depth <= LEC_JSON_MAX_DEPTH + 2; depth += 2) {
            struct lec_buf b = { 0 };
            for (unsigned i = 0; i < depth; i += levels[kind])
                lec_buf_adds(&b, openers[kind]);
            lec_buf_adds(&b, "1");
            for (unsigned i = 0; i < depth; i += levels[kind])
                lec_buf_adds(&b, closers[kind]);
            assert_int_equal(check(lec_buf_slice(&b), depth),
                             depth <= LEC_JSON_MAX_DEPTH ? LEC_OK : LEC_ETOOBIG);
            assert_int_equal(check(lec_buf_slice(&b), depth - 1), LEC_ETOOBIG);
            assert_int_equal(check(lec_buf_slice(&b), UINT32_MAX),
                             depth <= LEC_JSON_MAX_DEPTH ? LEC_OK : LEC_ETOOBIG);
            lec_buf_fini(&b);
        }
    }
    char deep[100000];
    memset(deep, '[', sizeof(deep));
    assert_int_equal(check((struct lec_slice){ deep, sizeof(deep) }, 256), LEC_ETOOBIG);
}

static void numbers_have_a_limit(void **state)
{
    (void)state;
    char text[LEC_JSON_MAX_NUMBER + 3];
    memset(text, '9', sizeof(text));
    text[0] = '[';
    text[LEC_JSON_MAX_NUMBER + 1] = ']';
    assert_int_equal(check((struct lec_slice){ text, LEC_JSON_MAX_NUMBER + 2 }, 1), LEC_OK);
    text[LEC_JSON_MAX_NUMBER + 1] = '9';
    text[LEC_JSON_MAX_NUMBER + 2] = ']';
    assert_int_equal(check((struct lec_slice){ text, LEC_JSON_MAX_NUMBER + 3 }, 1), LEC_ETOOBIG);
}

static void tells_the_tokens_in_order(void **state)
{
    (void)state;
    static const struct {
        enum lec_json_kind kind;
        const char *text;
        bool escaped;
        size_t offset; /* behind the token */
    } want[] = {
        { LEC_JSON_OBJECT, "{", false, 2 },      { LEC_JSON_KEY, "a", false, 8 },
        { LEC_JSON_ARRAY, "[", false, 10 },      { LEC_JSON_NUMBER, "-1.5e3", false, 17 },
        { LEC_JSON_STRING, "x\\n", true, 24 },   { LEC_JSON_STRING, "", false, 27 },
        { LEC_JSON_TRUE, "true", false, 32 },    { LEC_JSON_FALSE, "false", false, 38 },
        { LEC_JSON_NULL, "null", false, 43 },    { LEC_JSON_ARRAY_END, "]", false, 44 },
        { LEC_JSON_KEY, "\\u0062", true, 54 },   { LEC_JSON_OBJECT, "{", false, 55 },
        { LEC_JSON_OBJECT_END, "}", false, 56 }, { LEC_JSON_OBJECT_END, "}", false, 58 },
        { LEC_JSON_END, "", false, 59 },
    };
    struct lec_slice text =
        exact(LEC_SLICE(" { \"a\" : [ -1.5e3, \"x\\n\",\"\",true,false,null],\"\\u0062\":{} } "));
    struct lec_json j;
    lec_json_init(&j, text, 2);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        struct lec_json_token t;
        assert_int_equal(lec_json_next(&j, &t), LEC_OK);
        assert_int_equal(t.kind, want[i].kind);
        assert_true(lec_slice_is(t.text, want[i].text));
        assert_int_equal(t.escaped, want[i].escaped);
        if (lec_json_offset(&j) != want[i].offset)
            fail_msg("token %zu ends at %zu", i, lec_json_offset(&j));
    }
    free((void *)text.p);
}

static void skips_what_it_opened(void **state)
{
    (void)state;
    struct lec_json j;
    struct lec_json_token t;
    lec_json_init(&j, LEC_SLICE("[[1,[2],{\"a\":[]}],{},7]"), 8);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(t.kind, LEC_JSON_ARRAY);
    assert_int_equal(lec_json_skip(&j), LEC_OK);
    assert_int_equal(lec_json_offset(&j), 17);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(t.kind, LEC_JSON_OBJECT);
    assert_int_equal(lec_json_skip(&j), LEC_OK);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_true(lec_slice_is(t.text, "7"));
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(t.kind, LEC_JSON_ARRAY_END);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(t.kind, LEC_JSON_END);

    lec_json_init(&j, LEC_SLICE("[1,}"), 8);
    assert_int_equal(lec_json_next(&j, &t), LEC_OK);
    assert_int_equal(lec_json_skip(&j), LEC_EPROTO);
}

static void strings_are_resolved(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice text, want;
    } cases[] = {
        { T("\"\""), T("") },
        { T("\"abc\""), T("abc") },
        { T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), T("\"\\/\b\f\n\r\t") },
        { T("\"a\\nb\\nc\""), T("a\nb\nc") },
        { T("\"\\u0041\\u00e4\\u20AC\""), T("A\xc3\xa4\xe2\x82\xac") },
        { T("\"\\u0000\""), T("\0") },
        { T("\"\\ud83d\\ude00\""), T("\xf0\x9f\x98\x80") },
        { T("\"\\uD83D\\uDE00!\""), T("\xf0\x9f\x98\x80!") },
        { T("\"\\udbff\\udfff\""), T("\xf4\x8f\xbf\xbf") },
        { T("\"\\ud800\""), T("\xef\xbf\xbd") },
        { T("\"\\udc00\""), T("\xef\xbf\xbd") },
        { T("\"\\ud800x\""), T("\xef\xbf\xbdx") },
        { T("\"\\ud800\\n\""), T("\xef\xbf\xbd\n") },
        { T("\"\\ud800\\u0041\""), T("\xef\xbf\xbd"
                                     "A") },
        { T("\"\\ud800\\ud83d\\ude00\""), T("\xef\xbf\xbd\xf0\x9f\x98\x80") },
        { T("\"\\ude00\\ud83d\""), T("\xef\xbf\xbd\xef\xbf\xbd") },
        { T("\"12345678\xc3\xa4\\u00e4\xc3\xa4\""), T("12345678\xc3\xa4\xc3\xa4\xc3\xa4") },
        { T("\"\\\\u0041\""), T("\\u0041") },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_json j;
        struct lec_json_token t;
        struct lec_buf b = { 0 };
        struct lec_slice text = exact(cases[i].text);
        lec_json_init(&j, text, 0);
        assert_int_equal(lec_json_next(&j, &t), LEC_OK);
        assert_int_equal(t.kind, LEC_JSON_STRING);
        lec_buf_adds(&b, "x");
        lec_json_string(&b, &t);
        struct lec_slice got = { b.p + 1, b.n - 1 };
        if (!lec_slice_eq(got, cases[i].want))
            fail_msg("%s", cases[i].text.p);
        lec_buf_fini(&b);
        free((void *)text.p);
    }
}

static void numbers_are_the_nearest_double(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        { "0", 0.0 },
        { "-0", -0.0 },
        { "-0.0e5", -0.0 },
        { "0e99999999999999999999", 0.0 },
        { "1", 1 },
        { "-1", -1 },
        { "1.5", 1.5 },
        { "0.1", 0.1 },
        { "0.3", 0.3 },
        { "1e22", 1e22 },
        { "1e23", 1e23 },
        { "123e-2", 1.23 },
        { "1E+2", 100 },
        { "9007199254740991", 9007199254740991.0 },
        { "9007199254740992", 9007199254740992.0 },
        { "9007199254740993", 9007199254740992.0 },
        { "9007199254740993.0000000001", 9007199254740994.0 },
        { "18446744073709551615", 18446744073709551616.0 },
        { "9999999999999999999", 1e19 },
        { "10000000000000000000000000000000", 1e31 },
        { "1.7976931348623157e308", 1.7976931348623157e308 },
        { "1.7976931348623159e308", INFINITY },
        { "-1e999", -INFINITY },
        { "1e99999999999999999999", INFINITY },
        { "5e-324", 5e-324 },
        { "2.4703282292062327e-324", 0.0 },
        { "2.4703282292062328e-324", 5e-324 },
        { "2.2250738585072011e-308", 2.2250738585072011e-308 },
        { "1e-999", 0.0 },
        { "1e-99999999999999999999", 0.0 },
        { "1700000000.123", 1700000000.123 },
        { "0.000000000000000000000000000000000000000000000000001", 1e-51 },
        { "3.141592653589793238462643383279502884197169399375105820974944", 3.141592653589793 },
        { "8.41e+21", 8.41e21 },
        { "7.0420557077594588669468784357561207962098443483187940792729600000e+59",
          7.0420557077594588669468784357561207962098443483187940792729600000e+59 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_json j;
        struct lec_json_token t;
        lec_json_init(&j, lec_slice_str(cases[i].text), 0);
        assert_int_equal(lec_json_next(&j, &t), LEC_OK);
        double got = lec_json_number(&t);
        if (got != cases[i].want || signbit(got) != signbit(cases[i].want))
            fail_msg("%s is %.17g", cases[i].text, got);
    }
}

/* Random texts of all forms against the C library. */
static void numbers_agree_with_strtod(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        char text[80];
        int n = sprintf(text, "%s%d", i % 2 ? "-" : "", rand() % 10);
        if (text[n - 1] != '0')
            for (int k = rand() % 22; k > 0; k--)
                text[n++] = (char)('0' + rand() % 10);
        if (rand() % 2) {
            text[n++] = '.';
            for (int k = rand() % 24; k >= 0; k--)
                text[n++] = (char)('0' + rand() % 10);
        }
        if (rand() % 2)
            n += sprintf(text + n, "%c%s%d", "eE"[rand() % 2], rand() % 2 ? "-" : "", rand() % 330);
        text[n] = '\0';
        struct lec_json j;
        struct lec_json_token t;
        lec_json_init(&j, (struct lec_slice){ text, (size_t)n }, 0);
        assert_int_equal(lec_json_next(&j, &t), LEC_OK);
        assert_int_equal(t.text.n, n);
        if (lec_json_number(&t) != strtod(text, NULL))
            fail_msg("%s is %.17g", text, lec_json_number(&t));
    }
}

static void finds_members(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *want; /* NULL: not found */
    } cases[] = {
        { "{}", "a", NULL },
        { "{\"a\":1}", "a", "1" },
        { " { \"a\" : \"x\\n\" , \"b\":2}", "a", "\"x\\n\"" },
        { "{\"b\":{\"a\":1},\"a\": [1, {\"a\":2}] }", "a", "[1, {\"a\":2}]" },
        { "{\"b\":{\"a\":1}}", "a", NULL },
        { "{\"a\":1,\"a\":2}", "a", "2" },
        { "{\"\\u0061\":1}", "a", "1" },
        { "{\"a\\u00e4\":1}", "a\xc3\xa4", "1" },
        { "{\"\\u0061b\":1}", "a", NULL },
        { "{\"\\u0061\":1}", "ab", NULL },
        { "{\"ab\":1,\"\":2}", "", "2" },
        { "{\"a\\u0000\":1}", "a", NULL },
        { "{\"a\":null}", "a", "null" },
        { "{\"a\":{}}", "a", "{}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_slice value = { 0 };
        int rc = lec_json_member(lec_slice_str(cases[i].text), cases[i].key, &value);
        assert_int_equal(rc, cases[i].want ? LEC_OK : LEC_ENOTFOUND);
        if (cases[i].want && !lec_slice_is(value, cases[i].want))
            fail_msg("%s: %.*s", cases[i].text, (int)value.n, value.p);
    }
    struct lec_slice value;
    const char *bad[] = { "", "1", "[]", "\"a\"", "{\"a\":1", "{\"a\":1}x", "{\"a\":1,}" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(lec_json_member(lec_slice_str(bad[i]), "a", &value), LEC_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_every_beginning_of_a_text),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(numbers_have_a_limit),
        cmocka_unit_test(tells_the_tokens_in_order),
        cmocka_unit_test(skips_what_it_opened),
        cmocka_unit_test(strings_are_resolved),
        cmocka_unit_test(numbers_are_the_nearest_double),
        cmocka_unit_test(numbers_agree_with_strtod),
        cmocka_unit_test(finds_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
