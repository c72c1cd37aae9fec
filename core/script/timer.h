/* lectern.after and lectern.every: functions that run later, each time in a task of their own.
 *
 *   WAITING --due--> RUNNING --over, periodic--> WAITING
 *                            --over, once or cancelled--> gone
 *
 * They belong to the script, not to a socket, and outlive reloads: the function is the one that was
 * given. Scripts know a timer by its number. */
#ifndef LEC_SCRIPT_TIMER_H
#define LEC_SCRIPT_TIMER_H

#include "script/host.h"

/* The function is registry reference fn, which the timer takes over. LEC_EFULL without effect. */
int lec_timers_add(struct lec_script *s, uint64_t ms, bool periodic, int fn,
                   uint64_t *id) LEC_CHECK;
void lec_timers_cancel(struct lec_script *s, uint64_t id); /* an unknown one: nothing */
void lec_timers_free(struct lec_script *s);

#endif
