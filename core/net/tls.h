/* The certificate that a listener shows, its key, and whose certificates clients must have. Loaded
 * as a whole or not at all, any time; each handshake takes what is loaded then, and connections that
 * are open know nothing of it.
 *
 * Owner: lws.c, for a net. What is set for all connections: TLS 1.2 and 1.3, forward secrecy and
 * authenticated encryption only, no renegotiation, no state kept for sessions. */
#ifndef LEC_NET_TLS_H
#define LEC_NET_TLS_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"

struct lec_tls;

/* PEM files; client_ca is NULL if clients need no certificate. The names are borrowed. NULL with a
 * sentence in `text`. */
struct lec_tls *lec_tls_new(const char *cert, const char *key, const char *client_ca,
                            struct lec_buf *text);
void lec_tls_free(struct lec_tls *t); /* after the contexts that it set up */

/* Reads the files anew. Appends a sentence either way; LEC_EINVAL: what was before stays. */
int lec_tls_load(struct lec_tls *t, struct lec_buf *text) LEC_CHECK;

/* Makes connections of this context take what is loaded. Once, before the first. */
void lec_tls_set_up(struct lec_tls *t, SSL_CTX *listener);

#endif
