#include "base/msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIN       0x80
#define OP_TEXT   0x1
#define OP_BINARY 0x2

/* The frame header's length field (RFC 6455, 5.2), behind the first byte. */
static uint8_t put_length(unsigned char *at, uint32_t len)
{
    if (len < 126) {
        at[0] = (unsigned char)len;
        return 1;
    }
    unsigned bytes = len <= UINT16_MAX ? 2 : 8;
    at[0] = bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < bytes; i++)
        at[1 + i] = (unsigned char)((uint64_t)len >> (8 * (bytes - 1 - i)));
    return (uint8_t)(1 + bytes);
}

struct lec_msg *lec_msg_new(bool binary, size_t len)
{
    assert(len <= UINT32_MAX);
    unsigned char header[10];
    header[0] = FIN | (binary ? OP_BINARY : OP_TEXT);
    uint8_t header_len = (uint8_t)(1 + put_length(header + 1, (uint32_t)len));

    struct lec_msg *m = lec_alloc(sizeof(*m) + header_len + len);
    *m = (struct lec_msg){
        .refs = 1, .len = (uint32_t)len, .header_len = header_len, .binary = binary
    };
    memcpy(m->bytes, header, header_len);
    return m;
}

struct lec_msg *lec_msg_copy(bool binary, const void *p, size_t len)
{
    struct lec_msg *m = lec_msg_new(binary, len);
    if (len)
        memcpy(lec_msg_data(m), p, len);
    return m;
}

struct lec_msg *lec_msg_ref(struct lec_msg *m)
{
    assert(m->refs > 0 && m->refs < UINT32_MAX);
    m->refs++;
    return m;
}

void lec_msg_unref(struct lec_msg *m)
{
    if (!m)
        return;
    assert(m->refs > 0);
    if (--m->refs == 0)
        free(m);
}
