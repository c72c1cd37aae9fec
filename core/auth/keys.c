/* Loading keys and rules. */
#include "auth/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static char *copy(const char *s)
{
    return lec_strndup(s ? s : "", s ? strlen(s) : 0);
}

static bool is_set(const char *s)
{
    return s && *s;
}

/* --- a JWKS file --------------------------------------------------------------------------- */

/* Appends the file's text: LEC_OK, or LEC_EIO by errno. One byte too many is enough to know. */
static int read_file(const char *path, struct lec_buf *out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return LEC_EIO;
    out->n = fread(lec_buf_reserve(out, LEC_JWKS_MAX_BYTES + 1), 1, LEC_JWKS_MAX_BYTES + 1, f);
    int rc = ferror(f) ? LEC_EIO : LEC_OK;
    int error = errno;
    fclose(f);
    errno = error;
    return rc;
}

static int read_set(struct lec_keys *k, struct lec_key_set *out, char *err, size_t err_size)
{
    struct lec_buf text = { 0 };
    char why[400];
    int rc = read_file(k->jwks_file, &text);
    if (rc != LEC_OK)
        snprintf(why, sizeof why, "%s", strerror(errno));
    else
        rc = lec_jwks_read(out, lec_buf_slice(&text), &k->algs, why, sizeof why);
    if (text.p)
        OPENSSL_cleanse(text.p, text.cap); /* it may hold secrets */
    lec_buf_fini(&text);
    if (rc == LEC_OK)
        return LEC_OK;
    snprintf(err, err_size, "%s: %s", k->jwks_file, why);
    return LEC_EINVAL;
}

static void look(const char *path, struct stat *out)
{
    if (stat(path, out) != 0)
        memset(out, 0, sizeof *out);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int lec_keys_reload(struct lec_keys *k, char *err, size_t err_size)
{
    struct stat now;
    struct lec_key_set set;
    if (!k->jwks_file)
        return LEC_EAGAIN;
    look(k->jwks_file, &now);
    if (same_file(&now, &k->seen))
        return LEC_EAGAIN;
    k->seen = now; /* a bad file is complained about once */
    int rc = read_set(k, &set, err, err_size);
    if (rc != LEC_OK)
        return rc;
    lec_key_set_fini(&k->set);
    k->set = set;
    return LEC_OK;
}

int lec_keys_take(struct lec_keys *k, struct lec_slice jwks, char *err, size_t err_size)
{
    struct lec_key_set set;
    int rc = lec_jwks_read(&set, jwks, &k->algs, err, err_size);
    if (rc != LEC_OK)
        return rc;
    for (size_t i = 0; i < set.n; i++) {
        if (set.keys[i].pkey)
            continue;
        lec_key_set_fini(&set);
        snprintf(err, err_size,
                 "a shared secret (kty oct) has no place at a URL: who reads it makes "
                 "tokens; use a JWKS file");
        return LEC_EINVAL;
    }
    lec_key_set_fini(&k->set);
    k->set = set;
    return LEC_OK;
}

/* --- making -------------------------------------------------------------------------------- */

static int load_keys(struct lec_keys *k, const struct lec_token_config *cfg, char *err,
                     size_t err_size)
{
    if (is_set(cfg->jwks_file)) {
        k->jwks_file = copy(cfg->jwks_file);
        look(k->jwks_file, &k->seen);
        return read_set(k, &k->set, err, err_size);
    }
    if (is_set(cfg->jwks_url))
        return LEC_OK;
    k->set.keys = lec_alloc0(sizeof *k->set.keys);
    k->set.n = 1;
    if (is_set(cfg->secret))
        return lec_key_from_secret(k->set.keys, cfg->secret, &k->algs, err, err_size);
    return lec_key_from_pem(k->set.keys, cfg->public_key_file, &k->algs, err, err_size);
}

static struct lec_required require(struct lec_slice name)
{
    struct lec_buf sentence = { 0 };
    struct lec_required r = { .name = lec_strndup(name.p, name.n) };
    lec_buf_printf(&sentence, "the token has no claim \"%s\"", r.name);
    r.lacks = copy(lec_buf_str(&sentence));
    lec_buf_fini(&sentence);
    return r;
}

/* Names separated by commas; they may be URLs, and so hold anything else. */
static void read_required(struct lec_keys *k, const char *names)
{
    struct lec_slice left = lec_slice_str(names);
    while (left.n > 0) {
        struct lec_slice name = lec_slice_shift(&left, ',');
        if (name.n == 0)
            continue;
        k->required = lec_realloc(k->required, (k->n_required + 1) * sizeof *k->required);
        k->required[k->n_required++] = require(name);
    }
}

struct lec_keys *lec_keys_new(const struct lec_token_config *cfg, char *err, size_t err_size)
{
    int sources = is_set(cfg->secret) + is_set(cfg->public_key_file) + is_set(cfg->jwks_file) +
                  is_set(cfg->jwks_url);
    if (sources != 1) {
        snprintf(err, err_size, "of a secret, a public key, a JWKS file and a JWKS URL, %s",
                 sources ? "only one may be set" : "none is set");
        return NULL;
    }
    struct lec_keys *k = lec_alloc0(sizeof(*k));
    if (lec_algs_read(&k->algs, cfg->algorithms ? cfg->algorithms : "", err, err_size) != LEC_OK ||
        load_keys(k, cfg, err, err_size) != LEC_OK) {
        lec_keys_free(k);
        return NULL;
    }
    k->issuer = copy(cfg->issuer);
    k->audience = copy(cfg->audience);
    k->id = require(lec_slice_str(is_set(cfg->id_claim) ? cfg->id_claim : "sub"));
    read_required(k, cfg->required_claims);
    k->leeway_s = cfg->leeway_s;
    k->max_bytes = cfg->max_bytes;
    return k;
}

void lec_keys_free(struct lec_keys *k)
{
    if (!k)
        return;
    lec_key_set_fini(&k->set);
    for (size_t i = 0; i < k->n_required; i++) {
        free(k->required[i].name);
        free(k->required[i].lacks);
    }
    free(k->required);
    free(k->jwks_file);
    free(k->issuer);
    free(k->audience);
    free(k->id.name);
    free(k->id.lacks);
    free(k);
}

/* --- asking -------------------------------------------------------------------------------- */

size_t lec_keys_count(const struct lec_keys *k)
{
    return k->set.n;
}

bool lec_keys_weak(const struct lec_keys *k)
{
    for (size_t i = 0; i < k->set.n; i++) {
        const struct lec_key *key = &k->set.keys[i];
        if (key->secret && key->secret_len < (size_t)EVP_MD_get_size(key->alg->md()))
            return true;
    }
    return false;
}

const struct lec_key *lec_keys_find(const struct lec_keys *k, const struct lec_slice *kid)
{
    const struct lec_key *first = k->set.keys;
    if (k->set.n == 1 && (!kid || !first->kid))
        return first;
    for (size_t i = 0; kid && i < k->set.n; i++)
        if (lec_slice_is(*kid, first[i].kid))
            return &first[i];
    return NULL;
}
