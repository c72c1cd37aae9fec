#include "http/etag.h"

bool lec_etag_matches(struct lec_slice header, const char *etag)
{
    while (header.n > 0) {
        struct lec_slice tag = lec_slice_shift(&header, ',');
        if (tag.n > 2 && memcmp(tag.p, "W/", 2) == 0)
            tag.p += 2, tag.n -= 2;
        if (lec_slice_is(tag, etag) || lec_slice_is(tag, "*"))
            return true;
    }
    return false;
}
