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
        size_t n;
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
        size_t n = 77;
        assert_int_equal(lec_request_length(lec_slice_str(table[i].text), &n), table[i].rc);
        assert_int_equal(n, table[i].rc == LEC_OK ? table[i].n : 77);
    }
    size_t n;
    assert_int_equal(lec_request_length((struct lec_slice){ "5\0005", 3 }, &n), LEC_EPROTO);
}

static void encoding(void **state)
{
    static const struct {
        const char *in, *also, *out;
    } table[] = {
        { "", "", "" },
        { "aZ09-._~", "", "aZ09-._~" },
        { "a b", "", "a%20b" },
        { "a=b&c", "", "a%3Db%26c" },
        { "/a+b:c", "/+:", "/a+b:c" },
        { "%", "/", "%25" },
        { "\xc3\xbc", "", "%C3%BC" },
        { "\x7f\x01", "", "%7F%01" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char out[64];
        size_t n = lec_request_encode(out, table[i].in, strlen(table[i].in), table[i].also);
        assert_true(lec_slice_is((struct lec_slice){ out, n }, table[i].out));
    }
    char out[3];
    assert_int_equal(lec_request_encode(out, "", 1, "/"), 3); /* NUL is none of any set */
    assert_memory_equal(out, "%00", 3);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_length),
        cmocka_unit_test(encoding),
        cmocka_unit_test(tokens),
        cmocka_unit_test(subprotocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
