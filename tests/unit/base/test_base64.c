#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/id.h"

static void vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text, *unpadded;
    } cases[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" },
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/", "-_-_" },
        { "\xff\xff\xfe", "///+", "___-" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        lec_base64_encode(&b, cases[i].plain, strlen(cases[i].plain));
        assert_string_equal(lec_buf_str(&b), cases[i].text);
        lec_buf_clear(&b, 0);
        lec_base64url_encode(&b, cases[i].plain, strlen(cases[i].plain));
        assert_string_equal(lec_buf_str(&b), cases[i].unpadded);
        lec_buf_clear(&b, 0);
        assert_int_equal(lec_base64_decode(&b, cases[i].text, strlen(cases[i].text)), LEC_OK);
        assert_string_equal(lec_buf_str(&b), cases[i].plain);
        lec_buf_clear(&b, 0);
        assert_int_equal(lec_base64_decode(&b, cases[i].unpadded, strlen(cases[i].unpadded)),
                         LEC_OK);
        assert_string_equal(lec_buf_str(&b), cases[i].plain);
        lec_buf_fini(&b);
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const struct lec_slice cases[] = {
        { "A", 1 },
        { "=", 1 },
        { "==", 2 },
        { "====", 4 },
        { "A===", 4 },
        { "AAAAA", 5 },
        { "AA=", 3 },
        { "AAA==", 5 },
        { "AA==AA==", 8 },
        { "AA=A", 4 },
        { "=AAA", 4 },
        { "AAAA=", 5 },
        { "AAAA==", 6 },
        { "AAAA====", 8 },
        { "AA A", 4 },
        { "AAA\n", 4 },
        { "AAAA\r\n", 6 },
        { "AA.A", 4 },
        { "AA\0A", 4 },
        { "AA\xff"
          "A",
          4 },
        { "\xc3\xa4", 2 },
        { "Zg==\n", 5 },
        { "Zh==", 4 },
        { "Zh", 2 },
        { "Zm9=", 4 },
        { "Zm9", 3 },
        { "*AAA", 4 },
        { "A*AA", 4 },
        { "AAA*", 4 },
        { "AAAA**", 6 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        lec_buf_adds(&b, "kept");
        if (lec_base64_decode(&b, cases[i].p, cases[i].n) != LEC_EPROTO)
            fail_msg("case %zu was taken", i);
        assert_string_equal(lec_buf_str(&b), "kept");
        lec_buf_fini(&b);
    }
}

/* The values of Node 20's Buffer.from(text, "base64"). */
static void loose_reads_what_node_reads(void **state)
{
    (void)state;
    static const struct {
        struct lec_slice text, bytes;
    } cases[] = {
        { LEC_SLICE(""), LEC_SLICE("") },
        { LEC_SLICE("AQIDBA=="), LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("AQIDBA==\n"), LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("AQID\r\nBA==\r\n"), LEC_SLICE("\1\2\3\4") },
        { LEC_SLICE("A Q\tI\nD"), LEC_SLICE("\1\2\3") },
        { LEC_SLICE("AQID\0AQID"), LEC_SLICE("\1\2\3\1\2\3") },
        { LEC_SLICE("AQI\xc3\xa9"
                    "D"),
          LEC_SLICE("\1\2\3") },
        { LEC_SLICE("AQID-_+/"), LEC_SLICE("\1\2\3\xfb\xff\xbf") },
        { LEC_SLICE("A"), LEC_SLICE("") },
        { LEC_SLICE("AQ"), LEC_SLICE("\1") },
        { LEC_SLICE("AQI"), LEC_SLICE("\1\2") },
        { LEC_SLICE("AR"), LEC_SLICE("\1") },
        { LEC_SLICE("AQJ"), LEC_SLICE("\1\2") },
        { LEC_SLICE("AQIDB"), LEC_SLICE("\1\2\3") },
        { LEC_SLICE("AQIDB\n"), LEC_SLICE("\1\2\3") },
        { LEC_SLICE("AQ\n=="), LEC_SLICE("\1") },
        { LEC_SLICE("AQ="), LEC_SLICE("\1") },
        { LEC_SLICE("AQ==QUJD"), LEC_SLICE("\1") },
        { LEC_SLICE("AQ=IDBA=="), LEC_SLICE("\1") },
        { LEC_SLICE("AQI=D"), LEC_SLICE("\1\2") },
        { LEC_SLICE("A=QI"), LEC_SLICE("") },
        { LEC_SLICE("=AQID"), LEC_SLICE("") },
        { LEC_SLICE("===="), LEC_SLICE("") },
        { LEC_SLICE("!!!"), LEC_SLICE("") },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf b = { 0 };
        lec_buf_adds(&b, "kept");
        lec_base64_decode_loose(&b, cases[i].text.p, cases[i].text.n);
        assert_memory_equal(b.p, "kept", 4);
        if (!lec_slice_eq((struct lec_slice){ b.p + 4, b.n - 4 }, cases[i].bytes))
            fail_msg("case %zu", i);
        lec_buf_fini(&b);
    }
}

/* As RFC 2045 and Java's encoders break lines. */
static void loose_reads_wrapped_lines(void **state)
{
    (void)state;
    static const char *const ends[] = { "\n", "\r\n" };
    unsigned char bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct lec_buf text = { 0 }, wrapped = { 0 }, back = { 0 };
        lec_base64_encode(&text, bytes, n);
        for (size_t i = 0; i < text.n; i += 76) {
            lec_buf_add(&wrapped, text.p + i, text.n - i < 76 ? text.n - i : 76);
            lec_buf_adds(&wrapped, ends[n % 2]);
        }
        lec_base64_decode_loose(&back, wrapped.p, wrapped.n);
        assert_int_equal(back.n, n);
        if (n > 0)
            assert_memory_equal(back.p, bytes, n);
        lec_buf_fini(&text);
        lec_buf_fini(&wrapped);
        lec_buf_fini(&back);
    }
}

static void every_byte_at_every_length(void **state)
{
    (void)state;
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct lec_buf text = { 0 }, back = { 0 };
        lec_base64_encode(&text, bytes, n);
        assert_int_equal(text.n, (n + 2) / 3 * 4);
        assert_int_equal(lec_base64_decode(&back, text.p, text.n), LEC_OK);
        lec_buf_clear(&text, 0);
        lec_base64url_encode(&text, bytes, n);
        assert_int_equal(lec_base64_decode(&back, text.p, text.n), LEC_OK);
        assert_int_equal(back.n, 2 * n);
        assert_memory_equal(back.p, bytes, n);
        assert_memory_equal(back.p + n, bytes, n);
        lec_buf_fini(&text);
        lec_buf_fini(&back);
    }
}

