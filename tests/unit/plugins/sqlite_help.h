/* For tests of the SQLite driver: requests from a short notation, answers as text, and a host whose loop
 * is the test's own thread. */
#ifndef SQLITE_HELP_H
#define SQLITE_HELP_H

#include <stdio.h>

#include "internal.h"

/* A request. Defaults of its head: no flag, no transaction, 5 s, 1,000 rows, 1 MB. */
struct request {
    struct sql_bytes bytes;
    unsigned statements, parameters;
    size_t at_parameters;
};

struct request request_of(enum lectern_db_kind kind);
void request_flags(struct request *r, unsigned flags);
void request_transaction(struct request *r, uint64_t id);
void request_timeout(struct request *r, uint32_t ms);
void request_bounds(struct request *r, uint32_t rows, uint32_t bytes);
void statement(struct request *r, const char *sql);
void with_integer(struct request *r, int64_t value);
void with_real(struct request *r, double value);
void with_text(struct request *r, const char *text);
void with_blob(struct request *r, const void *p, uint32_t n);
void with_boolean(struct request *r, bool value);
void with_null(struct request *r);
void with_answer(struct request *r);
/* One kind, one statement, nothing else. */
struct request simple(enum lectern_db_kind kind, const char *sql);

/* "ok 1[]" (one changed, no columns) "ok 0[a b](1 'x')(2 null)", results behind each other; or
 * "conflict@1 UNIQUE constraint failed: t.a". Static. Fails the test if the bytes are no whole
 * answer. */
const char *answer_text(const void *p, size_t n);
/* Fails the test unless the text does. */
void begins(const char *text, const char *with);

/* Runs on a connection, and forgets the request. */
const char *run_on(struct sql_connection *c, uint64_t id, struct request r);

/* --- a driver with its host --- */

struct driver {
    struct lectern_host host;
    char dir[64];
    const char *max_bytes;
    const struct lectern_db_driver *table;
    struct lectern_db *db;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct lectern_post *first, *last;
    uint64_t next_id;
    struct {
        char *text; /* NULL: not answered yet */
        unsigned order;
    } answers[4096];
    unsigned answered;
    int states; /* how often it went away or came back */
    bool available;
};

void driver_init(struct driver *d); /* with a folder of its own; nothing is open yet */
void driver_open(struct driver *d, const char *url);
void driver_close(struct driver *d);
void driver_fini(struct driver *d); /* closes too, and removes the folder */
/* Tries to; what it says, "" if it opened, and is closed again. Static. */
const char *driver_try(struct driver *d, const char *url);

uint64_t driver_submit(struct driver *d, struct request r);
/* Turns the loop until that is answered. */
const char *driver_wait(struct driver *d, uint64_t id);
const char *driver_ask(struct driver *d, struct request r);
void driver_turn(struct driver *d, unsigned ms); /* for so long */

/* --- files that fail --- */

enum fault { NO_FAULT, SYNC_FAILS, WRITE_FAILS, DISK_FULL };
/* From now on, in all files that are opened later than the first call. */
void set_fault(enum fault fault);

#endif
