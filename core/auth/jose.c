#include "auth/jose.h"

#include "base/base64.h"

bool lec_jose_object(struct lec_slice json)
{
    struct lec_json j;
    struct lec_json_token t;
    lec_json_init(&j, json, LEC_JOSE_DEPTH);
    return lec_json_next(&j, &t) == LEC_OK && t.kind == LEC_JSON_OBJECT &&
           lec_json_check(json, LEC_JOSE_DEPTH) == LEC_OK;
}

bool lec_jose_member(struct lec_slice object, const char *name, struct lec_json_token *t)
{
    struct lec_slice value;
    struct lec_json j;
    if (lec_json_member(object, name, &value))
        return false;
    lec_json_init(&j, value, LEC_JOSE_DEPTH);
    return lec_json_next(&j, t) == LEC_OK;
}

bool lec_jose_text(struct lec_buf *out, const struct lec_json_token *t)
{
    if (t->kind != LEC_JSON_STRING)
        return false;
    lec_json_string(out, t);
    return out->n == 0 || !memchr(out->p, '\0', out->n);
}

bool lec_jose_is(const struct lec_json_token *t, const char *want)
{
    struct lec_buf text = { 0 };
    bool equal = lec_jose_text(&text, t) && lec_slice_is(lec_buf_slice(&text), want);
    lec_buf_fini(&text);
    return equal;
}

bool lec_jose_decode(struct lec_slice part, struct lec_buf *out)
{
    for (size_t i = 0; i < part.n; i++) {
        if (part.p[i] == '+' || part.p[i] == '/' || part.p[i] == '=')
            return false;
    }
    return lec_base64_decode(out, part.p, part.n) == LEC_OK;
}
