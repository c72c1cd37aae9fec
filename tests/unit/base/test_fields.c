#include "base/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct lec_slice fields = { "host\0a\0accept\0\0host\0b", 22 };

static void walks(void **state)
{
    static const char *const pairs[][2] = { { "host", "a" }, { "accept", "" }, { "host", "b" } };
    struct lec_slice name, value;
    size_t pos = 0;
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(lec_fields_next(fields, &pos, &name, &value));
        assert_true(lec_slice_is(name, pairs[i][0]));
        assert_true(lec_slice_is(value, pairs[i][1]));
    }
    assert_int_equal(pos, fields.n);
    assert_false(lec_fields_next(fields, &pos, &name, &value));
    pos = 0;
    assert_false(lec_fields_next((struct lec_slice){ NULL, 0 }, &pos, &name, &value));
}

static void finds(void **state)
{
    (void)state;
    assert_true(lec_slice_is(lec_fields_find(fields, "host"), "a"));
    assert_int_equal(lec_fields_find(fields, "accept").n, 0);
    assert_non_null(lec_fields_find(fields, "accept").p);
    assert_null(lec_fields_find(fields, "a").p);
    assert_null(lec_fields_find(fields, "hos").p);
    assert_null(lec_fields_find((struct lec_slice){ NULL, 0 }, "host").p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks),
        cmocka_unit_test(finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
