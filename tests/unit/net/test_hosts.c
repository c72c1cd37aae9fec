#include "net/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void reads_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int names, nets; /* names -1: refused */
    } cases[] = {
        { "", 0, 0 },
        { " , ", 0, 0 },
        { "api.school.example", 1, 0 },
        { "*.push.example, 10.0.0.0/8 ::1,localhost", 2, 2 },
        { "192.0.2.7", 0, 1 },
        { "xn--bcher-kva.example,a_b.example,4.example", 3, 0 },
        { "*", -1, 0 },
        { "*.", -1, 0 },
        { "a.*.example", -1, 0 },
        { "*a.example", -1, 0 },
        { ".example", -1, 0 },
        { "*..example", -1, 0 },
        { "a..example", -1, 0 },
        { "example.", -1, 0 },
        { "10.0.0", -1, 0 },
        { "10.0.0.256", -1, 0 },
        { "10.0.0.0/33", -1, 0 },
        { "2130706433", -1, 0 },
        { "a.example:80", -1, 0 },
        { "https://a.example", -1, 0 },
        { "a.example,b.example/x", -1, 0 },
        { "bücher.example", -1, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_hosts hosts = { 0 };
        int rc = lec_hosts_parse(&hosts, cases[i].text), names = cases[i].names;
        if (rc != (names < 0 ? LEC_EINVAL : LEC_OK))
            fail_msg("\"%s\": %d", cases[i].text, rc);
        assert_int_equal(hosts.n_names, names < 0 ? 0 : names);
        assert_int_equal(hosts.nets.n, cases[i].nets);
        assert_int_equal(lec_hosts_empty(&hosts), hosts.n_names + hosts.nets.n == 0);
        lec_hosts_fini(&hosts);
    }
}

static void knows_its_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool has;
    } cases[] = {
        { "api.school.example", true },
        { "API.School.example", true },
        { "x.api.school.example", false },
        { "school.example", false },
        { "a.push.example", true },
        { "a.b.PUSH.example", true },
        { "push.example", false },
        { ".push.example", false },
        { "evilpush.example", false },
        { "a.push.example.evil.example", false },
        { "10.0.0.1", false },
        { "", false },
    };
    struct lec_hosts hosts = { 0 };
    assert_int_equal(lec_hosts_parse(&hosts, "Api.school.example *.Push.example 10.0.0.0/8"),
                     LEC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (lec_hosts_have(&hosts, cases[i].name) != cases[i].has)
            fail_msg("%s", cases[i].name);
    lec_hosts_fini(&hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(knows_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