static void only_the_alphabets_characters_are_taken(void **state)
{
    (void)state;
    const char *both = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    for (int c = 0; c < 256; c++) {
        char text[4] = { 'A', (char)c, 'A', 'A' };
        struct lec_buf b = { 0 };
        int want = c != 0 && strchr(both, c) ? LEC_OK : LEC_EPROTO;
        assert_int_equal(lec_base64_decode(&b, text, 4), want);
        lec_buf_fini(&b);
    }
}

static void ids_are_long_enough_and_differ(void **state)
{
    (void)state;
    char ids[200][LEC_ID_LEN + 1];
    for (int i = 0; i < 200; i++) {
        struct lec_buf b = { 0 };
        lec_id_make(ids[i]);
        assert_int_equal(strlen(ids[i]), LEC_ID_LEN);
        assert_null(strpbrk(ids[i], "+/="));
        assert_int_equal(lec_base64_decode(&b, ids[i], LEC_ID_LEN), LEC_OK);
        assert_int_equal(b.n, 15);
        lec_buf_fini(&b);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(loose_reads_what_node_reads),
        cmocka_unit_test(loose_reads_wrapped_lines),
        cmocka_unit_test(every_byte_at_every_length),
        cmocka_unit_test(only_the_alphabets_characters_are_taken),
        cmocka_unit_test(ids_are_long_enough_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
