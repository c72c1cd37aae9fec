/* Heads of requests, whole and in all pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/head.h"

#define MAX 4096

/* Reads text as it grows by `piece` bytes, each time at another place, which a sanitizer watches. */
static int read_in_pieces(struct lec_head *h, const char *text, size_t n, size_t piece, size_t max)
{
    *h = (struct lec_head){ 0 };
    for (size_t have = piece < n ? piece : n;; have = have + piece < n ? have + piece : n) {
        char *copy = malloc(have + 1);
        memcpy(copy, text, have);
        int rc = lec_head_read(h, copy, have, max);
        free(copy);
        if (rc != 0 || have == n)
            return rc;
    }
}

static void reads(void **state)
{
    static const struct {
        const char *text, *method, *target;
        unsigned minor;
        const char *fields; /* name=value| … */
    } table[] = {
        { "GET / HTTP/1.1\r\n\r\n", "GET", "/", 1, "" },
        { "GET / HTTP/1.0\r\n\r\n", "GET", "/", 0, "" },
        { "\r\n\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "GET", "/a?b=c", 1, "Host=x|" },
        { "M-SEARCH * HTTP/1.1\r\nHost:x\r\n\r\n", "M-SEARCH", "*", 1, "Host=x|" },
        { "OPTIONS http://a/b HTTP/1.1\r\nA:\r\nB: \t \r\n\r\n", "OPTIONS", "http://a/b", 1,
          "A=|B=|" },
        { "GET / HTTP/1.1\r\nX: \xc3\xbc\x80\r\n\r\n", "GET", "/", 1, "X=\xc3\xbc\x80|" },
        { "GET /\"<>{}|\\^`[] HTTP/1.1\r\n\r\n", "GET", "/\"<>{}|\\^`[]", 1, "" },
        { "A / HTTP/1.1\r\na: b: c\r\nA: \t b \t c \t \r\n!#$%&'*+-.^_`|~09: d\r\n\r\n", "A", "/",
          1, "a=b: c|A=b \t c|!#$%&'*+-.^_`|~09=d|" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t n = strlen(table[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            struct lec_head h;
            const char *p = table[i].text;
            assert_int_equal(read_in_pieces(&h, p, n, piece, MAX), n);
            assert_true(lec_slice_is(lec_head_method(&h, p), table[i].method));
            assert_true(lec_slice_is(lec_head_target(&h, p), table[i].target));
            assert_int_equal(h.minor, table[i].minor);
            char fields[256] = "";
            struct lec_slice name, value;
            for (size_t pos = h.fields; lec_head_next(p, &pos, &name, &value);) {
                strncat(fields, name.p, name.n);
                strcat(fields, "=");
                strncat(fields, value.p, value.n);
                strcat(fields, "|");
            }
            assert_string_equal(fields, table[i].fields);
        }
    }
}

static void stops_at_its_end(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\n";
    struct lec_head h = { 0 };
    (void)state;
    assert_int_equal(lec_head_read(&h, text, sizeof text - 1, MAX), 18);
}

#define LINE "GET / HTTP/1.1\r\n"

static void refuses(void **state)
{
    static const struct {
        const char *text;
        size_t n; /* 0: its length as a string */
        unsigned status;
    } table[] = {
        { "\n", 0, 400 },
        { "\nGET / HTTP/1.1\r\n", 0, 400 },
        { "\r", 2, 400 }, /* CR, NUL */
        { "\rG", 0, 400 },
        { " GET", 0, 400 },
        { "\tGET", 0, 400 },
        { "\x16\x03\x01", 0, 400 },
        { "", 1, 400 }, /* NUL */
        { ":path", 0, 400 },
        { "(GET", 0, 400 },
        { "G\xc3", 0, 400 },
        { "GET\t", 0, 400 },
        { "GET\r\n", 0, 400 },
        { "GET  /", 0, 400 },
        { "GET /\t", 0, 400 },
        { "GET /\r\n", 0, 400 },
        { "GET /\n", 0, 400 },
        { "GET /#", 0, 400 },
        { "GET /\x7f", 0, 400 },
        { "GET /\xc3\xbc", 0, 400 },
        { "GET / a", 0, 400 },
        { "GET /  HTTP", 0, 400 },
        { "GET / http/1.1\r\n", 0, 400 },
        { "GET / HTTP/1,1\r\n", 0, 400 },
        { "GET / HTTP/11\r\n", 0, 400 },
        { "GET / HTTP/1.10\r\n", 0, 400 },
        { "GET / HTTP/1.1 \r\n", 0, 400 },
        { "GET / HTTP/1.1\n", 0, 400 },
        { "GET / HTTP/1.1\rX", 0, 400 },
        { "GET / HTTP/2.0\r\n", 0, 505 },
        { "GET / HTTP/0.9\r\n", 0, 505 },
        { "GET / HTTP/1.2\r\n", 0, 505 },
        { "PRI * HTTP/2.0\r\n", 0, 505 },
        { LINE " a: b\r\n", 0, 400 },
        { LINE "\ta: b\r\n", 0, 400 },
        { LINE "\n", 0, 400 },
        { LINE "\rX", 0, 400 },
        { LINE ": a\r\n", 0, 400 },
        { LINE "a : b\r\n", 0, 400 },
        { LINE "a\t: b\r\n", 0, 400 },
        { LINE "a  : b\r\n", 0, 400 },
        { LINE "a\r: b\r\n", 0, 400 },
        { LINE "a\r\n", 0, 400 },
        { LINE "a\xc3: b\r\n", 0, 400 },
        { LINE "a@b: c\r\n", 0, 400 },
        { LINE "a: b\n", 0, 400 },
        { LINE "a: b\rc\r\n", 0, 400 },
        { LINE "a: b\r\r\n", 0, 400 },
        { LINE "a: b\x01", 0, 400 },
        { LINE "a: b\x7f", 0, 400 },
        { LINE "a: b\v", 0, 400 },
        { LINE "a: b", sizeof LINE - 1 + 5, 400 }, /* and its NUL */
        { LINE "a: b\r\n c\r\n", 0, 400 },
        { LINE "a: b\r\n\tc\r\n", 0, 400 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t n = table[i].n > 0 ? table[i].n : strlen(table[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            struct lec_head h;
            assert_int_equal(read_in_pieces(&h, table[i].text, n, piece, MAX), LEC_EPROTO);
            assert_int_equal(h.status, table[i].status);
        }
    }
}

/* It shows at the first octet that cannot be right. */
static void refuses_early(void **state)
{
    static const char text[] = LINE "Content-Length\t: 36";
    (void)state;
    for (size_t n = 1; n < sizeof text; n++) {
        struct lec_head h = { 0 };
        int rc = lec_head_read(&h, text, n, MAX);
        assert_int_equal(rc, n > strlen(LINE "Content-Length") ? LEC_EPROTO : 0);
    }
}

static void has_a_limit(void **state)
{
    static const char text[] = LINE "Name: value\r\n\r\n";
    size_t n = sizeof text - 1;
    (void)state;
    for (size_t max = 1; max <= n + 1; max++) {
        for (size_t piece = 1; piece <= n; piece++) {
            struct lec_head h;
            int rc = read_in_pieces(&h, text, n, piece, max);
            if (max >= n) {
                assert_int_equal(rc, n);
                continue;
            }
            assert_int_equal(rc, LEC_EPROTO);
            assert_int_equal(h.status, max < sizeof LINE - 1 ? 414 : 431);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),       cmocka_unit_test(stops_at_its_end),
        cmocka_unit_test(refuses),     cmocka_unit_test(refuses_early),
        cmocka_unit_test(has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
