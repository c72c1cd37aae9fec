#include "server/revocations.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "db/answer.h"
#include "db/db.h"
#include "server/stay.h"

#define PAGE              1000u
#define RETRY_MS          1000u
#define MAX_WAITING_BYTES (16u << 20) /* events held for all who wait */

enum kind { TOKENS, PEOPLE, KINDS };
static const char *const kind_names[KINDS] = { "token", "person" };

/* The first that has no place in a list of $2; then what is newer, oldest first. */
static const char beyond_sql[] = "SELECT created, name FROM lectern_revocations WHERE kind = $1 "
                                 "ORDER BY created DESC, name DESC LIMIT 1 OFFSET $2";
static const char page_sql[] = "SELECT created, name, time FROM lectern_revocations "
                               "WHERE kind = $1 AND (created, name) > ($2, $3) "
                               "ORDER BY created, name LIMIT $4";
static const char find_sql[] =
    "SELECT kind, name, time FROM lectern_revocations "
    "WHERE (kind = 'token' AND name = $1) OR (kind = 'person' AND name IN ($2, $3))";

struct lec_revocations {
    struct lec_server *server;
    struct lec_db *db;    /* NULL: none */
    bool complete[KINDS]; /* the list holds all that are in the database */
    bool beyond[KINDS];   /* while it is read: there are more, or one had to go meanwhile */
    enum kind reading;    /* KINDS: all are read */
    bool paging;          /* behind the look for what is beyond */
    int64_t after;        /* the page begins behind this place */
    struct lec_buf after_name;
    struct lec_db_call *call; /* of the reading */
    struct lec_timer retry;
    bool failed; /* told in the log */
    struct lec_buf request;
    struct lec_map waiters; /* by socket */
    size_t waiting_bytes;
};

struct lec_revocations_ask {
    struct lec_revocations *r;
    struct lec_db_call *call;
    void (*fn)(void *ctx, int verdict);
    void *ctx;
    int64_t issued;
};

enum waits { CONNECT, IDENTIFIED, REFRESH }; /* a CONNECT; one with its person; the event */

struct waiter {
    struct lec_revocations *r;
    struct lec_revocations_ask *ask;
    struct sio_socket *socket; /* its key in the map */
    unsigned waited;
    enum waits what;
    int64_t ack_id; /* of the event */
    size_t n;
    char args[];
};

static struct lec_revoked *list_of(struct lec_revocations *r, enum kind kind)
{
    return kind == TOKENS ? &r->server->revoked_tokens : &r->server->revoked_people;
}

/* The list does not hold all of that kind, nor will it when it has been read. */
static void lose(struct lec_revocations *r, enum kind kind)
{
    r->complete[kind] = false;
    r->beyond[kind] = true;
}

/* Enters what the database says. Of tokens it does not say when they would have expired. */
static void enter(struct lec_revocations *r, enum kind kind, struct lec_slice name, int64_t time)
{
    int64_t now_s = lec_clock_ms() / 1000;
    bool lost = lec_revoked_add(list_of(r, kind), name, kind == TOKENS ? INT64_MAX : time,
                                kind == TOKENS ? now_s : INT64_MIN);
    if (lost)
        lose(r, kind);
}

/* --- reading them -------------------------------------------------------------------------- */

static void read_on(struct lec_revocations *r);

static void on_retry(struct lec_timer *t)
{
    read_on(LEC_CONTAINER(t, struct lec_revocations, retry));
}

static void read_later(struct lec_revocations *r, const char *why, size_t n)
{
    lec_log(r->server->log, r->failed ? LEC_LOG_DEBUG : LEC_LOG_ERROR, LEC_CAT_AUTH, LEC_NOBODY,
            "the revocations cannot be read: %.*s; who comes is looked up one by one", (int)n, why);
    r->failed = true;
    lec_timer_start(r->server->loop, &r->retry, RETRY_MS, on_retry);
}

static void begin_kind(struct lec_revocations *r, enum kind kind)
{
    r->reading = kind;
    r->paging = false;
    r->after = -1;
    lec_buf_clear(&r->after_name, 1024);
}

/* The rows of one answer. False: that was the last page of its kind. */
static bool take_page(struct lec_revocations *r, struct lec_db_result *rows)
{
    size_t n = 0;
    while (lec_db_result_row(rows)) {
        struct lec_slice name = { rows->values[1].text.p, rows->values[1].text.n };
        if (rows->values[1].type != LECTERN_TEXT)
            continue;
        r->after = lec_db_result_integer(rows, 0);
        lec_buf_clear(&r->after_name, 1024);
        lec_buf_add(&r->after_name, name.p, name.n);
        if (r->paging)
            enter(r, r->reading, name, lec_db_result_integer(rows, 2));
        n++;
    }
    if (r->paging)
        return n == PAGE;
    r->beyond[r->reading] = r->beyond[r->reading] || n > 0;
    r->paging = true;
    return true;
}

