/* Origins (RFC 6454): where a page or an app comes from, as the header Origin says it. Pure.
 *
 *   https://school.example:8443   scheme, host and port
 *   wss://school.example/chat     apps that write the address they connect to: what stands behind
 *                                 the port is cut off, ws counts as http and wss as https
 *   file://, null                 pages of files, and of sandboxes: no host
 *
 * Two are the same if scheme, host and effective port are; letters of either case are. */
#ifndef LEC_NET_ORIGIN_H
#define LEC_NET_ORIGIN_H

#include "base/slice.h"

/* Borrows from the text. */
struct lec_origin {
    struct lec_slice
        scheme;            /* "http" for ws, "https" for wss, "null" for null; else as it stands */
    struct lec_slice host; /* IPv6 in its brackets; empty of file and null only */
    unsigned port;         /* effective; 0 if none is given and the scheme has none */
};

/* False: it is none, or bears a user. */
bool lec_origin_parse(struct lec_origin *out, struct lec_slice text);

/* Whether `host` is `rule`, or one that it stands for: "*." in front of a rule are one or more labels. */
bool lec_host_matches(struct lec_slice host, struct lec_slice rule);

/* Whether `origin` is `rule`, or one that it stands for by its host. */
bool lec_origin_matches(const struct lec_origin *origin, const struct lec_origin *rule);

/* Whether a page of this origin has its server's own address, which is what the header Host says. The
 * scheme does not count, since a proxy may take TLS off; a Host without a port has the default one of
 * the origin's scheme. */
bool lec_origin_is_host(const struct lec_origin *origin, struct lec_slice host);

#endif
