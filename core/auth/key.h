/* Inside of core/auth: one key, and the one algorithm that it is used with. A token never chooses
 * the algorithm: it is the key's by configuration. Owner: struct lec_keys. */
#ifndef LEC_AUTH_KEY_H
#define LEC_AUTH_KEY_H

#include <stdint.h>

#include "auth/alg.h"
#include "base/buf.h"

struct lec_key {
    char *kid; /* NULL for none */
    const struct lec_alg *alg;
    char *secret; /* HMAC's; may hold zeros */
    size_t secret_len;
    EVP_PKEY *pkey; /* the other families'; NULL for a secret */
};

/* Algorithms that the configuration allows, in its order; none: each key's usual one. */
struct lec_algs {
    const struct lec_alg *list[16];
    size_t n;
};

/* Reads names separated by commas. LEC_EINVAL with a sentence in err. */
int lec_algs_read(struct lec_algs *algs, const char *names, char *err, size_t err_size) LEC_CHECK;

/* The algorithm of a key: `wanted` if the key names one itself, else the first allowed one that
 * fits, else the usual one if all are allowed. NULL: none that is allowed. wanted fits the key. */
const struct lec_alg *lec_algs_choose(const struct lec_algs *algs, const EVP_PKEY *pkey,
                                      const struct lec_alg *wanted);

/* Both fill `out` and give LEC_OK, or LEC_EINVAL with a sentence in err. */
int lec_key_from_secret(struct lec_key *out, const char *secret, const struct lec_algs *algs,
                        char *err, size_t err_size) LEC_CHECK;
int lec_key_from_pem(struct lec_key *out, const char *path, const struct lec_algs *algs, char *err,
                     size_t err_size) LEC_CHECK;

/* Whether a key is strong enough to be used at all; else a sentence's end in why ("has …"). */
bool lec_key_strong(const EVP_PKEY *pkey, char *why, size_t why_size);

void lec_key_fini(struct lec_key *key);

#endif
