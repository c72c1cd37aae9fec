/* Engine.IO 4 packets, as pure functions over bytes.
 *
 *   packet  = type digit, data            "4hello"    '0' open … '6' noop
 *   binary  = 'b', standard base64        "bAQIDBA=="  (a message; only where text is all there is)
 *   payload = packet *( 0x1E packet )     long-polling bodies
 */
#ifndef EIO_PACKET_H
#define EIO_PACKET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/msg.h"

enum eio_type { EIO_OPEN, EIO_CLOSE, EIO_PING, EIO_PONG, EIO_MESSAGE, EIO_UPGRADE, EIO_NOOP };

#define EIO_SEPARATOR '\x1e'

struct eio_packet {
    enum eio_type type;
    bool binary; /* a MESSAGE of bytes */
    struct lec_slice
        data; /* borrowed, behind the type; for base64 the decoded bytes in `scratch` */
};

/* One packet from text. Binary data is decoded into scratch, which the caller clears. LEC_EPROTO:
 * empty, unknown type. Base64 is never bad (lec_base64_decode_loose). */
int eio_packet_decode(struct eio_packet *out, struct lec_slice text,
                      struct lec_buf *scratch) LEC_CHECK;

/* Takes the next packet's text off the payload: false when there is none left. "" has one, empty,
 * packet (which does not decode). Start with *pos = 0. */
bool eio_payload_next(struct lec_slice payload, size_t *pos, struct lec_slice *packet);

/* Appends a message to a polling payload, with its separator if out is not empty. */
void eio_payload_add(struct lec_buf *out, const struct lec_msg *m);

/* The message that carries the same bytes as text, for WebSockets that asked for b64=1. */
struct lec_msg *eio_message_text(const struct lec_msg *binary);

/* Decodes base64 to the end of scratch, and returns what came, there. */
struct lec_slice eio_base64_decode(struct lec_slice text, struct lec_buf *scratch);

#endif
