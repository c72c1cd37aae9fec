/* Which coding an answer gets, and that what was packed is what was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "fake_net.h"
#include "net/encoding.h"

#define GZIP    LEC_ENCODING_BIT(LEC_GZIP)
#define DEFLATE LEC_ENCODING_BIT(LEC_DEFLATE)
#define BR      LEC_ENCODING_BIT(LEC_BR)

static void chooses(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        unsigned offered;
        enum lec_encoding chosen;
    } cases[] = {
        { "", GZIP | BR, LEC_IDENTITY },
        { "gzip", GZIP | BR, LEC_GZIP },
        { "gzip, deflate, br, zstd", GZIP | BR, LEC_BR },
        { "gzip, deflate, br, zstd", GZIP | DEFLATE, LEC_GZIP },
        { "gzip, deflate, br, zstd", 0, LEC_IDENTITY },
        { "deflate", GZIP | DEFLATE, LEC_DEFLATE },
        { "deflate", GZIP | BR, LEC_IDENTITY },
        { "GZip", GZIP, LEC_GZIP },
        { "x-gzip", GZIP, LEC_GZIP },
        { "\tgzip ;\tq=0.5 ", GZIP, LEC_GZIP },
        /* weights */
        { "br;q=0.5, gzip", GZIP | BR, LEC_GZIP },
        { "br;q=0.5, gzip;q=0.4", GZIP | BR, LEC_BR },
        { "br;q=0, gzip", GZIP | BR, LEC_GZIP },
        { "gzip;q=0", GZIP, LEC_IDENTITY },
        { "gzip;q=0.000", GZIP, LEC_IDENTITY },
        { "gzip;q=0.001", GZIP, LEC_GZIP },
        { "gzip;Q=1.000", GZIP, LEC_GZIP },
        { "identity, gzip;q=0.9", GZIP, LEC_IDENTITY },
        { "identity;q=0.5, gzip;q=0.5", GZIP, LEC_GZIP },
        { "identity;q=0", GZIP, LEC_IDENTITY }, /* 406 would help nobody */
        /* all others */
        { "*", GZIP | BR, LEC_BR },
        { "*;q=0", GZIP | BR, LEC_IDENTITY },
        { "*;q=0, gzip", GZIP | BR, LEC_GZIP },
        { "gzip;q=0.5, *;q=0.1", GZIP | BR, LEC_GZIP },
        { "gzip;q=0, *", GZIP, LEC_IDENTITY },
        /* what is none */
        { "gzip;q=2", GZIP, LEC_IDENTITY },
        { "gzip;q=1.001", GZIP, LEC_IDENTITY },
        { "gzip;q=0.1234", GZIP, LEC_IDENTITY },
        { "gzip;q=", GZIP, LEC_IDENTITY },
        { "gzip;q=0,5", GZIP, LEC_IDENTITY },
        { "gzip;q=-1", GZIP, LEC_IDENTITY },
        { "gzip;level=9", GZIP, LEC_IDENTITY },
        { "gzipped, xgzip, gz", GZIP, LEC_IDENTITY },
        { ",,;,;q=1, gzip", GZIP, LEC_GZIP },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(lec_encoding_choose(lec_slice_str(cases[i].accept), cases[i].offered),
                         cases[i].chosen);
}

/* Some kilobytes of what is told to classes. */
static void fill(struct lec_buf *b, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        lec_buf_printf(b, "42[\"discussion_message\",{\"userId\":\"user-%u\",\"n\":%u}]\x1e", i % 7,
                       i * 2654435761u);
}

static void packs(void **state)
{
    (void)state;
    struct lec_deflater *d = lec_deflater_new(0);
    for (unsigned lines = 1; lines <= 20000; lines *= 6) {
        struct lec_buf body = { 0 }, back = { 0 };
        fill(&body, lines);
        struct lec_slice text = lec_buf_slice(&body);
        for (int again = 0; again < 2; again++) {
            struct lec_slice gzip = lec_deflate(d, LEC_GZIP, text);
            if (lines > 1)
                assert_in_range(gzip.n, 1, text.n / 2);
            if (gzip.n > 0) {
                assert_memory_equal(gzip.p, "\x1f\x8b", 2);
                assert_int_equal(lec_gunzip(gzip, text.n, &back), LEC_OK);
                assert_true(lec_slice_eq(lec_buf_slice(&back), text));
                lec_buf_clear(&back, 0);
                assert_int_equal(lec_gunzip(gzip, text.n - 1, &back), LEC_EPROTO);
                assert_int_equal(lec_gunzip(gzip, text.n + 1, &back), LEC_EPROTO);
                gzip.n--;
                assert_int_equal(lec_gunzip(gzip, text.n, &back), LEC_EPROTO);
                assert_int_equal(back.n, 0);
            }
        }
        struct lec_slice zlib = lec_deflate(d, LEC_DEFLATE, text);
        if (lines > 1) {
            assert_in_range(zlib.n, 1, text.n / 2);
            assert_int_equal(zlib.p[0], 0x78); /* RFC 1950, as RFC 9110 has it */
        }
        lec_buf_fini(&body);
        lec_buf_fini(&back);
    }
    lec_deflater_free(d);
}

