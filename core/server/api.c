#include "server/api.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "net/cors.h"
#include "server/internal.h"
#include "server/jwks.h"
#include "server/key_store.h"
#include "server/peer.h"
#include "server/revocations.h"

#define PREFIX  "/api"
#define REVOKED "the token was revoked"

void lec_api_init(struct lec_api *a)
{
    lec_list_init(&a->requests);
}

void lec_api_fini(struct lec_api *a)
{
    lec_api_keys_fini(&a->keys);
    lec_callers_fini(&a->callers);
    lec_map_fini(&a->keyed);
}

bool lec_api_has(struct lec_slice path)
{
    const size_t n = sizeof PREFIX - 1;
    return path.n >= n && memcmp(path.p, PREFIX, n) == 0 && (path.n == n || path.p[n] == '/');
}

struct lec_who lec_request_who(const struct lec_request *r)
{
    return (struct lec_who){ r->id, r->caller.name };
}

/* --- its end -------------------------------------------------------------------------------- */

static void free_request(struct lec_request *r)
{
    lec_list_remove(&r->link);
    r->server->api.under_way[r->kind]--;
    if (r->counted)
        lec_callers_leave(&r->server->api.callers, lec_slice_str(r->caller.name));
    if (r->scope.n > 0)
        lec_map_remove(&r->server->api.keyed, lec_buf_slice(&r->scope));
    lec_buf_fini(&r->scope);
    lec_timer_stop(r->server->loop, &r->timer);
    if (r->ask)
        lec_revocations_cancel(r->ask);
    lec_buf_fini(&r->held);
    lec_peer_free(r->caller.peer);
    free(r->caller.name);
    free(r->caller.key_id);
    free(r->caller.key_name);
    free(r->caller.functions);
    free(r->label);
    free(r->copy);
    lec_buf_fini(&r->cors);
    free(r);
}

static void log_answer(const struct lec_request *r, unsigned status)
{
    struct lec_server *s = r->server;
    if (r->refused)
        return;
    enum lec_level level = r->kind == LEC_REQUEST_CALL ? LEC_LOG_INFO : LEC_LOG_DEBUG;
    if (lec_log_on(s->log, level, LEC_CAT_HTTP))
        lec_log(s->log, level, LEC_CAT_HTTP, lec_request_who(r), "%s: %u, %llu ms%s", r->label,
                status, (unsigned long long)(lec_loop_now(s->loop) - r->began),
                r->http ? "" : ", which nobody hears: the client has gone");
}

void lec_request_answer(struct lec_request *r, const struct lec_answer *answer)
{
    struct lec_buf headers = { 0 };
    if (r->answered)
        return;
    r->answered = true;
    r->server->counters.api_failed += answer->status >= 500;
    log_answer(r, answer->status);
    if (!r->http)
        return;
    lec_buf_printf(&headers, "X-Request-Id: %s\r\n", r->id);
    lec_buf_add(&headers, r->cors.p, r->cors.n);
    lec_buf_add(&headers, answer->headers.p, answer->headers.n);
    bool has_advice =
        memmem(headers.p, headers.n, "\r\nRetry-After:", sizeof "\r\nRetry-After:" - 1) != NULL;
    bool may_do = answer->status == 429 || answer->status == 503 || r->is_second;
    if (may_do && !has_advice)
        lec_buf_adds(&headers, "Retry-After: 1\r\n");
    struct lec_http *http = r->http;
    r->http = NULL;
    lec_http_answer(http, &(struct lec_reply){ .status = answer->status,
                                               .type = answer->type,
                                               .headers = lec_buf_slice(&headers),
                                               .body = answer->body });
    lec_buf_fini(&headers);
}

void lec_request_fail(struct lec_request *r, unsigned status, const char *code, const char *message,
                      const char *id)
{
    struct lec_buf body = { 0 };
    lec_buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    if (lec_json_put_string(&body, message, strlen(message)) != LEC_OK)
        lec_buf_adds(&body, "\"\"");
    lec_buf_printf(&body, ",\"id\":\"%s\"}}", id ? id : r->id);
    lec_request_answer(r, &(struct lec_answer){ .status = status,
                                                .type = "application/json",
                                                .headers = LEC_SLICE("Cache-Control: no-store\r\n"),
                                                .body = lec_buf_slice(&body) });
    lec_buf_fini(&body);
}

