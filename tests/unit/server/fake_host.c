#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

struct fake_host fake_host;

struct lec_net {
    int unused;
};

struct lec_control {
    int unused;
};

struct lec_net *lec_net_new(struct lec_loop *loop, const struct lec_net_config *cfg,
                            const struct lec_net_events *events, void *ctx,
                            struct lec_counters *counters, struct lec_log *log)
{
    (void)loop, (void)counters, (void)log;
    fake_host = (struct fake_host){ .cfg = cfg, .events = events, .ctx = ctx };
    return lec_alloc0(sizeof(struct lec_net));
}

int lec_net_listen_inner(struct lec_net *net, const char *address)
{
    (void)net;
    (void)address;
    return LEC_OK;
}

unsigned lec_net_inner_port(const struct lec_net *net)
{
    (void)net;
    return 0;
}

int lec_net_listen(struct lec_net *net)
{
    (void)net;
    fake_host.listening = true;
    return LEC_OK;
}

unsigned lec_net_port(const struct lec_net *net)
{
    (void)net;
    return 3999;
}

unsigned lec_net_connections(const struct lec_net *net)
{
    (void)net;
    return fake_host.connections;
}

int lec_net_reload_tls(struct lec_net *net, struct lec_buf *text)
{
    (void)net;
    if (fake_host.tls == NULL)
        return LEC_OK;
    lec_buf_adds(text, fake_host.tls);
    return fake_host.tls_result;
}

void lec_net_stop_listening(struct lec_net *net)
{
    (void)net;
    fake_host.listening = false;
}

void lec_net_close(struct lec_net *net)
{
    (void)net;
    fake_host.closed = true;
}

void lec_net_free(struct lec_net *net)
{
    assert_true(fake_host.closed);
    assert_null(fake_host.command); /* the real one lets callers in meanwhile */
    free(net);
}

int lec_control_path(unsigned port, char *out, size_t size)
{
    snprintf(out, size, "control-%u", port);
    return LEC_OK;
}

struct lec_control *lec_control_new(struct lec_loop *loop, const char *path, lec_control_fn *fn,
                                    void *ctx)
{
    (void)loop;
    assert_string_equal(path, "control-3999");
    fake_host.command = fn;
    fake_host.command_ctx = ctx;
    return lec_alloc0(sizeof(struct lec_control));
}

void lec_control_free(struct lec_control *c)
{
    if (c)
        fake_host.command = NULL;
    free(c);
}

struct lec_control_call {
    int status; /* -1: not answered */
    struct lec_buf *answer;
};

void lec_control_answer(struct lec_control_call *call, int status, struct lec_slice text)
{
    assert_int_equal(call->status, -1);
    call->status = status;
    lec_buf_add(call->answer, text.p, text.n);
}

void lec_control_say(struct lec_control_call *call, struct lec_slice line)
{
    assert_int_equal(call->status, -1);
    (void)line;
}

void lec_control_on_gone(struct lec_control_call *call, void (*gone)(void *ctx), void *ctx)
{
    (void)call, (void)gone, (void)ctx;
}

int fake_command(const char *line, struct lec_buf *answer)
{
    struct lec_control_call call = { -1, answer };
    fake_host.command(fake_host.command_ctx, &call, line);
    return call.status;
}

const char *fake_host_url(const char *sid)
{
    static char text[128];
    snprintf(text, sizeof text, "/socket.io/?EIO=4&transport=polling%s%s", *sid ? "&sid=" : "",
             sid);
    return text;
}

struct lec_http *fake_host_request(struct lec_loop *loop, enum lec_method method, const char *url,
                                   const char *body)
{
    struct lec_http *http = fake_request(loop, method, url);
    http->body_length = body ? strlen(body) : 0;
    fake_host.events->on_request(fake_host.ctx, http);
    fake_turn(loop);
    if (body)
        fake_body(http, lec_slice_str(body));
    return http;
}
