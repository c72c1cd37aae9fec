/* How much and how fast one client may send, over all its namespaces. What is too much is refused;
 * who goes on like that is disconnected. The buckets are the client's. */
#ifndef SIO_RATE_H
#define SIO_RATE_H

#include "socketio/client.h"

/* Counts a message of n bytes that has come in. False: it was far too much, and the client is
 * disconnected. */
bool sio_rate_message(struct sio_client *c, size_t n);

/* Whether this event is to be handled now. False: it came too fast, and on_limited has heard of it;
 * anything may have happened. */
bool sio_rate_event(struct sio_client *c, struct sio_socket *s, const struct sio_event *event);

#endif
