/* Verifying happens in this order: size, form, algorithm, header, signature, claims. Nothing of a
 * token's payload is looked at before its signature is known to be good. */
#include "auth/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jwt.h>

#include "auth/jose.h"
#include "auth/keys.h"

/* Refuses: sets the sentence, gives the error. */
static int refuse(const char **why, int err, const char *sentence)
{
    *why = sentence;
    return err;
}

struct parts {
    struct lec_slice header, payload, sig; /* base64url */
    struct lec_slice text;                 /* header.payload, which is signed */
};

static bool split(struct lec_slice token, struct parts *out)
{
    if (token.n == 0)
        return false;
    const char *end = token.p + token.n;
    const char *dot = memchr(token.p, '.', token.n);
    if (!dot)
        return false;
    const char *second = memchr(dot + 1, '.', (size_t)(end - dot - 1));
    if (!second)
        return false;
    out->header = (struct lec_slice){ token.p, (size_t)(dot - token.p) };
    out->payload = (struct lec_slice){ dot + 1, (size_t)(second - dot - 1) };
    out->sig = (struct lec_slice){ second + 1, (size_t)(end - second - 1) };
    out->text = (struct lec_slice){ token.p, (size_t)(second - token.p) };
    return true; /* a third dot is in the signature, where base64 refuses it */
}

static bool known_type(const struct lec_json_token *t)
{
    static const char *const types[] = { "JWT", "at+jwt", "application/at+jwt" };
    for (size_t i = 0; t->kind == LEC_JSON_STRING && i < sizeof(types) / sizeof(types[0]); i++) {
        if (t->text.n == strlen(types[i]) && strncasecmp(t->text.p, types[i], t->text.n) == 0)
            return true;
    }
    return false;
}

/* RFC 7515, 4.1.4: which key. A key that is alone, without a name, does not ask. */
static int find_key(const struct lec_keys *k, struct lec_slice header, const struct lec_key **key,
                    const char **why)
{
    struct lec_json_token t;
    struct lec_buf kid = { 0 };
    bool named = lec_jose_member(header, "kid", &t);
    if (named && !lec_jose_text(&kid, &t)) {
        lec_buf_fini(&kid);
        return refuse(why, LEC_EPROTO, "the token's kid is no text");
    }
    struct lec_slice name = lec_buf_slice(&kid);
    *key = lec_keys_find(k, named ? &name : NULL);
    lec_buf_fini(&kid);
    if (*key)
        return LEC_OK;
    if (named || k->set.n == 0)
        return refuse(why, LEC_ENOTFOUND, "the token's key is unknown");
    return refuse(why, LEC_EDENIED, "the token does not name its key (kid)");
}

static int check_header(const struct lec_keys *k, struct lec_slice header,
                        const struct lec_key **key, const char **why)
{
    struct lec_json_token t, alg;
    if (!lec_jose_object(header))
        return refuse(why, LEC_EPROTO, "the token's header is not a JSON object");
    if (!lec_jose_member(header, "alg", &alg))
        return refuse(why, LEC_EPROTO, "the token's header names no algorithm");
    int rc = find_key(k, header, key, why);
    if (rc != LEC_OK)
        return rc;
    if (!lec_jose_is(&alg, (*key)->alg->name))
        return refuse(why, LEC_EDENIED, "the token's algorithm is not the configured one");
    /* RFC 7515, 4.1.11: we know none of what crit may name. */
    if (lec_jose_member(header, "crit", &t))
        return refuse(why, LEC_EPROTO, "the token needs extensions that are not supported");
    if (lec_jose_member(header, "typ", &t) && !known_type(&t))
        return refuse(why, LEC_EPROTO, "the token is of another type");
    return LEC_OK;
}

/* A claim that holds a time (RFC 7519, 2: NumericDate, may have a fraction). LEC_ENOTFOUND leaves
 * *out alone. */
static int time_claim(struct lec_slice claims, const char *name, double *out)
{
    struct lec_json_token t;
    if (!lec_jose_member(claims, name, &t))
        return LEC_ENOTFOUND;
    if (t.kind != LEC_JSON_NUMBER)
        return LEC_EPROTO;
    *out = lec_json_number(&t);
    return LEC_OK;
}

/* t is a whole number or an infinity. */
static int64_t seconds(double t)
{
    return t >= 0x1p63 ? INT64_MAX : t <= -0x1p63 ? INT64_MIN : (int64_t)t;
}

