/* A message ready for the wire, shared by all its receivers.
 *
 * The payload is one whole Engine.IO packet ("42[\"hi\"]", or the bytes of an attachment). In
 * front of it stands its WebSocket frame header (RFC 6455, 5.2: server to client, FIN, not
 * masked), made once: WebSocket receivers get the frame, long-polling ones the payload.
 *
 * Owner: the references. Who makes a message holds the first; each queue takes its own. After
 * its maker has filled the payload a message never changes. One thread uses it. */
#ifndef LEC_BASE_MSG_H
#define LEC_BASE_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct lec_msg {
    uint32_t refs;
    uint32_t len;          /* of the payload, in bytes */
    uint8_t header_len;    /* of the frame header in front of it: 2, 4 or 10 */
    bool binary;           /* opcode 2, else opcode 1 */
    unsigned char bytes[]; /* frame header, payload */
};

/* A message of `len` payload bytes, for the caller to fill at lec_msg_data. */
struct lec_msg *lec_msg_new(bool binary, size_t len);
struct lec_msg *lec_msg_copy(bool binary, const void *p, size_t len);
struct lec_msg *lec_msg_ref(struct lec_msg *m);
void lec_msg_unref(struct lec_msg *m); /* NULL is fine */

static inline char *lec_msg_data(struct lec_msg *m)
{
    return (char *)m->bytes + m->header_len;
}

static inline struct lec_slice lec_msg_payload(const struct lec_msg *m)
{
    return (struct lec_slice){ (const char *)m->bytes + m->header_len, m->len };
}

static inline struct lec_slice lec_msg_frame(const struct lec_msg *m)
{
    return (struct lec_slice){ (const char *)m->bytes, (size_t)m->header_len + m->len };
}

#endif
