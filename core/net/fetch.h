/* Outbound HTTP: requests that this process makes, on libcurl, driven by our loop and never blocking
 * it; names are resolved on threads. HTTPS certificates are verified, always. Connections are kept
 * and used again. The proxies that the environment names (https_proxy, no_proxy …) are used.
 *
 * A fetcher costs nothing before its first request. Owner: the server, which frees it when the loop
 * has returned. A fetch is the fetcher's, from lec_fetch_start until its fn was called or it is
 * cancelled; after either the pointer is dead. fn is called once, never from inside lec_fetch_start,
 * and may start and cancel what it likes. */
#ifndef LEC_NET_FETCH_H
#define LEC_NET_FETCH_H

#include "base/buf.h"
#include "net/loop.h"

struct lec_fetcher;
struct lec_fetch;

/* ca_file: PEM file of authorities in place of the system's, copied; NULL for those. NULL with a
 * sentence in err if it holds none. */
struct lec_fetcher *lec_fetcher_new(struct lec_loop *loop, const char *ca_file, char *err,
                                    size_t err_size);
/* Cancels what is in flight. Not from inside a fn. */
void lec_fetcher_free(struct lec_fetcher *f);

/* All borrowed for the call. */
struct lec_fetch_request {
    const char *method;         /* "GET" … */
    const char *url;            /* http:// or https:// (net/url.h) */
    const char *const *headers; /* "Name: value" lines without control characters, ending with NULL;
                                 * may be NULL */
    struct lec_slice body;      /* with methods that have one; p NULL: none */
    unsigned timeout_ms;        /* for all of it */
    size_t max_bytes;           /* of the answer's body */
    unsigned redirects;         /* followed at most, from https:// to no other */
};

struct lec_fetch_result {
    int err; /* LEC_OK; LEC_ETIMEOUT, LEC_ETOOBIG, LEC_EIO (not reached, not trusted, broken) */
    const char *why;          /* then: a sentence for people */
    unsigned status;          /* with LEC_OK, these: */
    struct lec_slice headers; /* as fields (base/fields.h) */
    struct lec_slice body;
};

typedef void lec_fetch_fn(void *ctx, const struct lec_fetch_result *result);

/* LEC_EINVAL: no such address can be asked; fn is not called. */
int lec_fetch_start(struct lec_fetcher *f, const struct lec_fetch_request *request,
                    lec_fetch_fn *fn, void *ctx, struct lec_fetch **out) LEC_CHECK;
void lec_fetch_cancel(struct lec_fetch *fetch); /* fn will not be called */

#endif