/* Times are compared as doubles: they hold whole seconds exactly for millions of years, and what
 * a token says cannot overflow them. */
static int check_times(const struct lec_keys *k, struct lec_slice claims, double now,
                       struct lec_claims *out, const char **why)
{
    double exp = INFINITY, nbf = -INFINITY, iat = -INFINITY;
    if (time_claim(claims, "exp", &exp) == LEC_EPROTO ||
        time_claim(claims, "nbf", &nbf) == LEC_EPROTO ||
        time_claim(claims, "iat", &iat) == LEC_EPROTO)
        return refuse(why, LEC_EPROTO, "a time in the token is not a number");
    if (now >= exp + k->leeway_s)
        return refuse(why, LEC_EEXPIRED, "the token has expired");
    if (now < nbf - k->leeway_s)
        return refuse(why, LEC_EDENIED, "the token is not yet valid");
    if (now < iat - k->leeway_s)
        return refuse(why, LEC_EDENIED, "the token was issued in the future");
    out->expires = seconds(ceil(exp));
    out->issued = seconds(floor(iat));
    return LEC_OK;
}

/* RFC 7519, 4.1.3: `aud` is a string or an array of strings, one of which is ours. */
static int check_audience(struct lec_slice claims, const char *want, const char **why)
{
    struct lec_slice value;
    struct lec_json j;
    struct lec_json_token t;
    bool found = false;
    if (lec_json_member(claims, "aud", &value))
        return refuse(why, LEC_EDENIED, "the token names no audience");
    lec_json_init(&j, value, LEC_JOSE_DEPTH);
    while (lec_json_next(&j, &t) == LEC_OK && t.kind != LEC_JSON_END) {
        if (t.kind == LEC_JSON_STRING && j.depth <= 1)
            found |= lec_jose_is(&t, want);
        else if ((t.kind != LEC_JSON_ARRAY || j.depth > 1) && t.kind != LEC_JSON_ARRAY_END)
            return refuse(why, LEC_EPROTO, "the token's audience is neither a string nor strings");
    }
    return found ? LEC_OK : refuse(why, LEC_EDENIED, "the token is for another audience");
}

static int check_parties(const struct lec_keys *k, struct lec_slice claims, const char **why)
{
    struct lec_json_token t;
    if (*k->issuer) {
        if (!lec_jose_member(claims, "iss", &t))
            return refuse(why, LEC_EDENIED, "the token names no issuer");
        if (!lec_jose_is(&t, k->issuer))
            return refuse(why, LEC_EDENIED, "the token is from another issuer");
    }
    return *k->audience ? check_audience(claims, k->audience, why) : LEC_OK;
}

const char *lec_id_flaw(struct lec_slice id)
{
    if (id.n == 0)
        return "the user's id in the token is empty";
    if (id.n > LEC_ID_MAX)
        return "the user's id in the token is longer than 255 bytes";
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] < ' ' || id.p[i] == 127)
            return "the user's id in the token has control characters in it";
    return NULL;
}

static bool add_id(struct lec_buf *out, const struct lec_json_token *t)
{
    if (t->kind == LEC_JSON_STRING)
        return lec_jose_text(out, t);
    if (t->kind != LEC_JSON_NUMBER)
        return false;
    size_t sign = *t->text.p == '-';
    bool digits = true;
    for (size_t i = sign; i < t->text.n; i++)
        digits &= t->text.p[i] >= '0' && t->text.p[i] <= '9';
    if (digits) /* as they stand: a double would change ids past 2^53 */
        lec_buf_add(out, t->text.p, t->text.n);
    return digits;
}

/* A claim that is an id; LEC_ENOTFOUND leaves *out alone. */
static int id_claim(struct lec_slice claims, const char *name, char **out)
{
    struct lec_json_token t;
    struct lec_buf text = { 0 };
    if (!lec_jose_member(claims, name, &t))
        return LEC_ENOTFOUND;
    int rc = add_id(&text, &t) ? LEC_OK : LEC_EPROTO;
    if (rc == LEC_OK)
        *out = lec_strndup(text.p, text.n);
    lec_buf_fini(&text);
    return rc;
}

