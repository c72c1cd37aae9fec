/* Cross-origin rules (Fetch standard; behaviour of the npm package "cors", which Socket.IO uses),
 * as pure functions of the configuration and one request's headers.
 *
 * Allowed are: requests without an Origin (no browser page), the server's own origin (net/origin.h:
 * lec_origin_is_host), and the configured ones. Browsers enforce this for HTTP by the headers given
 * here; for WebSocket, which they do not protect, the server itself refuses. */
#ifndef LEC_NET_CORS_H
#define LEC_NET_CORS_H

#include "base/buf.h"
#include "net/http.h"

struct lec_cors {
    /* Origins separated by commas, each as browsers write it, or with "*." in front of its host
     * ("https://school.example, file://, null"); "*" for any (then without credentials), "" for
     * none but the own one. */
    const char *origins;
};

/* Whether pages of this request's Origin may use the server. */
bool lec_cors_allowed(const struct lec_cors *cors, const struct lec_http *http);

/* Appends the header lines for an answer to this request. One configured origin: it is always
 * named; several, or one with a star: the request's is, if it is one of them; with Vary and
 * Allow-Credentials. */
void lec_cors_headers(const struct lec_cors *cors, const struct lec_http *http,
                      struct lec_buf *out);

/* Answers an OPTIONS request with 204 as the npm package does. True if it did; false if CORS is
 * not configured ("" origins), then the exchange is as it was. */
bool lec_cors_preflight(const struct lec_cors *cors, struct lec_http *http);

#endif
