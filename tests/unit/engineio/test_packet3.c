#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engineio/packet3.h"

#define BAD  -1
#define EURO "\xe2\x82\xac"
#define GRIN "\xf0\x9f\x98\x80" /* two UTF-16 code units */

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice packet;
        bool raw;
        int type; /* BAD: refused */
        bool binary;
        struct lec_slice data;
    } cases[] = {
        { LEC_SLICE("1"), false, EIO_CLOSE, false, LEC_SLICE("") },
        { LEC_SLICE("2probe"), false, EIO_PING, false, LEC_SLICE("probe") },
        { LEC_SLICE("4hello"), false, EIO_MESSAGE, false, LEC_SLICE("hello") },
        { LEC_SLICE("4"), false, EIO_MESSAGE, false, LEC_SLICE("") },
        { LEC_SLICE("6"), false, EIO_NOOP, false, LEC_SLICE("") },
        { LEC_SLICE("b4AQIDBA=="), false, EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("b4AQIDBA==\n"), false, EIO_MESSAGE, true, LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("b4"), false, EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE("b4***"), false, EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE("\4\1\2"), true, EIO_MESSAGE, true, LEC_SLICE("\1\2") },
        { LEC_SLICE("\4"), true, EIO_MESSAGE, true, LEC_SLICE("") },
        { LEC_SLICE("\2"), true, EIO_PING, true, LEC_SLICE("") },
        { LEC_SLICE(""), false, BAD, false, LEC_SLICE("") },
        { LEC_SLICE(""), true, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("b"), false, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("bAQIDBA=="), false, BAD, false, LEC_SLICE("") }, /* version 4's */
        { LEC_SLICE("b7AAAA"), false, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("7"), false, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("/"), false, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("4"), true, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("b4AA=="), true, BAD, false, LEC_SLICE("") },
        { LEC_SLICE("\7"), true, BAD, false, LEC_SLICE("") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_buf scratch = { 0 };
        struct eio_packet packet;
        int rc = eio_packet3_decode(&packet, cases[i].packet, cases[i].raw, &scratch);
        assert_int_equal(rc, cases[i].type == BAD ? LEC_EPROTO : LEC_OK);
        if (rc == LEC_OK) {
            assert_int_equal(packet.type, cases[i].type);
            assert_int_equal(packet.binary, cases[i].binary);
            assert_true(lec_slice_eq(packet.data, cases[i].data));
        }
        lec_buf_fini(&scratch);
    }
}

struct payload_case {
    struct lec_slice payload;
    struct lec_slice packets[4]; /* an empty one with its pointer set: malformed from here */
    bool binary[4];
};

static void check(const struct payload_case *c, bool raw)
{
    struct lec_slice packet;
    size_t pos = 0, n = 0;
    bool binary;
    for (; eio_payload3_next(c->payload, raw, &pos, &packet, &binary); n++) {
        assert_non_null(c->packets[n].p);
        assert_true(lec_slice_eq(packet, c->packets[n]));
        assert_int_equal(binary, c->binary[n]);
    }
    assert_null(c->packets[n].p);
    assert_false(eio_payload3_next(c->payload, raw, &pos, &packet, &binary));
}

#define BROKEN LEC_SLICE("")

