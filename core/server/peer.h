/* From what a client presents to who it is: finds the token in its CONNECT payload or its request's
 * headers, and verifies it. struct lec_peer: server/hooks.h. */
#ifndef LEC_SERVER_PEER_H
#define LEC_SERVER_PEER_H

#include "auth/token.h"
#include "engineio/session.h"
#include "server/hooks.h"

/* auth: the CONNECT payload, a JSON object; its member "token" counts first, then the handshake's: of
 * Engine.IO 3 clients, which have no payload, the query's `token`; then `Authorization: Bearer`.
 * LEC_OK; else as lec_token_verify, with a sentence in *why for the client and the log, which lives as
 * long as keys. */
int lec_peer_new(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice auth,
                 const struct eio_handshake *handshake, int64_t now_s, const char **why) LEC_CHECK;
/* The same for an event's payload, ["name", token or {"token": token}]. */
int lec_peer_of_event(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice payload,
                      int64_t now_s, const char **why) LEC_CHECK;
/* The same for a token as it stands. */
int lec_peer_of_token(struct lec_peer **out, const struct lec_keys *keys, struct lec_slice token,
                      int64_t now_s, const char **why) LEC_CHECK;
/* From now on it is this person, of at most LEC_ID_MAX bytes. */
void lec_peer_identify(struct lec_peer *p, struct lec_slice id);
/* Gives p what the token of `fresh` says, and frees fresh. The person stays. */
void lec_peer_renew(struct lec_peer *p, struct lec_peer *fresh);
void lec_peer_free(struct lec_peer *p);

#endif
