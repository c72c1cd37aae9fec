/* Good tokens of each kind, made by our own small signer and by libjwt, and what a header and
 * claims may say. */
#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>
#include <openssl/pem.h>

#include "mint.h"

static void good_tokens_of_each_kind(void **state)
{
    (void)state;
    struct lec_keys *hs = secret_keys(), *rs = keys_of(config("", paths[RSA_2048])),
                    *es = keys_of(config(NULL, paths[P256]));
    assert_int_equal(verify(hs, secret_token(HS256, GOOD)), LEC_OK);
    assert_int_equal(verify(rs, key_token(RS256, GOOD, RSA_2048)), LEC_OK);
    for (int i = 0; i < 20; i++) /* r and s have other lengths in each */
        assert_int_equal(verify(es, key_token(ES256, GOOD, P256)), LEC_OK);
    lec_keys_free(hs);
    lec_keys_free(rs);
    lec_keys_free(es);
}

static void tells_the_claims(void **state)
{
    (void)state;
    struct lec_keys *k = secret_keys();
    struct lec_claims c;
    const char *why, *json = "{\"sub\":\"4\\u00322\",\"roles\":[\"admin\"],\"exp\":1800000600}";
    struct lec_buf t = secret_token(HS256, json);
    assert_int_equal(lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why), LEC_OK);
    assert_string_equal(c.json, json);
    assert_int_equal(c.json_len, strlen(json));
    assert_string_equal(c.id, "422");
    assert_int_equal(c.expires, 1800000600);
    assert_null(c.jti);
    assert_true(c.issued == INT64_MIN);
    lec_claims_fini(&c);
    assert_null(c.id);
    lec_claims_fini(&c);
    lec_buf_fini(&t);
    t = secret_token(HS256, "{\"sub\":1,\"jti\":\"x\\u0079\",\"iat\":1799999999.9}");
    assert_int_equal(lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why), LEC_OK);
    assert_string_equal(c.jti, "xy");
    assert_true(c.issued == 1799999999);
    lec_claims_fini(&c);
    lec_buf_fini(&t);
    lec_keys_free(k);
}

/* The other implementation at hand agrees with ours, both ways. */
static void tokens_made_by_libjwt(void **state)
{
    (void)state;
    static const struct {
        jwt_alg_t alg;
        enum kind kind;
    } cases[] = { { JWT_ALG_HS256, 0 }, { JWT_ALG_RS256, RSA_2048 }, { JWT_ALG_ES256, P256 } };
    for (size_t i = 0; i < 3; i++) {
        struct lec_buf pem = { 0 }, token = { 0 };
        struct lec_token_config cfg;
        if (cases[i].alg == JWT_ALG_HS256) {
            cfg = config(SECRET, NULL);
            lec_buf_adds(&pem, SECRET);
        } else {
            cfg = config(NULL, paths[cases[i].kind]);
            BIO *bio = BIO_new(BIO_s_mem());
            char *text;
            PEM_write_bio_PrivateKey(bio, pkeys[cases[i].kind], NULL, NULL, 0, NULL, NULL);
            long n = BIO_get_mem_data(bio, &text);
            lec_buf_add(&pem, text, (size_t)n);
            BIO_free(bio);
        }
        jwt_t *jwt;
        assert_int_equal(jwt_new(&jwt), 0);
        assert_int_equal(jwt_add_grant(jwt, "sub", "42"), 0);
        assert_int_equal(jwt_set_alg(jwt, cases[i].alg, (const unsigned char *)pem.p, (int)pem.n),
                         0);
        char *text = jwt_encode_str(jwt);
        assert_non_null(text);
        lec_buf_adds(&token, text);
        struct lec_keys *k = keys_of(cfg);
        assert_int_equal(verify(k, token), LEC_OK);
        lec_keys_free(k);
        free(text);
        jwt_free(jwt);
        lec_buf_fini(&pem);
    }
}

