/* Requests that change something, as one transaction: one fsync for all. No timer waits for more: what comes
 * during an fsync is the next group. Each request but the first runs in a savepoint, so one that fails takes
 * nothing from the others. Some failures undo the whole transaction all the same (no room, a time-out while
 * writing): then the rest of the group is run once more. */
#include <stdlib.h>

#include "internal.h"

#define GROUP_MAX 256
#define GROUP_MS  10

struct group {
    struct sql_connection *c;
    struct sql_list jobs;
    unsigned kept; /* jobs whose changes are in the transaction */
};

static bool begin(struct group *g)
{
    g->kept = 0;
    g->c->deadline = 0;
    g->c->timed_out = false;
    return sql_own(g->c, SQL_BEGIN_IMMEDIATE) == SQLITE_DONE;
}

/* Those that have not failed already fail like this. */
static void fail_all(struct group *g)
{
    for (struct sql_job *job = g->jobs.first; job; job = job->next)
        if (!job->failed) {
            job->failed = true;
            sql_connection_failed(g->c, &job->answer, 0);
        }
}

/* Runs one in the open transaction. False: the transaction is gone, with what was kept. */
static bool run(struct group *g, struct sql_job *job)
{
    struct sql_connection *c = g->c;
    bool guarded = g->kept > 0;
    if (sql_overdue(job, sql_now())) {
        job->failed = true;
        return true;
    }
    if (guarded && sql_own(c, SQL_SAVEPOINT) != SQLITE_DONE) {
        job->failed = true;
        sql_connection_failed(c, &job->answer, 0);
        return false;
    }
    c->timed_out = false;
    c->deadline = job->deadline;
    enum lectern_db_code code = sql_statements(c, job->request, job->n, &job->answer);
    c->deadline = 0;
    c->timed_out = false;
    if (code == LECTERN_DB_OK && (!guarded || sql_own(c, SQL_RELEASE) == SQLITE_DONE)) {
        g->kept++;
        return true;
    }
    if (code == LECTERN_DB_OK)
        sql_connection_failed(c, &job->answer, 0);
    job->failed = true;
    if (!sql_in_transaction(c))
        return g->kept == 0 && !c->dead && begin(g);
    if (guarded)
        return sql_own(c, SQL_ROLLBACK_TO) == SQLITE_DONE && sql_own(c, SQL_RELEASE) == SQLITE_DONE;
    sql_rollback(c);
    return !c->dead && begin(g);
}

/* Runs again what has not failed, from its beginning, until a run goes through. False: all has failed. */
static bool run_again(struct group *g)
{
    for (;;) {
        sql_rollback(g->c);
        if (g->c->dead || !begin(g)) {
            fail_all(g);
            return false;
        }
        struct sql_job *job = g->jobs.first;
        while (job && (job->failed || run(g, job)))
            job = job->next;
        if (!job)
            return true;
    }
}

/* Each by itself, as together they cannot be committed. */
static void run_singly(struct group *g)
{
    struct sql_connection *c = g->c;
    for (struct sql_job *job = g->jobs.first; job; job = job->next) {
        if (job->failed)
            continue;
        if (c->dead || !begin(g)) {
            fail_all(g);
            return;
        }
        if (run(g, job) && !job->failed && sql_own(c, SQL_COMMIT) != SQLITE_DONE) {
            job->failed = true;
            sql_connection_failed(c, &job->answer, 0);
        }
        sql_rollback(c);
    }
}

static void commit(struct group *g)
{
    struct sql_connection *c = g->c;
    if (g->kept == 0) {
        sql_rollback(c);
        return;
    }
    if (sql_own(c, SQL_COMMIT) == SQLITE_DONE)
        return;
    if (g->kept > 1) {
        struct sql_bytes why = { 0 };
        enum lectern_db_code code = sql_connection_failed(c, &why, 0);
        free(why.p);
        if (code != LECTERN_DB_UNAVAILABLE) {
            sql_rollback(c);
            run_singly(g);
            return;
        }
    }
    fail_all(g);
    sql_rollback(c);
}

/* The next one that may be in a group; counted as running. */
static struct sql_job *take(struct lectern_db *db)
{
    pthread_mutex_lock(&db->lock);
    struct sql_job *job = db->writes.first;
    if (job && job->kind == LECTERN_DB_BATCH) {
        sql_list_shift(&db->writes);
        db->running++;
    } else {
        job = NULL;
    }
    pthread_mutex_unlock(&db->lock);
    return job;
}

void sql_run_group(struct lectern_db *db)
{
    struct group g = { .c = db->writer };
    uint64_t until = sql_now() + GROUP_MS;
    struct sql_job *job;
    bool open = begin(&g);
    while ((job = take(db)) != NULL) {
        sql_list_add(&g.jobs, job);
        if (!open) {
            fail_all(&g);
            break;
        }
        if (!run(&g, job)) {
            open = run_again(&g);
            break;
        }
        if (g.jobs.count >= GROUP_MAX || sql_now() >= until)
            break;
    }
    if (open)
        commit(&g);
    pthread_mutex_lock(&db->lock);
    db->running -= g.jobs.count;
    while ((job = sql_list_shift(&g.jobs)) != NULL)
        sql_finish(db, job);
    pthread_mutex_unlock(&db->lock);
}
