/* Inside of core/auth: the signature algorithms of tokens (RFC 7518, 3; RFC 8037), one table. */
#ifndef LEC_AUTH_ALG_H
#define LEC_AUTH_ALG_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "base/slice.h"

enum lec_family { LEC_HMAC, LEC_RSA, LEC_RSA_PSS, LEC_ECDSA, LEC_EDDSA };

struct lec_alg {
    const char *name; /* "RS256" */
    enum lec_family family;
    const EVP_MD *(*md)(void); /* NULL for EdDSA, which hashes by itself */
    const char *curve;         /* of ECDSA, OpenSSL's name */
    unsigned coordinate;       /* of ECDSA: bytes of r, of s, and of a point's x and y */
};

#define LEC_ALG_NAMES                                                                              \
    "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA"

const struct lec_alg *lec_alg_find(const char *name); /* or NULL */

/* Iterates the table, where each kind of key meets its usual algorithm first: start with NULL. */
const struct lec_alg *lec_alg_next(const struct lec_alg *after);

/* Whether a key is of the algorithm's kind. NULL is a secret. */
bool lec_alg_fits(const struct lec_alg *alg, const EVP_PKEY *pkey);

/* Whether sig, as a token bears it, is the signature of text by that key, or by the secret. */
bool lec_alg_signed(const struct lec_alg *alg, EVP_PKEY *pkey, struct lec_slice secret,
                    struct lec_slice text, struct lec_slice sig);

#endif
