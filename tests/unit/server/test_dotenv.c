#include "server/dotenv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* Reads all pairs as "name=value@line;", and a mistake as "!line". */
static char *read_all(struct lec_slice text)
{
    struct lec_buf out = { 0 }, value = { 0 };
    struct lec_dotenv d;
    struct lec_slice name;
    int rc;
    /* a copy of its own, so that reading past the end is noticed */
    char *copy = lec_strndup(text.p, text.n);
    copy = lec_realloc(copy, text.n ? text.n : 1);
    lec_dotenv_init(&d, (struct lec_slice){ copy, text.n });
    while ((rc = lec_dotenv_next(&d, &name, &value)) > 0)
        lec_buf_printf(&out, "%.*s=%s@%u;", (int)name.n, name.p, lec_buf_str(&value), d.line);
    if (rc < 0) {
        assert_int_equal(rc, LEC_EPROTO);
        assert_non_null(d.why);
        lec_buf_printf(&out, "!%u", d.line);
    }
    free(copy);
    lec_buf_fini(&value);
    lec_buf_addc(&out, '\0');
    return out.p;
}

static void reads_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pairs;
    } cases[] = {
        { "", "" },
        { "\n\r\n  \t\n", "" },
        { "# only a comment", "" },
        { "A=1", "A=1@1;" },
        { "A=1\nB=2\n", "A=1@1;B=2@2;" },
        { "A=1\r\nB=2\r\n", "A=1@1;B=2@2;" },
        { "\xef\xbb\xbf"
          "A=1",
          "A=1@1;" },
        { "  A  =  1 2  \t\n", "A=1 2@1;" },
        { "A=", "A=@1;" },
        { "A=\nB=2", "A=@1;B=2@2;" },
        { "export A=1", "A=1@1;" },
        { "export\tA=1", "A=1@1;" },
        { "export=1", "export=1@1;" },
        { "export = 1", "export=1@1;" },
        { "exported=1", "exported=1@1;" },
        { "A.b-c_1=x", "A.b-c_1=x@1;" },
        { "A=1 # why", "A=1@1;" },
        { "A=1#2", "A=1@1;" },
        { "A=#2", "A=@1;" },
        { "A='1#2' # why", "A=1#2@1;" },
        { "A=\"1#2\"", "A=1#2@1;" },
        { "A=`1'\"2`", "A=1'\"2@1;" },
        { "A='a\\n\"'", "A=a\\n\"@1;" },
        { "A=\"a\\nb\\t\\\"\\\\c\"", "A=a\nb\t\"\\c@1;" },
        { "A=\"\\x\"", "A=\\x@1;" },
        { "A=\"one\ntwo\"\nB=2", "A=one\ntwo@1;B=2@3;" },
        { "A=\"one\r\ntwo\"\r\nB=2", "A=one\ntwo@1;B=2@3;" },
        { "A=\"\"", "A=@1;" },
        { "A=it's", "A=it's@1;" },
        { "A=a=b==", "A=a=b==@1;" },
        { "A=1\n\n# c\nB=2", "A=1@1;B=2@4;" },
        { "FRONTEND_URL=http://localhost:3000\nJWT_SECRET=your-jwt-secret-key\n",
          "FRONTEND_URL=http://localhost:3000@1;JWT_SECRET=your-jwt-secret-key@2;" },
        { "A", "!1" },
        { "A=1\nnonsense here\n", "A=1@1;!2" },
        { "=1", "!1" },
        { "A='1", "!1" },
        { "A=\"1\\", "!1" },
        { "\nA=\"1\n\n", "!2" },
        { "A='1'2", "!1" },
        { "export A", "!1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *pairs = read_all(lec_slice_str(cases[i].text));
        assert_string_equal(pairs, cases[i].pairs);
        free(pairs);
    }
}

static void refuses_zero_bytes(void **state)
{
    (void)state;
    char *pairs = read_all(LEC_SLICE("A=1\nB=a\0b\n"));
    assert_string_equal(pairs, "A=1@1;!2");
    free(pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_files),
        cmocka_unit_test(refuses_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
