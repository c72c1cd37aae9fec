#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS 0x8080808080808080u

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* RFC 3629, section 4: the second byte's range depends on the first one; that alone keeps out
 * overlong forms, surrogates and what lies past U+10FFFF. */
size_t lec_utf8_len(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned char c = s[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2)
        return 0;
    if (c < 0xe0)
        return n >= 2 && is_tail(s[1]) ? 2 : 0;
    if (c < 0xf0) {
        if (n < 3 || !is_tail(s[1]) || !is_tail(s[2]))
            return 0;
        return (c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] >= 0xa0) ? 0 : 3;
    }
    if (c > 0xf4 || n < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
        return 0;
    return (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] >= 0x90) ? 0 : 4;
}

bool lec_utf8_valid(const char *p, size_t n)
{
    while (n > 0) {
        uint64_t word;
        while (n >= sizeof(word)) {
            memcpy(&word, p, sizeof(word));
            if (word & HIGH_BITS)
                break;
            p += sizeof(word);
            n -= sizeof(word);
        }
        if (n == 0)
            break;
        size_t len = lec_utf8_len(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

size_t lec_utf8_put(char *out, unsigned cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xf0) | cp);
    return n;
}
