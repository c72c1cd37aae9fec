/* An application on a sio_server on the fake engine: it writes down every callback in a journal
 * and does what the test's hooks say. */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "socketio/socket.h"

struct app {
    struct fake_engine engine;
    struct lec_counters counters;
    struct lec_log *log;
    struct sio_config cfg;
    struct sio_server *io;
    struct sio_namespace *main; /* "/" */
    struct lec_buf journal, shown;
    struct sio_socket *last; /* that on_connect brought */
    bool hold;               /* on_connect does not accept */
    int alive;               /* sockets between on_connect and on_free */
    int kept;                /* by on_keep */
    /* Called behind the entry in the journal; NULL for nothing. */
    void (*on_connect)(struct app *a, struct sio_socket *s);
    void (*on_event)(struct app *a, struct sio_socket *s, const struct sio_event *event);
    void (*on_disconnect)(struct app *a, struct sio_socket *s);
    void (*on_free)(struct app *a, struct sio_socket *s);
    void *ctx; /* the test's */
    int count; /* the test's */
};

/* cmocka's setup and teardown; *state is the app. Teardown fails on anything left over. */
int app_setup(void **state);
/* Recovery is on: the window given (0: off), 500 ms unnoticed, half of max_bytes to replay. */
int app_setup_with(void **state, unsigned recovery_window_ms, size_t recovery_max_bytes);
int app_setup_recovery(void **state); /* 1000 ms, 1 MiB */
int app_teardown(void **state);

/* A new connection that has joined "/"; its socket is a->last, and nothing is left to be read. */
struct fake_peer *app_join(struct app *a);
void app_text(struct app *a, struct fake_peer *p, const char *packet);

/* The journal since the last call, entries separated by spaces:
 *   connect(/x,AUTH) event(/x,NAME,JSON,#ID,<hex>…) disconnect(/x,REASON) keep(/x) free(/x)
 *   forget recovered(/x)
 * and what the test adds. */
const char *app_journal(struct app *a);

void app_emit(struct sio_socket *s, const char *json); /* must be LEC_OK */
/* To rooms (words in a string, "" for all) but not those in `except`. */
size_t app_broadcast(struct sio_namespace *nsp, const char *rooms, const char *except,
                     const struct sio_socket *but, const char *json);
/* To all of "/". */
void app_everybody(struct app *a, const char *json);

static inline struct lec_slice S(const char *s) {
    return lec_slice_str(s);
}

#define assert_sent(peer, text)   assert_string_equal(fake_sent(peer), text)
#define assert_journal(app, text) assert_string_equal(app_journal(app), text)

#endif
