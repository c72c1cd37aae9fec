/* What we read of answers that we fetched. */
#include "base/fields.h"
#include "net/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void keeps_header_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *name, *value; /* NULL: passed over */
    } cases[] = {
        { "Content-Type: text/html\r\n", "content-type", "text/html" },
        { "X:y", "x", "y" },
        { "X: \t a b \t\r\n", "x", "a b" },
        { "X:\r\n", "x", "" },
        { "X: a: b\r\n", "x", "a: b" },
        { "HTTP/1.1 200 OK\r\n", NULL, NULL },
        { "\r\n", NULL, NULL },
        { "", NULL, NULL },
        { ": x\r\n", NULL, NULL },
        { " folded: x\r\n", NULL, NULL },
        { "a b: x\r\n", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf headers = { 0 };
        struct lec_slice name, value;
        size_t pos = 0;
        lec_answer_add(&headers, lec_slice_str(cases[i].line));
        bool found = lec_fields_next(lec_buf_slice(&headers), &pos, &name, &value);
        assert_int_equal(found, cases[i].name != NULL);
        if (found) {
            assert_true(lec_slice_is(name, cases[i].name));
            assert_true(lec_slice_is(value, cases[i].value));
            assert_false(lec_fields_next(lec_buf_slice(&headers), &pos, &name, &value));
        }
        lec_buf_fini(&headers);
    }
    struct lec_buf headers = { 0 };
    lec_answer_add(&headers, LEC_SLICE("a\0b: c"));
    lec_answer_add(&headers, LEC_SLICE("a: c\0d"));
    assert_int_equal(headers.n, 0);
    lec_buf_fini(&headers);
}

static void tells_how_long_an_answer_is_fresh(void **state)
{
    (void)state;
    static const struct {
        const char *lines[3];
        int64_t want;
    } cases[] = {
        { { "content-type: x" }, -1 },
        { { "cache-control: public" }, -1 },
        { { "cache-control: max-age=60" }, 60 },
        { { "Cache-Control: Public , MAX-AGE=\"60\", immutable" }, 60 },
        { { "cache-control: max-age=0" }, 0 },
        { { "cache-control: max-age=60, no-cache" }, 0 },
        { { "cache-control: no-store, max-age=60" }, 0 },
        { { "cache-control: s-maxage=5, max-age=60" }, 60 },
        { { "cache-control: max-age=" }, 0 },
        { { "cache-control: max-age=-1" }, 0 },
        { { "cache-control: max-age=1h" }, 0 },
        { { "cache-control: max-age" }, -1 },
        { { "cache-control: max-age=99999999999999999999" }, 2147483648 },
        { { "cache-control: public", "cache-control: max-age=7" }, 7 },
        { { "cache-control: max-age=60", "age: 20" }, 40 },
        { { "age: 90", "cache-control: max-age=60" }, 0 },
        { { "cache-control: max-age=60", "age: x" }, 60 },
        { { "cache-control: ,,=,;" }, -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf headers = { 0 };
        for (size_t j = 0; j < 3 && cases[i].lines[j]; j++)
            lec_answer_add(&headers, lec_slice_str(cases[i].lines[j]));
        assert_int_equal(lec_answer_max_age(lec_buf_slice(&headers)), cases[i].want);
        lec_buf_fini(&headers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_header_lines),
        cmocka_unit_test(tells_how_long_an_answer_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
