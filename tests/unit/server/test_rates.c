#include "server/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"

static void reads_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text, *result; /* "name 5;name 6;", with "!" where it ends badly */
    } cases[] = {
        { "", "" },
        { " , ,, ", "" },
        { "typing_start=5", "typing_start 5;" },
        { " a = 1 ,b=1000000,", "a 1;b 1000000;" },
        { "course:open=2", "course:open 2;" },
        { "with space=2", "with space 2;" },
        { "ä=2", "ä 2;" },
        { "a", "!" },
        { "a=", "!" },
        { "a=0", "!" },
        { "=5", "!" },
        { "a=5=6", "!" },
        { "a=-5", "!" },
        { "a=5x", "!" },
        { "a=1.5", "!" },
        { "a=1000001", "!" },
        { "a=99999999999999999999999999", "!" },
        { "a=1;b=2", "!" },
        { "a=1,b", "a 1;!" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf out = { 0 };
        struct lec_slice text = lec_slice_str(cases[i].text), name;
        uint64_t n;
        int rc;
        while ((rc = lec_rates_next(&text, &name, &n)) > 0)
            lec_buf_printf(&out, "%.*s %llu;", (int)name.n, name.p, (unsigned long long)n);
        if (rc < 0)
            lec_buf_addc(&out, '!');
        assert_string_equal(lec_buf_str(&out), cases[i].result);
        lec_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_lists) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
