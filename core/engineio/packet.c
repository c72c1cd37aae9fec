#include "engineio/packet.h"

#include "base/base64.h"

struct lec_slice eio_base64_decode(struct lec_slice text, struct lec_buf *scratch)
{
    size_t start = scratch->n;
    lec_base64_decode_loose(scratch, text.p, text.n);
    if (scratch->n == start)
        return LEC_SLICE("");
    return (struct lec_slice){ scratch->p + start, scratch->n - start };
}

int eio_packet_decode(struct eio_packet *out, struct lec_slice text, struct lec_buf *scratch)
{
    if (text.n == 0)
        return LEC_EPROTO;
    char type = text.p[0];
    struct lec_slice rest = { text.p + 1, text.n - 1 };
    if (type >= '0' && type <= '6') {
        *out = (struct eio_packet){ .type = (enum eio_type)(type - '0'), .data = rest };
        return LEC_OK;
    }
    if (type != 'b')
        return LEC_EPROTO;
    *out = (struct eio_packet){ EIO_MESSAGE, true, eio_base64_decode(rest, scratch) };
    return LEC_OK;
}

bool eio_payload_next(struct lec_slice payload, size_t *pos, struct lec_slice *packet)
{
    if (*pos > payload.n)
        return false;
    if (payload.n == 0) { /* its pointer may be NULL */
        *packet = LEC_SLICE("");
        *pos = 1;
        return true;
    }
    const char *start = payload.p + *pos;
    size_t left = payload.n - *pos;
    const char *end = memchr(start, EIO_SEPARATOR, left);
    size_t n = end ? (size_t)(end - start) : left;
    *packet = (struct lec_slice){ start, n };
    *pos += n + 1;
    return true;
}

void eio_payload_add(struct lec_buf *out, const struct lec_msg *m)
{
    struct lec_slice payload = lec_msg_payload(m);
    if (out->n > 0)
        lec_buf_addc(out, EIO_SEPARATOR);
    if (m->binary) {
        lec_buf_addc(out, 'b');
        lec_base64_encode(out, payload.p, payload.n);
    } else {
        lec_buf_add(out, payload.p, payload.n);
    }
}

struct lec_msg *eio_message_text(const struct lec_msg *binary)
{
    struct lec_buf text = { 0 };
    eio_payload_add(&text, binary);
    struct lec_msg *m = lec_msg_copy(false, text.p, text.n);
    lec_buf_fini(&text);
    return m;
}
