/* Lists of hosts, by name or by address: "api.school.example, *.push.example, 10.0.0.0/8". Pure. */
#ifndef LEC_NET_HOSTS_H
#define LEC_NET_HOSTS_H

#include "net/address.h"

/* All zero is an empty list. */
struct lec_hosts {
    char **names; /* "x", "*.x" */
    size_t n_names;
    struct lec_networks nets;
};

/* Reads names, names under a name ("*.push.example": that one itself is not among them), addresses and
 * networks, separated by commas or spaces, into an empty list. LEC_EINVAL, with the list empty still:
 * one of them is nothing of that. */
int lec_hosts_parse(struct lec_hosts *hosts, const char *text) LEC_CHECK;
void lec_hosts_fini(struct lec_hosts *hosts);

static inline bool lec_hosts_empty(const struct lec_hosts *hosts)
{
    return hosts->n_names == 0 && hosts->nets.n == 0;
}
/* Whether the list has this name, in whatever letters. */
bool lec_hosts_have(const struct lec_hosts *hosts, const char *name);

#endif
