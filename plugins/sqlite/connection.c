/* One sqlite3 handle: opened as a server wants it, closed to what scripts must not do. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

#define BUSY_MS        2000  /* another program has the file */
#define PROGRESS       1000  /* steps of SQLite's machine between two looks at the clock */
#define MAX_CACHED_SQL 16384 /* bytes; longer ones are prepared anew each time */

uint64_t sql_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- what may run -------------------------------------------------------------------------- */

/* What is ours, like a COMMIT, is never stopped. */
static int on_progress(void *ctx)
{
    struct sql_connection *c = ctx;
    if (c->trusted)
        return 0;
    if (c->deadline && sql_now() >= c->deadline)
        c->timed_out = true;
    return c->timed_out || (c->canceled && atomic_load_explicit(c->canceled, memory_order_relaxed));
}

/* Those that tell something, and the one that a script needs to change tables that others refer to. */
static bool is_harmless_pragma(const char *name, const char *value)
{
    static const char *const telling[] = {
        "table_info",      "table_xinfo",       "table_list",       "index_list",
        "index_info",      "index_xinfo",       "foreign_key_list", "function_list",
        "collation_list",  "integrity_check",   "quick_check",      "foreign_key_check",
        "compile_options", "defer_foreign_keys"
    };
    static const char *const numbers[] = { "user_version",   "page_count",   "page_size",
                                           "freelist_count", "foreign_keys", "data_version" };
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++)
        if (sqlite3_stricmp(name, telling[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sqlite3_stricmp(name, numbers[i]) == 0)
            return value == NULL;
    return false;
}

/* Transactions are ours, other files are nobody's, and what lives as long as the connection would be
 * seen by everybody's requests. */
static int authorize(void *ctx, int action, const char *first, const char *second,
                     const char *schema, const char *trigger)
{
    const struct sql_connection *c = ctx;
    (void)trigger;
    if (c->trusted)
        return SQLITE_OK;
    if (schema && sqlite3_stricmp(schema, "temp") == 0)
        return SQLITE_DENY;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        return SQLITE_DENY;
    case SQLITE_PRAGMA:
        return is_harmless_pragma(first, second) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return second && sqlite3_stricmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_OK;
    }
}

/* --- opening ------------------------------------------------------------------------------- */

static const char *const own_texts[SQL_OWN_COUNT] = {
    "BEGIN",          "BEGIN IMMEDIATE",  "COMMIT",       "ROLLBACK",
    "SAVEPOINT item", "ROLLBACK TO item", "RELEASE item",
};

static int execute(struct sql_connection *c, const char *text)
{
    return sqlite3_exec(c->db, text, NULL, NULL, NULL);
}

static int configure(struct sql_connection *c, uint64_t max_bytes)
{
    sqlite3 *db = c->db;
    static const struct {
        int which, value;
    } switches[] = {
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
        { SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
    };
    static const struct {
        int which, value;
    } limits[] = {
        { SQLITE_LIMIT_LENGTH, SQL_MAX_VALUE },
        { SQLITE_LIMIT_ATTACHED, 0 },
        { SQLITE_LIMIT_WORKER_THREADS, 0 },
        { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 },
    };
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        sqlite3_db_config(db, switches[i].which, switches[i].value, NULL);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        sqlite3_limit(db, limits[i].which, limits[i].value);
    if (c->readonly)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

    /* The first one that reads the file; journal_mode and secure_delete answer with a row. */
    int rc = execute(c, c->readonly ? "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0"
                                    : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                                      "PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=1; "
                                      "PRAGMA wal_autocheckpoint=1000");
    if (rc == SQLITE_OK)
        rc = execute(c, "PRAGMA mmap_size=0; PRAGMA cache_size=-65536; "
                        "SELECT count(*) FROM sqlite_schema");
    if (rc == SQLITE_OK && max_bytes > 0) {
        char text[80];
        sqlite3_stmt *stmt = NULL;
        sqlite3_int64 page = 4096;
        if (sqlite3_prepare_v2(db, "PRAGMA page_size", -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW)
            page = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
        sqlite3_int64 pages = (sqlite3_int64)max_bytes / page;
        snprintf(text, sizeof text, "PRAGMA max_page_count=%lld", pages > 0 ? pages : 1);
        rc = execute(c, text);
    }
    for (size_t i = 0; rc == SQLITE_OK && i < SQL_OWN_COUNT; i++)
        rc = sqlite3_prepare_v3(db, own_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &c->own[i], NULL);
    return rc;
}

static void describe(const struct sql_connection *c, int rc, const char *path, char *err,
                     size_t err_size)
{
    int system = c->db ? sqlite3_system_errno(c->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        snprintf(err, err_size,
                 "%s cannot be opened for writing: %s; the database, and the folder it is in, must "
                 "be this user's to write",
                 path, system ? strerror(system) : sqlite3_errstr(rc));
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        snprintf(err, err_size,
                 "%s is damaged, or is no SQLite database (%s); `lectern restore FILE` puts a "
                 "backup in its place",
                 path, sqlite3_errstr(rc));
        break;
    case SQLITE_BUSY:
        snprintf(err, err_size, "%s is in use by another program, which has locked it", path);
        break;
    default:
        snprintf(err, err_size, "%s cannot be opened: %s%s%s", path, sqlite3_errstr(rc),
                 system ? ": " : "", system ? strerror(system) : "");
    }
}

struct sql_connection *sql_connection_open(const char *path, enum sql_open how, uint64_t max_bytes,
                                           char *err, size_t err_size)
{
    struct sql_connection *c = sql_alloc(sizeof *c);
    int flags = how == SQL_READONLY   ? SQLITE_OPEN_READONLY
                : how == SQL_EXISTING ? SQLITE_OPEN_READWRITE
                                      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    c->readonly = how == SQL_READONLY;
    c->trusted = true;
    int rc =
        sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK)
        rc = configure(c, max_bytes);
    /* SQLite opens what it may not write for reading, silently. */
    if (rc == SQLITE_OK && !c->readonly && sqlite3_db_readonly(c->db, "main") == 1)
        rc = SQLITE_READONLY;
    if (rc != SQLITE_OK) {
        describe(c, rc, path, err, err_size);
        sql_connection_close(c);
        return NULL;
    }
    sqlite3_set_authorizer(c->db, authorize, c);
    sqlite3_progress_handler(c->db, PROGRESS, on_progress, c);
    c->trusted = false;
    return c;
}

static void empty(struct sql_cached *cached)
{
    sqlite3_finalize(cached->stmt);
    free(cached->text);
    free(cached->order);
    *cached = (struct sql_cached){ 0 };
}

void sql_connection_close(struct sql_connection *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < SQL_CACHE; i++)
        empty(&c->cache[i]);
    for (size_t i = 0; i < SQL_OWN_COUNT; i++)
        sqlite3_finalize(c->own[i]);
    sqlite3_close_v2(c->db);
    free(c);
}

