/* The JSON reader and writer. Takes any bytes as one text and holds that
 *  - lec_json_check and a walk over all tokens agree, and lec_json_skip with both;
 *  - what a walk reads, written again, is JSON with the same tokens, and written a third time is
 *    the same bytes;
 *  - any bytes as a string come back as they were, or are refused if they are not UTF-8;
 *  - any double comes back from its text. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#define DEPTH 64

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads text and writes what it says to out. Returns what lec_json_next said last. */
static int rewrite(struct lec_slice text, struct lec_buf *out)
{
    struct lec_json j;
    struct lec_json_token t;
    struct lec_buf scratch = { 0 };
    size_t behind = 0;
    int rc;
    bool comma = false;
    lec_json_init(&j, text, DEPTH);
    while ((rc = lec_json_next(&j, &t)) == LEC_OK && t.kind != LEC_JSON_END) {
        REQUIRE(t.text.p >= text.p && t.text.p + t.text.n <= text.p + text.n);
        REQUIRE(lec_json_offset(&j) > behind && lec_json_offset(&j) <= text.n);
        behind = lec_json_offset(&j);
        if (comma && t.kind != LEC_JSON_OBJECT_END && t.kind != LEC_JSON_ARRAY_END)
            lec_buf_addc(out, ',');
        comma = true;
        switch (t.kind) {
        case LEC_JSON_KEY:
        case LEC_JSON_STRING:
            lec_buf_clear(&scratch, 4096);
            lec_json_string(&scratch, &t);
            REQUIRE(t.escaped || scratch.n == t.text.n);
            REQUIRE(lec_utf8_valid(scratch.p, scratch.n));
            REQUIRE(lec_json_put_string(out, scratch.p, scratch.n) == LEC_OK);
            if (t.kind == LEC_JSON_KEY) {
                lec_buf_addc(out, ':');
                comma = false;
            }
            break;
        case LEC_JSON_NUMBER:
            lec_json_put_number(out, lec_json_number(&t));
            break;
        case LEC_JSON_OBJECT:
        case LEC_JSON_ARRAY:
            lec_buf_add(out, t.text.p, t.text.n);
            comma = false;
            break;
        default:
            lec_buf_add(out, t.text.p, t.text.n);
        }
    }
    lec_buf_fini(&scratch);
    return rc;
}

static void check_skip(struct lec_slice text, int want)
{
    struct lec_json j;
    struct lec_json_token t;
    lec_json_init(&j, text, DEPTH);
    int rc = lec_json_next(&j, &t);
    if (rc == LEC_OK && (t.kind == LEC_JSON_OBJECT || t.kind == LEC_JSON_ARRAY)) {
        rc = lec_json_skip(&j);
        if (rc == LEC_OK)
            rc = lec_json_next(&j, &t);
        REQUIRE(rc == want);
    }
}

static void check_text(struct lec_slice text)
{
    struct lec_buf first = { 0 }, second = { 0 };
    int rc = rewrite(text, &first);
    REQUIRE(rc == LEC_OK || rc == LEC_EPROTO || rc == LEC_ETOOBIG);
    REQUIRE(lec_json_check(text, DEPTH) == rc);
    check_skip(text, rc);
    struct lec_slice value;
    int found = lec_json_member(text, "a", &value);
    if (found == LEC_OK) {
        REQUIRE(value.p >= text.p && value.p + value.n <= text.p + text.n);
        REQUIRE(lec_json_check(value, LEC_JSON_MAX_DEPTH) == LEC_OK);
    }
    if (rc == LEC_OK) {
        REQUIRE(rewrite(lec_buf_slice(&first), &second) == LEC_OK);
        REQUIRE(lec_slice_eq(lec_buf_slice(&first), lec_buf_slice(&second)));
    }
    lec_buf_fini(&first);
    lec_buf_fini(&second);
}

static void check_string(struct lec_slice bytes)
{
    struct lec_buf text = { 0 }, back = { 0 };
    struct lec_json j;
    struct lec_json_token t;
    int rc = lec_json_put_string(&text, bytes.p, bytes.n);
    REQUIRE((rc == LEC_OK) == lec_utf8_valid(bytes.p, bytes.n));
    if (rc == LEC_OK) {
        lec_json_init(&j, lec_buf_slice(&text), 0);
        REQUIRE(lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_STRING);
        lec_json_string(&back, &t);
        REQUIRE(lec_slice_eq(lec_buf_slice(&back), bytes));
        REQUIRE(lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_END);
    } else {
        REQUIRE(text.n == 0);
    }
    lec_buf_fini(&text);
    lec_buf_fini(&back);
}

static void check_double(struct lec_slice bytes)
{
    double d;
    if (bytes.n < sizeof(d))
        return;
    memcpy(&d, bytes.p, sizeof(d));
    if (!__builtin_isfinite(d))
        return;
    struct lec_buf text = { 0 };
    struct lec_json j;
    struct lec_json_token t;
    lec_json_put_number(&text, d);
    lec_json_init(&j, lec_buf_slice(&text), 0);
    REQUIRE(lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_NUMBER);
    REQUIRE(lec_json_number(&t) == d);
    lec_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice bytes = { (const char *)data, size };
    check_text(bytes);
    check_string(bytes);
    check_double(bytes);
    return 0;
}
