#include "world.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "db/internal.h"

struct sio_server *lec_server_io(struct lec_server *s)
{
    return s->io;
}

size_t lec_server_revoke_user(struct lec_server *s, struct lec_slice id)
{
    (void)s;
    return id.n; /* whatever: nobody is revoked here */
}

size_t lec_server_revoke_token(struct lec_server *s, struct lec_slice jti)
{
    (void)s;
    return jti.n;
}

/* Nobody is refused here for who they are. */
int lec_server_identify(struct lec_server *s, struct sio_socket *socket, struct lec_slice id,
                        const char **why)
{
    struct lec_peer *peer = sio_socket_user(socket);
    (void)s;
    *why = id.n == 0 ? "the id is empty" : NULL;
    if (*why)
        return LEC_EINVAL;
    free(peer->person);
    peer->id = peer->person = lec_strndup(id.p, id.n);
    return LEC_OK;
}

void lec_server_admit(struct lec_server *s, struct sio_socket *socket)
{
    s->hooks.on_admitted(s->hooks.ctx, socket);
}

struct lec_loop *lec_server_loop(struct lec_server *s)
{
    return s->engine.loop;
}

struct lec_log *lec_server_log(struct lec_server *s)
{
    return s->log;
}

const struct lec_config *lec_server_config(const struct lec_server *s)
{
    return &s->cfg;
}

struct lec_fetcher *lec_server_fetcher(struct lec_server *s)
{
    (void)s;
    return NULL;
}

struct lec_db *lec_server_db(struct lec_server *s)
{
    return s->db;
}

struct lec_counters *lec_server_counters(struct lec_server *s)
{
    return &s->counters;
}

/* --- requests over HTTP: what was answered last --- */

struct world_answer world_answer;

void lec_request_answer(struct lec_request *r, const struct lec_answer *answer)
{
    if (r->answered)
        return;
    r->answered = true;
    world_answer.status = answer->status;
    world_answer.count++;
    snprintf(world_answer.body, sizeof world_answer.body, "%.*s", (int)answer->body.n,
             answer->body.p ? answer->body.p : "");
}

void lec_request_fail(struct lec_request *r, unsigned status, const char *code, const char *message,
                      const char *id)
{
    (void)message;
    (void)id;
    lec_request_answer(r, &(struct lec_answer){ .status = status, .body = lec_slice_str(code) });
}

void lec_request_done(struct lec_request *r)
{
    (void)r;
    world_answer.done++;
}

struct lec_who lec_request_who(const struct lec_request *r)
{
    return (struct lec_who){ r->id, r->caller.name };
}

/* The fake engine's loop has no work for the end of a turn; this is it. */
static struct lec_later *queue;

void lec_loop_flush_later(struct lec_loop *loop, struct lec_later *l,
                          void (*fn)(struct lec_later *))
{
    (void)loop;
    if (l->fn)
        return;
    l->fn = fn;
    l->next = queue;
    queue = l;
}

void lec_loop_flush_cancel(struct lec_loop *loop, struct lec_later *l)
{
    (void)loop;
    for (struct lec_later **at = &queue; *at; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            l->fn = NULL;
            return;
        }
    }
}

static void end_turn(void)
{
    while (queue) {
        struct lec_later *l = queue;
        queue = l->next;
        void (*fn)(struct lec_later *) = l->fn;
        l->fn = NULL;
        fn(l);
    }
}

/* --- a database that answers when the test says so --- */

#define MAX_ASKED 64

struct lectern_db {
    const struct lectern_db_events *events;
    void *ctx;
    struct {
        uint64_t id;
        unsigned statements;
    } asked[MAX_ASKED]; /* and not answered, oldest first */
    size_t n;
    struct lec_buf told;
};

static struct lectern_db database;

static struct lectern_db *db_open(const struct lectern_host *host, const char *url,
                                  const struct lectern_db_events *events, void *ctx, char *err,
                                  size_t err_size)
{
    (void)host;
    (void)url;
    (void)err;
    (void)err_size;
    database = (struct lectern_db){ .events = events, .ctx = ctx };
    return &database;
}

