/* Engine.IO payloads: what decodes encodes to the same packet again. */
#include <stdint.h>
#include <stdlib.h>

#include "engineio/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct eio_packet *packet, struct lec_slice text)
{
    if (packet->type != EIO_MESSAGE)
        return;
    struct lec_msg *m = packet->binary ? lec_msg_copy(true, packet->data.p, packet->data.n)
                                       : lec_msg_copy(false, text.p, text.n);
    struct lec_buf out = { 0 }, scratch = { 0 };
    eio_payload_add(&out, m);
    struct eio_packet again;
    if (eio_packet_decode(&again, lec_buf_slice(&out), &scratch) < 0 ||
        again.binary != packet->binary || !lec_slice_eq(again.data, packet->data))
        abort();
    lec_buf_fini(&out);
    lec_buf_fini(&scratch);
    lec_msg_unref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice payload = { (const char *)data, size }, text;
    struct lec_buf scratch = { 0 };
    size_t packets = 0, bytes = 0;
    for (size_t pos = 0; eio_payload_next(payload, &pos, &text); packets++) {
        struct eio_packet packet;
        bytes += text.n;
        scratch.n = 0;
        if (eio_packet_decode(&packet, text, &scratch) == LEC_OK)
            check(&packet, text);
    }
    if (packets == 0 || bytes + packets - 1 != size)
        abort();
    lec_buf_fini(&scratch);
    return 0;
}
