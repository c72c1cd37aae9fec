/* Puts it together: listener, Engine.IO, Socket.IO, tokens, static files, control socket, and the
 * script's hooks. Owner: main. Life: new, start, (loop runs), drain, (loop stops itself), free. */
#ifndef LEC_SERVER_SERVER_H
#define LEC_SERVER_SERVER_H

#include "base/counters.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/config.h"
#include "server/hooks.h"

#define LEC_DRAIN_MAX_S 86400u /* of `lectern drain SECONDS` */

struct lec_server;
struct lec_fetcher;
struct lec_database; /* server/database.h */
struct lec_db;       /* db/db.h */

/* Borrows loop, cfg and log. dir is the script directory. NULL with a sentence in err. */
struct lec_server *lec_server_new(struct lec_loop *loop, const struct lec_config *cfg,
                                  const char *dir, struct lec_log *log, char *err, size_t err_size);
/* hooks is borrowed and stays as it is until free; before start. */
void lec_server_set_hooks(struct lec_server *s, const struct lec_hooks *hooks);
/* An open one, borrowed until free; before start. The server closes it when it stops: behind the last
 * events, so that what their handlers write is kept. */
void lec_server_set_database(struct lec_server *s, struct lec_database *database);
/* Listens, opens the control socket, handles SIGHUP, SIGTERM and SIGINT, calls on_start. */
int lec_server_start(struct lec_server *s, char *err, size_t err_size) LEC_CHECK;
unsigned lec_server_port(const struct lec_server *s);

/* Begins to leave: /readyz says 503, handshakes are refused with 503, on_stop is called. Open clients
 * are closed evenly over spread_ms, in random order, each when what was sent to it has left. Stops the
 * loop when all are gone, or cfg->drain_timeout after the last was closed. Called again it takes the
 * new time for those that are left. */
void lec_server_drain(struct lec_server *s, uint64_t spread_ms);
/* Ends it now, whoever is left. */
void lec_server_stop(struct lec_server *s);

struct sio_server *lec_server_io(struct lec_server *s);
struct lec_loop *lec_server_loop(struct lec_server *s);
struct lec_log *lec_server_log(struct lec_server *s);
const struct lec_config *lec_server_config(const struct lec_server *s);
struct lec_counters *lec_server_counters(struct lec_server *s);
struct lec_fetcher *lec_server_fetcher(struct lec_server *s);
struct lec_db *lec_server_db(struct lec_server *s); /* NULL: it has none */

/* For hooks, while a socket is CONNECTING: its person has another id than the token says. LEC_EINVAL: that
 * can be nobody's, with a sentence in *why. */
int lec_server_identify(struct lec_server *s, struct sio_socket *socket, struct lec_slice id,
                        const char **why) LEC_CHECK;
/* Then: hooks.on_admitted follows, now or later, unless the person may not come in or the socket goes. */
void lec_server_admit(struct lec_server *s, struct sio_socket *socket);

/* Disconnects all sockets of a person, or account, in all namespaces, and refuses tokens that were issued before
 * now; or those of one token, by its jti, which is refused until it would have expired. The sockets
 * (how many is returned) are heard no more, and go after this turn. The latest max_revocations of
 * either kind are remembered, as long as the process runs. */
size_t lec_server_revoke_user(struct lec_server *s, struct lec_slice id);
size_t lec_server_revoke_token(struct lec_server *s, struct lec_slice jti);

/* All connections are closed; runs the loop until the network has let go. */
void lec_server_free(struct lec_server *s);

#endif
