/* The database of a script directory: the folder of its state, the driver that its URL names, its
 * migrations, and what operators ask of it. For a server, and for commands that work without one.
 *
 * Owner: main; the server borrows it and closes it when it stops. */
#ifndef LEC_SERVER_DATABASE_H
#define LEC_SERVER_DATABASE_H

#include "db/db.h"
#include "db/migrate.h"
#include "server/config.h"
#include "server/plugins.h"

struct lec_database;

/* All is borrowed. */
struct lec_database_setup {
    struct lec_loop *loop;
    struct lec_log *log;
    const struct lec_config *cfg;
    struct lec_plugins *plugins;
    const char *dir;                    /* the script directory */
    const struct lec_sql_file *library; /* migrations that are part of the program */
};

/* Makes the folder if it is not there, starts the plugins, opens. NULL with a sentence. */
struct lec_database *lec_database_open(const struct lec_database_setup *setup, char *err,
                                       size_t err_size);
/* What was submitted is done, what waits is answered. Calls are refused as unavailable then. */
void lec_database_close(struct lec_database *d);
void lec_database_free(struct lec_database *d); /* closes; NULL is fine */

struct lec_db *lec_database_db(struct lec_database *d);
/* It is there, and its migrations are done. */
bool lec_database_ready(const struct lec_database *d);

/* What becomes of one of those below, once: text for people. */
typedef void lec_database_fn(void *ctx, int rc, struct lec_slice text);

/* On the loop. One at a time each; LEC_EAGAIN at once: one runs. */
void lec_database_migrate(struct lec_database *d, bool dry, lec_database_fn *fn, void *ctx);
void lec_database_backup(struct lec_database *d, const char *path, lec_database_fn *fn, void *ctx);
void lec_database_check(struct lec_database *d, lec_database_fn *fn, void *ctx);
/* Logs how large it is. */
void lec_database_log(struct lec_database *d);

/* The same, for when the loop does not run yet: runs it until that is done. Appends the text. */
int lec_database_wait_migrate(struct lec_database *d, bool dry, struct lec_buf *text) LEC_CHECK;
int lec_database_wait_backup(struct lec_database *d, const char *path,
                             struct lec_buf *text) LEC_CHECK;
int lec_database_wait_check(struct lec_database *d, struct lec_buf *text) LEC_CHECK;

/* Puts a copy of a backup in the place of the database, which nobody may have open. It gets a new epoch, so
 * that clients load all anew. LEC_OK, or LEC_EIO with a sentence. */
int lec_database_restore(const struct lec_database_setup *setup, const char *file, char *err,
                         size_t err_size) LEC_CHECK;

/* For `lectern status`: one line; a JSON object. */
void lec_database_text(const struct lec_database *d, struct lec_buf *out);
void lec_database_json(const struct lec_database *d, struct lec_buf *out);

/* The folder of what must last, for free(). make: with its .gitignore, if it is not there. NULL with a
 * sentence. */
char *lec_state_dir(const struct lec_config *cfg, const char *dir, bool make, char *err,
                    size_t err_size);
/* Whether the URL names one that keeps nothing, so that no folder is needed. */
bool lec_database_is_memory(const char *url);

#endif
