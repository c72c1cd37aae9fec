#include "db/db.h"

#include <assert.h>
#include <stdlib.h>

#include "db/internal.h"

/* It lives until the driver has answered, so that what the driver holds is counted even when nobody
 * waits for it any more. */
struct lec_db_call {
    struct lec_db *db;
    uint64_t id; /* the key in db->calls */
    size_t bytes;
    lec_db_fn *fn; /* NULL: nobody waits */
    void *ctx;
    struct lec_timer timer; /* its deadline */
    struct lec_later later; /* the answer of a database that is away */
};

static struct lec_slice key_of(const struct lec_db_call *c)
{
    return (struct lec_slice){ (const char *)&c->id, sizeof c->id };
}

struct lec_db *lec_db_new(struct lec_loop *loop, const struct lec_db_config *cfg,
                          struct lec_log *log)
{
    struct lec_db *db = lec_alloc0(sizeof *db);
    db->loop = loop;
    db->cfg = *cfg;
    db->log = log;
    return db;
}

static void forget(struct lec_db_call *c)
{
    lec_timer_stop(c->db->loop, &c->timer);
    lec_loop_flush_cancel(c->db->loop, &c->later);
    lec_map_remove(&c->db->calls, key_of(c));
    c->db->bytes -= c->bytes;
    free(c);
}

/* Whoever waits gets this, and waits no more. */
static void answer(struct lec_db_call *c, struct lec_slice text)
{
    lec_db_fn *fn = c->fn;
    c->fn = NULL;
    lec_timer_stop(c->db->loop, &c->timer);
    if (fn)
        fn(c->ctx, text);
}

static void answer_error(struct lec_db_call *c, enum lectern_db_code code, const char *message)
{
    char text[LEC_DB_ERROR_MAX];
    size_t n = lec_db_write_error(text, code, message);
    answer(c, (struct lec_slice){ text, n });
}

/* --- the driver's side --- */

static void on_answer(void *ctx, uint64_t id, void *text, size_t n)
{
    struct lec_db *db = ctx;
    struct lec_db_call *c =
        lec_map_get(&db->calls, (struct lec_slice){ (const char *)&id, sizeof id });
    assert(c); /* an answer more than there were requests */
    if (c) {
        answer(c, (struct lec_slice){ text, n });
        forget(c);
    }
    free(text);
}

static void on_state(void *ctx, bool available, const char *why)
{
    struct lec_db *db = ctx;
    if (db->available == available)
        return;
    db->available = available;
    lec_log(db->log, available ? LEC_LOG_INFO : LEC_LOG_ERROR, LEC_CAT_DB, LEC_NOBODY,
            available ? "the database is back: %s" : "the database is away: %s", why);
}

static const struct lectern_db_events events = { on_answer, on_state };

int lec_db_open(struct lec_db *db, const struct lectern_db_driver *driver,
                const struct lectern_host *host, const char *url, char *err, size_t err_size)
{
    db->database = driver->open(host, url, &events, db, err, err_size);
    if (!db->database)
        return LEC_EIO;
    db->driver = driver;
    db->available = true;
    return LEC_OK;
}

void lec_db_close(struct lec_db *db)
{
    struct lec_db_call *c;
    if (!db->driver)
        return;
    db->available = false;
    db->driver->close(db->database);
    db->available = false; /* news that it was back may have been among its last */
    db->driver = NULL;
    for (size_t pos = 0; (c = lec_map_next(&db->calls, &pos)) != NULL; pos = 0) {
        answer_error(c, LECTERN_DB_UNAVAILABLE, "the server is stopping");
        forget(c);
    }
}

void lec_db_free(struct lec_db *db)
{
    if (!db)
        return;
    lec_db_close(db);
    assert(db->calls.count == 0);
    lec_map_fini(&db->calls);
    free(db);
}

/* --- calls --- */

static void on_deadline(struct lec_timer *timer)
{
    struct lec_db_call *c = LEC_CONTAINER(timer, struct lec_db_call, timer);
    c->db->driver->cancel(c->db->database, c->id);
    answer_error(c, LECTERN_DB_TIMEOUT, "the database did not answer in time");
}

static void on_away(struct lec_later *later)
{
    struct lec_db_call *c = LEC_CONTAINER(later, struct lec_db_call, later);
    answer_error(c, LECTERN_DB_UNAVAILABLE, "the database is away");
    forget(c);
}

/* What ends a transaction makes room, so it is never refused. */
static bool is_full(const struct lec_db *db, const struct lec_buf *request)
{
    if ((unsigned char)request->p[0] != LECTERN_DB_BATCH &&
        (unsigned char)request->p[0] != LECTERN_DB_BEGIN)
        return false;
    return db->calls.count >= db->cfg.max_calls || db->bytes + request->n > db->cfg.max_bytes;
}

int lec_db_call(struct lec_db *db, struct lec_buf *request, lec_db_fn *fn, void *ctx,
                struct lec_db_call **out, uint64_t *id)
{
    if (is_full(db, request)) {
        lec_buf_clear(request, LEC_DB_KEEP);
        return LEC_EFULL;
    }
    struct lec_db_call *c = lec_alloc0(sizeof *c);
    c->db = db;
    c->id = ++db->last_id;
    c->bytes = request->n;
    c->fn = fn;
    c->ctx = ctx;
    lec_map_put(&db->calls, key_of(c), c);
    db->bytes += c->bytes;
    *out = c;
    if (id)
        *id = c->id;
    if (!db->available) {
        lec_buf_clear(request, LEC_DB_KEEP);
        lec_loop_flush_later(db->loop, &c->later, on_away);
        return LEC_OK;
    }
    unsigned timeout = lec_db_timeout_of(request);
    if (timeout > 0)
        lec_timer_start(db->loop, &c->timer, timeout, on_deadline);
    struct lec_buf bytes = *request;
    *request = (struct lec_buf){ 0 };
    db->driver->submit(db->database, c->id, bytes.p, bytes.n);
    return LEC_OK;
}

void lec_db_cancel(struct lec_db_call *c)
{
    c->fn = NULL;
    lec_timer_stop(c->db->loop, &c->timer);
    if (c->later.fn)
        forget(c);
    else if (c->db->driver) /* else it is being closed, which forgets it */
        c->db->driver->cancel(c->db->database, c->id);
}

bool lec_db_available(const struct lec_db *db)
{
    return db->available;
}

bool lec_db_exclusive(const struct lec_db *db)
{
    return db->driver && db->driver->exclusive;
}

size_t lec_db_waiting(const struct lec_db *db)
{
    return db->calls.count;
}
