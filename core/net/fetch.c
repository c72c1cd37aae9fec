/* libcurl's multi interface on our loop: it says which sockets to watch and when to wake it, and is
 * told what happened there. Its own callbacks (on_socket, set_alarm, on_header, on_body, open_socket,
 * on_connected) only take notes and judge: but to ask it something, it must not be called from inside
 * them. What is done is told from collect(), behind it. */
#include "net/fetch.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/answer.h"
#include "net/url.h"

#define MAX_HEADER_BYTES 65536
#define MAX_IDLE         8L     /* connections that are kept for the next request */
#define CA_CACHE_S       86400L /* parsed authorities are kept: reading them takes some 50 ms */

/* Connections, names that were looked up, and the requests on them. */
struct pool {
    struct lec_fetcher *fetcher;
    CURLM *multi; /* NULL before the first request */
    struct lec_timer alarm;
};

struct lec_fetcher {
    struct lec_loop *loop;
    char *ca_file;
    const struct lec_hosts *allow;              /* NULL: all */
    const struct lec_networks *count_as_public; /* may be NULL */
    struct pool pools[2];                       /* the other one is for untrusted requests */
    struct lec_list fetches;                    /* in flight */
    struct lec_list watches;                    /* struct watch */
};

/* A socket of the library's. Owner: the fetcher. */
struct watch {
    struct lec_watch *watch;
    struct lec_list node;
    struct pool *pool;
    curl_socket_t socket;
};

struct lec_fetch {
    struct lec_list node;
    struct pool *pool;
    CURL *easy;
    struct curl_slist *lines; /* the request's headers */
    lec_fetch_fn *fn;
    void *ctx;
    size_t max_bytes;
    struct lec_buf headers, body;    /* the answer's */
    size_t passed;                   /* the limit of bytes that it went over; 0: none */
    bool bounded, untrusted, direct; /* by `allow`; to public addresses; without a proxy */
    struct lec_timer denial;         /* tells `denied`, of one that never began */
    char denied[LEC_HOST_SIZE + 64]; /* where it may not go, and why; "" */
    char why[CURL_ERROR_SIZE];
};

static void free_fetch(struct lec_fetch *t)
{
    lec_list_remove(&t->node);
    lec_timer_stop(t->pool->fetcher->loop, &t->denial);
    if (t->easy) {
        if (t->pool->multi)
            curl_multi_remove_handle(t->pool->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->lines);
    lec_buf_fini(&t->headers);
    lec_buf_fini(&t->body);
    free(t);
}

/* --- what became of it --------------------------------------------------------------------- */

static void finish(struct lec_fetch *t, CURLcode code)
{
    char sentence[64];
    struct lec_fetch_result r = { .why = t->why };
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        r.status = (unsigned)status;
        r.headers = lec_buf_slice(&t->headers);
        r.body = lec_buf_slice(&t->body);
    } else if (t->passed) {
        r.err = LEC_ETOOBIG;
        snprintf(sentence, sizeof sentence, "the answer is larger than %zu bytes", t->passed);
        r.why = sentence;
    } else if (*t->denied && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK)) {
        r.err = LEC_EDENIED;
        r.why = t->denied;
    } else {
        r.err = code == CURLE_OPERATION_TIMEDOUT ? LEC_ETIMEOUT : LEC_EIO;
        if (!*t->why)
            r.why = curl_easy_strerror(code);
    }
    /* Off the lists first: fn may cancel all others, and start new ones. */
    lec_list_remove(&t->node);
    curl_multi_remove_handle(t->pool->multi, t->easy);
    t->fn(t->ctx, &r);
    free_fetch(t);
}

static void collect(struct pool *p)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(p->multi, &left)) != NULL) {
        char *fetch = NULL;
        CURLcode code = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &fetch);
        finish((struct lec_fetch *)(void *)fetch, code);
    }
}

static void act(struct pool *p, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(p->multi, socket, events, &running);
    collect(p);
}

