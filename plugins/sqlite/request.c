/* One request on one connection: bytes in, bytes out. */
#include <stdlib.h>

#include "internal.h"

#define MAX_NAME 65535 /* of a column, in an answer */

/* What a request may still answer. */
struct bounds {
    uint32_t rows, max_rows, max_bytes;
};

/* --- parameters ---------------------------------------------------------------------------- */

static int bind(sqlite3_stmt *stmt, int at, const struct lectern_value *v,
                const struct sql_bytes *answer)
{
    switch (v->type) {
    case LECTERN_INTEGER:
    case LECTERN_BOOLEAN:
        return sqlite3_bind_int64(stmt, at, v->integer);
    case LECTERN_REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case LECTERN_TEXT:
        return sqlite3_bind_text64(stmt, at, v->text.p, v->text.n, SQLITE_STATIC, SQLITE_UTF8);
    case LECTERN_BLOB:
        return sqlite3_bind_blob64(stmt, at, v->text.p, v->text.n, SQLITE_STATIC);
    case LECTERN_ANSWER: /* a copy: it grows while the statement runs */
        return sqlite3_bind_blob64(stmt, at, answer->p, answer->n, SQLITE_TRANSIENT);
    case LECTERN_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

/* Reads as many values as there are, and binds them. SQLITE_OK, or an error; SQLITE_MISUSE with an
 * answer. */
static int bind_all(const struct sql_cached *cached, struct lectern_reader *r, unsigned given,
                    struct sql_bytes *answer, unsigned statement)
{
    struct lectern_value few[16], *values = few;
    if (given > sizeof few / sizeof few[0])
        values = sql_alloc(given * sizeof *values);
    for (unsigned i = 0; i < given && !r->bad; i++)
        values[i] = lectern_read_value(r);
    int rc = SQLITE_OK;
    if (r->bad) {
        rc = SQLITE_MISUSE;
        sql_answer_error(answer, LECTERN_DB_INVALID, statement, "the request is cut short");
    } else if (given != cached->parameters) {
        rc = SQLITE_MISUSE;
        sql_answer_error(answer, LECTERN_DB_INVALID, statement,
                         "the statement has %u parameters, but %u came with it", cached->parameters,
                         given);
    }
    for (unsigned i = 0; i < cached->parameters && rc == SQLITE_OK; i++) {
        unsigned number = cached->order[i];
        if (number > given) {
            rc = SQLITE_MISUSE;
            sql_answer_error(answer, LECTERN_DB_INVALID, statement,
                             "the statement names $%u, but has %u parameters", number, given);
        } else {
            rc = bind(cached->stmt, (int)i + 1, &values[number - 1], answer);
        }
    }
    if (values != few)
        free(values);
    return rc;
}

/* --- rows ---------------------------------------------------------------------------------- */

static bool is_boolean(const char *type)
{
    return type && (sqlite3_stricmp(type, "BOOLEAN") == 0 || sqlite3_stricmp(type, "BOOL") == 0);
}

static void put_columns(struct sql_bytes *out, sqlite3_stmt *stmt, int columns)
{
    sql_bytes_number(out, (unsigned)columns, 2);
    for (int i = 0; i < columns; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        size_t n = name ? strlen(name) : 0;
        if (n > MAX_NAME)
            for (n = MAX_NAME; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
                n--;
        sql_bytes_number(out, n, 2);
        sql_bytes_add(out, name, n);
    }
}

static bool has_room(const struct sql_bytes *out, const struct bounds *b, size_t n)
{
    return out->n + n <= b->max_bytes;
}

/* A column that is declared BOOLEAN holds 0 and 1, and gives what was put into it. */
static bool put_value(struct sql_bytes *out, sqlite3_stmt *stmt, int i, const struct bounds *b)
{
    int type = sqlite3_column_type(stmt, i);
    if (!has_room(out, b, 9))
        return false;
    switch (type) {
    case SQLITE_INTEGER: {
        sqlite3_int64 value = sqlite3_column_int64(stmt, i);
        bool boolean = (value == 0 || value == 1) && is_boolean(sqlite3_column_decltype(stmt, i));
        sql_bytes_number(out, boolean ? LECTERN_BOOLEAN : LECTERN_INTEGER, 1);
        sql_bytes_number(out, (uint64_t)value, boolean ? 1 : 8);
        return true;
    }
    case SQLITE_FLOAT: {
        double value = sqlite3_column_double(stmt, i);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        sql_bytes_number(out, LECTERN_REAL, 1);
        sql_bytes_number(out, bits, 8);
        return true;
    }
    case SQLITE_TEXT:
    case SQLITE_BLOB: {
        const void *p = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, i)
                                            : sqlite3_column_blob(stmt, i);
        size_t n = (size_t)sqlite3_column_bytes(stmt, i);
        if (!has_room(out, b, n + 5))
            return false;
        sql_bytes_number(out, type == SQLITE_TEXT ? LECTERN_TEXT : LECTERN_BLOB, 1);
        sql_bytes_number(out, n, 4);
        sql_bytes_add(out, p, p ? n : 0);
        return true;
    }
    default:
        sql_bytes_number(out, LECTERN_NULL, 1);
        return true;
    }
}

/* Steps to the end and adds the result. SQLITE_DONE, an error, or SQLITE_TOOBIG with an answer. */
static int step(struct sql_connection *c, sqlite3_stmt *stmt, struct sql_bytes *out,
                struct bounds *b, unsigned statement)
{
    size_t at = out->n;
    sqlite3_int64 before = sqlite3_total_changes64(c->db);
    int rc = sqlite3_step(stmt); /* which may prepare it anew, with other columns */
    int columns = sqlite3_column_count(stmt);
    sql_bytes_number(out, 0, 8);
    put_columns(out, stmt, columns);
    size_t at_rows = out->n;
    uint32_t rows = 0;
    sql_bytes_number(out, 0, 4);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        bool fits = b->rows < b->max_rows && has_room(out, b, 0);
        for (int i = 0; i < columns && fits; i++)
            fits = put_value(out, stmt, i, b);
        if (!fits) {
            sql_answer_error(out, LECTERN_DB_TOO_BIG, statement,
                             "more than %u rows, or %u bytes; ask for less at a time", b->max_rows,
                             b->max_bytes);
            return SQLITE_TOOBIG;
        }
        rows++;
        b->rows++;
    }
    if (rc == SQLITE_DONE) {
        sqlite3_int64 changes = 0;
        if (sqlite3_total_changes64(c->db) != before)
            changes = sqlite3_changes64(c->db);
        lectern_write_number(out->p + at, (uint64_t)changes, 8);
        lectern_write_number(out->p + at_rows, rows, 4);
    }
    return rc;
}

/* --- statements ---------------------------------------------------------------------------- */

static enum lectern_db_code fail(struct sql_bytes *answer, enum lectern_db_code code,
                                 unsigned statement, const char *why)
{
    sql_answer_error(answer, code, statement, "%s", why);
    return code;
}

/* One statement with its parameters. True: its result has been added. */
static bool run_one(struct sql_connection *c, struct lectern_reader *r, struct sql_bytes *answer,
                    struct bounds *b, unsigned statement)
{
    uint32_t size;
    const char *sql = lectern_read_bytes(r, 4, &size), *why;
    unsigned given = (unsigned)lectern_read_number(r, 2);
    if (r->bad) {
        fail(answer, LECTERN_DB_INVALID, statement, "the request is cut short");
        return false;
    }
    const struct sql_cached *cached = sql_prepare(c, sql, size, &why);
    if (!cached) {
        if (why)
            fail(answer, LECTERN_DB_INVALID, statement, why);
        else
            sql_connection_failed(c, answer, statement);
        return false;
    }
    if (c->readonly && !sqlite3_stmt_readonly(cached->stmt)) {
        answer->n = 0;
        return false;
    }
    int rc = bind_all(cached, r, given, answer, statement);
    bool told = rc == SQLITE_MISUSE;
    if (rc == SQLITE_OK) {
        rc = step(c, cached->stmt, answer, b, statement);
        told = rc == SQLITE_TOOBIG && sql_answer_code(answer) != LECTERN_DB_OK;
    }
    if (rc != SQLITE_DONE && !told)
        sql_connection_failed(c, answer, statement);
    sqlite3_reset(cached->stmt);
    sqlite3_clear_bindings(cached->stmt);
    return rc == SQLITE_DONE;
}

/* A text of many statements, whose rows nobody sees. */
static bool run_script(struct sql_connection *c, struct lectern_reader *r, struct sql_bytes *answer,
                       unsigned statement)
{
    uint32_t size;
    const char *sql = lectern_read_bytes(r, 4, &size), *end = sql + size;
    unsigned given = (unsigned)lectern_read_number(r, 2);
    if (r->bad || given > 0 || memchr(sql, '\0', size)) {
        fail(answer, LECTERN_DB_INVALID, statement,
             r->bad      ? "the request is cut short"
             : given > 0 ? "a script has no parameters"
                         : "SQL has a zero octet in it");
        return false;
    }
    sqlite3_int64 before = sqlite3_total_changes64(c->db);
    while (sql < end) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(c->db, sql, (int)(end - sql), &stmt, &sql);
        if (rc == SQLITE_OK && stmt)
            while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
                ;
        if (rc != SQLITE_OK && rc != SQLITE_DONE)
            sql_connection_failed(c, answer, statement);
        sqlite3_finalize(stmt);
        if (rc != SQLITE_OK && rc != SQLITE_DONE)
            return false;
    }
    sql_bytes_number(answer, (uint64_t)(sqlite3_total_changes64(c->db) - before), 8);
    sql_bytes_number(answer, 0, 2);
    sql_bytes_number(answer, 0, 4);
    return true;
}

