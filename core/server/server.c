/* Makes the layers, routes requests to them, and takes them down in order.
 *
 *   NEW --start--> SERVING --drain--> DRAINING --all gone | time is up | stop--> STOPPED
 *
 * In STOPPED no session and no connection is left, and the loop is told to stop; so a script may be
 * freed when the loop has returned, and the server after it. */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/database.h"
#include "server/internal.h"
#include "server/jwks.h"
#include "server/key_store.h"
#include "server/person.h"
#include "server/revocations.h"

#define MAX_FILE      (16u << 20)
#define KEYS_CHECK_MS 1000u

static const struct lec_hooks no_hooks;

/* --- requests ------------------------------------------------------------------------------ */

static bool begins_with(struct lec_slice text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

/* What may be got is there, but not for this method. */
static void answer_method(struct lec_http *http)
{
    struct lec_reply reply = { .status = 405,
                               .headers = LEC_SLICE("Allow: GET, HEAD, OPTIONS\r\n") };
    if (lec_http_method(http) == LEC_OPTIONS) {
        reply.status = 204;
    } else {
        reply.type = "application/json";
        reply.body =
            LEC_SLICE("{\"error\":{\"code\":\"method_not_allowed\",\"message\":\"this can be "
                      "read only\"}}");
    }
    lec_http_answer(http, &reply);
}

static void answer_nothing(struct lec_http *http)
{
    lec_answer_json(
        http, 404,
        "{\"error\":{\"code\":\"not_found\",\"message\":\"there is nothing at this address\"}}");
}

static bool is_there(struct lec_server *s, struct lec_http *http)
{
    return lec_admin_has(lec_http_path(http)) || (s->files && lec_files_has(s->files, http));
}

static void on_request(void *ctx, struct lec_http *http)
{
    struct lec_server *s = ctx;
    struct lec_slice path = lec_http_path(http);
    bool is_api = !lec_http_wants_ws(http) && lec_api_has(path);
    if (lec_http_inner(http) && !is_api) {
        answer_nothing(http);
        return;
    }
    if (lec_slice_is(path, "*")) { /* OPTIONS of the whole server */
        lec_http_answer(
            http, &(struct lec_reply){
                      .status = 204, .headers = LEC_SLICE("Allow: GET, HEAD, POST, OPTIONS\r\n") });
        return;
    }
    if (begins_with(path, s->prefix)) {
        size_t n = strlen(s->prefix);
        struct lec_slice name = { path.p + n, path.n - n };
        if (name.n == 0 || !s->bundle || lec_http_wants_ws(http) ||
            !lec_bundle_serve(s->bundle, name, http))
            eio_engine_request(s->engine, http);
        return;
    }
    if (lec_log_on(s->log, LEC_LOG_DEBUG, LEC_CAT_HTTP))
        lec_log(s->log, LEC_LOG_DEBUG, LEC_CAT_HTTP, LEC_NOBODY, "request for %.*s from %s",
                (int)path.n, path.p, lec_http_address(http));
    if (is_api && lec_http_inner(http) == (*s->cfg->api_listen != '\0')) {
        lec_api_serve(s, http);
        return;
    }
    if (!lec_http_wants_ws(http) && lec_api_serve_route(s, http))
        return;
    if (!lec_http_wants_ws(http) &&
        (lec_admin_serve(s, http) || (s->files && lec_files_serve(s->files, http))))
        return;
    if (!lec_http_wants_ws(http) && is_there(s, http)) {
        answer_method(http);
        return;
    }
    answer_nothing(http);
}

static const struct lec_net_events net_events = { on_request };

/* --- making -------------------------------------------------------------------------------- */

static int open_keys(struct lec_server *s, char *err, size_t err_size)
{
    char *pem = lec_path_in(s, s->cfg->jwt_public_key_file);
    char *jwks = lec_path_in(s, s->cfg->jwt_jwks_file);
    struct lec_token_config tokens = lec_config_tokens(s->cfg);
    tokens.public_key_file = pem;
    tokens.jwks_file = jwks;
    tokens.jwks_url = s->cfg->jwt_jwks_url;
    s->keys = lec_keys_new(&tokens, err, err_size);
    free(pem);
    free(jwks);
    if (s->keys && *s->cfg->jwt_jwks_url)
        s->jwks = lec_jwks_new(s);
    return s->keys ? LEC_OK : LEC_EINVAL;
}

static int open_fetcher(struct lec_server *s, char *err, size_t err_size)
{
    char why[400];
    const struct lec_fetch_config fetch = { .ca_file = s->fetch_ca_file, .allow = &s->fetch_hosts };
    s->fetcher = lec_fetcher_new(s->loop, &fetch, why, sizeof why);
    if (s->fetcher)
        return LEC_OK;
    snprintf(err, err_size, "http.client_ca: %s", why);
    return LEC_EINVAL;
}

/* A directory that nobody asked for by name may be missing. */
static int open_files(struct lec_server *s, char *err, size_t err_size)
{
    if (!*s->cfg->public_dir)
        return LEC_OK;
    char *path = lec_path_in(s, s->cfg->public_dir);
    bool asked = false;
    size_t n;
    const struct lec_setting *settings = lec_settings(&n);
    for (size_t i = 0; i < n; i++)
        if (settings[i].offset == offsetof(struct lec_config, public_dir))
            asked = s->cfg->source[i] != LEC_FROM_DEFAULT;
    s->files = lec_files_new(path, MAX_FILE, s->deflater, s->log);
    int rc = s->files || (!asked && errno == ENOENT) ? LEC_OK : LEC_EINVAL;
    if (rc != LEC_OK)
        snprintf(err, err_size, "public_dir: %s: %s", path, strerror(errno));
    free(path);
    return rc;
}

struct lec_server *lec_server_new(struct lec_loop *loop, const struct lec_config *cfg,
                                  const char *dir, struct lec_log *log, char *err, size_t err_size)
{
    struct lec_server *s = lec_alloc0(sizeof *s);
    s->loop = loop;
    s->cfg = cfg;
    s->dir = lec_strndup(dir, strlen(dir));
    s->log = log;
    s->hooks = &no_hooks;
    lec_list_init(&s->peers);
    lec_api_init(&s->api);
    lec_revoked_init(&s->revoked_tokens, cfg->max_revocations);
    lec_revoked_init(&s->revoked_people, cfg->max_revocations);
    s->revocations = lec_revocations_new(s);
    struct lec_buf prefix = { 0 };
    lec_buf_printf(&prefix, "%s/", cfg->path);
    s->prefix = lec_strndup(lec_buf_str(&prefix), prefix.n);
    lec_buf_fini(&prefix);
    lec_layers_fill(s);

    if (lec_config_check(cfg, true, err, err_size) != LEC_OK ||
        open_keys(s, err, err_size) != LEC_OK || open_files(s, err, err_size) != LEC_OK ||
        open_fetcher(s, err, err_size) != LEC_OK)
        goto fail;
    if (cfg->serve_client && *lec_bundle_version)
        s->bundle = lec_bundle_new(&s->eio_cfg.cors);
    s->io = sio_server_new(loop, &s->sio_cfg, lec_gate_events(), s, &s->counters, log);
    s->engine =
        eio_engine_new(loop, &s->eio_cfg, sio_server_engine_events(), s->io, &s->counters, log);
    s->net = lec_net_new(loop, &s->net_cfg, &net_events, s, &s->counters, log);
    if (!s->net) {
        snprintf(err, err_size, "the network could not be set up; the log says why");
        goto fail;
    }
    return s;
fail:
    lec_server_free(s);
    return NULL;
}

void lec_server_set_hooks(struct lec_server *s, const struct lec_hooks *hooks)
{
    s->hooks = hooks ? hooks : &no_hooks;
}

void lec_server_set_database(struct lec_server *s, struct lec_database *database)
{
    s->database = database;
}

/* --- running ------------------------------------------------------------------------------- */

/* Each line of what a reload said. */
static void log_lines(struct lec_server *s, enum lec_level level, const char *line)
{
    while (*line) {
        size_t n = strcspn(line, "\n");
        if (n > 0)
            lec_log(s->log, level, LEC_CAT_SERVER, LEC_NOBODY, "reload: %.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

int lec_server_reload(struct lec_server *s, struct lec_buf *answer)
{
    if (s->state != SERVER_SERVING) {
        lec_buf_adds(answer, "the server is stopping\n");
        return LEC_ESCRIPT;
    }
    size_t start = answer->n;
    int tls = lec_net_reload_tls(s->net, answer);
    if (tls != LEC_OK)
        lec_buf_adds(answer, "\nthe certificate of before goes on serving");
    if (answer->n > start)
        lec_buf_addc(answer, '\n');
    log_lines(s, tls == LEC_OK ? LEC_LOG_INFO : LEC_LOG_ERROR, lec_buf_str(answer) + start);

    start = answer->n;
    int rc = s->hooks->reload ? s->hooks->reload(s->hooks->ctx, answer) : LEC_OK;
    log_lines(s, rc == LEC_OK ? LEC_LOG_INFO : LEC_LOG_ERROR, lec_buf_str(answer) + start);
    if (rc == LEC_OK)
        rc = tls;
    if (rc == LEC_OK)
        s->counters.reloads++;
    else
        s->counters.reloads_failed++;
    return rc;
}

/* Keys that were exchanged count from the next token on; who is in already stays. */
static void check_keys(struct lec_timer *t)
{
    struct lec_server *s = LEC_CONTAINER(t, struct lec_server, keys_timer);
    char err[512];
    int rc = lec_keys_reload(s->keys, err, sizeof err);
    if (rc == LEC_OK)
        lec_log(s->log, LEC_LOG_INFO, LEC_CAT_AUTH, LEC_NOBODY, "%s changed; keys read: %zu",
                s->cfg->jwt_jwks_file, lec_keys_count(s->keys));
    else if (rc != LEC_EAGAIN)
        lec_log(s->log, LEC_LOG_ERROR, LEC_CAT_AUTH, LEC_NOBODY,
                "%s; the keys of before stay in force", err);
    lec_timer_start(s->loop, t, KEYS_CHECK_MS, check_keys);
}

static void on_signal(void *ctx, int signum)
{
    struct lec_server *s = ctx;
    if (signum != SIGHUP && s->state == SERVER_SERVING) {
        lec_server_drain(s, s->cfg->drain_spread);
        return;
    }
    if (signum != SIGHUP) {
        lec_log(s->log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY, "told twice: stopping now");
        lec_server_stop(s);
        return;
    }
    struct lec_buf answer = { 0 };
    (void)!lec_server_reload(s, &answer); /* it has logged how it went */
    lec_buf_fini(&answer);
}

static void warn(struct lec_server *s)
{
    const struct lec_config *c = s->cfg;
    const char *const lines[] = {
        *c->frontend_url ? NULL : "FRONTEND_URL is not set: pages of other origins cannot connect",
        strcmp(c->frontend_url, "*") ? NULL : "FRONTEND_URL is *: pages of every site may connect",
        !lec_keys_weak(s->keys) ? NULL
        : *c->jwt_secret        ? "JWT_SECRET is short enough to be guessed: take 32 random bytes "
                                  "(HS384: 48, HS512: 64), like those of `openssl rand -base64 32`"
                                : "JWT_JWKS_FILE holds a secret that is short enough to be guessed",
        c->polling ? NULL : "polling is off: networks that block WebSocket are shut out",
        !c->serve_client || s->bundle ? NULL
                                      : "built without the npm package socket.io-client: pages "
                                        "must bring it themselves, or serve_client be off",
        c->script_unsafe ? "script.unsafe is on: handlers may do whatever this process may" : NULL,
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (lines[i])
            lec_log(s->log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY, "%s", lines[i]);
}

static int listen_on(struct lec_server *s, char *err, size_t err_size)
{
    const struct lec_config *c = s->cfg;
    int rc = lec_net_listen(s->net);
    if (rc == LEC_EIO && errno == EADDRINUSE)
        snprintf(err, err_size,
                 "port %u is in use; is another server running? (PORT or --port "
                 "chooses another)",
                 (unsigned)c->port);
    else if (rc == LEC_EIO)
        snprintf(err, err_size, "cannot listen on %s port %u: %s", *c->host ? c->host : "any",
                 (unsigned)c->port, strerror(errno));
    else if (rc != LEC_OK)
        snprintf(err, err_size, "cannot listen on \"%s\": %s", c->host, lec_strerror(rc));
    return rc;
}

static int listen_inner(struct lec_server *s, char *err, size_t err_size)
{
    const char *address = s->cfg->api_listen;
    int rc = *address ? lec_net_listen_inner(s->net, address) : LEC_OK;
    if (rc == LEC_EIO)
        snprintf(err, err_size, "api.listen: cannot listen on %s: %s", address, strerror(errno));
    else if (rc != LEC_OK)
        snprintf(err, err_size,
                 "api.listen: \"%s\" is no address; give one like 127.0.0.1:3002, [::1]:3002 or "
                 "unix:/run/school/api.sock",
                 address);
    else if (*address && lec_net_inner_port(s->net) > 0)
        lec_log(s->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "the server API is at %.*s:%u",
                (int)(strrchr(address, ':') - address), address, lec_net_inner_port(s->net));
    else if (*address)
        lec_log(s->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "the server API is at %s",
                address);
    return rc;
}

static void open_control(struct lec_server *s)
{
    char path[256];
    int rc = lec_control_path(lec_net_port(s->net), path, sizeof path);
    if (rc == LEC_OK)
        s->control = lec_control_new(s->loop, path, lec_admin_command, s);
    if (!s->control)
        lec_log(s->log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY,
                "no control socket, so `lectern reload` will not reach this server: %s",
                rc == LEC_OK ? strerror(errno) : lec_strerror(rc));
}

/* The name by which a person on this machine reaches the server. */
static const char *display_host(const char *host)
{
    static const char *const local[] = { "", "0.0.0.0", "::", "127.0.0.1", "::1" };
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (strcmp(host, local[i]) == 0)
            return "localhost";
    return host;
}

int lec_server_start(struct lec_server *s, char *err, size_t err_size)
{
    static const int signals[] = { SIGHUP, SIGTERM, SIGINT };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        int rc = lec_loop_on_signal(s->loop, signals[i], on_signal, s);
        if (rc != LEC_OK) {
            snprintf(err, err_size, "cannot handle signals: %s", lec_strerror(rc));
            return rc;
        }
    }
    int rc = listen_on(s, err, err_size);
    if (rc == LEC_OK)
        rc = listen_inner(s, err, err_size);
    if (rc != LEC_OK)
        return rc;
    open_control(s);
    warn(s);
    if (*s->cfg->jwt_jwks_file)
        lec_timer_start(s->loop, &s->keys_timer, KEYS_CHECK_MS, check_keys);
    if (s->jwks)
        lec_jwks_start(s->jwks);
    lec_revocations_start(s->revocations, lec_server_db(s));
    s->key_store = lec_key_store_new(s->loop, lec_server_db(s), &s->api.keys, s->log);
    lec_key_store_start(s->key_store);
    s->state = SERVER_SERVING;
    lec_status_start(s);
    if (s->database)
        lec_database_log(s->database);
    if (s->hooks->on_start)
        s->hooks->on_start(s->hooks->ctx);
    lec_log(s->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "listening on %s://%s:%u",
            s->cert_file ? "https" : "http", display_host(s->cfg->host), lec_net_port(s->net));
    return LEC_OK;
}

/* --- leaving ------------------------------------------------------------------------------- */

void lec_server_stop(struct lec_server *s)
{
    if (s->state == SERVER_STOPPED)
        return;
    s->state = SERVER_STOPPED;
    lec_timer_stop(s->loop, &s->drain.timer);
    lec_timer_stop(s->loop, &s->keys_timer);
    if (s->jwks)
        lec_jwks_stop(s->jwks);
    lec_revocations_stop(s->revocations);
    lec_status_stop(s);
    eio_engine_close(s->engine, false);
    lec_net_close(s->net);
    lec_key_store_free(s->key_store);
    s->key_store = NULL;
    if (s->database)
        lec_database_close(s->database);
    lec_log(s->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "stopped");
    lec_loop_stop(s->loop);
}

void lec_server_free(struct lec_server *s)
{
    if (!s)
        return;
    lec_timer_stop(s->loop, &s->keys_timer);
    lec_status_stop(s);
    lec_timer_stop(s->loop, &s->drain.timer);
    if (s->jwks)
        lec_jwks_stop(s->jwks);
    lec_revocations_stop(s->revocations);
    lec_key_store_free(s->key_store);
    if (s->engine)
        eio_engine_close(s->engine, false);
    lec_fetcher_free(s->fetcher);
    if (s->net) {
        /* Who finds the control socket gone takes the port for free. */
        lec_net_stop_listening(s->net);
        lec_control_free(s->control);
        lec_net_close(s->net);
        lec_net_free(s->net);
    }
    if (s->engine)
        eio_engine_free(s->engine);
    if (s->io)
        sio_server_free(s->io);
    lec_files_free(s->files);
    lec_jwks_free(s->jwks);
    lec_revocations_free(s->revocations);
    lec_bundle_free(s->bundle);
    if (s->keys)
        lec_keys_free(s->keys);
    lec_revoked_fini(&s->revoked_tokens);
    lec_revoked_fini(&s->revoked_people);
    lec_tally_fini(&s->people);
    lec_api_fini(&s->api);
    lec_layers_fini(s);
    free(s->dir);
    free(s->prefix);
    free(s);
}

/* --- parts --------------------------------------------------------------------------------- */

unsigned lec_server_port(const struct lec_server *s)
{
    return lec_net_port(s->net);
}

struct sio_server *lec_server_io(struct lec_server *s)
{
    return s->io;
}

struct lec_loop *lec_server_loop(struct lec_server *s)
{
    return s->loop;
}

struct lec_log *lec_server_log(struct lec_server *s)
{
    return s->log;
}

const struct lec_config *lec_server_config(const struct lec_server *s)
{
    return s->cfg;
}

struct lec_counters *lec_server_counters(struct lec_server *s)
{
    return &s->counters;
}

struct lec_fetcher *lec_server_fetcher(struct lec_server *s)
{
    return s->fetcher;
}

struct lec_db *lec_server_db(struct lec_server *s)
{
    return s->database ? lec_database_db(s->database) : NULL;
}
