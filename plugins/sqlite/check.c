/* Looks whether the database is whole. */
#include <stdio.h>

#include "internal.h"

#define MAX_COMPLAINTS 100

static void put_row(struct sql_bytes *out, const char *text)
{
    size_t n = strlen(text);
    sql_bytes_number(out, LECTERN_TEXT, 1);
    sql_bytes_number(out, n, 4);
    sql_bytes_add(out, text, n);
}

/* Rows that refer to rows which are not there. */
static int check_references(struct sql_connection *c, struct sql_bytes *out, unsigned *rows)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(c->db, "PRAGMA foreign_key_check", -1, &stmt, NULL);
    while (rc == SQLITE_OK && *rows < MAX_COMPLAINTS && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        char line[400];
        snprintf(line, sizeof line,
                 "row %lld of table %.120s refers to a row of %.120s that is not there",
                 (long long)sqlite3_column_int64(stmt, 1), sqlite3_column_text(stmt, 0),
                 sqlite3_column_text(stmt, 2));
        put_row(out, line);
        (*rows)++;
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int check_file(struct sql_connection *c, struct sql_bytes *out, unsigned *rows)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(c->db, "PRAGMA integrity_check", -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(stmt, 0);
        rc = SQLITE_OK;
        if (!line || strcmp(line, "ok") == 0 || *rows >= MAX_COMPLAINTS)
            continue;
        put_row(out, line);
        (*rows)++;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum lectern_db_code sql_check(struct sql_connection *c, struct sql_bytes *answer)
{
    static const char column[] = "message";
    unsigned rows = 0;
    sql_answer_begin(answer);
    sql_bytes_number(answer, 0, 8);
    sql_bytes_number(answer, 1, 2);
    sql_bytes_number(answer, sizeof column - 1, 2);
    sql_bytes_add(answer, column, sizeof column - 1);
    size_t at_rows = answer->n;
    sql_bytes_number(answer, 0, 4);
    int rc = check_file(c, answer, &rows);
    if (rc == SQLITE_OK)
        rc = check_references(c, answer, &rows);
    if (rc != SQLITE_OK && ((rc & 0xff) != SQLITE_CORRUPT || rows == 0))
        return sql_connection_failed(c, answer, 0);
    if (rows == 0) {
        put_row(answer, "ok");
        rows = 1;
    }
    lectern_write_number(answer->p + at_rows, rows, 4);
    sql_answer_count(answer, 1);
    return LECTERN_DB_OK;
}
