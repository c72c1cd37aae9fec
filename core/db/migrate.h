/* Migrations: numbered SQL files that make the tables, and change them later.
 *
 * A file NNNN_name.sql is run once, in a transaction of its own together with the record that it was;
 * NNNN_name.DRIVER.sql takes its place for that driver. Each owner counts from 1 without gaps: the
 * library ("lectern"), the team ("app"), each plugin ("plugin:NAME"). A file that was applied must
 * not change, nor vanish; what a database has that these files do not know was made by a newer
 * version, which it is left to.
 *
 * Owner: whoever made it; it borrows the database. */
#ifndef LEC_DB_MIGRATE_H
#define LEC_DB_MIGRATE_H

#include "db/db.h"

/* SQL that is part of the program. */
struct lec_sql_file {
    const char *name; /* "0001_store.sql" */
    const char *text;
    size_t size;
};

/* The library's, made by lua/CMakeLists.txt of lua/lectern/migrations; ends with name NULL. */
extern const struct lec_sql_file lec_library_migrations[];

struct lec_migrate;

/* driver: the name in files that are for it alone. */
struct lec_migrate *lec_migrate_new(struct lec_db *db, const char *driver);
/* Not while it runs. */
void lec_migrate_free(struct lec_migrate *m);

/* SQL that gives a database an epoch: a random name of its history, which a restored one must not share
 * with what was written after the backup. anew: also if it has one. */
void lec_migrate_epoch(struct lec_buf *sql, bool anew);

/* Both: LEC_OK, or LEC_EINVAL or LEC_EIO with a sentence. Owners are applied in the order in which they were
 * added. The list ends with name NULL. A folder that is not there is empty. */
int lec_migrate_add(struct lec_migrate *m, const char *owner, const struct lec_sql_file *files,
                    char *err, size_t err_size) LEC_CHECK;
int lec_migrate_add_folder(struct lec_migrate *m, const char *owner, const char *path, char *err,
                           size_t err_size) LEC_CHECK;

/* text: what was applied, a line each, or with rc other than LEC_OK why it stopped, behind what was
 * applied before. */
typedef void lec_migrate_fn(void *ctx, int rc, struct lec_slice text);

/* Applies what is new; dry: only says what that is. fn is called once, on the loop. */
void lec_migrate_run(struct lec_migrate *m, bool dry, lec_migrate_fn *fn, void *ctx);

#endif
