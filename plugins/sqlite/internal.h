/* What the files of the SQLite driver share.
 *
 *   sqlite.c      the driver: opens, takes requests, gives answers back to the loop
 *   writer.c      the thread that writes
 *   group.c       many requests as one transaction, with one fsync
 *   reader.c      threads that only read, beside it
 *   job.c         requests that wait
 *   reads.c       whether a request only reads
 *   request.c     one request on one connection, without threads
 *   answer.c      bytes of answers
 *   connection.c  one sqlite3 handle as we want it, and what it may do
 *   failure.c     what went wrong, in our codes
 *   check.c       whether all is well
 *   backup.c      copies in pieces, between two groups
 *   restore.c     a copy in place of the database
 *   file.c        paths and the lock
 *
 * SQLite up to 3.51.2 may spoil a file when two connections write or checkpoint at a time. So one
 * connection does both, on one thread, and a lock beside the file keeps other servers away. */
#ifndef LECTERN_SQLITE_INTERNAL_H
#define LECTERN_SQLITE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "lectern/plugin.h"

/* --- answers (answer.c) -------------------------------------------------------------------- */

/* A growable run of bytes, for free(). Memory that cannot be had ends the process, as in the server. */
struct sql_bytes {
    unsigned char *p;
    size_t n, cap;
};

void *sql_alloc(size_t n); /* zeroed; never NULL */
void sql_bytes_add(struct sql_bytes *b, const void *p, size_t n);
void sql_bytes_number(struct sql_bytes *b, uint64_t value, unsigned octets);

