/* A copy in the place of the database. At every moment the name leads to a whole database: to the old one,
 * then to the new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define KEPT ".before-restore"

static bool fail(char *err, size_t err_size, const char *what, const char *path, const char *why)
{
    snprintf(err, err_size, "%s%s: %s", what, path, why);
    return false;
}

static int is_whole(void *whole, int columns, char **values, char **names)
{
    (void)names;
    *(bool *)whole = columns == 1 && values[0] && strcmp(values[0], "ok") == 0;
    return 0;
}

/* Writes a copy of `file` to `part`, looks whether it is whole, and runs the script on it. */
static bool copy(const char *file, const char *part, const char *script, char *err, size_t err_size)
{
    sqlite3 *from = NULL, *to = NULL;
    bool whole = false;
    char why[300] = "it is damaged";
    int rc = sqlite3_open_v2(file, &from, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(from, "PRAGMA integrity_check(1)", is_whole, &whole, NULL);
    if (rc != SQLITE_OK || !whole) {
        if (rc != SQLITE_OK)
            snprintf(why, sizeof why, "%s", sqlite3_errmsg(from));
        sqlite3_close_v2(from);
        return fail(err, err_size, "there is no good backup in ", file, why);
    }
    rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    sqlite3_backup *backup = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    if (backup) {
        rc = sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
        rc = rc == SQLITE_DONE ? sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL)
                               : rc;
        rc = rc == SQLITE_OK ? sqlite3_exec(to, script, NULL, NULL, NULL) : rc;
    } else if (rc == SQLITE_OK) {
        rc = sqlite3_errcode(to);
    }
    snprintf(why, sizeof why, "%s", rc == SQLITE_ERROR ? sqlite3_errmsg(to) : sqlite3_errstr(rc));
    sqlite3_close_v2(to);
    sqlite3_close_v2(from);
    return rc == SQLITE_OK || fail(err, err_size, "the backup could not be copied to ", part, why);
}

/* The old log goes first: beside the new database it would be taken for that one's. */
static bool exchange(const char *path, const char *part, char *err, size_t err_size)
{
    char *log = sql_suffixed(path, "-wal"), *shm = sql_suffixed(path, "-shm"),
         *kept = sql_suffixed(path, KEPT), *kept_log = sql_suffixed(path, KEPT "-wal");
    bool well = true;
    unlink(kept);
    unlink(kept_log);
    if (link(path, kept) != 0 && errno != ENOENT)
        well = fail(err, err_size, "the database of before could not be kept as ", kept,
                    strerror(errno));
    if (well && rename(log, kept_log) != 0 && errno != ENOENT)
        well = fail(err, err_size, "cannot be renamed: ", log, strerror(errno));
    unlink(shm);
    if (well && rename(part, path) != 0) {
        well = fail(err, err_size, "cannot be replaced: ", path, strerror(errno));
        (void)!rename(kept_log, log); /* it has what was written last */
    }
    sql_sync_folder_of(path);
    free(log);
    free(shm);
    free(kept);
    free(kept_log);
    return well;
}

bool sql_restore(const struct lectern_host *host, const char *url, const char *file,
                 const char *script, char *err, size_t err_size)
{
    if (strncmp(url, "memory:", 7) == 0)
        return fail(err, err_size, "a database in memory keeps nothing", "",
                    "there is nothing to restore");
    char *path = sql_path(host->state_dir, url, err, err_size);
    if (!path)
        return false;
    bool well = false;
    int lock = sql_lock(path, err, err_size);
    if (lock >= 0) {
        char *part = sql_suffixed(path, ".restoring");
        unlink(part);
        int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            fail(err, err_size, "cannot be written: ", part, strerror(errno));
        } else {
            close(fd);
            well = copy(file, part, script, err, err_size);
            if (well) {
                sql_sync(part, 0);
                well = exchange(path, part, err, err_size);
            }
            if (!well)
                unlink(part);
        }
        free(part);
        close(lock);
    }
    free(path);
    return well;
}
