/* The msgpack form, both ways. Any bytes as a message: what decodes is a packet that the default form
 * can say, no larger than it may get, and encoded again it decodes to the same. Any bytes as a packet
 * of the default form: what decodes there is encoded, within bounds, to a message like that. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "socketio/msgpack.h"

#define MAX_ATTACHMENTS 4

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sio_limits limits = { .max_attachments = MAX_ATTACHMENTS, .max_depth = 64 };

struct parts {
    struct sio_packet packet;
    struct lec_buf json, bins;
    struct lec_msg *attachments[MAX_ATTACHMENTS];
};

static int decode(struct parts *out, struct lec_slice data)
{
    *out = (struct parts){ 0 };
    int rc = sio_msgpack_decode(&out->packet, data, &limits, &out->json, &out->bins);
    for (unsigned i = 0; !rc && i < out->packet.attachments; i++) {
        struct lec_slice bin;
        memcpy(&bin, out->bins.p + i * sizeof bin, sizeof bin);
        REQUIRE(bin.p >= data.p && bin.p + bin.n <= data.p + data.n);
        out->attachments[i] = lec_msg_copy(true, bin.p, bin.n);
    }
    return rc;
}

static void fini(struct parts *p)
{
    lec_buf_fini(&p->json);
    lec_buf_fini(&p->bins);
    for (unsigned i = 0; i < MAX_ATTACHMENTS; i++)
        lec_msg_unref(p->attachments[i]);
}

static struct lec_msg *encode(const struct parts *p)
{
    const struct sio_packet *k = &p->packet;
    struct lec_msg *text = sio_packet_encode(k->type, k->nsp, k->id, k->attachments, k->json);
    struct lec_slice payload = lec_msg_payload(text);
    struct sio_packet same;
    REQUIRE(!sio_packet_decode(&same, (struct lec_slice){ payload.p + 1, payload.n - 1 }, &limits));
    REQUIRE(same.type == k->type && same.id == k->id && same.attachments == k->attachments);
    REQUIRE(lec_slice_eq(same.nsp, k->nsp) && lec_slice_eq(same.json, k->json));
    struct lec_msg *m = sio_msgpack_encode(text, p->attachments);
    REQUIRE(m && m->binary);
    lec_msg_unref(text);
    return m;
}

/* Whether nothing in it but its placeholders looks like one. */
static bool is_plain(const struct sio_packet *p)
{
    if (p->attachments == 0)
        return true;
    unsigned count = 0;
    const char *at = p->json.p, *end = at + p->json.n;
    while ((at = memmem(at, (size_t)(end - at), "_placeholder", 12))) {
        at += 12;
        count++;
    }
    return count == p->attachments;
}

static int any_message(struct lec_slice data)
{
    struct parts a, b;
    int rc = decode(&a, data);
    REQUIRE(a.json.n <= 7 * data.n + MAX_ATTACHMENTS * 40);
    if (!rc) {
        struct lec_msg *m = encode(&a);
        int again = decode(&b, lec_msg_payload(m));
        REQUIRE(!again || !is_plain(&a.packet));
        if (is_plain(&a.packet)) {
            REQUIRE(a.packet.type == b.packet.type && a.packet.id == b.packet.id);
            REQUIRE(a.packet.attachments == b.packet.attachments);
            REQUIRE(lec_slice_eq(a.packet.nsp, b.packet.nsp));
            REQUIRE(lec_slice_eq(a.packet.json, b.packet.json));
            REQUIRE(lec_slice_eq(a.packet.event, b.packet.event));
            for (unsigned i = 0; i < a.packet.attachments; i++)
                REQUIRE(lec_slice_eq(lec_msg_payload(a.attachments[i]),
                                     lec_msg_payload(b.attachments[i])));
        }
        fini(&b);
        lec_msg_unref(m);
    }
    fini(&a);
    return rc;
}

static void any_text(struct lec_slice data)
{
    struct parts a = { 0 };
    if (!lec_utf8_valid(data.p, data.n) || sio_packet_decode(&a.packet, data, &limits))
        return;
    for (unsigned i = 0; i < a.packet.attachments; i++)
        a.attachments[i] = lec_msg_copy(true, "four", i);
    struct lec_msg *m = encode(&a);
    REQUIRE(m->len <= 9 * data.n + 64);
    /* An event's name may be a number past all doubles: infinity, which is no name. */
    bool odd = a.packet.attachments > 0 || (a.packet.event.n > 0 && a.packet.event.p[-1] != '"');
    REQUIRE(!any_message(lec_msg_payload(m)) || odd);
    lec_msg_unref(m);
    fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice input = { (const char *)data, size };
    (void)any_message(input);
    any_text(input);
    return 0;
}
