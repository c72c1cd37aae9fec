/* The command line behind `lectern COMMAND`: every setting is a flag (server/config.h), and a few
 * commands have options of their own. Owner: main; strings are argv's. */
#ifndef LEC_SERVER_OPTIONS_H
#define LEC_SERVER_OPTIONS_H

#include "server/config.h"

/* What a command takes besides settings and --help. */
enum lec_takes {
    LEC_TAKES_DIR = 1,      /* [DIR] */
    LEC_TAKES_DEV = 2,      /* --dev */
    LEC_TAKES_TOKEN = 4,    /* --sub, --role, --name, --course, --expires, --dir */
    LEC_TAKES_JSON = 8,     /* --json */
    LEC_TAKES_SECONDS = 16, /* SECONDS, in front of DIR */
    LEC_TAKES_FILE = 32,    /* FILE, in front of DIR */
    LEC_TAKES_WORD = 64,    /* what to do, in front of DIR */
    LEC_TAKES_DRY = 128,    /* --dry-run */
    LEC_TAKES_KEY = 256, /* --functions, --rate; what the word is about, behind it, but for list */
};

struct lec_options {
    const char *dir; /* "." */
    bool help, dev, json, dry;
    const char *word;      /* FILE, or what to do; NULL for who takes neither */
    const char *subject;   /* what the word is about; NULL without one */
    const char *functions; /* NULL when not given */
    uint64_t rate;
    uint64_t seconds;
    const char *sub, *role, *name; /* NULL when not given */
    const char **courses;          /* freed by lec_options_fini */
    size_t n_courses;
    uint64_t expires_s; /* one day */
};

/* Reads argv, whose first word is the command; settings go to cfg as LEC_FROM_FLAG. LEC_EINVAL with
 * a sentence in err. Call lec_options_fini either way. */
int lec_options_parse(struct lec_options *o, struct lec_config *cfg, unsigned takes, int argc,
                      char **argv, char *err, size_t err_size) LEC_CHECK;
void lec_options_fini(struct lec_options *o);

#endif
