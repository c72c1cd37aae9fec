#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engineio/query.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned protocol;
        enum eio_transport transport;
        const char *name, *sid;
        bool base64;
    } cases[] = {
        { "EIO=4&transport=polling", 4, EIO_POLLING, "polling", "", false },
        { "EIO=4&transport=websocket&sid=abc", 4, EIO_WEBSOCKET, "websocket", "abc", false },
        { "transport=polling&EIO=4&t=xyz&b64=1", 4, EIO_POLLING, "polling", "", true },
        { "", 3, EIO_TRANSPORT_UNKNOWN, "", "", false },
        { "EIO=3&transport=polling", 3, EIO_POLLING, "polling", "", false },
        { "EIO=04&transport=polling", 3, EIO_POLLING, "polling", "", false },
        { "EIO=44&transport=polling", 3, EIO_POLLING, "polling", "", false },
        { "EIO=abc&transport=Polling", 3, EIO_TRANSPORT_UNKNOWN, "Polling", "", false },
        { "EIO&transport", 3, EIO_TRANSPORT_UNKNOWN, "", "", false },
        { "EIO=4&EIO=3&transport=abc&transport=polling", 3, EIO_POLLING, "polling", "", false },
        { "EIO=3&EIO=4&sid=a&sid=b", 4, EIO_TRANSPORT_UNKNOWN, "", "b", false },
        { "&&EIO=4&&transport=websocket&", 4, EIO_WEBSOCKET, "websocket", "", false },
        { "EIO=4&transport=polling&b64=", 4, EIO_POLLING, "polling", "", false },
        { "EIO=4&transport=polling&b64", 4, EIO_POLLING, "polling", "", false },
        { "EIO=4&transport=polling&b64=0", 4, EIO_POLLING, "polling", "", true },
        { "eio=4&TRANSPORT=polling", 3, EIO_TRANSPORT_UNKNOWN, "", "", false },
        { "EIO=4&transport=webtransport&sid=a=b", 4, EIO_TRANSPORT_UNKNOWN, "webtransport", "a=b",
          false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct eio_query query;
        eio_query_parse(&query, lec_slice_str(cases[i].text));
        assert_int_equal(query.protocol, cases[i].protocol);
        assert_int_equal(query.transport, cases[i].transport);
        assert_true(lec_slice_is(query.transport_name, cases[i].name));
        assert_true(lec_slice_is(query.sid, cases[i].sid));
        assert_int_equal(query.base64, cases[i].base64);
    }
}

static void test_next(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pairs[6]; /* name, value, name, value … */
    } cases[] = {
        { "a=1&b=2", { "a", "1", "b", "2" } },
        { "", { NULL } },
        { "&&&", { NULL } },
        { "a", { "a", "" } },
        { "=v", { "", "v" } },
        { "a=b=c", { "a", "b=c" } },
        { "q=%26a&n+m=x+y", { "q", "&a", "n m", "x y" } },
        { "%61%3D=%e2%82%AC", { "a=", "\xe2\x82\xac" } },
        { "a=%&b=%2&c=%zz", { "a", "%", "b", "%2", "c", "%zz" } },
        { "a=%%41", { "a", "%A" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_buf scratch = { 0 };
        struct lec_slice name, value;
        size_t pos = 0, n = 0;
        for (; eio_query_next(lec_slice_str(cases[i].text), &pos, &scratch, &name, &value);
             n += 2) {
            assert_true(n < 6 && cases[i].pairs[n] != NULL);
            assert_true(lec_slice_is(name, cases[i].pairs[n]));
            assert_true(lec_slice_is(value, cases[i].pairs[n + 1]));
        }
        assert_true(n == 6 || cases[i].pairs[n] == NULL);
        lec_buf_fini(&scratch);
    }
}

static void test_next_nul(void **state)
{
    (void)state;
    struct lec_buf scratch = { 0 };
    struct lec_slice name, value;
    size_t pos = 0;
    assert_true(eio_query_next(LEC_SLICE("a=x%00y"), &pos, &scratch, &name, &value));
    assert_true(lec_slice_eq(value, LEC_SLICE("x\0y")));
    lec_buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_next_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
