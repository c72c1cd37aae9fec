/* What a plugin written in C sees of Lectern: this header, and nothing else of it.
 *
 * A plugin is a shared library with one visible symbol, `lectern_plugin` (the rest is hidden:
 * -fvisibility=hidden). The server calls it once; it returns a table that lives as long as the
 * process. A library is never unloaded. Until a second driver has used it this header may change
 * with every release; LECTERN_PLUGIN_VERSION then changes too, and a plugin of another version is
 * refused with a sentence.
 *
 * Threads: the loop is one thread. What is marked "loop" may be called there only; `post`, `log` and
 * `setting` from any thread. Callbacks of the host come on the loop. */
#ifndef LECTERN_PLUGIN_H
#define LECTERN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LECTERN_PLUGIN_VERSION 1u
#define LECTERN_EXPORT         __attribute__((visibility("default")))

/* --- what the host offers ------------------------------------------------------------------ */

enum lectern_level { LECTERN_DEBUG, LECTERN_INFO, LECTERN_WARN, LECTERN_ERROR };

/* A call to be run on the loop. Lives inside its owner, which keeps it until fn was called. */
struct lectern_post {
    struct lectern_post *next; /* the host's */
    void (*fn)(struct lectern_post *post);
};

/* Work for a thread of the host's pool: run there, then done on the loop. As above. */
struct lectern_work {
    void (*run)(struct lectern_work *work);
    void (*done)(struct lectern_work *work);
    void *host; /* the host's */
};

#define LECTERN_READABLE 1u
#define LECTERN_WRITABLE 2u
struct lectern_watch;
struct lectern_timer;

