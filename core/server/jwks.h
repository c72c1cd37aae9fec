/* Keys by URL (jwt.jwks_url): fetched, kept fresh, and fetched at once when a token names one that is
 * not there.
 *
 * One fetch at a time; a timer runs until the next:
 *   after a good one, for as long as its max-age says, between jwks_cooldown and jwks_refresh;
 *   after a failure 1 s, 2 s, 4 s … up to a minute; each a random part shorter, so that many servers
 *   do not ask all at once;
 *   an unknown key cuts that short, but only jwks_cooldown after another one did, so that a flood of
 *   them is one fetch.
 * A fetch that fails changes nothing: the keys of before stay in force.
 *
 * Whoever presented a token with an unknown key waits for the end of the next fetch, and is looked at
 * once more then, some each turn. A waiter is a socket's, one at most, until that or until the socket
 * goes. Owner: the server, from new to free; stop leaves waiters to the sockets' end. */
#ifndef LEC_SERVER_JWKS_H
#define LEC_SERVER_JWKS_H

#include "server/internal.h"

struct lec_jwks *lec_jwks_new(struct lec_server *s);
void lec_jwks_free(struct lec_jwks *j); /* after the sockets; NULL is fine */
void lec_jwks_start(struct lec_jwks *j);
void lec_jwks_stop(struct lec_jwks *j);

/* The socket's CONNECT (event NULL), or its event refresh_token, names an unknown key. LEC_OK: it waits,
 * and goes on with lec_gate_again or lec_stay_refresh. LEC_ENOTFOUND: there is no such key. LEC_EAGAIN:
 * that cannot be said now, as the latest fetch failed, too many wait, or the socket does so already.
 * Without keys by URL (j NULL), LEC_ENOTFOUND. waited: for what else it has waited (server/internal.h). */
int lec_jwks_wait(struct lec_jwks *j, struct sio_socket *socket, const struct sio_event *event,
                  unsigned waited) LEC_CHECK;
/* The same for one that has waited: not LEC_OK. */
int lec_jwks_verdict(const struct lec_jwks *j) LEC_CHECK;
/* A call over HTTP names an unknown key, and does not wait: whether it is worth to come again, as the keys
 * are being fetched, or could not be. */
bool lec_jwks_want(struct lec_jwks *j);
/* The socket goes. */
void lec_jwks_forget(struct lec_jwks *j, struct sio_socket *socket);

/* How it stands, for `lectern status`: a sentence; members of a JSON object. */
void lec_jwks_text(const struct lec_jwks *j, struct lec_buf *out);
void lec_jwks_json(const struct lec_jwks *j, struct lec_buf *out);

#endif
