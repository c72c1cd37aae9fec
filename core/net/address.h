/* IP addresses as text: networks of them, and who sent a request that came through proxies. Pure. */
#ifndef LEC_NET_ADDRESS_H
#define LEC_NET_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

#define LEC_ADDRESS_SIZE 46 /* an IPv6 address as text, with its zero */

struct sockaddr;

struct lec_network {
    unsigned char ip[16]; /* IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2) */
    unsigned bits;        /* of its prefix, in these 16 bytes */
};

/* All zero is an empty list. */
struct lec_networks {
    struct lec_network *p;
    size_t n;
};

/* Reads addresses and networks ("127.0.0.1, 10.0.0.0/8, fd00::/8"), separated by commas or spaces,
 * into an empty list. LEC_EINVAL, with the list empty still: one of them is neither. */
int lec_networks_parse(struct lec_networks *nets, const char *text) LEC_CHECK;
void lec_networks_fini(struct lec_networks *nets);

bool lec_networks_contain(const struct lec_networks *nets, const char *address);

bool lec_is_address(const char *text);

/* The address of a socket as text: an IPv4 one as such, if mapped into IPv6 too. False: it is of another
 * family. */
bool lec_address_of(const struct sockaddr *from, char out[LEC_ADDRESS_SIZE]);

/* Whether it is an address of the public Internet: not of this machine, its network, an organisation's own
 * network, a group, or of ranges that are for documents, tests and later; nor one that stands for such an
 * IPv4 address, as those of NAT64 and 6to4 do. */
bool lec_address_public(const char *address);

/* The addresses that count as one where limits are for each address: IPv4 each for itself, of IPv6
 * the first 64 bits, as a household has all of them. What is no address stays as it is. The slice is
 * into out. */
struct lec_slice lec_address_site(const char *address, char out[LEC_ADDRESS_SIZE]);

/* Who sent a request that came from peer with this X-Forwarded-For: each proxy appends whom it has
 * the request from, so the list is believed from its end as long as those who wrote it are trusted.
 * What no trusted proxy wrote may be invented. Entries may have ports; at one that is no address it
 * ends, at who wrote that. */
void lec_client_address(const struct lec_networks *trusted, const char *peer,
                        struct lec_slice forwarded, char out[LEC_ADDRESS_SIZE]);

/* Whether the client of a request that came from peer used TLS: if peer is trusted and gave an
 * X-Forwarded-Proto, what its last entry says, else whether peer did. */
bool lec_client_secure(const struct lec_networks *trusted, const char *peer,
                       struct lec_slice forwarded_proto, bool peer_secure);

#endif
