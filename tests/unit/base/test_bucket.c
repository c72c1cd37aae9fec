#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

static unsigned take_all(uint64_t *b, const struct lec_rate *r, uint64_t now)
{
    unsigned n = 0;
    while (n < 100000 && lec_bucket_take(b, r, now, 1))
        n++;
    return n;
}

static void gives_a_burst_and_then_its_rate(void **state)
{
    (void)state;
    static const struct {
        struct lec_rate rate;
        uint64_t start; /* of the clock */
        unsigned after_ms, refilled;
    } cases[] = {
        { { 10, 10 }, 0, 0, 0 },
        { { 10, 10 }, 0, 99, 0 },
        { { 10, 10 }, 0, 100, 1 },
        { { 10, 10 }, 5000, 550, 5 },
        { { 10, 10 }, 5000, 1000, 10 },
        { { 10, 10 }, 5000, 3600000, 10 }, /* no more than a burst */
        { { 1, 1 }, 1, 999, 0 },
        { { 1, 1 }, 1, 1000, 1 },
        { { 3, 2 }, 7, 333, 0 }, /* 0.999 */
        { { 3, 2 }, 7, 334, 1 },
        { { 1000, 5000 }, 9, 1, 1 },
        { { 2000, 5000 }, 9, 1, 2 },
        { { 1000, 1 }, UINT64_MAX / 1000 - 1, 5, 1 }, /* the product passes 2^64 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t b = 0;
        assert_int_equal(take_all(&b, &cases[i].rate, cases[i].start), cases[i].rate.burst);
        assert_int_equal(take_all(&b, &cases[i].rate, cases[i].start + cases[i].after_ms),
                         cases[i].refilled);
    }
}

static void takes_all_or_nothing(void **state)
{
    (void)state;
    const struct lec_rate r = { 100, 50 };
    uint64_t b = 0;
    assert_false(lec_bucket_take(&b, &r, 1, 51));
    assert_false(lec_bucket_take(&b, &r, 1, UINT64_MAX / 1000));
    assert_true(lec_bucket_take(&b, &r, 1, 40));
    assert_false(lec_bucket_take(&b, &r, 1, 11));
    assert_true(lec_bucket_take(&b, &r, 1, 10));
    assert_true(lec_bucket_take(&b, &r, 1, 0));
    assert_false(lec_bucket_take(&b, &r, 1, 1));
}

static void without_a_rate_gives_everything(void **state)
{
    (void)state;
    const struct lec_rate r = { 0, 0 };
    uint64_t b = 0;
    assert_true(lec_bucket_take(&b, &r, 5, UINT64_MAX));
    assert_int_equal(b, 0);
}

/* Against a count that is done the long way. */
static void is_exact_over_time(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 200; round++) {
        const struct lec_rate r = { (uint64_t)(rand() % 1000) + 1, (uint64_t)(rand() % 100) + 1 };
        uint64_t b = 0, now = (uint64_t)rand(), level = r.burst * 1000;
        for (int i = 0; i < 2000; i++) {
            uint64_t ms = (uint64_t)(rand() % 20), n = (uint64_t)(rand() % 5);
            now += ms;
            level += ms * r.per_second;
            if (level > r.burst * 1000)
                level = r.burst * 1000;
            bool expected = level >= n * 1000;
            if (expected)
                level -= n * 1000;
            assert_int_equal(lec_bucket_take(&b, &r, now, n), expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_a_burst_and_then_its_rate),
        cmocka_unit_test(takes_all_or_nothing),
        cmocka_unit_test(without_a_rate_gives_everything),
        cmocka_unit_test(is_exact_over_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
