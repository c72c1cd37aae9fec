/* The driver: what the server sees of SQLite. Requests go to lists that threads take from; what they
 * have answered goes back to the loop, many answers with one post. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define CLOSE_MS 1000 /* for what was submitted, when the database is closed */

void sql_wait_until(struct lectern_db *db, pthread_cond_t *cond, uint64_t at)
{
    struct timespec when = { .tv_sec = (time_t)(at / 1000),
                             .tv_nsec = (long)(at % 1000) * 1000000 };
    pthread_cond_timedwait(cond, &db->lock, &when);
}

/* --- answers ------------------------------------------------------------------------------- */

/* posted: by the post, which may be given to the host again from now on. */
static void deliver(struct lectern_db *db, bool posted)
{
    pthread_mutex_lock(&db->lock);
    struct sql_list done = db->done;
    db->done = (struct sql_list){ 0 };
    if (posted)
        db->mailbox->posted = false;
    pthread_mutex_unlock(&db->lock);
    struct sql_job *job;
    while ((job = sql_list_shift(&done)) != NULL) {
        if (job->is_news) {
            db->events.on_state(db->ctx, job->available, (const char *)job->answer.p);
        } else {
            db->events.on_answer(db->ctx, job->id, job->answer.p, job->answer.n);
            job->answer.p = NULL;
        }
        sql_job_free(job);
    }
}

static void on_post(struct lectern_post *post)
{
    struct sql_mailbox *mailbox = (struct sql_mailbox *)post;
    if (mailbox->db)
        deliver(mailbox->db, true);
    else
        free(mailbox);
}

void sql_finish(struct lectern_db *db, struct sql_job *job)
{
    sql_list_add(&db->done, job);
    if (db->stopping)
        pthread_cond_signal(&db->for_close);
    if (db->mailbox->posted)
        return;
    db->mailbox->posted = true;
    db->host->post(db->host, &db->mailbox->post);
}

void sql_refuse(struct lectern_db *db, struct sql_job *job, enum lectern_db_code code,
                const char *why)
{
    sql_answer_error(&job->answer, code, 0, "%s", why);
    sql_finish(db, job);
}

static void refuse_step(struct lectern_db *db, struct sql_job *job)
{
    if (job->transaction != 0 && job->transaction == db->ended)
        sql_refuse(db, job, LECTERN_DB_TIMEOUT,
                   "the transaction was rolled back, as nothing came for it in time");
    else
        sql_refuse(db, job, LECTERN_DB_INVALID, "the transaction has ended");
}

void sql_refuse_steps(struct lectern_db *db, uint64_t transaction)
{
    struct sql_list others = { 0 };
    struct sql_job *job;
    while ((job = sql_list_shift(&db->steps)) != NULL)
        if (job->transaction == transaction)
            refuse_step(db, job);
        else
            sql_list_add(&others, job);
    db->steps = others;
}

void sql_news(struct lectern_db *db, bool available, const char *why)
{
    struct sql_job *job = sql_alloc(sizeof *job);
    job->is_news = true;
    job->available = available;
    sql_bytes_add(&job->answer, why, strlen(why) + 1);
    sql_finish(db, job);
}

bool sql_overdue(struct sql_job *job, uint64_t now)
{
    if (job->deadline == 0 || now < job->deadline)
        return false;
    sql_answer_error(&job->answer, LECTERN_DB_TIMEOUT, 0,
                     "it waited too long for its turn, and was not begun");
    return true;
}

/* --- opening ------------------------------------------------------------------------------- */

static bool start(struct lectern_db *db, char *err, size_t err_size)
{
    int rc = pthread_create(&db->thread, NULL, sql_writer_main, db);
    db->has_thread = rc == 0;
    for (unsigned i = 0; rc == 0 && !db->memory && i < SQL_READERS; i++) {
        db->readers[i].db = db;
        rc = pthread_create(&db->readers[i].thread, NULL, sql_reader_main, &db->readers[i]);
        db->n_readers += rc == 0;
    }
    if (rc != 0)
        snprintf(err, err_size, "no thread for the database: %s", strerror(rc));
    return rc == 0;
}

/* No thread uses it any more. */
static void free_db(struct lectern_db *db)
{
    for (unsigned i = 0; i < SQL_READERS; i++)
        sql_connection_close(db->readers[i].connection);
    sql_connection_close(db->writer);
    struct sql_list *const lists[] = { &db->writes, &db->steps, &db->reads, &db->done };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        sql_list_free(lists[i]);
    if (db->lock_file >= 0)
        close(db->lock_file);
    db->mailbox->db = NULL;
    if (!db->mailbox->posted)
        free(db->mailbox);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->for_writer);
    pthread_cond_destroy(&db->for_readers);
    pthread_cond_destroy(&db->for_close);
    free(db->path);
    free(db);
}

static struct lectern_db *make_db(const struct lectern_host *host,
                                  const struct lectern_db_events *events, void *ctx)
{
    struct lectern_db *db = sql_alloc(sizeof *db);
    db->host = host;
    db->events = *events;
    db->ctx = ctx;
    db->lock_file = -1;
    db->max_bytes = strtoull(host->setting(host, "max_bytes"), NULL, 10);
    db->mailbox = sql_alloc(sizeof *db->mailbox);
    db->mailbox->post.fn = on_post;
    db->mailbox->db = db;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->for_writer, &attr);
    pthread_cond_init(&db->for_readers, &attr);
    pthread_cond_init(&db->for_close, &attr);
    pthread_condattr_destroy(&attr);
    return db;
}

static void close_db(struct lectern_db *db);

