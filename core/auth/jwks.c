#include "auth/jwks.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "auth/jose.h"

#define ED25519_BYTES 32
#define MAX_SHOWN     60 /* characters of a kid in a complaint */

/* One entry that is being read. */
struct entry {
    struct lec_slice json;
    const struct lec_alg *wanted; /* its `alg`, if it has one */
    char why[160];                /* a sentence's end, once it is bad */
};

enum verdict { TAKE, PASS_OVER, BAD };

static enum verdict bad(struct entry *e, const char *why)
{
    snprintf(e->why, sizeof e->why, "%s", why);
    return BAD;
}

/* Appends the bytes of a member; false, with the reason, if it is not there or is no base64url. */
static bool bytes_of(struct entry *e, const char *name, struct lec_buf *out)
{
    struct lec_json_token t;
    if (!lec_jose_member(e->json, name, &t)) {
        snprintf(e->why, sizeof e->why, "lacks the member \"%s\"", name);
    } else if (t.kind != LEC_JSON_STRING || t.escaped || !lec_jose_decode(t.text, out) ||
               out->n == 0) {
        snprintf(e->why, sizeof e->why, "has a member \"%s\" that is no base64url text", name);
    } else {
        return true;
    }
    return false;
}

static EVP_PKEY *import(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static enum verdict read_rsa(struct entry *e, struct lec_key *key)
{
    struct lec_buf n = { 0 }, exponent = { 0 };
    enum verdict verdict = BAD;
    if (bytes_of(e, "n", &n) && bytes_of(e, "e", &exponent)) {
        BIGNUM *bn_n = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
        BIGNUM *bn_e = BN_bin2bn((const unsigned char *)exponent.p, (int)exponent.n, NULL);
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        OSSL_PARAM *params = NULL;
        if (build && bn_n && bn_e && BN_is_odd(bn_n) && BN_is_odd(bn_e) && !BN_is_one(bn_e) &&
            OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1 &&
            OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1)
            params = OSSL_PARAM_BLD_to_param(build);
        key->pkey = import("RSA", params);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        BN_free(bn_n);
        BN_free(bn_e);
        if (!key->pkey)
            bad(e, "is no RSA key: n and e do not make one");
        else if (lec_key_strong(key->pkey, e->why, sizeof e->why))
            verdict = TAKE;
    }
    lec_buf_fini(&n);
    lec_buf_fini(&exponent);
    return verdict;
}

static const struct lec_alg *alg_of_curve(const struct lec_json_token *crv)
{
    return lec_jose_is(crv, "P-256")   ? lec_alg_find("ES256")
           : lec_jose_is(crv, "P-384") ? lec_alg_find("ES384")
           : lec_jose_is(crv, "P-521") ? lec_alg_find("ES512")
                                       : NULL;
}

/* RFC 7518, 6.2.1: x and y have the curve's full length. That the point is on the curve is checked
 * by OpenSSL. */
static enum verdict read_ec(struct entry *e, struct lec_key *key)
{
    struct lec_json_token crv;
    if (!lec_jose_member(e->json, "crv", &crv))
        return bad(e, "lacks the member \"crv\"");
    const struct lec_alg *alg = alg_of_curve(&crv);
    if (!alg)
        return PASS_OVER;
    struct lec_buf point = { 0 };
    enum verdict verdict = BAD;
    size_t half;
    lec_buf_addc(&point, 4); /* SEC 1: not compressed */
    if (bytes_of(e, "x", &point) && (half = point.n) && bytes_of(e, "y", &point)) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                             (char *)(uintptr_t)alg->curve, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n),
            OSSL_PARAM_construct_end(),
        };
        if (half == 1 + alg->coordinate && point.n == 1 + 2 * alg->coordinate)
            key->pkey = import("EC", params);
        verdict = key->pkey ? TAKE : bad(e, "is no point of its curve: x and y do not make one");
    }
    lec_buf_fini(&point);
    return verdict;
}