/* A transaction with rows that refer to nothing cannot be committed, so its request fails now. */
static bool is_consistent(struct sql_connection *c)
{
    int now = 0, most;
    return sqlite3_db_status(c->db, SQLITE_DBSTATUS_DEFERRED_FKS, &now, &most, 0) != SQLITE_OK ||
           now == 0;
}

enum lectern_db_code sql_statements(struct sql_connection *c, const void *request, size_t n,
                                    struct sql_bytes *answer)
{
    struct lectern_reader r = lectern_read(request, n);
    struct lectern_request q = lectern_read_request(&r);
    struct bounds b = { .max_rows = q.max_rows, .max_bytes = q.max_bytes };
    sql_answer_begin(answer);
    for (unsigned i = 1; i <= q.statements; i++) {
        bool well = q.kind == LECTERN_DB_SCRIPT ? run_script(c, &r, answer, i)
                                                : run_one(c, &r, answer, &b, i);
        if (!well)
            return answer->n > 0 ? sql_answer_code(answer) : LECTERN_DB_INVALID;
        sql_answer_count(answer, i);
    }
    if (r.bad || r.p != r.end)
        return fail(answer, LECTERN_DB_INVALID, 0, "the request is not as long as it says");
    if (q.kind != LECTERN_DB_BEGIN && q.kind != LECTERN_DB_STEP && !c->readonly &&
        !is_consistent(c))
        return fail(answer, LECTERN_DB_CONFLICT, 0, "FOREIGN KEY constraint failed");
    return LECTERN_DB_OK;
}

