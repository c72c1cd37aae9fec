/* The last resort against a script that cannot be stopped: one long call inside C, like a pattern that
 * explodes, in which no hook fires. A thread watches from outside; when one entry into Lua has used up
 * its budget and `script.watchdog` on top without coming back, it logs what runs and ends the process,
 * with status LEC_WATCHDOG_EXIT, for the supervisor to start it anew.
 *
 * A machine that sleeps or is busy with others must not count: the watched thread must have computed
 * for at least half of that time. So a script that blocks without computing is not ended.
 *
 * The watched thread only writes: a number that changes at each entry and each return, and what it
 * enters. The watchdog reads these now and then, and its own clock. The text is guarded by the number: it
 * is written while that is odd, so what was read while it stayed the same and even is whole.
 *
 * Owner: the script, which makes it on the thread to be watched, and joins it before it dies. */
#ifndef LEC_SCRIPT_WATCHDOG_H
#define LEC_SCRIPT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#define LEC_WATCHDOG_EXIT 70 /* EX_SOFTWARE of sysexits.h */

struct lec_watchdog;

/* Watches the calling thread. ms: at least 1. json: how its line is to look, which goes to standard
 * error. NULL if there can be no thread. */
struct lec_watchdog *lec_watchdog_new(uint64_t ms, bool json);
void lec_watchdog_free(struct lec_watchdog *w); /* NULL is fine */

/* On the watched thread: from now on it runs `what`, copied, for budget_ms; or nothing, for NULL. */
void lec_watchdog_tell(struct lec_watchdog *w, const char *what, uint64_t budget_ms);

#endif