/* --- what the library asks for ------------------------------------------------------------- */

static void on_ready(void *ctx, unsigned events)
{
    struct watch *w = ctx; /* may be gone after act */
    act(w->pool, w->socket,
        (events & LEC_READABLE ? CURL_CSELECT_IN : 0) |
            (events & LEC_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void drop_watch(struct watch *w)
{
    lec_list_remove(&w->node);
    lec_watch_free(w->watch);
    free(w);
}

static struct watch *new_watch(struct pool *p, curl_socket_t socket)
{
    struct watch *w = lec_alloc0(sizeof *w);
    w->watch = lec_watch_new(p->fetcher->loop, socket, 0, on_ready, w);
    if (!w->watch) {
        free(w); /* the request's time-out ends it */
        return NULL;
    }
    w->pool = p;
    w->socket = socket;
    lec_list_append(&p->fetcher->watches, &w->node);
    curl_multi_assign(p->multi, socket, w);
    return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *watch)
{
    struct pool *p = ctx;
    struct watch *w = watch;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(p->multi, socket, NULL);
        if (w)
            drop_watch(w);
        return 0;
    }
    if (!w)
        w = new_watch(p, socket);
    if (w)
        lec_watch_set(w->watch, (what & CURL_POLL_IN ? LEC_READABLE : 0) |
                                    (what & CURL_POLL_OUT ? LEC_WRITABLE : 0));
    return 0;
}

static void on_alarm(struct lec_timer *t)
{
    act(LEC_CONTAINER(t, struct pool, alarm), CURL_SOCKET_TIMEOUT, 0);
}

static int set_alarm(CURLM *multi, long ms, void *ctx)
{
    struct pool *p = ctx;
    (void)multi;
    if (ms < 0)
        lec_timer_stop(p->fetcher->loop, &p->alarm);
    else
        lec_timer_start(p->fetcher->loop, &p->alarm, (uint64_t)ms, on_alarm);
    return 0;
}

/* Both take all, or end the transfer by taking nothing. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct lec_fetch *t = ctx;
    n *= size;
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) /* of the answer behind a redirect, or a 100 */
        lec_buf_clear(&t->headers, MAX_HEADER_BYTES);
    if (t->headers.n + n > MAX_HEADER_BYTES) {
        t->passed = MAX_HEADER_BYTES;
        return 0;
    }
    lec_answer_add(&t->headers, (struct lec_slice){ p, n });
    return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct lec_fetch *t = ctx;
    n *= size;
    if (n > t->max_bytes - t->body.n) {
        t->passed = t->max_bytes;
        return 0;
    }
    lec_buf_add(&t->body, p, n);
    return n;
}

/* --- where it may go ----------------------------------------------------------------------- */

static bool deny(struct lec_fetch *t, const char *host, const char *why)
{
    snprintf(t->denied, sizeof t->denied, "%s%s", host, why);
    return false;
}

/* Whether it may go to url, at this address; NULL: that is not known yet. */
static bool may_go(struct lec_fetch *t, const char *url, const char *address)
{
    const struct lec_fetcher *f = t->pool->fetcher;
    char host[LEC_HOST_SIZE];
    unsigned port;
    if (!lec_url_host(url, host, &port))
        return deny(t, "", "no address that can be asked");
    if (t->bounded && !lec_hosts_have(f->allow, host) &&
        !lec_networks_contain(&f->allow->nets, host)) {
        /* A name, of an address that is in the list, perhaps. */
        bool ok = t->direct && f->allow->nets.n > 0 && !lec_is_address(host);
        if (!ok || (address && !lec_networks_contain(&f->allow->nets, address)))
            return deny(t, host, " may not be asked (http.client_allow)");
    }
    if (!t->untrusted)
        return true;
    if (port != 80 && port != 443 && port < 1024)
        return deny(t, host, ": of ports, only 80, 443 and those from 1024 on may be asked");
    if (address && !lec_address_public(address) &&
        !(f->count_as_public && lec_networks_contain(f->count_as_public, address)))
        return deny(t, host, " has no public address");
    return true;
}

/* The same, of the address that the library has come to, by redirects perhaps. */
static bool may_go_on(struct lec_fetch *t, const char *address)
{
    char *url = NULL;
    return curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url &&
           may_go(t, url, address);
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    char address[LEC_ADDRESS_SIZE];
    (void)purpose;
    if (!lec_address_of(&to->addr, address) || !may_go_on(ctx, address))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* On a connection, a new one or one that is used again, before the request is sent. */
static int on_connected(void *ctx, char *address, char *local, int port, int local_port)
{
    (void)local, (void)port, (void)local_port;
    return may_go_on(ctx, address) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static bool set_bounds(struct lec_fetch *t)
{
    CURL *e = t->easy;
    if (!t->bounded && !t->untrusted)
        return true;
    return !((t->direct && curl_easy_setopt(e, CURLOPT_PROXY, "")) ||
             curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) ||
             curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) ||
             curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected) ||
             curl_easy_setopt(e, CURLOPT_PREREQDATA, t));
}

