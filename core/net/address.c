#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define MAPPED_BITS 96 /* of the prefix ::ffff:0:0/96 that IPv4 stands under */

_Static_assert(LEC_ADDRESS_SIZE == INET6_ADDRSTRLEN, "room for any address");

static bool parse_ip(const char *text, unsigned char ip[16], bool *is_v4)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    *is_v4 = inet_pton(AF_INET, text, ip + 12) == 1;
    if (*is_v4)
        memcpy(ip, mapped, sizeof mapped);
    return *is_v4 || inet_pton(AF_INET6, text, ip) == 1;
}

static void format_ip(const unsigned char ip[16], char out[LEC_ADDRESS_SIZE])
{
    struct in6_addr a;
    memcpy(&a, ip, sizeof a);
    if (IN6_IS_ADDR_V4MAPPED(&a))
        inet_ntop(AF_INET, ip + 12, out, LEC_ADDRESS_SIZE);
    else
        inet_ntop(AF_INET6, ip, out, LEC_ADDRESS_SIZE);
}

static bool parse_network(const char *text, size_t n, struct lec_network *net)
{
    char copy[LEC_ADDRESS_SIZE + 4]; /* "/128" */
    bool is_v4;
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    if (!parse_ip(copy, net->ip, &is_v4))
        return false;
    unsigned most = is_v4 ? 32 : 128;
    net->bits = most;
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
            return false;
        net->bits = (unsigned)strtoul(slash + 1, NULL, 10);
    }
    if (net->bits > most)
        return false;
    if (is_v4)
        net->bits += MAPPED_BITS;
    return true;
}

int lec_networks_parse(struct lec_networks *nets, const char *text)
{
    static const char separators[] = ", ";
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t n = strcspn(text, separators);
        nets->p = lec_realloc(nets->p, (nets->n + 1) * sizeof *nets->p);
        if (!parse_network(text, n, &nets->p[nets->n])) {
            lec_networks_fini(nets);
            return LEC_EINVAL;
        }
        nets->n++;
        text += n;
    }
    return LEC_OK;
}

void lec_networks_fini(struct lec_networks *nets)
{
    free(nets->p);
    *nets = (struct lec_networks){ 0 };
}

static bool begins_with(const unsigned char *ip, const unsigned char *prefix, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(ip, prefix, bytes) == 0 &&
           (rest == 0 || (ip[bytes] ^ prefix[bytes]) >> (8 - rest) == 0);
}

static bool contain(const struct lec_networks *nets, const unsigned char ip[16])
{
    for (size_t i = 0; i < nets->n; i++)
        if (begins_with(ip, nets->p[i].ip, nets->p[i].bits))
            return true;
    return false;
}

bool lec_networks_contain(const struct lec_networks *nets, const char *address)
{
    unsigned char ip[16];
    bool is_v4;
    return nets->n > 0 && parse_ip(address, ip, &is_v4) && contain(nets, ip);
}

bool lec_address_of(const struct sockaddr *from, char out[LEC_ADDRESS_SIZE])
{
    const void *p = from;
    if (from->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)p)->sin_addr, out, LEC_ADDRESS_SIZE);
    else if (from->sa_family == AF_INET6)
        format_ip(((const struct sockaddr_in6 *)p)->sin6_addr.s6_addr, out);
    else
        return false;
    return true;
}

bool lec_is_address(const char *text)
{
    unsigned char ip[16];
    bool is_v4;
    return parse_ip(text, ip, &is_v4);
}

struct range {
    unsigned char ip[4];
    unsigned char bits;
};

static bool is_in(const struct range *ranges, size_t n, const unsigned char ip[4])
{
    for (size_t i = 0; i < n; i++)
        if (begins_with(ip, ranges[i].ip, ranges[i].bits))
            return true;
    return false;
}

/* By the registries of special addresses (RFC 6890), of which all that is not for everybody counts. */
static bool is_public_v4(const unsigned char ip[4])
{
    static const struct range special[] = {
        { { 0 }, 8 },             /* this network */
        { { 10 }, 8 },            /* private */
        { { 100, 64 }, 10 },      /* of providers, behind their NAT */
        { { 127 }, 8 },           /* loopback */
        { { 169, 254 }, 16 },     /* link-local; where clouds tell their machines secrets */
        { { 172, 16 }, 12 },      /* private */
        { { 192, 0, 0 }, 24 },    /* protocols */
        { { 192, 0, 2 }, 24 },    /* documents */
        { { 192, 88, 99 }, 24 },  /* 6to4 relays, that were */
        { { 192, 168 }, 16 },     /* private */
        { { 198, 18 }, 15 },      /* benchmarks */
        { { 198, 51, 100 }, 24 }, /* documents */
        { { 203, 0, 113 }, 24 },  /* documents */
        { { 224 }, 4 },           /* groups */
        { { 240 }, 4 },           /* later, and broadcast */
    };
    return !is_in(special, sizeof special / sizeof special[0], ip);
}

