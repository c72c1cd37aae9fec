/* `lectern serve`: wires the parts together, runs the loop, takes them apart again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/id.h"
#include "command.h"
#include "script/script.h"
#include "server/person.h"
#include "server/server.h"

/* For trying things out: a secret that nobody knows, and pages from anywhere. What was configured
 * stays. */
static int configure_dev(struct lec_config *cfg)
{
    char err[256];
    int rc = LEC_OK;
    if (!*cfg->jwt_secret && !*cfg->jwt_public_key_file && !*cfg->jwt_jwks_file &&
        !*cfg->jwt_jwks_url) {
        unsigned char bytes[32];
        struct lec_buf secret = { 0 };
        lec_random(bytes, sizeof bytes);
        lec_base64url_encode(&secret, bytes, sizeof bytes);
        rc =
            lec_config_set(cfg, "jwt.secret", lec_buf_str(&secret), LEC_FROM_FLAG, err, sizeof err);
        lec_buf_fini(&secret);
    }
    if (rc == LEC_OK && !*cfg->frontend_url)
        rc = lec_config_set(cfg, "frontend_url", "*", LEC_FROM_FLAG, err, sizeof err);
    return rc == LEC_OK ? EXIT_OK : complain(EXIT_USAGE, "%s", err);
}

/* Two people to be at once, on stdout: tokens do not belong in the log. */
static void print_people(const struct call *call, unsigned port)
{
    static const char *const courses[] = { "demo" };
    static const struct lec_person people[] = {
        { "teacher", "teacher", "Tess Teacher", courses, 1, 86400 },
        { "learner", "student", "Lee Learner", courses, 1, 86400 },
    };
    const struct lec_config *cfg = &call->cfg;
    struct lec_buf out = { 0 }, token = { 0 }, page = { 0 };
    lec_buf_printf(&page, "%s%s%s/index.html", *cfg->public_dir == '/' ? "" : call->options.dir,
                   *cfg->public_dir == '/' ? "" : "/", cfg->public_dir);
    bool has_page = *cfg->public_dir && access(lec_buf_str(&page), R_OK) == 0;

    lec_buf_adds(&out, "\nDevelopment mode, for trying things out: not for people's data. "
                       "Tokens are good for one day.\n\n");
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        char err[256];
        token.n = 0;
        if (lec_person_token(&people[i], cfg, lec_clock_ms() / 1000, &token, err, sizeof err) !=
            LEC_OK) {
            lec_buf_printf(&out, "no tokens: %s\n", err);
            break;
        }
        lec_buf_printf(&out, "%s (%s)\n  ", people[i].name, people[i].role);
        if (has_page)
            lec_buf_printf(&out, "http%s://localhost:%u/#token=", *cfg->tls_cert ? "s" : "", port);
        lec_buf_printf(&out, "%s\n\n", lec_buf_str(&token));
    }
    if (has_page)
        lec_buf_adds(&out, "Open the two addresses in two windows; what follows #token= is the "
                           "token that a client gives as auth.token.\n");
    print(stdout, &out);
    lec_buf_fini(&token);
    lec_buf_fini(&page);
}

/* Makes everything and runs it. Parts that were made are freed by the caller. */
struct parts {
    struct lec_loop *loop;
    struct lec_log *log;
    struct lec_server *server;
    struct lec_database *database;
    struct lec_script *script;
};

static int complain_handlers(const char *dir, struct lec_buf *failure)
{
    int status = complain(EXIT_FAILED, "the handlers of %s did not load:", dir);
    print(stderr, failure);
    return status;
}

static int bring_up_to_date(struct parts *p)
{
    struct lec_buf text = { 0 };
    int rc = lec_database_wait_migrate(p->database, false, &text);
    if (rc == LEC_OK) {
        struct lec_slice left = lec_buf_slice(&text);
        while (left.n > 0) {
            struct lec_slice line = lec_slice_shift(&left, '\n');
            lec_log(p->log, LEC_LOG_INFO, LEC_CAT_DB, LEC_NOBODY, "%.*s", (int)line.n, line.p);
        }
        lec_buf_fini(&text);
        return EXIT_OK;
    }
    complain(EXIT_FAILED, "the database is not as these files want it:");
    print(stderr, &text);
    return EXIT_FAILED;
}

static int run(struct call *call, struct parts *p)
{
    const char *dir = call->options.dir;
    char err[1024];
    struct lec_buf failure = { 0 };
    p->loop = lec_loop_new();
    if (!p->loop)
        return complain(EXIT_FAILED, "no event loop: %s", strerror(errno));
    p->server = lec_server_new(p->loop, &call->cfg, dir, p->log, err, sizeof err);
    if (!p->server)
        return complain(EXIT_USAGE, "%s", err);
    p->database = open_database(call, p->loop, p->log);
    if (!p->database)
        return EXIT_FAILED;
    lec_server_set_database(p->server, p->database);
    p->script = lec_script_new(p->server, dir, &failure);
    if (!p->script)
        return complain_handlers(dir, &failure);
    lec_server_set_hooks(p->server, lec_script_hooks(p->script));
    int status = bring_up_to_date(p);
    if (status != EXIT_OK)
        return status;
    if (lec_server_start(p->server, err, sizeof err) != LEC_OK)
        return complain(EXIT_FAILED, "%s", err);
    if (call->options.dev)
        print_people(call, lec_server_port(p->server));
    lec_loop_run(p->loop);
    return EXIT_OK;
}

int serve(struct call *call)
{
    struct parts p = { 0 };
    int status = call->options.dev ? configure_dev(&call->cfg) : EXIT_OK;
    if (status != EXIT_OK)
        return status;
    signal(SIGPIPE, SIG_IGN);
    p.log = open_log(&call->cfg);
    status = run(call, &p);
    if (p.script)
        lec_script_free(p.script);
    lec_server_free(p.server);
    lec_database_free(p.database);
    if (p.loop)
        lec_loop_free(p.loop);
    lec_log_free(p.log);
    return status;
}
