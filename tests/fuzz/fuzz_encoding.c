/* net/encoding.h: any Accept-Encoding gets what was offered or nothing; any bytes survive packing;
 * no bytes hurt the unpacking. */
#include <stdint.h>
#include <stdlib.h>

#include "net/encoding.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice in = { (const char *)data, size };
    for (unsigned offered = 0; offered < LEC_ENCODING_BIT(LEC_ENCODINGS); offered += 2) {
        enum lec_encoding e = lec_encoding_choose(in, offered);
        REQUIRE(e == LEC_IDENTITY || (offered & LEC_ENCODING_BIT(e)) != 0);
    }
    struct lec_buf back = { 0 };
    if (lec_gunzip(in, 100, &back) == LEC_OK)
        REQUIRE(back.n == 100);
    lec_buf_clear(&back, SIZE_MAX);

    static struct lec_deflater *d; /* one for all, as in a server */
    if (!d)
        d = lec_deflater_new(0);
    struct lec_slice gzip = lec_deflate(d, LEC_GZIP, in);
    REQUIRE(gzip.n < size || size == 0);
    if (gzip.n > 0) {
        REQUIRE(lec_gunzip(gzip, size, &back) == LEC_OK);
        REQUIRE(lec_slice_eq(lec_buf_slice(&back), in));
    }
    lec_buf_fini(&back);
    return 0;
}
