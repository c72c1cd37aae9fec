/* Requests one behind another: heads and bodies. What is read at once is what is read in two parts, each
 * at a place of its own; what was taken obeys the grammar; a path is in its one form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/body.h"
#include "net/grammar.h"
#include "net/head.h"
#include "net/request.h"
#include "net/target.h"

#define MAX_HEAD  512
#define MAX_EXTRA 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
    if (!what)
        abort();
}

/* The head as read whole must be read the same from two parts. */
static int read_head(struct lec_head *h, const char *p, size_t n, size_t cut)
{
    struct lec_head parts = { 0 };
    *h = (struct lec_head){ 0 };
    int rc = lec_head_read(h, p, n, MAX_HEAD), again = 0;
    cut = cut < n ? cut : n;
    char *part = malloc(cut + 1);
    memcpy(part, p, cut);
    again = lec_head_read(&parts, part, cut, MAX_HEAD);
    free(part);
    if (again == 0)
        again = lec_head_read(&parts, p, n, MAX_HEAD);
    must(rc == again);
    must(rc >= 0 || parts.status == h->status);
    must(rc <= 0 || memcmp(h, &parts, sizeof parts) == 0);
    return rc;
}

static void check_target(struct lec_slice text)
{
    struct lec_target t;
    if (lec_target_read(&t, text) != LEC_OK || lec_slice_is(t.path, "*"))
        return;
    char *once = malloc(3 * t.path.n + 1), *twice = malloc(9 * t.path.n + 3);
    int n = lec_target_path(once, t.path);
    if (n > 0) {
        must(once[0] == '/');
        int m = lec_target_path(twice, (struct lec_slice){ once, (size_t)n });
        must(m == n && memcmp(once, twice, (size_t)n) == 0);
    }
    free(once);
    free(twice);
}

/* Which framing its fields announce. */
static void check_head(const struct lec_head *h, const char *p, int size, struct lec_body *body)
{
    struct lec_slice name, value, method = lec_head_method(h, p);
    lec_body_of_length(body, 0);
    must(h->major == 1 && h->minor <= 1 && method.n > 0);
    size_t pos = h->fields;
    while (lec_head_next(p, &pos, &name, &value)) {
        must(name.n > 0 && pos <= (size_t)size - 2);
        for (size_t i = 0; i < name.n; i++)
            must(lec_octet_is(name.p[i], LEC_TOKEN));
        for (size_t i = 0; i < value.n; i++)
            must(lec_octet_is(value.p[i], LEC_FIELD));
        uint64_t n;
        if (lec_slice_is_word(name, "content-length") && lec_request_length(value, &n) == LEC_OK)
            lec_body_of_length(body, n);
        else if (lec_slice_is_word(name, "transfer-encoding"))
            lec_body_of_chunks(body, MAX_EXTRA);
    }
    must(pos == (size_t)size - 2);
    check_target(lec_head_target(h, p));
}

/* A number that the same bytes make, however they are cut. */
static int64_t read_body(struct lec_body body, const char *p, size_t n, size_t cut, uint64_t *sum)
{
    size_t used = 0;
    *sum = 0;
    while (used < n && !lec_body_is_whole(&body)) {
        size_t end = used < cut && cut < n ? cut : n;
        struct lec_slice data;
        int64_t k = lec_body_read(&body, p + used, end - used, &data);
        if (k < 0)
            return k;
        must(k > 0 && (size_t)k <= end - used);
        for (size_t i = 0; i < data.n; i++)
            *sum = *sum * 31 + (unsigned char)data.p[i] + 1;
        used += (size_t)k;
    }
    return lec_body_is_whole(&body) ? (int64_t)used : (int64_t)n + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t cut = data[0], at = 0, n = size - 1;
    char *p = malloc(n + 1);
    memcpy(p, data + 1, n);
    while (at < n) {
        struct lec_head head;
        struct lec_body body;
        uint64_t one, two;
        int rc = read_head(&head, p + at, n - at, cut);
        if (rc <= 0)
            break;
        check_head(&head, p + at, rc, &body);
        at += (size_t)rc;
        int64_t used = read_body(body, p + at, n - at, n, &one);
        must(read_body(body, p + at, n - at, cut, &two) == used && (used < 0 || one == two));
        if (used < 0 || used > (int64_t)(n - at))
            break;
        at += (size_t)used;
    }
    free(p);
    return 0;
}
