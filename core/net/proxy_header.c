#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_N ((size_t)12)
#define V2_HEADER   ((size_t)16)  /* signature, command, family, length */
#define V1_MAX      ((size_t)107) /* with its CRLF */

static bool may_be(const char *p, size_t n, const char *prefix, size_t prefix_n)
{
    return memcmp(p, prefix, n < prefix_n ? n : prefix_n) == 0;
}

/* --- version 2 ---------------------------------------------------------------------------- */

static size_t v2_size(const char *p)
{
    return V2_HEADER + ((size_t)(unsigned char)p[14] << 8 | (unsigned char)p[15]);
}

static int read_v2(const char *p, size_t n, char address[LEC_ADDRESS_SIZE])
{
    enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };
    if (n < V2_HEADER)
        return 0;
    unsigned command = (unsigned char)p[12], family = (unsigned char)p[13];
    size_t size = v2_size(p);
    if ((command != LOCAL && command != PROXY) || size > LEC_PROXY_HEADER_MAX)
        return LEC_EPROTO;
    size_t needed = V2_HEADER + (family == TCP4 ? 12 : family == TCP6 ? 36 : 0);
    if (command == PROXY && size < needed)
        return LEC_EPROTO;
    if (n < size)
        return 0;
    if (command == PROXY && needed > V2_HEADER)
        inet_ntop(family == TCP4 ? AF_INET : AF_INET6, p + V2_HEADER, address, LEC_ADDRESS_SIZE);
    return (int)size;
}

/* --- version 1 ---------------------------------------------------------------------------- */

static bool read_ip(struct lec_slice text, int family, char address[LEC_ADDRESS_SIZE])
{
    unsigned char ip[16];
    if (text.n == 0 || text.n >= LEC_ADDRESS_SIZE)
        return false;
    memcpy(address, text.p, text.n);
    address[text.n] = '\0';
    if (inet_pton(family, address, ip) == 1 &&
        inet_ntop(family, ip, address, LEC_ADDRESS_SIZE) != NULL)
        return true;
    address[0] = '\0';
    return false;
}

static bool is_port(struct lec_slice text)
{
    unsigned n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = n * 10 + (unsigned)(text.p[i] - '0');
    }
    return text.n > 0 && text.n <= 5 && n <= 65535;
}

/* The line without its end. */
static bool read_line(struct lec_slice line, char address[LEC_ADDRESS_SIZE])
{
    char receiver[LEC_ADDRESS_SIZE];
    (void)lec_slice_shift(&line, ' ');
    struct lec_slice family = lec_slice_shift(&line, ' ');
    if (lec_slice_is(family, "UNKNOWN"))
        return true;
    int af = lec_slice_is(family, "TCP4") ? AF_INET : lec_slice_is(family, "TCP6") ? AF_INET6 : 0;
    struct lec_slice source = lec_slice_shift(&line, ' '), target = lec_slice_shift(&line, ' ');
    struct lec_slice from = lec_slice_shift(&line, ' ');
    if (af != 0 && read_ip(target, af, receiver) && is_port(from) && is_port(line) &&
        read_ip(source, af, address))
        return true;
    return false;
}

static int read_v1(const char *p, size_t n, char address[LEC_ADDRESS_SIZE])
{
    const char *end = memchr(p, '\n', n < V1_MAX ? n : V1_MAX);
    if (end == NULL)
        return n < V1_MAX ? 0 : LEC_EPROTO;
    if (end[-1] != '\r' || !read_line((struct lec_slice){ p, (size_t)(end - p) - 1 }, address))
        return LEC_EPROTO;
    return (int)(end - p) + 1;
}

/* ------------------------------------------------------------------------------------------- */

int lec_proxy_header_read(const char *p, size_t n, char address[LEC_ADDRESS_SIZE])
{
    address[0] = '\0';
    if (may_be(p, n, SIGNATURE, SIGNATURE_N))
        return read_v2(p, n, address);
    return may_be(p, n, "PROXY ", 6) ? read_v1(p, n, address) : LEC_EPROTO;
}

size_t lec_proxy_header_take(const char *p, size_t n)
{
    size_t size = n; /* what is no header is refused, wherever it ends */
    if (may_be(p, n, SIGNATURE, SIGNATURE_N)) {
        size = n < V2_HEADER ? V2_HEADER : v2_size(p);
    } else if (may_be(p, n, "PROXY ", 6)) {
        const char *end = memchr(p, '\n', n);
        if (end != NULL)
            size = (size_t)(end - p) + 1;
    }
    return size < n ? size : n;
}
