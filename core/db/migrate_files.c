#include "db/migrate_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 1000000 /* of a file: as much as SQLite takes at once */

void lec_migration_files_fini(struct lec_migration_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        free(files->items[i].name);
        free(files->items[i].text);
    }
    for (size_t i = 0; i < files->n_owners; i++)
        free(files->owners[i]);
    free(files->owners);
    free(files->items);
    free(files->driver);
    *files = (struct lec_migration_files){ 0 };
}

static const char *find_owner(const struct lec_migration_files *files, const char *owner)
{
    for (size_t i = 0; i < files->n_owners; i++)
        if (strcmp(files->owners[i], owner) == 0)
            return files->owners[i];
    return NULL;
}

const char *lec_migration_owner(struct lec_migration_files *files, const char *owner)
{
    const char *known = find_owner(files, owner);
    if (known)
        return known;
    files->owners = lec_realloc(files->owners, (files->n_owners + 1) * sizeof *files->owners);
    return files->owners[files->n_owners++] = lec_strndup(owner, strlen(owner));
}

bool lec_migration_knows(const struct lec_migration_files *files, const char *owner)
{
    return find_owner(files, owner) != NULL;
}

/* FNV-1a: it shall notice a change, not resist somebody. */
static void hash(const char *p, size_t n, char out[LEC_MIGRATION_HASH])
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 1099511628211u;
    snprintf(out, LEC_MIGRATION_HASH, "%016llx", (unsigned long long)h);
}

static bool is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
              (p[i] >= '0' && p[i] <= '9') || p[i] == '_' || p[i] == '-'))
            return false;
    return n > 0;
}

/* NNNN_name.sql or NNNN_name.driver.sql. False: it is neither. */
static bool parse(const char *name, unsigned *number, struct lec_slice *driver)
{
    char *end;
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".sql") != 0 || name[0] < '0' || name[0] > '9')
        return false;
    unsigned long value = strtoul(name, &end, 10);
    if (value == 0 || value > 9999 || *end != '_')
        return false;
    *number = (unsigned)value;
    const char *last = name + n - 4, *dot = memchr(end, '.', (size_t)(last - end));
    *driver =
        dot ? (struct lec_slice){ dot + 1, (size_t)(last - dot - 1) } : (struct lec_slice){ 0 };
    return is_plain(end, (size_t)((dot ? dot : last) - end)) &&
           (!dot || is_plain(driver->p, driver->n));
}

static void put(struct lec_migration *m, const char *name, struct lec_slice text, bool special)
{
    free(m->name);
    free(m->text);
    m->name = lec_strndup(name, strlen(name));
    m->text = lec_strndup(text.p, text.n);
    m->special = special;
    hash(text.p, text.n, m->hash);
}

int lec_migration_add(struct lec_migration_files *files, const char *owner, const char *name,
                      struct lec_slice text, char *err, size_t err_size)
{
    unsigned number;
    struct lec_slice driver;
    if (!parse(name, &number, &driver)) {
        snprintf(err, err_size,
                 "%s %s: a migration is named like 0001_what_it_does.sql, or "
                 "0001_what_it_does.%s.sql for one driver",
                 owner, name, files->driver);
        return LEC_EINVAL;
    }
    if (text.n > MAX_BYTES || memchr(text.p ? text.p : "", '\0', text.n)) {
        snprintf(err, err_size, "%s %s is no SQL text of %d bytes at most", owner, name, MAX_BYTES);
        return LEC_EINVAL;
    }
    bool special = driver.n > 0;
    if (special && !lec_slice_is(driver, files->driver))
        return LEC_OK;
    struct lec_migration *m = lec_migration_find(files, owner, number);
    if (m && m->special == special) {
        snprintf(err, err_size, "%s: %s and %s have the same number", owner, m->name, name);
        return LEC_EINVAL;
    }
    if (m) {
        if (special)
            put(m, name, text, true);
        return LEC_OK;
    }
    files->items = lec_realloc(files->items, (files->n + 1) * sizeof *files->items);
    m = &files->items[files->n++];
    *m = (struct lec_migration){ .owner = find_owner(files, owner), .number = number };
    put(m, name, text, special);
    return LEC_OK;
}

/* --- a folder ------------------------------------------------------------------------------ */

static int is_sql(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".sql") == 0;
}

static int read_file(struct lec_migration_files *files, const char *owner, const char *path,
                     const char *name, char *err, size_t err_size)
{
    char *text = lec_alloc(MAX_BYTES + 1), *full = NULL;
    FILE *f = asprintf(&full, "%s/%s", path, name) < 0 ? NULL : fopen(full, "re");
    size_t n = f ? fread(text, 1, MAX_BYTES + 1, f) : 0;
    int rc;
    if (!f || ferror(f)) {
        snprintf(err, err_size, "%s/%s cannot be read: %s", path, name, strerror(errno));
        rc = LEC_EIO;
    } else {
        rc = lec_migration_add(files, owner, name, (struct lec_slice){ text, n }, err, err_size);
    }
    if (f)
        fclose(f);
    free(full);
    free(text);
    return rc;
}

int lec_migration_read_folder(struct lec_migration_files *files, const char *owner,
                              const char *path, char *err, size_t err_size)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_sql, alphasort), rc = LEC_OK;
    if (n < 0 && errno != ENOENT) {
        snprintf(err, err_size, "%s cannot be read: %s", path, strerror(errno));
        return LEC_EIO;
    }
    for (int i = 0; i < n; i++) {
        if (rc == LEC_OK)
            rc = read_file(files, owner, path, entries[i]->d_name, err, err_size);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* --- all of them --------------------------------------------------------------------------- */

struct lec_migration *lec_migration_find(struct lec_migration_files *files, const char *owner,
                                         unsigned number)
{
    for (size_t i = 0; i < files->n; i++)
        if (files->items[i].number == number && strcmp(files->items[i].owner, owner) == 0)
            return &files->items[i];
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    const struct lec_migration *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

int lec_migration_settle(struct lec_migration_files *files, const char *owner, char *err,
                         size_t err_size)
{
    /* Those of an owner that was just read stand at the end. */
    size_t first = files->n;
    while (first > 0 && strcmp(files->items[first - 1].owner, owner) == 0)
        first--;
    if (files->n > first)
        qsort(files->items + first, files->n - first, sizeof *files->items, by_number);
    for (size_t i = first; i < files->n; i++)
        if (files->items[i].number != i - first + 1) {
            snprintf(err, err_size, "%s: %s has no file of number %zu before it", owner,
                     files->items[i].name, i - first + 1);
            return LEC_EINVAL;
        }
    return LEC_OK;
}
