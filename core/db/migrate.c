/* One question at a time: the tables of ours, what was applied, then file by file. */
#include "db/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "db/answer.h"
#include "db/migrate_files.h"

struct lec_migrate {
    struct lec_db *db;
    struct lec_migration_files files;
    bool dry;
    lec_migrate_fn *fn;
    void *ctx;
    struct lec_db_call *call; /* NULL: it does not run */
    size_t next;              /* of files.items */
    struct lec_buf text, request;
};

struct lec_migrate *lec_migrate_new(struct lec_db *db, const char *driver)
{
    struct lec_migrate *m = lec_alloc0(sizeof *m);
    m->db = db;
    m->files.driver = lec_strndup(driver, strlen(driver));
    return m;
}

void lec_migrate_free(struct lec_migrate *m)
{
    if (!m)
        return;
    if (m->call)
        lec_db_cancel(m->call);
    lec_migration_files_fini(&m->files);
    lec_buf_fini(&m->text);
    lec_buf_fini(&m->request);
    free(m);
}

int lec_migrate_add(struct lec_migrate *m, const char *owner, const struct lec_sql_file *files,
                    char *err, size_t err_size)
{
    lec_migration_owner(&m->files, owner);
    int rc = LEC_OK;
    for (; files->name && rc == LEC_OK; files++)
        rc = lec_migration_add(&m->files, owner, files->name,
                               (struct lec_slice){ files->text, files->size }, err, err_size);
    return rc == LEC_OK ? lec_migration_settle(&m->files, owner, err, err_size) : rc;
}

int lec_migrate_add_folder(struct lec_migrate *m, const char *owner, const char *path, char *err,
                           size_t err_size)
{
    lec_migration_owner(&m->files, owner);
    int rc = lec_migration_read_folder(&m->files, owner, path, err, err_size);
    return rc == LEC_OK ? lec_migration_settle(&m->files, owner, err, err_size) : rc;
}

/* --- running ------------------------------------------------------------------------------- */

/* Whoever hears it may free m. */
static void end(struct lec_migrate *m, int rc)
{
    m->fn(m->ctx, rc, lec_buf_slice(&m->text));
}

/* Adds why it stopped, and says so; whoever hears it may free m. */
static void fail(struct lec_migrate *m, const char *fmt, ...) LEC_PRINTF(2, 3);
static void fail(struct lec_migrate *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    lec_buf_vprintf(&m->text, fmt, ap);
    va_end(ap);
    end(m, LEC_EIO);
}

static void send(struct lec_migrate *m, lec_db_fn *fn)
{
    lec_db_set_timeout(&m->request, 0); /* a large table takes its time */
    if (lec_db_call(m->db, &m->request, fn, m, &m->call, NULL) != LEC_OK)
        fail(m, "the database has too much to do to be migrated");
}

static bool add_statement(struct lec_migrate *m, const char *sql)
{
    if (lec_db_statement(&m->request, lec_slice_str(sql)) == LEC_OK)
        return true;
    fail(m, "too many statements");
    return false;
}

/* --- one file after the other --- */

static void run_next(struct lec_migrate *m);

static void on_applied(void *ctx, struct lec_slice answer)
{
    struct lec_migrate *m = ctx;
    const struct lec_migration *file = &m->files.items[m->next];
    struct lec_db_error error;
    m->call = NULL;
    if (lec_db_failed(answer, &error)) {
        fail(m, "%s %s: %.*s; nothing of this file was done", file->owner, file->name,
             (int)error.message.n, error.message.p);
        return;
    }
    lec_buf_printf(&m->text, "applied %s %s\n", file->owner, file->name);
    m->next++;
    run_next(m);
}

/* The file and its record, as a script has no parameters. Nothing here needs quoting: names are letters,
 * digits, '_' and '-' (lec_migration_add, core/server/plugins.c). */
static void run_next(struct lec_migrate *m)
{
    const struct lec_migration *file;
    while (m->next < m->files.n && m->files.items[m->next].applied)
        m->next++;
    if (m->next == m->files.n) {
        end(m, LEC_OK);
        return;
    }
    file = &m->files.items[m->next];
    if (m->dry) {
        lec_buf_printf(&m->text, "to be applied: %s %s\n", file->owner, file->name);
        m->next++;
        run_next(m);
        return;
    }
    struct lec_buf record = { 0 };
    lec_buf_printf(&record,
                   "INSERT INTO lectern_migrations (owner, number, name, hash, applied) VALUES "
                   "('%s', %u, '%s', '%s', %llu)",
                   file->owner, file->number, file->name, file->hash,
                   (unsigned long long)lec_clock_ms());
    lec_db_begin(&m->request, m->db, LECTERN_DB_SCRIPT, 0, 0);
    if (add_statement(m, file->text) && add_statement(m, lec_buf_str(&record)))
        send(m, on_applied);
    lec_buf_fini(&record);
}

