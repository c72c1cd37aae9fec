#include "server/database.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "db/answer.h"

#define LIBRARY_OWNER "lectern"
#define TEAM_OWNER    "app"

struct lec_database {
    struct lec_database_setup setup;
    char *state_dir; /* "": none is needed */
    struct lec_db *db;
    const struct lec_plugin *plugin; /* whose driver it is */
    struct lec_buf request;
    struct lec_migrate *migrate; /* NULL: it does not run */
    lec_database_fn *migrated;
    void *migrated_ctx;
    bool ready;
};

/* --- opening ------------------------------------------------------------------------------- */

static struct lec_slice scheme_of(const char *url)
{
    return (struct lec_slice){ url, strcspn(url, ":") };
}

/* What may be shown of the URL: another than ours may have a password in it. */
static void put_url(const struct lec_database *d, struct lec_buf *out)
{
    const char *url = d->setup.cfg->database;
    if (strcmp(d->plugin->name, "sqlite") == 0)
        lec_buf_adds(out, url);
    else
        lec_buf_printf(out, "%.*s:", (int)scheme_of(url).n, url);
}

static bool open_database(struct lec_database *d, char *err, size_t err_size)
{
    const struct lec_config *cfg = d->setup.cfg;
    const struct lec_db_config db = {
        .max_calls = cfg->db_max_calls,
        .max_bytes = cfg->db_max_queued_bytes,
        .timeout_ms = (unsigned)cfg->db_timeout,
        .max_rows = (unsigned)cfg->db_max_rows,
        .max_result_bytes = (unsigned)cfg->db_max_result_bytes,
    };
    d->db = lec_db_new(d->setup.loop, &db, d->setup.log);
    return lec_db_open(d->db, d->plugin->table->db, lec_host_table(d->plugin->host), cfg->database,
                       err, err_size) == LEC_OK;
}

/* Up to the driver, which has not opened it yet. NULL with a sentence. */
static struct lec_database *make(const struct lec_database_setup *setup, char *err, size_t err_size)
{
    struct lec_database *d = lec_alloc0(sizeof *d);
    struct lec_slice scheme = scheme_of(setup->cfg->database);
    d->setup = *setup;
    if (lec_database_is_memory(setup->cfg->database) && !*setup->cfg->state_dir)
        d->state_dir = lec_strndup("", 0);
    else
        d->state_dir = lec_state_dir(setup->cfg, setup->dir, true, err, err_size);
    if (d->state_dir && lec_plugins_start(setup->plugins, setup->loop, setup->log, d->state_dir,
                                          err, err_size) == LEC_OK) {
        d->plugin = lec_plugins_driver(setup->plugins, scheme);
        if (d->plugin)
            return d;
        snprintf(err, err_size,
                 "database: no plugin knows \"%.*s:\"; sqlite:lectern.db and memory: need none",
                 (int)scheme.n, scheme.p);
    }
    lec_database_free(d);
    return NULL;
}

struct lec_database *lec_database_open(const struct lec_database_setup *setup, char *err,
                                       size_t err_size)
{
    struct lec_database *d = make(setup, err, err_size);
    if (d && !open_database(d, err, err_size)) {
        lec_database_free(d);
        d = NULL;
    }
    return d;
}

int lec_database_restore(const struct lec_database_setup *setup, const char *file, char *err,
                         size_t err_size)
{
    struct lec_database *d = make(setup, err, err_size);
    struct lec_buf script = { 0 };
    bool well = false;
    if (d && !d->plugin->table->db->restore) {
        snprintf(err, err_size, "the plugin %s cannot restore; its database has tools for that",
                 d->plugin->name);
    } else if (d) {
        lec_migrate_epoch(&script, true);
        well = d->plugin->table->db->restore(lec_host_table(d->plugin->host), setup->cfg->database,
                                             file, lec_buf_str(&script), err, err_size);
    }
    lec_buf_fini(&script);
    lec_database_free(d);
    return well ? LEC_OK : LEC_EIO;
}

void lec_database_close(struct lec_database *d)
{
    d->ready = false;
    if (d->db)
        lec_db_close(d->db);
}

void lec_database_free(struct lec_database *d)
{
    if (!d)
        return;
    lec_database_close(d);
    lec_migrate_free(d->migrate);
    lec_db_free(d->db);
    lec_buf_fini(&d->request);
    free(d->state_dir);
    free(d);
}

struct lec_db *lec_database_db(struct lec_database *d)
{
    return d->db;
}

bool lec_database_ready(const struct lec_database *d)
{
    return d->ready && lec_db_available(d->db);
}

/* --- migrations ---------------------------------------------------------------------------- */

