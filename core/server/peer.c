#include "server/peer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fields.h"
#include "base/json.h"

static const char no_token[] = "no token was given";

/* The token of auth.token: LEC_OK; LEC_ENOTFOUND without the member, or with an empty one;
 * LEC_EPROTO: it is no string. */
static int from_auth(struct lec_slice auth, struct lec_buf *token)
{
    struct lec_slice value;
    struct lec_json reader;
    struct lec_json_token t;
    int rc = lec_json_member(auth, "token", &value);
    if (rc != LEC_OK)
        return rc;
    lec_json_init(&reader, value, 2);
    rc = lec_json_next(&reader, &t);
    if (rc == LEC_OK && t.kind == LEC_JSON_NULL)
        return LEC_ENOTFOUND;
    if (rc != LEC_OK || t.kind != LEC_JSON_STRING)
        return LEC_EPROTO;
    lec_json_string(token, &t);
    return token->n > 0 ? LEC_OK : LEC_ENOTFOUND;
}

/* URLs end up in logs and histories: only those who have nothing else may have their token there. */
static int from_query(const struct eio_handshake *handshake, struct lec_buf *token)
{
    struct lec_slice query = lec_slice_str(handshake->query), name, value;
    struct lec_buf scratch = { 0 };
    for (size_t pos = 0; eio_query_next(query, &pos, &scratch, &name, &value);) {
        if (lec_slice_is(name, "token")) {
            token->n = 0;
            lec_buf_add(token, value.p, value.n);
        }
    }
    lec_buf_fini(&scratch);
    return token->n > 0 ? LEC_OK : LEC_ENOTFOUND;
}

static int from_headers(const struct eio_handshake *handshake, struct lec_buf *token)
{
    struct lec_slice value = lec_fields_find(handshake->headers, "authorization");
    if (value.n < 7 || strncasecmp(value.p, "Bearer ", 7) != 0)
        return LEC_ENOTFOUND;
    lec_buf_add(token, value.p, value.n);
    return LEC_OK;
}

/* Many applications hand over the whole header value as auth.token. */
static struct lec_slice without_bearer(struct lec_slice token)
{
    if (token.n >= 7 && strncasecmp(token.p, "Bearer ", 7) == 0)
        for (token.p += 7, token.n -= 7; token.n > 0 && *token.p == ' '; token.n--)
            token.p++;
    return token;
}

/* rc: how the token was found. Frees it. */
static int make(struct lec_peer **out, const struct lec_keys *keys, int rc, struct lec_buf *token,
                int64_t now_s, const char **why)
{
    *out = NULL;
    if (rc == LEC_OK) {
        struct lec_claims claims;
        rc = lec_token_verify(keys, without_bearer(lec_buf_slice(token)), now_s, &claims, why);
        if (rc == LEC_OK) {
            size_t n = strlen(claims.id) + 1;
            struct lec_peer *p = *out = lec_alloc0(offsetof(struct lec_peer, account) + n);
            memcpy(p->account, claims.id, n);
            p->id = p->account;
            free(claims.id);
            p->claims = claims.json;
            p->jti = claims.jti;
            p->expires = claims.expires;
            p->issued = claims.issued;
        }
    } else if (rc == LEC_ENOTFOUND) {
        *why = no_token;
        rc = LEC_EDENIED;
    } else {
        *why = "the token must be a string";
    }
    lec_buf_fini(token);
    return rc;
}

int lec_peer_new(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice auth,
                 const struct eio_handshake *handshake, int64_t now_s, const char **why)
{
    struct lec_buf token = { 0 };
    int rc = from_auth(auth, &token);
    if (rc == LEC_ENOTFOUND && handshake->protocol == 3)
        rc = from_query(handshake, &token);
    if (rc == LEC_ENOTFOUND)
        rc = from_headers(handshake, &token);
    return make(out, keys, rc, &token, now_s, why);
}

int lec_peer_of_event(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice payload,
                      int64_t now_s, const char **why)
{
    struct lec_buf token = { 0 };
    struct lec_json reader;
    struct lec_json_token t;
    int rc = LEC_EPROTO;
    lec_json_init(&reader, payload, LEC_JSON_MAX_DEPTH);
    for (int i = 0; i < 3; i++) /* the array, the event's name, the argument */
        if (lec_json_next(&reader, &t) != LEC_OK)
            return make(out, keys, LEC_EPROTO, &token, now_s, why);
    size_t start = lec_json_offset(&reader) - 1;
    if (t.kind == LEC_JSON_STRING) {
        lec_json_string(&token, &t);
        rc = token.n > 0 ? LEC_OK : LEC_ENOTFOUND;
    } else if (t.kind == LEC_JSON_ARRAY_END || t.kind == LEC_JSON_NULL) {
        rc = LEC_ENOTFOUND;
    } else if (t.kind == LEC_JSON_OBJECT && lec_json_skip(&reader) == LEC_OK) {
        rc = from_auth((struct lec_slice){ payload.p + start, lec_json_offset(&reader) - start },
                       &token);
    }
    return make(out, keys, rc, &token, now_s, why);
}

int lec_peer_of_token(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice token,
                      int64_t now_s, const char **why)
{
    struct lec_buf copy = { 0 };
    lec_buf_add(&copy, token.p, token.n);
    return make(out, keys, token.n > 0 ? LEC_OK : LEC_ENOTFOUND, &copy, now_s, why);
}

void lec_peer_identify(struct lec_peer *p, struct lec_slice id)
{
    char *person = lec_slice_is(id, p->account) ? NULL : lec_strndup(id.p, id.n);
    free(p->person);
    p->person = person;
    p->id = person ? person : p->account;
}

void lec_peer_renew(struct lec_peer *p, struct lec_peer *fresh)
{
    free(p->claims);
    free(p->jti);
    p->claims = fresh->claims;
    p->jti = fresh->jti;
    p->expires = fresh->expires;
    p->issued = fresh->issued;
    free(fresh->person);
    free(fresh);
}

void lec_peer_free(struct lec_peer *p)
{
    if (!p)
        return;
    free(p->claims);
    free(p->jti);
    free(p->person);
    free(p);
}
