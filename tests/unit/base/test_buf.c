#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void starts_empty(void **state)
{
    (void)state;
    struct lec_buf b = { 0 };
    lec_buf_add(&b, NULL, 0);
    assert_int_equal(b.n, 0);
    assert_string_equal(lec_buf_str(&b), "");
    lec_buf_fini(&b);
    assert_null(b.p);
    lec_buf_fini(&b);
}

static void adds_in_order(void **state)
{
    (void)state;
    struct lec_buf b = { 0 };
    lec_buf_adds(&b, "a=");
    lec_buf_addu(&b, 0);
    lec_buf_addc(&b, ' ');
    lec_buf_addu(&b, UINT64_MAX);
    lec_buf_add(&b, "\0z", 2);
    lec_buf_printf(&b, "%s-%d", "x", -7);
    assert_true(lec_slice_eq(lec_buf_slice(&b), LEC_SLICE("a=0 18446744073709551615\0zx--7")));
    lec_buf_fini(&b);
}

static void grows_and_keeps_what_it_holds(void **state)
{
    (void)state;
    struct lec_buf b = { 0 };
    for (unsigned i = 0; i < 10000; i++)
        lec_buf_addc(&b, (char)(i % 251));
    assert_int_equal(b.n, 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal((unsigned char)b.p[i], i % 251);
    lec_buf_fini(&b);
}

static void printf_fits_at_every_length(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n++) {
        struct lec_buf b = { 0 };
        lec_buf_adds(&b, "<");
        lec_buf_printf(&b, "%*s", n, "");
        lec_buf_adds(&b, ">");
        assert_int_equal(b.n, n + 2);
        assert_int_equal(strspn(lec_buf_str(&b) + 1, " "), n);
        lec_buf_fini(&b);
    }
}

static void terminator_is_not_content(void **state)
{
    (void)state;
    struct lec_buf b = { 0 };
    for (size_t n = 1; n < 200; n++) {
        lec_buf_addc(&b, 'x');
        assert_int_equal(strlen(lec_buf_str(&b)), n);
        assert_int_equal(b.n, n);
    }
    lec_buf_fini(&b);
}

static void clear_keeps_little_memory_and_gives_much_back(void **state)
{
    (void)state;
    struct lec_buf b = { 0 };
    lec_buf_adds(&b, "some");
    size_t cap = b.cap;
    lec_buf_clear(&b, cap);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.cap, cap);
    lec_buf_reserve(&b, 5000);
    lec_buf_clear(&b, 4096);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.cap, 0);
    lec_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(adds_in_order),
        cmocka_unit_test(grows_and_keeps_what_it_holds),
        cmocka_unit_test(printf_fits_at_every_length),
        cmocka_unit_test(terminator_is_not_content),
        cmocka_unit_test(clear_keeps_little_memory_and_gives_much_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
