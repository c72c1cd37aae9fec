#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/target.h"

static void forms(void **state)
{
    static const struct {
        const char *text, *authority, *path, *query;
    } table[] = {
        { "/", "", "/", "" },
        { "/a/b?c=d?e", "", "/a/b", "c=d?e" },
        { "/?", "", "/", "" },
        { "//a", "", "//a", "" },
        { "*", "", "*", "" },
        { "http://h", "h", "/", "" },
        { "HTTP://h:80/a?b", "h:80", "/a", "b" },
        { "https://[::1]:443?b", "[::1]:443", "/", "b" },
    };
    static const char *const none[] = { "",        "a",           "*a",          "h:80",
                                        "?a",      "http://",     "http:///a",   "http:/a",
                                        "ws://h",  "http://u@h/", "http://h\\a", "http://h<",
                                        "ftp://h/" };
    struct lec_target t;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(lec_target_read(&t, lec_slice_str(table[i].text)), LEC_OK);
        assert_true(lec_slice_is(t.authority, table[i].authority));
        assert_true(lec_slice_is(t.path, table[i].path));
        assert_true(lec_slice_is(t.query, table[i].query));
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(lec_target_read(&t, lec_slice_str(none[i])), LEC_EPROTO);
}

static void paths(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } table[] = {
        { "/", "/" },
        { "/a/b/", "/a/b/" },
        { "/aZ09-._~!$&'()*+,;=:@", "/aZ09-._~!$&'()*+,;=:@" },
        { "/%61%2d%7E", "/a-~" },
        { "/%2f%26%3d%20%e4", "/%2F%26%3D%20%E4" },
        { "/a\"<>\\^`{|}[]", "/a%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D" },
        { "/\xc3\xbc", "/%C3%BC" },
        { "//a///b//", "/a/b/" },
        { "/./a/./b/.", "/a/b/" },
        { "/a/../b", "/b" },
        { "/a/b/..", "/a/" },
        { "/../../a", "/a" },
        { "/..", "/" },
        { "/%2e%2E/a/%2e", "/a/" },
        { "/...", "/..." },
        { "/a%2f../b", "/a%2F../b" },
        { "/%", NULL },
        { "/%4", NULL },
        { "/%zz", NULL },
        { "/%00", NULL },
        { "/a/%%41", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char out[128];
        int n = lec_target_path(out, lec_slice_str(table[i].in));
        if (table[i].out == NULL)
            assert_int_equal(n, LEC_EPROTO);
        else
            assert_true(n > 0 && lec_slice_is((struct lec_slice){ out, (size_t)n }, table[i].out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
