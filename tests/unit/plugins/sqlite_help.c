#include "sqlite_help.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct lectern_plugin *lectern_sqlite_plugin(const struct lectern_host *host);

/* --- requests --- */

struct request request_of(enum lectern_db_kind kind)
{
    struct request r = { 0 };
    sql_bytes_number(&r.bytes, kind, 1);
    sql_bytes_number(&r.bytes, 0, 1);
    sql_bytes_number(&r.bytes, 0, 8);
    sql_bytes_number(&r.bytes, 5000, 4);
    sql_bytes_number(&r.bytes, 1000, 4);
    sql_bytes_number(&r.bytes, 1000000, 4);
    sql_bytes_number(&r.bytes, 0, 2);
    return r;
}

void request_flags(struct request *r, unsigned flags)
{
    r->bytes.p[1] = (unsigned char)flags;
}

void request_transaction(struct request *r, uint64_t id)
{
    lectern_write_number(r->bytes.p + 2, id, 8);
}

void request_timeout(struct request *r, uint32_t ms)
{
    lectern_write_number(r->bytes.p + 10, ms, 4);
}

void request_bounds(struct request *r, uint32_t rows, uint32_t bytes)
{
    lectern_write_number(r->bytes.p + 14, rows, 4);
    lectern_write_number(r->bytes.p + 18, bytes, 4);
}

void statement(struct request *r, const char *sql)
{
    lectern_write_number(r->bytes.p + 22, ++r->statements, 2);
    sql_bytes_number(&r->bytes, strlen(sql), 4);
    sql_bytes_add(&r->bytes, sql, strlen(sql));
    r->at_parameters = r->bytes.n;
    r->parameters = 0;
    sql_bytes_number(&r->bytes, 0, 2);
}

static void parameter(struct request *r, enum lectern_db_type type)
{
    lectern_write_number(r->bytes.p + r->at_parameters, ++r->parameters, 2);
    sql_bytes_number(&r->bytes, type, 1);
}

void with_integer(struct request *r, int64_t value)
{
    parameter(r, LECTERN_INTEGER);
    sql_bytes_number(&r->bytes, (uint64_t)value, 8);
}

void with_real(struct request *r, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    parameter(r, LECTERN_REAL);
    sql_bytes_number(&r->bytes, bits, 8);
}

void with_text(struct request *r, const char *text)
{
    parameter(r, LECTERN_TEXT);
    sql_bytes_number(&r->bytes, strlen(text), 4);
    sql_bytes_add(&r->bytes, text, strlen(text));
}

void with_blob(struct request *r, const void *p, uint32_t n)
{
    parameter(r, LECTERN_BLOB);
    sql_bytes_number(&r->bytes, n, 4);
    sql_bytes_add(&r->bytes, p, n);
}

void with_boolean(struct request *r, bool value)
{
    parameter(r, LECTERN_BOOLEAN);
    sql_bytes_number(&r->bytes, value, 1);
}

void with_null(struct request *r)
{
    parameter(r, LECTERN_NULL);
}

void with_answer(struct request *r)
{
    parameter(r, LECTERN_ANSWER);
}

struct request simple(enum lectern_db_kind kind, const char *sql)
{
    struct request r = request_of(kind);
    statement(&r, sql);
    return r;
}

/* --- answers --- */

static void print_value(FILE *out, const struct lectern_value *v)
{
    switch (v->type) {
    case LECTERN_INTEGER:
        fprintf(out, "%lld", (long long)v->integer);
        break;
    case LECTERN_BOOLEAN:
        fputs(v->integer ? "true" : "false", out);
        break;
    case LECTERN_REAL:
        fprintf(out, "%g", v->real);
        if (v->real == (double)(long long)v->real)
            fputs(".0", out);
        break;
    case LECTERN_TEXT:
        fprintf(out, "'%.*s'", (int)v->text.n, v->text.p);
        break;
    case LECTERN_BLOB:
        fputs("x", out);
        for (uint32_t i = 0; i < v->text.n; i++)
            fprintf(out, "%02x", (unsigned char)v->text.p[i]);
        break;
    case LECTERN_NULL:
        fputs("null", out);
        break;
    case LECTERN_ANSWER:
        fail_msg("an answer has an ANSWER in it");
    }
}