static int add_migrations(struct lec_database *d, struct lec_migrate *m, char *err, size_t err_size)
{
    struct lec_buf path = { 0 };
    struct lec_plugin *p;
    int rc = lec_migrate_add(m, LIBRARY_OWNER, d->setup.library, err, err_size);
    for (size_t pos = 0; rc == LEC_OK && (p = lec_plugins_next(d->setup.plugins, &pos)) != NULL;) {
        if (!p->has_migrations)
            continue;
        path.n = 0;
        lec_buf_printf(&path, "%s/migrations", p->dir);
        rc = lec_migrate_add_folder(m, p->owner, lec_buf_str(&path), err, err_size);
    }
    path.n = 0;
    lec_buf_printf(&path, "%s/migrations", d->setup.dir);
    if (rc == LEC_OK)
        rc = lec_migrate_add_folder(m, TEAM_OWNER, lec_buf_str(&path), err, err_size);
    lec_buf_fini(&path);
    return rc;
}

static void on_migrated(void *ctx, int rc, struct lec_slice text)
{
    struct lec_database *d = ctx;
    struct lec_migrate *m = d->migrate;
    d->migrate = NULL;
    if (rc == LEC_OK)
        d->ready = true;
    d->migrated(d->migrated_ctx, rc, text);
    lec_migrate_free(m);
}

void lec_database_migrate(struct lec_database *d, bool dry, lec_database_fn *fn, void *ctx)
{
    char err[512];
    if (d->migrate) {
        fn(ctx, LEC_EAGAIN, LEC_SLICE("the database is being migrated already"));
        return;
    }
    struct lec_migrate *m = lec_migrate_new(d->db, d->plugin->name);
    int rc = add_migrations(d, m, err, sizeof err);
    if (rc != LEC_OK) {
        lec_migrate_free(m);
        fn(ctx, rc, lec_slice_str(err));
        return;
    }
    d->migrate = m;
    d->migrated = fn;
    d->migrated_ctx = ctx;
    lec_migrate_run(m, dry, on_migrated, d);
}

/* --- single questions ---------------------------------------------------------------------- */

struct question {
    struct lec_database *d;
    lec_database_fn *fn;
    void *ctx;
};

/* Takes the request that was built, and lets then make the text of a good answer. */
static void ask(struct lec_database *d, lec_db_fn *then, lec_database_fn *fn, void *ctx)
{
    struct question *q = lec_alloc(sizeof *q);
    struct lec_db_call *call;
    *q = (struct question){ d, fn, ctx };
    lec_db_set_timeout(&d->request, 0);
    if (lec_db_call(d->db, &d->request, then, q, &call, NULL) == LEC_OK)
        return;
    free(q);
    fn(ctx, LEC_EFULL, LEC_SLICE("the database has too much to do"));
}

/* The end of a question. */
static void tell(struct question *q, int rc, struct lec_slice text)
{
    q->fn(q->ctx, rc, text);
    free(q);
}

static bool told_failure(struct question *q, struct lec_slice answer)
{
    struct lec_db_error error;
    if (!lec_db_failed(answer, &error))
        return false;
    tell(q, LEC_EIO, error.message);
    return true;
}

static void on_backup(void *ctx, struct lec_slice answer)
{
    if (!told_failure(ctx, answer))
        tell(ctx, LEC_OK, LEC_SLICE(""));
}

void lec_database_backup(struct lec_database *d, const char *path, lec_database_fn *fn, void *ctx)
{
    lec_db_begin(&d->request, d->db, LECTERN_DB_BACKUP, 0, 0);
    if (lec_db_statement(&d->request, lec_slice_str(path)) == LEC_OK)
        ask(d, on_backup, fn, ctx);
}

static void on_check(void *ctx, struct lec_slice answer)
{
    if (told_failure(ctx, answer))
        return;
    struct lec_buf text = { 0 };
    struct lec_db_result rows;
    bool well = true;
    lec_db_result_begin(&rows, answer);
    while (lec_db_result_row(&rows)) {
        char *line = lec_db_result_text(&rows, 0);
        well = well && strcmp(line, "ok") == 0;
        lec_buf_printf(&text, "%s\n", line);
        free(line);
    }
    tell(ctx, well ? LEC_OK : LEC_EIO, lec_buf_slice(&text));
    lec_buf_fini(&text);
}

void lec_database_check(struct lec_database *d, lec_database_fn *fn, void *ctx)
{
    lec_db_begin(&d->request, d->db, LECTERN_DB_CHECK, 0, 0);
    ask(d, on_check, fn, ctx);
}

/* --- how large it is ----------------------------------------------------------------------- */

/* By the plugin's name. tables: our names; size: of all. */
static const struct {
    const char *plugin, *tables, *size;
} facts[] = {
    { "sqlite",
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'lectern\\_%' ESCAPE '\\' "
      "ORDER BY name",
      "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()" },
    { "postgres",
      "SELECT table_name::text FROM information_schema.tables WHERE table_schema = "
      "current_schema() "
      "AND table_name LIKE 'lectern\\_%' ORDER BY table_name",
      "SELECT pg_database_size(current_database())" },
};

static void log_line(void *ctx, int rc, struct lec_slice text)
{
    struct lec_database *d = ctx;
    if (rc == LEC_OK)
        lec_log(d->setup.log, LEC_LOG_INFO, LEC_CAT_DB, LEC_NOBODY, "%.*s", (int)text.n, text.p);
}