/* Before it was given to a script. */
static void refuse(struct lec_request *r, unsigned status, const char *code, const char *message)
{
    if (r->route)
        r->server->hooks->forget_route(r->server->hooks->ctx, r->route);
    lec_request_fail(r, status, code, message, NULL);
    free_request(r);
}

void lec_request_done(struct lec_request *r)
{
    if (!r->answered)
        lec_request_fail(r, 503, "unavailable", "the server is stopping", NULL);
    free_request(r);
}

static void on_late(struct lec_timer *t)
{
    struct lec_request *r = LEC_CONTAINER(t, struct lec_request, timer);
    const struct lec_hooks *hooks = r->server->hooks;
    lec_request_fail(r, 504, "timeout", "the call took longer than api.timeout", NULL);
    hooks->on_request_over(hooks->ctx, r);
}

static void refuse_caller(struct lec_request *r, unsigned status, const char *why);

/* --- its body ------------------------------------------------------------------------------- */

/* One call of a key at a time, however it ends: the next may go on where it has left off. False:
 * refused. */
static bool enter_key(struct lec_request *r)
{
    struct lec_map *keyed = &r->server->api.keyed;
    struct lec_slice asked[] = { lec_slice_str(r->label), r->query, r->body };
    struct lec_buf scope = { 0 };
    lec_sha256_hex(r->hash, asked, 3);
    lec_buf_adds(&scope, r->caller.name);
    lec_buf_addc(&scope, '\0');
    lec_buf_add(&scope, r->key.p, r->key.n);
    if (lec_map_get(keyed, lec_buf_slice(&scope))) {
        lec_buf_fini(&scope);
        r->is_second = true;
        refuse(r, 409, "conflict", "a call with this Idempotency-Key is under way");
        return false;
    }
    r->scope = scope;
    lec_map_put(keyed, lec_buf_slice(&scope), r);
    return true;
}

static void give(struct lec_request *r, struct lec_slice body)
{
    struct lec_server *s = r->server;
    r->body = body;
    if (r->key.n > 0 && !enter_key(r))
        return;
    r->given = true;
    lec_timer_start(s->loop, &r->timer, s->cfg->api_timeout, on_late);
    s->hooks->on_request(s->hooks->ctx, r);
}

static void on_verdict(void *ctx, int verdict)
{
    struct lec_request *r = ctx;
    r->ask = NULL;
    if (verdict == LEC_OK &&
        lec_revocations_look(r->server->revocations, r->caller.peer) == LEC_EDENIED)
        verdict = LEC_EDENIED; /* meanwhile */
    if (verdict == LEC_OK)
        give(r, lec_buf_slice(&r->held));
    else if (verdict == LEC_EAGAIN)
        refuse(r, 503, "unavailable", LEC_REVOCATIONS_UNAVAILABLE);
    else
        refuse_caller(r, 401, REVOKED);
}

/* Whose token only the database knows to be good waits for it. A body takes its time, in which a token may
 * have been revoked. */
static void on_body(void *owner, struct lec_http *http, struct lec_slice body)
{
    struct lec_request *r = owner;
    struct lec_revocations *revocations = r->server->revocations;
    (void)http;
    int rc = r->caller.peer ? lec_revocations_look(revocations, r->caller.peer) : LEC_OK;
    if (rc == LEC_OK) {
        give(r, body);
        return;
    }
    if (rc != LEC_EAGAIN) {
        refuse_caller(r, 401, REVOKED);
        return;
    }
    lec_buf_add(&r->held, body.p, body.n);
    r->ask = lec_revocations_ask(revocations, r->caller.peer, on_verdict, r);
    if (!r->ask)
        refuse(r, 503, "unavailable", LEC_REVOCATIONS_UNAVAILABLE);
}

static void on_too_big(void *owner, struct lec_http *http)
{
    (void)http;
    refuse(owner, 413, "too_big", "the body is larger than api.max_bytes");
}

static void on_abort(void *owner, struct lec_http *http)
{
    struct lec_request *r = owner;
    (void)http;
    r->http = NULL;
    if (!r->given)
        refuse(r, 400, "invalid", "the client has gone");
}

