/* The thread that writes: takes what waits, in groups (group.c) or one by itself. An interactive transaction
 * holds it: nothing else is taken until it ends. A file that failed it opens again. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define IDLE_MS    60000 /* of a transaction without a limit */
#define RETRY_MS   250   /* between two attempts to open the file again */
#define ERROR_SIZE 512

/* --- one by itself ------------------------------------------------------------------------- */

static void run_alone(struct lectern_db *db, struct sql_job *job)
{
    struct sql_connection *c = db->writer;
    if (job->kind == LECTERN_DB_BACKUP) {
        struct lectern_reader r = lectern_read(job->request, job->n);
        lectern_read_request(&r);
        uint32_t n;
        const char *path = lectern_read_bytes(&r, 4, &n);
        if (db->backup)
            sql_answer_error(&job->answer, LECTERN_DB_BUSY, 0, "another backup is being made");
        else
            db->backup = sql_backup_begin(c, path, n, &job->answer);
        if (db->backup && !db->backup_job) {
            db->backup_job = job;
            return;
        }
    } else if (!sql_overdue(job, sql_now())) {
        c->deadline = job->deadline;
        sql_run(c, job->id, job->request, job->n, &job->answer);
        c->deadline = 0;
    }
    pthread_mutex_lock(&db->lock);
    db->running--;
    db->transaction = c->transaction;
    sql_finish(db, job);
    if (c->transaction == 0 && job->kind != LECTERN_DB_BATCH)
        sql_refuse_steps(db, job->kind == LECTERN_DB_BEGIN ? job->id : job->transaction);
    pthread_mutex_unlock(&db->lock);
}

static void end_backup(struct lectern_db *db)
{
    struct sql_job *job = db->backup_job;
    db->backup = NULL;
    db->backup_job = NULL;
    pthread_mutex_lock(&db->lock);
    db->running--;
    sql_finish(db, job);
    pthread_mutex_unlock(&db->lock);
}

static void continue_backup(struct lectern_db *db)
{
    if (sql_backup_step(db->backup, &db->backup_job->answer))
        end_backup(db);
}

static void abandon_backup(struct lectern_db *db, const char *why)
{
    if (!db->backup)
        return;
    sql_backup_abandon(db->backup);
    sql_answer_error(&db->backup_job->answer, LECTERN_DB_UNAVAILABLE, 0, "%s", why);
    end_backup(db);
}

/* --- the interactive transaction ----------------------------------------------------------- */

/* The first step of the open one. Others stand among them, of transactions that wait in `writes`. */
static struct sql_job *take_step(struct lectern_db *db)
{
    struct sql_list others = { 0 };
    struct sql_job *found = NULL, *job;
    while ((job = sql_list_shift(&db->steps)) != NULL)
        if (!found && job->transaction == db->transaction)
            found = job;
        else
            sql_list_add(&others, job);
    db->steps = others;
    return found;
}

/* Its next step; NULL: it has ended. Under the lock. */
static struct sql_job *wait_for_step(struct lectern_db *db, uint64_t until)
{
    for (;;) {
        struct sql_job *job = db->transaction_abandoned ? NULL : take_step(db);
        if (job || db->stopping || db->transaction_abandoned || sql_now() >= until)
            return job;
        sql_wait_until(db, &db->for_writer, until);
    }
}

/* Runs a BEGIN, and all that belongs to it. */
static void run_interactive(struct lectern_db *db, struct sql_job *job)
{
    uint32_t idle_ms = job->timeout_ms ? job->timeout_ms : IDLE_MS;
    uint64_t id = job->id;
    run_alone(db, job);
    while (db->writer->transaction != 0) {
        pthread_mutex_lock(&db->lock);
        job = wait_for_step(db, sql_now() + idle_ms);
        if (job)
            db->running++;
        pthread_mutex_unlock(&db->lock);
        if (job) {
            run_alone(db, job);
            continue;
        }
        sql_rollback(db->writer);
        db->writer->transaction = 0;
        pthread_mutex_lock(&db->lock);
        db->transaction = 0;
        db->ended = id;
        sql_refuse_steps(db, id);
        pthread_mutex_unlock(&db->lock);
    }
    pthread_mutex_lock(&db->lock);
    db->transaction_abandoned = false;
    pthread_mutex_unlock(&db->lock);
}

