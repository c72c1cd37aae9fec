/* The reader half of msgpack.h. It never believes a length before the bytes are there, and walks
 * nested values with a stack of its own. */
#include <math.h>
#include <time.h>

#include "base/json.h"
#include "base/utf8.h"
#include "socketio/msgpack.h"

#define MAX_EXACT (((uint64_t)1 << 53) - 1) /* the largest integer that JavaScript counts to */

enum kind {
    NIL,
    FALSE,
    TRUE,
    UINT,
    NEGATIVE, /* u is its absolute value */
    FLOAT,
    STR,
    BIN,
    DATE,
    UNDEFINED,
    ARRAY,
    MAP,
};

/* One value, of a container only its head. */
struct item {
    enum kind kind;
    union {
        uint64_t u;             /* UINT, NEGATIVE; elements of ARRAY, pairs of MAP */
        double d;               /* FLOAT */
        int64_t ms;             /* DATE, Unix time; as u in two's complement */
        struct lec_slice bytes; /* STR, BIN */
    };
};

struct reader {
    const unsigned char *p, *end;
    const struct sio_limits *limits;
    struct lec_buf *json, *bins;
};

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

/* A number of 1, 2, 4 or 8 bytes. */
static int take_uint(struct reader *r, unsigned bytes, uint64_t *out)
{
    if (left(r) < bytes)
        return LEC_EPROTO;
    *out = 0;
    while (bytes-- > 0)
        *out = *out << 8 | *r->p++;
    return LEC_OK;
}

static int take_int(struct reader *r, unsigned bytes, struct item *it)
{
    uint64_t u;
    int rc = take_uint(r, bytes, &u);
    if (rc)
        return rc;
    bool negative = u >> (8 * bytes - 1);
    it->kind = negative ? NEGATIVE : UINT;
    it->u = negative ? (~u & (UINT64_MAX >> (64 - 8 * bytes))) + 1 : u;
    return LEC_OK;
}

static int take_float(struct reader *r, unsigned bytes, struct item *it)
{
    uint64_t u;
    int rc = take_uint(r, bytes, &u);
    if (rc)
        return rc;
    it->kind = FLOAT;
    if (bytes == 4) {
        uint32_t word = (uint32_t)u;
        float f;
        memcpy(&f, &word, sizeof f);
        it->d = (double)f;
    } else {
        memcpy(&it->d, &u, sizeof it->d);
    }
    return LEC_OK;
}

static int take_bytes(struct reader *r, enum kind kind, uint64_t n, struct item *it)
{
    if (left(r) < n)
        return LEC_EPROTO;
    it->kind = kind;
    it->bytes = (struct lec_slice){ (const char *)r->p, (size_t)n };
    r->p += n;
    return LEC_OK;
}

static int take_container(struct reader *r, enum kind kind, uint64_t n, struct item *it)
{
    it->kind = kind;
    it->u = n;
    return left(r) < (kind == MAP ? 2 * n : n) ? LEC_EPROTO : LEC_OK; /* each takes a byte */
}

/* What follows the length of an ext value. */
static int take_ext(struct reader *r, bool fixed, uint64_t n, struct item *it)
{
    uint64_t type;
    int rc = take_uint(r, 1, &type);
    if (rc)
        return rc;
    if (type != 0)
        return LEC_EPROTO;
    if (!fixed)
        return take_bytes(r, BIN, n, it);
    if (n == 1)
        return take_bytes(r, UNDEFINED, 1, it);
    if (n != 8)
        return LEC_EPROTO;
    it->kind = DATE;
    return take_uint(r, 8, &it->u);
}

/* Behind a first byte that tells how long the length is. */
static int take_long(struct reader *r, unsigned char first, struct item *it)
{
    static const struct {
        unsigned char first, bytes;
        enum kind kind;
    } longs[] = {
        { 0xc4, 1, BIN }, { 0xc5, 2, BIN }, { 0xc6, 4, BIN },   { 0xd9, 1, STR },
        { 0xda, 2, STR }, { 0xdb, 4, STR }, { 0xdc, 2, ARRAY }, { 0xdd, 4, ARRAY },
        { 0xde, 2, MAP }, { 0xdf, 4, MAP },
    };
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        uint64_t n;
        if (longs[i].first != first)
            continue;
        int rc = take_uint(r, longs[i].bytes, &n);
        if (rc)
            return rc;
        return longs[i].kind == ARRAY || longs[i].kind == MAP
                   ? take_container(r, longs[i].kind, n, it)
                   : take_bytes(r, longs[i].kind, n, it);
    }
    return LEC_EPROTO;
}

