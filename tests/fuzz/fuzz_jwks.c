/* Any bytes as a key set, once with all algorithms and once with some: a set that is taken has usable
 * keys, one that is not is explained, and OpenSSL's error queue is left clean. */
#include "auth/jwks.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allowed[] = { "", "PS256,ES256,HS512" };
    for (size_t i = 0; i < 2; i++) {
        struct lec_algs algs;
        struct lec_key_set set;
        char err[300] = "";
        if (lec_algs_read(&algs, allowed[i], err, sizeof err) != LEC_OK)
            abort();
        int rc = lec_jwks_read(&set, (struct lec_slice){ (const char *)data, size }, &algs, err,
                               sizeof err);
        if ((rc == LEC_OK) != (set.n > 0) || (rc == LEC_OK) != (*err == '\0') ||
            ERR_peek_error() != 0)
            abort();
        for (size_t k = 0; k < set.n; k++) {
            const struct lec_key *key = &set.keys[k];
            if (!key->alg || !lec_alg_fits(key->alg, key->pkey) || (!key->secret == !key->pkey) ||
                lec_alg_signed(key->alg, key->pkey,
                               (struct lec_slice){ key->secret, key->secret_len },
                               LEC_SLICE("text"), LEC_SLICE("no signature")))
                abort();
        }
        lec_key_set_fini(&set);
    }
    return 0;
}
