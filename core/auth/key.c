#include "auth/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define MIN_RSA_BITS 2048 /* RFC 7518, 3.3 */
#define PEM_BEGIN    "-----BEGIN "

int lec_algs_read(struct lec_algs *algs, const char *names, char *err, size_t err_size)
{
    *algs = (struct lec_algs){ 0 };
    while (*names) {
        size_t n = strcspn(names, ", ");
        char name[16] = "";
        if (n > 0 && n < sizeof name)
            memcpy(name, names, n);
        const struct lec_alg *alg = n > 0 ? lec_alg_find(name) : NULL;
        if (n > 0 && !alg) {
            snprintf(err, err_size,
                     "jwt.algorithms: \"%.*s\" is no algorithm; there are " LEC_ALG_NAMES,
                     n < 40 ? (int)n : 40, names);
            return LEC_EINVAL;
        }
        bool known = !alg;
        for (size_t i = 0; i < algs->n; i++)
            known = known || algs->list[i] == alg;
        if (!known)
            algs->list[algs->n++] = alg;
        names += n + (names[n] != '\0');
    }
    return LEC_OK;
}

const struct lec_alg *lec_algs_choose(const struct lec_algs *algs, const EVP_PKEY *pkey,
                                      const struct lec_alg *wanted)
{
    for (size_t i = 0; i < algs->n; i++)
        if (wanted ? algs->list[i] == wanted : lec_alg_fits(algs->list[i], pkey))
            return algs->list[i];
    if (algs->n > 0 || wanted)
        return algs->n > 0 ? NULL : wanted;
    const struct lec_alg *alg = NULL;
    while ((alg = lec_alg_next(alg)) && !lec_alg_fits(alg, pkey))
        ;
    return alg;
}

int lec_key_from_secret(struct lec_key *out, const char *secret, const struct lec_algs *algs,
                        char *err, size_t err_size)
{
    *out = (struct lec_key){ .alg = lec_algs_choose(algs, NULL, NULL) };
    if (strncmp(secret, PEM_BEGIN, strlen(PEM_BEGIN)) == 0) {
        /* Whoever knows a public key could sign with it, were it taken for a secret. */
        snprintf(err, err_size, "the secret is a PEM key: name its file as the public key");
        return LEC_EINVAL;
    }
    if (!out->alg) {
        snprintf(err, err_size,
                 "jwt.algorithms names none that a secret is for: HS256, HS384 or "
                 "HS512");
        return LEC_EINVAL;
    }
    out->secret_len = strlen(secret);
    out->secret = lec_strndup(secret, out->secret_len);
    return LEC_OK;
}

/* OpenSSL would ask at the terminal for the password of an encrypted key. */
static int no_password(char *to, int size, int writing, void *user)
{
    (void)to, (void)size, (void)writing, (void)user;
    return -1;
}

static EVP_PKEY *load_public_key(const char *path, char *err, size_t err_size)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(err, err_size, "cannot read the public key %s: %s", path, strerror(errno));
        return NULL;
    }
    EVP_PKEY *pkey = PEM_read_PUBKEY(f, NULL, no_password, NULL);
    fclose(f);
    if (!pkey)
        snprintf(err, err_size, "%s holds no public key in PEM form (BEGIN PUBLIC KEY)", path);
    return pkey;
}

bool lec_key_strong(const EVP_PKEY *pkey, char *why, size_t why_size)
{
    if (!EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_get_bits(pkey) >= MIN_RSA_BITS)
        return true;
    snprintf(why, why_size, "has %d bits, at least %d are needed", EVP_PKEY_get_bits(pkey),
             MIN_RSA_BITS);
    return false;
}

int lec_key_from_pem(struct lec_key *out, const char *path, const struct lec_algs *algs, char *err,
                     size_t err_size)
{
    static const struct lec_algs all;
    char why[80];
    *out = (struct lec_key){ .pkey = load_public_key(path, err, err_size) };
    if (!out->pkey) {
        ERR_clear_error();
        return LEC_EINVAL;
    }
    if (!lec_key_strong(out->pkey, why, sizeof why))
        snprintf(err, err_size, "the RSA key in %s %s", path, why);
    else if ((out->alg = lec_algs_choose(algs, out->pkey, NULL)) != NULL)
        return LEC_OK;
    else if (lec_algs_choose(&all, out->pkey, NULL))
        snprintf(err, err_size, "jwt.algorithms names none that the key in %s is for", path);
    else
        snprintf(err, err_size,
                 "the key in %s is neither RSA, nor on the curve P-256, P-384 or P-521, nor "
                 "Ed25519",
                 path);
    ERR_clear_error();
    lec_key_fini(out);
    return LEC_EINVAL;
}

void lec_key_fini(struct lec_key *key)
{
    if (key->secret)
        OPENSSL_cleanse(key->secret, key->secret_len);
    free(key->secret);
    free(key->kid);
    EVP_PKEY_free(key->pkey);
    *key = (struct lec_key){ 0 };
}
