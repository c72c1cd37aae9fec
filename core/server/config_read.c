/* Settings from the environment and from a .env file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config.h"
#include "server/dotenv.h"
#include "server/suggest.h"

#define MAX_DOTENV 1048576u /* bytes */
#define PREFIX     "LECTERN_"

static const struct lec_setting *find_env(struct lec_slice name)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    for (; n > 0; n--, s++)
        if (lec_slice_is(name, s->env))
            return s;
    return NULL;
}

/* The part of a variable's name that tells settings apart. */
static const char *stem(const char *env)
{
    return strncmp(env, PREFIX, strlen(PREFIX)) == 0 ? env + strlen(PREFIX) : env;
}

/* A plugin's setting: which there are is not known yet. */
static bool take_plugin(struct lec_config *cfg, struct lec_slice name, const char *value)
{
    size_t n = strlen(LEC_PLUGINS_ENV);
    if (name.n <= n || memcmp(name.p, LEC_PLUGINS_ENV, n) != 0)
        return false;
    if (*value) {
        char *key = lec_strndup(name.p, name.n);
        lec_config_set_plugin(cfg, key, value);
        free(key);
    }
    return true;
}

/* Warns of a variable that looks like ours and is none: by its prefix or, where those of others are
 * few, because it is nearly one that has no prefix. */
static void meet_stranger(struct lec_config *cfg, struct lec_slice name, bool in_file)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    struct lec_suggest suggest;
    const char *env = NULL;
    bool prefixed = name.n >= strlen(PREFIX) && memcmp(name.p, PREFIX, strlen(PREFIX)) == 0;
    if (!prefixed && !in_file)
        return;
    char *word = lec_strndup(name.p, name.n);
    lec_suggest_init(&suggest, stem(word));
    for (; n > 0; n--, s++) {
        if (prefixed || stem(s->env) == s->env)
            lec_suggest_try(&suggest, stem(s->env));
        if (suggest.best == stem(s->env))
            env = s->env;
    }
    if (prefixed || env)
        lec_buf_printf(&cfg->warnings, "%.80s in %s is no setting, and has no effect%s%s%s\n", word,
                       in_file ? ".env" : "the environment", env ? "; did you mean " : "",
                       env ? env : "", env ? "?" : "");
    free(word);
}

int lec_config_read_env(struct lec_config *cfg, char *err, size_t err_size)
{
    for (char **e = environ; e && *e; e++) {
        struct lec_slice name = { *e, strcspn(*e, "=") };
        if (!find_env(name) && !take_plugin(cfg, name, *e + name.n + ((*e)[name.n] == '=')))
            meet_stranger(cfg, name, false);
    }
    size_t n;
    for (const struct lec_setting *s = lec_settings(&n); n > 0; n--, s++) {
        const char *value = getenv(s->env);
        if (!value || *value == '\0')
            continue;
        int rc = lec_config_set(cfg, s->key, value, LEC_FROM_ENV, err, err_size);
        if (rc != LEC_OK)
            return rc;
    }
    return LEC_OK;
}

static int read_file(const char *path, struct lec_buf *out, char *err, size_t err_size)
{
    FILE *f = fopen(path, "re");
    if (!f && errno == ENOENT)
        return LEC_OK;
    if (f) {
        out->n = fread(lec_buf_reserve(out, MAX_DOTENV + 1), 1, MAX_DOTENV + 1, f);
        if (!ferror(f) && out->n <= MAX_DOTENV) {
            fclose(f);
            return LEC_OK;
        }
    }
    snprintf(err, err_size, "%s: %s", path,
             out->n > MAX_DOTENV ? "too large for a file of settings" : strerror(errno));
    if (f)
        fclose(f);
    return LEC_EINVAL;
}

int lec_config_find_env(const char *path, const char *name, struct lec_buf *out, char *err,
                        size_t err_size)
{
    struct lec_buf text = { 0 }, value = { 0 };
    struct lec_slice found;
    struct lec_dotenv d;
    const char *set = getenv(name);
    if (set && *set) {
        lec_buf_adds(out, set);
        return LEC_OK;
    }
    int rc = read_file(path, &text, err, err_size), result = LEC_ENOTFOUND;
    lec_dotenv_init(&d, lec_buf_slice(&text));
    while (rc == LEC_OK && (rc = lec_dotenv_next(&d, &found, &value)) > 0) {
        rc = LEC_OK;
        if (!lec_slice_is(found, name) || value.n == 0)
            continue;
        lec_buf_clear(out, 1024); /* the last one counts */
        lec_buf_add(out, value.p, value.n);
        result = LEC_OK;
    }
    if (rc == LEC_EPROTO)
        snprintf(err, err_size, "%s:%u: %s", path, d.line, d.why);
    lec_buf_fini(&text);
    lec_buf_fini(&value);
    return rc < 0 ? LEC_EINVAL : result;
}

int lec_config_read_dotenv(struct lec_config *cfg, const char *path, char *err, size_t err_size)
{
    struct lec_buf text = { 0 }, value = { 0 };
    struct lec_slice name;
    struct lec_dotenv d;
    int rc = read_file(path, &text, err, err_size);
    if (rc != LEC_OK)
        goto done;

    lec_dotenv_init(&d, lec_buf_slice(&text));
    while ((rc = lec_dotenv_next(&d, &name, &value)) > 0) {
        const struct lec_setting *s = find_env(name);
        if (!s && !take_plugin(cfg, name, lec_buf_str(&value)))
            meet_stranger(cfg, name, true);
        if (!s || value.n == 0)
            continue;
        char why[512];
        rc = lec_config_set(cfg, s->key, lec_buf_str(&value), LEC_FROM_DOTENV, why, sizeof why);
        if (rc != LEC_OK) {
            snprintf(err, err_size, "%s:%u: %s", path, d.line, why);
            goto done;
        }
    }
    if (rc < 0) {
        snprintf(err, err_size, "%s:%u: %s", path, d.line, d.why);
        rc = LEC_EINVAL;
    }
done:
    lec_buf_fini(&text);
    lec_buf_fini(&value);
    return rc;
}
