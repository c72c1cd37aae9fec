#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int value;
    struct lec_list link;
};

static void appends_and_shifts_in_order(void **state)
{
    (void)state;
    struct lec_list head;
    struct item items[5];
    lec_list_init(&head);
    assert_true(lec_list_empty(&head));
    assert_null(lec_list_shift(&head));
    for (int i = 0; i < 5; i++) {
        items[i].value = i;
        lec_list_append(&head, &items[i].link);
    }
    for (int i = 0; i < 5; i++) {
        struct lec_list *node = lec_list_shift(&head);
        assert_non_null(node);
        assert_int_equal(LEC_CONTAINER(node, struct item, link)->value, i);
        assert_true(lec_list_empty(node));
    }
    assert_true(lec_list_empty(&head));
}

static void removes_from_anywhere_even_twice(void **state)
{
    (void)state;
    struct lec_list head;
    struct item a, b, c;
    lec_list_init(&head);
    lec_list_append(&head, &a.link);
    lec_list_append(&head, &b.link);
    lec_list_append(&head, &c.link);
    lec_list_remove(&b.link);
    lec_list_remove(&b.link);
    assert_ptr_equal(head.next, &a.link);
    assert_ptr_equal(a.link.next, &c.link);
    assert_ptr_equal(c.link.prev, &a.link);
    lec_list_remove(&c.link);
    lec_list_remove(&a.link);
    assert_true(lec_list_empty(&head));
    lec_list_append(&head, &b.link);
    assert_ptr_equal(lec_list_shift(&head), &b.link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_shifts_in_order),
        cmocka_unit_test(removes_from_anywhere_even_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
