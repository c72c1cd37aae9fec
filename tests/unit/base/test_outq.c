#include "base/outq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lec_msg *numbered(unsigned n)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%u", n);
    return lec_msg_copy(false, text, (size_t)len);
}

static unsigned number_of(const struct lec_msg *m)
{
    char text[16] = { 0 };
    memcpy(text, lec_msg_payload(m).p, lec_msg_payload(m).n);
    return (unsigned)atoi(text);
}

static void assert_idle(const struct lec_outq *q)
{
    assert_null(q->ring);
    assert_int_equal(q->count, 0);
    assert_int_equal(q->cap, 0);
    assert_int_equal(q->bytes, 0);
}

static void holds_references_of_its_own(void **state)
{
    (void)state;
    struct lec_outq a = { 0 }, b = { 0 };
    struct lec_msg *m = numbered(1);
    lec_outq_push(&a, m);
    lec_outq_push(&b, m);
    lec_outq_push(&b, m);
    assert_int_equal(m->refs, 4);
    assert_int_equal(b.bytes, 2 * (lec_msg_frame(m).n + LEC_OUTQ_OVERHEAD));
    lec_msg_unref(m);
    lec_outq_drop(&b, 2);
    assert_int_equal(m->refs, 1);
    assert_idle(&b);
    lec_outq_fini(&a);
    assert_idle(&a);
}

static void dropping_none_of_none(void **state)
{
    (void)state;
    struct lec_outq q = { 0 };
    lec_outq_drop(&q, 0);
    lec_outq_fini(&q);
    assert_idle(&q);
}

/* Pushes and drops runs of all sizes, so that the ring wraps and grows at every position, and
 * compares with plain counting. */
static void stays_in_order_around_the_ring(void **state)
{
    (void)state;
    struct lec_outq q = { 0 };
    unsigned next_in = 0, next_out = 0, seed = 1;
    for (int step = 0; step < 5000; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned n = seed >> 16 & 15;
        bool push = (seed >> 24 & 3) != 0 ? q.count < 40 : q.count == 0;
        if (push) {
            for (unsigned i = 0; i < n; i++) {
                struct lec_msg *m = numbered(next_in++);
                lec_outq_push(&q, m);
                lec_msg_unref(m);
            }
        } else {
            n = n < q.count ? n : q.count;
            lec_outq_drop(&q, n);
            next_out += n;
        }
        size_t bytes = 0;
        assert_int_equal(q.count, next_in - next_out);
        for (uint32_t i = 0; i < q.count; i++) {
            assert_int_equal(number_of(lec_outq_at(&q, i)), next_out + i);
            bytes += lec_msg_frame(lec_outq_at(&q, i)).n + LEC_OUTQ_OVERHEAD;
        }
        assert_int_equal(q.bytes, bytes);
        if (q.count == 0)
            assert_idle(&q);
    }
    lec_outq_fini(&q);
    assert_idle(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_references_of_its_own),
        cmocka_unit_test(dropping_none_of_none),
        cmocka_unit_test(stays_in_order_around_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
