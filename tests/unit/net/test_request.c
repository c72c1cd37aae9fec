/* The pure parts of reading a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/request.h"

static void content_length(void **state)
{
    static const struct {
        const char *text;
        int rc;
        uint64_t n;
    } table[] = {
        { "0", LEC_OK, 0 },
        { "5", LEC_OK, 5 },
        { "0005", LEC_OK, 5 },
        { "1000000", LEC_OK, 1000000 },
        { "999999999999999999", LEC_OK, 999999999999999999u },
        { "1000000000000000000", LEC_ETOOBIG, 0 },
        { "99999999999999999999999999999999", LEC_ETOOBIG, 0 },
        { "", LEC_EPROTO, 0 },
        { " 5", LEC_EPROTO, 0 },
        { "5 ", LEC_EPROTO, 0 },
        { "-5", LEC_EPROTO, 0 },
        { "+5", LEC_EPROTO, 0 },
        { "5,5", LEC_EPROTO, 0 },
        { "5, 6", LEC_EPROTO, 0 },
        { "0x10", LEC_EPROTO, 0 },
        { "1e3", LEC_EPROTO, 0 },
        { "5.0", LEC_EPROTO, 0 },
        { "\xd9\xa5", LEC_EPROTO, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t n = 77;
        assert_int_equal(lec_request_length(lec_slice_str(table[i].text), &n), table[i].rc);
        assert_int_equal(n, table[i].rc == LEC_OK ? table[i].n : 77);
    }
    uint64_t n;
    assert_int_equal(lec_request_length((struct lec_slice){ "5\0005", 3 }, &n), LEC_EPROTO);
}

static void tokens(void **state)
{
    static const struct {
        const char *list, *token;
        bool has;
    } table[] = {
        { "close", "close", true },
        { "Close", "close", true },
        { "keep-alive, Upgrade", "upgrade", true },
        { " , \tupgrade ,x", "upgrade", true },
        { "", "close", false },
        { ",", "close", false },
        { "closed", "close", false },
        { "clos", "close", false },
        { "not close", "close", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(lec_request_has_token(lec_slice_str(table[i].list), table[i].token),
                         table[i].has);
    assert_false(lec_request_has_token((struct lec_slice){ NULL, 0 }, "close"));
}

static void subprotocols(void **state)
{
    static const struct {
        const char *list;
        const char *first; /* NULL: refused */
    } table[] = {
        { "chat", "chat" },     { " graphql-ws , chat", "graphql-ws" },
        { "v1.2_x", "v1.2_x" }, { "!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~" },
        { "", NULL },           { ", chat", NULL },
        { "a b", NULL },        { "\"a\"", NULL },
        { "a/b", NULL },        { "\xc3\xa4", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct lec_slice first;
        int rc = lec_request_subprotocol(lec_slice_str(table[i].list), &first);
        assert_int_equal(rc, table[i].first != NULL ? LEC_OK : LEC_EPROTO);
        if (table[i].first != NULL)
            assert_true(lec_slice_is(first, table[i].first));
    }
    struct lec_slice first;
    assert_int_equal(lec_request_subprotocol((struct lec_slice){ "a\0b", 3 }, &first), LEC_EPROTO);
}

static void hosts(void **state)
{
    static const char *const good[] = {
        "h",   "school.example",        "h:443", "127.0.0.1:3001", "[::1]:80",
        "a_b", "xn--mnchen-3ya.example"
    };
    static const char *const bad[] = { "",    "a b", "a/b",      "a@b",  "http://a", "a\tb",
                                       "a?b", "a#b", "\xc3\xa4", "a\"b", "a\\b",     "<a>" };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(lec_request_is_host(lec_slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(lec_request_is_host(lec_slice_str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_length),
        cmocka_unit_test(hosts),
        cmocka_unit_test(tokens),
        cmocka_unit_test(subprotocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
