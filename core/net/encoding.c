#include "net/encoding.h"

#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

/* zlib's fastest: 4 to 7 µs for a KB of JSON, which it makes a quarter of. Its usual level, 6, takes
 * thrice that for large bodies, and makes a fifth of them. */
#define LEVEL       1
#define WINDOW_BITS 15
#define GZIP_BITS   (16 + WINDOW_BITS)
#define MEM_LEVEL   8
#define REMEMBERED  (64 * 1024) /* bytes of the longest body that is remembered */

/* --- Accept-Encoding ------------------------------------------------------------------------ */

static const char *const names[LEC_ENCODINGS] = { "identity", "deflate", "gzip", "br" };

/* "q=0.25" in thousandths (RFC 9110, 12.4.2); -1 if it is no weight. */
static int weight(struct lec_slice p)
{
    if (p.n < 3 || p.n > 7 || strncasecmp(p.p, "q=", 2) != 0 || (p.p[2] != '0' && p.p[2] != '1'))
        return -1;
    int q = (p.p[2] - '0') * 1000;
    if (p.n > 3 && p.p[3] != '.')
        return -1;
    for (size_t i = 4, unit = 100; i < p.n; i++, unit /= 10) {
        if (p.p[i] < '0' || p.p[i] > '9')
            return -1;
        q += (p.p[i] - '0') * (int)unit;
    }
    return q <= 1000 ? q : -1;
}

enum lec_encoding lec_encoding_choose(struct lec_slice accept, unsigned offered)
{
    int q[LEC_ENCODINGS] = { -1, -1, -1, -1 }, others = 0; /* in thousandths; -1: not named */
    while (accept.n > 0) {
        struct lec_slice element = lec_slice_shift(&accept, ',');
        struct lec_slice name = lec_slice_shift(&element, ';');
        int w = element.n > 0 ? weight(lec_slice_trim(element)) : 1000;
        if (w < 0)
            continue;
        if (lec_slice_is(name, "*"))
            others = w;
        for (int e = 0; e < LEC_ENCODINGS; e++)
            if (lec_slice_is_word(name, names[e]) ||
                (e == LEC_GZIP && lec_slice_is_word(name, "x-gzip")))
                q[e] = w;
    }
    enum lec_encoding best = LEC_IDENTITY;
    int most = q[LEC_IDENTITY] > 1 ? q[LEC_IDENTITY] : 1; /* what is worth 0 is not taken */
    for (int e = LEC_DEFLATE; e < LEC_ENCODINGS; e++) {
        int w = q[e] >= 0 ? q[e] : others;
        if ((offered & LEC_ENCODING_BIT(e)) != 0 && w >= most) {
            best = (enum lec_encoding)e;
            most = w;
        }
    }
    return best;
}

void lec_encoding_header(enum lec_encoding e, struct lec_buf *headers)
{
    if (e != LEC_IDENTITY)
        lec_buf_printf(headers, "Content-Encoding: %s\r\n", names[e]);
}

/* --- compressing ---------------------------------------------------------------------------- */

struct lec_deflater {
    size_t threshold;
    z_stream gzip, deflate;
    bool has_gzip, has_deflate;
    enum lec_encoding encoding; /* of the last body; LEC_IDENTITY: none is remembered */
    struct lec_buf body, out;
};

struct lec_deflater *lec_deflater_new(size_t threshold)
{
    struct lec_deflater *d = lec_alloc0(sizeof *d);
    d->threshold = threshold;
    return d;
}

void lec_deflater_free(struct lec_deflater *d)
{
    if (!d)
        return;
    if (d->has_gzip)
        deflateEnd(&d->gzip);
    if (d->has_deflate)
        deflateEnd(&d->deflate);
    lec_buf_fini(&d->body);
    lec_buf_fini(&d->out);
    free(d);
}

size_t lec_deflater_threshold(const struct lec_deflater *d)
{
    return d->threshold;
}

/* The state of a coding, ready for a new body. NULL: there is no memory for it. */
static z_stream *state_of(struct lec_deflater *d, enum lec_encoding e)
{
    z_stream *z = e == LEC_GZIP ? &d->gzip : &d->deflate;
    bool *has = e == LEC_GZIP ? &d->has_gzip : &d->has_deflate;
    int bits = e == LEC_GZIP ? GZIP_BITS : WINDOW_BITS;
    if (*has)
        return deflateReset(z) == Z_OK ? z : NULL;
    *has = deflateInit2(z, LEVEL, Z_DEFLATED, bits, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
    return *has ? z : NULL;
}

struct lec_slice lec_deflate(struct lec_deflater *d, enum lec_encoding e, struct lec_slice body)
{
    if (e == d->encoding && lec_slice_eq(body, lec_buf_slice(&d->body)))
        return lec_buf_slice(&d->out);
    d->encoding = LEC_IDENTITY;
    lec_buf_clear(&d->body, REMEMBERED);
    lec_buf_clear(&d->out, REMEMBERED);
    z_stream *z = body.n > 1 && body.n <= UINT_MAX ? state_of(d, e) : NULL;
    if (!z)
        return lec_buf_slice(&d->out);
    z->next_in = (Bytef *)body.p;
    z->avail_in = (uInt)body.n;
    z->next_out = (Bytef *)lec_buf_reserve(&d->out, body.n);
    z->avail_out = (uInt)body.n - 1; /* when these are full, the body as it is, is shorter */
    if (deflate(z, Z_FINISH) == Z_STREAM_END)
        d->out.n = body.n - 1 - z->avail_out;
    if (body.n <= REMEMBERED) {
        lec_buf_add(&d->body, body.p, body.n);
        d->encoding = e;
    }
    return lec_buf_slice(&d->out);
}

struct lec_slice lec_deflate_for(struct lec_deflater *d, const struct lec_http *http,
                                 struct lec_slice body, struct lec_buf *headers)
{
    if (!d || body.n < d->threshold)
        return body;
    lec_buf_adds(headers, "Vary: Accept-Encoding\r\n");
    enum lec_encoding e =
        lec_encoding_choose(lec_http_header(http, "accept-encoding"), LEC_DEFLATER_CODINGS);
    if (e == LEC_IDENTITY)
        return body;
    struct lec_slice packed = lec_deflate(d, e, body);
    if (packed.n == 0)
        return body;
    lec_encoding_header(e, headers);
    return packed;
}

int lec_gunzip(struct lec_slice gzip, size_t size, struct lec_buf *out)
{
    z_stream z = { 0 };
    if (gzip.n > UINT_MAX || size >= UINT_MAX || inflateInit2(&z, GZIP_BITS) != Z_OK)
        return LEC_EPROTO;
    z.next_in = (Bytef *)gzip.p;
    z.avail_in = (uInt)gzip.n;
    z.next_out = (Bytef *)lec_buf_reserve(out, size + 1);
    z.avail_out = (uInt)size + 1;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == size && z.avail_in == 0;
    inflateEnd(&z);
    if (!whole)
        return LEC_EPROTO;
    out->n += size;
    return LEC_OK;
}
