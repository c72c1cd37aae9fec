/* The control socket: how `lectern reload` talks to a running server on the same machine. A unix
 * socket that only its owner can open; a client sends one line and gets one answer, now or when the
 * work behind it is done, then it is closed. */
#ifndef LEC_NET_CONTROL_H
#define LEC_NET_CONTROL_H

#include <stdio.h>

#include "base/buf.h"
#include "net/loop.h"

#define LEC_CONTROL_LINE 16383 /* bytes of a command at most */

struct lec_control;

/* A command that waits for its answer. It is its handler's, which must answer it exactly once, whether
 * the one who asked, or the control socket, is still there or not. */
struct lec_control_call;

/* Gets a command line (zero-terminated, without newline), and answers the call: at once, or later. Not
 * to free the control socket from inside. */
typedef void lec_control_fn(void *ctx, struct lec_control_call *call, const char *line);

/* Answers and forgets the call. status: the exit status of the command that asked: 0, 1, 2. */
void lec_control_answer(struct lec_control_call *call, int status, struct lec_slice text);
/* Tells who asked how far it is, before the answer: one line, without newline. Dropped if they do not
 * read. */
void lec_control_say(struct lec_control_call *call, struct lec_slice line);
/* gone is called once, on the loop, if who asked goes before the answer (which it has all the same), so
 * that the work may be given up. Not from inside these functions. NULL takes it back. */
void lec_control_on_gone(struct lec_control_call *call, void (*gone)(void *ctx), void *ctx);

/* The path for the server on this port: in a directory of mode 0700 of this user's, under
 * XDG_RUNTIME_DIR, else under /tmp. LEC_EDENIED if that directory is somebody else's. */
int lec_control_path(unsigned port, char *out, size_t size) LEC_CHECK;

/* Listens; replaces a socket file that nobody answers on. NULL with errno. */
struct lec_control *lec_control_new(struct lec_loop *loop, const char *path, lec_control_fn *fn,
                                    void *ctx);
void lec_control_free(struct lec_control *c); /* removes the file; who waits counts as gone */

/* The other end, blocking, without a loop: sends line, writes what is said meanwhile to `progress`,
 * unless that is NULL, and appends the answer, which may take as long as it takes. The exit status,
 * or LEC_ENOTFOUND (nobody listens), LEC_ETIMEOUT (no sign of life for 30 s), LEC_EINVAL (the line is
 * too long, or more than one), LEC_EIO. */
int lec_control_call(const char *path, const char *line, FILE *progress,
                     struct lec_buf *answer) LEC_CHECK;

#endif