static void tell_denial(struct lec_timer *timer)
{
    struct lec_fetch *t = LEC_CONTAINER(timer, struct lec_fetch, denial);
    const struct lec_fetch_result r = { .err = LEC_EDENIED, .why = t->denied };
    lec_list_remove(&t->node);
    t->fn(t->ctx, &r);
    free_fetch(t);
}

/* --- starting ------------------------------------------------------------------------------ */

static bool open_pool(struct pool *p)
{
    if (p->multi)
        return true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    p->multi = curl_multi_init();
    if (!p->multi) {
        curl_global_cleanup();
        return false;
    }
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, set_alarm);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, MAX_IDLE);
    return true;
}

static bool add_line(struct lec_fetch *t, const char *line)
{
    struct curl_slist *lines = curl_slist_append(t->lines, line);
    if (lines)
        t->lines = lines;
    return lines != NULL;
}

static bool set_headers(struct lec_fetch *t, const struct lec_fetch_request *r)
{
    bool typed = false, ok = true;
    for (const char *const *line = r->headers; line && *line && ok; line++) {
        typed = typed || strncasecmp(*line, "content-type:", 13) == 0;
        ok = add_line(t, *line);
    }
    /* The library would wait for "100 Continue", and call every body a form. */
    ok = ok && add_line(t, "Expect:") && (typed || add_line(t, "Content-Type:"));
    return ok && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines) == CURLE_OK;
}

static bool set_method(struct lec_fetch *t, const struct lec_fetch_request *r)
{
    CURL *e = t->easy;
    if (strcmp(r->method, "GET") == 0)
        return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    if (strcmp(r->method, "HEAD") == 0)
        return curl_easy_setopt(e, CURLOPT_NOBODY, 1L) == CURLE_OK;
    /* POST, PUT and PATCH say that their body is empty. */
    if ((r->body.p || *r->method == 'P') &&
        (curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n) ||
         curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->body.p ? r->body.p : "")))
        return false;
    return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK;
}

static bool set_up(struct lec_fetch *t, const struct lec_fetch_request *r, bool secure)
{
    CURL *e = t->easy;
    const char *ca_file = t->pool->fetcher->ca_file;
    return set_method(t, r) && set_headers(t, r) && set_bounds(t) &&
           !(curl_easy_setopt(e, CURLOPT_URL, r->url) || curl_easy_setopt(e, CURLOPT_PRIVATE, t) ||
             curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->why) ||
             curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) ||
             curl_easy_setopt(e, CURLOPT_HEADERDATA, t) ||
             curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) ||
             curl_easy_setopt(e, CURLOPT_WRITEDATA, t) ||
             curl_easy_setopt(e, CURLOPT_USERAGENT, "lectern/" LEC_VERSION) ||
             curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) ||
             curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
             /* Else ending a request waits for the thread that resolves its name. */
             curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) ||
             curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
             curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https") ||
             curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, r->redirects > 0 ? 1L : 0L) ||
             curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)r->redirects) ||
             curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
             curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ||
             (ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, ca_file)) ||
             /* One file only: with a directory beside it, it would be parsed for every connection. */
             curl_easy_setopt(e, CURLOPT_CAPATH, NULL) ||
             curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S));
}

