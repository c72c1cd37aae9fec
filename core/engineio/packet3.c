#include "engineio/packet3.h"

#include "base/base64.h"
#include "base/utf8.h"

enum {
    MAX_DIGITS = 10, /* of a length: more than a body can have */
    LENGTH_END = 0xff,
};

int eio_packet3_decode(struct eio_packet *out, struct lec_slice packet, bool binary,
                       struct lec_buf *scratch)
{
    bool base64 = !binary && packet.n > 0 && packet.p[0] == 'b';
    if (base64)
        packet = (struct lec_slice){ packet.p + 1, packet.n - 1 };
    if (packet.n == 0)
        return LEC_EPROTO;
    struct lec_slice rest = { packet.p + 1, packet.n - 1 };
    int type = (unsigned char)packet.p[0] - (binary ? 0 : '0');
    if (type < EIO_OPEN || type > EIO_NOOP)
        return LEC_EPROTO;
    *out = (struct eio_packet){ (enum eio_type)type, binary || base64, LEC_SLICE("") };
    if (base64)
        out->data = eio_base64_decode(rest, scratch);
    else if (rest.n > 0)
        out->data = rest;
    return LEC_OK;
}

/* Bytes that make up so many UTF-16 code units; 0 if there are fewer, or a character is cut. */
static size_t bytes_of_units(const char *p, size_t n, size_t units)
{
    size_t i = 0;
    while (units > 0 && i < n) {
        size_t len = lec_utf8_len(p + i, n - i);
        size_t width = len == 4 ? 2 : 1;
        if (len == 0 || width > units)
            return 0;
        units -= width;
        i += len;
    }
    return units == 0 ? i : 0;
}

static size_t units_of(struct lec_slice text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        units += (c & 0xc0) != 0x80;
        units += c >= 0xf0;
    }
    return units;
}

/* Reads digits, counted from `zero`, up to the byte `end`; both are taken off. False if they are
 * not there. */
static bool take_length(const char **p, const char *stop, unsigned zero, unsigned end, size_t *out)
{
    size_t n = 0;
    for (unsigned i = 0; *p < stop && i <= MAX_DIGITS; i++) {
        unsigned c = (unsigned char)*(*p)++;
        if (c == end) {
            *out = n;
            return i > 0;
        }
        if (c < zero || c > zero + 9)
            return false;
        n = n * 10 + (c - zero);
    }
    return false;
}

static bool take(const char *p, const char *stop, bool raw, struct lec_slice *packet, bool *binary)
{
    size_t n;
    if (raw) {
        unsigned kind = p < stop ? (unsigned char)*p++ : 2;
        if (kind > 1 || !take_length(&p, stop, 0, LENGTH_END, &n) || n > (size_t)(stop - p))
            return false;
        *packet = (struct lec_slice){ p, n };
        *binary = kind == 1;
        return n > 0 && (*binary || lec_utf8_valid(p, n));
    }
    if (!take_length(&p, stop, '0', ':', &n))
        return false;
    *packet = (struct lec_slice){ p, bytes_of_units(p, (size_t)(stop - p), n) };
    *binary = false;
    return packet->n > 0;
}

bool eio_payload3_next(struct lec_slice payload, bool raw, size_t *pos, struct lec_slice *packet,
                       bool *binary)
{
    if (*pos > payload.n || (*pos == payload.n && payload.n > 0))
        return false;
    const char *start = payload.n > 0 ? payload.p : "", *stop = start + payload.n;
    if (take(start + *pos, stop, raw, packet, binary)) {
        *pos = (size_t)(packet->p - start) + packet->n;
        return true;
    }
    *packet = LEC_SLICE("");
    *binary = false;
    *pos = payload.n + 1;
    return true;
}

static void add_digits(struct lec_buf *out, size_t n)
{
    size_t start = out->n;
    lec_buf_addu(out, n);
    for (size_t i = start; i < out->n; i++)
        out->p[i] = (char)(out->p[i] - '0');
}

/* 'b', type digit, base64 */
static void add_base64(struct lec_buf *out, struct lec_slice typed)
{
    lec_buf_addc(out, 'b');
    lec_buf_addc(out, (char)('0' + typed.p[0]));
    lec_base64_encode(out, typed.p + 1, typed.n - 1);
}

void eio_payload3_add(struct lec_buf *out, bool raw, const struct lec_msg *m)
{
    struct lec_slice packet = lec_msg_payload(m);
    if (raw) {
        lec_buf_addc(out, (char)m->binary);
        add_digits(out, packet.n);
        lec_buf_addc(out, (char)LENGTH_END);
    } else if (m->binary) {
        lec_buf_addu(out, 2 + (packet.n - 1 + 2) / 3 * 4);
        lec_buf_addc(out, ':');
        add_base64(out, packet);
        return;
    } else {
        lec_buf_addu(out, units_of(packet));
        lec_buf_addc(out, ':');
    }
    lec_buf_add(out, packet.p, packet.n);
}

struct lec_msg *eio_message3(const struct lec_msg *binary)
{
    struct lec_slice data = lec_msg_payload(binary);
    struct lec_msg *m = lec_msg_new(true, 1 + data.n);
    *lec_msg_data(m) = EIO_MESSAGE;
    memcpy(lec_msg_data(m) + 1, data.p, data.n);
    return m;
}

struct lec_msg *eio_message3_text(const struct lec_msg *typed)
{
    struct lec_buf text = { 0 };
    add_base64(&text, lec_msg_payload(typed));
    struct lec_msg *m = lec_msg_copy(false, text.p, text.n);
    lec_buf_fini(&text);
    return m;
}
