/* The script's struct lec_hooks; everything about it is in hooks.c. */
#ifndef LEC_SCRIPT_HOOKS_H
#define LEC_SCRIPT_HOOKS_H

#include "script/host.h"

struct lec_handle;

struct lec_hooks lec_hooks_of(struct lec_script *s);

/* Runs what serves the event of a connected socket: those who listen to any, unless they have heard it,
 * then its handler. The handle may have gone when it returns. */
void lec_hooks_event(struct lec_handle *h, const struct sio_event *event, bool heard);

#endif
