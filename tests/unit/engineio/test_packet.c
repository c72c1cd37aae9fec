#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engineio/packet.h"

#define BAD -1

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice text;
        int type; /* BAD: refused */
        bool binary;
        struct lec_slice data;
    } cases[] = {
        { LEC_SLICE("0{\"sid\":\"x\"}"), EIO_OPEN, false, LEC_SLICE("{\"sid\":\"x\"}") },
        { LEC_SLICE("1"), EIO_CLOSE, false, LEC_SLICE("") },
        { LEC_SLICE("2"), EIO_PING, false, LEC_SLICE("") },
        { LEC_SLICE("2probe"), EIO_PING, false, LEC_SLICE("probe") },
        { LEC_SLICE("3"), EIO_PONG, false, LEC_SLICE("") },
        { LEC_SLICE("4hello"), EIO_MESSAGE, false, LEC_SLICE("hello") },
        { LEC_SLICE("4"), EIO_MESSAGE, false, LEC_SLICE("") },
        { LEC_SLICE("4\0x"), EIO_MESSAGE, false, LEC_SLICE("\0x") },
        { LEC_SLICE("4\xe2\x82\xac"), EIO_MESSAGE, false, LEC_SLICE("\xe2\x82\xac") },
        { LEC_SLICE("5"), EIO_UPGRADE, false, LEC_SLICE("") },
        { LEC_SLICE("6"), EIO_NOOP, false, LEC_SLICE("") },
        { LEC_SLICE("bAQIDBA=="), EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("bAQIDBA"), EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("b"), EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE("bAA=="), EIO_MESSAGE, true, LEC_SLICE("\0") },
        { LEC_SLICE("bAQIDBA==\n"), EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") }, /* Android */
        { LEC_SLICE("bAQID\r\nBA==\r\n"), EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("b!!!!"), EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE("bA"), EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE(""), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("7"), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("/"), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("abc"), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("B AQIDBA=="), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("\0"), BAD, false, LEC_SLICE("") },
        { LEC_SLICE("\xff"), BAD, false, LEC_SLICE("") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_buf scratch = { 0 };
        struct eio_packet packet;
        int rc = eio_packet_decode(&packet, cases[i].text, &scratch);
        assert_int_equal(rc, cases[i].type == BAD ? LEC_EPROTO : LEC_OK);
        if (rc == LEC_OK) {
            assert_int_equal(packet.type, cases[i].type);
            assert_int_equal(packet.binary, cases[i].binary);
            assert_true(lec_slice_eq(packet.data, cases[i].data));
        }
        lec_buf_fini(&scratch);
    }
}

static void test_decode_behind_scratch(void **state)
{
    (void)state;
    struct lec_buf scratch = { 0 };
    struct eio_packet packet;
    lec_buf_adds(&scratch, "kept");
    assert_int_equal(eio_packet_decode(&packet, LEC_SLICE("bAQI="), &scratch), LEC_OK);
    assert_true(lec_slice_eq(packet.data, LEC_SLICE("\1\2")));
    assert_int_equal(scratch.n, 6);
    lec_buf_fini(&scratch);
}

static void test_payload_next(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice payload;
        const char *packets[5];
    } cases[] = {
        { LEC_SLICE("4a"), { "4a" } },
        { LEC_SLICE("4hello\x1e"
                    "2\x1e"
                    "4world"),
          { "4hello", "2", "4world" } },
        { LEC_SLICE(""), { "" } },
        { LEC_SLICE("\x1e"), { "", "" } },
        { LEC_SLICE("4a\x1e"), { "4a", "" } },
        { LEC_SLICE("\x1e"
                    "4a"),
          { "", "4a" } },
        { LEC_SLICE("4a\x1e\x1e"
                    "4b"),
          { "4a", "", "4b" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_slice packet;
        size_t pos = 0, n = 0;
        for (; eio_payload_next(cases[i].payload, &pos, &packet); n++) {
            assert_non_null(cases[i].packets[n]);
            assert_true(lec_slice_is(packet, cases[i].packets[n]));
        }
        assert_null(cases[i].packets[n]);
        assert_false(eio_payload_next(cases[i].payload, &pos, &packet));
    }
    struct lec_slice packet;
    size_t pos = 0;
    assert_true(eio_payload_next((struct lec_slice){ NULL, 0 }, &pos, &packet));
    assert_int_equal(packet.n, 0);
    assert_false(eio_payload_next((struct lec_slice){ NULL, 0 }, &pos, &packet));
}

static void test_payload_add(void **state)
{
    (void)state;
    struct lec_msg *text = lec_msg_copy(false, "4hello", 6);
    struct lec_msg *binary = lec_msg_copy(true, "\1\2\3\4", 4);
    struct lec_msg *empty = lec_msg_copy(true, "", 0);
    struct lec_buf out = { 0 };
    eio_payload_add(&out, text);
    assert_true(lec_slice_is(lec_buf_slice(&out), "4hello"));
    eio_payload_add(&out, binary);
    eio_payload_add(&out, empty);
    eio_payload_add(&out, text);
    assert_true(lec_slice_is(lec_buf_slice(&out), "4hello\x1e"
                                                  "bAQIDBA==\x1e"
                                                  "b\x1e"
                                                  "4hello"));
    lec_buf_fini(&out);
    lec_msg_unref(text);
    lec_msg_unref(binary);
    lec_msg_unref(empty);
}

static void test_message_text(void **state)
{
    (void)state;
    struct lec_msg *binary = lec_msg_copy(true, "\1\2\3\4", 4);
    struct lec_msg *text = eio_message_text(binary);
    assert_false(text->binary);
    assert_true(lec_slice_is(lec_msg_payload(text), "bAQIDBA=="));
    assert_int_equal(lec_msg_frame(text).p[0] & 0xff, 0x81);
    lec_msg_unref(text);
    lec_msg_unref(binary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),       cmocka_unit_test(test_decode_behind_scratch),
        cmocka_unit_test(test_payload_next), cmocka_unit_test(test_payload_add),
        cmocka_unit_test(test_message_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
