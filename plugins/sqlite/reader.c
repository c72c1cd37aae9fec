/* Threads that only read, each with a connection of its own. A request of many statements sees one
 * moment of the database. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define ERROR_SIZE 512

/* Another one when the last failed, or the writer has opened the file anew. */
static bool connect(struct sql_reader *reader, unsigned *seen, unsigned generation, char *err)
{
    if (reader->connection && (reader->connection->dead || *seen != generation)) {
        sql_connection_close(reader->connection);
        reader->connection = NULL;
    }
    *seen = generation;
    if (!reader->connection)
        reader->connection =
            sql_connection_open(reader->db->path, SQL_READONLY, 0, err, ERROR_SIZE);
    if (!reader->connection)
        return false;
    reader->connection->canceled = &reader->canceled;
    return true;
}

/* False: it is the writer's. */
static bool run(struct sql_reader *reader, struct sql_job *job)
{
    struct sql_connection *c = reader->connection;
    if (sql_overdue(job, sql_now()))
        return true;
    c->deadline = job->deadline;
    sql_run(c, job->id, job->request, job->n, &job->answer);
    c->deadline = 0;
    return job->answer.n > 0;
}

void *sql_reader_main(void *ctx)
{
    struct sql_reader *reader = ctx;
    struct lectern_db *db = reader->db;
    unsigned seen = 0;
    pthread_mutex_lock(&db->lock);
    for (;;) {
        while (db->reads.count == 0 && !db->stopping)
            pthread_cond_wait(&db->for_readers, &db->lock);
        struct sql_job *job = sql_list_shift(&db->reads);
        if (!job)
            break; /* stopping */
        unsigned generation = db->generation;
        char err[ERROR_SIZE];
        bool well = true;
        db->running++;
        reader->running = job;
        atomic_store(&reader->canceled, atomic_load(&db->abandoned));
        pthread_mutex_unlock(&db->lock);
        if (connect(reader, &seen, generation, err))
            well = run(reader, job);
        else
            sql_answer_error(&job->answer, LECTERN_DB_UNAVAILABLE, 0, "%s", err);
        pthread_mutex_lock(&db->lock);
        reader->running = NULL;
        db->running--;
        if (well) {
            sql_finish(db, job);
        } else {
            sql_list_add(&db->writes, job);
            pthread_cond_signal(&db->for_writer);
        }
        if (db->stopping)
            pthread_cond_signal(&db->for_writer);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}