static int take_item(struct reader *r, struct item *it)
{
    uint64_t n;
    int rc = take_uint(r, 1, &n);
    if (rc)
        return rc;
    unsigned char first = (unsigned char)n;
    if (first < 0x80) {
        *it = (struct item){ UINT, { .u = first } };
        return LEC_OK;
    }
    if (first < 0x90)
        return take_container(r, MAP, first & 0x0f, it);
    if (first < 0xa0)
        return take_container(r, ARRAY, first & 0x0f, it);
    if (first < 0xc0)
        return take_bytes(r, STR, first & 0x1f, it);
    if (first >= 0xe0) {
        *it = (struct item){ NEGATIVE, { .u = 256u - first } };
        return LEC_OK;
    }
    switch (first) {
    case 0xc0:
        it->kind = NIL;
        return LEC_OK;
    case 0xc2:
    case 0xc3:
        it->kind = first == 0xc3 ? TRUE : FALSE;
        return LEC_OK;
    case 0xc7:
    case 0xc8:
    case 0xc9:
        rc = take_uint(r, 1u << (first - 0xc7), &n);
        return rc ? rc : take_ext(r, false, n, it);
    case 0xca:
    case 0xcb:
        return take_float(r, first == 0xca ? 4 : 8, it);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        it->kind = UINT;
        return take_uint(r, 1u << (first - 0xcc), &it->u);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_int(r, 1u << (first - 0xd0), it);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_ext(r, true, (uint64_t)1 << (first - 0xd4), it);
    default:
        return take_long(r, first, it);
    }
}

/* As Date.prototype.toJSON says it. */
static void put_date(struct lec_buf *out, int64_t ms)
{
    const int64_t max = 8640000000000000; /* 100 million days */
    if (ms > max || ms < -max) {
        lec_buf_adds(out, "null");
        return;
    }
    int rest = (int)((ms % 1000 + 1000) % 1000);
    time_t seconds = (ms - rest) / 1000;
    struct tm t;
    gmtime_r(&seconds, &t);
    int year = t.tm_year + 1900;
    lec_buf_printf(out, year >= 0 && year <= 9999 ? "\"%04d" : "\"%+07d", year);
    lec_buf_printf(out, "-%02d-%02dT%02d:%02d:%02d.%03dZ\"", t.tm_mon + 1, t.tm_mday, t.tm_hour,
                   t.tm_min, t.tm_sec, rest);
}

static void put_int(struct lec_buf *out, bool negative, uint64_t u)
{
    if (u > MAX_EXACT) {
        lec_json_put_number(out, negative ? -(double)u : (double)u);
        return;
    }
    if (negative)
        lec_buf_addc(out, '-');
    lec_buf_addu(out, u);
}

static int put_bin(struct reader *r, struct lec_slice bytes)
{
    size_t count = r->bins->n / sizeof bytes;
    if (count >= r->limits->max_attachments)
        return LEC_ETOOBIG;
    lec_buf_printf(r->json, "{\"_placeholder\":true,\"num\":%zu}", count);
    lec_buf_add(r->bins, &bytes, sizeof bytes);
    return LEC_OK;
}

static int put_scalar(struct reader *r, const struct item *it)
{
    struct lec_buf *out = r->json;
    switch (it->kind) {
    case NIL:
    case UNDEFINED:
        lec_buf_adds(out, "null");
        break;
    case FALSE:
        lec_buf_adds(out, "false");
        break;
    case TRUE:
        lec_buf_adds(out, "true");
        break;
    case UINT:
    case NEGATIVE:
        put_int(out, it->kind == NEGATIVE, it->u);
        break;
    case FLOAT:
        lec_json_put_number(out, it->d);
        break;
    case DATE:
        put_date(out, it->ms);
        break;
    case STR:
        return lec_json_put_string(out, it->bytes.p, it->bytes.n);
    case BIN:
        return put_bin(r, it->bytes);
    case ARRAY:
    case MAP:
        break;
    }
    return LEC_OK;
}

static void put_bytes_as_string(struct lec_buf *out, struct lec_slice bytes)
{
    struct lec_buf text = { 0 };
    lec_utf8_mend(&text, bytes.p, bytes.n);
    (void)!lec_json_put_string(out, text.p, text.n); /* it is UTF-8 now */
    lec_buf_fini(&text);
}

/* The string that JavaScript makes of a key. Of a container or a date that would be what no sender
 * means. */
static int put_key(struct reader *r, const struct item *key)
{
    struct lec_buf *out = r->json;
    switch (key->kind) {
    case STR:
        return lec_json_put_string(out, key->bytes.p, key->bytes.n);
    case BIN:
        put_bytes_as_string(out, key->bytes);
        return LEC_OK;
    case UNDEFINED:
        lec_buf_adds(out, "\"undefined\"");
        return LEC_OK;
    case FLOAT:
        if (!isfinite(key->d)) {
            lec_buf_printf(out, "\"%s\"",
                           isnan(key->d)  ? "NaN"
                           : key->d > 0.0 ? "Infinity"
                                          : "-Infinity");
            return LEC_OK;
        }
        break;
    case DATE:
    case ARRAY:
    case MAP:
        return LEC_EPROTO;
    case NIL:
    case FALSE:
    case TRUE:
    case UINT:
    case NEGATIVE:
        break;
    }
    lec_buf_addc(out, '"');
    int rc = put_scalar(r, key);
    lec_buf_addc(out, '"');
    return rc;
}

struct level {
    uint64_t left;
    size_t member; /* where in the text the latest one begins, its comma included */
    bool map, some;
};

