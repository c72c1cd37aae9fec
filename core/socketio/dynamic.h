/* Dynamic namespaces: those that clients make by joining them, where a pattern allows it
 * (socketio/pattern.h). Each is a child of the pattern that made it.
 *
 *   none --CONNECT--> child --nobody is left--> none
 *   child --sio_server_offer takes its pattern away--> orphan --nobody is left--> none
 *   orphan --sio_server_offer brings one back--> child
 *   child, orphan --sio_server_offer or sio_server_of with its name--> as any other, for ever
 *
 * Nobody is left when no socket is in it or on its way in and, with recovery on, none that left may
 * come back: a child lives until the last of its kept sessions has expired, and goes with its rooms
 * and its log. An orphan serves who is in it, and lets nobody in.
 *
 * Owner: the server. The pointer dies at the end of the turn in which the last one leaves; so a
 * callback may find that its namespace is closed, and a name that is free again. */
#ifndef SIO_DYNAMIC_H
#define SIO_DYNAMIC_H

#include "socketio/namespace.h"

struct sio_pattern;

/* What clients may join from now on: namespaces by name, made where they are new, and those that a
 * pattern matches, strongest first; a name is stronger than any pattern. What was offered before by
 * name stays, but for what a pattern matches now, which becomes dynamic. Calls nobody back. */
void sio_server_offer(struct sio_server *io, const struct lec_slice *names, size_t n_names,
                      const struct lec_slice *patterns, size_t n_patterns);

/* The text of the pattern that matches a name, whether there is a namespace of that name or not; n == 0:
 * none does. Valid until the next offer. */
struct lec_slice sio_server_match(const struct sio_server *io, struct lec_slice name);

/* Patterns by their text (a missing leading slash is added), or in their order from *pos = 0 on; NULL:
 * no such one, no more. Valid until the next offer. */
struct sio_pattern *sio_server_pattern(const struct sio_server *io, struct lec_slice text);
struct sio_pattern *sio_server_next_pattern(const struct sio_server *io, size_t *pos);
struct lec_slice sio_pattern_text(const struct sio_pattern *p);
size_t sio_pattern_count(const struct sio_pattern *p); /* living children */

/* The pattern that a namespace is a child of; n == 0: of none. Valid until the next offer. */
struct lec_slice sio_namespace_pattern(const struct sio_namespace *nsp);

/* Whether it lost its pattern, and serves only who is in it. */
bool sio_namespace_is_orphan(const struct sio_namespace *nsp);

/* Iterates what a name means: the namespace of this name or, if it is a pattern's text, its living
 * children. Start with NULL; ends with NULL. Nobody may come or leave meanwhile. */
struct sio_namespace *sio_server_named(struct sio_server *io, struct lec_slice name,
                                       const struct sio_namespace *previous);

/* As sio_namespace_emit and _select, for all that a name means. */
size_t sio_server_emit(struct sio_server *io, struct lec_slice name,
                       const struct sio_target *target, const struct sio_payload *event,
                       bool is_volatile);
struct sio_socket **sio_server_select(struct sio_server *io, struct lec_slice name,
                                      const struct sio_target *target, size_t *n);

#endif
