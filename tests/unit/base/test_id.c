#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000000

static void is_of_base64url(const char *id)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_int_equal(strlen(id), LEC_ID_LEN);
    assert_int_equal(strspn(id, alphabet), LEC_ID_LEN);
}

static void random_ids_differ(void **state)
{
    char one[LEC_ID_LEN + 1], two[LEC_ID_LEN + 1];
    (void)state;
    lec_id_make(one);
    lec_id_make(two);
    is_of_base64url(one);
    assert_string_not_equal(one, two);
}

static void ordered_within_a_millisecond(void **state)
{
    struct lec_ids ids = { 0 };
    char last[LEC_ID_LEN + 1] = "", id[LEC_ID_LEN + 1];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        lec_ids_next(&ids, NOW, id);
        is_of_base64url(id);
        assert_true(strcmp(id, last) > 0);
        strcpy(last, id);
    }
}

static void ordered_when_the_clock_goes_back(void **state)
{
    struct lec_ids ids = { 0 };
    char first[LEC_ID_LEN + 1], second[LEC_ID_LEN + 1];
    (void)state;
    lec_ids_next(&ids, NOW, first);
    lec_ids_next(&ids, NOW - 3600 * 1000, second);
    assert_true(strcmp(second, first) > 0);
    assert_memory_equal(first, second, 7); /* it goes on where it was */
}

static void ordered_between_sequences(void **state)
{
    static const int64_t times[] = {
        0, 1, 63, 64, NOW, NOW + 1, NOW + 4096, ((int64_t)1 << 44) - 1
    };
    char last[LEC_ID_LEN + 1] = "", id[LEC_ID_LEN + 1];
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct lec_ids ids = { 0 };
        lec_ids_next(&ids, times[i], id);
        assert_true(strcmp(id, last) > 0);
        strcpy(last, id);
    }
}

/* Programs take a text that begins with '-' for an option. */
static void ordered_ids_begin_with_a_digit(void **state)
{
    struct lec_ids ids = { 0 };
    char id[LEC_ID_LEN + 1];
    (void)state;
    lec_ids_next(&ids, NOW, id);
    assert_int_equal(id[0], '5');
}

static void ordered_ids_differ_between_sequences(void **state)
{
    struct lec_ids a = { 0 }, b = { 0 };
    char one[LEC_ID_LEN + 1], two[LEC_ID_LEN + 1];
    (void)state;
    lec_ids_next(&a, NOW, one);
    lec_ids_next(&b, NOW, two);
    assert_memory_equal(one, two, 7);
    assert_string_not_equal(one, two);
}

/* A number that is full runs over into the next millisecond. */
static void carries(void **state)
{
    struct lec_ids ids;
    char id[LEC_ID_LEN + 1], next[LEC_ID_LEN + 1];
    (void)state;
    memset(&ids, 0, sizeof ids);
    lec_ids_next(&ids, NOW, id);
    memset(&ids.last[6], 0xff, 9);
    ids.last[5] |= 0x0f;
    lec_ids_next(&ids, NOW, next);
    assert_true(strcmp(next, id) > 0);
    assert_int_equal(ids.last[6], 0); /* 64 bits of chance cannot reach as far again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ids_differ),
        cmocka_unit_test(ordered_within_a_millisecond),
        cmocka_unit_test(ordered_when_the_clock_goes_back),
        cmocka_unit_test(ordered_between_sequences),
        cmocka_unit_test(ordered_ids_begin_with_a_digit),
        cmocka_unit_test(ordered_ids_differ_between_sequences),
        cmocka_unit_test(carries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
