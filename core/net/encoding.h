/* Content codings (RFC 9110, 8.4): which one an answer should have, and the making of gzip and
 * deflate.
 *
 * A deflater is owned by who made it and serves a whole loop: its state (256 KB for gzip, as much
 * for deflate, which hardly anybody asks for) is made when it is first needed and used again for
 * each body. What it gives out is its own, valid until its next call. */
#ifndef LEC_NET_ENCODING_H
#define LEC_NET_ENCODING_H

#include "base/buf.h"
#include "net/http.h"

/* In the order in which we like them. */
enum lec_encoding { LEC_IDENTITY, LEC_DEFLATE, LEC_GZIP, LEC_BR, LEC_ENCODINGS };

#define LEC_ENCODING_BIT(e) (1u << (e))

/* Pure: of the codings offered (their bits) the one that this Accept-Encoding rates highest, of
 * equals the one we like best. LEC_IDENTITY if it takes none of them, and without the header. */
enum lec_encoding lec_encoding_choose(struct lec_slice accept, unsigned offered);
/* Appends the header line that names it; LEC_IDENTITY needs none. */
void lec_encoding_header(enum lec_encoding e, struct lec_buf *headers);

struct lec_deflater;

/* What it makes. */
#define LEC_DEFLATER_CODINGS (LEC_ENCODING_BIT(LEC_GZIP) | LEC_ENCODING_BIT(LEC_DEFLATE))

/* Bodies of fewer bytes than threshold are left alone. */
struct lec_deflater *lec_deflater_new(size_t threshold);
void lec_deflater_free(struct lec_deflater *d);
size_t lec_deflater_threshold(const struct lec_deflater *d);
/* The body as LEC_GZIP or LEC_DEFLATE; empty if that would not be shorter. The last one is
 * remembered: what many clients get is compressed once. */
struct lec_slice lec_deflate(struct lec_deflater *d, enum lec_encoding e, struct lec_slice body);
/* The body as the client of this exchange is to get it, appending the header lines that say so.
 * d NULL: as it is. */
struct lec_slice lec_deflate_for(struct lec_deflater *d, const struct lec_http *http,
                                 struct lec_slice body, struct lec_buf *headers);

/* Appends what this gzip member holds. LEC_EPROTO if it is none of exactly `size` bytes. */
int lec_gunzip(struct lec_slice gzip, size_t size, struct lec_buf *out) LEC_CHECK;

#endif