static void tokens_we_sign(void **state)
{
    (void)state;
    struct lec_token_config cfg = config(SECRET, NULL);
    struct lec_buf token = { 0 };
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(GOOD), &token), LEC_OK);
    jwt_t *jwt = NULL;
    assert_int_equal(
        jwt_decode(&jwt, lec_buf_str(&token), (const unsigned char *)SECRET, (int)strlen(SECRET)),
        0);
    assert_string_equal(jwt_get_grant(jwt, "sub"), "42");
    assert_int_equal(jwt_get_grant_int(jwt, "exp"), 1800000600);
    jwt_free(jwt);
    struct lec_keys *k = keys_of(cfg);
    assert_int_equal(verify(k, token), LEC_OK);
    lec_keys_free(k);

    struct lec_buf none = { 0 };
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE("[1]"), &none), LEC_EINVAL);
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE("{\"a\":}"), &none), LEC_EINVAL);
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(""), &none), LEC_EINVAL);
    cfg.secret = "";
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(GOOD), &none), LEC_EINVAL);
    cfg.secret = NULL;
    assert_int_equal(lec_token_sign(&cfg, LEC_SLICE(GOOD), &none), LEC_EINVAL);
    assert_int_equal(none.n, 0);
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int want;
    } cases[] = {
        { "{\"alg\":\"HS256\"}", LEC_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"jwt\"}", LEC_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", LEC_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"application/at+jwt\"}", LEC_OK },
        { "{\"alg\":\"HS256\",\"kid\":\"1\",\"x\":{\"y\":[1]}}", LEC_OK },
        { "{\"alg\":\"none\",\"alg\":\"HS256\"}",
          LEC_OK }, /* the last counts, here as in the claims */
        { "{\"alg\":\"HS256\",\"alg\":\"none\"}", LEC_EDENIED },
        { "{\"alg\":\"HS256\",\"typ\":\"JWE\"}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"typ\":\"JWTX\"}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"typ\":\"\"}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"typ\":1}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"typ\":null}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"crit\":[]}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"crit\":null}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"\\u0063rit\":[\"b64\"],\"b64\":false}", LEC_EPROTO },
        { "{\"alg\":\"none\"}", LEC_EDENIED },
        { "{\"alg\":\"None\"}", LEC_EDENIED },
        { "{\"alg\":\"NONE\"}", LEC_EDENIED },
        { "{\"alg\":\"nOnE\"}", LEC_EDENIED },
        { "{\"alg\":\"\"}", LEC_EDENIED },
        { "{\"alg\":\"hs256\"}", LEC_EDENIED },
        { "{\"alg\":\"HS256 \"}", LEC_EDENIED },
        { "{\"alg\":\"HS256\\u0000\"}", LEC_EDENIED },
        { "{\"alg\":\"HS384\"}", LEC_EDENIED },
        { "{\"alg\":\"HS512\"}", LEC_EDENIED },
        { "{\"alg\":\"RS256\"}", LEC_EDENIED },
        { "{\"alg\":\"ES256\"}", LEC_EDENIED },
        { "{\"alg\":\"PS256\"}", LEC_EDENIED },
        { "{\"alg\":\"EdDSA\"}", LEC_EDENIED },
        { "{\"alg\":[\"HS256\"]}", LEC_EDENIED },
        { "{\"alg\":{\"HS256\":1}}", LEC_EDENIED },
        { "{\"alg\":null}", LEC_EDENIED },
        { "{\"alg\":0}", LEC_EDENIED },
        { "{\"ALG\":\"HS256\"}", LEC_EPROTO },
        { "{\"typ\":\"JWT\"}", LEC_EPROTO },
        { "{}", LEC_EPROTO },
        { "[]", LEC_EPROTO },
        { "\"HS256\"", LEC_EPROTO },
        { "null", LEC_EPROTO },
        { "{\"alg\":\"HS256\"", LEC_EPROTO },
        { "{\"alg\":\"HS256\"}}", LEC_EPROTO },
        { "{'alg':'HS256'}", LEC_EPROTO },
        { "{\"alg\":\"HS256\",\"x\":\"\xff\"}", LEC_EPROTO },
        { "", LEC_EPROTO },
    };
    struct lec_keys *k = secret_keys();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (verify(k, secret_token(cases[i].header, GOOD)) != cases[i].want)
            fail_msg("%s", cases[i].header);
    }
    lec_keys_free(k);
}