/* The size, then the name and the number of rows of each table. */
static void on_counts(void *ctx, struct lec_slice answer)
{
    struct question *q = ctx;
    if (told_failure(q, answer))
        return;
    struct lec_buf line = { 0 };
    struct lec_db_result rows;
    lec_buf_adds(&line, "database ");
    put_url(q->d, &line);
    if (*q->d->state_dir)
        lec_buf_printf(&line, " in %s", q->d->state_dir);
    lec_db_result_begin(&rows, answer);
    lec_db_result_row(&rows);
    lec_buf_printf(&line, ", %.1f MB; rows:", (double)lec_db_result_integer(&rows, 0) / 1e6);
    const char *comma = "";
    while (lec_db_result_next(&rows) && lec_db_result_row(&rows)) {
        char *name = lec_db_result_text(&rows, 0);
        lec_buf_printf(&line, "%s %s %lld", comma, name + strlen("lectern_"),
                       (long long)lec_db_result_integer(&rows, 1));
        comma = ",";
        free(name);
    }
    tell(q, LEC_OK, lec_buf_slice(&line));
    lec_buf_fini(&line);
}

static void on_tables(void *ctx, struct lec_slice answer)
{
    struct question *q = ctx;
    struct lec_database *d = q->d;
    if (told_failure(q, answer))
        return;
    struct lec_db_result rows;
    struct lec_buf sql = { 0 };
    lec_db_begin(&d->request, d->db, LECTERN_DB_BATCH, 0, 0);
    int rc = lec_db_statement(&d->request, lec_slice_str((const char *)q->ctx));
    lec_db_result_begin(&rows, answer);
    while (rc == LEC_OK && lec_db_result_row(&rows)) {
        char *name = lec_db_result_text(&rows, 0);
        sql.n = 0;
        lec_buf_printf(&sql, "SELECT '%s', count(*) FROM %s", name, name);
        rc = lec_db_statement(&d->request, lec_buf_slice(&sql));
        free(name);
    }
    lec_buf_fini(&sql);
    free(q);
    if (rc == LEC_OK)
        ask(d, on_counts, log_line, d);
}

void lec_database_log(struct lec_database *d)
{
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (strcmp(facts[i].plugin, d->plugin->name) != 0)
            continue;
        lec_db_begin(&d->request, d->db, LECTERN_DB_BATCH, 0, 0);
        if (lec_db_statement(&d->request, lec_slice_str(facts[i].tables)) == LEC_OK)
            ask(d, on_tables, log_line, (void *)(uintptr_t)facts[i].size);
    }
}

/* --- without a running loop ---------------------------------------------------------------- */

struct waiting {
    struct lec_loop *loop;
    struct lec_buf *text;
    int rc;
    bool done, runs;
};

static void on_done(void *ctx, int rc, struct lec_slice text)
{
    struct waiting *w = ctx;
    lec_buf_add(w->text, text.p, text.n);
    w->rc = rc;
    w->done = true;
    if (w->runs)
        lec_loop_stop(w->loop);
}

static int wait_for(struct waiting *w)
{
    w->runs = true;
    while (!w->done)
        lec_loop_run(w->loop);
    return w->rc;
}

int lec_database_wait_migrate(struct lec_database *d, bool dry, struct lec_buf *text)
{
    struct waiting w = { .loop = d->setup.loop, .text = text };
    lec_database_migrate(d, dry, on_done, &w);
    return wait_for(&w);
}

int lec_database_wait_backup(struct lec_database *d, const char *path, struct lec_buf *text)
{
    struct waiting w = { .loop = d->setup.loop, .text = text };
    lec_database_backup(d, path, on_done, &w);
    return wait_for(&w);
}

int lec_database_wait_check(struct lec_database *d, struct lec_buf *text)
{
    struct waiting w = { .loop = d->setup.loop, .text = text };
    lec_database_check(d, on_done, &w);
    return wait_for(&w);
}

/* --- status -------------------------------------------------------------------------------- */

static const char *state_of(const struct lec_database *d)
{
    return !lec_db_available(d->db) ? "away" : d->ready ? "there" : "being migrated";
}

void lec_database_text(const struct lec_database *d, struct lec_buf *out)
{
    put_url(d, out);
    lec_buf_printf(out, ", %s; waiting: %zu", state_of(d), lec_db_waiting(d->db));
}

void lec_database_json(const struct lec_database *d, struct lec_buf *out)
{
    struct lec_buf url = { 0 };
    put_url(d, &url);
    lec_buf_adds(out, "{\"url\":");
    if (lec_json_put_string(out, url.p, url.n) != LEC_OK)
        lec_buf_adds(out, "null");
    lec_buf_printf(out, ",\"driver\":\"%s\",\"state\":\"%s\",\"waiting\":%zu}", d->plugin->name,
                   state_of(d), lec_db_waiting(d->db));
    lec_buf_fini(&url);
}