struct lectern_host {
    uint32_t version, size; /* LECTERN_PLUGIN_VERSION and sizeof, of the server */
    const char *state_dir;  /* where files that must last belong; "" if there is none */
    /* One line, printf-like. */
    void (*log)(const struct lectern_host *host, enum lectern_level level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
    /* The plugin's own setting of that name, as text; its default if nobody set it. Never NULL. */
    const char *(*setting)(const struct lectern_host *host, const char *name);
    /* Has fn called on the loop, in the order of the posts; many posts are one wake-up. */
    void (*post)(const struct lectern_host *host, struct lectern_post *post);
    /* Loop. */
    void (*work)(const struct lectern_host *host, struct lectern_work *work);
    /* Loop. Calls fn when fd is ready for one of `events`, again and again. unwatch before the
     * descriptor is closed; fn is not called after it. NULL: the descriptor cannot be watched. */
    struct lectern_watch *(*watch)(const struct lectern_host *host, int fd, unsigned events,
                                   void (*fn)(void *ctx, unsigned events), void *ctx);
    void (*rewatch)(struct lectern_watch *watch, unsigned events);
    void (*unwatch)(struct lectern_watch *watch);
    /* Loop. Calls fn once, after so many milliseconds, and forgets it; cancel before that forgets it
     * too. */
    struct lectern_timer *(*timer)(const struct lectern_host *host, unsigned ms,
                                   void (*fn)(void *ctx), void *ctx);
    void (*cancel)(struct lectern_timer *timer);
};

/* --- what a database driver offers --------------------------------------------------------- */

struct lectern_db; /* the driver's own: one open database */

struct lectern_db_events {
    /* Loop. The answer to the request of that id, once for each that was submitted. `answer` is the
     * host's from now on, which frees it with free(). */
    void (*on_answer)(void *ctx, uint64_t id, void *answer, size_t n);
    /* Loop. The database went away, or came back; why is a sentence, borrowed. It counts as there
     * when open returns. */
    void (*on_state)(void *ctx, bool available, const char *why);
};

struct lectern_db_driver {
    const char *schemes; /* of URLs, separated by spaces: "sqlite memory" */
    /* Whether one process has the database to itself while it is open. */
    bool exclusive;
    /* Loop. Opens what the URL names (all of it, its scheme too). May block, as the server has not
     * started yet. NULL with a sentence in err that says what to do. */
    struct lectern_db *(*open)(const struct lectern_host *host, const char *url,
                               const struct lectern_db_events *events, void *ctx, char *err,
                               size_t err_size);
    /* Loop. Takes a request (below), which it frees with free(). Requests that change something take
     * effect in the order in which they were submitted. Ids are never used twice. */
    void (*submit)(struct lectern_db *db, uint64_t id, void *request, size_t n);
    /* Loop. Nobody wants that answer any more: what has not begun need not be done. It is answered all
     * the same. */
    void (*cancel)(struct lectern_db *db, uint64_t id);
    /* Loop. Ends all that was submitted, as far as it is done in about a second, and closes. No
     * callback comes after it. May block. */
    void (*close)(struct lectern_db *db);
    /* Loop. Puts a copy of `file`, which a BACKUP has written, in the place of the database that the URL
     * names and nobody has open; `script` is run on the copy before it counts. What was there is kept
     * beside it. May block. False with a sentence. NULL: the driver cannot; its database has tools
     * of its own. */
    bool (*restore)(const struct lectern_host *host, const char *url, const char *file,
                    const char *script, char *err, size_t err_size);
};

/* --- the plugin ---------------------------------------------------------------------------- */

struct lectern_plugin {
    uint32_t version; /* LECTERN_PLUGIN_VERSION */
    const char *name;
    const struct lectern_db_driver *db; /* NULL: it has none */
};

/* NULL: it refuses, and has logged why. */
LECTERN_EXPORT const struct lectern_plugin *lectern_plugin(const struct lectern_host *host);

/* --- requests and answers ------------------------------------------------------------------ */

/* All numbers little-endian. A value is one octet of its type, and what follows by that:
 *
 *   NULL -    INTEGER i64    REAL f64    TEXT u32 bytes    BLOB u32 bytes    BOOLEAN u8
 *   ANSWER -  as a parameter only: all that this request has answered so far, as a BLOB that is a
 *             whole answer
 *
 * A request:   u8 kind, u8 flags, u64 transaction, u32 timeout (ms), u32 max_rows, u32 max_bytes,
 *              u16 statements, each: TEXT-like u32 sql, u16 parameters, each a value
 * An answer:   u8 code; OK: u16 results, each: i64 changes, u16 columns, each u16 name, u32 rows,
 *              each so many values;
 *              else: u16 statement (from 1, 0: none), u32 message
 *
 * Parameters are $1, $2 … in the statement, each statement is one SQL statement. */
enum lectern_db_kind {
    /* The statements as one transaction, which takes effect wholly or not at all; it is durable
     * before it is answered. */
    LECTERN_DB_BATCH = 1,
    /* Begins an interactive transaction, whose number is this request's id, and runs the statements
     * in it. It is rolled back when nothing came for `timeout`, or by an error of a statement. */
    LECTERN_DB_BEGIN,
    LECTERN_DB_STEP,     /* in `transaction` */
    LECTERN_DB_COMMIT,   /* the same, then it is committed */
    LECTERN_DB_ROLLBACK, /* no statements */
    /* Each statement may be many, separated by semicolons, without parameters; one transaction. */
    LECTERN_DB_SCRIPT,
    LECTERN_DB_BACKUP, /* one statement: the path of the file to write, which must not be there */
    LECTERN_DB_CHECK,  /* no statements; answers rows of TEXT, one row "ok" if all is well */
    LECTERN_DB_PURGE,  /* no statements; nothing that was deleted before it is left in the files */
};

/* Runs behind all that was submitted before, though it only reads. */
#define LECTERN_DB_ORDERED 1u

enum lectern_db_code {
    LECTERN_DB_OK,
    LECTERN_DB_UNAVAILABLE, /* the database is away, or its file cannot be used */
    LECTERN_DB_BUSY,        /* too much waits */
    LECTERN_DB_CONFLICT,    /* a constraint: unique, foreign key, check, not null */
    LECTERN_DB_TIMEOUT,     /* it took too long; what it would have changed may have happened */
    LECTERN_DB_INVALID,     /* no such table, a mistake in the SQL, a wrong parameter */
    LECTERN_DB_TOO_BIG,     /* more rows or bytes than the request allows */
    LECTERN_DB_FULL,        /* no room is left on the disk */
    LECTERN_DB_CANCELED,    /* it was, before it began */
};

enum lectern_db_type {
    LECTERN_NULL,
    LECTERN_INTEGER,
    LECTERN_REAL,
    LECTERN_TEXT,
    LECTERN_BLOB,
    LECTERN_BOOLEAN,
    LECTERN_ANSWER,
};

struct lectern_value {
    enum lectern_db_type type;
    union {
        int64_t integer; /* BOOLEAN too */
        double real;
        struct {
            const char *p;
            uint32_t n;
        } text; /* BLOB too */
    };
};

/* Reads a message; stays at its end once it has read past it, and is bad then. */
struct lectern_reader {
    const unsigned char *p, *end;
    bool bad;
};

static inline struct lectern_reader lectern_read(const void *p, size_t n)
{
    struct lectern_reader r = { (const unsigned char *)p, (const unsigned char *)p + n, false };
    return r;
}

static inline uint64_t lectern_read_number(struct lectern_reader *r, unsigned octets)
{
    uint64_t value = 0;
    if ((size_t)(r->end - r->p) < octets) {
        r->bad = true;
        r->p = r->end;
        return 0;
    }
    for (unsigned i = 0; i < octets; i++)
        value |= (uint64_t)r->p[i] << (8 * i);
    r->p += octets;
    return value;
}

/* n bytes, borrowed; "" and n 0 when they are not all there. */
static inline const char *lectern_read_bytes(struct lectern_reader *r, unsigned octets, uint32_t *n)
{
    uint64_t length = lectern_read_number(r, octets);
    if ((uint64_t)(r->end - r->p) < length) {
        r->bad = true;
        r->p = r->end;
        length = 0;
    }
    const char *at = length ? (const char *)r->p : "";
    r->p += length;
    *n = (uint32_t)length;
    return at;
}

static inline struct lectern_value lectern_read_value(struct lectern_reader *r)
{
    struct lectern_value v = { LECTERN_NULL, { 0 } };
    uint64_t bits, type = lectern_read_number(r, 1);
    switch (type) {
    case LECTERN_INTEGER:
        v.integer = (int64_t)lectern_read_number(r, 8);
        break;
    case LECTERN_REAL:
        bits = lectern_read_number(r, 8);
        memcpy(&v.real, &bits, sizeof bits);
        break;
    case LECTERN_TEXT:
    case LECTERN_BLOB:
        v.text.p = lectern_read_bytes(r, 4, &v.text.n);
        break;
    case LECTERN_BOOLEAN:
        v.integer = lectern_read_number(r, 1) != 0;
        break;
    case LECTERN_NULL:
    case LECTERN_ANSWER:
        break;
    default:
        r->bad = true;
    }
    v.type = r->bad ? LECTERN_NULL : (enum lectern_db_type)type;
    return v;
}

/* The head of a request; then its statements follow. */
struct lectern_request {
    enum lectern_db_kind kind;
    unsigned flags;
    uint64_t transaction;
    uint32_t timeout_ms, max_rows, max_bytes;
    unsigned statements;
};

static inline struct lectern_request lectern_read_request(struct lectern_reader *r)
{
    struct lectern_request q;
    q.kind = (enum lectern_db_kind)lectern_read_number(r, 1);
    q.flags = (unsigned)lectern_read_number(r, 1);
    q.transaction = lectern_read_number(r, 8);
    q.timeout_ms = (uint32_t)lectern_read_number(r, 4);
    q.max_rows = (uint32_t)lectern_read_number(r, 4);
    q.max_bytes = (uint32_t)lectern_read_number(r, 4);
    q.statements = (unsigned)lectern_read_number(r, 2);
    return q;
}

/* Writers put numbers with this, into room for 8 octets at most. */
static inline void lectern_write_number(void *at, uint64_t value, unsigned octets)
{
    unsigned char *p = (unsigned char *)at;
    for (unsigned i = 0; i < octets; i++)
        p[i] = (unsigned char)(value >> (8 * i));
}

#endif
