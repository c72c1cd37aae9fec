/* Engine.IO 3 packets, as pure functions over bytes: where they differ from version 4
 * (engineio/packet.h), for older clients.
 *
 *   packet  = type digit, data                   "4hello"
 *   binary  = type byte, data                    04 01 02 03   (a message)
 *           | 'b', type digit, standard base64   "b4AQID"      (where text is all there is)
 *   payload = *( length ':' packet )             "6:4hello2:4€" (length in UTF-16 code units)
 *           | *( 00 | 01, digits, ff, packet )   00 06 ff "4hello" 01 04 ff 04 01 02 03
 *
 * The second form of a payload holds text (00) and binary (01); its digits are bytes 0 to 9, and
 * say the length in bytes. */
#ifndef EIO_PACKET3_H
#define EIO_PACKET3_H

#include "engineio/packet.h"

/* One packet, text or binary. As eio_packet_decode. */
int eio_packet3_decode(struct eio_packet *out, struct lec_slice packet, bool binary,
                       struct lec_buf *scratch) LEC_CHECK;

/* Takes the next packet off a payload of the first form (valid UTF-8), or, with `raw`, of the
 * second, whose text is checked here: false when there is none left. A payload that is malformed,
 * or empty, ends with an empty packet, which does not decode. Start with *pos = 0. */
bool eio_payload3_next(struct lec_slice payload, bool raw, size_t *pos, struct lec_slice *packet,
                       bool *binary);

/* Appends a message to a payload; without `raw` a binary one as base64. It has its type byte already
 * (eio_message3). */
void eio_payload3_add(struct lec_buf *out, bool raw, const struct lec_msg *m);

/* What version 3 sends for an attachment: the bytes behind their type. */
struct lec_msg *eio_message3(const struct lec_msg *binary);

/* The same as text, of one that has its type byte, for WebSockets that asked for b64=1. */
struct lec_msg *eio_message3_text(const struct lec_msg *typed);

#endif