static void claims(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        int64_t now;
        int want;
        const char *id;
    } cases[] = {
        { "{\"sub\":\"42\"}", NOW, LEC_OK, "42" },
        { "{\"sub\":42}", NOW, LEC_OK, "42" },
        { "{\"sub\":0}", NOW, LEC_OK, "0" },
        { "{\"sub\":-7}", NOW, LEC_OK, "-7" },
        { "{\"sub\":9007199254740993}", NOW, LEC_OK, "9007199254740993" },
        { "{\"sub\":123456789012345678901234567890}", NOW, LEC_OK,
          "123456789012345678901234567890" },
        { "{\"sub\":\"a b \xc3\xa4\"}", NOW, LEC_OK, "a b \xc3\xa4" },
        { "{\"sub\":\"a\",\"sub\":\"b\"}", NOW, LEC_OK, "b" },
        { "{\"sub\":1.5}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":1e3}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"\"}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"a\\u0000b\"}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":null}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":true}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":[\"42\"]}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":{\"id\":1}}", NOW, LEC_EPROTO, NULL },
        { "{\"id\":\"42\"}", NOW, LEC_EPROTO, NULL },
        { "{\"x\":{\"sub\":\"42\"}}", NOW, LEC_EPROTO, NULL },
        { "{}", NOW, LEC_EPROTO, NULL },
        { "[]", NOW, LEC_EPROTO, NULL },
        { "[{\"sub\":\"42\"}]", NOW, LEC_EPROTO, NULL },
        { "\"42\"", NOW, LEC_EPROTO, NULL },
        { "null", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\"", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\"}x", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"x\":\"\xff\"}", NOW, LEC_EPROTO, NULL },
        { "", NOW, LEC_EPROTO, NULL },
        /* exp: "on or after" it (RFC 7519, 4.1.4), five seconds forgiven */
        { "{\"sub\":\"42\",\"exp\":1800000000}", NOW - 1, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":1800000000}", NOW + 4, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":1800000000}", NOW + 5, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":1800000000.5}", NOW + 5, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":1800000000.5}", NOW + 6, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":18e8}", NOW + 5, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":0}", NOW, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":-1}", NOW, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":-1e999}", NOW, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"exp\":1e999}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":9223372036854775807}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":18446744073709551616}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"exp\":\"1800000600\"}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"exp\":null}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"exp\":[1800000600]}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"exp\":1800000600,\"exp\":1}", NOW, LEC_EEXPIRED, NULL },
        { "{\"sub\":\"42\",\"\\u0065xp\":1}", NOW, LEC_EEXPIRED, NULL },
        /* nbf and iat */
        { "{\"sub\":\"42\",\"nbf\":1800000000}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"nbf\":1800000000}", NOW - 5, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"nbf\":1800000000}", NOW - 6, LEC_EDENIED, NULL },
        { "{\"sub\":\"42\",\"nbf\":1800000000.5}", NOW - 5, LEC_EDENIED, NULL },
        { "{\"sub\":\"42\",\"nbf\":1e999}", NOW, LEC_EDENIED, NULL },
        { "{\"sub\":\"42\",\"nbf\":-1e999}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"nbf\":\"0\"}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"iat\":1800000000}", NOW - 5, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"iat\":1800000000}", NOW - 6, LEC_EDENIED, NULL },
        { "{\"sub\":\"42\",\"iat\":false}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"jti\":\"a\"}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"jti\":7}", NOW, LEC_OK, "42" },
        { "{\"sub\":\"42\",\"jti\":\"\"}", NOW, LEC_EPROTO, NULL },
        { "{\"sub\":\"42\",\"jti\":[1]}", NOW, LEC_EPROTO, NULL },
    };
    struct lec_keys *k = secret_keys();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf t = secret_token(HS256, cases[i].claims);
        int rc = verify_at(k, t, cases[i].now, cases[i].id);
        if (rc != cases[i].want)
            fail_msg("%s gave %s", cases[i].claims, lec_errcode(rc));
    }
    lec_keys_free(k);
}

