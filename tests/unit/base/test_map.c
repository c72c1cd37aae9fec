#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 600

struct thing {
    char key[24];
    bool in;
};

static struct lec_slice key_of(const struct thing *t)
{
    return lec_slice_str(t->key);
}

static void assert_like_model(const struct lec_map *m, struct thing *things, size_t count)
{
    assert_int_equal(m->count, count);
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(lec_map_get(m, key_of(&things[i])), things[i].in ? &things[i] : NULL);
    size_t pos = 0, seen = 0;
    for (struct thing *t; (t = lec_map_next(m, &pos)); seen++)
        assert_true(t->in);
    assert_int_equal(seen, count);
}

static void behaves_like_a_naive_model(void **state)
{
    (void)state;
    struct thing *things = calloc(KEYS, sizeof(*things));
    for (int i = 0; i < KEYS; i++)
        snprintf(things[i].key, sizeof(things[i].key), "%.*s:%d", i % 17, "course-discussion", i);
    struct lec_map m = { 0 };
    size_t count = 0;
    unsigned seed = 7;
    for (int step = 0; step < 40000; step++) {
        seed = seed * 1103515245 + 12345;
        struct thing *t = &things[(seed >> 8) % KEYS];
        /* Long phases of growing and of shrinking. */
        bool put = (seed >> 24) % 10 < (step / 5000 % 2 ? 2u : 8u);
        if (put && !t->in) {
            lec_map_put(&m, key_of(t), t);
            t->in = true;
            count++;
        } else if (!put) {
            assert_ptr_equal(lec_map_remove(&m, key_of(t)), t->in ? t : NULL);
            count -= t->in;
            t->in = false;
        }
        if (step % 500 == 0)
            assert_like_model(&m, things, count);
        assert_int_equal(m.count, count);
    }
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(lec_map_remove(&m, key_of(&things[i])), things[i].in ? &things[i] : NULL);
        count -= things[i].in;
        things[i].in = false;
        if (i % 50 == 0)
            assert_like_model(&m, things, count);
    }
    assert_null(m.entries);
    assert_int_equal(m.cap, 0);
    lec_map_fini(&m);
    free(things);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    /* Around the hash's blocks of eight bytes, and with zeros inside. */
    static const struct lec_slice keys[] = {
        { "", 0 },
        { "\0", 1 },
        { "\0\0", 2 },
        { "a", 1 },
        { "a\0", 2 },
        { "1234567", 7 },
        { "12345678", 8 },
        { "123456789", 9 },
        { "12345678\0", 9 },
        { "1234567812345678", 16 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff", 8 },
    };
    enum { N = sizeof(keys) / sizeof(keys[0]) };
    int values[N];
    struct lec_map m = { 0 };
    for (size_t i = 0; i < N; i++) {
        assert_null(lec_map_get(&m, keys[i]));
        lec_map_put(&m, keys[i], &values[i]);
    }
    for (size_t i = 0; i < N; i++)
        assert_ptr_equal(lec_map_get(&m, keys[i]), &values[i]);
    for (size_t i = 0; i < N; i++) {
        assert_ptr_equal(lec_map_remove(&m, keys[i]), &values[i]);
        assert_null(lec_map_remove(&m, keys[i]));
    }
    assert_int_equal(m.count, 0);
    lec_map_fini(&m);
}

static void empty_map_has_nothing(void **state)
{
    (void)state;
    struct lec_map m = { 0 };
    size_t pos = 0;
    assert_null(lec_map_get(&m, LEC_SLICE("x")));
    assert_null(lec_map_remove(&m, LEC_SLICE("x")));
    assert_null(lec_map_next(&m, &pos));
    lec_map_fini(&m);
}

static void gives_memory_back(void **state)
{
    (void)state;
    static char keys[5000][8];
    struct lec_map m = { 0 };
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%d", i);
        lec_map_put(&m, lec_slice_str(keys[i]), keys[i]);
    }
    size_t full = m.cap;
    assert_true(full >= 5000 && full <= 16384);
    for (int i = 0; i < 4990; i++)
        assert_non_null(lec_map_remove(&m, lec_slice_str(keys[i])));
    assert_true(m.cap <= 128);
    for (int i = 4990; i < 5000; i++)
        assert_ptr_equal(lec_map_get(&m, lec_slice_str(keys[i])), keys[i]);
    lec_map_fini(&m);
    assert_int_equal(m.count, 0);
}

static void each_map_has_its_own_seed(void **state)
{
    (void)state;
    struct lec_map a = { 0 }, b = { 0 };
    lec_map_put(&a, LEC_SLICE("x"), &a);
    lec_map_put(&b, LEC_SLICE("x"), &b);
    assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
    lec_map_fini(&a);
    lec_map_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_a_naive_model), cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(empty_map_has_nothing),      cmocka_unit_test(gives_memory_back),
        cmocka_unit_test(each_map_has_its_own_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
