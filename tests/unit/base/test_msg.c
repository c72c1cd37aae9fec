#include "base/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void frame_headers_of_every_size(void **state)
{
    (void)state;
    /* RFC 6455, 5.2 and 5.7: the shortest length field is the only valid one. */
    static const struct {
        bool binary;
        size_t len;
        struct lec_slice header;
    } cases[] = {
        { false, 0, { "\x81\x00", 2 } },
        { false, 5, { "\x81\x05", 2 } },
        { true, 5, { "\x82\x05", 2 } },
        { false, 125, { "\x81\x7d", 2 } },
        { false, 126, { "\x81\x7e\x00\x7e", 4 } },
        { true, 256, { "\x82\x7e\x01\x00", 4 } },
        { false, 65535, { "\x81\x7e\xff\xff", 4 } },
        { false, 65536, { "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10 } },
        { true, 16909060, { "\x82\x7f\x00\x00\x00\x00\x01\x02\x03\x04", 10 } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *payload = calloc(1, cases[i].len + 1);
        memset(payload, 'p', cases[i].len);
        struct lec_msg *m = lec_msg_copy(cases[i].binary, payload, cases[i].len);
        struct lec_slice frame = lec_msg_frame(m);
        assert_int_equal(m->binary, cases[i].binary);
        assert_int_equal(m->header_len, cases[i].header.n);
        assert_int_equal(frame.n, cases[i].header.n + cases[i].len);
        assert_memory_equal(frame.p, cases[i].header.p, cases[i].header.n);
        assert_true(lec_slice_eq(lec_msg_payload(m), (struct lec_slice){ payload, cases[i].len }));
        assert_ptr_equal(lec_msg_data(m), lec_msg_payload(m).p);
        lec_msg_unref(m);
        free(payload);
    }
}

static void lives_until_its_last_reference(void **state)
{
    (void)state;
    struct lec_msg *m = lec_msg_new(false, 2);
    memcpy(lec_msg_data(m), "hi", 2);
    assert_ptr_equal(lec_msg_ref(m), m);
    assert_int_equal(m->refs, 2);
    lec_msg_unref(m);
    assert_true(lec_slice_is(lec_msg_payload(m), "hi"));
    assert_int_equal(m->refs, 1);
    lec_msg_unref(m);
    lec_msg_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_headers_of_every_size),
        cmocka_unit_test(lives_until_its_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
