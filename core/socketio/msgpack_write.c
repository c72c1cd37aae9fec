/* The writer half of msgpack.h. A container's head holds how much is in it, which JSON says only at
 * its end. So heads and attachments are left out at first, with a mark for each, and put in while
 * all is copied into the message, whose length is then known. */
#include <stdlib.h>

#include "base/json.h"
#include "socketio/msgpack.h"
#include "socketio/placeholder.h"

enum kind { ARRAY, MAP, BIN };

/* What belongs in front of the body's byte `at`. */
struct mark {
    uint32_t at;
    uint32_t n; /* ARRAY: elements; MAP: pairs; BIN: number of the attachment */
    enum kind kind;
};

#define HEAD_MAX 9

struct writer {
    struct lec_buf body, marks, plain;
    struct lec_msg *const *attachments;
    bool *placed; /* one an attachment */
    unsigned depth;
    uint32_t open[LEC_JSON_MAX_DEPTH]; /* marks of the containers around */
};

/* The first byte and `bytes` more of n. */
static unsigned put_head(unsigned char *out, unsigned char first, unsigned bytes, uint64_t n)
{
    out[0] = first;
    for (unsigned i = 0; i < bytes; i++)
        out[1 + i] = (unsigned char)(n >> (8 * (bytes - 1 - i)));
    return 1 + bytes;
}

static void add_head(struct lec_buf *out, unsigned char first, unsigned bytes, uint64_t n)
{
    out->n += put_head((unsigned char *)lec_buf_reserve(out, HEAD_MAX), first, bytes, n);
}

static void add_str(struct lec_buf *out, struct lec_slice s)
{
    if (s.n < 32)
        add_head(out, (unsigned char)(0xa0 | s.n), 0, 0);
    else if (s.n <= UINT8_MAX)
        add_head(out, 0xd9, 1, s.n);
    else if (s.n <= UINT16_MAX)
        add_head(out, 0xda, 2, s.n);
    else
        add_head(out, 0xdb, 4, s.n);
    lec_buf_add(out, s.p, s.n);
}

static void add_uint(struct lec_buf *out, uint64_t n)
{
    if (n < 0x80)
        add_head(out, (unsigned char)n, 0, 0);
    else if (n <= UINT8_MAX)
        add_head(out, 0xcc, 1, n);
    else if (n <= UINT16_MAX)
        add_head(out, 0xcd, 2, n);
    else if (n <= UINT32_MAX)
        add_head(out, 0xce, 4, n);
    else
        add_head(out, 0xcf, 8, n);
}

static void add_negative(struct lec_buf *out, int64_t n)
{
    if (n >= -32)
        add_head(out, (unsigned char)n, 0, 0);
    else if (n >= INT8_MIN)
        add_head(out, 0xd0, 1, (uint64_t)n);
    else if (n >= INT16_MIN)
        add_head(out, 0xd1, 2, (uint64_t)n);
    else if (n >= INT32_MIN)
        add_head(out, 0xd2, 4, (uint64_t)n);
    else
        add_head(out, 0xd3, 8, (uint64_t)n);
}

