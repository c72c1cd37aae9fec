/* The second form of a packet: one binary message, which is a msgpack map {type, data?, id?, nsp}
 * with attachments in place, as npm socket.io-msgpack-parser 3 sends and reads it. Pure functions
 * between that and the default form, JSON text with attachments.
 *
 *   nil, bool, str    null, true and false, a string of valid UTF-8
 *   int, float        a number: exact to 2^53, past that the nearest double, as in JavaScript
 *   bin, ext 0        an attachment (notepack in Node.js sends ArrayBuffers as ext 0)
 *   fixext 8, type 0  a Date: the string that JSON has for it
 *   fixext 1, type 0  undefined: null in arrays, absent elsewhere
 *   array, map        an array; an object, of keys as JavaScript makes strings of them: numbers in
 *                     digits, bytes read as UTF-8 (python-socketio sends both), nil, bool, undefined
 *
 * Nothing else is read: no other ext type, no key that is a container or a date. What is written is nil, bool, the shortest int or
 * a float 64, str, bin, array and map. */
#ifndef SIO_MSGPACK_H
#define SIO_MSGPACK_H

#include "socketio/packet.h"

/* LEC_OK, LEC_EPROTO, LEC_ETOOBIG as sio_packet_decode; the same checks hold. Appends to json the
 * text of the packet's data, and to bins the slices of its attachments, p->attachments of them. The
 * packet borrows from both and from data. With attachments, EVENT and ACK become their binary
 * forms. What is appended is at most seven times as long as data, and a few bytes an attachment. */
int sio_msgpack_decode(struct sio_packet *out, struct lec_slice data,
                       const struct sio_limits *limits, struct lec_buf *json,
                       struct lec_buf *bins) LEC_CHECK;

/* The message that says the same as one of sio_packet_encode and the attachments behind it; the
 * caller holds its reference. Each attachment goes in once: of several placeholders of one number
 * the others stay as they are, so that the message is no larger than its parts. NULL: it is none of
 * ours, or deeper than LEC_JSON_MAX_DEPTH. */
struct lec_msg *sio_msgpack_encode(const struct lec_msg *text, struct lec_msg *const *attachments);

#endif
