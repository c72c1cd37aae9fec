#include "net/frame.h"

#include <string.h>

#include "base/utf8.h"

#define FIN      0x80
#define RESERVED 0x70
#define MASKED   0x80

static bool is_reserved(unsigned opcode)
{
    return (opcode > LEC_OP_BINARY && opcode < LEC_OP_CLOSE) || opcode > LEC_OP_PONG;
}

int lec_frame_read(struct lec_frame *f, const unsigned char *p, size_t n)
{
    if (n < 1)
        return 0;
    f->final = (p[0] & FIN) != 0;
    f->opcode = p[0] & 0x0f;
    bool control = lec_frame_is_control(f);
    if ((p[0] & RESERVED) != 0 || is_reserved(f->opcode) || (control && !f->final))
        return LEC_EPROTO;
    if (n < 2)
        return 0;
    unsigned length = p[1] & 0x7f;
    if ((p[1] & MASKED) == 0 || (control && length > LEC_CONTROL_PAYLOAD))
        return LEC_EPROTO;

    size_t more = length < 126 ? 0 : length == 126 ? 2 : 8;
    if (n < 2 + more + sizeof f->mask)
        return 0;
    f->length = length;
    if (more > 0) {
        f->length = 0;
        for (size_t i = 0; i < more; i++)
            f->length = f->length << 8 | p[2 + i];
        if (f->length < (more == 2 ? 126 : 65536) || f->length >> 63 != 0)
            return LEC_EPROTO;
    }
    memcpy(f->mask, p + 2 + more, sizeof f->mask);
    return (int)(2 + more + sizeof f->mask);
}

void lec_frame_unmask(unsigned char *p, size_t n, const unsigned char mask[4], uint64_t at)
{
    unsigned char pattern[8];
    for (unsigned i = 0; i < sizeof pattern; i++)
        pattern[i] = mask[(at + i) & 3];
    uint64_t key, word;
    memcpy(&key, pattern, sizeof key);
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        word ^= key;
        memcpy(p, &word, sizeof word);
    }
    for (size_t i = 0; i < n; i++)
        p[i] ^= pattern[i];
}

/* RFC 6455, 7.4, and IANA's registry of close codes. */
static bool may_be_sent(unsigned code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

unsigned lec_frame_check_close(const unsigned char *p, size_t n)
{
    if (n == 0)
        return 0;
    if (n < 2 || !may_be_sent((unsigned)p[0] << 8 | p[1]))
        return 1002;
    return lec_utf8_valid((const char *)p + 2, n - 2) ? 0 : 1007;
}

size_t lec_frame_control(unsigned char *out, enum lec_opcode opcode, const void *p, size_t n)
{
    out[0] = (unsigned char)(FIN | opcode);
    out[1] = (unsigned char)n;
    if (n > 0)
        memcpy(out + 2, p, n);
    return 2 + n;
}
