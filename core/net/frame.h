/* WebSocket frames as clients send them (RFC 6455, 5.2), and control frames as we send them. Pure
 * functions of (pointer, length); what we send else is made ready in base/msg.h. */
#ifndef LEC_NET_FRAME_H
#define LEC_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum lec_opcode {
    LEC_OP_CONTINUATION = 0x0,
    LEC_OP_TEXT = 0x1,
    LEC_OP_BINARY = 0x2,
    LEC_OP_CLOSE = 0x8,
    LEC_OP_PING = 0x9,
    LEC_OP_PONG = 0xa
};

enum {
    LEC_FRAME_HEADER = 14,     /* the longest header of a client */
    LEC_CONTROL_PAYLOAD = 125, /* the longest of a control frame */
};

struct lec_frame {
    uint64_t length; /* of the payload */
    unsigned char mask[4];
    uint8_t opcode;
    bool final;
};

static inline bool lec_frame_is_control(const struct lec_frame *f)
{
    return f->opcode >= LEC_OP_CLOSE;
}

/* Reads the header that p begins with. Its size; 0: more bytes are needed; LEC_EPROTO: it breaks
 * the protocol in itself (unmasked, reserved, a long or fragmented control frame, a length in more
 * bytes than it needs), which is told as early as it shows. */
int lec_frame_read(struct lec_frame *f, const unsigned char *p, size_t n) LEC_CHECK;

/* Unmasks in place n bytes of a payload, of which `at` bytes went before. */
void lec_frame_unmask(unsigned char *p, size_t n, const unsigned char mask[4], uint64_t at);

/* What is wrong with the payload of a close frame: 0, or the code to answer with. */
unsigned lec_frame_check_close(const unsigned char *p, size_t n);

/* Writes a control frame of ours to out, which holds 2 + n bytes, n <= 125; returns its size. */
size_t lec_frame_control(unsigned char *out, enum lec_opcode opcode, const void *p, size_t n);

#endif
