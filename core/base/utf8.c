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

/* The bytes at the start of p that are whole characters. */
static size_t whole_characters(const char *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint64_t word;
        while (n - at >= sizeof(word)) {
            memcpy(&word, p + at, sizeof(word));
            if (word & HIGH_BITS)
                break;
            at += sizeof(word);
        }
        if (at == n)
            break;
        size_t len = lec_utf8_len(p + at, n - at);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool lec_utf8_valid(const char *p, size_t n)
{
    return whole_characters(p, n) == n;
}

bool lec_utf8_begins(const char *p, size_t n, size_t *whole)
{
    *whole = whole_characters(p, n);
    size_t left = n - *whole;
    if (left == 0)
        return true;
    if (left >= 4)
        return false;
    /* The least and the greatest bytes that may follow: one of them fits wherever any does. */
    char least[4] = "\x80\x80\x80\x80", most[4] = "\xbf\xbf\xbf\xbf";
    memcpy(least, p + *whole, left);
    memcpy(most, p + *whole, left);
    return lec_utf8_len(least, 4) > left || lec_utf8_len(most, 4) > left;
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

void lec_utf8_mend(struct lec_buf *out, const char *p, size_t n)
{
    for (;;) {
        size_t whole, at;
        bool begins = lec_utf8_begins(p, n, &whole);
        lec_buf_add(out, p, whole);
        p += whole;
        n -= whole;
        if (n == 0)
            return;
        size_t cut = begins ? n : 3;
        while (cut > 1 && (cut > n || !lec_utf8_begins(p, cut, &at)))
            cut--;
        lec_buf_adds(out, "\xef\xbf\xbd");
        p += cut;
        n -= cut;
    }
}