/* At every moment a whole OK answer of the results that are finished. */
void sql_answer_begin(struct sql_bytes *b);
void sql_answer_count(struct sql_bytes *b, unsigned results);
/* In place of all there is. text may be long; it is cut. */
void sql_answer_error(struct sql_bytes *b, enum lectern_db_code code, unsigned statement,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum lectern_db_code sql_answer_code(const struct sql_bytes *b);

/* --- a connection (connection.c, failure.c) ----------------------------------------------------------- */

/* Statements of our own. The order is that of the texts in connection.c. */
enum sql_own {
    SQL_BEGIN,
    SQL_BEGIN_IMMEDIATE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_ROLLBACK_TO,
    SQL_RELEASE,
    SQL_OWN_COUNT
};

struct sql_cached {
    uint64_t hash, used; /* used: the clock below, 0 for an empty place */
    sqlite3_stmt *stmt;
    char *text; /* NULL: it is too long to be found again */
    size_t n;
    unsigned parameters;
    unsigned short *order; /* of each of SQLite's, the number behind its $ */
};
#define SQL_CACHE 128

/* Used by one thread at a time. */
struct sql_connection {
    sqlite3 *db;
    sqlite3_stmt *own[SQL_OWN_COUNT];
    struct sql_cached cache[SQL_CACHE];
    uint64_t clock;              /* of the cache */
    bool readonly;               /* it reads beside the one that writes */
    bool trusted;                /* what is prepared now is ours */
    bool timed_out;              /* why SQLite was interrupted, if it was */
    bool dead;                   /* its file failed; it must be opened anew */
    uint64_t deadline;           /* sql_now; 0: none */
    const atomic_bool *canceled; /* what runs is not wanted any more; NULL: it always is */
    uint64_t transaction;        /* the interactive one's number, 0: none */
};

enum sql_open { SQL_CREATE, SQL_EXISTING, SQL_READONLY };

/* path: a file, or ":memory:". max_bytes: of the file, 0 for any size. NULL with a sentence. */
struct sql_connection *sql_connection_open(const char *path, enum sql_open how, uint64_t max_bytes,
                                           char *err, size_t err_size);
void sql_connection_close(struct sql_connection *c);

/* SQLITE_DONE, or an error, of which sql_connection_failed tells. */
int sql_own(struct sql_connection *c, enum sql_own which);
/* Prepares one statement, or takes it from the cache, whose it is. Then NULL: OK without a statement,
 * or an error: as above, or a sentence in why. */
const struct sql_cached *sql_prepare(struct sql_connection *c, const char *sql, size_t n,
                                     const char **why);
bool sql_in_transaction(const struct sql_connection *c);
/* Rolls back, if there is something. */
void sql_rollback(struct sql_connection *c);
/* The answer for SQLite's last error, which may make the connection dead. */
enum lectern_db_code sql_connection_failed(struct sql_connection *c, struct sql_bytes *answer,
                                           unsigned statement);
/* Whether SQLite lets a value grow that far. */
#define SQL_MAX_VALUE (64 << 20)

/* --- a request (reads.c, request.c, check.c) ----------------------------------------------------------------- */

/* Whether all statements only read, as far as their first words tell. */
bool sql_request_reads(const void *request, size_t n);

/* Runs the statements of a BATCH, BEGIN, STEP, COMMIT or SCRIPT in the transaction that is open. The
 * answer is OK's, or an error's; then the transaction may be gone (sql_in_transaction). A
 * read-only connection answers nothing at all (n = 0) when a statement would write. */
enum lectern_db_code sql_statements(struct sql_connection *c, const void *request, size_t n,
                                    struct sql_bytes *answer);

/* Runs one request wholly, with its transaction; of any kind but BACKUP (writer.c). id numbers the transaction that a
 * BEGIN begins. Then in a transaction only if it is an interactive one. */
enum lectern_db_code sql_run(struct sql_connection *c, uint64_t id, const void *request, size_t n,
                             struct sql_bytes *answer);

/* integrity_check and foreign_key_check. */
enum lectern_db_code sql_check(struct sql_connection *c, struct sql_bytes *answer);

/* --- files (backup.c, file.c, restore.c) ---------------------------------------------------------- */

struct sql_backup;

/* path: of the file, which must not be there. NULL: it cannot be; the answer says why. */
struct sql_backup *sql_backup_begin(struct sql_connection *c, const char *path, size_t n,
                                    struct sql_bytes *answer);
/* Copies some pages. True: it is finished, well or not, as the answer says, and freed. */
bool sql_backup_step(struct sql_backup *b, struct sql_bytes *answer);
void sql_backup_abandon(struct sql_backup *b); /* NULL is fine */

/* A path and what follows it; for free(). */
char *sql_suffixed(const char *path, const char *more);
/* To the disk, as far as that can be had: a file (flags 0) or a folder (O_DIRECTORY); the folder of a path. */
void sql_sync(const char *path, int flags);
void sql_sync_folder_of(const char *path);
/* Takes the lock beside the file: a descriptor, or -1 with a sentence. */
int sql_lock(const char *path, char *err, size_t err_size);
/* Only its owner may read what will be in it; SQLite gives its other files the same mode. */
void sql_make_file(const char *path);
/* The file's path: what follows "sqlite:", in the directory unless it is absolute. NULL with a sentence.
 * For free(). */
char *sql_path(const char *state_dir, const char *url, char *err, size_t err_size);
bool sql_restore(const struct lectern_host *host, const char *url, const char *file,
                 const char *script, char *err, size_t err_size);

/* --- the driver (sqlite.c, job.c, writer.c, group.c, reader.c) --------------------------------------------- */

struct sql_job {
    struct sql_job *next;
    enum lectern_db_kind kind;
    uint64_t id, transaction;
    uint32_t timeout_ms;
    uint64_t deadline; /* sql_now */
    void *request;
    size_t n;
    bool failed;             /* group.c: it is not to be run again */
    bool is_news, available; /* no request: of the database's state; the answer is a sentence */
    struct sql_bytes answer;
};

struct sql_list {
    struct sql_job *first, *last;
    size_t count;
};

void sql_list_add(struct sql_list *list, struct sql_job *job);
struct sql_job *sql_list_shift(struct sql_list *list);             /* NULL: empty */
struct sql_job *sql_list_take(struct sql_list *list, uint64_t id); /* NULL: it is not there */
bool sql_list_has(const struct sql_list *list, uint64_t id);
void sql_list_free(struct sql_list *list); /* and all in it */
void sql_job_free(struct sql_job *job);

#define SQL_READERS 2

struct sql_reader {
    struct lectern_db *db;
    pthread_t thread;
    struct sql_connection *connection; /* NULL: to be opened again */
    atomic_bool canceled;              /* what it runs */
    struct sql_job *running;           /* under the lock */
};

/* Given to the host, and outlives the database if it is closed while a post is on its way. */
struct sql_mailbox {
    struct lectern_post post;
    struct lectern_db *db; /* NULL: closed */
    bool posted;           /* under the lock */
};

struct lectern_db {
    const struct lectern_host *host;
    struct lectern_db_events events;
    void *ctx;
    char *path;
    bool memory;
    uint64_t max_bytes;
    int lock_file;
    struct sql_mailbox *mailbox;

    struct sql_connection *writer; /* the thread's; NULL while it is away */
    pthread_t thread;
    bool has_thread;
    struct sql_backup *backup;
    struct sql_job *backup_job;
    struct sql_reader readers[SQL_READERS];
    unsigned n_readers;

    pthread_mutex_t lock; /* what follows */
    pthread_cond_t for_writer, for_readers, for_close;
    struct sql_list writes, steps, reads; /* steps: of transactions that are open, or in writes */
    struct sql_list done;                 /* on their way to the loop */
    size_t running;                       /* jobs taken and not done */
    uint64_t transaction;                 /* the interactive one's number, 0: none */
    bool transaction_abandoned;
    uint64_t ended;      /* the last one that was rolled back for its time */
    unsigned generation; /* of the writer's connection: readers follow */
    bool away, stopping;
    atomic_bool abandoned; /* what still runs when it closes */
};

uint64_t sql_now(void); /* ms, monotonic */
/* Waits under the lock until a point of sql_now, or a signal. */
void sql_wait_until(struct lectern_db *db, pthread_cond_t *cond, uint64_t at);
void sql_run_group(struct lectern_db *db);           /* of the writer: what waits in writes */
void *sql_writer_main(void *db);                     /* a thread's */
void *sql_reader_main(void *reader);                 /* a thread's */
bool sql_overdue(struct sql_job *job, uint64_t now); /* then the answer says so */

/* The rest is called under the lock. */
void sql_finish(struct lectern_db *db, struct sql_job *job); /* its answer is complete */
/* Finishes it by an error, of a request that is as it was. */
void sql_refuse(struct lectern_db *db, struct sql_job *job, enum lectern_db_code code,
                const char *why);
/* The steps that wait for a transaction that has ended, or will not begin. */
void sql_refuse_steps(struct lectern_db *db, uint64_t transaction);
void sql_news(struct lectern_db *db, bool available, const char *why);

#endif