static void read_body(struct lec_request *r)
{
    static const struct lec_http_events events = {
        .half_closed = true, .on_body = on_body, .on_too_big = on_too_big, .on_abort = on_abort
    };
    if (lec_http_read_body(r->http, r->server->cfg->api_max_bytes, &events, r) != LEC_OK)
        refuse(r, 413, "too_big", "the body is larger than api.max_bytes");
}

/* --- its head ------------------------------------------------------------------------------- */

static const char *method_name(enum lec_method method)
{
    static const char *const names[] = { "GET",   "HEAD",   "POST",    "PUT",
                                         "PATCH", "DELETE", "OPTIONS", "?" };
    return names[method];
}

static bool is_plain(struct lec_slice text, size_t max)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return text.n > 0 && text.n <= max;
}

/* What a caller can ask for under a name of its own choice ends up in one line of the log. */
static void take_id(struct lec_request *r, struct lec_slice given)
{
    if (is_plain(given, LEC_REQUEST_ID) && !memchr(given.p, '"', given.n) &&
        !memchr(given.p, '\\', given.n))
        memcpy(r->id, given.p, given.n);
    else
        lec_id_make(r->id);
}

/* The head is the exchange's, which may end before the call does. */
static void copy_head(struct lec_request *r, const struct lec_http *http)
{
    struct lec_slice *const parts[] = { &r->path, &r->query, &r->headers };
    struct lec_slice from[] = { lec_http_path(http), lec_http_query(http), lec_http_headers(http) };
    const char *address = lec_http_address(http);
    size_t n = strlen(address) + 1;
    char *o = r->copy = lec_alloc(from[0].n + from[1].n + from[2].n + n + 3);
    for (size_t i = 0; i < 3; i++) {
        *parts[i] = (struct lec_slice){ o, from[i].n };
        o = mempcpy(o, from[i].p, from[i].n);
        *o++ = '\0';
    }
    memcpy(o, address, n);
    r->address = o;
}

static struct lec_request *begin(struct lec_server *s, struct lec_http *http,
                                 enum lec_request_kind kind)
{
    struct lec_request *r = lec_alloc0(sizeof *r);
    struct lec_buf label = { 0 };
    r->kind = kind;
    r->server = s;
    r->http = http;
    r->method = lec_http_method(http);
    r->began = lec_loop_now(s->loop);
    copy_head(r, http);
    take_id(r, lec_http_header(http, "x-request-id"));
    lec_buf_printf(&label, "%s %.*s", method_name(r->method), (int)r->path.n, r->path.p);
    r->label = lec_strndup(label.p, label.n);
    lec_buf_fini(&label);
    lec_list_append(&s->api.requests, &r->link);
    s->api.under_way[kind]++;
    return r;
}

/* --- who calls ------------------------------------------------------------------------------ */

/* Somebody tries keys, or a program has a wrong one: a few lines are enough. */
static void tell_refusal(struct lec_request *r, const char *why)
{
    static const struct lec_rate rate = { 1, 10 };
    struct lec_server *s = r->server;
    struct lec_api *a = &s->api;
    s->counters.api_refused++;
    if (!lec_bucket_take(&a->told, &rate, lec_loop_now(s->loop), 1)) {
        a->not_told++;
        return;
    }
    if (a->not_told > 0)
        lec_log(s->log, LEC_LOG_WARN, LEC_CAT_AUTH, LEC_NOBODY,
                "refused %zu more calls, which are not shown", a->not_told);
    a->not_told = 0;
    lec_log(s->log, LEC_LOG_WARN, LEC_CAT_AUTH, lec_request_who(r), "refused %s from %s: %s",
            r->label, r->address, why);
}

static void refuse_caller(struct lec_request *r, unsigned status, const char *why)
{
    tell_refusal(r, why);
    r->refused = true;
    if (status == 401)
        lec_buf_adds(&r->cors, "WWW-Authenticate: Bearer\r\n");
    refuse(r, status, status == 401 ? "unauthorized" : "forbidden", why);
}

/* Who it is cannot be said now. */
static void refuse_for_now(struct lec_request *r, const char *why)
{
    tell_refusal(r, why);
    r->refused = true;
    refuse(r, 503, "unavailable", why);
}

