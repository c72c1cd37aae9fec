#include "http/bundle.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/msg.h"
#include "http/etag.h"
#include "net/encoding.h"

struct lec_bundle {
    const struct lec_cors *cors;
    struct lec_buf headers;
    struct lec_msg *bodies[][LEC_ENCODINGS]; /* of each file and coding, once it was asked for so */
};

struct lec_bundle *lec_bundle_new(const struct lec_cors *cors)
{
    size_t n = 0;
    while (lec_bundle_files[n].name)
        n++;
    struct lec_bundle *b = lec_alloc0(sizeof *b + n * sizeof b->bodies[0]);
    b->cors = cors;
    return b;
}

void lec_bundle_free(struct lec_bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; lec_bundle_files[i].name; i++)
        for (int e = 0; e < LEC_ENCODINGS; e++)
            lec_msg_unref(b->bodies[i][e]);
    lec_buf_fini(&b->headers);
    free(b);
}

static struct lec_msg *make_body(size_t i, enum lec_encoding e)
{
    const struct lec_bundle_file *file = &lec_bundle_files[i];
    struct lec_buf plain = { 0 };
    struct lec_slice bytes = e == LEC_BR ? file->br : file->gzip;
    if (e == LEC_IDENTITY) {
        if (lec_gunzip(file->gzip, file->size, &plain) != LEC_OK)
            abort(); /* the build made it */
        bytes = lec_buf_slice(&plain);
    }
    struct lec_msg *m = lec_msg_copy(true, bytes.p, bytes.n);
    lec_buf_fini(&plain);
    return m;
}

static struct lec_msg *body_of(struct lec_bundle *b, size_t i, struct lec_http *http)
{
    unsigned offered = LEC_ENCODING_BIT(LEC_GZIP);
    if (lec_bundle_files[i].br.n > 0)
        offered |= LEC_ENCODING_BIT(LEC_BR);
    enum lec_encoding e = lec_encoding_choose(lec_http_header(http, "accept-encoding"), offered);
    lec_encoding_header(e, &b->headers);
    if (!b->bodies[i][e])
        b->bodies[i][e] = make_body(i, e);
    return b->bodies[i][e];
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
        reply.shared = body_of(b, i, http);
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