static void tell_value(struct lec_buf *out, const struct lectern_value *v)
{
    char mark = v->type == LECTERN_TEXT ? '\'' : '"';
    switch (v->type) {
    case LECTERN_INTEGER:
        lec_buf_printf(out, "%lld", (long long)v->integer);
        break;
    case LECTERN_REAL:
        lec_buf_printf(out, "%g!", v->real);
        break;
    case LECTERN_TEXT:
    case LECTERN_BLOB:
        lec_buf_printf(out, "%c%.*s%c", mark, (int)v->text.n, v->text.p, mark);
        break;
    case LECTERN_BOOLEAN:
        lec_buf_adds(out, v->integer ? "true" : "false");
        break;
    default:
        lec_buf_adds(out, v->type == LECTERN_NULL ? "null" : "answer");
    }
}

static unsigned tell_request(struct lec_buf *out, const void *request, size_t size)
{
    static const char *const kinds[] = { "?", "batch", "begin", "step", "commit", "rollback" };
    struct lectern_reader r = lectern_read(request, size);
    struct lectern_request q = lectern_read_request(&r);
    lec_buf_printf(out, "%s%s%s", out->n > 0 ? " " : "", kinds[q.kind],
                   q.flags & LECTERN_DB_ORDERED ? "!" : "");
    for (unsigned s = 0; s < q.statements; s++) {
        uint32_t n;
        const char *sql = lectern_read_bytes(&r, 4, &n);
        unsigned parameters = (unsigned)lectern_read_number(&r, 2);
        lec_buf_printf(out, "(%.*s", (int)n, sql);
        for (unsigned p = 0; p < parameters; p++) {
            struct lectern_value v = lectern_read_value(&r);
            lec_buf_adds(out, p == 0 ? "; " : ", ");
            tell_value(out, &v);
        }
        lec_buf_addc(out, ')');
    }
    assert_false(r.bad);
    assert_ptr_equal(r.p, r.end);
    return q.statements;
}

static void db_submit(struct lectern_db *db, uint64_t id, void *request, size_t n)
{
    assert_true(db->n < MAX_ASKED);
    db->asked[db->n].id = id;
    db->asked[db->n++].statements = tell_request(&db->told, request, n);
    free(request);
}

static void db_cancel(struct lectern_db *db, uint64_t id)
{
    (void)id;
    lec_buf_adds(&db->told, " cancel");
}

static void db_close(struct lectern_db *db)
{
    lec_buf_fini(&db->told);
    db->n = 0;
}

static const struct lectern_db_driver driver = {
    .schemes = "fake",
    .exclusive = true,
    .open = db_open,
    .submit = db_submit,
    .cancel = db_cancel,
    .close = db_close,
};

const char *world_asked(struct world *w)
{
    lec_buf_clear(&w->asked, 0);
    lec_buf_add(&w->asked, database.told.p, database.told.n);
    lec_buf_clear(&database.told, 0);
    return lec_buf_str(&w->asked);
}

size_t world_waits(void)
{
    return database.n;
}

void world_reply(struct world *w, const void *answer, size_t n)
{
    assert_true(database.n > 0);
    uint64_t id = database.asked[0].id;
    void *copy = malloc(n);
    memcpy(copy, answer, n);
    memmove(database.asked, database.asked + 1, --database.n * sizeof database.asked[0]);
    database.events->on_answer(database.ctx, id, copy, n);
    world_turn(w, 0);
}

void world_reply_ok(struct world *w)
{
    unsigned n = database.asked[0].statements;
    unsigned char answer[3 + 8 * 14] = { 0 };
    assert_true(n <= 8);
    answer[1] = (unsigned char)n;
    for (unsigned s = 0; s < n; s++)
        answer[3 + 14 * s] = 1;
    world_reply(w, answer, 3 + n * 14);
}

