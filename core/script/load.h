/* Loading the script directory: handlers/ *.lua into a generation, all or nothing.
 *
 * Files run under one time budget, and the API has no effects meanwhile. Modules of the script
 * directory are loaded anew; the embedded library stays, and with it lectern.state. When anything
 * fails, package.loaded is as it was, and every failing file is named. */
#ifndef LEC_SCRIPT_LOAD_H
#define LEC_SCRIPT_LOAD_H

#include "script/generation.h"

/* The new generation, which the caller puts into force by lec_load_commit; or NULL with one line for
 * each failure in errors. report (may be NULL) gets lines for people. */
struct lec_generation *lec_load(struct lec_script *s, struct lec_buf *errors,
                                struct lec_buf *report);

/* Takes over the reference. Cannot fail. */
void lec_load_commit(struct lec_script *s, struct lec_generation *g);

#endif
