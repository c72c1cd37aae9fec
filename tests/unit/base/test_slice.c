#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void trims(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },   { " ", "" },         { "\t \r\n", "" },
        { "a", "a" }, { " a b\t", "a b" }, { "a\r\n", "a" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!lec_slice_is(lec_slice_trim(lec_slice_str(cases[i][0])), cases[i][1]))
            fail_msg("%s", cases[i][0]);
    assert_int_equal(lec_slice_trim((struct lec_slice){ NULL, 0 }).n, 0);
}

static void shifts(void **state)
{
    (void)state;
    struct lec_slice list = LEC_SLICE("a, b c ,,d,");
    static const char *const parts[] = { "a", "b c", "", "d" };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_true(list.n > 0);
        assert_true(lec_slice_is(lec_slice_shift(&list, ','), parts[i]));
    }
    assert_int_equal(list.n, 0);
    assert_int_equal(lec_slice_shift(&list, ',').n, 0);
    list = (struct lec_slice){ NULL, 0 };
    assert_int_equal(lec_slice_shift(&list, ',').n, 0);
}

static void words(void **state)
{
    (void)state;
    assert_true(lec_slice_is_word(LEC_SLICE("GZip"), "gzip"));
    assert_false(lec_slice_is_word(LEC_SLICE("gzi"), "gzip"));
    assert_false(lec_slice_is_word(LEC_SLICE("gzipp"), "gzip"));
    assert_true(lec_slice_is_word((struct lec_slice){ NULL, 0 }, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trims),
        cmocka_unit_test(shifts),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
