/* Signatures are checked with OpenSSL and not with libjwt, which makes tokens for us (token.c):
 * libjwt takes the algorithm from the token, so that a token may choose how it is checked, does
 * not know the type at+jwt, and parses a PEM key anew for each token, which takes twenty times as
 * long as the check. */
#include "auth/alg.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

static const struct lec_alg algs[] = {
    { "HS256", LEC_HMAC, EVP_sha256, NULL, 0 },
    { "HS384", LEC_HMAC, EVP_sha384, NULL, 0 },
    { "HS512", LEC_HMAC, EVP_sha512, NULL, 0 },
    { "RS256", LEC_RSA, EVP_sha256, NULL, 0 },
    { "RS384", LEC_RSA, EVP_sha384, NULL, 0 },
    { "RS512", LEC_RSA, EVP_sha512, NULL, 0 },
    { "PS256", LEC_RSA_PSS, EVP_sha256, NULL, 0 },
    { "PS384", LEC_RSA_PSS, EVP_sha384, NULL, 0 },
    { "PS512", LEC_RSA_PSS, EVP_sha512, NULL, 0 },
    { "ES256", LEC_ECDSA, EVP_sha256, SN_X9_62_prime256v1, 32 },
    { "ES384", LEC_ECDSA, EVP_sha384, SN_secp384r1, 48 },
    { "ES512", LEC_ECDSA, EVP_sha512, SN_secp521r1, 66 },
    { "EdDSA", LEC_EDDSA, NULL, NULL, 0 },
};
#define N_ALGS (sizeof algs / sizeof algs[0])

const struct lec_alg *lec_alg_find(const char *name)
{
    for (size_t i = 0; i < N_ALGS; i++)
        if (strcmp(algs[i].name, name) == 0)
            return &algs[i];
    return NULL;
}

const struct lec_alg *lec_alg_next(const struct lec_alg *after)
{
    const struct lec_alg *alg = after ? after + 1 : algs;
    return alg < algs + N_ALGS ? alg : NULL;
}

static bool on_curve(const EVP_PKEY *pkey, const char *curve)
{
    char group[32] = "";
    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
           strcmp(group, curve) == 0;
}

bool lec_alg_fits(const struct lec_alg *alg, const EVP_PKEY *pkey)
{
    if (!pkey)
        return alg->family == LEC_HMAC;
    switch (alg->family) {
    case LEC_HMAC:
        return false;
    case LEC_RSA:
    case LEC_RSA_PSS:
        return EVP_PKEY_is_a(pkey, "RSA");
    case LEC_ECDSA:
        return on_curve(pkey, alg->curve);
    case LEC_EDDSA:
        return EVP_PKEY_is_a(pkey, "ED25519");
    }
    return false;
}

static bool hmac_signed(const struct lec_alg *alg, struct lec_slice secret, struct lec_slice text,
                        struct lec_slice sig)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!HMAC(alg->md(), secret.p, (int)secret.n, (const unsigned char *)text.p, text.n, mac, &n))
        return false;
    return sig.n == n && CRYPTO_memcmp(mac, sig.p, n) == 0;
}

/* RFC 7518, 3.5: the salt is as long as the hash, and both hashes are the same one. */
static bool use_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool key_signed(const struct lec_alg *alg, EVP_PKEY *pkey, struct lec_slice text,
                       const void *sig, size_t n)
{
    EVP_PKEY_CTX *params; /* the context's own */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx &&
                EVP_DigestVerifyInit(ctx, &params, alg->md ? alg->md() : NULL, NULL, pkey) == 1 &&
                (alg->family != LEC_RSA_PSS || use_pss(params)) &&
                EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

/* A token's ECDSA signature is r and s side by side (RFC 7518, 3.4); OpenSSL wants them in DER. */
static bool ecdsa_signed(const struct lec_alg *alg, EVP_PKEY *pkey, struct lec_slice text,
                         struct lec_slice sig)
{
    if (sig.n != 2 * alg->coordinate)
        return false;
    const unsigned char *raw = (const unsigned char *)sig.p;
    unsigned char *der = NULL;
    bool good = false;
    BIGNUM *r = BN_bin2bn(raw, (int)alg->coordinate, NULL);
    BIGNUM *s = BN_bin2bn(raw + alg->coordinate, (int)alg->coordinate, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    if (r && s && pair && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        int n = i2d_ECDSA_SIG(pair, &der);
        good = n > 0 && key_signed(alg, pkey, text, der, (size_t)n);
    }
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);
    return good;
}

bool lec_alg_signed(const struct lec_alg *alg, EVP_PKEY *pkey, struct lec_slice secret,
                    struct lec_slice text, struct lec_slice sig)
{
    bool good;
    if (alg->family == LEC_HMAC)
        good = hmac_signed(alg, secret, text, sig);
    else if (alg->family == LEC_ECDSA)
        good = ecdsa_signed(alg, pkey, text, sig);
    else
        good = key_signed(alg, pkey, text, sig.p, sig.n);
    /* A failed check leaves errors in the thread's queue, where the next TLS read or write of any
     * connection would take them for its own. */
    ERR_clear_error();
    return good;
}
