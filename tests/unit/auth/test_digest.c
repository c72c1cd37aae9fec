#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/digest.h"

/* FIPS 180-4's own examples. */
static void sums(void **state)
{
    static const unsigned char abc[] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    };
    unsigned char sum[LEC_SHA256_SIZE];
    (void)state;
    lec_sha256(sum, LEC_SLICE("abc"));
    assert_memory_equal(sum, abc, sizeof abc);
    lec_sha256(sum, (struct lec_slice){ NULL, 0 });
    assert_int_equal(sum[0], 0xe3);
    assert_int_equal(sum[31], 0x55);
}

/* Where one piece ends counts. */
static void pieces(void **state)
{
    char a[LEC_SHA256_HEX + 1], b[LEC_SHA256_HEX + 1];
    struct lec_slice ab_c[] = { LEC_SLICE("ab"), LEC_SLICE("c") };
    struct lec_slice a_bc[] = { LEC_SLICE("a"), LEC_SLICE("bc") };
    struct lec_slice abc_[] = { LEC_SLICE("abc"), { NULL, 0 } };
    (void)state;
    lec_sha256_hex(a, ab_c, 2);
    assert_int_equal(strlen(a), LEC_SHA256_HEX);
    assert_int_equal(strspn(a, "0123456789abcdef"), LEC_SHA256_HEX);
    lec_sha256_hex(b, ab_c, 2);
    assert_string_equal(a, b);
    lec_sha256_hex(b, a_bc, 2);
    assert_string_not_equal(a, b);
    lec_sha256_hex(b, abc_, 2);
    assert_string_not_equal(a, b);
    lec_sha256_hex(a, abc_, 1);
    assert_string_not_equal(a, b);
}

static void secrets(void **state)
{
    (void)state;
    assert_true(lec_same_secret("abc", "abc", 3));
    assert_false(lec_same_secret("abc", "abd", 3));
    assert_true(lec_same_secret("abc", "abd", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),
        cmocka_unit_test(pieces),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
