/* What a request is for (RFC 9112, 3.2): path and query of its target, in one form. Pure. */
#ifndef LEC_NET_TARGET_H
#define LEC_NET_TARGET_H

#include "base/err.h"
#include "base/slice.h"

/* Borrowed from the text. */
struct lec_target {
    struct lec_slice authority; /* of "http://authority/…", else empty */
    struct lec_slice path;      /* as it stands, "*" too; never empty */
    struct lec_slice query;     /* behind '?', as it stands */
};

/* Takes apart what stands between method and version, and is no authority alone (CONNECT). LEC_EPROTO:
 * it is none of the forms. */
int lec_target_read(struct lec_target *t, struct lec_slice text) LEC_CHECK;

/* Writes a path so that equal ones are equal letters, in at most 3 * path.n + 1 bytes: unreserved
 * characters plain and all others but delimiters encoded, "//", "/./" and "/../" resolved (RFC 3986,
 * 6.2.2; that empty segments go is ours). How many bytes; LEC_EPROTO: a bad escape, or a zero byte. */
int lec_target_path(char *out, struct lec_slice path) LEC_CHECK;

#endif
