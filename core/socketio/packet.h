/* Socket.IO 5 packets, as pure functions over bytes (the text behind Engine.IO's '4').
 *
 *   type digit [attachments "-"] [namespace ","] [ack id] [JSON]
 *
 * Grammar and refusals are those of socket.io-parser 4.2. */
#ifndef SIO_PACKET_H
#define SIO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/msg.h"

enum sio_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK
};

#define SIO_NO_ID  (-1)
#define SIO_MAX_ID ((uint64_t)INT64_MAX)

struct sio_packet {
    enum sio_type type;
    unsigned attachments;   /* announced; they follow as binary messages */
    struct lec_slice nsp;   /* "/" when none is named */
    int64_t id;             /* of the ack, SIO_NO_ID without one or with one past SIO_MAX_ID */
    struct lec_slice json;  /* checked: an array for events and acks, an object or nothing for
                             * CONNECT, nothing for DISCONNECT */
    struct lec_slice event; /* events: the name as it stands between its quotes, or the digits
                             * of a numeric one */
    bool event_escaped;     /* event has JSON escapes */
};

struct sio_limits {
    unsigned max_attachments; /* of one packet */
    unsigned max_depth;       /* of its JSON */
};

/* LEC_OK, LEC_EPROTO, LEC_ETOOBIG (attachments, depth). Slices borrow from text. The JSON is
 * checked as a whole, placeholders included: each {"_placeholder":true,"num":n} has n below
 * attachments. Reserved event names (connect, connect_error, disconnect, disconnecting,
 * newListener, removeListener) are refused. */
int sio_packet_decode(struct sio_packet *out, struct lec_slice text,
                      const struct sio_limits *limits) LEC_CHECK;

/* Its two halves. The parts of a packet, with json as it stands; then all that is to be checked of
 * json, which fills event. Text that sio_packet_encode made needs no check. */
int sio_packet_split(struct sio_packet *out, struct lec_slice text,
                     unsigned max_attachments) LEC_CHECK;
int sio_packet_check(struct sio_packet *p, const struct sio_limits *limits) LEC_CHECK;

/* Socket.IO 2 clients, which have no CONNECT payload, say it in the namespace's name: takes the query
 * off "/admin?token=1" and appends it to `json` as an object, {"token":"1"}. Pairs that are not UTF-8
 * are left out; a name may come twice. */
void sio_packet_take_query(struct lec_slice *nsp, struct lec_buf *json);

/* What an event or ack says: the JSON array text ["name", args…] or [args…], with placeholders for
 * its attachments. Borrowed. */
struct sio_payload {
    struct lec_slice json;
    struct lec_msg *const *attachments;
    unsigned n_attachments;
};

/* One packet as an Engine.IO message, type digit '4' included; the caller holds its reference.
 * json may be empty (n == 0). With attachments > 0, EVENT and ACK become their binary forms. */
struct lec_msg *sio_packet_encode(enum sio_type type, struct lec_slice nsp, int64_t id,
                                  unsigned attachments, struct lec_slice json);

#endif
