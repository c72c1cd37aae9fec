/* The command `lectern`: reads settings, does one thing, says how it went by its exit status: 0, 1 it
 * failed, 2 it was asked wrongly (usage or configuration). Complaints are one line on stderr. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "command.h"
#include "net/control.h"
#include "script/script.h"
#include "server/options.h"
#include "server/person.h"
#include "server/server.h"
#include "server/suggest.h"

struct command {
    const char *name, *usage, *summary;
    const char *help; /* more than the summary; examples */
    unsigned takes;   /* enum lec_takes */
    bool settings;    /* it takes them, and needs DIR to read them from */
    int (*run)(struct call *call);
};

int complain(int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("lectern: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return status;
}

void print(FILE *to, struct lec_buf *text)
{
    if (text->n > 0) {
        fwrite(text->p, 1, text->n, to);
        if (text->p[text->n - 1] != '\n')
            fputc('\n', to);
        fflush(to);
    }
    lec_buf_fini(text);
}

/* What reading the settings found strange. */
static void log_warnings(struct lec_log *log, const struct lec_config *cfg)
{
    struct lec_slice left = lec_buf_slice(&cfg->warnings);
    while (left.n > 0) {
        struct lec_slice line = lec_slice_shift(&left, '\n');
        lec_log(log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY, "%.*s", (int)line.n, line.p);
    }
}

struct lec_log *open_log(const struct lec_config *cfg)
{
    struct lec_log *log = lec_log_new(STDERR_FILENO);
    if (lec_log_set_level(log, cfg->log_level) != LEC_OK)
        complain(0, "log.level: unknown level \"%s\"", cfg->log_level);
    lec_log_set_json(log, strcmp(cfg->log_format, "json") == 0);
    lec_log_set_debug(log, cfg->debug);
    log_warnings(log, cfg);
    return log;
}

/* --- check, reload, status, drain, token, version ------------------------------------------ */

static int check(struct call *call)
{
    struct lec_buf report = { 0 };
    char err[512];
    if (lec_config_check(&call->cfg, false, err, sizeof err) != LEC_OK)
        return complain(EXIT_USAGE, "%s", err);
    struct lec_log *log = open_log(&call->cfg);
    int rc = lec_script_check(call->options.dir, &call->cfg, log, &report);
    print(rc == LEC_OK ? stdout : stderr, &report);
    lec_log_free(log);
    return rc == LEC_OK ? EXIT_OK : EXIT_FAILED;
}

/* Servers are found by their port, so the one that answers may serve another directory than dir: then
 * 1, and served is that one. Negative: it gave no answer. */
static int serves_other(const char *path, const char *dir, struct lec_buf *served)
{
    char *wanted = strcmp(dir, ".") == 0 ? NULL : realpath(dir, NULL);
    int rc = LEC_OK;
    if (wanted)
        rc = lec_control_call(path, "directory", NULL, served);
    if (rc >= 0)
        rc = rc == EXIT_OK && wanted && strcmp(wanted, lec_buf_str(served)) != 0;
    free(wanted);
    return rc;
}

int ask_server(const struct call *call, const char *line, bool *gone)
{
    char path[256];
    unsigned port = (unsigned)call->cfg.port;
    struct lec_buf answer = { 0 };
    int rc = lec_control_path(port, path, sizeof path);
    if (rc == LEC_OK)
        rc = serves_other(path, call->options.dir, &answer);
    if (rc > 0) {
        rc = complain(EXIT_FAILED, "the server on port %u serves %s, not %s (--port names another)",
                      port, lec_buf_str(&answer), call->options.dir);
        lec_buf_fini(&answer);
        return rc;
    }
    answer.n = 0;
    if (rc == LEC_OK)
        rc = lec_control_call(path, line, stderr, &answer);
    if (rc == LEC_ENOTFOUND && gone) {
        *gone = true;
        lec_buf_fini(&answer);
        return EXIT_FAILED;
    }
    print(rc == EXIT_OK ? stdout : stderr, &answer);
    if (rc == LEC_ENOTFOUND)
        return complain(EXIT_FAILED,
                        "no server of yours runs on port %u of this machine (--port "
                        "names another)",
                        port);
    if (rc < 0)
        return complain(EXIT_FAILED, "the server on port %u gave no answer: %s", port,
                        lec_strerror(rc));
    return rc;
}

static int reload(struct call *call)
{
    return ask_server(call, "reload", NULL);
}

static int status(struct call *call)
{
    return ask_server(call, call->options.json ? "status json" : "status", NULL);
}

/* Waits until the server has gone, so that whoever stops it next (a service manager, for one) stops
 * nobody's class. */
static int drain(struct call *call)
{
    static const struct timespec pause = { .tv_nsec = 100000000 };
    char line[32], path[256];
    struct lec_buf answer = { 0 };
    snprintf(line, sizeof line, "drain %llu", (unsigned long long)call->options.seconds);
    int rc = ask_server(call, line, NULL);
    if (rc != EXIT_OK || lec_control_path((unsigned)call->cfg.port, path, sizeof path) != LEC_OK)
        return rc;
    do {
        nanosleep(&pause, NULL);
        rc = lec_control_call(path, "draining", NULL, &answer);
    } while (rc == EXIT_OK || rc == LEC_EIO); /* LEC_EIO: it is just about to end */
    lec_buf_fini(&answer);
    return rc == LEC_ETIMEOUT ? complain(EXIT_FAILED, "the server does not answer any more")
                              : EXIT_OK;
}

static int token(struct call *call)
{
    const struct lec_options *o = &call->options;
    struct lec_buf out = { 0 };
    char err[512];
    if (!o->sub || !*o->sub)
        return complain(EXIT_USAGE, "token needs --sub ID: whose token is it to be?");
    struct lec_person person = { o->sub, o->role, o->name, o->courses, o->n_courses, o->expires_s };
    if (lec_person_token(&person, &call->cfg, lec_clock_ms() / 1000, &out, err, sizeof err) !=
        LEC_OK)
        return complain(EXIT_USAGE, "%s", err);
    print(stdout, &out);
    return EXIT_OK;
}

static int plugins(struct call *call)
{
    struct lec_buf out = { 0 };
    lec_plugins_list(call->plugins, &out);
    print(stdout, &out);
    return EXIT_OK;
}

static int version(struct call *call)
{
    (void)call;
    puts("lectern " LEC_VERSION);
    return EXIT_OK;
}

static const struct command commands[] = {
    { "serve", "serve [DIR] [--dev] [--SETTING VALUE]...",
      "serve the handlers of a script directory",
      "DIR (default: the current directory) holds handlers/*.lua, and may hold lectern.lua, .env\n"
      "and public/. Each setting comes from, the later the stronger: its default, lectern.lua,\n"
      ".env, the environment, its flag. SIGHUP or `lectern reload` loads the handlers anew and\n"
      "nobody is disconnected; SIGTERM lets clients leave, a second one ends it at once.\n"
      "\n"
      "  --dev     for trying things out: without a secret it makes one, prints tokens for two\n"
      "            people, and lets pages of any site connect\n"
      "\n"
      "Examples\n"
      "  lectern serve --dev examples/elearning\n"
      "  JWT_SECRET=… FRONTEND_URL=https://school.example lectern serve /srv/school\n"
      "  DEBUG='socket.io:*' lectern serve --port 8080 --no-polling\n",
      LEC_TAKES_DIR | LEC_TAKES_DEV, true, serve },
    { "check", "check [DIR] [--SETTING VALUE]...",
      "load configuration and handlers without serving, and report",
      "Lists the events and API calls that the handlers take, or all their mistakes with file and\n"
      "line, and exits with 1. For editors, hooks and CI.\n"
      "\n"
      "Example\n"
      "  lectern check examples/elearning\n",
      LEC_TAKES_DIR, true, check },
    { "reload", "reload [DIR] [--port N]",
      "have a running server load handlers and certificate anew",
      "The server is found by its port, which DIR's settings tell, on this machine; a DIR that is\n"
      "given must be the one it serves. All handlers are taken or none: if one fails to load the\n"
      "old ones go on serving, and it exits with 1. The same goes for the TLS files. Nobody is\n"
      "disconnected.\n"
      "\n"
      "Example\n"
      "  lectern reload --port 8080\n",
      LEC_TAKES_DIR, true, reload },
    { "status", "status [DIR] [--port N] [--json]", "show what a running server does",
      "Clients, rooms, memory, how late its loop is, and what it counted, with rates of the last\n"
      "ten seconds. --json is for programs, and leaves nothing out.\n"
      "\n"
      "Example\n"
      "  lectern status --json --port 8080\n",
      LEC_TAKES_DIR | LEC_TAKES_JSON, true, status },
    { "drain", "drain SECONDS [DIR] [--port N]", "stop a running server, its clients one by one",
      "Closes the clients evenly over SECONDS, so that they do not come back all at once, to this\n"
      "server's successor or to its neighbours. Meanwhile /readyz says 503 and nobody new is let\n"
      "in. Returns when the server has ended. SIGTERM does the same over the setting\n"
      "drain_spread.\n"
      "\n"
      "Example\n"
      "  lectern drain 60\n",
      LEC_TAKES_DIR | LEC_TAKES_SECONDS, true, drain },
    { "migrate", "migrate [DIR] [--dry-run]", "bring the database up to date with its SQL files",
      "Applies the numbered files of DIR/migrations, and the library's and the plugins' own, each "
      "once and\n"
      "in a transaction of its own. A server does so when it starts; a running one is asked to.\n"
      "\n"
      "  --dry-run   only say which would be applied\n"
      "\n"
      "Example\n"
      "  lectern migrate --dry-run /srv/school\n",
      LEC_TAKES_DIR | LEC_TAKES_DRY, true, migrate },
    { "backup", "backup FILE [DIR] [--port N]", "copy the database to a file, while it is used",
      "The copy is whole, of one moment, and on the disk when this returns; FILE must not be there "
      "yet.\n"
      "Never copy the database's own files while a server runs, and let no other program write to "
      "them.\n"
      "\n"
      "Example\n"
      "  lectern backup /var/backups/school-$(date +%F).db /srv/school\n",
      LEC_TAKES_DIR | LEC_TAKES_FILE, true, backup },
    { "key", "key new NAME | list | revoke ID | rotate ID [DIR] [--functions F,…] [--rate N]",
      "make and revoke API keys, by which other programs call the server API",
      "`new` prints a key, this once: only a hash of it is kept. `rotate` prints another secret "
      "for\n"
      "the same key, and the old one counts no more at once. A running server is asked, found by\n"
      "its port; without one the database is opened.\n"
      "\n"
      "  --functions F,…  the functions that the key may call; all unless given\n"
      "  --rate N         calls a second; any number unless given\n"
      "\n"
      "Examples\n"
      "  lectern key new billing --functions create_notification,emit_to_user --rate 50\n"
      "  lectern key list\n",
      LEC_TAKES_DIR | LEC_TAKES_WORD | LEC_TAKES_KEY, true, key },
    { "restore", "restore FILE [DIR]", "put a backup in the place of the database",
      "The server must be stopped. What was there before is kept beside it as *.before-restore. "
      "The database\n"
      "gets a new epoch, so that clients load anew what they may have seen since the backup.\n"
      "\n"
      "Example\n"
      "  lectern restore /var/backups/school-2026-11-30.db /srv/school\n",
      LEC_TAKES_DIR | LEC_TAKES_FILE, true, restore },
    { "db", "db check [DIR] [--port N]", "look whether the database is whole",
      "Says ok, or what is wrong, a line each, and exits with 1. A running server goes on serving "
      "meanwhile.\n"
      "\n"
      "Example\n"
      "  lectern db check /srv/school\n",
      LEC_TAKES_DIR | LEC_TAKES_WORD, true, db },
    { "plugins", "plugins [DIR]", "list the plugins of a script directory",
      "Name, version, folder, what is in each, and its settings with their values.\n"
      "\n"
      "Example\n"
      "  lectern plugins examples/elearning\n",
      LEC_TAKES_DIR, true, plugins },
    { "token",
      "token --sub ID [--role R] [--name N] [--course C]... [--expires SECONDS] [--dir DIR]",
      "sign a token for somebody, with the configured secret",
      "  --sub ID           whose token it is to be\n"
      "  --role R           like admin, teacher, student\n"
      "  --name N           shown to others\n"
      "  --course C         a course whose room is open to that person; may be given several "
      "times\n"
      "  --expires SECONDS  how long it is good for; one day unless given\n"
      "  --dir DIR          script directory whose settings count (default: the current one)\n"
      "\n"
      "Example\n"
      "  JWT_SECRET=… lectern token --sub 42 --role student --course 123\n",
      LEC_TAKES_TOKEN, true, token },
    { "version", "version", "print the version",
      "Also `lectern --version`. Handlers find the same number as lectern.version.\n", 0, false,
      version },
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

/* --- help ---------------------------------------------------------------------------------- */

static void help_overview(FILE *to)
{
    fputs(
        "Lectern, a scriptable real-time server for e-learning: speaks Socket.IO, runs your Lua.\n"
        "\n"
        "  lectern COMMAND [ARGUMENTS]\n"
        "\n",
        to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("  help      tell more: `lectern help COMMAND`, `lectern help settings`\n"
          "\n"
          "To begin with: lectern serve --dev DIR\n",
          to);
}

static void help_command(const struct command *c)
{
    struct lec_buf out = { 0 };
    lec_buf_printf(&out, "lectern %s\n\n%c%s.\n", c->usage, c->summary[0] - 'a' + 'A',
                   c->summary + 1);
    if (*c->help)
        lec_buf_printf(&out, "\n%s", c->help);
    if (c->run == serve)
        lec_config_help(&out);
    else if (c->settings)
        lec_buf_adds(&out, "\nSettings may be given as flags: see `lectern serve --help`.\n");
    print(stdout, &out);
}

static const struct command *find(const char *name)
{
    struct lec_suggest suggest;
    lec_suggest_init(&suggest, name);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        lec_suggest_try(&suggest, commands[i].name);
    }
    lec_suggest_try(&suggest, "help");
    if (suggest.best)
        complain(0, "unknown command \"%s\"; did you mean \"%s\"?", name, suggest.best);
    else
        complain(0, "unknown command \"%s\"; `lectern help` lists them", name);
    return NULL;
}

static int help(const char *topic)
{
    if (!topic || strcmp(topic, "help") == 0 || strcmp(topic, "--help") == 0) {
        help_overview(stdout);
        return EXIT_OK;
    }
    if (strcmp(topic, "settings") == 0) {
        struct lec_buf out = { 0 };
        lec_config_markdown(&out);
        print(stdout, &out);
        return EXIT_OK;
    }
    const struct command *c = find(topic);
    if (!c)
        return EXIT_USAGE;
    help_command(c);
    return EXIT_OK;
}

/* --- main ---------------------------------------------------------------------------------- */

static int read_settings(struct call *call, char *err, size_t err_size)
{
    const char *dir = call->options.dir;
    struct stat st;
    bool exists = stat(dir, &st) == 0;
    if (!exists || !S_ISDIR(st.st_mode)) {
        snprintf(err, err_size, "%s: %s", dir, strerror(exists ? ENOTDIR : errno));
        return LEC_EINVAL;
    }
    struct lec_buf dotenv = { 0 };
    lec_buf_printf(&dotenv, "%s/.env", dir);
    int rc = lec_script_read_config(dir, &call->cfg, err, err_size);
    if (rc == LEC_OK)
        rc = lec_config_read_dotenv(&call->cfg, lec_buf_str(&dotenv), err, err_size);
    if (rc == LEC_OK)
        rc = lec_config_read_env(&call->cfg, err, err_size);
    lec_buf_fini(&dotenv);
    return rc;
}

extern const struct lectern_plugin *lectern_sqlite_plugin(const struct lectern_host *host);

/* Those that are compiled in, and those of the folders. */
static int find_plugins(struct call *call, char *err, size_t err_size)
{
    char bytes[32];
    struct lec_config *cfg = &call->cfg;
    call->plugins = lec_plugins_new();
    struct lec_plugin *sqlite =
        lec_plugins_add_builtin(call->plugins, "sqlite", lectern_sqlite_plugin);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)cfg->db_max_bytes);
    lec_plugin_add_setting(sqlite, "max_bytes", LEC_PLUGIN_NUMBER, bytes,
                           "size of the file; the setting db.max_bytes");
    int rc = lec_plugins_find(call->plugins, cfg, call->options.dir, lec_script_read_plugin, err,
                              err_size);
    if (rc == LEC_OK)
        rc = lec_plugins_configure(call->plugins, cfg, err, err_size);
    cfg->plugins = call->plugins;
    return rc;
}

static int run(const struct command *c, int argc, char **argv)
{
    struct call call = { 0 };
    char err[1024] = "";
    int status;
    lec_config_init(&call.cfg);
    if (lec_options_parse(&call.options, &call.cfg, c->takes, argc, argv, err, sizeof err) !=
        LEC_OK) {
        status = complain(EXIT_USAGE, "%s", err);
    } else if (call.options.help) {
        help_command(c);
        status = EXIT_OK;
    } else if (c->settings && (read_settings(&call, err, sizeof err) != LEC_OK ||
                               find_plugins(&call, err, sizeof err) != LEC_OK)) {
        status = complain(EXIT_USAGE, "%s", err);
    } else {
        status = c->run(&call);
    }
    lec_plugins_free(call.plugins);
    lec_options_fini(&call.options);
    lec_config_fini(&call.cfg);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *c = find(name);
    return c ? run(c, argc - 1, argv + 1) : EXIT_USAGE;
}
