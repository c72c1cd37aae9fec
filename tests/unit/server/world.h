/* The whole server on fake sockets, with hooks that write down what they are told, and a client by
 * polling. */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "server/internal.h"

#define SECRET "a secret of this test, and of nobody else"

struct world {
    struct lec_loop *loop;
    struct lec_config cfg;
    struct lec_log *log;
    int log_file;
    struct lec_server *server;
    struct lec_hooks hooks;
    struct lec_buf journal, token;
    int reload_result;
    const char *person; /* on_connect identifies everybody as this one; NULL: as the token does */
    bool farewell;      /* on_stop says bye to everybody */
    char sid[32];       /* of the session that was opened last */
};

int world_set_up(void **state); /* the server is not started */
int world_tear_down(void **state);
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

void world_set(struct world *w, const char *key, const char *value); /* before world_start */
void world_start(struct world *w);

/* What the hooks wrote down since the last call; everything logged so far. */
const char *world_journal(struct world *w);
const char *world_log(struct world *w);

/* The client's. world_open makes another its session. */
void world_open(struct world *w, const char *authorization);
void world_post(struct world *w, const char *packet);
const char *world_poll(struct world *w); /* the answer, "" if it waits */
void world_join(struct world *w);        /* one that is let in */

#endif
