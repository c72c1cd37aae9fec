/* The query string of an Engine.IO request. Pure. */
#ifndef EIO_QUERY_H
#define EIO_QUERY_H

#include <stdbool.h>

#include "base/buf.h"

enum eio_transport { EIO_POLLING, EIO_WEBSOCKET, EIO_TRANSPORT_UNKNOWN };

struct eio_query {
    unsigned protocol; /* EIO=4 is 4; anything else, missing too, means 3 */
    enum eio_transport transport;
    struct lec_slice transport_name; /* as sent */
    struct lec_slice sid;            /* empty: a handshake */
    struct lec_slice token;          /* as sent: what Socket.IO 2 clients prove themselves with */
    bool base64;                     /* b64 present and not empty: no raw binary to this client */
};

/* Never fails: what is not understood is ignored. Slices borrow from text. When a name comes
 * twice the last one counts. */
void eio_query_parse(struct eio_query *out, struct lec_slice text);

/* Walks the pairs of a query string; name and value percent-decoded ('+' is a space) into
 * scratch, which is cleared by each call; they may be any bytes, not only UTF-8. False at the end. Start with *pos = 0. */
bool eio_query_next(struct lec_slice text, size_t *pos, struct lec_buf *scratch,
                    struct lec_slice *name, struct lec_slice *value);

#endif
