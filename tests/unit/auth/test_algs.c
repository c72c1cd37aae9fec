/* Each algorithm with its key, and with everything that is not its own. */
#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <jwt.h>
#include <openssl/rsa.h>

#include "mint.h"

static const struct {
    const char *name;
    int kind; /* enum kind, -1 for SECRET */
    const EVP_MD *(*md)(void);
    int salt;
} algs[] = {
    { "HS256", -1, EVP_sha256, NO_PSS },
    { "HS384", -1, EVP_sha384, NO_PSS },
    { "HS512", -1, EVP_sha512, NO_PSS },
    { "RS256", RSA_2048, EVP_sha256, NO_PSS },
    { "RS384", RSA_2048, EVP_sha384, NO_PSS },
    { "RS512", RSA_2048, EVP_sha512, NO_PSS },
    { "PS256", RSA_2048, EVP_sha256, RSA_PSS_SALTLEN_DIGEST },
    { "PS384", RSA_2048, EVP_sha384, RSA_PSS_SALTLEN_DIGEST },
    { "PS512", RSA_2048, EVP_sha512, RSA_PSS_SALTLEN_DIGEST },
    { "ES256", P256, EVP_sha256, NO_PSS },
    { "ES384", P384, EVP_sha384, NO_PSS },
    { "ES512", P521, EVP_sha512, NO_PSS },
    { "EdDSA", ED25519, EVP_sha512, NO_PSS },
};
#define N_ALGS (sizeof(algs) / sizeof(algs[0]))

/* A token that says it is of one algorithm, signed by another. */
static struct lec_buf signed_by(const char *says, size_t i)
{
    char header[40];
    snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", says);
    struct lec_buf t = unsigned_token(header, GOOD);
    if (algs[i].kind < 0)
        sign_hmac(&t, SECRET, strlen(SECRET), algs[i].md());
    else
        sign_with(&t, pkeys[algs[i].kind], algs[i].md(), algs[i].salt);
    return t;
}

static struct lec_keys *keys_for(size_t i, const char *algorithms)
{
    struct lec_token_config cfg =
        algs[i].kind < 0 ? config(SECRET, NULL) : config(NULL, paths[algs[i].kind]);
    cfg.algorithms = algorithms;
    return keys_of(cfg);
}

static void each_takes_its_own_tokens_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ALGS; i++) {
        struct lec_keys *k = keys_for(i, algs[i].name);
        for (size_t j = 0; j < N_ALGS; j++) {
            int rc = verify(k, signed_by(algs[j].name, j));
            if (rc != (i == j ? LEC_OK : LEC_EDENIED))
                fail_msg("%s for %s gave %s", algs[j].name, algs[i].name, lec_errcode(rc));
            rc = verify(k, signed_by(algs[i].name, j));
            if (rc != (i == j ? LEC_OK : LEC_EDENIED))
                fail_msg("%s as %s gave %s", algs[j].name, algs[i].name, lec_errcode(rc));
        }
        lec_keys_free(k);
    }
}

static void the_usual_one_is_taken_unless_told(void **state)
{
    (void)state;
    static const char *const usual[] = { "HS256", "RS256", "ES256", "ES384", "ES512", "EdDSA" };
    for (size_t i = 0; i < N_ALGS; i++) {
        struct lec_keys *k = keys_for(i, "");
        bool good = false;
        for (size_t j = 0; j < sizeof(usual) / sizeof(usual[0]); j++)
            good = good || strcmp(usual[j], algs[i].name) == 0;
        assert_int_equal(verify(k, signed_by(algs[i].name, i)), good ? LEC_OK : LEC_EDENIED);
        lec_keys_free(k);
    }
}

/* Several are allowed, for keys of several kinds; one key still has one. */
static void the_first_that_fits_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ALGS; i++) {
        struct lec_keys *k = keys_for(i, "PS512, EdDSA,HS384,RS256 ,ES512,ES384,ES256,HS256");
        static const char *const first[] = { "PS512", "EdDSA", "HS384", "ES512", "ES384", "ES256" };
        bool good = false;
        for (size_t j = 0; j < sizeof(first) / sizeof(first[0]); j++)
            good = good || strcmp(first[j], algs[i].name) == 0;
        assert_int_equal(verify(k, signed_by(algs[i].name, i)), good ? LEC_OK : LEC_EDENIED);
        lec_keys_free(k);
    }
}

/* RFC 7518, 3.5: as long as the hash. */
static void the_salt_of_pss_has_one_length(void **state)
{
    (void)state;
    static const int salts[] = { 0, 20, 31, 33, RSA_PSS_SALTLEN_MAX };
    struct lec_keys *k = keys_for(6, "PS256");
    for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
        struct lec_buf t = unsigned_token("{\"alg\":\"PS256\"}", GOOD);
        sign_with(&t, pkeys[RSA_2048], EVP_sha256(), salts[i]);
        assert_int_equal(verify(k, t), LEC_EDENIED);
    }
    lec_keys_free(k);
}

static void tokens_we_sign_are_of_the_allowed_one(void **state)
{
    (void)state;
    static const char *const names[] = { "HS256", "HS384", "HS512" };
    static const jwt_alg_t libjwts[] = { JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512 };
    for (size_t i = 0; i < 3; i++) {
        struct lec_token_config cfg = config(SECRET, NULL);
        struct lec_buf token = { 0 };
        jwt_t *jwt = NULL;
        cfg.algorithms = names[i];
        assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(GOOD), &token), LEC_OK);
        assert_int_equal(jwt_decode(&jwt, lec_buf_str(&token), (const unsigned char *)SECRET,
                                    (int)strlen(SECRET)),
                         0);
        assert_int_equal(jwt_get_alg(jwt), libjwts[i]);
        jwt_free(jwt);
        struct lec_keys *k = keys_of(cfg);
        assert_int_equal(verify(k, token), LEC_OK);
        lec_keys_free(k);
    }
    struct lec_token_config cfg = config(SECRET, NULL);
    struct lec_buf none = { 0 };
    cfg.algorithms = "RS256";
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(GOOD), &none), LEC_EINVAL);
    assert_int_equal(none.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_takes_its_own_tokens_only),
        cmocka_unit_test(the_usual_one_is_taken_unless_told),
        cmocka_unit_test(the_first_that_fits_is_taken),
        cmocka_unit_test(the_salt_of_pss_has_one_length),
        cmocka_unit_test(tokens_we_sign_are_of_the_allowed_one),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
