#include "base/base64.h"

#include <stdbool.h>
#include <stdint.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define BAD 0xff

/* clang-format off */
/* What a character of either alphabet stands for. */
static const uint8_t values[256] = {
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,  62, BAD,  62, BAD,  63,
     52,  53,  54,  55,  56,  57,  58,  59,  60,  61, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
     15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25, BAD, BAD, BAD, BAD,  63,
    BAD,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
     41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, BAD, BAD, BAD, BAD, BAD,
    [128 ... 255] = BAD,
};
/* clang-format on */

/* Writes n bytes as text without padding; returns how many characters. */
static size_t write_text(char *out, const unsigned char *in, size_t n, const char *alphabet)
{
    char *at = out;
    for (; n >= 3; in += 3, n -= 3, at += 4) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        at[0] = alphabet[v >> 18];
        at[1] = alphabet[v >> 12 & 63];
        at[2] = alphabet[v >> 6 & 63];
        at[3] = alphabet[v & 63];
    }
    if (n > 0) {
        uint32_t v = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
        *at++ = alphabet[v >> 18];
        *at++ = alphabet[v >> 12 & 63];
        if (n == 2)
            *at++ = alphabet[v >> 6 & 63];
    }
    return (size_t)(at - out);
}

void lec_base64_encode(struct lec_buf *out, const void *p, size_t n)
{
    char *at = lec_buf_reserve(out, n / 3 * 4 + 4);
    size_t len = write_text(at, p, n, standard);
    while (len % 4)
        at[len++] = '=';
    out->n += len;
}

void lec_base64url_encode(struct lec_buf *out, const void *p, size_t n)
{
    out->n += write_text(lec_buf_reserve(out, n / 3 * 4 + 4), p, n, urlsafe);
}

void lec_base64url_write(char *out, const void *p, size_t n)
{
    write_text(out, p, n, urlsafe);
}

/* Four characters to three bytes; false, and nothing written, if one is in no alphabet. */
static inline bool take_four(unsigned char *at, const unsigned char *in)
{
    unsigned a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
    if ((a | b | c | d) == BAD) /* values end at 63, so that only BAD has the high bits */
        return false;
    uint32_t v = a << 18 | b << 12 | c << 6 | d;
    at[0] = (unsigned char)(v >> 16);
    at[1] = (unsigned char)(v >> 8);
    at[2] = (unsigned char)v;
    return true;
}

int lec_base64_decode(struct lec_buf *out, const char *p, size_t n)
{
    if (n > 0 && n % 4 == 0 && p[n - 1] == '=')
        n -= p[n - 2] == '=' ? 2 : 1;
    size_t tail = n % 4;
    if (tail == 1)
        return LEC_EPROTO;

    const unsigned char *in = (const unsigned char *)p;
    unsigned char *at = (unsigned char *)lec_buf_reserve(out, n / 4 * 3 + 3);
    unsigned char *first = at;
    for (const unsigned char *end = in + (n - tail); in < end; in += 4, at += 3)
        if (!take_four(at, in))
            return LEC_EPROTO;
    if (tail > 0) {
        unsigned a = values[in[0]], b = values[in[1]], c = tail == 3 ? values[in[2]] : 0;
        uint32_t v = a << 18 | b << 12 | c << 6;
        /* RFC 4648, 3.5: bits that stand for no byte are zero, so that every byte string has
         * one text only. */
        if ((a | b | c) == BAD || (v & (tail == 3 ? 0xffu : 0xffffu)) != 0)
            return LEC_EPROTO;
        *at++ = (unsigned char)(v >> 16);
        if (tail == 3)
            *at++ = (unsigned char)(v >> 8);
    }
    out->n += (size_t)(at - first);
    return LEC_OK;
}

void lec_base64_decode_loose(struct lec_buf *out, const char *p, size_t n)
{
    const unsigned char *in = (const unsigned char *)p, *end = in + n;
    unsigned char *at = (unsigned char *)lec_buf_reserve(out, n / 4 * 3 + 3);
    unsigned char *first = at;
    uint32_t v = 0;
    unsigned count = 0; /* characters in v */
    while (in < end && *in != '=') {
        if (count == 0 && end - in >= 4 && take_four(at, in)) {
            in += 4;
            at += 3;
            continue;
        }
        unsigned value = values[*in++];
        if (value == BAD)
            continue;
        v = v << 6 | value;
        if (++count < 4)
            continue;
        *at++ = (unsigned char)(v >> 16);
        *at++ = (unsigned char)(v >> 8);
        *at++ = (unsigned char)v;
        count = 0;
    }
    if (count >= 2)
        *at++ = (unsigned char)(v >> (count == 2 ? 4 : 10));
    if (count == 3)
        *at++ = (unsigned char)(v >> 2);
    out->n += (size_t)(at - first);
}
