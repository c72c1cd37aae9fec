#include "server/rates.h"

int lec_rates_next(struct lec_slice *text, struct lec_slice *name, uint64_t *per_second)
{
    struct lec_slice entry = { NULL, 0 };
    while (entry.n == 0) {
        if (text->n == 0)
            return 0;
        entry = lec_slice_shift(text, ',');
    }
    *name = lec_slice_shift(&entry, '=');
    entry = lec_slice_trim(entry);
    *per_second = 0;
    for (size_t i = 0; i < entry.n; i++) {
        if (entry.p[i] < '0' || entry.p[i] > '9')
            return LEC_EINVAL;
        *per_second = *per_second * 10 + (uint64_t)(entry.p[i] - '0');
        if (*per_second > LEC_RATE_MAX)
            return LEC_EINVAL;
    }
    return name->n > 0 && *per_second > 0 ? 1 : LEC_EINVAL;
}
