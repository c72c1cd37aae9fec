/* Configured origins: a list that is taken has one form only, each of it is an origin that is itself,
 * and one with a star is matched by what it stands for. A list that is not taken says why. Any text
 * may come as a request's Origin. */
#include <stdint.h>
#include <stdlib.h>

#include "net/origin.h"
#include "server/origins.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct lec_slice entry)
{
    struct lec_origin rule, origin;
    struct lec_buf text = { 0 };
    REQUIRE(lec_origin_parse(&rule, entry));
    const char *star = memchr(entry.p, '*', entry.n);
    size_t before = star ? (size_t)(star - entry.p) : entry.n;
    lec_buf_add(&text, entry.p, before);
    if (star != NULL) {
        lec_buf_adds(&text, "a.b");
        lec_buf_add(&text, star + 1, entry.n - before - 1);
    }
    REQUIRE(lec_origin_parse(&origin, lec_buf_slice(&text)));
    REQUIRE(lec_origin_matches(&origin, &rule));
    lec_buf_fini(&text);
}

static void check_list(const char *text)
{
    struct lec_buf once = { 0 }, twice = { 0 }, why = { 0 };
    bool ok = lec_origins_tidy(text, &once, &why);
    REQUIRE(ok == (why.n == 0));
    if (ok) {
        REQUIRE(lec_origins_tidy(lec_buf_str(&once), &twice, &why));
        REQUIRE(lec_slice_eq(lec_buf_slice(&once), lec_buf_slice(&twice)));
        struct lec_slice left = lec_buf_slice(&once);
        while (left.n > 0) {
            struct lec_slice entry = lec_slice_shift(&left, ',');
            if (!lec_slice_is(entry, "*"))
                check_entry(entry);
        }
    }
    lec_buf_fini(&once);
    lec_buf_fini(&twice);
    lec_buf_fini(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice text = { (const char *)data, size };
    struct lec_origin origin;
    if (lec_origin_parse(&origin, text)) {
        REQUIRE(lec_origin_matches(&origin, &origin) || origin.host.p[0] == '*');
        (void)lec_origin_is_host(&origin, text);
    }
    char *list = lec_strndup(text.p, text.n);
    check_list(list);
    free(list);
    return 0;
}
