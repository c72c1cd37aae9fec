/* How long a token lets its socket stay.
 *
 *   let in --jwt.warn before exp--> token_expiring --exp and leeway--> ended
 *      ^                                |
 *      '------ refresh_token -----------'        ended at any time by a revocation
 *
 * Each peer has one timer, which only runs if its token expires or was revoked. Ending always comes
 * from that timer, never from inside a call, so that a handler may revoke the very person that it
 * works for. */
#ifndef LEC_SERVER_STAY_H
#define LEC_SERVER_STAY_H

#include "server/internal.h"

/* The peer is the socket's from now on (sio_socket_user), until it goes. */
void lec_stay_begin(struct lec_server *s, struct lec_peer *peer, struct sio_socket *socket);
void lec_stay_end(struct lec_server *s, struct lec_peer *peer);

/* Whether this good token is in the lists of revoked ones; server/revocations.h knows more. */
bool lec_stay_revoked(struct lec_server *s, const struct lec_peer *peer);

/* The client's event refresh_token: [name, token or {token}]. waited: for what, already. */
void lec_stay_refresh(struct lec_server *s, struct sio_socket *socket,
                      const struct sio_event *event, unsigned waited);

#endif
