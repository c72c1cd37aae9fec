#include "base/fields.h"

bool lec_fields_next(struct lec_slice fields, size_t *pos, struct lec_slice *name,
                     struct lec_slice *value)
{
    if (*pos >= fields.n)
        return false;
    const char *at = fields.p + *pos;
    size_t left = fields.n - *pos, n = strnlen(at, left) + 1;
    *name = (struct lec_slice){ at, n - 1 };
    *value = (struct lec_slice){ at + n, strnlen(at + n, left - n) };
    *pos += n + value->n + 1;
    return true;
}

struct lec_slice lec_fields_find(struct lec_slice fields, const char *name)
{
    struct lec_slice wanted = lec_slice_str(name), found, value;
    for (size_t pos = 0; lec_fields_next(fields, &pos, &found, &value);)
        if (lec_slice_eq(found, wanted))
            return value;
    return (struct lec_slice){ NULL, 0 };
}
