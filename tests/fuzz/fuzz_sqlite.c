/* Requests of the database on a real connection, in memory: whatever they say, the answer is a whole one,
 * and no transaction is left open that was not asked for. */
#include <stdlib.h>

#include "internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts unless it is a whole answer. */
static void check_answer(const struct sql_bytes *b)
{
    struct lectern_reader r = lectern_read(b->p, b->n);
    uint32_t n;
    if (lectern_read_number(&r, 1) != LECTERN_DB_OK) {
        lectern_read_number(&r, 2);
        lectern_read_bytes(&r, 4, &n);
    } else {
        unsigned results = (unsigned)lectern_read_number(&r, 2);
        for (unsigned i = 0; i < results && !r.bad; i++) {
            lectern_read_number(&r, 8);
            unsigned columns = (unsigned)lectern_read_number(&r, 2);
            for (unsigned k = 0; k < columns && !r.bad; k++)
                lectern_read_bytes(&r, 2, &n);
            uint64_t values = lectern_read_number(&r, 4) * columns;
            for (uint64_t k = 0; k < values && !r.bad; k++)
                lectern_read_value(&r);
        }
    }
    if (r.bad || r.p != r.end)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sql_connection *c;
    static unsigned uses;
    char err[200];
    struct sql_bytes answer = { 0 };
    if (!c || ++uses % 500 == 0) {
        sql_connection_close(c);
        c = sql_connection_open(":memory:", SQL_CREATE, 4 << 20, err, sizeof err);
        if (!c)
            abort();
        sqlite3_exec(c->db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c)", NULL, NULL,
                     NULL);
    }
    struct lectern_reader r = lectern_read(data, size);
    struct lectern_request q = lectern_read_request(&r);
    if (q.max_bytes > 1 << 20) /* takes long */
        return 0;
    sql_request_reads(data, size);
    c->deadline = sql_now() + 200;
    enum lectern_db_code code = sql_run(c, 1, data, size, &answer);
    c->deadline = 0;
    if (answer.n == 0 || answer.p[0] != (unsigned char)code ||
        sql_in_transaction(c) != (c->transaction != 0))
        abort();
    check_answer(&answer);
    free(answer.p);
    return 0;
}