static void print_result(FILE *out, struct lectern_reader *r)
{
    long long changes = (long long)lectern_read_number(r, 8);
    unsigned columns = (unsigned)lectern_read_number(r, 2);
    uint32_t n;
    fprintf(out, " %lld[", changes);
    for (unsigned i = 0; i < columns; i++) {
        const char *name = lectern_read_bytes(r, 2, &n);
        fprintf(out, "%s%.*s", i ? " " : "", (int)n, name);
    }
    fputs("]", out);
    uint32_t rows = (uint32_t)lectern_read_number(r, 4);
    for (uint32_t i = 0; i < rows && !r->bad; i++) {
        fputs("(", out);
        for (unsigned k = 0; k < columns; k++) {
            struct lectern_value v = lectern_read_value(r);
            if (k)
                fputs(" ", out);
            print_value(out, &v);
        }
        fputs(")", out);
    }
}

const char *answer_text(const void *p, size_t n)
{
    static const char *const codes[] = { "ok",      "unavailable", "busy", "conflict", "timeout",
                                         "invalid", "too_big",     "full", "canceled" };
    static char *text;
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    struct lectern_reader r = lectern_read(p, n);
    unsigned code = (unsigned)lectern_read_number(&r, 1);
    assert_in_range(code, 0, sizeof codes / sizeof codes[0] - 1);
    fputs(codes[code], out);
    if (code == LECTERN_DB_OK) {
        unsigned results = (unsigned)lectern_read_number(&r, 2);
        for (unsigned i = 0; i < results && !r.bad; i++)
            print_result(out, &r);
    } else {
        uint32_t m;
        unsigned at = (unsigned)lectern_read_number(&r, 2);
        const char *message = lectern_read_bytes(&r, 4, &m);
        fprintf(out, "@%u %.*s", at, (int)m, message);
    }
    fclose(out);
    assert_false(r.bad);
    assert_ptr_equal(r.p, r.end);
    return text;
}

