#include "http/bundle.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/etag.h"
#include "net/encoding.h"

struct lec_bundle {
    const struct lec_cors *cors;
    struct lec_buf headers;
    struct lec_buf plain[]; /* of each file; empty until it was asked for so */
};

struct lec_bundle *lec_bundle_new(const struct lec_cors *cors)
{
    size_t n = 0;
    while (lec_bundle_files[n].name)
        n++;
    struct lec_bundle *b = lec_alloc0(sizeof *b + n * sizeof b->plain[0]);
    b->cors = cors;
    return b;
}

void lec_bundle_free(struct lec_bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; lec_bundle_files[i].name; i++)
        lec_buf_fini(&b->plain[i]);
    lec_buf_fini(&b->headers);
    free(b);
}

static struct lec_slice unpacked(struct lec_bundle *b, size_t i)
{
    const struct lec_bundle_file *file = &lec_bundle_files[i];
    if (b->plain[i].n == 0 && lec_gunzip(file->gzip, file->size, &b->plain[i]) != LEC_OK)
        abort(); /* the build made it */
    return lec_buf_slice(&b->plain[i]);
}

static struct lec_slice body_of(struct lec_bundle *b, size_t i, struct lec_http *http)
{
    const struct lec_bundle_file *file = &lec_bundle_files[i];
    unsigned offered = LEC_ENCODING_BIT(LEC_GZIP);
    if (file->br.n > 0)
        offered |= LEC_ENCODING_BIT(LEC_BR);
    enum lec_encoding e = lec_encoding_choose(lec_http_header(http, "accept-encoding"), offered);
    lec_encoding_header(e, &b->headers);
    return e == LEC_BR ? file->br : e == LEC_GZIP ? file->gzip : unpacked(b, i);
}

static void serve(struct lec_bundle *b, size_t i, struct lec_http *http)
{
    const char *name = lec_bundle_files[i].name;
    bool map = strcmp(name + strlen(name) - 4, ".map") == 0;
    char etag[64];
    snprintf(etag, sizeof etag, "\"%s\"", lec_bundle_version);
    lec_buf_clear(&b->headers, SIZE_MAX);
    lec_buf_printf(&b->headers, "Cache-Control: public, max-age=0\r\nETag: %s\r\n", etag);
    lec_buf_adds(&b->headers, "Vary: Accept-Encoding\r\n");
    lec_cors_headers(b->cors, http, &b->headers);
    struct lec_reply reply = { .status = 304 };
    if (!lec_etag_matches(lec_http_header(http, "if-none-match"), etag)) {
        reply.status = 200;
        reply.type =
            map ? "application/json; charset=utf-8" : "application/javascript; charset=utf-8";
        reply.body = body_of(b, i, http);
    }
    reply.headers = lec_buf_slice(&b->headers);
    lec_http_answer(http, &reply);
}

bool lec_bundle_serve(struct lec_bundle *b, struct lec_slice name, struct lec_http *http)
{
    enum lec_method method = lec_http_method(http);
    if (name.n == 0 || (method != LEC_GET && method != LEC_HEAD))
        return false;
    for (size_t i = 0; lec_bundle_files[i].name; i++)
        if (lec_slice_is(name, lec_bundle_files[i].name)) {
            serve(b, i, http);
            return true;
        }
    return false;
}