static int read_ids(const struct lec_keys *k, struct lec_slice claims, struct lec_claims *out,
                    const char **why)
{
    int rc = id_claim(claims, k->id.name, &out->id);
    if (rc == LEC_ENOTFOUND)
        return refuse(why, LEC_EPROTO, k->id.lacks);
    if (rc != LEC_OK)
        return refuse(why, rc, "the user's id in the token is neither text nor an integer");
    const char *flaw = lec_id_flaw(lec_slice_str(out->id));
    if (flaw)
        return refuse(why, LEC_EPROTO, flaw);
    if (id_claim(claims, "jti", &out->jti) == LEC_EPROTO || (out->jti && !*out->jti))
        return refuse(why, LEC_EPROTO, "the token's own id (jti) is neither text nor an integer");
    return LEC_OK;
}

static int check_required(const struct lec_keys *k, struct lec_slice claims, const char **why)
{
    struct lec_json_token t;
    for (size_t i = 0; i < k->n_required; i++)
        if (!lec_jose_member(claims, k->required[i].name, &t) || t.kind == LEC_JSON_NULL)
            return refuse(why, LEC_EDENIED, k->required[i].lacks);
    return LEC_OK;
}

int lec_token_verify(const struct lec_keys *k, struct lec_slice token, int64_t now_s,
                     struct lec_claims *out, const char **why)
{
    static const char no_token[] = "this is not a token";
    struct parts parts;
    const struct lec_key *key;
    struct lec_buf header = { 0 }, sig = { 0 }, payload = { 0 };
    *out = (struct lec_claims){ 0 };
    *why = NULL;
    if (token.n > k->max_bytes)
        return refuse(why, LEC_ETOOBIG, "the token is too long");
    if (!split(token, &parts))
        return refuse(why, LEC_EPROTO, no_token);

    int rc = LEC_EPROTO;
    if (!lec_jose_decode(parts.header, &header)) {
        *why = no_token;
        goto done;
    }
    rc = check_header(k, lec_buf_slice(&header), &key, why);
    if (rc)
        goto done;
    if (!lec_jose_decode(parts.sig, &sig) || !lec_jose_decode(parts.payload, &payload)) {
        rc = refuse(why, LEC_EPROTO, no_token);
        goto done;
    }
    struct lec_slice secret = { key->secret, key->secret_len };
    if (!lec_alg_signed(key->alg, key->pkey, secret, parts.text, lec_buf_slice(&sig))) {
        rc = refuse(why, LEC_EDENIED, "the token's signature is wrong");
        goto done;
    }
    struct lec_slice claims = lec_buf_slice(&payload);
    if (!lec_jose_object(claims)) {
        rc = refuse(why, LEC_EPROTO, "the token's claims are not a JSON object");
        goto done;
    }
    rc = check_times(k, claims, (double)now_s, out, why);
    if (rc == LEC_OK)
        rc = check_parties(k, claims, why);
    if (rc == LEC_OK)
        rc = check_required(k, claims, why);
    if (rc == LEC_OK)
        rc = read_ids(k, claims, out, why);
    if (rc != LEC_OK) {
        lec_claims_fini(out);
    } else {
        out->json = lec_strndup(claims.p, claims.n);
        out->json_len = claims.n;
    }

done:
    lec_buf_fini(&header);
    lec_buf_fini(&sig);
    lec_buf_fini(&payload);
    return rc;
}

void lec_claims_fini(struct lec_claims *c)
{
    free(c->json);
    free(c->id);
    free(c->jti);
    *c = (struct lec_claims){ 0 };
}

int lec_token_sign(const struct lec_token_config *cfg, struct lec_slice claims, struct lec_buf *out)
{
    struct lec_algs algs;
    char err[200];
    if (!cfg->secret || !*cfg->secret || !lec_jose_object(claims) ||
        lec_algs_read(&algs, cfg->algorithms ? cfg->algorithms : "", err, sizeof err) != LEC_OK)
        return LEC_EINVAL;
    const struct lec_alg *alg = lec_algs_choose(&algs, NULL, NULL);
    jwt_t *jwt = NULL;
    char *text = NULL;
    char *json = lec_strndup(claims.p, claims.n);
    int rc = LEC_EINVAL;
    if (alg && jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, json) == 0 &&
        jwt_set_alg(jwt, jwt_str_alg(alg->name), (const unsigned char *)cfg->secret,
                    (int)strlen(cfg->secret)) == 0)
        text = jwt_encode_str(jwt);
    if (text) {
        lec_buf_adds(out, text);
        rc = LEC_OK;
    }
    free(text);
    jwt_free(jwt);
    free(json);
    return rc;
}