void begins(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

const char *run_on(struct sql_connection *c, uint64_t id, struct request r)
{
    struct sql_bytes answer = { 0 };
    enum lectern_db_code code = sql_run(c, id, r.bytes.p, r.bytes.n, &answer);
    if (answer.n == 0)
        return "nothing";
    assert_int_equal(code, answer.p[0]);
    const char *text = answer_text(answer.p, answer.n);
    free(answer.p);
    free(r.bytes.p);
    return text;
}

/* --- the host --- */

static void host_log(const struct lectern_host *host, enum lectern_level level, const char *fmt,
                     ...)
{
    (void)host;
    (void)level;
    (void)fmt;
}

static const char *host_setting(const struct lectern_host *host, const char *name)
{
    const struct driver *d = (const struct driver *)host;
    return strcmp(name, "max_bytes") == 0 && d->max_bytes ? d->max_bytes : "0";
}

static void host_post(const struct lectern_host *host, struct lectern_post *post)
{
    struct driver *d = (struct driver *)(uintptr_t)host;
    pthread_mutex_lock(&d->lock);
    post->next = NULL;
    if (d->first)
        d->last->next = post;
    else
        d->first = post;
    d->last = post;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

static void on_answer(void *ctx, uint64_t id, void *answer, size_t n)
{
    struct driver *d = ctx;
    assert_in_range(id, 1, sizeof d->answers / sizeof d->answers[0] - 1);
    assert_null(d->answers[id].text);
    d->answers[id].text = strdup(answer_text(answer, n));
    d->answers[id].order = ++d->answered;
    free(answer);
}

static void on_state(void *ctx, bool available, const char *why)
{
    struct driver *d = ctx;
    assert_true(strlen(why) > 0);
    d->states++;
    d->available = available;
}

static const struct lectern_db_events events = { on_answer, on_state };

void driver_init(struct driver *d)
{
    memset(d, 0, sizeof *d);
    strcpy(d->dir, "/tmp/lectern-sqlite-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    d->host = (struct lectern_host){
        .version = LECTERN_PLUGIN_VERSION,
        .size = sizeof d->host,
        .state_dir = d->dir,
        .log = host_log,
        .setting = host_setting,
        .post = host_post,
    };
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    const struct lectern_plugin *plugin = lectern_sqlite_plugin(&d->host);
    assert_int_equal(plugin->version, LECTERN_PLUGIN_VERSION);
    d->table = plugin->db;
    d->available = true;
}

void driver_open(struct driver *d, const char *url)
{
    char err[512] = "";
    d->db = d->table->open(&d->host, url, &events, d, err, sizeof err);
    assert_string_equal(err, "");
    assert_non_null(d->db);
}

const char *driver_try(struct driver *d, const char *url)
{
    static char err[512];
    err[0] = '\0';
    struct lectern_db *db = d->table->open(&d->host, url, &events, d, err, sizeof err);
    if (db)
        d->table->close(db);
    else
        assert_true(strlen(err) > 0);
    return err;
}

static void run_posts(struct driver *d)
{
    for (;;) {
        pthread_mutex_lock(&d->lock);
        struct lectern_post *post = d->first;
        if (post)
            d->first = post->next;
        pthread_mutex_unlock(&d->lock);
        if (!post)
            return;
        post->fn(post);
    }
}

void driver_close(struct driver *d)
{
    if (d->db)
        d->table->close(d->db);
    d->db = NULL;
    run_posts(d);
}

void driver_fini(struct driver *d)
{
    char command[128];
    driver_close(d);
    for (size_t i = 0; i < sizeof d->answers / sizeof d->answers[0]; i++)
        free(d->answers[i].text);
    snprintf(command, sizeof command, "rm -rf %s", d->dir);
    assert_int_equal(system(command), 0);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
}

uint64_t driver_submit(struct driver *d, struct request r)
{
    uint64_t id = ++d->next_id;
    d->table->submit(d->db, id, r.bytes.p, r.bytes.n);
    return id;
}

static void wait_a_little(struct driver *d, unsigned ms)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += (long)ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    pthread_mutex_lock(&d->lock);
    if (!d->first)
        pthread_cond_timedwait(&d->wake, &d->lock, &at);
    pthread_mutex_unlock(&d->lock);
    run_posts(d);
}

const char *driver_wait(struct driver *d, uint64_t id)
{
    uint64_t until = sql_now() + 20000;
    while (!d->answers[id].text && sql_now() < until)
        wait_a_little(d, 100);
    assert_non_null(d->answers[id].text);
    return d->answers[id].text;
}

const char *driver_ask(struct driver *d, struct request r)
{
    return driver_wait(d, driver_submit(d, r));
}

void driver_turn(struct driver *d, unsigned ms)
{
    uint64_t until = sql_now() + ms;
    while (sql_now() < until)
        wait_a_little(d, 10);
}

/* --- files that fail --- */

static atomic_int fault;

struct faulty_file {
    sqlite3_file base;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real;
};

static sqlite3_vfs *real_vfs, faulty_vfs;

/* The real file lies behind our methods: it is where ours begins, and ours are at its end. */
static struct faulty_file *extra(sqlite3_file *file)
{
    return (struct faulty_file *)(void *)((char *)file + real_vfs->szOsFile);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    if (atomic_load(&fault) == SYNC_FAILS)
        return SQLITE_IOERR_FSYNC;
    return extra(file)->real->xSync(file, flags);
}

static int faulty_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    if (atomic_load(&fault) == WRITE_FAILS)
        return SQLITE_IOERR_WRITE;
    if (atomic_load(&fault) == DISK_FULL)
        return SQLITE_FULL;
    return extra(file)->real->xWrite(file, p, n, at);
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    int rc = real_vfs->xOpen(real_vfs, name, file, flags, out);
    if (rc == SQLITE_OK && file->pMethods) {
        struct faulty_file *f = extra(file);
        f->real = file->pMethods;
        f->methods = *file->pMethods;
        f->methods.xSync = faulty_sync;
        f->methods.xWrite = faulty_write;
        file->pMethods = &f->methods;
    }
    return rc;
}

void set_fault(enum fault which)
{
    if (!real_vfs) {
        real_vfs = sqlite3_vfs_find(NULL);
        faulty_vfs = *real_vfs;
        faulty_vfs.zName = "faulty";
        faulty_vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(struct faulty_file);
        faulty_vfs.xOpen = faulty_open;
        assert_int_equal(sqlite3_vfs_register(&faulty_vfs, 1), SQLITE_OK);
    }
    atomic_store(&fault, which);
}
