/* JSON Web Tokens (RFC 7519, 7515): who a client is.
 *
 * The algorithm is the key's by configuration, never the token's choice: a secret means HS256, a
 * public RSA key RS256, one on P-256 ES256, on P-384 ES384, on P-521 ES512, Ed25519 EdDSA, unless
 * `algorithms` or a JWK's `alg` says otherwise. Keys are parsed once. Of several keys the token's
 * `kid` names one. Times are checked with a leeway. A token's type may be missing, "JWT" or "at+jwt"
 * (RFC 9068); one with `crit` is refused.
 */
#ifndef LEC_AUTH_TOKEN_H
#define LEC_AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Strings may be NULL for "". */
struct lec_token_config {
    const char *secret;          /* exactly one of these four is set: */
    const char *public_key_file; /* PEM */
    const char *jwks_file;       /* a JSON Web Key Set (RFC 7517) */
    const char *jwks_url;   /* where there is one: no keys at first, lec_keys_take brings them */
    const char *algorithms; /* allowed ones, separated by commas; "": each key's usual one */
    const char *issuer;     /* required `iss`, "" for any */
    const char *audience;   /* required among `aud`, "" for any */
    const char *required_claims; /* names of claims that must be there, separated by commas */
    const char *id_claim;        /* "sub": the claim that holds the user's id */
    unsigned leeway_s;           /* clock difference forgiven for exp, nbf, iat */
    unsigned max_bytes;          /* of a token */
};

struct lec_keys; /* the parsed keys and rules */

/* NULL with a sentence in err: no key, several, a PEM text as the secret, no PEM in the file, an RSA
 * key below 2048 bits, a key of another kind, an algorithm that is unknown or that no key is for, or
 * what is wrong with which entry of the JWKS. Copies what it needs of cfg. */
struct lec_keys *lec_keys_new(const struct lec_token_config *cfg, char *err, size_t err_size);
void lec_keys_free(struct lec_keys *k);

/* Looks at the JWKS file, and reads it if it changed. LEC_OK: its keys are the ones that count now;
 * LEC_EAGAIN: nothing changed, or there is no such file configured; LEC_EINVAL with a sentence in
 * err: the keys of before stay, and it is not complained about again until the file changes. */
int lec_keys_reload(struct lec_keys *k, char *err, size_t err_size) LEC_CHECK;

/* The keys of a JSON Web Key Set that others can read, too, take the place of those of before.
 * LEC_EINVAL with a sentence in err (also if one is a shared secret): those of before stay. */
int lec_keys_take(struct lec_keys *k, struct lec_slice jwks, char *err, size_t err_size) LEC_CHECK;

size_t lec_keys_count(const struct lec_keys *k);

/* Whether a secret is shorter than its hash, as RFC 7518, 3.2, asks: worth a warning at start, since
 * it may be guessed from one token. */
bool lec_keys_weak(const struct lec_keys *k);

/* What may be a person's id, as every token, room and table takes it, literally: 1 to LEC_ID_MAX
 * bytes (what OpenID Connect allows a `sub`) of UTF-8 without control characters. NULL, or a
 * sentence. */
#define LEC_ID_MAX 255
const char *lec_id_flaw(struct lec_slice id);

/* What a good token says. */
struct lec_claims {
    char *json; /* the payload, checked JSON object, zero-terminated; free by lec_claims_fini */
    size_t json_len;
    char *id;        /* the id claim as text (an integer's digits), without flaw */
    char *jti;       /* the token's own id as text, NULL without one */
    int64_t expires; /* exp in Unix seconds, rounded up; INT64_MAX without one */
    int64_t issued;  /* iat in Unix seconds, rounded down; INT64_MIN without one */
};

/* LEC_OK; LEC_EPROTO: no token of ours (form, header, claims of the wrong type, no id);
 * LEC_ENOTFOUND: the key that it names is not among ours, which newer ones may change;
 * LEC_EDENIED: no key named, wrong algorithm, signature, issuer, audience, not yet valid, a
 * required claim missing; LEC_EEXPIRED;
 * LEC_ETOOBIG. *why is then a sentence for the log and the client, never with parts of the token;
 * it lives as long as the keys. */
int lec_token_verify(const struct lec_keys *k, struct lec_slice token, int64_t now_s,
                     struct lec_claims *out, const char **why) LEC_CHECK;
void lec_claims_fini(struct lec_claims *c);

/* Signs claims with the secret, for `lectern token`: appends the token. LEC_EINVAL without a secret,
 * or if claims is no JSON object, or if `algorithms` has none for a secret. */
int lec_token_sign(const struct lec_token_config *cfg, struct lec_slice claims,
                   struct lec_buf *out) LEC_CHECK;

#endif
