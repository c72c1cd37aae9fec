#include "harness.h"

#include <unistd.h>

static void begin(struct app *a, const char *what, struct sio_socket *s)
{
    struct lec_slice name = sio_namespace_name(sio_socket_namespace(s));
    if (a->journal.n > 0)
        lec_buf_addc(&a->journal, ' ');
    lec_buf_printf(&a->journal, "%s(%.*s", what, (int)name.n, name.p);
}

static void add_slice(struct app *a, struct lec_slice text)
{
    lec_buf_addc(&a->journal, ',');
    lec_buf_add(&a->journal, text.p, text.n);
}

static void add_attachments(struct app *a, const struct sio_payload *p)
{
    for (unsigned i = 0; i < p->n_attachments; i++) {
        struct lec_slice data = lec_msg_payload(p->attachments[i]);
        lec_buf_adds(&a->journal, ",<");
        for (size_t k = 0; k < data.n; k++)
            lec_buf_printf(&a->journal, "%02x", (unsigned char)data.p[k]);
        lec_buf_addc(&a->journal, '>');
    }
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    struct app *a = ctx;
    a->alive++;
    a->last = s;
    begin(a, "connect", s);
    add_slice(a, auth);
    lec_buf_addc(&a->journal, ')');
    assert_true(sio_socket_connecting(s) && !sio_socket_connected(s));
    if (a->on_connect)
        a->on_connect(a, s);
    void *kept = NULL;
    if (sio_socket_recover(s, &kept)) {
        begin(a, "recovered", s);
        lec_buf_addc(&a->journal, ')');
        assert_string_equal(kept, sio_socket_id(s));
        free(kept);
        a->kept--;
    }
    if (!a->hold)
        sio_socket_accept(s);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    struct app *a = ctx;
    assert_true(sio_socket_connected(s));
    begin(a, "event", s);
    add_slice(a, event->name);
    add_slice(a, event->payload.json);
    if (event->ack_id != SIO_NO_ID)
        lec_buf_printf(&a->journal, ",#%lld", (long long)event->ack_id);
    add_attachments(a, &event->payload);
    lec_buf_addc(&a->journal, ')');
    if (a->on_event)
        a->on_event(a, s, event);
}

static void on_disconnect(void *ctx, struct sio_socket *s, enum sio_reason why)
{
    struct app *a = ctx;
    begin(a, "disconnect", s);
    add_slice(a, S(sio_reason_text(why)));
    lec_buf_addc(&a->journal, ')');
    assert_false(sio_socket_connected(s));
    if (a->on_disconnect)
        a->on_disconnect(a, s);
}

static void on_free(void *ctx, struct sio_socket *s)
{
    struct app *a = ctx;
    begin(a, "free", s);
    lec_buf_addc(&a->journal, ')');
    a->alive--;
    if (a->on_free)
        a->on_free(a, s);
}

static void *on_keep(void *ctx, struct sio_socket *s)
{
    struct app *a = ctx;
    begin(a, "keep", s);
    lec_buf_addc(&a->journal, ')');
    a->kept++;
    return lec_strndup(sio_socket_id(s), strlen(sio_socket_id(s)));
}

static void on_forget(void *ctx, void *kept)
{
    struct app *a = ctx;
    lec_buf_adds(&a->journal, a->journal.n ? " forget" : "forget");
    a->kept--;
    free(kept);
}

static const struct sio_events events = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_disconnect = on_disconnect,
    .on_keep = on_keep,
    .on_forget = on_forget,
    .on_free = on_free,
};

int app_setup_with(void **state, unsigned recovery_window_ms, size_t recovery_max_bytes)
{
    struct app *a = lec_alloc0(sizeof *a);
    a->cfg = (struct sio_config){
        .connect_timeout_ms = 45000,
        .max_namespaces = 4,
        .max_dynamic_namespaces = 3,
        .max_namespace_name = 32,
        .max_rooms = 8,
        .max_room_name = 32,
        .max_event_name = 16,
        .max_acks = 4,
        .max_refusals = 32,
        .max_waiting_bytes = 1024u * 1024,
        .max_attachment_bytes = 100000,
        .attachment_timeout_ms = 60000,
        .packet = { .max_attachments = 10, .max_depth = 16 },
        .recovery_window_ms = recovery_window_ms,
        .recovery_unnoticed_ms = 500,
        .recovery_max_bytes = recovery_max_bytes,
        .recovery_max_dynamic_bytes = recovery_max_bytes,
        .recovery_max_replay = recovery_max_bytes / 2,
    };
    a->log = lec_log_new(STDERR_FILENO);
    fake_engine_init(&a->engine, NULL, NULL);
    a->io = sio_server_new(a->engine.loop, &a->cfg, &events, a, &a->counters, a->log);
    fake_engine_set(&a->engine, sio_server_engine_events(), a->io);
    a->main = sio_server_of(a->io, S("/"));
    *state = a;
    return 0;
}

int app_setup_recovery(void **state)
{
    return app_setup_with(state, 1000, 1024u * 1024);
}

int app_setup(void **state)
{
    return app_setup_with(state, 0, 0);
}

int app_teardown(void **state)
{
    struct app *a = *state;
    a->on_connect = NULL;
    a->on_event = NULL;
    a->on_disconnect = a->on_free = NULL;
    fake_engine_shutdown(&a->engine);
    assert_int_equal(a->alive, 0);
    struct sio_namespace *nsp;
    for (size_t pos = 0; (nsp = sio_server_next(a->io, &pos));) {
        assert_int_equal(sio_namespace_count(nsp), 0);
        assert_int_equal(sio_namespace_rooms(nsp), 0);
    }
    sio_server_free(a->io);
    assert_int_equal(a->kept, 0);
    fake_engine_fini(&a->engine);
    lec_log_free(a->log);
    lec_buf_fini(&a->journal);
    lec_buf_fini(&a->shown);
    free(a);
    return 0;
}

struct fake_peer *app_join(struct app *a)
{
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0");
    assert_true(sio_socket_connected(a->last));
    fake_sent(p);
    app_journal(a);
    return p;
}

void app_text(struct app *a, struct fake_peer *p, const char *packet)
{
    fake_text(&a->engine, p, packet);
}

const char *app_journal(struct app *a)
{
    lec_buf_clear(&a->shown, 0);
    lec_buf_add(&a->shown, a->journal.p, a->journal.n);
    lec_buf_clear(&a->journal, 4096);
    return lec_buf_str(&a->shown);
}

void app_emit(struct sio_socket *s, const char *json)
{
    assert_int_equal(sio_socket_emit(s, &(struct sio_payload){ .json = S(json) }, false), LEC_OK);
}

#define MAX_WORDS 16

static size_t words(const char *text, struct lec_slice out[MAX_WORDS])
{
    size_t n = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        assert_true(n < MAX_WORDS);
        out[n++] = (struct lec_slice){ text, len };
        text += len + (text[len] == ' ');
    }
    return n;
}

size_t app_broadcast(struct sio_namespace *nsp, const char *rooms, const char *except,
                     const struct sio_socket *but, const char *json)
{
    struct lec_slice in[MAX_WORDS], out[MAX_WORDS];
    struct sio_target target = { .rooms = in, .except = out, .but = but };
    target.n_rooms = words(rooms, in);
    target.n_except = words(except, out);
    return sio_namespace_emit(nsp, &target, &(struct sio_payload){ .json = S(json) }, false);
}

void app_everybody(struct app *a, const char *json)
{
    app_broadcast(a->main, "", "", NULL, json);
}
