/* Octets by what they may be in HTTP/1.1 (RFC 9110, 5.5 and 5.6.2; RFC 9112, 3.2). */
#ifndef LEC_NET_GRAMMAR_H
#define LEC_NET_GRAMMAR_H

#include <stdbool.h>

enum {
    LEC_TOKEN = 1,      /* of methods and field names */
    LEC_FIELD = 2,      /* of a field's value: no control character but the tab */
    LEC_TARGET = 4,     /* of a request's target: printable ASCII, no fragment */
    LEC_HOST = 8,       /* of an authority: a name, an address, a port */
    LEC_UNRESERVED = 16 /* means the same, percent-encoded or not (RFC 3986, 2.3) */
};

extern const unsigned char lec_octets[256];

static inline bool lec_octet_is(char c, unsigned what)
{
    return (lec_octets[(unsigned char)c] & what) != 0;
}

#endif