/* A comma if it needs one, and the key. */
static int begin_member(struct reader *r, struct level *at)
{
    struct item key;
    at->left--;
    at->member = r->json->n;
    if (at->some)
        lec_buf_addc(r->json, ',');
    if (!at->map)
        return LEC_OK;
    int rc = take_item(r, &key);
    if (!rc)
        rc = put_key(r, &key);
    lec_buf_addc(r->json, ':');
    return rc;
}

/* One whole value as JSON text. */
static int put_value(struct reader *r)
{
    struct level stack[LEC_JSON_MAX_DEPTH];
    unsigned depth = 0, max = r->limits->max_depth;
    if (max > LEC_JSON_MAX_DEPTH)
        max = LEC_JSON_MAX_DEPTH;
    do {
        struct level *at = depth ? &stack[depth - 1] : NULL;
        struct item it;
        int rc = LEC_OK;
        if (at && at->left == 0) {
            lec_buf_addc(r->json, at->map ? '}' : ']');
            depth--;
            continue;
        }
        if (at)
            rc = begin_member(r, at);
        if (!rc)
            rc = take_item(r, &it);
        if (rc)
            return rc;
        if (at && at->map && it.kind == UNDEFINED) {
            r->json->n = at->member;
            continue;
        }
        if (at)
            at->some = true;
        if (it.kind == ARRAY || it.kind == MAP) {
            if (depth == max)
                return LEC_ETOOBIG;
            stack[depth++] = (struct level){ .left = it.u, .map = it.kind == MAP };
            lec_buf_addc(r->json, it.kind == MAP ? '{' : '[');
        } else if ((rc = put_scalar(r, &it))) {
            return rc;
        }
    } while (depth > 0);
    return LEC_OK;
}

/* The value of `data`: the latest one, if there are several. */
static int read_data(struct reader *r)
{
    struct reader ahead = *r;
    struct item it;
    int rc = take_item(&ahead, &it);
    if (rc)
        return rc;
    r->json->n = r->bins->n = 0;
    if (it.kind != UNDEFINED)
        return put_value(r);
    r->p = ahead.p;
    return LEC_OK;
}

/* A value that nobody wants to know, like options. */
static int pass_over(struct reader *r)
{
    size_t json = r->json->n, bins = r->bins->n;
    int rc = put_value(r);
    r->json->n = json;
    r->bins->n = bins;
    return rc;
}

static int read_member(struct reader *r, struct sio_packet *p, bool *typed)
{
    struct item key, it;
    int rc = take_item(r, &key);
    if (rc)
        return rc;
    if (key.kind == DATE || key.kind == ARRAY || key.kind == MAP)
        return LEC_EPROTO;
    struct lec_slice name = key.kind == STR || key.kind == BIN ? key.bytes : LEC_SLICE("");
    if (lec_slice_is(name, "data"))
        return read_data(r);
    bool type = lec_slice_is(name, "type"), id = lec_slice_is(name, "id"),
         nsp = lec_slice_is(name, "nsp");
    if (!type && !id && !nsp)
        return pass_over(r);
    rc = take_item(r, &it);
    if (rc)
        return rc;
    if (type && it.kind == UINT && it.u <= SIO_CONNECT_ERROR) {
        p->type = (enum sio_type)it.u;
        *typed = true;
    } else if (id && it.kind == UINT) {
        p->id = it.u <= SIO_MAX_ID ? (int64_t)it.u : SIO_NO_ID;
    } else if (id && it.kind == UNDEFINED) {
        p->id = SIO_NO_ID;
    } else if (nsp && it.kind == STR) {
        p->nsp = it.bytes;
    } else {
        return LEC_EPROTO;
    }
    return LEC_OK;
}

/* Whether the default form could say it: only such namespaces exist. */
static bool is_namespace(struct lec_slice name)
{
    return name.n > 0 && name.p[0] == '/' && !memchr(name.p, ',', name.n) &&
           lec_utf8_valid(name.p, name.n);
}

int sio_msgpack_decode(struct sio_packet *out, struct lec_slice data,
                       const struct sio_limits *limits, struct lec_buf *json, struct lec_buf *bins)
{
    const unsigned char *p = (const unsigned char *)data.p;
    struct reader r = { p, p + data.n, limits, json, bins };
    struct item map;
    bool typed = false;
    *out = (struct sio_packet){ .id = SIO_NO_ID };
    int rc = take_item(&r, &map);
    if (!rc && map.kind != MAP)
        rc = LEC_EPROTO;
    while (!rc && map.u-- > 0)
        rc = read_member(&r, out, &typed);
    if (rc)
        return rc;
    if (left(&r) > 0 || !typed || !is_namespace(out->nsp))
        return LEC_EPROTO;
    out->attachments = (unsigned)(bins->n / sizeof(struct lec_slice));
    if (out->attachments > 0) {
        if (out->type != SIO_EVENT && out->type != SIO_ACK)
            return LEC_EPROTO;
        out->type = out->type == SIO_EVENT ? SIO_BINARY_EVENT : SIO_BINARY_ACK;
    }
    out->json = lec_buf_slice(json);
    return sio_packet_check(out, limits);
}
