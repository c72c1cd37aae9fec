#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/api_keys.h"

static void put(struct lec_api_keys *keys, struct lec_api_key *key, const char *name)
{
    char copy[32];
    snprintf(copy, sizeof copy, "%s", name);
    key->name = copy;
    lec_api_keys_put(keys, key);
    key->name = NULL;
}

static void knows_its_text_alone(void **state)
{
    struct lec_api_keys keys = { 0 };
    struct lec_api_key key;
    struct lec_buf text = { 0 };
    (void)state;
    lec_api_key_make(&key, &text);
    assert_int_equal(text.n, 3 + LEC_KEY_ID + 1 + LEC_KEY_SECRET);
    assert_memory_equal(text.p, "lk_", 3);
    assert_memory_equal(text.p + 3, key.id, LEC_KEY_ID);
    put(&keys, &key, "shop");
    struct lec_slice all = lec_buf_slice(&text);
    assert_string_equal(lec_api_keys_verify(&keys, all)->name, "shop");
    for (size_t i = 0; i < all.n; i++) { /* each character counts, and how many there are */
        text.p[i] ^= 1;
        assert_null(lec_api_keys_verify(&keys, all));
        text.p[i] ^= 1;
        assert_null(lec_api_keys_verify(&keys, (struct lec_slice){ all.p, i }));
    }
    lec_buf_addc(&text, 'x');
    assert_null(lec_api_keys_verify(&keys, lec_buf_slice(&text)));
    lec_buf_fini(&text);
    lec_api_keys_fini(&keys);
}

static void is_revoked_and_rotated(void **state)
{
    struct lec_api_keys keys = { 0 };
    struct lec_api_key key;
    struct lec_buf first = { 0 }, second = { 0 };
    (void)state;
    lec_api_key_make(&key, &first);
    put(&keys, &key, "shop");
    lec_api_key_rotate(&key, &second);
    put(&keys, &key, "shop");
    assert_memory_equal(first.p, second.p, 3 + LEC_KEY_ID + 1);
    assert_null(lec_api_keys_verify(&keys, lec_buf_slice(&first)));
    assert_non_null(lec_api_keys_verify(&keys, lec_buf_slice(&second)));
    assert_int_equal(keys.by_id.count, 1);
    key.revoked = 1;
    put(&keys, &key, "shop");
    assert_null(lec_api_keys_verify(&keys, lec_buf_slice(&second)));
    assert_non_null(lec_api_keys_get(&keys, lec_slice_str(key.id)));
    lec_buf_fini(&first);
    lec_buf_fini(&second);
    lec_api_keys_fini(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_text_alone),
        cmocka_unit_test(is_revoked_and_rotated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
