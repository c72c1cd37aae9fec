#include "base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void bytes(void **state)
{
    static const struct {
        const char *text;
        int byte;
    } cases[] = {
        { "%41", 'A' },  { "%4a", 'J' }, { "%4A", 'J' }, { "%00", 0 },  { "%fF", 255 },
        { "%41x", 'A' }, { "%", -1 },    { "%4", -1 },   { "%4g", -1 }, { "%g4", -1 },
        { "%%41", -1 },  { "% 1", -1 },  { "%-1", -1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (lec_percent_byte(lec_slice_str(cases[i].text), 0) != cases[i].byte)
            fail_msg("%s", cases[i].text);
}

/* The digits must lie in the slice, not merely behind it. */
static void ends_with_the_slice(void **state)
{
    (void)state;
    assert_int_equal(lec_percent_byte((struct lec_slice){ "a%41", 4 }, 1), 'A');
    assert_int_equal(lec_percent_byte((struct lec_slice){ "a%41", 3 }, 1), -1);
    assert_int_equal(lec_percent_byte((struct lec_slice){ "a%41", 2 }, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(ends_with_the_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
