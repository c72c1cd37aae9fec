#include "server/api_keys.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/id.h"

static void free_key(struct lec_api_key *key)
{
    free(key->name);
    free(key->functions);
    free(key);
}

void lec_api_keys_clear(struct lec_api_keys *k)
{
    struct lec_api_key *key;
    for (size_t pos = 0; (key = lec_map_next(&k->by_id, &pos)) != NULL;)
        free_key(key);
    lec_map_fini(&k->by_id);
    memset(&k->by_id, 0, sizeof k->by_id);
}

void lec_api_keys_fini(struct lec_api_keys *k)
{
    lec_api_keys_clear(k);
}

void lec_api_key_rotate(struct lec_api_key *key, struct lec_buf *text)
{
    unsigned char bytes[32];
    size_t start = text->n;
    lec_random(bytes, sizeof bytes);
    lec_buf_adds(text, LEC_KEY_PREFIX);
    lec_buf_adds(text, key->id);
    lec_buf_addc(text, '_');
    lec_base64url_encode(text, bytes, sizeof bytes);
    lec_sha256(key->hash, (struct lec_slice){ text->p + start, text->n - start });
}

/* Letters and digits only, so that ids are told apart from secrets, and chosen by a double click. */
static void make_id(char out[LEC_KEY_ID + 1])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32 */
    unsigned char bytes[LEC_KEY_ID];
    lec_random(bytes, sizeof bytes);
    for (size_t i = 0; i < LEC_KEY_ID; i++)
        out[i] = letters[bytes[i] % 32];
    out[LEC_KEY_ID] = '\0';
}

void lec_api_key_make(struct lec_api_key *key, struct lec_buf *text)
{
    memset(key, 0, sizeof *key);
    make_id(key->id);
    key->created = lec_clock_ms();
    lec_api_key_rotate(key, text);
}

void lec_api_keys_put(struct lec_api_keys *k, const struct lec_api_key *key)
{
    struct lec_slice id = lec_slice_str(key->id);
    struct lec_api_key *old = lec_map_remove(&k->by_id, id);
    struct lec_api_key *copy = lec_alloc(sizeof *copy);
    *copy = *key;
    copy->name = lec_strndup(key->name, strlen(key->name));
    if (key->functions)
        copy->functions = lec_strndup(key->functions, strlen(key->functions));
    if (old)
        free_key(old);
    lec_map_put(&k->by_id, lec_slice_str(copy->id), copy);
}

struct lec_api_key *lec_api_keys_get(const struct lec_api_keys *k, struct lec_slice id)
{
    return lec_map_get(&k->by_id, id);
}

const struct lec_api_key *lec_api_keys_verify(const struct lec_api_keys *k, struct lec_slice text)
{
    unsigned char hash[LEC_SHA256_SIZE];
    const size_t before = sizeof LEC_KEY_PREFIX - 1;
    if (!lec_api_key_is(text) || text.n != before + LEC_KEY_ID + 1 + LEC_KEY_SECRET)
        return NULL;
    const struct lec_api_key *key =
        lec_map_get(&k->by_id, (struct lec_slice){ text.p + before, LEC_KEY_ID });
    if (!key || key->revoked)
        return NULL;
    lec_sha256(hash, text);
    return lec_same_secret(hash, key->hash, sizeof hash) ? key : NULL;
}
