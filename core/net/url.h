/* Addresses that requests of ours may go to. Pure: libcurl's parser, the one that the request uses. */
#ifndef LEC_NET_URL_H
#define LEC_NET_URL_H

#include <stdbool.h>

enum lec_url {
    LEC_URL_BAD,        /* no http:// or https:// address, or one with a name or password in it */
    LEC_URL_HTTP,       /* anybody on the way can read and change what comes */
    LEC_URL_LOCAL_HTTP, /* the same, of this machine (localhost, 127.0.0.0/8, ::1) */
    LEC_URL_HTTPS,
};

enum lec_url lec_url_kind(const char *url);

#define LEC_HOST_SIZE 256

/* Whom it leads to: an IPv6 address without its brackets and zone, a name without a dot at its end.
 * Numbers that are an IPv4 address in disguise are one. False: no address that can be asked. */
bool lec_url_host(const char *url, char host[LEC_HOST_SIZE], unsigned *port);

#endif