int lec_fetch_start(struct lec_fetcher *f, const struct lec_fetch_request *request,
                    lec_fetch_fn *fn, void *ctx, struct lec_fetch **out)
{
    enum lec_url kind = lec_url_kind(request->url);
    if (kind == LEC_URL_BAD)
        return LEC_EINVAL;
    char host[LEC_HOST_SIZE];
    unsigned port;
    struct lec_fetch *t = lec_alloc0(sizeof *t);
    t->pool = &f->pools[request->untrusted];
    t->fn = fn;
    t->ctx = ctx;
    t->max_bytes = request->max_bytes;
    t->untrusted = request->untrusted;
    t->bounded = f->allow && !lec_hosts_empty(f->allow) && !request->configured;
    t->direct = t->untrusted || (t->bounded && lec_url_host(request->url, host, &port) &&
                                 !lec_hosts_have(f->allow, host));
    lec_list_init(&t->node);
    if (!may_go(t, request->url, NULL)) {
        lec_timer_start(f->loop, &t->denial, 0, tell_denial);
    } else if (!open_pool(t->pool) || !(t->easy = curl_easy_init()) ||
               !set_up(t, request, kind == LEC_URL_HTTPS) ||
               curl_multi_add_handle(t->pool->multi, t->easy) != CURLM_OK) {
        free_fetch(t);
        return LEC_EINVAL;
    }
    lec_list_append(&f->fetches, &t->node);
    *out = t;
    return LEC_OK;
}

void lec_fetch_cancel(struct lec_fetch *fetch)
{
    free_fetch(fetch);
}

/* --- the fetcher --------------------------------------------------------------------------- */

static bool holds_authorities(const char *file)
{
    X509_STORE *store = X509_STORE_new();
    bool ok = store && X509_STORE_load_file(store, file) == 1;
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

struct lec_fetcher *lec_fetcher_new(struct lec_loop *loop, const struct lec_fetch_config *cfg,
                                    char *err, size_t err_size)
{
    const char *ca_file = cfg->ca_file;
    if (ca_file && !holds_authorities(ca_file)) {
        snprintf(err, err_size, "%s: no PEM file of certificates", ca_file);
        return NULL;
    }
    struct lec_fetcher *f = lec_alloc0(sizeof *f);
    f->loop = loop;
    f->ca_file = ca_file ? lec_strndup(ca_file, strlen(ca_file)) : NULL;
    f->allow = cfg->allow;
    f->count_as_public = cfg->count_as_public;
    f->pools[0].fetcher = f->pools[1].fetcher = f;
    lec_list_init(&f->fetches);
    lec_list_init(&f->watches);
    return f;
}

void lec_fetcher_free(struct lec_fetcher *f)
{
    if (!f)
        return;
    while (!lec_list_empty(&f->fetches))
        free_fetch(LEC_CONTAINER(f->fetches.next, struct lec_fetch, node));
    for (int i = 0; i < 2; i++) {
        struct pool *p = &f->pools[i];
        if (p->multi) {
            curl_multi_cleanup(p->multi);
            curl_global_cleanup();
        }
        lec_timer_stop(f->loop, &p->alarm);
    }
    while (!lec_list_empty(&f->watches))
        drop_watch(LEC_CONTAINER(f->watches.next, struct watch, node));
    free(f->ca_file);
    free(f);
}