static struct lectern_db *open_db(const struct lectern_host *host, const char *url,
                                  const struct lectern_db_events *events, void *ctx, char *err,
                                  size_t err_size)
{
    struct lectern_db *db = make_db(host, events, ctx);
    db->memory = strncmp(url, "memory:", 7) == 0;
    db->path = db->memory ? strcpy(sql_alloc(9), ":memory:")
                          : sql_path(host->state_dir, url, err, err_size);
    if (db->path && !db->memory) {
        db->lock_file = sql_lock(db->path, err, err_size);
        if (db->lock_file >= 0)
            sql_make_file(db->path);
    }
    if (db->path && (db->memory || db->lock_file >= 0))
        db->writer = sql_connection_open(db->path, SQL_CREATE, db->max_bytes, err, err_size);
    if (!db->writer) {
        free_db(db);
        return NULL;
    }
    db->writer->canceled = &db->abandoned;
    if (!start(db, err, err_size)) {
        close_db(db);
        return NULL;
    }
    return db;
}

/* --- requests ------------------------------------------------------------------------------ */

static bool is_step(enum lectern_db_kind kind)
{
    return kind == LECTERN_DB_STEP || kind == LECTERN_DB_COMMIT || kind == LECTERN_DB_ROLLBACK;
}

/* It is open, or will be. */
static bool is_live(const struct lectern_db *db, uint64_t transaction)
{
    return transaction != 0 && ((db->transaction == transaction && !db->transaction_abandoned) ||
                                sql_list_has(&db->writes, transaction));
}

static void submit(struct lectern_db *db, uint64_t id, void *request, size_t n)
{
    struct lectern_reader r = lectern_read(request, n);
    struct lectern_request q = lectern_read_request(&r);
    struct sql_job *job = sql_alloc(sizeof *job);
    *job = (struct sql_job){ .kind = q.kind,
                             .id = id,
                             .transaction = q.transaction,
                             .timeout_ms = q.timeout_ms,
                             .deadline = q.timeout_ms ? sql_now() + q.timeout_ms : 0,
                             .request = request,
                             .n = n };
    bool reads =
        !db->memory && !r.bad && (q.kind == LECTERN_DB_CHECK || sql_request_reads(request, n));
    pthread_mutex_lock(&db->lock);
    if (r.bad) {
        sql_refuse(db, job, LECTERN_DB_INVALID, "the request is cut short");
    } else if (db->away) {
        sql_refuse(db, job, LECTERN_DB_UNAVAILABLE, "the database is away");
    } else if (is_step(q.kind) && !is_live(db, q.transaction)) {
        refuse_step(db, job);
    } else if (reads) {
        sql_list_add(&db->reads, job);
        pthread_cond_signal(&db->for_readers);
    } else {
        sql_list_add(is_step(q.kind) ? &db->steps : &db->writes, job);
        pthread_cond_signal(&db->for_writer);
    }
    pthread_mutex_unlock(&db->lock);
}

static void cancel(struct lectern_db *db, uint64_t id)
{
    pthread_mutex_lock(&db->lock);
    struct sql_list *const lists[] = { &db->writes, &db->reads, &db->steps };
    struct sql_job *job = NULL;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && !job; i++)
        job = sql_list_take(lists[i], id);
    if (job) {
        sql_refuse(db, job, LECTERN_DB_CANCELED, "it was canceled before it began");
        if (job->kind == LECTERN_DB_BEGIN)
            sql_refuse_steps(db, id);
    } else if (db->transaction == id && id != 0) {
        /* Nobody waits for its BEGIN, so nobody will end it. */
        db->transaction_abandoned = true;
        pthread_cond_signal(&db->for_writer);
    }
    for (unsigned i = 0; i < db->n_readers; i++)
        if (db->readers[i].running && db->readers[i].running->id == id)
            atomic_store(&db->readers[i].canceled, true);
    pthread_mutex_unlock(&db->lock);
}

/* --- closing ------------------------------------------------------------------------------- */

static bool is_busy(const struct lectern_db *db)
{
    return db->writes.count + db->steps.count + db->reads.count + db->running > 0;
}

static void close_db(struct lectern_db *db)
{
    uint64_t until = sql_now() + CLOSE_MS;
    pthread_mutex_lock(&db->lock);
    db->stopping = true;
    pthread_cond_broadcast(&db->for_writer);
    pthread_cond_broadcast(&db->for_readers);
    while (is_busy(db) && sql_now() < until)
        sql_wait_until(db, &db->for_close, until);
    if (is_busy(db)) {
        atomic_store(&db->abandoned, true);
        for (unsigned i = 0; i < db->n_readers; i++)
            atomic_store(&db->readers[i].canceled, true);
        sql_list_free(&db->reads);
        sql_list_free(&db->writes);
        sql_list_free(&db->steps);
        pthread_cond_broadcast(&db->for_writer);
    }
    pthread_mutex_unlock(&db->lock);
    for (unsigned i = 0; i < db->n_readers; i++)
        pthread_join(db->readers[i].thread, NULL);
    pthread_mutex_lock(&db->lock);
    pthread_cond_broadcast(&db->for_writer);
    pthread_mutex_unlock(&db->lock);
    if (db->has_thread)
        pthread_join(db->thread, NULL);
    deliver(db, false);
    free_db(db);
}

/* --- the table ----------------------------------------------------------------------------- */

LECTERN_EXPORT const struct lectern_plugin *lectern_plugin(const struct lectern_host *host)
{
    static const struct lectern_db_driver driver = {
        .schemes = "sqlite memory",
        .exclusive = true,
        .open = open_db,
        .submit = submit,
        .cancel = cancel,
        .close = close_db,
        .restore = sql_restore,
    };
    static const struct lectern_plugin plugin = {
        .version = LECTERN_PLUGIN_VERSION,
        .name = "sqlite",
        .db = &driver,
    };
    (void)host;
    return sqlite3_threadsafe() ? &plugin : NULL;
}