/* --- statements ---------------------------------------------------------------------------- */

int sql_own(struct sql_connection *c, enum sql_own which)
{
    c->trusted = true;
    int rc = sqlite3_step(c->own[which]);
    c->trusted = false;
    sqlite3_reset(c->own[which]);
    return rc;
}

bool sql_in_transaction(const struct sql_connection *c)
{
    return !sqlite3_get_autocommit(c->db);
}

void sql_rollback(struct sql_connection *c)
{
    if (sql_in_transaction(c))
        sql_own(c, SQL_ROLLBACK);
}

static uint64_t hash_of(const char *p, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 1099511628211u;
    return h;
}

/* $1, $2 … may stand in any order; SQLite numbers them as they come. */
static const char *read_parameters(struct sql_cached *cached)
{
    int n = sqlite3_bind_parameter_count(cached->stmt);
    if (n == 0)
        return NULL;
    cached->order = sql_alloc((size_t)n * sizeof *cached->order);
    for (int i = 1; i <= n; i++) {
        const char *name = sqlite3_bind_parameter_name(cached->stmt, i);
        char *end;
        unsigned long number = name && name[0] == '$' ? strtoul(name + 1, &end, 10) : 0;
        if (number == 0 || number > 65535 || *end || name[1] < '1' || name[1] > '9')
            return "parameters of a statement are $1, $2 and so on";
        cached->order[i - 1] = (unsigned short)number;
    }
    cached->parameters = (unsigned)n;
    return NULL;
}

/* Whether nothing but space and comments is left. */
static bool is_blank(struct sql_connection *c, const char *tail, const char *end)
{
    sqlite3_stmt *stmt = NULL;
    while (tail < end) {
        const char *next = end;
        int rc = sqlite3_prepare_v2(c->db, tail, (int)(end - tail), &stmt, &next);
        sqlite3_finalize(stmt);
        if (rc != SQLITE_OK || stmt || next <= tail)
            return rc == SQLITE_OK && !stmt;
        tail = next;
    }
    return true;
}

const struct sql_cached *sql_prepare(struct sql_connection *c, const char *sql, size_t n,
                                     const char **why)
{
    uint64_t hash = hash_of(sql, n);
    struct sql_cached *place = &c->cache[0];
    *why = NULL;
    for (size_t i = 0; i < SQL_CACHE; i++) {
        struct sql_cached *at = &c->cache[i];
        if (at->hash == hash && at->text && at->n == n && memcmp(at->text, sql, n) == 0) {
            at->used = ++c->clock;
            return at;
        }
        if (at->used < place->used)
            place = at;
    }
    empty(place);
    const char *tail = sql + n;
    if (memchr(sql, '\0', n)) {
        *why = "SQL has a zero octet in it";
        return NULL;
    }
    if (sqlite3_prepare_v3(c->db, sql, (int)n, SQLITE_PREPARE_PERSISTENT, &place->stmt, &tail) !=
        SQLITE_OK)
        return NULL;
    if (!place->stmt)
        *why = "there is no statement in it";
    else if (!is_blank(c, tail, sql + n))
        *why = "this is more than one statement; each goes by itself";
    else
        *why = read_parameters(place);
    if (*why) {
        empty(place);
        return NULL;
    }
    place->hash = hash;
    place->n = n;
    if (n > MAX_CACHED_SQL) {
        place->used = 1;
    } else {
        place->used = ++c->clock;
        place->text = sql_alloc(n);
        memcpy(place->text, sql, n);
    }
    return place;
}
