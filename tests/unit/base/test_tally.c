#include "base/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static void counts_each_name(void **state)
{
    (void)state;
    struct lec_tally t = { 0 };
    struct lec_slice a = LEC_SLICE("a"), b = LEC_SLICE("b");
    assert_int_equal(lec_tally_count(&t, a), 0);
    lec_tally_add(&t, a);
    lec_tally_add(&t, a);
    lec_tally_add(&t, b);
    assert_int_equal(lec_tally_count(&t, a), 2);
    assert_int_equal(lec_tally_count(&t, b), 1);
    lec_tally_remove(&t, a);
    assert_int_equal(lec_tally_count(&t, a), 1);
    lec_tally_remove(&t, a);
    assert_int_equal(lec_tally_count(&t, a), 0);
    assert_int_equal(t.by_name.count, 1);
    lec_tally_fini(&t);
}

/* The name is copied, bytes of any kind, and what is at zero is gone. */
static void keeps_nothing_at_zero(void **state)
{
    (void)state;
    struct lec_tally t = { 0 };
    for (int round = 0; round < 3; round++)
        for (int add = 1; add >= 0; add--)
            for (int i = 0; i < 1000; i++) {
                char name[16];
                int n = snprintf(name, sizeof name, "%c%d", 0, i);
                struct lec_slice s = { name, (size_t)n };
                if (add)
                    lec_tally_add(&t, s);
                else
                    lec_tally_remove(&t, s);
                assert_int_equal(lec_tally_count(&t, s), add);
            }
    assert_int_equal(t.by_name.count, 0);
    lec_tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_name),
        cmocka_unit_test(keeps_nothing_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
