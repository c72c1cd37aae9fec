/* limits.events: what is read is within its text, and every entry takes some of it. */
#include <stdlib.h>

#include "server/rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *end = (const char *)data + size;
    struct lec_slice text = { (const char *)data, size }, name;
    uint64_t n;
    for (size_t left = size; lec_rates_next(&text, &name, &n) > 0; left = text.n) {
        if (text.n >= left || text.p + text.n != end)
            abort();
        if (name.n == 0 || name.p < (const char *)data || name.p + name.n > end)
            abort();
        if (n == 0 || n > LEC_RATE_MAX)
            abort();
    }
    return 0;
}
