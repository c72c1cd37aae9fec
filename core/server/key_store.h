/* API keys in the database, and what `lectern key` does with them. A server reads them before anybody can
 * call; what it changes is durable before it is said. Where several processes share the database, each
 * reads them again every some seconds.
 *
 * Owner: the server, or the command that works without one. */
#ifndef LEC_SERVER_KEY_STORE_H
#define LEC_SERVER_KEY_STORE_H

#include "base/log.h"
#include "db/db.h"
#include "net/loop.h"
#include "server/api_keys.h"

struct lec_key_store;

/* All is borrowed. db NULL: there are no keys. */
struct lec_key_store *lec_key_store_new(struct lec_loop *loop, struct lec_db *db,
                                        struct lec_api_keys *keys, struct lec_log *log);
/* Before the database is closed. Commands that wait hear that it stops. NULL is fine. */
void lec_key_store_free(struct lec_key_store *k);
/* Begins to read, and tries again until it can. */
void lec_key_store_start(struct lec_key_store *k);
bool lec_key_store_ready(const struct lec_key_store *k); /* all have been read; NULL is */

/* What came of a command, once, not from inside lec_key_store_command: an exit status, and text for
 * people. */
typedef void lec_key_store_fn(void *ctx, int status, struct lec_slice text);

/* "new RATE FUNCTIONS NAME", "list", "revoke ID", "rotate ID". RATE: calls a second, 0 for any number;
 * FUNCTIONS: names separated by commas, or "-" for all. NAME may have spaces. */
void lec_key_store_command(struct lec_key_store *k, const char *line, lec_key_store_fn *fn,
                           void *ctx);

#endif
