/* The control socket: how `lectern reload` talks to a running server on the same machine. A unix
 * socket that only its owner can open; a client sends one line and gets one answer, then it is
 * closed. */
#ifndef LEC_NET_CONTROL_H
#define LEC_NET_CONTROL_H

#include "base/buf.h"
#include "net/loop.h"

struct lec_control;

/* Gets a command line (at most 1,023 bytes, zero-terminated, without newline), appends the answer.
 * Returns the exit status for the command that asked: 0, 1, 2. */
typedef int lec_control_fn(void *ctx, const char *line, struct lec_buf *answer);

/* The path for the server on this port: in a directory of mode 0700 of this user's, under
 * XDG_RUNTIME_DIR, else under /tmp. LEC_EDENIED if that directory is somebody else's. */
int lec_control_path(unsigned port, char *out, size_t size) LEC_CHECK;

/* Listens; replaces a socket file that nobody answers on. NULL with errno. */
struct lec_control *lec_control_new(struct lec_loop *loop, const char *path, lec_control_fn *fn,
                                    void *ctx);
void lec_control_free(struct lec_control *c); /* removes the file */

/* The other end, blocking, without a loop: sends line, appends the answer. The exit status, or
 * LEC_ENOTFOUND (nobody listens), LEC_ETIMEOUT (30 s), LEC_EIO. */
int lec_control_call(const char *path, const char *line, struct lec_buf *answer) LEC_CHECK;

#endif
