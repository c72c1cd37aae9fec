#include "world.h"

#include <time.h>
#include <unistd.h>

#include "server/person.h"

/* --- hooks that write down what they are told ---------------------------------------------- */

static void note(struct world *w, const char *what, struct sio_socket *s, const char *more)
{
    const struct lec_peer *peer = sio_socket_user(s);
    lec_buf_printf(&w->journal, "%s(%s%s);", what, peer->id, more);
}

static void on_connect(void *ctx, struct sio_socket *s, struct lec_slice auth)
{
    struct world *w = ctx;
    const char *why;
    (void)auth;
    note(ctx, "connect", s, "");
    if (!w->person) {
        sio_socket_accept(s);
        return;
    }
    assert_int_equal(lec_server_identify(w->server, s, lec_slice_str(w->person), &why), LEC_OK);
    lec_server_admit(w->server, s);
}

static void on_admitted(void *ctx, struct sio_socket *s)
{
    note(ctx, "admitted", s, "");
    sio_socket_accept(s);
}

static void on_event(void *ctx, struct sio_socket *s, const struct sio_event *event)
{
    char name[64];
    snprintf(name, sizeof name, " %.*s", (int)event->name.n, event->name.p);
    note(ctx, "event", s, name);
}

static void on_disconnect(void *ctx, struct sio_socket *s, enum sio_reason why)
{
    char text[64];
    snprintf(text, sizeof text, " %s", sio_reason_text(why));
    note(ctx, "disconnect", s, text);
}

static void on_free(void *ctx, struct sio_socket *s)
{
    note(ctx, "free", s, "");
}

static void on_start(void *ctx)
{
    lec_buf_adds(&((struct world *)ctx)->journal, "start;");
}

static void on_stop(void *ctx)
{
    struct world *w = ctx;
    const struct sio_payload bye = { .json = LEC_SLICE("[\"bye\"]") };
    const struct sio_target all = { 0 };
    lec_buf_adds(&w->journal, "stop;");
    if (w->farewell)
        sio_namespace_emit(sio_server_find(lec_server_io(w->server), LEC_SLICE("/")), &all, &bye,
                           false);
}

static int on_reload(void *ctx, struct lec_buf *answer)
{
    struct world *w = ctx;
    lec_buf_adds(answer, w->reload_result == LEC_OK ? "loaded 2 files\n" : "a.lua:3: bad\n");
    return w->reload_result;
}

const char *world_journal(struct world *w)
{
    static struct lec_buf shown;
    lec_buf_fini(&shown);
    shown = w->journal;
    w->journal = (struct lec_buf){ 0 };
    return lec_buf_str(&shown);
}

/* --- set up -------------------------------------------------------------------------------- */

void world_set(struct world *w, const char *key, const char *value)
{
    char err[256];
    assert_int_equal(lec_config_set(&w->cfg, key, value, LEC_FROM_FLAG, err, sizeof err), LEC_OK);
}

void world_start(struct world *w)
{
    char err[256];
    w->server = lec_server_new(w->loop, &w->cfg, "/nowhere", w->log, err, sizeof err);
    assert_non_null(w->server);
    lec_server_set_hooks(w->server, &w->hooks);
    assert_int_equal(lec_server_start(w->server, err, sizeof err), LEC_OK);
}

int world_set_up(void **state)
{
    struct world *w = lec_alloc0(sizeof *w);
    char path[] = "/tmp/lectern-log-XXXXXX", err[256];
    const struct lec_person person = { .id = "42", .lifetime_s = 3600 };
    w->loop = fake_loop_new();
    w->log_file = mkstemp(path);
    unlink(path);
    w->log = lec_log_new(w->log_file);
    lec_log_set_debug(w->log, "*");
    w->hooks = (struct lec_hooks){ .ctx = w,
                                   .socket = { .on_connect = on_connect,
                                               .on_event = on_event,
                                               .on_disconnect = on_disconnect,
                                               .on_free = on_free },
                                   .on_admitted = on_admitted,
                                   .on_start = on_start,
                                   .on_stop = on_stop,
                                   .reload = on_reload };
    lec_config_init(&w->cfg);
    world_set(w, "jwt.secret", SECRET);
    assert_int_equal(
        lec_person_token(&person, &w->cfg, (int64_t)time(NULL), &w->token, err, sizeof err),
        LEC_OK);
    *state = w;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *w = *state;
    lec_server_free(w->server);
    fake_turn(w->loop);
    fake_loop_free(w->loop);
    lec_config_fini(&w->cfg);
    lec_log_free(w->log);
    close(w->log_file);
    lec_buf_fini(&w->journal);
    lec_buf_fini(&w->token);
    free(w);
    return 0;
}

const char *world_log(struct world *w)
{
    static char text[1 << 16];
    ssize_t n = pread(w->log_file, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

/* --- a client by polling ------------------------------------------------------------------- */

void world_open(struct world *w, const char *authorization)
{
    w->sid[0] = '\0';
    struct lec_http *http = fake_request(w->loop, LEC_GET, fake_host_url(w->sid));
    if (authorization)
        fake_header(http, "authorization", authorization);
    fake_host.events->on_request(fake_host.ctx, http);
    fake_turn(w->loop);
    assert_int_equal(http->status, 200);
    assert_int_equal(sscanf(lec_buf_str(&http->body), "0{\"sid\":\"%20[^\"]\"", w->sid), 1);
}

void world_post(struct world *w, const char *packet)
{
    assert_int_equal(fake_host_request(w->loop, LEC_POST, fake_host_url(w->sid), packet)->status,
                     200);
}

const char *world_poll(struct world *w)
{
    struct lec_http *http = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    return http->state == FAKE_GONE ? lec_buf_str(&http->body) : "";
}

void world_join(struct world *w)
{
    struct lec_buf packet = { 0 };
    world_open(w, NULL);
    lec_buf_printf(&packet, "40{\"token\":\"%s\"}", lec_buf_str(&w->token));
    world_post(w, lec_buf_str(&packet));
    lec_buf_fini(&packet);
    assert_memory_equal(world_poll(w), "40{\"sid\":\"", 10);
}