static void on_page(void *ctx, struct lec_slice answer)
{
    struct lec_revocations *r = ctx;
    struct lec_db_error error;
    struct lec_db_result rows;
    r->call = NULL;
    if (lec_db_failed(answer, &error)) {
        read_later(r, error.message.p, error.message.n);
        return;
    }
    lec_db_result_begin(&rows, answer);
    if (!take_page(r, &rows)) {
        r->complete[r->reading] = !r->beyond[r->reading];
        begin_kind(r, r->reading + 1);
    }
    if (r->reading < KINDS) {
        read_on(r);
        return;
    }
    lec_log(r->server->log, LEC_LOG_INFO, LEC_CAT_AUTH, LEC_NOBODY,
            "revocations read: %zu tokens, %zu people%s", r->server->revoked_tokens.by_name.count,
            r->server->revoked_people.by_name.count,
            r->complete[TOKENS] && r->complete[PEOPLE]
                ? ""
                : "; there are more, so who comes is looked up in the database "
                  "(max_revocations)");
}

static void read_on(struct lec_revocations *r)
{
    struct lec_slice kind = lec_slice_str(kind_names[r->reading]);
    lec_db_begin(&r->request, r->db, LECTERN_DB_BATCH, 0, 0);
    if (r->paging) {
        (void)!lec_db_statement(&r->request, lec_slice_str(page_sql));
        lec_db_parameters(&r->request, 4);
        lec_db_text(&r->request, kind);
        lec_db_integer(&r->request, r->after);
        lec_db_text(&r->request, lec_buf_slice(&r->after_name));
        lec_db_integer(&r->request, PAGE);
    } else {
        (void)!lec_db_statement(&r->request, lec_slice_str(beyond_sql));
        lec_db_parameters(&r->request, 2);
        lec_db_text(&r->request, kind);
        lec_db_integer(&r->request, (int64_t)r->server->cfg->max_revocations);
    }
    static const char busy[] = "too much waits for the database";
    if (lec_db_call(r->db, &r->request, on_page, r, &r->call, NULL) != LEC_OK)
        read_later(r, busy, sizeof busy - 1);
}

/* --- asking for one ------------------------------------------------------------------------ */

static void on_found(void *ctx, struct lec_slice answer)
{
    struct lec_revocations_ask *ask = ctx;
    struct lec_revocations *r = ask->r;
    struct lec_db_error error;
    struct lec_db_result rows;
    int verdict = LEC_OK;
    if (lec_db_failed(answer, &error)) {
        verdict = LEC_EAGAIN;
    } else {
        lec_db_result_begin(&rows, answer);
        while (lec_db_result_row(&rows)) {
            struct lec_slice kind = { rows.values[0].text.p, rows.values[0].text.n };
            struct lec_slice name = { rows.values[1].text.p, rows.values[1].text.n };
            int64_t time = lec_db_result_integer(&rows, 2);
            bool token = lec_slice_is(kind, "token");
            enter(r, token ? TOKENS : PEOPLE, name, time);
            if (token || ask->issued <= time)
                verdict = LEC_EDENIED;
        }
    }
    void (*fn)(void *, int) = ask->fn;
    ctx = ask->ctx;
    free(ask);
    fn(ctx, verdict);
}

struct lec_revocations_ask *lec_revocations_ask(struct lec_revocations *r,
                                                const struct lec_peer *peer,
                                                void (*fn)(void *ctx, int verdict), void *ctx)
{
    struct lec_revocations_ask *ask = lec_alloc0(sizeof *ask);
    ask->r = r;
    ask->fn = fn;
    ask->ctx = ctx;
    ask->issued = peer->issued;
    /* Behind what was revoked a moment ago and is being written. */
    lec_db_begin(&r->request, r->db, LECTERN_DB_BATCH, LECTERN_DB_ORDERED, 0);
    (void)!lec_db_statement(&r->request, lec_slice_str(find_sql));
    lec_db_parameters(&r->request, 3);
    if (peer->jti)
        lec_db_text(&r->request, lec_slice_str(peer->jti));
    else
        lec_db_null(&r->request);
    lec_db_text(&r->request, lec_slice_str(peer->account));
    lec_db_text(&r->request, lec_slice_str(peer->id));
    if (lec_db_call(r->db, &r->request, on_found, ask, &ask->call, NULL) == LEC_OK)
        return ask;
    free(ask);
    return NULL;
}

void lec_revocations_cancel(struct lec_revocations_ask *ask)
{
    lec_db_cancel(ask->call);
    free(ask);
}

/* --- sockets that wait --------------------------------------------------------------------- */

static struct lec_slice key(struct sio_socket *const *socket)
{
    return (struct lec_slice){ (const char *)socket, sizeof *socket };
}

