/* Inside of core/auth: a JSON Web Key Set (RFC 7517; 7518, 6; 8037, 2) to keys.
 *
 * Of a set, the keys count that signatures can be checked with: entries of another use (`use`,
 * `key_ops`), of a kind, curve or algorithm that is unknown or not allowed are passed over, as
 * RFC 7517, 5, asks. What claims to be such a key and is none makes the whole set bad: it would be
 * missed only when somebody cannot log in. */
#ifndef LEC_AUTH_JWKS_H
#define LEC_AUTH_JWKS_H

#include "auth/key.h"

#define LEC_JWKS_MAX_BYTES (1u << 20)
#define LEC_JWKS_MAX_KEYS  256u

struct lec_key_set {
    struct lec_key *keys;
    size_t n;
};

/* LEC_OK, or LEC_EINVAL with a sentence in err that says which entry is wrong. Several keys all
 * have a kid, each its own. */
int lec_jwks_read(struct lec_key_set *out, struct lec_slice json, const struct lec_algs *algs,
                  char *err, size_t err_size) LEC_CHECK;
void lec_key_set_fini(struct lec_key_set *set);

#endif