static void add_number(struct lec_buf *out, double d)
{
    if (d >= -0x1p53 && d <= 0x1p53 && d == (double)(int64_t)d) {
        if (d < 0)
            add_negative(out, (int64_t)d);
        else
            add_uint(out, (uint64_t)d);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    add_head(out, 0xcb, 8, bits);
}

static void add_string(struct writer *w, const struct lec_json_token *t)
{
    if (!t->escaped) {
        add_str(&w->body, t->text);
        return;
    }
    w->plain.n = 0;
    lec_json_string(&w->plain, t);
    add_str(&w->body, lec_buf_slice(&w->plain));
}

static struct mark *mark_at(const struct writer *w, uint32_t i)
{
    return (struct mark *)(void *)w->marks.p + i;
}

static void open_container(struct writer *w, enum kind kind)
{
    w->open[w->depth++] = (uint32_t)(w->marks.n / sizeof(struct mark));
    struct mark m = { .at = (uint32_t)w->body.n, .kind = kind };
    lec_buf_add(&w->marks, &m, sizeof m);
}

/* Ends a container. If it is the placeholder of an attachment that is not placed yet, that takes the
 * place of all that was written for it. */
static void close_container(struct writer *w, enum sio_find found, unsigned num)
{
    uint32_t i = w->open[--w->depth];
    if (found != SIO_FIND_PLACEHOLDER || w->placed[num])
        return;
    struct mark *m = mark_at(w, i);
    w->placed[num] = true;
    w->body.n = m->at;
    w->marks.n = (i + 1) * sizeof *m;
    m->kind = BIN;
    m->n = num;
}

static int add_json(struct writer *w, struct lec_slice text, unsigned attachments)
{
    struct lec_json json;
    struct lec_json_token t;
    struct sio_finder finder;
    enum sio_find found = SIO_FIND_NOTHING;
    lec_json_init(&json, text, LEC_JSON_MAX_DEPTH);
    sio_finder_init(&finder, attachments);
    for (;;) {
        int rc = lec_json_next(&json, &t);
        if (rc || t.kind == LEC_JSON_END)
            return rc;
        if (attachments > 0)
            found = sio_finder_next(&finder, &t);
        bool ends = t.kind == LEC_JSON_OBJECT_END || t.kind == LEC_JSON_ARRAY_END;
        if (w->depth > 0 && !ends) {
            struct mark *m = mark_at(w, w->open[w->depth - 1]);
            m->n += m->kind == ARRAY || t.kind == LEC_JSON_KEY;
        }
        switch (t.kind) {
        case LEC_JSON_OBJECT:
        case LEC_JSON_ARRAY:
            open_container(w, t.kind == LEC_JSON_OBJECT ? MAP : ARRAY);
            break;
        case LEC_JSON_OBJECT_END:
        case LEC_JSON_ARRAY_END:
            close_container(w, found, finder.num);
            break;
        case LEC_JSON_KEY:
        case LEC_JSON_STRING:
            add_string(w, &t);
            break;
        case LEC_JSON_NUMBER:
            add_number(&w->body, lec_json_number(&t));
            break;
        case LEC_JSON_TRUE:
        case LEC_JSON_FALSE:
            lec_buf_addc(&w->body, (char)(t.kind == LEC_JSON_TRUE ? 0xc3 : 0xc2));
            break;
        case LEC_JSON_NULL:
            lec_buf_addc(&w->body, (char)0xc0);
            break;
        case LEC_JSON_END:
            break;
        }
    }
}

static unsigned mark_head(unsigned char out[HEAD_MAX], const struct mark *m, size_t n)
{
    if (m->kind == BIN)
        return n <= UINT8_MAX    ? put_head(out, 0xc4, 1, n)
               : n <= UINT16_MAX ? put_head(out, 0xc5, 2, n)
                                 : put_head(out, 0xc6, 4, n);
    bool map = m->kind == MAP;
    return n < 16            ? put_head(out, (unsigned char)((map ? 0x80 : 0x90) | n), 0, 0)
           : n <= UINT16_MAX ? put_head(out, map ? 0xde : 0xdc, 2, n)
                             : put_head(out, map ? 0xdf : 0xdd, 4, n);
}

/* Writes body and marks to out; NULL: only tells how much that is. */
static size_t put_together(const struct writer *w, char *out)
{
    size_t copied = 0, size = w->body.n;
    for (uint32_t i = 0; i < w->marks.n / sizeof(struct mark); i++) {
        const struct mark *m = mark_at(w, i);
        struct lec_slice bin = { NULL, 0 };
        unsigned char head[HEAD_MAX];
        if (m->kind == BIN)
            bin = lec_msg_payload(w->attachments[m->n]);
        unsigned head_len = mark_head(head, m, m->kind == BIN ? bin.n : m->n);
        size += head_len + bin.n;
        if (!out)
            continue;
        out = mempcpy(out, w->body.p + copied, m->at - copied);
        out = mempcpy(out, head, head_len);
        if (bin.n > 0)
            out = mempcpy(out, bin.p, bin.n);
        copied = m->at;
    }
    if (out)
        memcpy(out, w->body.p + copied, w->body.n - copied);
    return size;
}

static enum sio_type plain_type(enum sio_type type)
{
    return type == SIO_BINARY_EVENT ? SIO_EVENT : type == SIO_BINARY_ACK ? SIO_ACK : type;
}

struct lec_msg *sio_msgpack_encode(const struct lec_msg *text, struct lec_msg *const *attachments)
{
    struct lec_slice payload = lec_msg_payload(text);
    struct sio_packet p;
    if (sio_packet_split(&p, (struct lec_slice){ payload.p + 1, payload.n - 1 }, UINT32_MAX))
        return NULL;

    struct writer w = { .attachments = attachments };
    struct lec_msg *msg = NULL;
    w.placed = p.attachments ? lec_alloc0(p.attachments * sizeof *w.placed) : NULL;
    bool has_data = p.json.n > 0, has_id = p.id != SIO_NO_ID;
    lec_buf_reserve(&w.body, payload.n + 32);
    add_head(&w.body, (unsigned char)(0x82 + has_data + has_id), 0, 0);
    add_str(&w.body, LEC_SLICE("type"));
    add_uint(&w.body, plain_type(p.type));
    if (has_data) {
        add_str(&w.body, LEC_SLICE("data"));
        if (add_json(&w, p.json, p.attachments))
            goto out;
    }
    if (has_id) {
        add_str(&w.body, LEC_SLICE("id"));
        add_uint(&w.body, (uint64_t)p.id);
    }
    add_str(&w.body, LEC_SLICE("nsp"));
    add_str(&w.body, p.nsp);
    msg = lec_msg_new(true, put_together(&w, NULL));
    put_together(&w, lec_msg_data(msg));
out:
    lec_buf_fini(&w.body);
    lec_buf_fini(&w.marks);
    lec_buf_fini(&w.plain);
    free(w.placed);
    return msg;
}
