/* WebSocket frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/slice.h"
#include "net/frame.h"

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define MASK "\1\2\3\4"

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct lec_slice bytes;
        int rc;
        bool final;
        uint8_t opcode;
        uint64_t length;
    } table[] = {
        { "empty text", S("\x81\x80" MASK), 6, true, 1, 0 },
        { "part of a text", S("\x01\x85" MASK "hello"), 6, false, 1, 5 },
        { "binary", S("\x82\xfd" MASK), 6, true, 2, 125 },
        { "continuation", S("\x80\x80" MASK), 6, true, 0, 0 },
        { "16 bits, least", S("\x82\xfe\0\x7e" MASK), 8, true, 2, 126 },
        { "16 bits, most", S("\x82\xfe\xff\xff" MASK), 8, true, 2, 65535 },
        { "64 bits, least", S("\x82\xff\0\0\0\0\0\1\0\0" MASK), 14, true, 2, 65536 },
        { "64 bits, most", S("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK), 14, true, 2,
          INT64_MAX },
        { "close", S("\x88\x80" MASK), 6, true, 8, 0 },
        { "longest ping", S("\x89\xfd" MASK), 6, true, 9, 125 },
        { "pong", S("\x8a\x81" MASK), 6, true, 10, 1 },
        /* too few bytes, at every place */
        { "nothing", S(""), 0, 0, 0, 0 },
        { "a byte", S("\x81"), 0, 0, 0, 0 },
        { "no mask", S("\x81\x81"), 0, 0, 0, 0 },
        { "half a mask", S("\x81\x81\1\2\3"), 0, 0, 0, 0 },
        { "half of 16 bits", S("\x81\xfe\1"), 0, 0, 0, 0 },
        { "16 bits, no mask", S("\x81\xfe\1\1"), 0, 0, 0, 0 },
        { "64 bits, half a mask", S("\x81\xff\0\0\0\0\0\1\0\0\1\2\3"), 0, 0, 0, 0 },
        /* wrong, told as soon as it shows */
        { "RSV1", S("\xc1"), LEC_EPROTO, 0, 0, 0 },
        { "RSV2", S("\xa1"), LEC_EPROTO, 0, 0, 0 },
        { "RSV3", S("\x91"), LEC_EPROTO, 0, 0, 0 },
        { "RSV1 of a ping", S("\xc9"), LEC_EPROTO, 0, 0, 0 },
        { "opcode 3", S("\x83"), LEC_EPROTO, 0, 0, 0 },
        { "opcode 7", S("\x07"), LEC_EPROTO, 0, 0, 0 },
        { "opcode 11", S("\x8b"), LEC_EPROTO, 0, 0, 0 },
        { "opcode 15", S("\x8f"), LEC_EPROTO, 0, 0, 0 },
        { "part of a close", S("\x08"), LEC_EPROTO, 0, 0, 0 },
        { "part of a ping", S("\x09"), LEC_EPROTO, 0, 0, 0 },
        { "part of a pong", S("\x0a"), LEC_EPROTO, 0, 0, 0 },
        { "unmasked", S("\x81\x05"), LEC_EPROTO, 0, 0, 0 },
        { "unmasked ping", S("\x89\0"), LEC_EPROTO, 0, 0, 0 },
        { "ping of 126", S("\x89\xfe"), LEC_EPROTO, 0, 0, 0 },
        { "close in 64 bits", S("\x88\xff"), LEC_EPROTO, 0, 0, 0 },
        { "125 in 16 bits", S("\x82\xfe\0\x7d" MASK), LEC_EPROTO, 0, 0, 0 },
        { "65535 in 64 bits", S("\x82\xff\0\0\0\0\0\0\xff\xff" MASK), LEC_EPROTO, 0, 0, 0 },
        { "top bit", S("\x82\xff\x80\0\0\0\0\0\0\0" MASK), LEC_EPROTO, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_frame f;
        int rc = lec_frame_read(&f, (const unsigned char *)table[i].bytes.p, table[i].bytes.n);
        if (rc != table[i].rc)
            fail_msg("%s: %d", table[i].what, rc);
        if (rc > 0 && (f.final != table[i].final || f.opcode != table[i].opcode ||
                       f.length != table[i].length || memcmp(f.mask, MASK, 4) != 0))
            fail_msg("%s", table[i].what);
    }
}

static void unmasking(void **state)
{
    (void)state;
    static const unsigned char mask[4] = { 0x11, 0x22, 0x33, 0x44 };
    for (size_t n = 0; n < 40; n++) {
        for (size_t cut = 0; cut <= n; cut++) { /* in two parts, at every alignment */
            unsigned char p[48];
            for (size_t i = 0; i < n; i++)
                p[1 + i] = (unsigned char)(i ^ mask[i & 3]);
            p[1 + n] = 0xaa;
            lec_frame_unmask(p + 1, cut, mask, 0);
            lec_frame_unmask(p + 1 + cut, n - cut, mask, cut);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[1 + i], i);
            assert_int_equal(p[1 + n], 0xaa);
        }
    }
}

static void close_payloads(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice payload;
        unsigned answer;
    } table[] = {
        { S(""), 0 },
        { S("\3"), 1002 },
        { S("\3\xe8"), 0 },
        { S("\3\xe8"
            "bye \xc3\xa4"),
          0 },
        { S("\3\xe8\xff"), 1007 },
        { S("\3\xe8\xc3"), 1007 },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(
            lec_frame_check_close((const unsigned char *)table[i].payload.p, table[i].payload.n),
            table[i].answer);
    for (unsigned code = 0; code <= 0xffff; code++) {
        unsigned char p[2] = { (unsigned char)(code >> 8), (unsigned char)code };
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);
        assert_int_equal(lec_frame_check_close(p, 2), good ? 0 : 1002);
    }
}

static void control_frames(void **state)
{
    (void)state;
    unsigned char out[127];
    assert_int_equal(lec_frame_control(out, LEC_OP_CLOSE, NULL, 0), 2);
    assert_memory_equal(out, "\x88\0", 2);
    assert_int_equal(lec_frame_control(out, LEC_OP_PONG, "abc", 3), 5);
    assert_memory_equal(out, "\x8a\3abc", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(unmasking),
        cmocka_unit_test(close_payloads),
        cmocka_unit_test(control_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