/* The text of a key or a token; empty without one. */
static struct lec_slice credentials(const struct lec_request *r)
{
    struct lec_slice text = lec_fields_find(r->headers, "authorization");
    if (text.n >= 7 && strncasecmp(text.p, "Bearer ", 7) == 0)
        return lec_slice_trim((struct lec_slice){ text.p + 7, text.n - 7 });
    return lec_fields_find(r->headers, "x-api-key");
}

static char *named(const char *kind, const char *id)
{
    struct lec_buf name = { 0 };
    lec_buf_printf(&name, "%s:%s", kind, id);
    lec_buf_addc(&name, '\0');
    return name.p;
}

static char *copy_of(const char *text)
{
    return text ? lec_strndup(text, strlen(text)) : NULL;
}

/* Whether a role is among those of a token: a word, or a list of words. */
static bool has_role(const struct lec_server *s, const struct lec_peer *peer)
{
    struct lec_slice value;
    struct lec_json j;
    struct lec_json_token t;
    if (!*s->cfg->api_service_role ||
        lec_json_member(lec_slice_str(peer->claims), s->cfg->jwt_role_claim, &value) != LEC_OK)
        return false;
    lec_json_init(&j, value, LEC_JSON_MAX_DEPTH);
    if (lec_json_next(&j, &t) != LEC_OK)
        return false;
    if (t.kind == LEC_JSON_STRING)
        return lec_json_string_is(&t, s->cfg->api_service_role);
    bool has = false;
    if (t.kind != LEC_JSON_ARRAY)
        return false;
    while (!has && lec_json_next(&j, &t) == LEC_OK && t.kind != LEC_JSON_ARRAY_END) {
        has = t.kind == LEC_JSON_STRING && lec_json_string_is(&t, s->cfg->api_service_role);
        if ((t.kind == LEC_JSON_OBJECT || t.kind == LEC_JSON_ARRAY) && lec_json_skip(&j) != LEC_OK)
            return false;
    }
    return has;
}

/* Finds out who it is. False: refused, and gone. */
static bool know(struct lec_request *r, bool must, uint64_t *per_second)
{
    struct lec_server *s = r->server;
    struct lec_slice text = credentials(r);
    struct lec_caller *c = &r->caller;
    *per_second = 0;
    if (text.n == 0 && !must)
        return true;
    if (text.n == 0) {
        refuse_caller(r, 401,
                      "a token or an API key is needed, as Authorization: Bearer (or X-API-Key)");
        return false;
    }
    if (lec_api_key_is(text) && !lec_key_store_ready(s->key_store)) {
        refuse_for_now(r, "the API keys have not been read yet");
        return false;
    }
    if (lec_api_key_is(text)) {
        const struct lec_api_key *key = lec_api_keys_verify(&s->api.keys, text);
        if (!key) {
            refuse_caller(r, 401, "this is no API key, or it was revoked");
            return false;
        }
        c->name = named("key", key->id);
        c->key_id = copy_of(key->id);
        c->key_name = copy_of(key->name);
        c->functions = copy_of(key->functions);
        *per_second = key->per_second;
        return true;
    }
    const char *why = "";
    int rc = lec_peer_of_token(&c->peer, s->keys, text, lec_clock_ms() / 1000, &why);
    if (rc == LEC_ENOTFOUND && lec_jwks_want(s->jwks)) {
        refuse_for_now(r, "the key that the token names is being fetched");
        return false;
    }
    if (rc == LEC_OK && lec_revocations_look(s->revocations, c->peer) == LEC_EDENIED) {
        rc = LEC_EDENIED;
        why = REVOKED;
    }
    if (rc != LEC_OK) {
        refuse_caller(r, 401, why);
        return false;
    }
    c->name = named(has_role(s, c->peer) ? "service" : "user", c->peer->id);
    return true;
}

