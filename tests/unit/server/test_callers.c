#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/callers.h"

static int enter(struct lec_callers *c, const char *name, size_t max, const struct lec_rate *rate,
                 uint64_t now)
{
    return lec_callers_enter(c, lec_slice_str(name), max, rate, now);
}

static void leave(struct lec_callers *c, const char *name)
{
    lec_callers_leave(c, lec_slice_str(name));
}

static void counts_each_by_itself(void **state)
{
    struct lec_callers c = { 0 };
    (void)state;
    assert_int_equal(enter(&c, "ada", 2, NULL, 0), LEC_OK);
    assert_int_equal(enter(&c, "ada", 2, NULL, 0), LEC_OK);
    assert_int_equal(enter(&c, "ada", 2, NULL, 0), LEC_EFULL);
    assert_int_equal(enter(&c, "bob", 2, NULL, 0), LEC_OK);
    leave(&c, "ada");
    assert_int_equal(enter(&c, "ada", 2, NULL, 0), LEC_OK);
    lec_callers_fini(&c);
}

static void has_rates(void **state)
{
    static const struct lec_rate two = { 2, 2 };
    struct lec_callers c = { 0 };
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(enter(&c, "ada", 9, &two, 1000), LEC_OK);
        leave(&c, "ada");
    }
    assert_int_equal(enter(&c, "ada", 9, &two, 1000), LEC_EAGAIN);
    assert_int_equal(enter(&c, "bob", 9, &two, 1000), LEC_OK);
    assert_int_equal(enter(&c, "ada", 9, &two, 1400), LEC_EAGAIN);
    assert_int_equal(enter(&c, "ada", 9, &two, 1500), LEC_OK);
    lec_callers_fini(&c);
}

/* Names are strangers' choice: who has gone is forgotten, who has something under way or is still too
 * fast is not. */
static void forgets_the_idle(void **state)
{
    static const struct lec_rate slow = { 1, 1 };
    struct lec_callers c = { 0 };
    char name[16];
    (void)state;
    assert_int_equal(enter(&c, "here", 1, NULL, 0), LEC_OK);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(enter(&c, name, 1, &slow, i), LEC_OK);
        leave(&c, name);
        assert_true(c.by_name.count < 5000);
    }
    assert_int_equal(enter(&c, "here", 1, NULL, 0), LEC_EFULL);
    assert_int_equal(enter(&c, "n99999", 1, &slow, 100000), LEC_EAGAIN);
    lec_callers_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_by_itself),
        cmocka_unit_test(has_rates),
        cmocka_unit_test(forgets_the_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