static bool is_public_v6(const unsigned char ip[16])
{
    static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };
    static const struct range special[] = {
        { { 0x20, 0x01, 0x00 }, 23 },       /* protocols, Teredo among them */
        { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documents */
        { { 0x3f, 0xff, 0x00 }, 20 },       /* documents */
    };
    if (memcmp(ip, nat64, sizeof nat64) == 0)
        return is_public_v4(ip + 12);
    if (ip[0] == 0x20 && ip[1] == 0x02) /* 6to4 */
        return is_public_v4(ip + 2);
    /* Only 2000::/3 is given out. */
    return ip[0] >> 5 == 1 && !is_in(special, sizeof special / sizeof special[0], ip);
}

bool lec_address_public(const char *address)
{
    unsigned char ip[16];
    bool is_v4;
    if (!parse_ip(address, ip, &is_v4))
        return false;
    if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)ip))
        return is_public_v4(ip + 12);
    return is_public_v6(ip);
}

struct lec_slice lec_address_site(const char *address, char out[LEC_ADDRESS_SIZE])
{
    unsigned char ip[16];
    bool is_v4;
    snprintf(out, LEC_ADDRESS_SIZE, "%s", address);
    if (!strchr(address, ':') || !parse_ip(address, ip, &is_v4))
        return lec_slice_str(out);
    if (!IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)ip))
        memset(ip + 8, 0, 8);
    format_ip(ip, out);
    return lec_slice_str(out);
}

/* Takes what stands behind the last comma off the list, trimmed. */
static struct lec_slice pop(struct lec_slice *list)
{
    const char *comma = memrchr(list->p, ',', list->n);
    struct lec_slice e = { list->p, list->n };
    if (comma) {
        e.p = comma + 1;
        e.n = (size_t)(list->p + list->n - e.p);
    }
    list->n = comma ? (size_t)(comma - list->p) : 0;
    return lec_slice_trim(e);
}

/* Takes the last entry off the list: "1.2.3.4", "1.2.3.4:567", "2001:db8::1", "[2001:db8::1]:567".
 * False if it is no address, or there is none. */
static bool last_entry(struct lec_slice *list, unsigned char ip[16])
{
    struct lec_slice e = pop(list);
    if (e.n > 0 && *e.p == '[') {
        const char *close = memchr(e.p, ']', e.n);
        e.n = close ? (size_t)(close - e.p) - 1 : 0;
        e.p++;
    } else {
        const char *colon = e.n > 0 ? memchr(e.p, ':', e.n) : NULL;
        if (colon && colon == memrchr(e.p, ':', e.n))
            e.n = (size_t)(colon - e.p);
    }
    char copy[LEC_ADDRESS_SIZE];
    bool is_v4;
    if (e.n == 0 || e.n >= sizeof copy || memchr(e.p, '\0', e.n))
        return false;
    memcpy(copy, e.p, e.n);
    copy[e.n] = '\0';
    return parse_ip(copy, ip, &is_v4);
}

void lec_client_address(const struct lec_networks *trusted, const char *peer,
                        struct lec_slice forwarded, char out[LEC_ADDRESS_SIZE])
{
    unsigned char ip[16], before[16];
    bool is_v4;
    snprintf(out, LEC_ADDRESS_SIZE, "%s", peer);
    if (trusted->n == 0 || forwarded.n == 0 || !parse_ip(peer, ip, &is_v4))
        return;
    while (forwarded.n > 0 && contain(trusted, ip) && last_entry(&forwarded, before))
        memcpy(ip, before, sizeof ip);
    format_ip(ip, out);
}

bool lec_client_secure(const struct lec_networks *trusted, const char *peer,
                       struct lec_slice forwarded_proto, bool peer_secure)
{
    if (forwarded_proto.n == 0 || !lec_networks_contain(trusted, peer))
        return peer_secure;
    struct lec_slice proto = pop(&forwarded_proto);
    return lec_slice_is_word(proto, "https") || lec_slice_is_word(proto, "wss");
}
