/* Tokens that must not be good: every forgery we know of, damage, and texts that are none. */
#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/base64.h"

#include "mint.h"

static void unsigned_tokens(void **state)
{
    (void)state;
    static const char *const names[] = { "none", "None", "NONE", "nOnE", "" };
    struct lec_keys *all[] = { secret_keys(), keys_of(config(NULL, paths[RSA_2048])),
                               keys_of(config(NULL, paths[P256])) };
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            char header[64];
            snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}", names[i]);
            struct lec_buf t = unsigned_token(header, GOOD);
            assert_int_equal(verify(all[k], t), LEC_EPROTO); /* no second dot */
            t = unsigned_token(header, GOOD);
            lec_buf_addc(&t, '.');
            assert_int_equal(verify(all[k], t), LEC_EDENIED);
            t = secret_token(header, GOOD);
            assert_int_equal(verify(all[k], t), LEC_EDENIED);
        }
        const char *own[] = { HS256, RS256, ES256 };
        struct lec_buf t = unsigned_token(own[k], GOOD);
        lec_buf_addc(&t, '.');
        assert_int_equal(verify(all[k], t), LEC_EDENIED);
        lec_keys_free(all[k]);
    }
}

/* The classic: who knows the public key signs with its text as if it were the secret. */
static void public_key_as_secret(void **state)
{
    (void)state;
    for (int kind = RSA_2048; kind <= P256; kind++) {
        struct lec_keys *k = keys_of(config(NULL, paths[kind]));
        char pem[4096];
        FILE *f = fopen(paths[kind], "r");
        size_t n = fread(pem, 1, sizeof(pem), f);
        fclose(f);
        const char *headers[] = { HS256, kind == RSA_2048 ? RS256 : ES256 };
        for (size_t i = 0; i < 2; i++) {
            for (size_t cut = 0; cut < 2; cut++) { /* with and without the last newline */
                struct lec_buf t = unsigned_token(headers[i], GOOD);
                sign_hmac(&t, pem, n - cut, EVP_sha256());
                assert_int_equal(verify(k, t), LEC_EDENIED);
            }
        }
        pem[n] = '\0';
        struct lec_token_config cfg = config(pem, NULL);
        char err[200];
        assert_null(lec_keys_new(&cfg, err, sizeof(err)));
        lec_keys_free(k);
    }
}

static void tokens_of_another_kind(void **state)
{
    (void)state;
    struct lec_keys *hs = secret_keys(), *rs = keys_of(config(NULL, paths[RSA_2048])),
                    *es = keys_of(config(NULL, paths[P256]));
    assert_int_equal(verify(hs, key_token(RS256, GOOD, RSA_2048)), LEC_EDENIED);
    assert_int_equal(verify(hs, key_token(HS256, GOOD, RSA_2048)), LEC_EDENIED);
    assert_int_equal(verify(hs, key_token(ES256, GOOD, P256)), LEC_EDENIED);
    assert_int_equal(verify(rs, secret_token(HS256, GOOD)), LEC_EDENIED);
    assert_int_equal(verify(rs, secret_token(RS256, GOOD)), LEC_EDENIED);
    assert_int_equal(verify(rs, key_token(ES256, GOOD, P256)), LEC_EDENIED);
    assert_int_equal(verify(rs, key_token(RS256, GOOD, P256)), LEC_EDENIED);
    assert_int_equal(verify(rs, key_token(RS256, GOOD, RSA_1024)), LEC_EDENIED);
    assert_int_equal(verify(es, secret_token(ES256, GOOD)), LEC_EDENIED);
    assert_int_equal(verify(es, key_token(RS256, GOOD, RSA_2048)), LEC_EDENIED);
    assert_int_equal(verify(es, key_token(ES256, GOOD, RSA_2048)), LEC_EDENIED);
    assert_int_equal(verify(es, key_token(ES256, GOOD, P384)), LEC_EDENIED);
    assert_int_equal(verify(es, key_token("{\"alg\":\"ES384\"}", GOOD, P384)), LEC_EDENIED);

    struct lec_buf t = unsigned_token(ES256, GOOD);
    sign_key(&t, pkeys[P256], true); /* DER instead of r and s */
    assert_int_equal(verify(es, t), LEC_EDENIED);
    unsigned char zeros[64] = { 0 }; /* CVE-2022-21449 */
    t = unsigned_token(ES256, GOOD);
    lec_buf_addc(&t, '.');
    lec_base64url_encode(&t, zeros, sizeof(zeros));
    assert_int_equal(verify(es, t), LEC_EDENIED);
    lec_keys_free(hs);
    lec_keys_free(rs);
    lec_keys_free(es);
}

static void other_secrets(void **state)
{
    (void)state;
    struct lec_keys *k = secret_keys();
    static const struct lec_slice secrets[] = {
        { "", 0 },
        { SECRET, sizeof(SECRET) },     /* a zero more, which HMAC pads away: the same key */
        { SECRET, sizeof(SECRET) - 2 }, /* a byte less */
        { "another", 7 },
    };
    static const int want[] = { LEC_EDENIED, LEC_OK, LEC_EDENIED, LEC_EDENIED };
    for (size_t i = 0; i < 4; i++) {
        struct lec_buf t = unsigned_token(HS256, GOOD);
        sign_hmac(&t, secrets[i].p, secrets[i].n, EVP_sha256());
        assert_int_equal(verify(k, t), want[i]);
    }
    struct lec_buf t = unsigned_token(HS256, GOOD);
    sign_hmac(&t, SECRET, strlen(SECRET), EVP_sha512());
    assert_int_equal(verify(k, t), LEC_EDENIED);
    lec_keys_free(k);
}

