/* Inside of core/auth: what tokens and key sets are made of, JSON objects and base64url texts. Pure
 * functions over borrowed bytes. */
#ifndef LEC_AUTH_JOSE_H
#define LEC_AUTH_JOSE_H

#include "base/json.h"

#define LEC_JOSE_DEPTH 32 /* of claims, headers and key sets */

/* Whether the text is one JSON object. */
bool lec_jose_object(struct lec_slice json);

/* The object's member as a token; false if there is none. */
bool lec_jose_member(struct lec_slice object, const char *name, struct lec_json_token *t);

/* Appends a string's text. False if it is another value, or holds a zero and so would be cut where
 * it is used as a C string. */
bool lec_jose_text(struct lec_buf *out, const struct lec_json_token *t);

bool lec_jose_is(const struct lec_json_token *t, const char *want);

/* Appends the bytes of base64url without padding, the only form that is used (RFC 7515, 2). */
bool lec_jose_decode(struct lec_slice part, struct lec_buf *out);

#endif
