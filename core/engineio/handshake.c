/* What a session's handshake said, and what its later requests must say again. */
#include <strings.h>

#include "base/fields.h"
#include "engineio/internal.h"

/* Bytes of a token that is worth something: "undefined" is what many a client sends without one. */
enum { PROOF_MIN = 32 };

/* What a request of version 3 proves itself with, as it was sent; empty: nothing that others could
 * not guess, or have as well. */
static struct lec_slice proof(struct lec_slice token, struct lec_slice authorization)
{
    struct lec_slice p = token;
    if (p.n == 0 && authorization.n > 7 && strncasecmp(authorization.p, "Bearer ", 7) == 0)
        p = authorization;
    return p.n >= PROOF_MIN ? p : LEC_SLICE("");
}

static struct lec_slice proof_of(const struct eio_session *s)
{
    struct eio_query query;
    eio_query_parse(&query, lec_slice_str(s->handshake.query));
    return proof(query.token, lec_fields_find(s->handshake.headers, "authorization"));
}

bool eio_session_is_bound(const struct eio_session *s)
{
    return s->handshake.protocol == 3 && proof_of(s).n > 0;
}

bool eio_session_knows(const struct eio_session *s, const struct lec_http *http,
                       const struct eio_query *query)
{
    if (s->handshake.protocol != 3)
        return true;
    struct lec_slice p = proof_of(s);
    return p.n == 0 || lec_slice_eq(p, proof(query->token, lec_http_header(http, "authorization")));
}
