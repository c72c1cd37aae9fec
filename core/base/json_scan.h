/* Inside of json: finding the end of plain text eight bytes at a time, for reader and writer. */
#ifndef LEC_BASE_JSON_SCAN_H
#define LEC_BASE_JSON_SCAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define LEC_JSON_EACH(byte) (0x0101010101010101u * (byte))

/* How many of the eight bytes at p are plain text up to the first quote, backslash, control
 * character or byte above ASCII. The subtractions borrow from the byte they find and so may mark
 * bytes behind it by mistake, never one before. */
static inline unsigned lec_json_plain_run(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    w = le64toh(w);
    uint64_t quote = w ^ LEC_JSON_EACH('"'), backslash = w ^ LEC_JSON_EACH('\\');
    uint64_t found =
        (quote - LEC_JSON_EACH(1)) | (backslash - LEC_JSON_EACH(1)) | (w - LEC_JSON_EACH(0x20)) | w;
    found &= LEC_JSON_EACH(0x80);
    return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

/* The first byte from p on that is not plain text; end if all is. May stop early in the last
 * seven bytes. */
static inline const char *lec_json_skip_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        unsigned run = lec_json_plain_run(p);
        p += run;
        if (run < 8)
            break;
    }
    return p;
}

#endif
