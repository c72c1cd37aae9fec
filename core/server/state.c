/* The folder of what must last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/database.h"

bool lec_database_is_memory(const char *url)
{
    return strncmp(url, "memory:", 7) == 0;
}

/* Nobody shall commit it. */
static void write_gitignore(const char *folder)
{
    struct lec_buf path = { 0 };
    lec_buf_printf(&path, "%s/.gitignore", folder);
    int fd = open(lec_buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)!write(fd, "*\n", 2);
        close(fd);
    }
    lec_buf_fini(&path);
}

char *lec_state_dir(const struct lec_config *cfg, const char *dir, bool make, char *err,
                    size_t err_size)
{
    const char *given = getenv("STATE_DIRECTORY"); /* of systemd: absolute paths, by colons */
    struct lec_buf path = { 0 };
    if (*cfg->state_dir)
        lec_buf_printf(&path, "%s%s%s", *cfg->state_dir == '/' ? "" : dir,
                       *cfg->state_dir == '/' ? "" : "/", cfg->state_dir);
    else if (given && *given)
        lec_buf_printf(&path, "%.*s", (int)strcspn(given, ":"), given);
    else
        lec_buf_printf(&path, "%s/.state", dir);
    char *folder = lec_strndup(path.p, path.n);
    lec_buf_fini(&path);
    if (!make)
        return folder;
    if (mkdir(folder, 0700) == 0) {
        write_gitignore(folder);
    } else if (errno != EEXIST) {
        snprintf(err, err_size,
                 "the folder for data that must last, %s, cannot be made: %s; state_dir "
                 "(LECTERN_STATE_DIR) names another, and database = \"memory:\" keeps nothing",
                 folder, strerror(errno));
        free(folder);
        return NULL;
    }
    return folder;
}
