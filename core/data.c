/* Commands on the database of a script directory. A server that runs has it to itself, so it is asked; without
 * one they open it themselves. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "server/key_store.h"

static struct lec_database_setup setup_of(struct call *call, struct lec_loop *loop,
                                          struct lec_log *log)
{
    return (struct lec_database_setup){ .loop = loop,
                                        .log = log,
                                        .cfg = &call->cfg,
                                        .plugins = call->plugins,
                                        .dir = call->options.dir,
                                        .library = lec_library_migrations };
}

struct lec_database *open_database(struct call *call, struct lec_loop *loop, struct lec_log *log)
{
    char err[1024];
    struct lec_database_setup setup = setup_of(call, loop, log);
    struct lec_database *database = lec_database_open(&setup, err, sizeof err);
    if (!database)
        complain(EXIT_FAILED, "%s", err);
    return database;
}

typedef int work_fn(struct call *call, struct lec_database *database, struct lec_buf *text);

/* Has the server do what line says, or does it. */
static int by_server_or(struct call *call, const char *line, work_fn *work)
{
    bool gone = false;
    int status = ask_server(call, line, &gone);
    if (!gone)
        return status;
    struct lec_buf text = { 0 };
    struct lec_log *log = open_log(&call->cfg);
    struct lec_loop *loop = lec_loop_new();
    struct lec_database *database = loop ? open_database(call, loop, log) : NULL;
    call->loop = loop;
    if (database) {
        status = work(call, database, &text) == LEC_OK ? EXIT_OK : EXIT_FAILED;
        print(status == EXIT_OK ? stdout : stderr, &text);
    } else if (!loop) {
        complain(EXIT_FAILED, "no event loop: %s", strerror(errno));
    }
    lec_database_free(database);
    if (loop)
        lec_loop_free(loop);
    lec_log_free(log);
    return status;
}

static int do_migrate(struct call *call, struct lec_database *database, struct lec_buf *text)
{
    int rc = lec_database_wait_migrate(database, call->options.dry, text);
    if (rc == LEC_OK && text->n == 0)
        lec_buf_adds(text, "nothing to be done");
    return rc;
}

int migrate(struct call *call)
{
    return by_server_or(call, call->options.dry ? "migrate dry" : "migrate", do_migrate);
}

/* Of the file that was named: the server has another working directory. NULL, and it has complained. */
static char *whole_path(const char *file)
{
    char here[PATH_MAX], *path = NULL;
    if (*file == '/' || !getcwd(here, sizeof here))
        return lec_strndup(file, strlen(file));
    if (asprintf(&path, "%s/%s", here, file) < 0)
        path = NULL;
    return path;
}

static int do_backup(struct call *call, struct lec_database *database, struct lec_buf *text)
{
    return lec_database_wait_backup(database, call->options.word, text);
}

int backup(struct call *call)
{
    struct lec_buf line = { 0 };
    char *path = whole_path(call->options.word);
    int status = EXIT_FAILED;
    if (!path || strchr(path, '\n')) {
        complain(EXIT_FAILED, "a file cannot have that name");
    } else {
        call->options.word = path;
        lec_buf_printf(&line, "backup %s", path);
        status = by_server_or(call, lec_buf_str(&line), do_backup);
    }
    lec_buf_fini(&line);
    free(path);
    return status;
}

int restore(struct call *call)
{
    char err[1024];
    struct lec_log *log = open_log(&call->cfg);
    struct lec_loop *loop = lec_loop_new();
    struct lec_database_setup setup = setup_of(call, loop, log);
    int status = EXIT_OK;
    if (!loop)
        status = complain(EXIT_FAILED, "no event loop: %s", strerror(errno));
    else if (access(call->options.word, R_OK) != 0)
        status = complain(EXIT_FAILED, "%s: %s", call->options.word, strerror(errno));
    else if (lec_database_restore(&setup, call->options.word, err, sizeof err) != LEC_OK)
        status = complain(EXIT_FAILED, "%s%s", err,
                          strstr(err, "in use by another server") ? ": stop it first" : "");
    else
        puts("restored; what was there before is kept beside it as *.before-restore");
    if (loop)
        lec_loop_free(loop);
    lec_log_free(log);
    return status;
}

static int do_check(struct call *call, struct lec_database *database, struct lec_buf *text)
{
    (void)call;
    return lec_database_wait_check(database, text);
}

int db(struct call *call)
{
    if (strcmp(call->options.word, "check") != 0)
        return complain(EXIT_USAGE, "db %s: there is `lectern db check`", call->options.word);
    return by_server_or(call, "db check", do_check);
}

/* --- API keys -------------------------------------------------------------------------------- */

struct key_work {
    struct lec_loop *loop;
    struct lec_buf *text;
    int status;
};

static void key_done(void *ctx, int status, struct lec_slice text)
{
    struct key_work *w = ctx;
    w->status = status;
    lec_buf_add(w->text, text.p, text.n);
    lec_loop_stop(w->loop);
}

static int do_key(struct call *call, struct lec_database *database, struct lec_buf *text)
{
    struct lec_api_keys keys = { 0 };
    struct lec_buf migrated = { 0 };
    struct key_work work = { call->loop, text, 1 };
    int rc = lec_database_wait_migrate(database, false, &migrated);
    if (rc == LEC_OK) {
        struct lec_key_store *store =
            lec_key_store_new(work.loop, lec_database_db(database), &keys, NULL);
        lec_key_store_start(store);
        lec_key_store_command(store, call->line, key_done, &work);
        lec_loop_run(work.loop);
        lec_key_store_free(store);
        rc = work.status == 0 ? LEC_OK : LEC_EINVAL;
    } else {
        lec_buf_add(text, migrated.p, migrated.n);
    }
    lec_buf_fini(&migrated);
    lec_api_keys_fini(&keys);
    return rc;
}

int key(struct call *call)
{
    const struct lec_options *o = &call->options;
    struct lec_buf line = { 0 };
    lec_buf_adds(&line, "key ");
    if (strcmp(o->word, "new") == 0)
        lec_buf_printf(&line, "new %llu %s %s", (unsigned long long)o->rate,
                       o->functions ? o->functions : "-", o->subject);
    else
        lec_buf_printf(&line, "%s%s%s", o->word, o->subject ? " " : "",
                       o->subject ? o->subject : "");
    int status;
    if (strchr(lec_buf_str(&line), '\n') || (o->functions && strchr(o->functions, ' '))) {
        status = complain(EXIT_USAGE, "key: names have no line ends, and functions no spaces");
    } else {
        call->line = lec_buf_str(&line) + 4;
        status = by_server_or(call, lec_buf_str(&line), do_key);
    }
    lec_buf_fini(&line);
    return status;
}
