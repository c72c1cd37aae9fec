#include "server/person.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct lec_token_config lec_config_tokens(const struct lec_config *cfg)
{
    return (struct lec_token_config){
        .secret = cfg->jwt_secret,
        .algorithms = cfg->jwt_algorithms,
        .issuer = cfg->jwt_issuer,
        .audience = cfg->jwt_audience,
        .required_claims = cfg->jwt_required_claims,
        .id_claim = cfg->jwt_id_claim,
        .leeway_s = (unsigned)cfg->jwt_leeway_s,
        .max_bytes = (unsigned)cfg->jwt_max_bytes,
    };
}

/* Appends "name":"value", unless there is no value. */
static int put(struct lec_buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return LEC_OK;
    if (out->n > 1)
        lec_buf_addc(out, ',');
    int rc = lec_json_put_string(out, name, strlen(name));
    lec_buf_addc(out, ':');
    return rc == LEC_OK ? lec_json_put_string(out, value, strlen(value)) : rc;
}

static int put_courses(struct lec_buf *out, const struct lec_person *p)
{
    int rc = LEC_OK;
    if (p->n_courses > 0)
        lec_buf_adds(out, ",\"courses\":[");
    for (size_t i = 0; i < p->n_courses && rc == LEC_OK; i++) {
        if (i > 0)
            lec_buf_addc(out, ',');
        rc = lec_json_put_string(out, p->courses[i], strlen(p->courses[i]));
    }
    if (p->n_courses > 0)
        lec_buf_addc(out, ']');
    return rc;
}

int lec_person_token(const struct lec_person *p, const struct lec_config *cfg, int64_t now_s,
                     struct lec_buf *out, char *err, size_t err_size)
{
    struct lec_token_config tokens = lec_config_tokens(cfg);
    struct lec_buf claims = { 0 };
    if (!*cfg->jwt_secret) {
        snprintf(err, err_size, "tokens are signed with JWT_SECRET, and it is not set%s",
                 *cfg->jwt_public_key_file || *cfg->jwt_jwks_file || *cfg->jwt_jwks_url
                     ? "; a public key can only check them"
                     : "");
        return LEC_EINVAL;
    }
    const char *flaw = lec_id_flaw(lec_slice_str(p->id));
    if (flaw) {
        snprintf(err, err_size, "%s", flaw);
        return LEC_EINVAL;
    }
    lec_buf_addc(&claims, '{');
    int rc = put(&claims, cfg->jwt_id_claim, p->id);
    if (rc == LEC_OK)
        rc = put(&claims, cfg->jwt_role_claim, p->role);
    if (rc == LEC_OK)
        rc = put(&claims, "name", p->name);
    if (rc == LEC_OK)
        rc = put(&claims, "iss", cfg->jwt_issuer);
    if (rc == LEC_OK)
        rc = put(&claims, "aud", cfg->jwt_audience);
    if (rc == LEC_OK)
        rc = put_courses(&claims, p);
    if (rc == LEC_OK) {
        lec_buf_printf(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)now_s,
                       (long long)now_s + (long long)p->lifetime_s);
        rc = lec_token_sign(&tokens, lec_buf_slice(&claims), out);
        if (rc != LEC_OK)
            snprintf(err, err_size, "the token could not be signed: %s", lec_strerror(rc));
    } else {
        snprintf(err, err_size, "the token's texts must be UTF-8");
    }
    lec_buf_fini(&claims);
    return rc == LEC_OK ? LEC_OK : LEC_EINVAL;
}