/* --- whole requests ------------------------------------------------------------------------ */

static enum lectern_db_code commit(struct sql_connection *c, struct sql_bytes *answer)
{
    /* What is done so far is kept: no time-out between here and the answer. */
    c->deadline = 0;
    if (sql_own(c, SQL_COMMIT) == SQLITE_DONE)
        return LECTERN_DB_OK;
    enum lectern_db_code code = sql_connection_failed(c, answer, 0);
    sql_rollback(c);
    return code;
}

/* In a transaction that is begun here; it is committed unless it shall stay open. */
static enum lectern_db_code run_begun(struct sql_connection *c, const void *request, size_t n,
                                      bool stays, struct sql_bytes *answer)
{
    if (sql_own(c, c->readonly ? SQL_BEGIN : SQL_BEGIN_IMMEDIATE) != SQLITE_DONE)
        return sql_connection_failed(c, answer, 0);
    enum lectern_db_code code = sql_statements(c, request, n, answer);
    if (code == LECTERN_DB_OK && !stays)
        code = commit(c, answer);
    if (code != LECTERN_DB_OK)
        sql_rollback(c);
    return code;
}

/* Of the interactive transaction. */
static enum lectern_db_code run_step(struct sql_connection *c, enum lectern_db_kind kind,
                                     const void *request, size_t n, struct sql_bytes *answer)
{
    enum lectern_db_code code = LECTERN_DB_OK;
    if (kind == LECTERN_DB_ROLLBACK)
        sql_answer_begin(answer);
    else
        code = sql_statements(c, request, n, answer);
    if (code == LECTERN_DB_OK && kind == LECTERN_DB_COMMIT)
        code = commit(c, answer);
    if (code != LECTERN_DB_OK || kind != LECTERN_DB_STEP) {
        sql_rollback(c);
        c->transaction = 0;
    }
    return code;
}

/* Deleted content is overwritten in the file, but the log has pages of before, and is emptied only when no
 * reader needs it. */
static enum lectern_db_code purge(struct sql_connection *c, struct sql_bytes *answer)
{
    int rc = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return fail(answer, LECTERN_DB_BUSY, 0, "something still reads what was deleted");
    if (rc != SQLITE_OK)
        return sql_connection_failed(c, answer, 0);
    sql_answer_begin(answer);
    return LECTERN_DB_OK;
}

enum lectern_db_code sql_run(struct sql_connection *c, uint64_t id, const void *request, size_t n,
                             struct sql_bytes *answer)
{
    struct lectern_reader r = lectern_read(request, n);
    struct lectern_request q = lectern_read_request(&r);
    if (r.bad)
        return fail(answer, LECTERN_DB_INVALID, 0, "the request is cut short");
    c->timed_out = false;
    switch (q.kind) {
    case LECTERN_DB_STEP:
    case LECTERN_DB_COMMIT:
    case LECTERN_DB_ROLLBACK:
        if (c->transaction == 0 || c->transaction != q.transaction)
            return fail(answer, LECTERN_DB_INVALID, 0, "the transaction has ended");
        return run_step(c, q.kind, request, n, answer);
    case LECTERN_DB_BATCH:
    case LECTERN_DB_BEGIN:
    case LECTERN_DB_SCRIPT:
    case LECTERN_DB_CHECK:
    case LECTERN_DB_PURGE:
        break;
    default:
        return fail(answer, LECTERN_DB_INVALID, 0, "there is no such kind of request");
    }
    if (c->transaction != 0)
        return fail(answer, LECTERN_DB_BUSY, 0, "a transaction is open");
    if (q.kind == LECTERN_DB_CHECK)
        return sql_check(c, answer);
    if (q.kind == LECTERN_DB_PURGE)
        return purge(c, answer);
    enum lectern_db_code code = run_begun(c, request, n, q.kind == LECTERN_DB_BEGIN, answer);
    if (q.kind == LECTERN_DB_BEGIN && code == LECTERN_DB_OK)
        c->transaction = id;
    return code;
}
