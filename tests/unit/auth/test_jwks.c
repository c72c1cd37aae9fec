/* Key sets: keys by kid, what is passed over, what is refused and how it is said, changes. */
#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/base64.h"

#include "mint.h"

#define OCT "YSBzZWNyZXQgb2YgbW9yZSB0aGFuIHRoaXJ0eS10d28gYnl0ZXM" /* SECRET */

static struct lec_buf jwks[KINDS]; /* the members that each public key is made of */

static void put_number(struct lec_buf *out, const char *name, const EVP_PKEY *key,
                       const char *param, int size)
{
    BIGNUM *n = NULL;
    unsigned char bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
    int len = size ? size : BN_num_bytes(n);
    assert_int_equal(BN_bn2binpad(n, bytes, len), len);
    BN_free(n);
    lec_buf_printf(out, ",\"%s\":\"", name);
    lec_base64url_encode(out, bytes, (size_t)len);
    lec_buf_addc(out, '"');
}

static int make_jwks(void **state)
{
    static const char *const curves[KINDS] = {
        [P256] = "P-256", [P384] = "P-384", [P521] = "P-521"
    };
    if (make_keys(state) != 0)
        return -1;
    for (int i = 0; i < KINDS; i++) {
        if (i == RSA_2048 || i == RSA_1024) {
            lec_buf_adds(&jwks[i], "\"kty\":\"RSA\"");
            put_number(&jwks[i], "n", pkeys[i], OSSL_PKEY_PARAM_RSA_N, 0);
            put_number(&jwks[i], "e", pkeys[i], OSSL_PKEY_PARAM_RSA_E, 0);
        } else if (i == ED25519) {
            unsigned char raw[32];
            size_t n = sizeof(raw);
            EVP_PKEY_get_raw_public_key(pkeys[i], raw, &n);
            lec_buf_adds(&jwks[i], "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
            lec_base64url_encode(&jwks[i], raw, n);
            lec_buf_addc(&jwks[i], '"');
        } else {
            int size = (EVP_PKEY_get_bits(pkeys[i]) + 7) / 8;
            lec_buf_printf(&jwks[i], "\"kty\":\"EC\",\"crv\":\"%s\"",
                           curves[i] ? curves[i] : "secp256k1");
            put_number(&jwks[i], "x", pkeys[i], OSSL_PKEY_PARAM_EC_PUB_X, size);
            put_number(&jwks[i], "y", pkeys[i], OSSL_PKEY_PARAM_EC_PUB_Y, size);
        }
    }
    return 0;
}

static int drop_jwks(void **state)
{
    for (int i = 0; i < KINDS; i++)
        lec_buf_fini(&jwks[i]);
    return drop_keys(state);
}

/* The set with $rsa, $p256, $p384, $p521, $ed, $k1, $weak in place of those keys' members, and $oct.
 */
static struct lec_buf set_of(const char *text)
{
    static const struct {
        const char *name;
        int kind;
    } names[] = { { "rsa", RSA_2048 }, { "p256", P256 },    { "p384", P384 },     { "p521", P521 },
                  { "ed", ED25519 },   { "k1", SECP256K1 }, { "weak", RSA_1024 }, { "oct", -1 } };
    struct lec_buf out = { 0 };
    while (*text) {
        size_t n = strcspn(text, "$");
        lec_buf_add(&out, text, n);
        text += n;
        for (size_t i = 0; *text == '$' && i < sizeof(names) / sizeof(names[0]); i++) {
            if (strncmp(text + 1, names[i].name, strlen(names[i].name)) != 0)
                continue;
            if (names[i].kind < 0)
                lec_buf_adds(&out, "\"kty\":\"oct\",\"k\":\"" OCT "\"");
            else
                lec_buf_add(&out, jwks[names[i].kind].p, jwks[names[i].kind].n);
            text += 1 + strlen(names[i].name);
            break;
        }
    }
    return out;
}

/* The path is the caller's to unlink. */
static void write_set(char path[64], const char *text)
{
    struct lec_buf out = set_of(text);
    write_file(path, out.p ? out.p : "", out.n);
    lec_buf_fini(&out);
}

static void take(struct lec_keys *k, const char *text, int want, char *err, size_t err_size)
{
    struct lec_buf set = set_of(text);
    assert_int_equal(lec_keys_take(k, lec_buf_slice(&set), err, err_size), want);
    lec_buf_fini(&set);
}

static struct lec_token_config set_config(const char *path)
{
    struct lec_token_config cfg = config(NULL, NULL);
    cfg.jwks_file = path;
    return cfg;
}

static struct lec_keys *keys_of_set(const char *text)
{
    char path[64];
    write_set(path, text);
    struct lec_keys *k = keys_of(set_config(path));
    unlink(path);
    return k;
}

static struct lec_buf token(const char *header, int kind, const EVP_MD *md, int salt)
{
    struct lec_buf t = unsigned_token(header, GOOD);
    if (kind < 0)
        sign_hmac(&t, SECRET, strlen(SECRET), md);
    else
        sign_with(&t, pkeys[kind], md, salt);
    return t;
}

#define ALL                                                                                        \
    "{\"keys\":[{\"kid\":\"r\",$rsa,\"use\":\"sig\"},{\"kid\":\"ps\",$rsa,\"alg\":\"PS384\"},"     \
    "{\"kid\":\"e\",$p256,\"alg\":\"ES256\",\"key_ops\":[\"verify\"]},{\"kid\":\"e3\",$p384},"     \
    "{\"kid\":\"e5\",$p521},{\"kid\":\"ed\",$ed,\"alg\":\"EdDSA\"},"                               \
    "{\"kid\":\"\\u00f6\",$oct,\"alg\":\"HS384\"}]}"

static void keys_are_found_by_kid(void **state)
{
    (void)state;
    struct lec_keys *k = keys_of_set(ALL);
    const int pss = RSA_PSS_SALTLEN_DIGEST;
    const struct {
        const char *header;
        int kind;
        const EVP_MD *md;
        int salt, want;
    } cases[] = {
        { "{\"alg\":\"RS256\",\"kid\":\"r\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_OK },
        { "{\"alg\":\"PS384\",\"kid\":\"ps\"}", RSA_2048, EVP_sha384(), pss, LEC_OK },
        { "{\"alg\":\"ES256\",\"kid\":\"e\"}", P256, EVP_sha256(), NO_PSS, LEC_OK },
        { "{\"alg\":\"ES256\",\"kid\":\"\\u0065\"}", P256, EVP_sha256(), NO_PSS, LEC_OK },
        { "{\"alg\":\"ES384\",\"kid\":\"e3\"}", P384, EVP_sha384(), NO_PSS, LEC_OK },
        { "{\"alg\":\"ES512\",\"kid\":\"e5\"}", P521, EVP_sha512(), NO_PSS, LEC_OK },
        { "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", ED25519, NULL, NO_PSS, LEC_OK },
        { "{\"alg\":\"HS384\",\"kid\":\"\xc3\xb6\"}", -1, EVP_sha384(), NO_PSS, LEC_OK },
        /* the kid of a key of another algorithm, or another key of the same */
        { "{\"alg\":\"RS256\",\"kid\":\"ps\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"PS384\",\"kid\":\"r\"}", RSA_2048, EVP_sha384(), pss, LEC_EDENIED },
        { "{\"alg\":\"RS256\",\"kid\":\"e\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"ES256\",\"kid\":\"e3\"}", P256, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"ES384\",\"kid\":\"e3\"}", P256, EVP_sha384(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"HS384\",\"kid\":\"r\"}", -1, EVP_sha384(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"RS256\",\"kid\":\"\xc3\xb6\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"HS256\",\"kid\":\"\xc3\xb6\"}", -1, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"none\",\"kid\":\"r\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EDENIED },
        /* no such key */
        { "{\"alg\":\"RS256\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EDENIED },
        { "{\"alg\":\"RS256\",\"kid\":\"\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_ENOTFOUND },
        { "{\"alg\":\"RS256\",\"kid\":\"R\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_ENOTFOUND },
        { "{\"alg\":\"RS256\",\"kid\":\"r\\u0000\"}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EPROTO },
        { "{\"alg\":\"RS256\",\"kid\":[\"r\"]}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EPROTO },
        { "{\"alg\":\"RS256\",\"kid\":null}", RSA_2048, EVP_sha256(), NO_PSS, LEC_EPROTO },
        /* keys that the token brings itself */
        { "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"},\"jku\":\"https://evil\"}", RSA_2048,
          EVP_sha256(), NO_PSS, LEC_EDENIED },
    };
    assert_int_equal(lec_keys_count(k), 7);
    assert_true(lec_keys_weak(k)); /* 38 bytes for HS384 */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = verify(k, token(cases[i].header, cases[i].kind, cases[i].md, cases[i].salt));
        if (rc != cases[i].want)
            fail_msg("%s gave %s", cases[i].header, lec_errcode(rc));
    }
    /* the public key's own text as a secret, under its kid */
    struct lec_buf t = unsigned_token("{\"alg\":\"HS256\",\"kid\":\"r\"}", GOOD);
    sign_hmac(&t, jwks[RSA_2048].p, jwks[RSA_2048].n, EVP_sha256());
    assert_int_equal(verify(k, t), LEC_EDENIED);
    lec_keys_free(k);
}

static void a_key_that_is_alone_needs_no_name(void **state)
{
    (void)state;
    static const struct {
        const char *set, *header;
        int want;
    } cases[] = {
        { "{\"keys\":[{$p256}]}", "{\"alg\":\"ES256\"}", LEC_OK },
        { "{\"keys\":[{$p256}]}", "{\"alg\":\"ES256\",\"kid\":\"any\"}", LEC_OK },
        { "{\"keys\":[{$p256,\"kid\":\"a\"}]}", "{\"alg\":\"ES256\"}", LEC_OK },
        { "{\"keys\":[{$p256,\"kid\":\"a\"}]}", "{\"alg\":\"ES256\",\"kid\":\"b\"}",
          LEC_ENOTFOUND },
        { "{\"keys\":[{$p256,\"kid\":\"a\"},{$rsa,\"kid\":\"b\"}]}", "{\"alg\":\"ES256\"}",
          LEC_EDENIED },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_keys *k = keys_of_set(cases[i].set);
        assert_int_equal(verify(k, token(cases[i].header, P256, EVP_sha256(), NO_PSS)),
                         cases[i].want);
        lec_keys_free(k);
    }
}

static void what_is_not_for_us_is_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *set, *algorithms;
        size_t count;
    } cases[] = {
        { "{\"keys\":[{$rsa,\"use\":\"enc\"},{$p256}]}", "", 1 },
        { "{\"keys\":[{$rsa,\"key_ops\":[\"encrypt\"]},{$p256}]}", "", 1 },
        { "{\"keys\":[{$rsa,\"alg\":\"RSA-OAEP\"},{$p256}]}", "", 1 },
        { "{\"keys\":[{$rsa,\"alg\":5},{$p256}]}", "", 1 },
        { "{\"keys\":[{$k1},{$p256}]}", "", 1 },
        { "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"},{$p256}]}", "", 1 },
        { "{\"keys\":[{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"},{$p256}]}", "", 1 },
        { "{\"x\":1,\"keys\":[{$p256,\"x5c\":[\"x\"],\"d\":\"AA\"}]}", "", 1 },
        { ALL, "RS256,ES256", 2 },
        { ALL, "HS384", 1 },
        { ALL, "EdDSA,ES512,PS384", 4 }, /* key r has no alg, and takes PS384 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[64];
        write_set(path, cases[i].set);
        struct lec_token_config cfg = set_config(path);
        cfg.algorithms = cases[i].algorithms;
        struct lec_keys *k = keys_of(cfg);
        assert_int_equal(lec_keys_count(k), cases[i].count);
        assert_int_equal(ERR_peek_error(), 0);
        lec_keys_free(k);
        unlink(path);
    }
}

static void bad_sets_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *why;
    } cases[] = {
        { "", "not a JSON object" },
        { "[]", "not a JSON object" },
        { "{\"keys\":[{$p256}]", "not a JSON object" },
        { "{$p256}", "\"keys\" is not there" },
        { "{\"keys\":{}}", "no array" },
        { "{\"keys\":[]}", "no key in it" },
        { "{\"keys\":[{$rsa,\"use\":\"enc\"}]}", "no key in it" },
        { "{\"keys\":[7]}", "key 1 is no object" },
        { "{\"keys\":[{$p256,\"kid\":\"a\"},[]]}", "key 2 is no object" },
        { "{\"keys\":[{\"kid\":\"a\"}]}", "key 1 (kid \"a\") lacks the member \"kty\"" },
        { "{\"keys\":[{\"kty\":7}]}", "lacks the member \"kty\"" },
        { "{\"keys\":[{$p256,\"kid\":7}]}", "kid that is no text" },
        { "{\"keys\":[{$p256,\"kid\":\"\"}]}", "kid that is no text" },
        { "{\"keys\":[{$p256,\"kid\":\"a\"},{$rsa,\"kid\":\"a\"}]}",
          "key 2 (kid \"a\") has the kid of another" },
        { "{\"keys\":[{$p256,\"kid\":\"a\"},{$rsa}]}", "key 2 has no kid" },
        { "{\"keys\":[{$weak,\"kid\":\"w\"}]}", "key 1 (kid \"w\") has 1024 bits" },
        { "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}", "lacks the member \"n\"" },
        { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}", "lacks the member \"e\"" },
        { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"A+A/\",\"e\":\"AQAB\"}]}",
          "\"n\" that is no base64url" },
        { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}]}",
          "\"n\" that is no base64url" },
        { "{\"keys\":[{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}]}", "\"n\" that is no base64url" },
        { "{\"keys\":[{$rsa,\"e\":\"AA\"}]}", "do not make one" },
        { "{\"keys\":[{$rsa,\"e\":\"AQ\"}]}", "do not make one" },
        { "{\"keys\":[{$rsa,\"alg\":\"ES256\"}]}", "alg that its kind" },
        { "{\"keys\":[{$rsa,\"alg\":\"HS256\"}]}", "alg that its kind" },
        { "{\"keys\":[{$p256,\"alg\":\"ES384\"}]}", "alg that its kind" },
        { "{\"keys\":[{$ed,\"alg\":\"ES256\"}]}", "alg that its kind" },
        { "{\"keys\":[{$oct,\"alg\":\"RS256\"}]}", "alg that its kind" },
        { "{\"keys\":[{\"kty\":\"EC\"}]}", "lacks the member \"crv\"" },
        { "{\"keys\":[{$p256,\"crv\":\"P-384\"}]}", "no point of its curve" },
        { "{\"keys\":[{$p256,\"x\":\"AAAA\"}]}", "no point of its curve" },
        { "{\"keys\":[{$p256,\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
          "no point of its curve" },
        { "{\"keys\":[{\"kty\":\"OKP\"}]}", "lacks the member \"crv\"" },
        { "{\"keys\":[{$ed,\"x\":\"AAAA\"}]}", "32 bytes" },
        { "{\"keys\":[{\"kty\":\"oct\"}]}", "lacks the member \"k\"" },
        { "{\"keys\":[{\"kty\":\"oct\",\"k\":\"\"}]}", "\"k\" that is no base64url" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[64], err[300] = "";
        write_set(path, cases[i].set);
        struct lec_token_config cfg = set_config(path);
        assert_null(lec_keys_new(&cfg, err, sizeof(err)));
        if (!strstr(err, cases[i].why) || strncmp(err, path, strlen(path)) != 0)
            fail_msg("%s: %s", cases[i].set, err);
        assert_int_equal(ERR_peek_error(), 0);
        unlink(path);
    }
    char err[300];
    struct lec_token_config cfg = set_config("/nowhere/keys.json");
    assert_null(lec_keys_new(&cfg, err, sizeof(err)));
    assert_string_equal(err, "/nowhere/keys.json: No such file or directory");
    cfg.secret = SECRET;
    assert_null(lec_keys_new(&cfg, err, sizeof(err)));
    assert_non_null(strstr(err, "only one"));
}

static void replace(const char *path, const char *set)
{
    char next[64];
    write_set(next, set);
    assert_int_equal(rename(next, path), 0);
}

static void changes_are_taken_and_bad_ones_are_not(void **state)
{
    (void)state;
    char path[64], err[300];
    write_set(path, "{\"keys\":[{$p256,\"kid\":\"a\"}]}");
    struct lec_keys *k = keys_of(set_config(path));
#define A token("{\"alg\":\"ES256\",\"kid\":\"a\"}", P256, EVP_sha256(), NO_PSS)
#define B token("{\"alg\":\"RS256\",\"kid\":\"b\"}", RSA_2048, EVP_sha256(), NO_PSS)
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN);
    assert_int_equal(verify(k, A), LEC_OK);
    assert_int_equal(verify(k, B), LEC_ENOTFOUND);

    replace(path, "{\"keys\":[{$p256,\"kid\":\"a\"},{$rsa,\"kid\":\"b\"}]}");
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_OK);
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN);
    assert_int_equal(verify(k, A), LEC_OK);
    assert_int_equal(verify(k, B), LEC_OK);

    replace(path, "{\"keys\":[{$rsa,\"kid\":\"b\"},{$weak,\"kid\":\"w\"}]}");
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EINVAL);
    assert_non_null(strstr(err, path));
    assert_non_null(strstr(err, "key 2 (kid \"w\")"));
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN); /* said once */
    assert_int_equal(verify(k, A), LEC_OK);
    assert_int_equal(verify(k, B), LEC_OK);

    unlink(path);
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EINVAL);
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN);
    assert_int_equal(verify(k, A), LEC_OK);

    replace(path, "{\"keys\":[{$rsa,\"kid\":\"b\"}]}");
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_OK);
    assert_int_equal(verify(k, A), LEC_ENOTFOUND);
    assert_int_equal(verify(k, B), LEC_OK);
    unlink(path);
    lec_keys_free(k);

    k = secret_keys();
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN);
    lec_keys_free(k);
}

