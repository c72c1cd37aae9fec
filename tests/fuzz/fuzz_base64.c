/* Base64: any bytes come back from both texts of them; any text that is taken has one spelling
 * only, apart from alphabet and padding. The loose decoder reads any text as a slow one does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char standard(char c)
{
    return (char)(c == '-' ? '+' : c == '_' ? '/' : c);
}

static void check_text(const char *p, size_t n)
{
    struct lec_buf bytes = { 0 }, text = { 0 };
    int rc = lec_base64_decode(&bytes, p, n);
    REQUIRE(rc == LEC_OK || (rc == LEC_EPROTO && bytes.n == 0));
    if (rc == LEC_OK) {
        lec_base64_encode(&text, bytes.p, bytes.n);
        REQUIRE(text.n >= n && text.n - n <= 2);
        for (size_t i = 0; i < text.n; i++)
            REQUIRE(text.p[i] == (i < n ? standard(p[i]) : '='));
    }
    lec_buf_fini(&bytes);
    lec_buf_fini(&text);
}

static void check_loose(const char *p, size_t n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct lec_buf slow = { 0 }, loose = { 0 }, strict = { 0 };
    unsigned bits = 0, v = 0;
    for (size_t i = 0; i < n && p[i] != '='; i++) {
        const char *at = p[i] == '\0' ? NULL : strchr(alphabet, standard(p[i]));
        if (at == NULL)
            continue;
        v = (v << 6 | (unsigned)(at - alphabet)) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        lec_buf_addc(&slow, (char)(v >> bits));
    }
    lec_base64_decode_loose(&loose, p, n);
    REQUIRE(lec_slice_eq(lec_buf_slice(&loose), lec_buf_slice(&slow)));
    if (lec_base64_decode(&strict, p, n) == LEC_OK)
        REQUIRE(lec_slice_eq(lec_buf_slice(&loose), lec_buf_slice(&strict)));
    lec_buf_fini(&slow);
    lec_buf_fini(&loose);
    lec_buf_fini(&strict);
}

static void check_bytes(const void *p, size_t n)
{
    struct lec_buf text = { 0 }, back = { 0 };
    struct lec_slice want = { p, n };
    lec_base64_encode(&text, p, n);
    REQUIRE(text.n == (n + 2) / 3 * 4);
    REQUIRE(lec_base64_decode(&back, text.p, text.n) == LEC_OK);
    REQUIRE(lec_slice_eq(lec_buf_slice(&back), want));
    lec_buf_clear(&text, 0);
    lec_buf_clear(&back, 0);
    lec_base64url_encode(&text, p, n);
    REQUIRE(lec_base64_decode(&back, text.p, text.n) == LEC_OK);
    REQUIRE(lec_slice_eq(lec_buf_slice(&back), want));
    lec_buf_fini(&text);
    lec_buf_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text((const char *)data, size);
    check_loose((const char *)data, size);
    check_bytes(data, size);
    return 0;
}