static void on_verdict(void *ctx, int verdict)
{
    struct waiter *w = ctx;
    struct lec_revocations *r = w->r;
    struct lec_server *s = r->server;
    lec_map_remove(&r->waiters, key(&w->socket));
    r->waiting_bytes -= w->n;
    unsigned waited =
        w->waited | (verdict == LEC_EAGAIN ? LEC_WAITED_IN_VAIN : 0) | LEC_WAITED_REVOCATIONS;
    if (w->what == CONNECT) {
        lec_gate_again(s, w->socket, waited);
    } else if (w->what == IDENTIFIED) {
        lec_gate_identified(s, w->socket, waited);
    } else {
        struct sio_event event = { .name = LEC_SLICE("refresh_token"),
                                   .payload.json = { w->args, w->n },
                                   .ack_id = w->ack_id };
        lec_stay_refresh(s, w->socket, &event, waited);
    }
    free(w);
}

static int wait_for(struct lec_revocations *r, struct sio_socket *socket,
                    const struct lec_peer *peer, const struct sio_event *event, unsigned waited)
{
    struct lec_slice args = event ? event->payload.json : (struct lec_slice){ NULL, 0 };
    if (lec_map_get(&r->waiters, key(&socket)) || args.n > MAX_WAITING_BYTES - r->waiting_bytes)
        return LEC_EAGAIN;
    struct waiter *w = lec_alloc0(sizeof *w + args.n);
    w->r = r;
    w->socket = socket;
    w->waited = waited;
    w->what = event ? REFRESH : sio_socket_user(socket) ? IDENTIFIED : CONNECT;
    if (event) {
        w->ack_id = event->ack_id;
        w->n = args.n;
        memcpy(w->args, args.p, args.n);
    }
    w->ask = lec_revocations_ask(r, peer, on_verdict, w);
    if (!w->ask) {
        free(w);
        return LEC_EAGAIN;
    }
    lec_map_put(&r->waiters, key(&w->socket), w);
    r->waiting_bytes += w->n;
    r->server->counters.tokens_waited++;
    return LEC_OK;
}

static void drop(struct lec_revocations *r, struct waiter *w)
{
    r->waiting_bytes -= w->n;
    lec_revocations_cancel(w->ask);
    free(w);
}

void lec_revocations_forget(struct lec_revocations *r, struct sio_socket *socket)
{
    struct waiter *w = r->waiters.count > 0 ? lec_map_remove(&r->waiters, key(&socket)) : NULL;
    if (w)
        drop(r, w);
}

/* --- its life ------------------------------------------------------------------------------ */

struct lec_revocations *lec_revocations_new(struct lec_server *s)
{
    struct lec_revocations *r = lec_alloc0(sizeof *r);
    r->server = s;
    r->reading = KINDS;
    r->complete[TOKENS] = r->complete[PEOPLE] = true;
    return r;
}

void lec_revocations_start(struct lec_revocations *r, struct lec_db *db)
{
    r->db = db;
    if (!r->db)
        return;
    r->complete[TOKENS] = r->complete[PEOPLE] = false;
    begin_kind(r, TOKENS);
    read_on(r);
}

void lec_revocations_stop(struct lec_revocations *r)
{
    size_t pos = 0;
    struct waiter *w;
    if (r->call)
        lec_db_cancel(r->call);
    r->call = NULL;
    lec_timer_stop(r->server->loop, &r->retry);
    while ((w = lec_map_next(&r->waiters, &pos)) != NULL)
        drop(r, w);
    lec_map_fini(&r->waiters);
    r->waiters = (struct lec_map){ 0 };
    r->db = NULL;
}

void lec_revocations_free(struct lec_revocations *r)
{
    if (!r)
        return;
    lec_revocations_stop(r);
    lec_buf_fini(&r->after_name);
    lec_buf_fini(&r->request);
    free(r);
}

bool lec_revocations_ready(const struct lec_revocations *r)
{
    return r->reading == KINDS;
}

void lec_revocations_lost(struct lec_revocations *r, bool of_people)
{
    lose(r, of_people ? PEOPLE : TOKENS);
}

int lec_revocations_look(const struct lec_revocations *r, const struct lec_peer *peer)
{
    if (lec_stay_revoked(r->server, peer))
        return LEC_EDENIED;
    bool known = r->complete[PEOPLE] && (!peer->jti || r->complete[TOKENS]);
    return known || !r->db ? LEC_OK : LEC_EAGAIN;
}

int lec_revocations_pass(struct lec_revocations *r, const struct lec_peer *peer,
                         struct sio_socket *socket, const struct sio_event *event, unsigned waited,
                         bool *waits)
{
    int rc = lec_revocations_look(r, peer);
    *waits = false;
    if (rc != LEC_EAGAIN)
        return rc;
    if (waited & LEC_WAITED_REVOCATIONS)
        return waited & LEC_WAITED_IN_VAIN ? LEC_EAGAIN : LEC_OK;
    rc = wait_for(r, socket, peer, event, waited);
    *waits = rc == LEC_OK;
    return rc;
}
