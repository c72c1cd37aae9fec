/* An engine on the fake net, with a user that writes down what it is told. */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engineio/session.h"
#include "fake_net.h"

struct rig {
    struct lec_loop *loop;
    struct eio_config cfg; /* may be changed by a test before the first request */
    struct eio_events events;
    struct lec_counters counters;
    struct lec_log *log; /* of level error, to log_fd: a file in memory */
    int log_fd;
    struct eio_engine *engine;
    /* what the user saw */
    struct eio_session *session; /* the last one opened */
    char sid[32];                /* its sid, to ask for it when it is over */
    unsigned opened, closed;
    enum eio_reason why;  /* of the last on_close */
    struct lec_buf heard; /* messages, each with a ';' behind it; binary in <> */
    /* what the user does; NULL for nothing */
    void (*on_open)(struct rig *r, struct eio_session *s);
    void (*on_message)(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary);
    void (*on_close)(struct rig *r, struct eio_session *s);
};

int rig_setup(void **state);
int rig_teardown(void **state); /* closes what is open and checks that nothing is left */

/* One request with its body and a turn. For `url` see rig_url; body NULL for none. */
struct lec_http *rig_request(struct rig *r, enum lec_method method, const char *url,
                             const char *body);
/* "/engine.io/?EIO=4&transport=<transport>[&sid=<of s>]", valid until the next call. */
const char *rig_url(struct rig *r, const char *transport, const struct eio_session *s);

struct eio_session *rig_open(struct rig *r); /* by polling */
struct lec_http *rig_poll(struct rig *r, const struct eio_session *s);
struct lec_http *rig_post(struct rig *r, const struct eio_session *s, const char *body);
/* Asks for a WebSocket; s NULL for a new session. */
struct lec_http *rig_ask_ws(struct rig *r, const struct eio_session *s);
struct lec_ws *rig_open_ws(struct rig *r);                            /* reads the open packet */
struct lec_ws *rig_probe(struct rig *r, const struct eio_session *s); /* up to 3probe */
/* The last session opened is over for the client too: its sid is unknown. */
void rig_gone(struct rig *r);
void rig_send(struct rig *r, struct eio_session *s, const char *text);
void rig_echo(struct rig *r, struct eio_session *s, struct lec_slice data, bool binary);

/* What is told of an exchange; body NULL for any. */
#define assert_answer(http, code, text)                                                            \
    do {                                                                                           \
        struct lec_http *answer_ = (http);                                                         \
        const char *text_ = (text);                                                                \
        assert_int_equal(answer_->state, FAKE_GONE);                                               \
        assert_int_equal(answer_->status, (code));                                                 \
        if (text_)                                                                                 \
            assert_string_equal(lec_buf_str(&answer_->body), text_);                               \
    } while (0)
#define assert_heard(r, text) assert_string_equal(lec_buf_str(&(r)->heard), (text))
#define assert_ended(r, n, reason)                                                                 \
    do {                                                                                           \
        assert_int_equal((r)->closed, (n));                                                        \
        assert_int_equal((r)->why, (reason));                                                      \
    } while (0)
#define assert_reads(ws, text)                                                                     \
    do {                                                                                           \
        const char *sent = fake_ws_read(ws);                                                       \
        assert_non_null(sent);                                                                     \
        assert_string_equal(sent, (text));                                                         \
    } while (0)

#endif
