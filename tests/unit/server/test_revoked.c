#include "server/revoked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static bool add(struct lec_revoked *r, const char *name, int64_t time, int64_t past)
{
    return lec_revoked_add(r, lec_slice_str(name), time, past);
}

/* The time of a name, -1 if it is not there. */
static int64_t time_of(const struct lec_revoked *r, const char *name)
{
    int64_t time = -1;
    return lec_revoked_find(r, lec_slice_str(name), &time) ? time : -1;
}

static void remembers_the_later_time(void **state)
{
    (void)state;
    struct lec_revoked r;
    lec_revoked_init(&r, 10);
    assert_int_equal(time_of(&r, "a"), -1);
    add(&r, "a", 5, 0);
    add(&r, "a", 3, 0);
    assert_int_equal(time_of(&r, "a"), 5);
    add(&r, "a", 7, 0);
    assert_int_equal(time_of(&r, "a"), 7);
    lec_revoked_set(&r, LEC_SLICE("a"), 2);
    lec_revoked_set(&r, LEC_SLICE("b"), 2);
    assert_int_equal(time_of(&r, "a"), 2);
    assert_int_equal(time_of(&r, "b"), -1);
    assert_int_equal(time_of(&r, ""), -1);
    lec_revoked_fini(&r);
}

static void the_oldest_goes_when_it_is_full(void **state)
{
    (void)state;
    struct lec_revoked r;
    lec_revoked_init(&r, 3);
    assert_false(add(&r, "a", 100, 0));
    assert_false(add(&r, "b", 100, 0));
    assert_false(add(&r, "c", 100, 0));
    assert_false(add(&r, "a", 101, 0)); /* is there already */
    assert_true(add(&r, "d", 100, 0));
    assert_int_equal(time_of(&r, "a"), -1);
    assert_int_equal(time_of(&r, "b"), 100);
    assert_int_equal(time_of(&r, "d"), 100);
    lec_revoked_fini(&r);
}

static void what_is_past_goes_first(void **state)
{
    (void)state;
    struct lec_revoked r;
    lec_revoked_init(&r, 3);
    add(&r, "a", 100, 0);
    add(&r, "b", 50, 0);
    add(&r, "c", 60, 0);
    assert_false(add(&r, "d", 100, 60));
    assert_int_equal(time_of(&r, "a"), 100);
    assert_int_equal(time_of(&r, "b"), -1);
    assert_int_equal(time_of(&r, "c"), 60); /* not before it */
    assert_false(add(&r, "e", 100, 61));
    assert_int_equal(time_of(&r, "c"), -1);
    assert_int_equal(r.by_name.count, 3);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        add(&r, name, i, i);
        assert_true(r.by_name.count <= 3);
    }
    lec_revoked_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_the_later_time),
        cmocka_unit_test(the_oldest_goes_when_it_is_full),
        cmocka_unit_test(what_is_past_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
