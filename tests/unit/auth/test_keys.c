/* Loading keys: what is refused at start and why. */
#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "mint.h"

static void assert_no_keys(struct lec_token_config cfg, const char *part_of_why)
{
    char err[300] = "";
    assert_null(lec_keys_new(&cfg, err, sizeof(err)));
    if (!strstr(err, part_of_why))
        fail_msg("%s", err);
    assert_int_equal(ERR_peek_error(), 0);
}

static void keys_that_are_refused(void **state)
{
    (void)state;
    char empty[64], garbage[64], private[64];
    write_file(empty, "", 0);
    write_file(garbage, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 56);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    PEM_write_bio_PrivateKey(bio, pkeys[RSA_2048], EVP_aes_128_cbc(), (const unsigned char *)"pass",
                             4, NULL, NULL);
    long n = BIO_get_mem_data(bio, &text);
    write_file(private, text, (size_t)n);
    BIO_free(bio);

    assert_no_keys(config(NULL, NULL), "none is set");
    assert_no_keys(config("", ""), "none is set");
    assert_no_keys(config(SECRET, paths[RSA_2048]), "only one");
    assert_no_keys(config(NULL, "/nowhere/key.pem"), "No such file");
    assert_no_keys(config(NULL, empty), "no public key");
    assert_no_keys(config(NULL, garbage), "no public key");
    assert_no_keys(config(NULL, private), "no public key");
    assert_no_keys(config(NULL, paths[RSA_1024]), "1024 bits");
    assert_no_keys(config(NULL, paths[SECP256K1]), "P-256");
    static const struct {
        const char *algorithms, *secret, *file, *why;
    } wrong[] = {
        { "HS257", SECRET, NULL, "\"HS257\" is no algorithm" },
        { "none", SECRET, NULL, "\"none\" is no algorithm" },
        { "HS256,hs256", SECRET, NULL, "\"hs256\"" },
        { "RS256", SECRET, NULL, "HS256, HS384 or" },
        { "HS256", NULL, paths[RSA_2048], "none that the key in" },
        { "ES256,EdDSA", NULL, paths[P384], "none that the key in" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct lec_token_config cfg = config(wrong[i].secret, wrong[i].file);
        cfg.algorithms = wrong[i].algorithms;
        assert_no_keys(cfg, wrong[i].why);
    }
    assert_no_keys(config("-----BEGIN PUBLIC KEY-----\n", NULL), "PEM");
    unlink(empty);
    unlink(garbage);
    unlink(private);
}

static void short_secrets_are_weak(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        bool weak;
    } cases[] = {
        { "x", true },
        { "your-jwt-secret-key", true },
        { "0123456789012345678901234567890", true },
        { "01234567890123456789012345678901", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_keys *k = keys_of(config(cases[i].secret, NULL));
        assert_int_equal(lec_keys_weak(k), cases[i].weak);
        struct lec_buf t = unsigned_token(HS256, GOOD);
        sign_hmac(&t, cases[i].secret, strlen(cases[i].secret), EVP_sha256());
        assert_int_equal(verify(k, t), LEC_OK);
        lec_keys_free(k);
    }
    struct lec_token_config cfg = config(SECRET, NULL); /* 38 bytes */
    cfg.algorithms = "HS512";
    struct lec_keys *k = keys_of(cfg);
    assert_true(lec_keys_weak(k));
    lec_keys_free(k);
    k = keys_of(config(NULL, paths[RSA_2048]));
    assert_false(lec_keys_weak(k));
    lec_keys_free(k);
    lec_keys_free(NULL);
}

static void configuration_may_go_after_the_keys_are_made(void **state)
{
    (void)state;
    char secret[] = SECRET, claim[] = "sub", issuer[] = "me";
    struct lec_token_config cfg = config(secret, NULL);
    cfg.id_claim = claim;
    cfg.issuer = issuer;
    struct lec_keys *k = keys_of(cfg);
    memset(secret, 'x', sizeof(secret) - 1);
    memset(claim, 'x', sizeof(claim) - 1);
    memset(issuer, 'x', sizeof(issuer) - 1);
    assert_int_equal(verify(k, secret_token(HS256, "{\"sub\":\"42\",\"iss\":\"me\"}")), LEC_OK);
    lec_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_are_refused),
        cmocka_unit_test(short_secrets_are_weak),
        cmocka_unit_test(configuration_may_go_after_the_keys_are_made),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
