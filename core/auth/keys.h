/* Inside of core/auth: the keys and the rules that tokens are held against. Made by lec_keys_new;
 * only lec_keys_reload and lec_keys_take change it afterwards. */
#ifndef LEC_AUTH_KEYS_H
#define LEC_AUTH_KEYS_H

#include <sys/stat.h>

#include "auth/jwks.h"
#include "auth/token.h"

/* A claim that must be there, and the sentence for a token that lacks it. */
struct lec_required {
    char *name, *lacks;
};

struct lec_keys {
    struct lec_key_set set; /* at least one; of a URL, none before the first lec_keys_take */
    struct lec_algs algs;
    char *jwks_file;  /* NULL: the set is what it was from the start */
    struct stat seen; /* the file as it was read last, all zero if it was not there */

    char *issuer;   /* "" for any */
    char *audience; /* "" for any */
    struct lec_required id;
    struct lec_required *required;
    size_t n_required;
    unsigned leeway_s;
    unsigned max_bytes;
};

/* The key that a token names: by its kid, NULL for none. NULL if there is no such key. One that is
 * alone and has no kid is everybody's. */
const struct lec_key *lec_keys_find(const struct lec_keys *k, const struct lec_slice *kid);

#endif