void world_reply_error(struct world *w, enum lectern_db_code code, const char *message)
{
    char answer[LEC_DB_ERROR_MAX];
    world_reply(w, answer, lec_db_write_error(answer, code, message));
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    struct world *w = ctx;
    struct lec_slice token;
    struct lec_buf claims = { 0 };
    if (lec_json_member(auth, "token", &token) != LEC_OK)
        token = LEC_SLICE("\"nobody\"");
    struct lec_peer *peer = lec_alloc0(sizeof *peer + token.n - 1);
    memcpy(peer->account, token.p + 1, token.n - 2);
    peer->id = peer->account;
    lec_buf_printf(&claims, "{\"sub\":\"%s\",\"courses\":[\"1\"]}", peer->id);
    peer->claims = lec_strndup(claims.p, claims.n);
    lec_buf_fini(&claims);
    w->peers++;
    sio_socket_set_user(s, peer);
    if (w->server.hooks.socket.on_connect)
        w->server.hooks.socket.on_connect(w->server.hooks.ctx, s, auth);
    else
        sio_socket_accept(s);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    struct world *w = ctx;
    if (w->server.hooks.socket.on_event)
        w->server.hooks.socket.on_event(w->server.hooks.ctx, s, event);
}

static void on_disconnect(void *ctx, struct sio_socket *s, enum sio_reason why)
{
    struct world *w = ctx;
    if (w->server.hooks.socket.on_disconnect)
        w->server.hooks.socket.on_disconnect(w->server.hooks.ctx, s, why);
}

static void on_free(void *ctx, struct sio_socket *s)
{
    struct world *w = ctx;
    struct lec_peer *peer = sio_socket_user(s);
    if (w->server.hooks.socket.on_free)
        w->server.hooks.socket.on_free(w->server.hooks.ctx, s);
    w->peers--;
    free(peer->claims);
    free(peer->person);
    free(peer);
}

static const struct sio_events events = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_disconnect = on_disconnect,
    .on_free = on_free,
};

