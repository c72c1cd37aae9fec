/* A task that waits for the answers of many: a sio_question, and the lists that its answers are put
 * in as they come, so that they count as memory of the script.
 *
 * Owner: the task, through its lec_wait. It ends when the question is over, or is forgotten when the
 * task is cancelled or freed. */
#ifndef LEC_SCRIPT_ASKING_H
#define LEC_SCRIPT_ASKING_H

#include "script/task.h"

/* In a binding that waits: asks the n sockets of script->selected the event at `index` and behind it,
 * and returns what the binding must; the wait ends with two lists for lua/lectern/wait.lua, answers
 * { socket, value, more } and missing { socket, code }. ns: of all of them; NULL if n is 0. */
int lec_asking_wait(lua_State *L, struct lec_task *t, struct sio_namespace *ns, size_t n, int index,
                    unsigned timeout_ms);

#endif
