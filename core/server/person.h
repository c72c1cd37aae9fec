/* Making tokens for people: `lectern token` and `lectern serve --dev`. */
#ifndef LEC_SERVER_PERSON_H
#define LEC_SERVER_PERSON_H

#include "auth/token.h"
#include "server/config.h"

struct lec_person {
    const char *id;
    const char *role, *name; /* NULL for none */
    const char *const *courses;
    size_t n_courses;
    uint64_t lifetime_s;
};

/* Appends a token that this configuration will accept. LEC_EINVAL with a sentence in err: an id
 * that nobody can have, text that is not UTF-8, or no secret to sign with. */
int lec_person_token(const struct lec_person *p, const struct lec_config *cfg, int64_t now_s,
                     struct lec_buf *out, char *err, size_t err_size) LEC_CHECK;

/* The part of the configuration that tokens are made and checked by, without the files, whose names
 * are relative to the script directory; all borrowed. */
struct lec_token_config lec_config_tokens(const struct lec_config *cfg);

#endif
