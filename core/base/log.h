/* The log: one line an event, text or JSON, on a file descriptor (standard error).
 *
 *     2026-11-22T19:44:05.123Z info  socket.io:socket conn=f3Kd… user=42 joined course:7
 *
 * A category is the part of the server that speaks, named as Socket.IO's own debug names are, so
 * that DEBUG=socket.io:*,engine.io:ws turns on what people expect. Lines of level debug appear
 * for categories that DEBUG names; others from `level` on. Never log a token, nor a payload above
 * level debug. Control characters in a message are escaped, so a peer cannot forge lines; on a
 * terminal, line ends are kept, and indented.
 * One owner (main), everybody else borrows. */
#ifndef LEC_BASE_LOG_H
#define LEC_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum lec_level { LEC_LOG_ERROR, LEC_LOG_WARN, LEC_LOG_INFO, LEC_LOG_DEBUG };

/* X(symbol, name) */
#define LEC_CATEGORIES(X)                                                                          \
    X(SERVER, "lectern")                                                                           \
    X(SCRIPT, "lectern:script")                                                                    \
    X(HTTP, "lectern:http")                                                                        \
    X(AUTH, "lectern:auth")                                                                        \
    X(NET, "lectern:net")                                                                          \
    X(PLUGIN, "lectern:plugin")                                                                    \
    X(DB, "lectern:db")                                                                            \
    X(ENGINE, "engine.io")                                                                         \
    X(ENGINE_SOCKET, "engine.io:socket")                                                           \
    X(ENGINE_POLLING, "engine.io:polling")                                                         \
    X(ENGINE_WS, "engine.io:ws")                                                                   \
    X(IO_SERVER, "socket.io:server")                                                               \
    X(IO_CLIENT, "socket.io:client")                                                               \
    X(IO_SOCKET, "socket.io:socket")                                                               \
    X(IO_NAMESPACE, "socket.io:namespace")                                                         \
    X(IO_PARSER, "socket.io-parser")

enum lec_category {
#define X(symbol, name) LEC_CAT_##symbol,
    LEC_CATEGORIES(X)
#undef X
        LEC_CAT_COUNT
};

struct lec_log;

/* Whom a line is about; members may be NULL. */
struct lec_who {
    const char *conn; /* id for the log, never the session's secret id as a whole */
    const char *user;
};

/* Writes to fd, which stays the caller's. Level info, text, no debug category. */
struct lec_log *lec_log_new(int fd);
void lec_log_free(struct lec_log *log);
int lec_log_set_level(struct lec_log *log,
                      const char *name) LEC_CHECK; /* LEC_EINVAL: no such level */
void lec_log_set_json(struct lec_log *log, bool json);

/* Names separated by commas or spaces, `*` stands for anything, a leading `-` takes away. In place
 * of what was set before. `engine` and `engine:ws`, the reference server's own names, mean
 * `engine.io` and `engine.io:ws`. */
void lec_log_set_debug(struct lec_log *log, const char *patterns);

/* Whether a line would be written: ask before work that only serves the log. A log that is NULL
 * writes nothing. */
bool lec_log_on(const struct lec_log *log, enum lec_level level, enum lec_category cat);

/* Writes a line, at once. Messages past 8 KiB are cut; errno stays as it was. */
void lec_log(struct lec_log *log, enum lec_level level, enum lec_category cat, struct lec_who who,
             const char *fmt, ...) LEC_PRINTF(5, 6);

#define LEC_NOBODY ((struct lec_who){ NULL, NULL })

#endif
