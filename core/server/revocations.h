/* Revocations as they last: what the lists in memory (server/revoked.h) know at once, and what only the
 * database knows.
 *
 * At the start the newest max_revocations of each kind are read into the lists. As long as a list holds
 * all there are, nobody waits for anything. Of a kind with more than that, or before they are read,
 * somebody who is not in the list is in doubt: the database is asked, and they wait; when it does not
 * answer, they are refused for now. Who is written down, and when, is the script's: a revocation is in the
 * list first and in the database before its caller hears of it.
 *
 * A waiter is a socket's, one at most, until the answer or until the socket goes. Owner: the server, from
 * new to free; without a database there is nothing to read, and lists are all there is. */
#ifndef LEC_SERVER_REVOCATIONS_H
#define LEC_SERVER_REVOCATIONS_H

#include "server/internal.h"

#define LEC_REVOCATIONS_UNAVAILABLE "the revocations cannot be looked up at the moment"

struct lec_revocations *lec_revocations_new(struct lec_server *s);
void lec_revocations_free(struct lec_revocations *r); /* after the sockets; NULL is fine */
/* db: whose tables are there; NULL for none. */
void lec_revocations_start(struct lec_revocations *r, struct lec_db *db);
void lec_revocations_stop(struct lec_revocations *r); /* before the database is closed */

bool lec_revocations_ready(const struct lec_revocations *r); /* the newest are read */

/* A list forgot one that was still good. */
void lec_revocations_lost(struct lec_revocations *r, bool of_people);

/* This good token: LEC_OK, LEC_EDENIED (revoked), or LEC_EAGAIN: only the database knows. */
int lec_revocations_look(const struct lec_revocations *r, const struct lec_peer *peer) LEC_CHECK;

/* The same for the token of a socket's CONNECT (event NULL), or of its event refresh_token, which waits if
 * it must: *waits, and it goes on with lec_gate_again (lec_gate_identified, once it has its peer) or
 * lec_stay_refresh. waited: what it has waited for
 * before. LEC_EAGAIN: it cannot be said now. */
int lec_revocations_pass(struct lec_revocations *r, const struct lec_peer *peer,
                         struct sio_socket *socket, const struct sio_event *event, unsigned waited,
                         bool *waits) LEC_CHECK;
/* The socket goes. */
void lec_revocations_forget(struct lec_revocations *r, struct sio_socket *socket);

/* The same for a call over HTTP. fn is called once, with LEC_OK, LEC_EDENIED or LEC_EAGAIN (the database
 * did not answer), unless the ask was cancelled; then the pointer is dead. NULL: it cannot be asked now. */
struct lec_revocations_ask;
struct lec_revocations_ask *lec_revocations_ask(struct lec_revocations *r,
                                                const struct lec_peer *peer,
                                                void (*fn)(void *ctx, int verdict), void *ctx);
void lec_revocations_cancel(struct lec_revocations_ask *ask);

#endif