static enum verdict read_okp(struct entry *e, struct lec_key *key)
{
    struct lec_json_token crv;
    if (!lec_jose_member(e->json, "crv", &crv))
        return bad(e, "lacks the member \"crv\"");
    if (!lec_jose_is(&crv, "Ed25519"))
        return PASS_OVER;
    struct lec_buf x = { 0 };
    enum verdict verdict = BAD;
    if (bytes_of(e, "x", &x)) {
        if (x.n == ED25519_BYTES)
            key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL,
                                                       (const unsigned char *)x.p, x.n);
        verdict = key->pkey ? TAKE : bad(e, "is no Ed25519 key: x has not 32 bytes");
    }
    lec_buf_fini(&x);
    return verdict;
}

static enum verdict read_oct(struct entry *e, struct lec_key *key)
{
    struct lec_buf k = { 0 };
    bool good = bytes_of(e, "k", &k);
    if (good) {
        key->secret = lec_strndup(k.p, k.n);
        key->secret_len = k.n;
    }
    if (k.p)
        OPENSSL_cleanse(k.p, k.cap);
    lec_buf_fini(&k);
    return good ? TAKE : BAD;
}

/* RFC 7517, 4.3: an entry with key_ops is for what they name. */
static bool may_verify(struct lec_slice json)
{
    struct lec_slice value;
    struct lec_json j;
    struct lec_json_token t;
    bool found = false;
    if (lec_json_member(json, "key_ops", &value))
        return true;
    lec_json_init(&j, value, LEC_JOSE_DEPTH);
    while (lec_json_next(&j, &t) == LEC_OK && t.kind != LEC_JSON_END)
        found = found || lec_jose_is(&t, "verify");
    return found;
}

static enum verdict read_header(struct entry *e, struct lec_key *key, struct lec_json_token *kty)
{
    struct lec_json_token t;
    struct lec_buf text = { 0 };
    enum verdict verdict = TAKE;
    if (lec_jose_member(e->json, "kid", &t)) {
        if (lec_jose_text(&text, &t) && text.n > 0)
            key->kid = lec_strndup(text.p, text.n);
        else
            verdict = bad(e, "has a kid that is no text");
        lec_buf_fini(&text);
    }
    if (verdict == TAKE && (!lec_jose_member(e->json, "kty", kty) || kty->kind != LEC_JSON_STRING))
        verdict = bad(e, "lacks the member \"kty\"");
    if (verdict == TAKE && lec_jose_member(e->json, "use", &t) && !lec_jose_is(&t, "sig"))
        verdict = PASS_OVER;
    if (verdict == TAKE && !may_verify(e->json))
        verdict = PASS_OVER;
    if (verdict == TAKE && lec_jose_member(e->json, "alg", &t)) {
        e->wanted = lec_jose_text(&text, &t) ? lec_alg_find(lec_buf_str(&text)) : NULL;
        if (!e->wanted)
            verdict = PASS_OVER;
        lec_buf_fini(&text);
    }
    return verdict;
}

static enum verdict read_entry(struct entry *e, const struct lec_algs *algs, struct lec_key *key)
{
    struct lec_json_token kty;
    enum verdict verdict = read_header(e, key, &kty);
    if (verdict != TAKE)
        return verdict;
    if (lec_jose_is(&kty, "RSA"))
        verdict = read_rsa(e, key);
    else if (lec_jose_is(&kty, "EC"))
        verdict = read_ec(e, key);
    else if (lec_jose_is(&kty, "OKP"))
        verdict = read_okp(e, key);
    else if (lec_jose_is(&kty, "oct"))
        verdict = read_oct(e, key);
    else
        return PASS_OVER;
    if (verdict != TAKE)
        return verdict;
    if (e->wanted && !lec_alg_fits(e->wanted, key->pkey))
        return bad(e, "has an alg that its kind of key is not for");
    key->alg = lec_algs_choose(algs, key->pkey, e->wanted);
    return key->alg ? TAKE : PASS_OVER;
}

