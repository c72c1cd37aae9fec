/* Engine.IO 3 payloads of both forms: packets lie in order within the payload, and one that decodes
 * is the same after it was encoded and taken off again. The first byte chooses the form. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "engineio/packet3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct lec_slice packet, bool raw, bool binary)
{
    struct lec_msg *m = lec_msg_copy(binary, packet.p, packet.n);
    struct lec_buf out = { 0 };
    struct lec_slice again;
    size_t pos = 0;
    bool is_binary;
    eio_payload3_add(&out, raw, m);
    if (!eio_payload3_next(lec_buf_slice(&out), raw, &pos, &again, &is_binary) ||
        is_binary != binary || !lec_slice_eq(again, packet) || pos != out.n)
        abort();
    lec_buf_fini(&out);
    lec_msg_unref(m);
}

static void check_message(const struct eio_packet *packet)
{
    struct lec_msg *m = lec_msg_copy(true, packet->data.p, packet->data.n);
    struct lec_msg *typed = eio_message3(m), *text = eio_message3_text(typed);
    struct lec_buf scratch = { 0 };
    for (int base64 = 0; base64 < 2; base64++) {
        struct lec_msg *sent = base64 ? text : typed;
        struct eio_packet again;
        if (eio_packet3_decode(&again, lec_msg_payload(sent), !base64, &scratch) < 0 ||
            again.type != EIO_MESSAGE || !again.binary || !lec_slice_eq(again.data, packet->data))
            abort();
    }
    lec_buf_fini(&scratch);
    lec_msg_unref(text);
    lec_msg_unref(typed);
    lec_msg_unref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool raw = data[0] & 1, binary, broken = false;
    struct lec_slice payload = { (const char *)data + 1, size - 1 }, packet;
    if (!raw && !lec_utf8_valid(payload.p, payload.n))
        return 0;
    struct lec_buf scratch = { 0 };
    const char *end = payload.p;
    for (size_t pos = 0; eio_payload3_next(payload, raw, &pos, &packet, &binary);) {
        struct eio_packet decoded;
        if (broken)
            abort();
        broken = packet.n == 0;
        scratch.n = 0;
        int rc = eio_packet3_decode(&decoded, packet, binary, &scratch);
        if (broken && rc == LEC_OK)
            abort();
        if (broken)
            continue;
        if (packet.p < end || packet.p + packet.n > payload.p + payload.n)
            abort();
        end = packet.p + packet.n;
        check(packet, raw, binary);
        if (rc == LEC_OK && decoded.binary && decoded.type == EIO_MESSAGE)
            check_message(&decoded);
    }
    lec_buf_fini(&scratch);
    return 0;
}
