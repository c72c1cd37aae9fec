/* Bodies by length and in chunks, whole and in all pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/body.h"

/* Feeds text in pieces. How much of it was the body's, or the error; what came out, in *out. */
static int64_t read_in_pieces(struct lec_body *b, const char *text, size_t n, size_t piece,
                              struct lec_buf *out)
{
    size_t used = 0;
    while (used < n && !lec_body_is_whole(b)) {
        size_t k = n - used < piece ? n - used : piece;
        char *copy = malloc(k); /* no byte behind it is there to be read */
        memcpy(copy, text + used, k);
        for (size_t at = 0; at < k && !lec_body_is_whole(b);) {
            struct lec_slice data;
            int64_t rc = lec_body_read(b, copy + at, k - at, &data);
            if (rc < 0) {
                free(copy);
                return rc;
            }
            lec_buf_add(out, data.p, data.n);
            at += (size_t)rc;
            used += (size_t)rc;
        }
        free(copy);
    }
    return (int64_t)used;
}

static void lengths(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 6; length++) {
        for (size_t piece = 1; piece <= 6; piece++) {
            struct lec_body b;
            struct lec_buf out = { 0 };
            lec_body_of_length(&b, length);
            assert_int_equal(read_in_pieces(&b, "abcdef", 6, piece, &out), length);
            assert_true(lec_body_is_whole(&b));
            assert_false(lec_body_is_chunked(&b));
            assert_memory_equal(out.n > 0 ? out.p : "", "abcdef", length);
            assert_int_equal(out.n, length);
            lec_buf_fini(&out);
        }
    }
}

static void chunks(void **state)
{
    static const struct {
        const char *text;
        const char *body; /* NULL: refused */
    } table[] = {
        { "0\r\n\r\n", "" },
        { "5\r\nhello\r\n0\r\n\r\n", "hello" },
        { "5\r\nhello\r\n06\r\n world\r\n000\r\n\r\n", "hello world" },
        { "A\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
        { "a\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
        { "3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc" },
        { "3;a=b;c;d=\"e\\\"f;g\"\r\nabc\r\n0\r\n\r\n", "abc" },
        { "2\r\n\r\n\r\n0\r\n\r\n", "\r\n" },
        { "0\r\nA: b\r\nC:\r\n\r\n", "" },
        { "0\r\nContent-Lengthy: 5\r\nContent-: 5\r\nc: d\r\n\r\n", "" },
        { "0\r\nContent-Length: 5\r\n\r\n", NULL },
        { "0\r\na: b\r\ncONTENT-lENGTH: 5\r\n\r\n", NULL },
        { "0\r\nTransfer-Encoding: chunked\r\n\r\n", NULL },
        { "\r\n", NULL },
        { "5 \r\n", NULL },
        { " 5\r\n", NULL },
        { "5\t;a\r\n", NULL },
        { "0x5\r\n", NULL },
        { "+5\r\n", NULL },
        { "-5\r\n", NULL },
        { "g\r\n", NULL },
        { "5\n", NULL },
        { "5\r5", NULL },
        { "5,5\r\n", NULL },
        { "5;\r\n", NULL },
        { "5; a\r\n", NULL },
        { "5;a =b\r\n", NULL },
        { "5;a=\r\n", NULL },
        { "5;a=\"b\r\n", NULL },
        { "5;a=\"b\"c\r\n", NULL },
        { "5;a=b=c\r\n", NULL },
        { "5;a\n", NULL },
        { "3\r\nabcd\r\n", NULL },
        { "3\r\nabc\n", NULL },
        { "3\r\nabc0\r\n", NULL },
        { "3\r\nabc\rX", NULL },
        { "0\n", NULL },
        { "0\r\n\n", NULL },
        { "0\r\n a: b\r\n", NULL },
        { "0\r\na : b\r\n", NULL },
        { "0\r\n: b\r\n", NULL },
        { "0\r\na\r\n", NULL },
        { "0\r\na: b\n", NULL },
        { "0\r\na: \x01", NULL },
        { "0\r\n\rX", NULL },
        { "10000000000000000\r\n", NULL },
        { "FFFFFFFFFFFFFFFF\r\n", NULL },
        { "ffffffffffffffff5\r\n", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t n = strlen(table[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            struct lec_body b;
            struct lec_buf out = { 0 };
            lec_body_of_chunks(&b, 100);
            assert_true(lec_body_is_chunked(&b));
            int64_t used = read_in_pieces(&b, table[i].text, n, piece, &out);
            if (table[i].body == NULL) {
                assert_int_equal(used, LEC_EPROTO);
            } else {
                assert_int_equal(used, n);
                assert_true(lec_body_is_whole(&b));
                assert_string_equal(lec_buf_str(&out), table[i].body);
            }
            lec_buf_fini(&out);
        }
    }
}

static void end_before_the_next_request(void **state)
{
    static const char text[] = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    struct lec_body b;
    struct lec_buf out = { 0 };
    (void)state;
    lec_body_of_chunks(&b, 100);
    assert_int_equal(read_in_pieces(&b, text, sizeof text - 1, sizeof text, &out), 11);
    lec_buf_fini(&out);
}

#define ZEROS "0000000000000000000000000000000000000000"

static void have_little_around_them(void **state)
{
    static const char *const table[] = {
        "1;%.*s\r\n",           "1;a=%.*s\r\n",        "1;a=\"%.*s\"\r\n",
        "0\r\n%.*s: b\r\n\r\n", "0\r\na:%.*s\r\n\r\n", (ZEROS ZEROS ZEROS "%.*s\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[400], filler[201];
        memset(filler, 'b', 200);
        struct lec_body b;
        struct lec_buf out = { 0 };
        snprintf(text, sizeof text, table[i], 200, filler);
        lec_body_of_chunks(&b, 100);
        assert_int_equal(read_in_pieces(&b, text, strlen(text), 7, &out), LEC_ETOOBIG);
        lec_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(chunks),
        cmocka_unit_test(end_before_the_next_request),
        cmocka_unit_test(have_little_around_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