static void ids_are_literal_and_bounded(void **state)
{
    (void)state;
    static const char empty[] = "the user's id in the token is empty",
                      control[] = "the user's id in the token has control characters in it",
                      long_[] = "the user's id in the token is longer than 255 bytes";
    char most[256], more[257], umlauts[257];
    memset(most, 'x', 255);
    most[255] = '\0';
    memset(more, 'x', 256);
    more[256] = '\0';
    for (int i = 0; i < 256; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 3);
    const struct {
        const char *json, *id, *why;
    } cases[] = {
        { "a ", "a ", NULL },
        { " a", " a", NULL },
        { " ", " ", NULL },
        { "user-alice", "user-alice", NULL },
        { "user:alice", "user:alice", NULL },
        { "100%", "100%", NULL },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80", NULL },
        { most, most, NULL },
        { more, NULL, long_ },
        { umlauts, NULL, long_ },
        { "", NULL, empty },
        { "a\\nb", NULL, control },
        { "\\u007f", NULL, control },
        { "\\u0001a", NULL, control },
    };
    struct lec_keys *k = secret_keys();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[400];
        struct lec_claims c;
        const char *why;
        snprintf(json, sizeof json, "{\"sub\":\"%s\"}", cases[i].json);
        struct lec_buf t = secret_token(HS256, json);
        int rc = lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why);
        lec_buf_fini(&t);
        if (cases[i].why) {
            assert_int_equal(rc, LEC_EPROTO);
            assert_string_equal(why, cases[i].why);
            continue;
        }
        assert_int_equal(rc, LEC_OK);
        assert_string_equal(c.id, cases[i].id);
        lec_claims_fini(&c);
    }
    lec_keys_free(k);
}

static void expiry_as_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        int64_t want;
    } cases[] = {
        { "{\"sub\":\"42\"}", INT64_MAX },
        { "{\"sub\":\"42\",\"exp\":1e999}", INT64_MAX },
        { "{\"sub\":\"42\",\"exp\":9223372036854775807}", INT64_MAX },
        { "{\"sub\":\"42\",\"exp\":1800000001}", 1800000001 },
        { "{\"sub\":\"42\",\"exp\":1800000001.25}", 1800000002 },
    };
    struct lec_keys *k = secret_keys();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_claims c;
        const char *why;
        struct lec_buf t = secret_token(HS256, cases[i].claims);
        assert_int_equal(lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why), LEC_OK);
        assert_true(c.expires == cases[i].want);
        lec_claims_fini(&c);
        lec_buf_fini(&t);
    }
    lec_keys_free(k);
}

static void issuer_and_audience(void **state)
{
    (void)state;
    static const struct {
        const char *rest;
        int want;
    } cases[] = {
        { "\"iss\":\"https://school\",\"aud\":\"lectern\"", LEC_OK },
        { "\"iss\":\"https:\\/\\/school\",\"aud\":[\"lectern\"]", LEC_OK },
        { "\"iss\":\"https://school\",\"aud\":[\"web\",\"lectern\"]", LEC_OK },
        { "\"iss\":\"https://school\",\"aud\":[\"lectern\",\"web\"]", LEC_OK },
        { "\"iss\":\"https://school\",\"aud\":\"lectern \"", LEC_EDENIED },
        { "\"iss\":\"https://school\",\"aud\":\"web\"", LEC_EDENIED },
        { "\"iss\":\"https://school\",\"aud\":[]", LEC_EDENIED },
        { "\"iss\":\"https://school\",\"aud\":[\"web\",\"\"]", LEC_EDENIED },
        { "\"iss\":\"https://school\",\"aud\":[[\"lectern\"]]", LEC_EPROTO },
        { "\"iss\":\"https://school\",\"aud\":[\"lectern\",1]", LEC_EPROTO },
        { "\"iss\":\"https://school\",\"aud\":{\"lectern\":true}", LEC_EPROTO },
        { "\"iss\":\"https://school\",\"aud\":[{\"a\":\"lectern\"}]", LEC_EPROTO },
        { "\"iss\":\"https://school\",\"aud\":null", LEC_EPROTO },
        { "\"iss\":\"https://school\",\"aud\":7", LEC_EPROTO },
        { "\"iss\":\"https://school\"", LEC_EDENIED },
        { "\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":\"https://school/\",\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":\"https://schoo\",\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":\"\",\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":\"https://school\\u0000\",\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":[\"https://school\"],\"aud\":\"lectern\"", LEC_EDENIED },
        { "\"iss\":null,\"aud\":\"lectern\"", LEC_EDENIED },
    };
    struct lec_token_config cfg = config(SECRET, NULL);
    cfg.issuer = "https://school";
    cfg.audience = "lectern";
    struct lec_keys *strict = keys_of(cfg), *lax = secret_keys();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[300];
        snprintf(json, sizeof(json), "{\"sub\":\"42\",%s}", cases[i].rest);
        if (verify(strict, secret_token(HS256, json)) != cases[i].want)
            fail_msg("%s", json);
        if (verify(lax, secret_token(HS256, json)) != LEC_OK)
            fail_msg("without rules: %s", json);
    }
    lec_keys_free(strict);
    lec_keys_free(lax);
}

