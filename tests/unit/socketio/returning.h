/* Clients that lose their connection and come back, as npm's socket.io-client does. */
#ifndef RETURNING_H
#define RETURNING_H

#include "base/id.h"
#include "harness.h"

/* A client: what socket.io-client remembers of its session. */
struct client {
    struct fake_peer *peer;
    struct sio_socket *socket;
    char id[LEC_ID_LEN + 1], pid[LEC_ID_LEN + 1];
    char offset[24];
    struct lec_buf got; /* the events, less their offsets */
};

/* A new client; `c` is fresh, or was given back by client_leave. */
void client_join(struct app *a, struct client *c);
void client_leave(struct client *c);
/* Reads what has arrived, and loses the connection. */
void client_drop(struct app *a, struct client *c);
void client_return(struct app *a, struct client *c);
enum sio_recovery_result client_result(const struct client *c);

/* Takes what was sent to it. */
void client_read(struct client *c);
/* The events of all that was read since the last call. */
const char *client_got(struct client *c);
#define assert_got(client, text) assert_string_equal(client_got(client), text)

/* The id behind `name` in a packet's text. */
void client_member(char out[LEC_ID_LEN + 1], const char *text, const char *name);

#endif
