/* The PROXY protocol, versions 1 and 2 (HAProxy's "The PROXY protocol", 2.1 and 2.2): what a proxy says
 * of its client before the client's first byte. Pure functions of (pointer, length). */
#ifndef LEC_NET_PROXY_HEADER_H
#define LEC_NET_PROXY_HEADER_H

#include "base/err.h"
#include "net/address.h"

enum {
    LEC_PROXY_HEADER_MAX = 4096, /* bytes of the longest that is taken; extensions are in them */
};

/* Reads a header off the front of p. How long it is; 0: more is needed; LEC_EPROTO: there is none.
 * The client's address, or "" where the proxy speaks for itself or for what is no TCP. */
int lec_proxy_header_read(const char *p, size_t n, char address[LEC_ADDRESS_SIZE]) LEC_CHECK;

/* How many of the bytes that p begins with, all of n or fewer, are the header's beyond doubt: so many
 * may be taken from the socket, and none of what follows, which may be TLS. */
size_t lec_proxy_header_take(const char *p, size_t n);

#endif
