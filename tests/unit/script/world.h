/* A script directory in a temporary folder, served by a real Socket.IO server on the fake engine. The
 * lec_server_* functions that the script uses are this harness' own: a token is just the person's
 * id. */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/db.h"
#include "fake_engine.h"
#include "script/script.h"
#include "server/request.h"

struct lec_server {
    struct fake_engine engine;
    struct sio_server *io;
    struct lec_log *log;
    struct lec_config cfg;
    struct lec_counters counters;
    struct lec_hooks hooks;
    struct lec_db *db; /* with a driver that answers when the test says so */
};

struct world {
    struct lec_server server;
    struct lec_script *script; /* NULL until world_start */
    char dir[64];
    int log_fd;
    struct lec_buf logged, answer, asked;
    int peers; /* alive */
};

/* What requests over HTTP were answered: the last, and how many; how many are over. */
struct world_answer {
    unsigned status;
    char body[4096];
    unsigned count, done;
};
extern struct world_answer world_answer;

/* cmocka's setup and teardown; *state is the world. Teardown fails on whatever is left over. */
int world_setup(void **state);
int world_teardown(void **state);

/* Writes DIR/name; text NULL removes it. */
void world_file(struct world *w, const char *name, const char *text);
/* Writes handlers/main.lua, with `local lectern = require "lectern"` and M before the text and
 * `return M` behind it, loads, and starts. */
void world_serve(struct world *w, const char *handlers);
void world_start(struct world *w);              /* must load */
const char *world_start_fails(struct world *w); /* must not; the error */
const char *world_reload(struct world *w, int expected);

/* A client that has joined "/" as this person; nothing is left to be read but what the handlers sent
 * behind its CONNECT. */
struct fake_peer *world_join(struct world *w, const char *user);
struct fake_peer *world_connect(struct world *w,
                                const char *packet); /* with everything to be read */
void world_text(struct world *w, struct fake_peer *p, const char *packet);
/* Sends a packet and returns what came back in that turn. */
const char *world_ask(struct world *w, struct fake_peer *p, const char *packet);
void world_turn(struct world *w, uint64_t ms);
void world_leave(struct world *w, struct fake_peer *p);

/* What the database was asked since the last call: "batch(select $1; 5, 'x') begin(insert) rollback". */
const char *world_asked(struct world *w);
size_t world_waits(void); /* requests that were not answered */
/* Answers the oldest request that was not answered, and ends the turn. */
void world_reply(struct world *w, const void *answer, size_t n);
/* Says that each of its statements changed one row, and returns none. */
void world_reply_ok(struct world *w);
void world_reply_error(struct world *w, enum lectern_db_code code, const char *message);

const char *world_log(struct world *w); /* lines since the last call */

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        const char *has_text = (text);                                                             \
        if (!strstr(has_text, part))                                                               \
            fail_msg("\"%s\" is not in: %s", part, has_text);                                      \
    } while (0)
#define assert_answer(w, peer, packet, expected)                                                   \
    assert_string_equal(world_ask(w, peer, packet), expected)

#endif
