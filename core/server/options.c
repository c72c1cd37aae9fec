/* The table for getopt_long is made anew for each call, from the table of settings and the options
 * of the commands. */
#include "server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "server/suggest.h"

#define DAY_S       86400u
#define MAX_EXPIRES (3650ull * DAY_S)
#define MAX_RATE    1000000u

/* What getopt_long returns: a setting's row, the "--no-" of it, or an option of a command. */
enum { FIRST_SETTING = 1000, FIRST_NO = 2000, FIRST_OWN = 3000 };
enum {
    OWN_HELP = FIRST_OWN,
    OWN_DEV,
    OWN_JSON,
    OWN_DRY,
    OWN_SUB,
    OWN_ROLE,
    OWN_NAME,
    OWN_COURSE,
    OWN_EXPIRES,
    OWN_DIR,
    OWN_FUNCTIONS,
    OWN_RATE
};

static const struct {
    struct option option;
    unsigned takes; /* the commands that have it; 0: all */
} own_options[] = {
    { { "help", no_argument, NULL, OWN_HELP }, 0 },
    { { "dev", no_argument, NULL, OWN_DEV }, LEC_TAKES_DEV },
    { { "json", no_argument, NULL, OWN_JSON }, LEC_TAKES_JSON },
    { { "dry-run", no_argument, NULL, OWN_DRY }, LEC_TAKES_DRY },
    { { "functions", required_argument, NULL, OWN_FUNCTIONS }, LEC_TAKES_KEY },
    { { "rate", required_argument, NULL, OWN_RATE }, LEC_TAKES_KEY },
    { { "sub", required_argument, NULL, OWN_SUB }, LEC_TAKES_TOKEN },
    { { "role", required_argument, NULL, OWN_ROLE }, LEC_TAKES_TOKEN },
    { { "name", required_argument, NULL, OWN_NAME }, LEC_TAKES_TOKEN },
    { { "course", required_argument, NULL, OWN_COURSE }, LEC_TAKES_TOKEN },
    { { "expires", required_argument, NULL, OWN_EXPIRES }, LEC_TAKES_TOKEN },
    { { "dir", required_argument, NULL, OWN_DIR }, LEC_TAKES_TOKEN },
};
#define N_OWN (sizeof own_options / sizeof own_options[0])

/* The table for getopt_long, and the names of the flags in it. */
struct table {
    struct option *options;
    char (*names)[LEC_FLAG_SIZE];
};

static void table_init(struct table *t, unsigned takes)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    t->options = lec_alloc0((2 * n + N_OWN + 1) * sizeof *t->options);
    t->names = lec_alloc0(2 * n * sizeof *t->names);
    struct option *o = t->options;
    char(*name)[LEC_FLAG_SIZE] = t->names;
    for (size_t i = 0; i < n; i++) {
        char flag[LEC_FLAG_SIZE];
        lec_setting_flag(&s[i], flag);
        snprintf(*name, sizeof *name, "%s", flag + 2);
        bool is_bool = s[i].kind == LEC_BOOL;
        *o++ = (struct option){ *name++, is_bool ? optional_argument : required_argument, NULL,
                                FIRST_SETTING + (int)i };
        if (!is_bool)
            continue;
        snprintf(*name, sizeof *name, "no-%.40s", flag + 2);
        *o++ = (struct option){ *name++, no_argument, NULL, FIRST_NO + (int)i };
    }
    for (size_t i = 0; i < N_OWN; i++)
        if (own_options[i].takes == 0 || own_options[i].takes & takes)
            *o++ = own_options[i].option;
}

static void table_fini(struct table *t)
{
    free(t->options);
    free(t->names);
}

static int unknown(const struct table *t, const char *word, char *err, size_t err_size)
{
    char name[LEC_FLAG_SIZE * 2];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    struct lec_suggest suggest;
    lec_suggest_init(&suggest, name + strspn(name, "-"));
    for (const struct option *o = t->options; o->name; o++)
        lec_suggest_try(&suggest, o->name);
    if (suggest.best)
        snprintf(err, err_size, "unknown option %s; did you mean --%s?", name, suggest.best);
    else
        snprintf(err, err_size, "unknown option %s", name);
    return LEC_EINVAL;
}

static int parse_number(const char *what, const char *of, const char *text, uint64_t min,
                        uint64_t max, uint64_t *out, char *err, size_t err_size)
{
    char *end;
    *out = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && *out >= min && *out <= max)
        return LEC_OK;
    snprintf(err, err_size,
             "%s: \"%.60s\" is not allowed; give a whole number of %s from %llu to %llu", what,
             text, of, (unsigned long long)min, (unsigned long long)max);
    return LEC_EINVAL;
}

static int parse_seconds(const char *what, const char *text, uint64_t min, uint64_t max,
                         uint64_t *out, char *err, size_t err_size)
{
    return parse_number(what, "seconds", text, min, max, out, err, err_size);
}

