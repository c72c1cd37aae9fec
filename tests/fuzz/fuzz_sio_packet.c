/* The Socket.IO packet decoder. Takes any bytes as one packet and holds that what decodes, encoded
 * again, decodes to the same packet, and encoded a second time is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "socketio/packet.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sio_limits limits = { .max_attachments = 10, .max_depth = 64 };
    struct sio_packet a, b;
    if (sio_packet_decode(&a, (struct lec_slice){ (const char *)data, size }, &limits))
        return 0;

    bool is_binary = a.type == SIO_BINARY_EVENT || a.type == SIO_BINARY_ACK;
    REQUIRE(is_binary == (a.attachments > 0) && a.attachments <= limits.max_attachments);
    REQUIRE(a.nsp.n > 0 && a.nsp.p[0] == '/' && !memchr(a.nsp.p, ',', a.nsp.n));
    REQUIRE(a.json.n == 0 || lec_json_check(a.json, limits.max_depth) == LEC_OK);

    struct lec_msg *once = sio_packet_encode(a.type, a.nsp, a.id, a.attachments, a.json);
    struct lec_slice text = lec_msg_payload(once);
    REQUIRE(text.n > 1 && text.p[0] == '4');
    REQUIRE(!sio_packet_decode(&b, (struct lec_slice){ text.p + 1, text.n - 1 }, &limits));
    REQUIRE(a.type == b.type && a.id == b.id && a.attachments == b.attachments);
    REQUIRE(lec_slice_eq(a.nsp, b.nsp) && lec_slice_eq(a.json, b.json));
    REQUIRE(lec_slice_eq(a.event, b.event) && a.event_escaped == b.event_escaped);

    struct lec_msg *twice = sio_packet_encode(b.type, b.nsp, b.id, b.attachments, b.json);
    REQUIRE(lec_slice_eq(text, lec_msg_payload(twice)));
    lec_msg_unref(once);
    lec_msg_unref(twice);

    struct lec_buf auth = { 0 };
    struct lec_slice nsp = a.nsp;
    sio_packet_take_query(&nsp, &auth);
    REQUIRE(nsp.n > 0 && !memchr(nsp.p, '?', nsp.n));
    REQUIRE(lec_json_check(lec_buf_slice(&auth), 2) == LEC_OK);
    lec_buf_fini(&auth);
    return 0;
}
