/* Keys and tokens for the tests of core/auth, good and forged ones. The keys are made anew in each
 * run; make_keys and drop_keys are a test group's set-up and tear-down. */
#ifndef TEST_AUTH_MINT_H
#define TEST_AUTH_MINT_H

#include <openssl/evp.h>

#include "auth/token.h"

#define NOW    1800000000
#define SECRET "a secret of more than thirty-two bytes"
#define GOOD   "{\"sub\":\"42\",\"exp\":1800000600}"

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define RS256 "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define ES256 "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"

enum kind { RSA_2048, P256, RSA_1024, P384, ED25519, P521, SECP256K1, KINDS };

extern EVP_PKEY *pkeys[KINDS];
extern char paths[KINDS][64]; /* of their public halves, in PEM */

int make_keys(void **state);
int drop_keys(void **state);

/* Makes a temporary file; the caller unlinks it. */
void write_file(char path[64], const char *text, size_t n);

void add_part(struct lec_buf *out, const char *json); /* in base64url */

/* Add a dot and the signature of what the token holds so far. salt: of RSA-PSS, in bytes or one of
 * OpenSSL's special values, or NO_PSS. */
#define NO_PSS -100
void sign_hmac(struct lec_buf *out, const void *key, size_t key_len, const EVP_MD *md);
void sign_key(struct lec_buf *out, EVP_PKEY *key, bool leave_der); /* SHA-256 */
void sign_with(struct lec_buf *out, EVP_PKEY *key, const EVP_MD *md, int salt);

struct lec_buf unsigned_token(const char *header, const char *claims); /* no second dot */
struct lec_buf secret_token(const char *header, const char *claims);   /* signed with SECRET */
struct lec_buf key_token(const char *header, const char *claims, enum kind kind);

/* Five seconds' leeway, 4,096 bytes at most, no issuer, no audience, ids in `sub`. */
struct lec_token_config config(const char *secret, const char *file);
struct lec_keys *keys_of(struct lec_token_config cfg); /* fails the test if there are none */
struct lec_keys *secret_keys(void);                    /* of SECRET */

/* Verifies the token and frees it. The user's id must be `id`, "42" for verify, if it is good, and
 * a refusal must say why. */
int verify_at(const struct lec_keys *k, struct lec_buf token, int64_t now, const char *id);
int verify(const struct lec_keys *k, struct lec_buf token);

#endif