/* No token with one character changed, left out or added is good. */
static void tampered_tokens(void **state)
{
    (void)state;
    struct lec_keys *all[] = { secret_keys(), keys_of(config(NULL, paths[P256])) };
    for (size_t k = 0; k < 2; k++) {
        struct lec_buf good = k ? key_token(ES256, GOOD, P256) : secret_token(HS256, GOOD);
        for (size_t i = 0; i < good.n; i++) {
            struct lec_buf t = { 0 };
            lec_buf_add(&t, good.p, good.n);
            t.p[i] = t.p[i] == 'A' ? 'B' : 'A';
            assert_int_not_equal(verify(all[k], t), LEC_OK);
            t = (struct lec_buf){ 0 };
            lec_buf_add(&t, good.p, i);
            assert_int_not_equal(verify(all[k], t), LEC_OK);
            t = (struct lec_buf){ 0 };
            lec_buf_add(&t, good.p, i);
            lec_buf_add(&t, good.p + i + 1, good.n - i - 1);
            assert_int_not_equal(verify(all[k], t), LEC_OK);
        }
        lec_buf_fini(&good);
        lec_keys_free(all[k]);
    }
}

static void texts_that_are_no_tokens(void **state)
{
    (void)state;
    struct lec_keys *k = secret_keys();
    static const char *const texts[] = {
        "",          ".",        "..",    "...",   "a",     "a.b",  "a.b.c",
        "....",      "e30.e30.", "e30..", ".e30.", "..e30", "null", "your-jwt-token",
        "undefined", "{}.{}.{}"
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lec_buf t = { 0 };
        lec_buf_adds(&t, texts[i]);
        assert_int_equal(verify(k, t), LEC_EPROTO);
    }
    /* A good one with something in front, behind or between. */
    static const char *const extras[] = { " ", "\n", "=", "==", ".", ".e30", "\"", "AAAA", "\x80" };
    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        struct lec_buf good = secret_token(HS256, GOOD), t = { 0 };
        lec_buf_adds(&t, extras[i]);
        lec_buf_add(&t, good.p, good.n);
        assert_int_not_equal(verify(k, t), LEC_OK);
        lec_buf_adds(&good, extras[i]);
        assert_int_not_equal(verify(k, good), LEC_OK);
    }
    /* The standard alphabet, and padding, under a signature that is right for them. */
    struct lec_buf t = { 0 };
    const char *json = "{\"sub\":\"42\",\"x\":\"~~~???\"}";
    add_part(&t, HS256);
    lec_buf_addc(&t, '.');
    lec_base64_encode(&t, json, strlen(json));
    assert_true(memchr(t.p, '/', t.n) || memchr(t.p, '+', t.n) || memchr(t.p, '=', t.n));
    sign_hmac(&t, SECRET, strlen(SECRET), EVP_sha256());
    assert_int_equal(verify(k, t), LEC_EPROTO);
    lec_keys_free(k);
}

static void size_has_a_limit(void **state)
{
    (void)state;
    struct lec_token_config cfg = config(SECRET, NULL);
    struct lec_buf good = secret_token(HS256, GOOD), same = { 0 };
    lec_buf_add(&same, good.p, good.n);
    cfg.max_bytes = (unsigned)good.n;
    struct lec_keys *exact = keys_of(cfg);
    cfg.max_bytes--;
    struct lec_keys *less = keys_of(cfg);
    assert_int_equal(verify(exact, good), LEC_OK);
    assert_int_equal(verify(less, same), LEC_ETOOBIG);

    struct lec_buf huge = { 0 };
    memset(lec_buf_reserve(&huge, 1 << 20), 'A', 1 << 20);
    huge.n = 1 << 20;
    assert_int_equal(verify(exact, huge), LEC_ETOOBIG);
    lec_keys_free(exact);
    lec_keys_free(less);

    /* Deep but small. */
    struct lec_buf json = { 0 };
    lec_buf_adds(&json, "{\"sub\":\"42\",\"x\":");
    for (int i = 0; i < 100; i++)
        lec_buf_addc(&json, '[');
    for (int i = 0; i < 100; i++)
        lec_buf_addc(&json, ']');
    lec_buf_addc(&json, '}');
    struct lec_keys *k = secret_keys();
    assert_int_equal(verify(k, secret_token(HS256, lec_buf_str(&json))), LEC_EPROTO);
    lec_keys_free(k);
    lec_buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_tokens),        cmocka_unit_test(public_key_as_secret),
        cmocka_unit_test(tokens_of_another_kind), cmocka_unit_test(other_secrets),
        cmocka_unit_test(tampered_tokens),        cmocka_unit_test(texts_that_are_no_tokens),
        cmocka_unit_test(size_has_a_limit),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
