/* Which names a pattern matches, and what its stars stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "socketio/pattern.h"

/* `stars`, separated by '|', or NULL: no match. */
static void matches(void **state)
{
    static const struct {
        const char *pattern, *name, *stars;
    } rows[] = {
        { "/course-*", "/course-7", "7" },
        { "/course-*", "/course-a b?c=-1", "a b?c=-1" },
        { "/course-*", "/course-\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac" },
        { "/course-*", "/course-\xc2\xa0", "\xc2\xa0" },
        { "/course-*", "/course-", NULL },
        { "/course-*", "/course", NULL },
        { "/course-*", "/Course-7", NULL },
        { "/course-*", "/course-7/", NULL },
        { "/course-*", "/course-7/x", NULL },
        { "/course-*", "course-7", NULL },
        { "/course-*", "x/course-7", NULL },
        { "/course-*", "", NULL },
        { "/course-*", "/", NULL },
        { "/*", "/x", "x" },
        { "/*", "/", NULL },
        { "/*", "/x/y", NULL },
        { "/*-board", "/a-board-board", "a-board" },
        { "/*-board", "/-board", NULL },
        { "/a*a", "/aa", NULL },
        { "/a*a", "/aaa", "a" },
        { "/a*a", "/a", NULL },
        { "/aba*aba", "/ababa", NULL },
        { "/school/*/course-*", "/school/3/course-7", "3|7" },
        { "/school/*/course-*", "/school//course-7", NULL },
        { "/school/*/course-*", "/school/3", NULL },
        { "/school/*/course-*", "/school/3/course-7/9", NULL },
        { "/*/", "/x/", "x" },
        { "/*/", "/x", NULL },
        { "/*//*", "/a//b", "a|b" },
        { "/plain", "/plain", "" },
        { "/plain", "/plaim", NULL },
        /* what is in no name that is matched */
        { "/course-*", "/course-*", NULL },
        { "/course-*", "/course-7*", NULL },
        { "/course-*", "/course-\n", NULL },
        { "/course-*", "/course-\x1b[2J", NULL },
        { "/course-*", "/course-\x7f", NULL },
        { "/course-*", "/course-a\xc2\x9b", NULL },
        { "/course-*", "/course-\xff", NULL },
        { "/course-*", "/course-\xc2", NULL },
        { "/course-*", "/course-\xed\xa0\x80", NULL },
        { "/\xc3*", "/\xc3\xa4", NULL }, /* half a character */
        /* no patterns, but harmless */
        { "/a**", "/ab*", NULL },
        { "/a*b*", "/axbx", NULL },
        { "/*/*/*/*/*/*/*/*", "/1/2/3/4/5/6/7/8", "1|2|3|4|5|6|7|8" },
        { "/*/*/*/*/*/*/*/*/*", "/1/2/3/4/5/6/7/8/9", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lec_slice stars[SIO_MAX_STARS];
        char text[128] = "";
        size_t at = 0;
        int n =
            sio_pattern_match(lec_slice_str(rows[i].pattern), lec_slice_str(rows[i].name), stars);
        for (int k = 0; k < n; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", k ? "|" : "",
                                   (int)stars[k].n, stars[k].p);
        if ((n < 0) != !rows[i].stars || (n >= 0 && strcmp(text, rows[i].stars) != 0))
            fail_msg("%s, %s: %d %s", rows[i].pattern, rows[i].name, n, text);
    }
}

static void zero_bytes(void **state)
{
    (void)state;
    struct lec_slice stars[SIO_MAX_STARS];
    assert_int_equal(sio_pattern_match(LEC_SLICE("/x-*"), LEC_SLICE("/x-a\0b"), stars), -1);
    assert_int_equal(sio_pattern_match(LEC_SLICE("/x-*"), LEC_SLICE("/x-\0"), stars), -1);
    assert_true(sio_is_pattern(LEC_SLICE("/x-*")));
    assert_false(sio_is_pattern(LEC_SLICE("/x-")));
    assert_false(sio_is_pattern((struct lec_slice){ NULL, 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