static void required_claims(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        int want;
    } cases[] = {
        { "{\"sub\":\"42\",\"exp\":1800000600,\"https://lms/org\":\"a\"}", LEC_OK },
        { "{\"sub\":\"42\",\"exp\":1800000600,\"https://lms/org\":false}", LEC_OK },
        { "{\"sub\":\"42\",\"exp\":1800000600,\"https://lms/org\":null}", LEC_EDENIED },
        { "{\"sub\":\"42\",\"exp\":1800000600}", LEC_EDENIED },
        { "{\"sub\":\"42\",\"https://lms/org\":\"a\"}", LEC_EDENIED },
    };
    struct lec_token_config cfg = config(SECRET, NULL);
    struct lec_claims c;
    const char *why;
    cfg.required_claims = " exp,, https://lms/org ,";
    struct lec_keys *k = keys_of(cfg);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (verify(k, secret_token(HS256, cases[i].claims)) != cases[i].want)
            fail_msg("%s", cases[i].claims);
    struct lec_buf t = secret_token(HS256, GOOD);
    assert_int_equal(lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why), LEC_EDENIED);
    assert_string_equal(why, "the token has no claim \"https://lms/org\"");
    lec_buf_fini(&t);
    lec_keys_free(k);
}

static void another_claim_for_the_id(void **state)
{
    (void)state;
    struct lec_token_config cfg = config(SECRET, NULL);
    struct lec_claims c;
    const char *why;
    cfg.id_claim = "userId";
    struct lec_keys *k = keys_of(cfg);
    assert_int_equal(verify(k, secret_token(HS256, "{\"sub\":\"7\",\"userId\":\"42\"}")), LEC_OK);
    assert_int_equal(verify(k, secret_token(HS256, "{\"userId\":42}")), LEC_OK);
    struct lec_buf t = secret_token(HS256, "{\"sub\":\"42\"}");
    assert_int_equal(lec_token_verify(k, lec_buf_slice(&t), NOW, &c, &why), LEC_EPROTO);
    assert_string_equal(why, "the token has no claim \"userId\"");
    lec_buf_fini(&t);
    lec_keys_free(k);
    cfg.id_claim = NULL;
    k = keys_of(cfg);
    assert_int_equal(verify(k, secret_token(HS256, GOOD)), LEC_OK);
    lec_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_tokens_of_each_kind),
        cmocka_unit_test(tells_the_claims),
        cmocka_unit_test(tokens_made_by_libjwt),
        cmocka_unit_test(tokens_we_sign),
        cmocka_unit_test(headers),
        cmocka_unit_test(claims),
        cmocka_unit_test(ids_are_literal_and_bounded),
        cmocka_unit_test(expiry_as_a_time),
        cmocka_unit_test(issuer_and_audience),
        cmocka_unit_test(required_claims),
        cmocka_unit_test(another_claim_for_the_id),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