static void make_folder(struct world *w, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

int world_setup(void **state)
{
    struct world *w = lec_alloc0(sizeof *w);
    struct sio_config cfg = { .connect_timeout_ms = 45000,
                              .max_namespaces = 4,
                              .max_dynamic_namespaces = 3,
                              .max_namespace_name = 32,
                              .max_rooms = 8,
                              .max_room_name = 32,
                              .max_event_name = 64,
                              .max_acks = 4,
                              .max_refusals = 32,
                              .max_waiting_bytes = 1024u * 1024,
                              .max_attachment_bytes = 1000000,
                              .attachment_timeout_ms = 60000,
                              .packet = { .max_attachments = 10, .max_depth = 64 } };
    const char *tmp = getenv("TMPDIR");
    snprintf(w->dir, sizeof w->dir, "%s/lectern-XXXXXX", tmp && strlen(tmp) < 30 ? tmp : P_tmpdir);
    assert_non_null(mkdtemp(w->dir));
    make_folder(w, "handlers");
    lec_config_init(&w->server.cfg);
    w->server.cfg.script_time = 100;
    w->log_fd = memfd_create("log", MFD_CLOEXEC);
    w->server.log = lec_log_new(w->log_fd);
    fake_engine_init(&w->server.engine, NULL, NULL);
    w->server.io =
        sio_server_new(w->server.engine.loop, &cfg, &events, w, &w->server.counters, w->server.log);
    fake_engine_set(&w->server.engine, sio_server_engine_events(), w->server.io);
    static const struct lec_db_config db = { .max_calls = 50,
                                             .max_bytes = 100000,
                                             .timeout_ms = 5000,
                                             .max_rows = 7,
                                             .max_result_bytes = 900 };
    char err[100];
    w->server.db = lec_db_new(w->server.engine.loop, &db, w->server.log);
    assert_int_equal(lec_db_open(w->server.db, &driver, NULL, "fake:", err, sizeof err), LEC_OK);
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    fake_engine_shutdown(&w->server.engine);
    end_turn();
    assert_int_equal(w->peers, 0);
    lec_script_free(w->script);
    lec_db_free(w->server.db);
    sio_server_free(w->server.io);
    fake_engine_fini(&w->server.engine);
    lec_log_free(w->server.log);
    lec_config_fini(&w->server.cfg);
    close(w->log_fd);
    nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    lec_buf_fini(&w->logged);
    lec_buf_fini(&w->answer);
    lec_buf_fini(&w->asked);
    free(w);
    return 0;
}

void world_file(struct world *w, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    if (!text) {
        assert_int_equal(remove(path), 0);
        return;
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void world_start(struct world *w)
{
    lec_buf_clear(&w->answer, 0);
    w->script = lec_script_new(&w->server, w->dir, &w->answer);
    if (!w->script)
        fail_msg("%s", lec_buf_str(&w->answer));
    w->server.hooks = *lec_script_hooks(w->script);
    w->server.hooks.on_start(w->server.hooks.ctx);
}

const char *world_start_fails(struct world *w)
{
    lec_buf_clear(&w->answer, 0);
    w->script = lec_script_new(&w->server, w->dir, &w->answer);
    assert_null(w->script);
    return lec_buf_str(&w->answer);
}

static char *module_text(const char *handlers)
{
    struct lec_buf text = { 0 };
    lec_buf_printf(&text, "local lectern = require 'lectern' local M = {} %s\nreturn M\n",
                   handlers);
    char *result = lec_strndup(text.p, text.n);
    lec_buf_fini(&text);
    return result;
}

void world_serve(struct world *w, const char *handlers)
{
    char *text = module_text(handlers);
    world_file(w, "handlers/main.lua", text);
    free(text);
    if (w->script)
        world_reload(w, LEC_OK);
    else
        world_start(w);
}

const char *world_reload(struct world *w, int expected)
{
    lec_buf_clear(&w->answer, 0);
    assert_int_equal(w->server.hooks.reload(w->server.hooks.ctx, &w->answer), expected);
    return lec_buf_str(&w->answer);
}

struct fake_peer *world_connect(struct world *w, const char *packet)
{
    struct fake_peer *p = fake_open(&w->server.engine);
    fake_text(&w->server.engine, p, packet);
    world_turn(w, 0);
    return p;
}

struct fake_peer *world_join(struct world *w, const char *user)
{
    char packet[128];
    snprintf(packet, sizeof packet, "0{\"token\":\"%s\"}", user);
    struct fake_peer *p = world_connect(w, packet);
    assert_has(fake_sent(p), "40{\"sid\":");
    return p;
}

void world_text(struct world *w, struct fake_peer *p, const char *packet)
{
    fake_text(&w->server.engine, p, packet);
}

const char *world_ask(struct world *w, struct fake_peer *p, const char *packet)
{
    fake_text(&w->server.engine, p, packet);
    world_turn(w, 0);
    return fake_sent(p);
}

void world_turn(struct world *w, uint64_t ms)
{
    end_turn();
    fake_turn(&w->server.engine, ms);
    end_turn();
    fake_turn(&w->server.engine, 0);
}

void world_leave(struct world *w, struct fake_peer *p)
{
    fake_close(&w->server.engine, p, EIO_TRANSPORT_CLOSE);
    world_turn(w, 0);
}

const char *world_log(struct world *w)
{
    char piece[4096];
    ssize_t n;
    lec_buf_clear(&w->logged, 0);
    lseek(w->log_fd, 0, SEEK_SET);
    while ((n = read(w->log_fd, piece, sizeof piece)) > 0)
        lec_buf_add(&w->logged, piece, (size_t)n);
    assert_int_equal(ftruncate(w->log_fd, 0), 0);
    lseek(w->log_fd, 0, SEEK_SET);
    return lec_buf_str(&w->logged);
}
