/* Inside of core/net: what a certificate says of its holder, as JSON for programs. */
#ifndef LEC_NET_CERTIFICATE_H
#define LEC_NET_CERTIFICATE_H

#include <openssl/x509.h>

#include "base/buf.h"

/* Appends {"subject":"CN=ada,O=School","issuer":"CN=…","serial":"0A1B…","fingerprint":"AB:CD:…",
 * "san":["DNS:…","IP:…","email:…","URI:…"]}: names as RFC 2253 writes them, the fingerprint SHA-256. */
void lec_certificate_json(X509 *cert, struct lec_buf *out);

#endif
