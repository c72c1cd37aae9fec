/* What the files of the command `lectern` share. Each command is a function that does one thing and returns an
 * exit status. */
#ifndef LEC_COMMAND_H
#define LEC_COMMAND_H

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/config.h"
#include "server/database.h"
#include "server/options.h"
#include "server/plugins.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What a command gets: its options, and the settings of all sources. */
struct call {
    struct lec_options options;
    struct lec_config cfg;
    struct lec_loop *loop;       /* while a command works without a server */
    const char *line;            /* what it would have asked one */
    struct lec_plugins *plugins; /* those of the script directory; NULL for who takes no settings */
};

/* main.c */
int complain(int status, const char *fmt, ...)
    LEC_PRINTF(2, 3);                                   /* a line on stderr; returns status */
void print(FILE *to, struct lec_buf *text);             /* and frees it */
struct lec_log *open_log(const struct lec_config *cfg); /* with what settings warn of */
/* Has the running server do what line says, and prints its answer. Its exit status, or a complaint; if
 * gone is given and no server runs, *gone is set and nothing is said. */
int ask_server(const struct call *call, const char *line, bool *gone);

/* serve.c */
int serve(struct call *call);

/* data.c: commands on the database, by the running server, else by themselves. */
int migrate(struct call *call);
int backup(struct call *call);
int restore(struct call *call);
int db(struct call *call);
int key(struct call *call);
/* Opens the database of a script directory. NULL, and it has complained. */
struct lec_database *open_database(struct call *call, struct lec_loop *loop, struct lec_log *log);

#endif
