/* The files of migrations: their names, numbers and texts, in the order in which they are applied. */
#ifndef LEC_DB_MIGRATE_FILES_H
#define LEC_DB_MIGRATE_FILES_H

#include "base/err.h"
#include <stdbool.h>

#include "base/slice.h"

#define LEC_MIGRATION_HASH 17 /* with its end */

struct lec_migration {
    const char *owner; /* one of the files' */
    unsigned number;
    char *name;   /* "0001_store.sql" */
    bool special; /* for this driver alone */
    char *text;
    char hash[LEC_MIGRATION_HASH];
    bool applied;
};

/* All zero but for the driver, which it owns. */
struct lec_migration_files {
    char *driver;
    char **owners;
    size_t n_owners;
    struct lec_migration *items;
    size_t n;
};

void lec_migration_files_fini(struct lec_migration_files *files);

/* Its files follow. The copy of its name lives as long as the files. */
const char *lec_migration_owner(struct lec_migration_files *files, const char *owner);
bool lec_migration_knows(const struct lec_migration_files *files, const char *owner);
/* Of an owner that was named. A file for another driver is left out. */
int lec_migration_add(struct lec_migration_files *files, const char *owner, const char *name,
                      struct lec_slice text, char *err, size_t err_size) LEC_CHECK;
int lec_migration_read_folder(struct lec_migration_files *files, const char *owner,
                              const char *path, char *err, size_t err_size) LEC_CHECK;
/* Sorts them; LEC_EINVAL: a number is missing, or twice there. */
int lec_migration_settle(struct lec_migration_files *files, const char *owner, char *err,
                         size_t err_size) LEC_CHECK;
/* NULL: there is none. */
struct lec_migration *lec_migration_find(struct lec_migration_files *files, const char *owner,
                                         unsigned number);

#endif