/* --- a file that failed -------------------------------------------------------------------- */

static void refuse_everything(struct lectern_db *db, const char *why)
{
    struct sql_list *const lists[] = { &db->writes, &db->steps, &db->reads };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct sql_job *job;
        while ((job = sql_list_shift(lists[i])) != NULL)
            sql_refuse(db, job, LECTERN_DB_UNAVAILABLE, why);
    }
}

/* SQLite goes on with a file that was deleted, or has another name now; after the next start all that
 * would be gone. */
static bool has_moved(const struct lectern_db *db)
{
    int moved = 0;
    return !db->memory &&
           sqlite3_file_control(db->writer->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved;
}

/* Closes it and opens it again, as often as it takes. Readers follow by the generation. */
static void reopen(struct lectern_db *db, const char *why)
{
    char err[ERROR_SIZE];
    snprintf(err, sizeof err, "%s is opened again: %s", db->path, why);
    abandon_backup(db, "the database failed meanwhile");
    sql_connection_close(db->writer);
    db->writer = NULL;
    pthread_mutex_lock(&db->lock);
    db->away = true;
    db->generation++;
    refuse_everything(db, "the database is away");
    sql_news(db, false, err);
    while (!db->stopping && !db->writer) {
        uint64_t again = sql_now() + RETRY_MS;
        pthread_mutex_unlock(&db->lock);
        struct sql_connection *c =
            sql_connection_open(db->path, SQL_EXISTING, db->max_bytes, err, sizeof err);
        pthread_mutex_lock(&db->lock);
        db->writer = c;
        while (!c && !db->stopping && sql_now() < again)
            sql_wait_until(db, &db->for_writer, again);
    }
    if (db->writer) {
        db->writer->canceled = &db->abandoned;
        db->away = false;
        sql_news(db, true, db->path);
    }
    pthread_mutex_unlock(&db->lock);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Waits for work. False: there is none, and will be none. */
static bool wait_for_work(struct lectern_db *db)
{
    pthread_mutex_lock(&db->lock);
    while (db->writes.count == 0 && !db->stopping && !db->backup)
        pthread_cond_wait(&db->for_writer, &db->lock);
    /* Readers may still hand something over. */
    while (db->stopping && db->writes.count == 0 && !db->backup && db->running > 0)
        pthread_cond_wait(&db->for_writer, &db->lock);
    bool any = !atomic_load(&db->abandoned) && (db->writes.count > 0 || db->backup);
    pthread_mutex_unlock(&db->lock);
    return any;
}

static void run_next(struct lectern_db *db)
{
    pthread_mutex_lock(&db->lock);
    struct sql_job *job = db->writes.first;
    if (job && job->kind == LECTERN_DB_BATCH)
        job = NULL;
    if (job) {
        sql_list_shift(&db->writes);
        db->running++;
        if (job->kind == LECTERN_DB_BEGIN)
            db->transaction = job->id;
    }
    bool group = !job && db->writes.count > 0;
    pthread_mutex_unlock(&db->lock);
    if (group)
        sql_run_group(db);
    else if (job && job->kind == LECTERN_DB_BEGIN)
        run_interactive(db, job);
    else if (job)
        run_alone(db, job);
}

void *sql_writer_main(void *ctx)
{
    struct lectern_db *db = ctx;
    while (db->writer && wait_for_work(db)) {
        if (has_moved(db)) {
            reopen(db, "the file is not in its place any more");
            continue;
        }
        run_next(db);
        if (db->backup && !db->writer->dead)
            continue_backup(db);
        if (db->writer->dead)
            reopen(db, sqlite3_errmsg(db->writer->db));
    }
    if (db->writer)
        abandon_backup(db, "the server is stopping");
    return NULL;
}
