/* A copy of the database in a file of its own, some pages at a time. It reads through the connection that
 * writes: then SQLite brings pages that were copied already up to date, where any other connection's
 * write would make it begin anew. The file gets its name when it is whole and on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define PAGES 20 /* a step */

struct sql_backup {
    sqlite3 *target;
    sqlite3_backup *copy;
    char *path, *part; /* part: its name until it is whole */
};

static void free_backup(struct sql_backup *b)
{
    if (b->copy)
        sqlite3_backup_finish(b->copy);
    sqlite3_close_v2(b->target);
    free(b->path);
    free(b->part);
    free(b);
}

void sql_backup_abandon(struct sql_backup *b)
{
    if (!b)
        return;
    unlink(b->part);
    free_backup(b);
}

struct sql_backup *sql_backup_begin(struct sql_connection *c, const char *path, size_t n,
                                    struct sql_bytes *answer)
{
    struct sql_backup *b = sql_alloc(sizeof *b);
    b->path = sql_alloc(n + 1);
    memcpy(b->path, path, n);
    b->part = sql_suffixed(b->path, ".part");
    if (n == 0 || strlen(b->path) != n) {
        sql_answer_error(answer, LECTERN_DB_INVALID, 1, "a backup needs the name of a file");
    } else if (access(b->path, F_OK) == 0) {
        sql_answer_error(answer, LECTERN_DB_INVALID, 1,
                         "%s is there already; a backup is a new file", b->path);
    } else {
        unlink(b->part);
        int fd = open(b->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            sql_answer_error(answer, errno == ENOSPC ? LECTERN_DB_FULL : LECTERN_DB_INVALID, 1,
                             "%s cannot be written: %s", b->part, strerror(errno));
        } else {
            close(fd);
            int rc = sqlite3_open_v2(b->part, &b->target, SQLITE_OPEN_READWRITE, NULL);
            if (rc == SQLITE_OK)
                rc = sqlite3_exec(b->target, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
                                  NULL, NULL, NULL);
            if (rc == SQLITE_OK)
                b->copy = sqlite3_backup_init(b->target, "main", c->db, "main");
            if (b->copy)
                return b;
            sql_answer_error(answer, LECTERN_DB_INVALID, 1, "%s cannot be written: %s", b->part,
                             b->target ? sqlite3_errmsg(b->target) : sqlite3_errstr(rc));
            unlink(b->part);
        }
    }
    free_backup(b);
    return NULL;
}

/* On the disk, under its name. 0, or errno. */
static int keep(const struct sql_backup *b)
{
    int rc = 0, fd = open(b->part, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = errno;
    if (fd >= 0)
        close(fd);
    /* Not rename: it would take the place of a file that came meanwhile. */
    if (rc == 0 && link(b->part, b->path) != 0)
        rc = errno;
    unlink(b->part);
    if (rc != 0)
        return rc;
    sql_sync_folder_of(b->path);
    return 0;
}

bool sql_backup_step(struct sql_backup *b, struct sql_bytes *answer)
{
    int rc = sqlite3_backup_step(b->copy, PAGES), system = 0;
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return false;
    sqlite3_backup_finish(b->copy);
    b->copy = NULL;
    if (rc == SQLITE_DONE) /* a file of its own, without a log beside it */
        rc = sqlite3_exec(b->target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    else
        system = sqlite3_system_errno(b->target);
    sqlite3_close_v2(b->target);
    b->target = NULL;
    if (rc == SQLITE_OK)
        system = keep(b);
    if (rc == SQLITE_OK && system == 0) {
        sql_answer_begin(answer);
    } else {
        sql_answer_error(answer,
                         rc == SQLITE_FULL || system == ENOSPC ? LECTERN_DB_FULL
                         : system == EEXIST                    ? LECTERN_DB_INVALID
                                                               : LECTERN_DB_UNAVAILABLE,
                         1, "the backup %s failed: %s", b->path,
                         system ? strerror(system) : sqlite3_errstr(rc));
        unlink(b->part);
    }
    free_backup(b);
    return true;
}
