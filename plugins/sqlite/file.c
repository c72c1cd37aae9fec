/* The database's file: where it is, whose it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "internal.h"

char *sql_suffixed(const char *path, const char *more)
{
    size_t n = strlen(path) + strlen(more) + 1;
    char *text = sql_alloc(n);
    snprintf(text, n, "%s%s", path, more);
    return text;
}

char *sql_path(const char *state_dir, const char *url, char *err, size_t err_size)
{
    const char *name = strchr(url, ':');
    name = name ? name + 1 : "";
    if (!*name) {
        snprintf(err, err_size, "\"%s\" names no file: sqlite:lectern.db, or sqlite:/a/path.db",
                 url);
        return NULL;
    }
    size_t n = strlen(name) + strlen(state_dir) + 2;
    char *path = sql_alloc(n);
    snprintf(path, n, "%s%s%s", *name == '/' ? "" : state_dir,
             *name == '/' || !*state_dir ? "" : "/", name);
    return path;
}

int sql_lock(const char *path, char *err, size_t err_size)
{
    char *name = sql_suffixed(path, ".lock"), holder[32] = "";
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(err, err_size,
                 "%s cannot be opened for writing: %s; the database, and the folder it is in, must "
                 "be this user's to write",
                 name, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
        holder[n > 0 ? n : 0] = '\0';
        holder[strcspn(holder, "\n")] = '\0';
        snprintf(err, err_size,
                 "%s is in use by another server%s%s; one at a time can have it (database or "
                 "state_dir name another)",
                 path, *holder ? ", process " : "", holder);
        close(fd);
        fd = -1;
    } else {
        /* For people; the lock itself is what counts, and goes with the process. */
        int n = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)n, 0) != n)
            (void)0;
    }
    free(name);
    return fd;
}

void sql_sync(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
}

void sql_sync_folder_of(const char *path)
{
    char *dir = sql_suffixed(path, "");
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    sql_sync(slash ? dir : ".", O_DIRECTORY);
    free(dir);
}

void sql_make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}
