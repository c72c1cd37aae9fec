/* What SQLite says went wrong, as the code and the sentence of an answer. */
#include <errno.h>

#include "internal.h"

static enum lectern_db_code code_of(struct sql_connection *c, int rc, int system)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return LECTERN_DB_CONFLICT;
    case SQLITE_INTERRUPT:
        return c->timed_out ? LECTERN_DB_TIMEOUT : LECTERN_DB_CANCELED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return LECTERN_DB_BUSY;
    case SQLITE_FULL:
        return LECTERN_DB_FULL;
    case SQLITE_TOOBIG:
        return LECTERN_DB_TOO_BIG;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (system == ENOSPC || system == EDQUOT)
            return LECTERN_DB_FULL;
        return LECTERN_DB_UNAVAILABLE;
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return LECTERN_DB_UNAVAILABLE;
    default:
        return LECTERN_DB_INVALID;
    }
}

enum lectern_db_code sql_connection_failed(struct sql_connection *c, struct sql_bytes *answer,
                                           unsigned statement)
{
    int rc = sqlite3_extended_errcode(c->db), primary = rc & 0xff;
    int system = sqlite3_system_errno(c->db);
    enum lectern_db_code code = code_of(c, rc, system);
    switch (code) {
    case LECTERN_DB_TIMEOUT:
        sql_answer_error(answer, code, statement, "it took too long, and was undone");
        break;
    case LECTERN_DB_CANCELED:
        sql_answer_error(answer, code, statement, "it was canceled");
        break;
    case LECTERN_DB_BUSY:
        sql_answer_error(answer, code, statement, "another program has locked the database");
        break;
    case LECTERN_DB_FULL:
        sql_answer_error(answer, code, statement, "no room is left for the database");
        break;
    case LECTERN_DB_UNAVAILABLE:
        if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
            sql_answer_error(answer, code, statement,
                             "the database file is damaged (%s); `lectern db check` tells more, "
                             "`lectern restore` puts a backup in its place",
                             sqlite3_errmsg(c->db));
            break;
        }
        /* What a failed fsync has written nobody knows: no more by this handle. */
        c->dead = c->dead || primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ||
                  primary == SQLITE_PROTOCOL || rc == SQLITE_READONLY_DBMOVED;
        sql_answer_error(answer, code, statement, "the database file failed: %s%s%s",
                         sqlite3_errstr(rc), system ? ": " : "", system ? strerror(system) : "");
        break;
    case LECTERN_DB_INVALID:
        if (primary == SQLITE_AUTH) {
            sql_answer_error(answer, code, statement,
                             "not allowed here: transactions, other files, temporary tables, "
                             "extensions, and PRAGMAs that change something");
            break;
        } /* fall through */
    default:
        sql_answer_error(answer, code, statement, "%s", sqlite3_errmsg(c->db));
    }
    return code;
}