static int set_own(struct lec_options *o, int which, char *err, size_t err_size)
{
    switch (which) {
    case OWN_HELP:
        o->help = true;
        break;
    case OWN_DEV:
        o->dev = true;
        break;
    case OWN_JSON:
        o->json = true;
        break;
    case OWN_DRY:
        o->dry = true;
        break;
    case OWN_FUNCTIONS:
        o->functions = optarg;
        break;
    case OWN_RATE:
        return parse_number("--rate", "calls a second", optarg, 0, MAX_RATE, &o->rate, err,
                            err_size);
    case OWN_SUB:
        o->sub = optarg;
        break;
    case OWN_ROLE:
        o->role = optarg;
        break;
    case OWN_NAME:
        o->name = optarg;
        break;
    case OWN_COURSE:
        o->courses[o->n_courses++] = optarg;
        break;
    case OWN_DIR:
        o->dir = optarg;
        break;
    case OWN_EXPIRES:
        return parse_seconds("--expires", optarg, 1, MAX_EXPIRES, &o->expires_s, err, err_size);
    }
    return LEC_OK;
}

static int set(struct lec_options *o, struct lec_config *cfg, int which, char *err, size_t err_size)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    if (which >= FIRST_OWN)
        return set_own(o, which, err, err_size);
    if (which >= FIRST_NO)
        return lec_config_set(cfg, s[which - FIRST_NO].key, "false", LEC_FROM_FLAG, err, err_size);
    return lec_config_set(cfg, s[which - FIRST_SETTING].key, optarg ? optarg : "true",
                          LEC_FROM_FLAG, err, err_size);
}

/* getopt knows a value that may be left out only as "--polling=false"; people also write it as a
 * word of its own. */
static void take_bool_word(int which, int argc, char **argv)
{
    if (which >= FIRST_SETTING && which < FIRST_NO && !optarg && optind < argc &&
        (strcmp(argv[optind], "true") == 0 || strcmp(argv[optind], "false") == 0))
        optarg = argv[optind++];
}

int lec_options_parse(struct lec_options *o, struct lec_config *cfg, unsigned takes, int argc,
                      char **argv, char *err, size_t err_size)
{
    *o = (struct lec_options){ .dir = ".", .expires_s = DAY_S };
    o->courses = lec_alloc((size_t)argc * sizeof *o->courses);
    struct table t;
    table_init(&t, takes);

    int rc = LEC_OK, c;
    optind = 0; /* GNU: starts anew */
    opterr = 0;
    while (rc == LEC_OK && (c = getopt_long(argc, argv, ":h", t.options, NULL)) != -1) {
        const char *word = argv[optind - 1];
        if (c == 'h') {
            o->help = true;
        } else if (c == ':') {
            snprintf(err, err_size, "%.80s needs a value behind it", word);
            rc = LEC_EINVAL;
        } else if (c == '?' && optopt >= FIRST_SETTING) {
            snprintf(err, err_size, "%.*s takes no value", (int)strcspn(word, "="), word);
            rc = LEC_EINVAL;
        } else if (c == '?') {
            rc = unknown(&t, word, err, err_size);
        } else {
            take_bool_word(c, argc, argv);
            rc = set(o, cfg, c, err, err_size);
        }
    }
    if (rc == LEC_OK && o->help) {
        table_fini(&t);
        return LEC_OK;
    }
    if (rc == LEC_OK && takes & LEC_TAKES_SECONDS && optind == argc) {
        snprintf(err, err_size, "%s needs a number of seconds behind it", argv[0]);
        rc = LEC_EINVAL;
    } else if (rc == LEC_OK && takes & LEC_TAKES_SECONDS) {
        rc = parse_seconds("SECONDS", argv[optind++], 0, LEC_DRAIN_MAX_S, &o->seconds, err,
                           err_size);
    }
    if (rc == LEC_OK && takes & (LEC_TAKES_FILE | LEC_TAKES_WORD)) {
        o->word = argv[optind];
        if (optind++ == argc) {
            snprintf(err, err_size, "%s needs %s behind it", argv[0],
                     takes & LEC_TAKES_FILE ? "the name of a file" : "a word that says what to do");
            rc = LEC_EINVAL;
        }
    }
    if (rc == LEC_OK && takes & LEC_TAKES_KEY && strcmp(o->word, "list") != 0) {
        o->subject = argv[optind];
        if (optind++ == argc) {
            snprintf(err, err_size, "%s %.40s needs %s behind it", argv[0], o->word,
                     strcmp(o->word, "new") == 0 ? "a name, for people" : "the id of a key");
            rc = LEC_EINVAL;
        }
    }
    if (rc == LEC_OK && optind < argc) {
        if (!(takes & LEC_TAKES_DIR) || optind + 1 < argc) {
            snprintf(err, err_size, "%s takes %s; \"%.200s\" is too much", argv[0],
                     takes & LEC_TAKES_DIR ? "one directory" : "options only", argv[argc - 1]);
            rc = LEC_EINVAL;
        }
        o->dir = argv[optind];
    }
    table_fini(&t);
    return rc;
}

void lec_options_fini(struct lec_options *o)
{
    free(o->courses);
    *o = (struct lec_options){ 0 };
}
