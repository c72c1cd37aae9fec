#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void every_error_has_its_own_code_and_sentence(void **state)
{
    (void)state;
    for (int a = LEC_OK; a >= LEC_ESCRIPT; a--) {
        assert_string_not_equal(lec_strerror(a), "unknown error");
        assert_string_not_equal(lec_errcode(a), "unknown");
        assert_int_equal(strspn(lec_errcode(a), "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(lec_errcode(a)));
        for (int b = a - 1; b >= LEC_ESCRIPT; b--) {
            assert_string_not_equal(lec_errcode(a), lec_errcode(b));
            assert_string_not_equal(lec_strerror(a), lec_strerror(b));
        }
    }
}

static void codes_that_scripts_rely_on(void **state)
{
    (void)state;
    assert_string_equal(lec_errcode(LEC_ECLOSED), "closed");
    assert_string_equal(lec_strerror(LEC_ECLOSED), "socket is closed");
    assert_string_equal(lec_errcode(LEC_ETIMEOUT), "timeout");
}

static void numbers_that_are_no_errors(void **state)
{
    (void)state;
    const int numbers[] = { 1, 4711, INT32_MAX, LEC_ESCRIPT - 1, INT32_MIN, INT32_MIN + 1 };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_string_equal(lec_errcode(numbers[i]), "unknown");
        assert_string_equal(lec_strerror(numbers[i]), "unknown error");
    }
}

static void memory_of_no_bytes(void **state)
{
    (void)state;
    void *a = lec_alloc(0), *b = lec_alloc0(0);
    assert_non_null(a);
    assert_non_null(b);
    a = lec_realloc(a, 0);
    assert_non_null(a);
    free(a);
    free(b);
    char *s = lec_strndup(NULL, 0);
    assert_string_equal(s, "");
    free(s);
    s = lec_strndup("abc", 2);
    assert_string_equal(s, "ab");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_code_and_sentence),
        cmocka_unit_test(codes_that_scripts_rely_on),
        cmocka_unit_test(numbers_that_are_no_errors),
        cmocka_unit_test(memory_of_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