static void leaves_alone_what_would_grow(void **state)
{
    (void)state;
    struct lec_deflater *d = lec_deflater_new(0);
    char noise[4096];
    uint64_t x = 88172645463325252u; /* xorshift */
    for (size_t i = 0; i < sizeof noise; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        noise[i] = (char)x;
    }
    for (int again = 0; again < 2; again++)
        assert_int_equal(lec_deflate(d, LEC_GZIP, (struct lec_slice){ noise, sizeof noise }).n, 0);
    assert_int_equal(lec_deflate(d, LEC_GZIP, LEC_SLICE("")).n, 0);
    assert_int_equal(lec_deflate(d, LEC_GZIP, LEC_SLICE("x")).n, 0);
    assert_int_equal(lec_deflate(d, LEC_GZIP, LEC_SLICE("ok")).n, 0);
    lec_deflater_free(d);
}

static void remembers_one(void **state)
{
    (void)state;
    struct lec_deflater *d = lec_deflater_new(0);
    struct lec_buf a = { 0 }, b = { 0 }, back = { 0 };
    fill(&a, 50);
    fill(&b, 50);
    struct lec_slice first = lec_deflate(d, LEC_GZIP, lec_buf_slice(&a));
    struct lec_slice same = lec_deflate(d, LEC_GZIP, lec_buf_slice(&b));
    assert_ptr_equal(first.p, same.p);
    assert_int_equal(first.n, same.n);
    b.p[b.n - 3]++;
    same = lec_deflate(d, LEC_GZIP, lec_buf_slice(&b));
    assert_int_equal(lec_gunzip(same, b.n, &back), LEC_OK);
    assert_true(lec_slice_eq(lec_buf_slice(&back), lec_buf_slice(&b)));
    assert_int_equal(lec_deflate(d, LEC_DEFLATE, lec_buf_slice(&b)).p[0], 0x78);
    lec_buf_fini(&a);
    lec_buf_fini(&b);
    lec_buf_fini(&back);
    lec_deflater_free(d);
}

static void answers_for_a_client(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        unsigned lines;
        const char *headers;
    } cases[] = {
        { "gzip", 50, "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n" },
        { "deflate", 50, "Vary: Accept-Encoding\r\nContent-Encoding: deflate\r\n" },
        { "br", 50, "Vary: Accept-Encoding\r\n" },
        { NULL, 50, "Vary: Accept-Encoding\r\n" },
        { "gzip", 5, "" },
    };
    struct lec_loop *loop = fake_loop_new();
    struct lec_deflater *d = lec_deflater_new(1024);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_request(loop, LEC_GET, "/");
        struct lec_buf body = { 0 }, headers = { 0 };
        if (cases[i].accept)
            fake_header(http, "accept-encoding", cases[i].accept);
        fill(&body, cases[i].lines);
        struct lec_slice sent = lec_deflate_for(d, http, lec_buf_slice(&body), &headers);
        assert_string_equal(lec_buf_str(&headers), cases[i].headers);
        assert_int_equal(sent.p == body.p, strstr(cases[i].headers, "Content-") == NULL);
        lec_buf_clear(&headers, 0);
        assert_ptr_equal(lec_deflate_for(NULL, http, lec_buf_slice(&body), &headers).p, body.p);
        assert_int_equal(headers.n, 0);
        lec_buf_fini(&body);
        lec_buf_fini(&headers);
    }
    lec_deflater_free(d);
    fake_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses),
        cmocka_unit_test(packs),
        cmocka_unit_test(leaves_alone_what_would_grow),
        cmocka_unit_test(remembers_one),
        cmocka_unit_test(answers_for_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
