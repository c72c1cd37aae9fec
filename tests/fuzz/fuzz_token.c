/* Tokens. The input is a token as it stands, and also a header and claims (parted by a line end)
 * that are signed here with the right secret, so that the claims are reached. Holds that nothing
 * is accepted without an id, that a refusal says why, and that only the signed one can be good. */
#include "auth/token.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"
#include "base/json.h"

#define NOW    1800000000
#define SECRET "a secret of more than thirty-two bytes"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int verify(struct lec_slice token, bool rules)
{
    struct lec_token_config cfg = {
        .secret = SECRET,
        .issuer = rules ? "me" : "",
        .audience = rules ? "you" : "",
        .id_claim = "sub",
        .leeway_s = 5,
        .max_bytes = 4096,
    };
    char err[200];
    struct lec_keys *k = lec_keys_new(&cfg, err, sizeof(err));
    REQUIRE(k);
    struct lec_claims c;
    const char *why;
    int rc = lec_token_verify(k, token, NOW, &c, &why);
    if (rc == LEC_OK) {
        REQUIRE(c.id && *c.id && strlen(c.json) == c.json_len);
        REQUIRE(lec_json_check((struct lec_slice){ c.json, c.json_len }, 32) == LEC_OK);
        REQUIRE(c.expires > NOW - 5);
    } else {
        REQUIRE(why && *why && !c.id && !c.json);
    }
    lec_claims_fini(&c);
    lec_keys_free(k);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice input = { (const char *)data, size };
    REQUIRE(verify(input, false) != LEC_OK);
    const char *end = size ? memchr(input.p, '\n', size) : NULL;
    size_t header = end ? (size_t)(end - input.p) : 0;
    struct lec_buf t = { 0 };
    if (end)
        lec_base64url_encode(&t, input.p, header);
    else
        lec_base64url_encode(&t, "{\"alg\":\"HS256\"}", 15);
    lec_buf_addc(&t, '.');
    size_t from = end ? header + 1 : 0;
    lec_base64url_encode(&t, input.p + from, size - from);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n;
    REQUIRE(
        HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)t.p, t.n, mac, &n));
    lec_buf_addc(&t, '.');
    lec_base64url_encode(&t, mac, n);
    int lax = verify(lec_buf_slice(&t), false), strict = verify(lec_buf_slice(&t), true);
    REQUIRE(strict != LEC_OK || lax == LEC_OK);
    lec_buf_fini(&t);
    return 0;
}