static void test_text_payload(void **state)
{
    (void)state;
    static const struct payload_case cases[] = {
        { LEC_SLICE("6:4hello"), { LEC_SLICE("4hello") }, { 0 } },
        { LEC_SLICE("6:4hello1:26:4world"),
          { LEC_SLICE("4hello"), LEC_SLICE("2"), LEC_SLICE("4world") },
          { 0 } },
        { LEC_SLICE("2:4" EURO "10:b4AQIDBA=="),
          { LEC_SLICE("4" EURO), LEC_SLICE("b4AQIDBA==") },
          { 0 } },
        { LEC_SLICE("3:4" GRIN "1:2"), { LEC_SLICE("4" GRIN), LEC_SLICE("2") }, { 0 } },
        { LEC_SLICE("7:41:2:3:"), { LEC_SLICE("41:2:3:") }, { 0 } },
        { LEC_SLICE("01:2"), { LEC_SLICE("2") }, { 0 } },
        { LEC_SLICE(""), { BROKEN }, { 0 } },
        { LEC_SLICE("4hello"), { BROKEN }, { 0 } },
        { LEC_SLICE("6:4hell"), { BROKEN }, { 0 } },
        { LEC_SLICE("6"), { BROKEN }, { 0 } },
        { LEC_SLICE("6:"), { BROKEN }, { 0 } },
        { LEC_SLICE(":4"), { BROKEN }, { 0 } },
        { LEC_SLICE("0:"), { BROKEN }, { 0 } },
        { LEC_SLICE("-1:4"), { BROKEN }, { 0 } },
        { LEC_SLICE(" 1:4"), { BROKEN }, { 0 } },
        { LEC_SLICE("2:4" GRIN), { BROKEN }, { 0 } }, /* half a character */
        { LEC_SLICE("1:2x"), { LEC_SLICE("2"), BROKEN }, { 0 } },
        { LEC_SLICE("1:21"), { LEC_SLICE("2"), BROKEN }, { 0 } },
        { LEC_SLICE("00000000001:2"), { BROKEN }, { 0 } },
        { LEC_SLICE("99999999999999999999:2"), { BROKEN }, { 0 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], false);
    const struct payload_case none = { .packets = { BROKEN } };
    check(&none, false);
    check(&none, true);
}

static void test_raw_payload(void **state)
{
    (void)state;
    static const struct payload_case cases[] = {
        { LEC_SLICE("\0\6\xff"
                    "4hello\1\5\xff\4\1\2\3\4"),
          { LEC_SLICE("4hello"), LEC_SLICE("\4\1\2\3\4") },
          { false, true } },
        { LEC_SLICE("\0\1\0\xff"
                    "4234567890"),
          { LEC_SLICE("4234567890") },
          { false } },
        { LEC_SLICE("\0\4\xff"
                    "4" EURO),
          { LEC_SLICE("4" EURO) },
          { false } }, /* bytes, here */
        { LEC_SLICE("\2\1\xff"
                    "2"),
          { BROKEN },
          { false } },
        { LEC_SLICE("\0"), { BROKEN }, { false } },
        { LEC_SLICE("\0\1"), { BROKEN }, { false } },
        { LEC_SLICE("\0\xff"), { BROKEN }, { false } },
        { LEC_SLICE("\0\0\xff"), { BROKEN }, { false } },
        { LEC_SLICE("\0\1\xff"), { BROKEN }, { false } },
        { LEC_SLICE("\0\12\xff"), { BROKEN }, { false } },
        { LEC_SLICE("\0"
                    "1\xff"
                    "2"),
          { BROKEN },
          { false } }, /* digits are not text */
        { LEC_SLICE("\0\2\xff"
                    "4\x80"),
          { BROKEN },
          { false } },
        { LEC_SLICE("\0\1\xff"
                    "2\1"),
          { LEC_SLICE("2"), BROKEN },
          { false } },
        { LEC_SLICE("6:4hello"), { BROKEN }, { false } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], true);
}

static void test_add(void **state)
{
    (void)state;
    struct lec_msg *text = lec_msg_copy(false, "4" EURO GRIN, 8);
    struct lec_msg *bytes = lec_msg_copy(true, "\1\2\3\4", 4);
    struct lec_msg *typed = eio_message3(bytes);
    struct lec_msg *base64 = eio_message3_text(typed);
    assert_true(typed->binary);
    assert_false(base64->binary);
    assert_int_equal(lec_msg_frame(typed).p[0] & 0xff, 0x82);
    struct lec_buf out = { 0 };
    eio_payload3_add(&out, false, text);
    eio_payload3_add(&out, false, base64);
    eio_payload3_add(&out, false, typed);
    assert_true(lec_slice_is(lec_buf_slice(&out), "4:4" EURO GRIN "10:b4AQIDBA==10:b4AQIDBA=="));
    out.n = 0;
    eio_payload3_add(&out, true, text);
    eio_payload3_add(&out, true, typed);
    assert_true(lec_slice_eq(lec_buf_slice(&out), LEC_SLICE("\0\10\xff"
                                                            "4" EURO GRIN "\1\5\xff\4\1\2\3\4")));
    lec_buf_fini(&out);
    lec_msg_unref(text);
    lec_msg_unref(bytes);
    lec_msg_unref(typed);
    lec_msg_unref(base64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_text_payload),
        cmocka_unit_test(test_raw_payload),
        cmocka_unit_test(test_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