/* Counts it for its caller. False: refused. */
static bool admit(struct lec_request *r, const struct lec_rate *rate)
{
    struct lec_server *s = r->server;
    uint64_t now = lec_loop_now(s->loop);
    if (s->api.under_way[r->kind] > s->cfg->api_max_calls) {
        refuse(r, 503, "busy", "too many calls are under way (api.max_calls)");
        return false;
    }
    if (!r->caller.name)
        r->caller.name = named("address", r->address);
    int rc = lec_callers_enter(&s->api.callers, lec_slice_str(r->caller.name), s->cfg->max_tasks,
                               rate, now);
    r->counted = rc == LEC_OK;
    if (rc == LEC_EAGAIN) {
        s->counters.api_rate_limited++;
        refuse(r, 429, "rate_limited", "too many calls a second");
    } else if (rc != LEC_OK) {
        refuse(r, 503, "full", "too many calls of this caller are under way (max_tasks)");
    }
    return rc == LEC_OK;
}

/* The Idempotency-Key. False: refused. */
static bool take_key(struct lec_request *r)
{
    struct lec_slice key = lec_fields_find(r->headers, "idempotency-key");
    if (key.n > LEC_MAX_CALL_ID) {
        refuse(r, 400, "invalid", "Idempotency-Key has more than 256 characters");
        return false;
    }
    if (!lec_utf8_valid(key.p ? key.p : "", key.n)) {
        refuse(r, 400, "invalid", "Idempotency-Key is no text");
        return false;
    }
    /* Nothing tells one caller from another that nobody knows, and reading may be repeated. */
    if ((!r->caller.peer && !r->caller.key_id) || r->method == LEC_GET || r->method == LEC_HEAD)
        return true;
    r->key = key;
    return true;
}

/* --- the server API -------------------------------------------------------------------------- */

void lec_api_serve(struct lec_server *s, struct lec_http *http)
{
    struct lec_request *r = begin(s, http, LEC_REQUEST_CALL);
    uint64_t per_second;
    s->counters.api_calls++;
    if (!know(r, true, &per_second))
        return;
    if (r->caller.peer && !has_role(s, r->caller.peer)) {
        refuse_caller(r, 403,
                      "this token is a person's: the server API is for API keys and tokens "
                      "with the role of services (api.service_role)");
        return;
    }
    const struct lec_rate rate = { per_second, per_second * s->cfg->rate_burst_s };
    if (!admit(r, &rate) || !take_key(r))
        return;
    const size_t n = sizeof PREFIX;
    if (r->path.n > n)
        r->name = (struct lec_slice){ r->path.p + n, r->path.n - n };
    if (!s->hooks->on_request)
        refuse(r, 404, "not_found", "no script answers calls");
    else
        read_body(r);
}

/* --- routes of handlers ------------------------------------------------------------------------ */

bool lec_api_serve_route(struct lec_server *s, struct lec_http *http)
{
    struct lec_route route;
    const struct lec_hooks *hooks = s->hooks;
    const struct lec_cors *cors = &s->eio_cfg.cors;
    enum lec_method method = lec_http_method(http);
    int rc = hooks->route ? hooks->route(hooks->ctx, method, lec_http_path(http), &route)
                          : LEC_ENOTFOUND;
    if (rc == LEC_ENOTFOUND)
        return false;
    if (rc != LEC_OK && lec_cors_preflight(cors, http))
        return true;
    struct lec_request *r = begin(s, http, LEC_REQUEST_ROUTE);
    s->counters.route_requests++;
    lec_cors_headers(cors, http, &r->cors);
    if (r->cors.n > 0)
        lec_buf_adds(&r->cors, "Access-Control-Expose-Headers: X-Request-Id, Retry-After, "
                               "Idempotency-Replayed\r\n");
    if (rc != LEC_OK) {
        lec_buf_printf(&r->cors, "Allow: %s\r\n", route.allow);
        if (method == LEC_OPTIONS) {
            lec_request_answer(r, &(struct lec_answer){ .status = 204 });
            free_request(r);
        } else {
            refuse(r, 405, "method_not_allowed", "this address has other methods: see Allow");
        }
        return true;
    }
    r->route = route.route;
    uint64_t per_second;
    const struct lec_rate rate = s->sio_cfg.events; /* as for events */
    if (!lec_cors_allowed(cors, http))
        refuse(r, 403, "forbidden", "pages of this origin may not use this server (frontend_url)");
    else if (know(r, !route.is_public, &per_second) && admit(r, &rate) && take_key(r))
        read_body(r);
    return true;
}