/* --- what was applied --- */

/* Compares a record with its file. False: it has failed. */
static bool check_record(struct lec_migrate *m, const char *owner, unsigned number,
                         const char *name, const char *hash)
{
    if (!lec_migration_knows(&m->files, owner))
        return true; /* a plugin that is not there any more */
    struct lec_migration *file = lec_migration_find(&m->files, owner, number);
    if (file && strcmp(file->hash, hash) == 0) {
        file->applied = true;
        return true;
    }
    if (file)
        fail(m,
             "%s %s was applied and has changed since; put it back as it was, and change the "
             "database by a new file",
             owner, file->name);
    else
        fail(
            m,
            "the database has %s %s, which this version does not: a newer one made it, or the file "
            "was taken away; start that version, or restore a backup from before it",
            owner, name);
    return false;
}

/* A file that is not applied must not stand before one that is. */
static bool check_order(struct lec_migrate *m)
{
    for (size_t i = 0; i + 1 < m->files.n; i++) {
        const struct lec_migration *file = &m->files.items[i], *next = file + 1;
        if (!file->applied && next->applied && strcmp(file->owner, next->owner) == 0) {
            fail(m, "%s %s was never applied, but %s behind it was", file->owner, file->name,
                 next->name);
            return false;
        }
    }
    return true;
}

static void on_records(void *ctx, struct lec_slice answer)
{
    struct lec_migrate *m = ctx;
    struct lec_db_error error;
    struct lec_db_result rows;
    m->call = NULL;
    if (lec_db_failed(answer, &error)) {
        /* A database that nobody has migrated yet. */
        if (m->dry && error.code == LECTERN_DB_INVALID)
            run_next(m);
        else
            fail(m, "the migrations cannot be read: %.*s", (int)error.message.n, error.message.p);
        return;
    }
    lec_db_result_begin(&rows, answer);
    while (lec_db_result_row(&rows)) {
        char *owner = lec_db_result_text(&rows, 0), *name = lec_db_result_text(&rows, 2),
             *hash = lec_db_result_text(&rows, 3);
        bool well = check_record(m, owner, (unsigned)lec_db_result_integer(&rows, 1), name, hash);
        free(owner);
        free(name);
        free(hash);
        if (!well)
            return;
    }
    if (check_order(m))
        run_next(m);
}

static void ask_records(struct lec_migrate *m)
{
    lec_db_begin(&m->request, m->db, LECTERN_DB_BATCH, 0, 0);
    if (add_statement(m, "SELECT owner, number, name, hash FROM lectern_migrations "
                         "ORDER BY owner, number"))
        send(m, on_records);
}

static void on_tables(void *ctx, struct lec_slice answer)
{
    struct lec_migrate *m = ctx;
    struct lec_db_error error;
    m->call = NULL;
    if (lec_db_failed(answer, &error))
        fail(m, "the database cannot be written: %.*s", (int)error.message.n, error.message.p);
    else
        ask_records(m);
}

void lec_migrate_epoch(struct lec_buf *sql, bool anew)
{
    char epoch[LEC_ID_LEN + 1];
    lec_id_make(epoch);
    lec_buf_printf(sql,
                   "CREATE TABLE IF NOT EXISTS lectern_store (key TEXT PRIMARY KEY, value TEXT NOT "
                   "NULL); INSERT INTO lectern_store (key, value) VALUES ('epoch', '%s') "
                   "ON CONFLICT (key) DO %s;",
                   epoch, anew ? "UPDATE SET value = excluded.value" : "NOTHING");
}

void lec_migrate_run(struct lec_migrate *m, bool dry, lec_migrate_fn *fn, void *ctx)
{
    m->dry = dry;
    m->fn = fn;
    m->ctx = ctx;
    m->next = 0;
    m->text.n = 0;
    if (dry) {
        ask_records(m);
        return;
    }
    struct lec_buf sql = { 0 };
    lec_buf_adds(
        &sql, "CREATE TABLE IF NOT EXISTS lectern_migrations (owner TEXT NOT NULL, number "
              "INTEGER NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, applied BIGINT NOT NULL, "
              "PRIMARY KEY (owner, number));");
    lec_migrate_epoch(&sql, false);
    lec_db_begin(&m->request, m->db, LECTERN_DB_SCRIPT, 0, 0);
    if (add_statement(m, lec_buf_str(&sql)))
        send(m, on_tables);
    lec_buf_fini(&sql);
}
