#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/slice.h"

static void edges(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct lec_slice text;
        bool valid;
    } cases[] = {
        { "empty", { "", 0 }, true },
        { "NUL", { "\0", 1 }, true },
        { "last of one byte", { "\x7f", 1 }, true },
        { "lone tail", { "\x80", 1 }, false },
        { "lone last tail", { "\xbf", 1 }, false },
        { "overlong NUL", { "\xc0\x80", 2 }, false },
        { "overlong slash", { "\xc1\xaf", 2 }, false },
        { "first of two bytes", { "\xc2\x80", 2 }, true },
        { "last of two bytes", { "\xdf\xbf", 2 }, true },
        { "two bytes cut", { "\xc2", 1 }, false },
        { "two bytes, second no tail", { "\xc2\x41", 2 }, false },
        { "two bytes, second a head", { "\xc2\xc2", 2 }, false },
        { "overlong in three", { "\xe0\x9f\xbf", 3 }, false },
        { "first of three bytes", { "\xe0\xa0\x80", 3 }, true },
        { "three bytes cut", { "\xe2\x82", 2 }, false },
        { "three bytes, third no tail", { "\xe2\x82\x28", 3 }, false },
        { "last before surrogates", { "\xed\x9f\xbf", 3 }, true },
        { "first surrogate", { "\xed\xa0\x80", 3 }, false },
        { "last surrogate", { "\xed\xbf\xbf", 3 }, false },
        { "first behind surrogates", { "\xee\x80\x80", 3 }, true },
        { "U+FFFF", { "\xef\xbf\xbf", 3 }, true },
        { "overlong in four", { "\xf0\x8f\xbf\xbf", 4 }, false },
        { "first of four bytes", { "\xf0\x90\x80\x80", 4 }, true },
        { "four bytes cut", { "\xf0\x9f\x98", 3 }, false },
        { "four bytes, fourth no tail", { "\xf0\x9f\x98\x20", 4 }, false },
        { "last code point", { "\xf4\x8f\xbf\xbf", 4 }, true },
        { "past the last", { "\xf4\x90\x80\x80", 4 }, false },
        { "F5", { "\xf5\x80\x80\x80", 4 }, false },
        { "five bytes", { "\xf8\x88\x80\x80\x80", 5 }, false },
        { "FE", { "\xfe", 1 }, false },
        { "FF", { "\xff", 1 }, false },
        { "CESU-8 pair", { "\xed\xa0\xbd\xed\xb8\x80", 6 }, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* At every distance from the eight byte steps, and between plain text. */
        for (size_t before = 0; before < 20; before++) {
            for (size_t after = 0; after < 10; after += 9) {
                char text[64];
                size_t n = cases[i].text.n;
                memset(text, 'a', sizeof(text));
                memcpy(text + before, cases[i].text.p, n);
                if (lec_utf8_valid(text, before + n + after) != cases[i].valid)
                    fail_msg("%s, %zu before, %zu after", cases[i].what, before, after);
            }
        }
    }
}

static void every_code_point_and_back(void **state)
{
    (void)state;
    for (unsigned cp = 0; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        char text[4];
        size_t n = lec_utf8_put(text, cp);
        if (n != (cp < 0x80      ? 1u
                  : cp < 0x800   ? 2u
                  : cp < 0x10000 ? 3u
                                 : 4u) ||
            lec_utf8_len(text, n) != n)
            fail_msg("U+%04X", cp);
        unsigned back = (unsigned char)text[0];
        if (n > 1)
            back &= 0x7fu >> n;
        for (size_t i = 1; i < n; i++)
            back = back << 6 | ((unsigned char)text[i] & 0x3f);
        if (back != cp)
            fail_msg("U+%04X came back as U+%04X", cp, back);
    }
}

static void length_looks_at_the_first_character_only(void **state)
{
    (void)state;
    assert_int_equal(lec_utf8_len("a\xff", 2), 1);
    assert_int_equal(lec_utf8_len("\xc3\xa4\xff", 3), 2);
    assert_int_equal(lec_utf8_len("\xf0\x9f\x98\x80\xff", 5), 4);
    assert_int_equal(lec_utf8_len("\xf0\x9f\x98\x80", 3), 0);
}

/* A text cut anywhere begins like valid text exactly if some bytes behind it make it valid. */
static void beginnings(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct lec_slice text;
        bool begins;
        size_t whole;
    } cases[] = {
        { "empty", { "", 0 }, true, 0 },
        { "whole", { "abc\xc3\xa4", 5 }, true, 5 },
        { "one of two", { "a\xc3", 2 }, true, 1 },
        { "one of three", { "\xe0", 1 }, true, 0 },
        { "two of three", { "\xe0\xa0", 2 }, true, 0 },
        { "overlong in three", { "\xe0\x9f", 2 }, false, 0 },
        { "last before surrogates", { "\xed\x9f", 2 }, true, 0 },
        { "surrogate", { "\xed\xa0", 2 }, false, 0 },
        { "one of four", { "x\xf4", 2 }, true, 1 },
        { "three of four", { "\xf4\x8f\xbf", 3 }, true, 0 },
        { "past the last", { "\xf4\x90", 2 }, false, 0 },
        { "overlong in four", { "\xf0\x8f", 2 }, false, 0 },
        { "F5", { "\xf5", 1 }, false, 0 },
        { "lone tail", { "a\x80", 2 }, false, 1 },
        { "overlong in two", { "\xc0", 1 }, false, 0 },
        { "wrong, more behind", { "ab\xc3(defgh", 9 }, false, 2 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t whole = 77;
        if (lec_utf8_begins(cases[i].text.p, cases[i].text.n, &whole) != cases[i].begins ||
            whole != cases[i].whole)
            fail_msg("%s: %zu", cases[i].what, whole);
    }
}

static void every_character_cut_begins(void **state)
{
    (void)state;
    for (unsigned cp = 0x80; cp <= 0x10ffff; cp++) {
        char text[4];
        size_t whole;
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        for (size_t n = lec_utf8_put(text, cp) - 1; n > 0; n--)
            if (!lec_utf8_begins(text, n, &whole) || whole != 0)
                fail_msg("U+%04X cut to %zu", cp, n);
    }
}

static void mending(void **state)
{
    static const struct {
        const char *in, *out;
    } table[] = {
        { "", "" },
        { "a\xc3\xbc\xf0\x9f\x98\x80", "a\xc3\xbc\xf0\x9f\x98\x80" },
        { "\xff", "\xef\xbf\xbd" },
        { "a\xc3", "a\xef\xbf\xbd" },
        { "\xc3z", "\xef\xbf\xbdz" },
        { "\xf0\x9f\x98", "\xef\xbf\xbd" },
        { "\xf0\x9f\x98z", "\xef\xbf\xbdz" },
        { "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\x80\xc0", "\xef\xbf\xbd\xef\xbf\xbd" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_buf out = { 0 };
        lec_utf8_mend(&out, table[i].in, strlen(table[i].in));
        assert_string_equal(lec_buf_str(&out), table[i].out);
        lec_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mending),
        cmocka_unit_test(edges),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(every_character_cut_begins),
        cmocka_unit_test(every_code_point_and_back),
        cmocka_unit_test(length_looks_at_the_first_character_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
