#include "http/etag.h"

bool lec_etag_matches(struct lec_slice header, const char *etag)
{
    while (header.n > 0) {
        const char *comma = memchr(header.p, ',', header.n);
        struct lec_slice tag = { header.p, comma ? (size_t)(comma - header.p) : header.n };
        header.p += tag.n + (comma != NULL);
        header.n -= tag.n + (comma != NULL);
        while (tag.n > 0 && (*tag.p == ' ' || *tag.p == '\t'))
            tag.p++, tag.n--;
        while (tag.n > 0 && (tag.p[tag.n - 1] == ' ' || tag.p[tag.n - 1] == '\t'))
            tag.n--;
        if (tag.n > 2 && memcmp(tag.p, "W/", 2) == 0)
            tag.p += 2, tag.n -= 2;
        if (lec_slice_is(tag, etag) || lec_slice_is(tag, "*"))
            return true;
    }
    return false;
}
