/* API keys: what other programs prove themselves with. "lk_<id>_<secret>", of which the id is no
 * secret. Only a SHA-256 of the whole is kept, which is enough, as the secret is random: in the database
 * (table lectern_api_keys), and here in memory, so that a call never waits to be known.
 *
 * Owner: the server. */
#ifndef LEC_SERVER_API_KEYS_H
#define LEC_SERVER_API_KEYS_H

#include "auth/digest.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

#define LEC_KEY_PREFIX "lk_"
#define LEC_KEY_ID     10 /* characters */
#define LEC_KEY_SECRET 43 /* of 32 random bytes as base64url */

struct lec_api_key {
    char id[LEC_KEY_ID + 1];
    unsigned char hash[LEC_SHA256_SIZE];
    char *name;
    char *functions;     /* a JSON array of names that it may call, or NULL for all */
    uint64_t per_second; /* calls; 0: any number */
    int64_t created;     /* Unix ms */
    int64_t revoked;     /* the same; 0: it counts */
};

struct lec_api_keys {
    struct lec_map by_id;
};

void lec_api_keys_fini(struct lec_api_keys *k);

/* Makes one: appends the text that is shown once, and fills key but for name and functions. */
void lec_api_key_make(struct lec_api_key *key, struct lec_buf *text);
/* A new secret for a key that there is. */
void lec_api_key_rotate(struct lec_api_key *key, struct lec_buf *text);

/* Takes a copy in, in place of one of the same id. */
void lec_api_keys_put(struct lec_api_keys *k, const struct lec_api_key *key);
void lec_api_keys_clear(struct lec_api_keys *k);
struct lec_api_key *lec_api_keys_get(const struct lec_api_keys *k, struct lec_slice id);

/* Whose text that is; NULL: nobody's that counts. */
const struct lec_api_key *lec_api_keys_verify(const struct lec_api_keys *k, struct lec_slice text);
static inline bool lec_api_key_is(struct lec_slice text)
{
    return text.n > 3 && memcmp(text.p, LEC_KEY_PREFIX, 3) == 0;
}

#endif
