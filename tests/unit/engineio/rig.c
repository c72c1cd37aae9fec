#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_open(void *ctx, struct eio_session *s)
{
    struct rig *r = ctx;
    r->opened++;
    r->session = s;
    snprintf(r->sid, sizeof r->sid, "%s", eio_session_sid(s));
    assert_true(eio_session_is_open(s));
    struct rig **user = eio_session_user(s);
    assert_null(*user);
    *user = r;
    if (r->on_open)
        r->on_open(r, s);
}

static void on_message(void *ctx, struct eio_session *s, struct lec_slice data, bool binary)
{
    struct rig *r = ctx;
    assert_ptr_equal(*(struct rig **)eio_session_user(s), r);
    lec_buf_adds(&r->heard, binary ? "<" : "");
    lec_buf_add(&r->heard, data.p, data.n);
    lec_buf_adds(&r->heard, binary ? ">;" : ";");
    if (r->on_message)
        r->on_message(r, s, data, binary);
}

static void on_close(void *ctx, struct eio_session *s, enum eio_reason why)
{
    struct rig *r = ctx;
    r->closed++;
    r->why = why;
    assert_false(eio_session_is_open(s));
    assert_false(eio_session_writable(s));
    if (r->on_close)
        r->on_close(r, s);
}

int rig_setup(void **state)
{
    struct rig *r = lec_alloc0(sizeof *r);
    r->loop = fake_loop_new();
    r->cfg = (struct eio_config){
        .ping_interval_ms = 25000,
        .ping_timeout_ms = 20000,
        .upgrade_timeout_ms = 10000,
        .max_payload = 1000,
        .max_first_payload = 1000,
        .max_queue_bytes = 4 * (1000 + LEC_OUTQ_OVERHEAD),
        .close_timeout_ms = 30000,
        .max_sessions = 10,
        .polling = true,
        .websocket = true,
        .allow_upgrades = true,
        .cors = { .origins = "" },
        .user_size = sizeof(struct rig *),
    };
    r->events = (struct eio_events){ on_open, on_message, on_close };
    r->log_fd = memfd_create("log", MFD_CLOEXEC);
    r->log = lec_log_new(r->log_fd);
    if (lec_log_set_level(r->log, "error") != LEC_OK)
        return -1;
    r->engine = eio_engine_new(r->loop, &r->cfg, &r->events, r, &r->counters, r->log);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *r = *state;
    eio_engine_close(r->engine, false);
    fake_turn(r->loop);
    assert_int_equal(r->opened, r->closed);
    assert_int_equal(eio_engine_count(r->engine), 0);
    eio_engine_free(r->engine);
    fake_loop_free(r->loop);
    lec_log_free(r->log);
    close(r->log_fd);
    lec_buf_fini(&r->heard);
    free(r);
    return 0;
}

struct lec_http *rig_request(struct rig *r, enum lec_method method, const char *url,
                             const char *body)
{
    struct lec_http *http = fake_request(r->loop, method, url);
    http->body_length = body ? strlen(body) : 0;
    eio_engine_request(r->engine, http);
    if (http->state == FAKE_BODY)
        fake_body(http, lec_slice_str(body ? body : ""));
    fake_turn(r->loop);
    return http;
}

const char *rig_url(struct rig *r, const char *transport, const struct eio_session *s)
{
    static char url[128];
    (void)r;
    snprintf(url, sizeof url, "/engine.io/?EIO=4&transport=%s%s%s", transport, s ? "&sid=" : "",
             s ? eio_session_sid(s) : "");
    return url;
}

struct eio_session *rig_open(struct rig *r)
{
    unsigned before = r->opened;
    assert_answer(rig_request(r, LEC_GET, rig_url(r, "polling", NULL), NULL), 200, NULL);
    assert_int_equal(r->opened, before + 1);
    return r->session;
}

struct lec_http *rig_poll(struct rig *r, const struct eio_session *s)
{
    return rig_request(r, LEC_GET, rig_url(r, "polling", s), NULL);
}

struct lec_http *rig_post(struct rig *r, const struct eio_session *s, const char *body)
{
    return rig_request(r, LEC_POST, rig_url(r, "polling", s), body);
}

struct lec_http *rig_ask_ws(struct rig *r, const struct eio_session *s)
{
    struct lec_http *http = fake_request(r->loop, LEC_GET, rig_url(r, "websocket", s));
    http->wants_ws = true;
    eio_engine_request(r->engine, http);
    fake_turn(r->loop);
    return http;
}

struct lec_ws *rig_open_ws(struct rig *r)
{
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, NULL));
    const char *open = fake_ws_read(ws);
    assert_non_null(open);
    assert_int_equal(open[0], '0');
    return ws;
}

struct lec_ws *rig_probe(struct rig *r, const struct eio_session *s)
{
    struct lec_ws *ws = fake_ws_open(rig_ask_ws(r, s));
    fake_ws_text(ws, "2probe");
    assert_reads(ws, "3probe");
    return ws;
}

void rig_gone(struct rig *r)
{
    char url[128];
    snprintf(url, sizeof url, "/engine.io/?EIO=4&transport=polling&sid=%s", r->sid);
    assert_answer(rig_request(r, LEC_GET, url, NULL), 400,
                  "{\"code\":1,\"message\":\"Session ID unknown\"}");
}

void rig_send(struct rig *r, struct eio_session *s, const char *text)
{
    (void)r;
    struct lec_msg *m = lec_msg_copy(false, text, strlen(text));
    assert_int_equal(eio_session_send(s, m), LEC_OK);
    lec_msg_unref(m);
}

void rig_echo(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary)
{
    (void)r;
    struct lec_msg *m = lec_msg_new(binary, data.n + !binary);
    if (!binary)
        *lec_msg_data(m) = '4';
    memcpy(lec_msg_data(m) + !binary, data.p, data.n);
    assert_int_equal(eio_session_send(s, m), LEC_OK);
    lec_msg_unref(m);
}