static void complain(char *err, size_t err_size, unsigned number, const char *kid, const char *why)
{
    if (kid)
        snprintf(err, err_size, "key %u (kid \"%.*s\") %s", number, MAX_SHOWN, kid, why);
    else
        snprintf(err, err_size, "key %u %s", number, why);
}

static bool has_twin(const struct lec_key_set *set, const struct lec_key *key)
{
    for (size_t i = 0; i < set->n; i++)
        if (key->kid && set->keys[i].kid && strcmp(set->keys[i].kid, key->kid) == 0)
            return true;
    return false;
}

/* The entries of the array that the reader has just entered. */
static int read_entries(struct lec_key_set *out, struct lec_json *j, struct lec_slice array,
                        const struct lec_algs *algs, char *err, size_t err_size)
{
    struct lec_json_token t;
    unsigned nameless = 0; /* number of the first one without a kid */
    for (unsigned number = 1; lec_json_next(j, &t) == LEC_OK && t.kind != LEC_JSON_ARRAY_END;
         number++) {
        struct entry e = { 0 };
        struct lec_key key = { 0 };
        size_t start = lec_json_offset(j) - 1;
        if (t.kind != LEC_JSON_OBJECT || lec_json_skip(j) != LEC_OK) {
            complain(err, err_size, number, NULL, "is no object");
            return LEC_EINVAL;
        }
        e.json = (struct lec_slice){ array.p + start, lec_json_offset(j) - start };
        enum verdict verdict = read_entry(&e, algs, &key);
        if (verdict == TAKE && has_twin(out, &key))
            verdict = bad(&e, "has the kid of another key");
        if (verdict == TAKE && out->n == LEC_JWKS_MAX_KEYS)
            verdict = bad(&e, "is one too many: there may be 256");
        if (verdict == BAD)
            complain(err, err_size, number, key.kid, e.why);
        if (verdict != TAKE) {
            lec_key_fini(&key);
            if (verdict == BAD)
                return LEC_EINVAL;
            continue;
        }
        if (!key.kid && nameless == 0)
            nameless = number;
        out->keys = lec_realloc(out->keys, (out->n + 1) * sizeof *out->keys);
        out->keys[out->n++] = key;
    }
    if (out->n > 1 && nameless > 0) {
        complain(err, err_size, nameless, NULL,
                 "has no kid: of several keys, each needs one that tokens name it by");
        return LEC_EINVAL;
    }
    if (out->n == 0) {
        snprintf(err, err_size,
                 "no key in it can be used for signatures (kty RSA, EC, OKP or oct, "
                 "with an algorithm that is allowed)");
        return LEC_EINVAL;
    }
    return LEC_OK;
}

int lec_jwks_read(struct lec_key_set *out, struct lec_slice json, const struct lec_algs *algs,
                  char *err, size_t err_size)
{
    struct lec_slice array;
    struct lec_json j;
    struct lec_json_token t;
    int rc = LEC_EINVAL;
    *out = (struct lec_key_set){ 0 };
    if (json.n > LEC_JWKS_MAX_BYTES) {
        snprintf(err, err_size, "too large for a set of keys");
        return LEC_EINVAL;
    }
    if (!lec_jose_object(json)) {
        snprintf(err, err_size, "not a JSON object");
        return LEC_EINVAL;
    }
    if (lec_json_member(json, "keys", &array) == LEC_OK) {
        lec_json_init(&j, array, LEC_JOSE_DEPTH);
        if (lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_ARRAY)
            rc = read_entries(out, &j, array, algs, err, err_size);
        else
            snprintf(err, err_size, "its member \"keys\" is no array");
    } else {
        snprintf(err, err_size, "no set of keys: the member \"keys\" is not there");
    }
    ERR_clear_error();
    if (rc != LEC_OK)
        lec_key_set_fini(out);
    return rc;
}

void lec_key_set_fini(struct lec_key_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        lec_key_fini(&set->keys[i]);
    free(set->keys);
    *set = (struct lec_key_set){ 0 };
}