static void keys_of_a_url_come_later(void **state)
{
    (void)state;
    char err[300];
    struct lec_token_config cfg = { .jwks_url = "https://school.example/jwks", .max_bytes = 4096 };
    struct lec_keys *k = lec_keys_new(&cfg, err, sizeof(err));
    assert_non_null(k);
    assert_int_equal(lec_keys_count(k), 0);
    assert_false(lec_keys_weak(k));
    assert_int_equal(verify(k, A), LEC_ENOTFOUND);
    assert_int_equal(verify(k, token("{\"alg\":\"ES256\"}", P256, EVP_sha256(), NO_PSS)),
                     LEC_ENOTFOUND);
    take(k, "{\"keys\":[{$p256,\"kid\":\"a\"}]}", LEC_OK, err, sizeof(err));
    assert_int_equal(verify(k, A), LEC_OK);
    take(k, "{\"keys\":[{$rsa,\"kid\":\"b\"},{$weak,\"kid\":\"w\"}]}", LEC_EINVAL, err,
         sizeof(err));
    assert_non_null(strstr(err, "key 2 (kid \"w\")"));
    take(k, "{\"keys\":[{$rsa,\"kid\":\"b\"},{$oct,\"kid\":\"s\"}]}", LEC_EINVAL, err, sizeof(err));
    assert_non_null(strstr(err, "shared secret (kty oct)"));
    take(k, "<html>", LEC_EINVAL, err, sizeof(err));
    assert_int_equal(verify(k, A), LEC_OK);
    take(k, "{\"keys\":[{$rsa,\"kid\":\"b\"}]}", LEC_OK, err, sizeof(err));
    assert_int_equal(verify(k, A), LEC_ENOTFOUND);
    assert_int_equal(verify(k, B), LEC_OK);
    assert_int_equal(lec_keys_reload(k, err, sizeof(err)), LEC_EAGAIN);
    lec_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_by_kid),
        cmocka_unit_test(a_key_that_is_alone_needs_no_name),
        cmocka_unit_test(what_is_not_for_us_is_passed_over),
        cmocka_unit_test(bad_sets_are_refused),
        cmocka_unit_test(changes_are_taken_and_bad_ones_are_not),
        cmocka_unit_test(keys_of_a_url_come_later),
    };
    return cmocka_run_group_tests(tests, make_jwks, drop_jwks);
}
