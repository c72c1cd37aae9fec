/* An in-memory stand-in for net (loop.h, http.h, ws.h), for unit tests of what stands on it: a
 * clock that the test sets, requests that it makes, WebSockets that it plays the client of. A
 * program that links this takes none of net's own objects but cors.c and encoding.c.
 *
 * It is strict: a call that net.h forbids (an answer to an exchange that is gone, a write to a
 * closed WebSocket) fails the test. Exchanges and WebSockets stay readable after their end, for
 * the test to look at, until the loop is freed. */
#ifndef FAKE_NET_H
#define FAKE_NET_H

#include "base/buf.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/ws.h"

/* Fails if a timer runs or work is queued. */
struct lec_loop *fake_loop_new(void);
void fake_loop_free(struct lec_loop *loop);
void fake_turn(struct lec_loop *loop);                 /* the end of a turn */
void fake_advance(struct lec_loop *loop, uint64_t ms); /* fires timers in order, a turn for each */
/* Moves the clock without firing anything, as a process that was stopped sees it. */
void fake_stall(struct lec_loop *loop, uint64_t ms);
unsigned fake_timers(const struct lec_loop *loop); /* running */

enum fake_http_state { FAKE_NEW, FAKE_HELD, FAKE_BODY, FAKE_ACCEPTED, FAKE_GONE };

struct fake_ws_message {
    bool binary;
    struct lec_buf data;
};

struct lec_ws {
    struct lec_loop *loop;
    const struct lec_ws_events *events;
    void *owner;
    bool open;     /* between on_open and on_close */
    bool closing;  /* lec_ws_close was called */
    bool abrupt;   /* on_close comes from inside lec_ws_close; set by the test */
    bool full;     /* writes say LEC_EAGAIN; set by the test */
    unsigned code; /* of lec_ws_close */
    size_t max_message;
    unsigned writes;              /* calls of lec_ws_write that took something */
    struct fake_ws_message *sent; /* by the server */
    size_t sent_count;
    size_t read; /* next of `sent` for fake_ws_read */
    struct lec_later later;
    struct lec_ws *next;
};

struct lec_http {
    struct lec_loop *loop;
    enum lec_method method;
    struct lec_buf path, query, headers;
    size_t body_length;
    bool wants_ws, secure;
    const char *certificate; /* JSON, NULL for none */
    enum fake_http_state state;
    const struct lec_http_events *events;
    void *owner;
    unsigned status;                          /* of the answer; 0 before */
    struct lec_buf type, reply_headers, body; /* of the answer, zero-terminated */
    /* FAKE_ACCEPTED */
    size_t max_message;
    const struct lec_ws_events *ws_events;
    void *ws_owner;
    struct lec_ws *ws;
    struct lec_http *next;
};

/* A request, NEW; url is path and query. */
struct lec_http *fake_request(struct lec_loop *loop, enum lec_method method, const char *url);
void fake_header(struct lec_http *http, const char *name, const char *value);
/* What the client does to it; each ends with a turn. */
void fake_body(struct lec_http *http, struct lec_slice body); /* state BODY only */
void fake_too_big(struct lec_http *http);                     /* BODY: it has no end */
void fake_abort(struct lec_http *http);                       /* HELD, BODY */

/* Completes the handshake of an accepted exchange, or lets it fail. */
struct lec_ws *fake_ws_open(struct lec_http *http);
void fake_ws_fail(struct lec_http *http);
/* What the client of it does; each ends with a turn. */
void fake_ws_text(struct lec_ws *ws, const char *text);
void fake_ws_binary(struct lec_ws *ws, const void *p, size_t n);
void fake_ws_end(struct lec_ws *ws, enum lec_ws_end why);
void fake_ws_drain(struct lec_ws *ws); /* it reads again */
/* The next text that the server sent, NULL if there is none; "<binary>" for a binary one. */
const char *fake_ws_read(struct lec_ws *ws);

#endif
