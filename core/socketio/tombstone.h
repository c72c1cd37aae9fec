/* Namespaces that a client left lately: packets for them are excused, as they were on their way when
 * the other side left, or are answers that an application gives late. By name, as the namespace
 * itself may be gone. Owner: the client. */
#ifndef SIO_TOMBSTONE_H
#define SIO_TOMBSTONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct sio_tombstone;

/* Notes that the namespace was left now, and forgets what was left long ago. The list, latest first,
 * has `most` at most; past that the oldest goes. */
void sio_tombstone_add(struct sio_tombstone **list, struct lec_slice name, uint64_t now_ms,
                       unsigned most);
bool sio_tombstone_find(const struct sio_tombstone *list, struct lec_slice name, uint64_t now_ms);
void sio_tombstone_free_all(struct sio_tombstone *list);

#endif
