/* Outbound HTTP: requests that this process makes, on libcurl, driven by our loop and never blocking
 * it; names are resolved on threads. HTTPS certificates are verified, always. Connections are kept
 * and used again. The proxies that the environment names (https_proxy, no_proxy …) are used.
 *
 * Where requests may go: those by configuration, anywhere; all others within `allow`; untrusted ones
 * besides to public addresses only. Names are judged before they are looked up, and with their
 * addresses whenever a connection is opened or used, redirects included. As a proxy would look up
 * names itself, what depends on addresses goes by none: untrusted requests, and those whose name
 * `allow` does not have.
 *
 * A fetcher costs nothing before its first request. Owner: the server, which frees it when the loop
 * has returned. A fetch is the fetcher's, from lec_fetch_start until its fn was called or it is
 * cancelled; after either the pointer is dead. fn is called once, never from inside lec_fetch_start,
 * and may start and cancel what it likes. */
#ifndef LEC_NET_FETCH_H
#define LEC_NET_FETCH_H

#include "base/buf.h"
#include "net/hosts.h"
#include "net/loop.h"

struct lec_fetcher;
struct lec_fetch;

struct lec_fetch_config {
    const char *ca_file; /* PEM file of authorities in place of the system's; NULL for those */
    const struct lec_hosts *allow; /* borrowed; NULL or empty: all */
    const struct lec_networks
        *count_as_public; /* borrowed; for tests, which have no others; NULL */
};

/* NULL with a sentence in err: ca_file holds no authorities. */
struct lec_fetcher *lec_fetcher_new(struct lec_loop *loop, const struct lec_fetch_config *cfg,
                                    char *err, size_t err_size);
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
    bool configured;            /* the address is of the configuration: `allow` is not for it */
    bool
        untrusted; /* the address is of somebody else: no machines but public ones, no proxy, no ports
                     * but 80, 443 and those from 1024 on, no connection that another request opened */
};

struct lec_fetch_result {
    int err; /* LEC_OK; LEC_ETIMEOUT, LEC_ETOOBIG, LEC_EDENIED (it may not go there), LEC_EIO (not
              * reached, not trusted, broken) */
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
