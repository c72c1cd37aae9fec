/* Where requests may go: by name, by address, by redirects and by connections that are there already.
 * The servers are this program's own, on addresses of loopback, some of which count as public here. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/fetch.h"

/* --- a server, on the same loop -------------------------------------------------------------- */

enum { ORIGINS = 3, CLIENTS = 16 };

struct test;
struct client {
    struct origin *origin;
    struct lec_watch *watch;
    int fd;
    size_t n;
    char head[4096];
};

/* Answers "/to/URL" with a redirect there, all else with its address. */
struct origin {
    struct test *test;
    struct lec_watch *watch;
    int fd;
    unsigned port, connections, requests;
    char address[24];
    struct client clients[CLIENTS];
};

struct test {
    struct lec_loop *loop;
    struct lec_fetcher *fetcher;
    struct lec_hosts allow;
    struct lec_networks public;
    struct origin origins[ORIGINS]; /* of 127.0.0.1, 127.0.0.2 and 127.0.0.3 */
    struct lec_timer stopper;
    bool done;
    int err;
    char text[256]; /* the answer, or why there is none */
};

static void leave(struct client *c)
{
    if (!c->watch)
        return;
    lec_watch_free(c->watch);
    close(c->fd);
    *c = (struct client){ 0 };
}

static void answer(struct client *c)
{
    char out[2048], *to = strstr(c->head, "/to/");
    c->origin->requests++;
    if (to && to < strchr(c->head, '\n')) {
        to += 4;
        to[strcspn(to, " ")] = '\0';
        snprintf(out, sizeof out, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 to);
    } else {
        snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(c->origin->address), c->origin->address);
    }
    c->n = 0;
    assert_int_equal(send(c->fd, out, strlen(out), MSG_NOSIGNAL), strlen(out));
}

static void on_readable(void *ctx, unsigned events)
{
    struct client *c = ctx;
    (void)events;
    ssize_t n = recv(c->fd, c->head + c->n, sizeof c->head - 1 - c->n, 0);
    if (n <= 0) {
        leave(c);
        return;
    }
    c->n += (size_t)n;
    c->head[c->n] = '\0';
    if (strstr(c->head, "\r\n\r\n"))
        answer(c);
}

static void on_connection(void *ctx, unsigned events)
{
    struct origin *o = ctx;
    (void)events;
    int fd = accept4(o->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    for (int i = 0; i < CLIENTS && fd >= 0; i++) {
        struct client *c = &o->clients[i];
        if (c->watch)
            continue;
        *c = (struct client){ .origin = o, .fd = fd };
        c->watch = lec_watch_new(o->test->loop, fd, LEC_READABLE, on_readable, c);
        o->connections++;
        return;
    }
    fail();
}

static void open_origin(struct test *t, int i)
{
    struct origin *o = &t->origins[i];
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t n = sizeof a;
    o->test = t;
    snprintf(o->address, sizeof o->address, "127.0.0.%d", i + 1);
    inet_pton(AF_INET, o->address, &a.sin_addr);
    o->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(o->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(o->fd, 10), 0);
    getsockname(o->fd, (struct sockaddr *)&a, &n);
    o->port = ntohs(a.sin_port);
    o->watch = lec_watch_new(t->loop, o->fd, LEC_READABLE, on_connection, o);
}

/* --- asking ---------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct test *t = lec_alloc0(sizeof *t);
    t->loop = lec_loop_new();
    for (int i = 0; i < ORIGINS; i++)
        open_origin(t, i);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;
    lec_fetcher_free(t->fetcher);
    for (int i = 0; i < ORIGINS; i++) {
        for (int j = 0; j < CLIENTS; j++)
            leave(&t->origins[i].clients[j]);
        lec_watch_free(t->origins[i].watch);
        close(t->origins[i].fd);
    }
    lec_loop_free(t->loop);
    lec_hosts_fini(&t->allow);
    lec_networks_fini(&t->public);
    free(t);
    return 0;
}

static void open_fetcher(struct test *t, const char *allow, const char *public)
{
    char err[200];
    assert_int_equal(lec_hosts_parse(&t->allow, allow), LEC_OK);
    assert_int_equal(lec_networks_parse(&t->public, public), LEC_OK);
    const struct lec_fetch_config cfg = { .allow = &t->allow, .count_as_public = &t->public };
    t->fetcher = lec_fetcher_new(t->loop, &cfg, err, sizeof err);
    assert_non_null(t->fetcher);
}

static void on_fetched(void *ctx, const struct lec_fetch_result *r)
{
    struct test *t = ctx;
    assert_false(t->done);
    t->done = true;
    t->err = r->err;
    if (r->err != LEC_OK)
        snprintf(t->text, sizeof t->text, "%s", r->why);
    else
        snprintf(t->text, sizeof t->text, "%.*s", (int)r->body.n, r->body.p);
    lec_loop_stop(t->loop);
}

static void stop(struct lec_timer *timer)
{
    lec_loop_stop(LEC_CONTAINER(timer, struct test, stopper)->loop);
}

static int ask(struct test *t, struct lec_fetch_request r)
{
    struct lec_fetch *fetch;
    r.method = "GET";
    r.timeout_ms = 20000;
    r.max_bytes = 1000;
    r.redirects = 5;
    t->done = false;
    if (lec_fetch_start(t->fetcher, &r, on_fetched, t, &fetch) != LEC_OK)
        return LEC_EINVAL;
    assert_false(t->done);
    lec_timer_start(t->loop, &t->stopper, 60000, stop);
    lec_loop_run(t->loop);
    lec_timer_stop(t->loop, &t->stopper);
    assert_true(t->done);
    return t->err;
}

/* http://HOST:PORT/ of an origin, by whatever name. */
static const char *at(struct test *t, const char *host, int origin)
{
    static char urls[4][256];
    static unsigned next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "http://%s:%u/", host, t->origins[origin].port);
    return url;
}

/* An address of an origin that redirects to url. */
static const char *by(struct test *t, const char *host, int origin, const char *url)
{
    static char text[700];
    snprintf(text, sizeof text, "%sto/%s", at(t, host, origin), url);
    return text;
}

static int ask_untrusted(struct test *t, const char *url)
{
    return ask(t, (struct lec_fetch_request){ .url = url, .untrusted = true });
}

static int ask_trusted(struct test *t, const char *url)
{
    return ask(t, (struct lec_fetch_request){ .url = url });
}

static unsigned asked(struct test *t)
{
    unsigned n = 0;
    for (int i = 0; i < ORIGINS; i++)
        n += t->origins[i].connections;
    return n;
}

/* --- untrusted ------------------------------------------------------------------------------- */

static void untrusted_requests_go_to_no_private_address(void **state)
{
    struct test *t = *state;
    static const char *const hosts[] = {
        "127.0.0.1", "localhost",  "0x7f000001",    "2130706433",
        "127.1",     "0177.0.0.1", "0.0.0.0",       "[::ffff:127.0.0.1]",
        "[::1]",     "[::]",       "[::127.0.0.1]", "LOCALHOST"
    };
    open_fetcher(t, "", "");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (ask_untrusted(t, at(t, hosts[i], 0)) != LEC_EDENIED)
            fail_msg("%s: %d, %s", hosts[i], t->err, t->text);
        assert_non_null(strstr(t->text, "public"));
    }
    assert_int_equal(asked(t), 0);
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.1", 0)), LEC_OK); /* as ever */
    assert_string_equal(t->text, "127.0.0.1");
}

static void they_go_to_public_ones(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "", "127.0.0.2/31");
    assert_int_equal(ask_untrusted(t, at(t, "127.0.0.2", 1)), LEC_OK);
    assert_string_equal(t->text, "127.0.0.2");
    assert_int_equal(ask_untrusted(t, by(t, "127.0.0.2", 1, at(t, "127.0.0.3", 2))), LEC_OK);
    assert_string_equal(t->text, "127.0.0.3");
    assert_int_equal(t->origins[1].connections, 1); /* which was used again */
}

static void a_redirect_is_no_way_in(void **state)
{
    struct test *t = *state;
    static const char *const hosts[] = { "127.0.0.1", "localhost", "0x7f000001",
                                         "[::ffff:127.0.0.1]" };
    open_fetcher(t, "", "127.0.0.2");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (ask_untrusted(t, by(t, "127.0.0.2", 1, at(t, hosts[i], 0))) != LEC_EDENIED)
            fail_msg("%s: %d, %s", hosts[i], t->err, t->text);
    assert_int_equal(t->origins[1].requests, 4);
    assert_int_equal(t->origins[0].connections, 0);
    assert_int_equal(ask_trusted(t, by(t, "127.0.0.2", 1, at(t, "127.0.0.1", 0))), LEC_OK);
}

static void a_connection_of_a_trusted_request_is_no_way_in(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "", "");
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.1", 0)), LEC_OK);
    assert_int_equal(ask_untrusted(t, at(t, "127.0.0.1", 0)), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.1", 0)), LEC_OK);
    assert_int_equal(t->origins[0].connections, 1);
    assert_int_equal(t->origins[0].requests, 2);
}

static void their_ports_are_those_of_the_web(void **state)
{
    struct test *t = *state;
    static const char *const urls[] = { "http://127.0.0.2:25/", "http://127.0.0.2:22/",
                                        "https://127.0.0.2:993/", "http://school.invalid:6/" };
    open_fetcher(t, "", "127.0.0.2");
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(ask_untrusted(t, urls[i]), LEC_EDENIED);
        assert_non_null(strstr(t->text, "port"));
        if (i < 3) /* of a redirect the name is looked up first */
            assert_int_equal(ask_untrusted(t, by(t, "127.0.0.2", 1, urls[i])), LEC_EDENIED);
    }
    assert_int_equal(ask_untrusted(t, "http://127.0.0.2/"), LEC_EIO); /* nobody is there */
    assert_int_equal(ask_untrusted(t, "ftp://127.0.0.2/"), LEC_EINVAL);
    assert_int_equal(ask_untrusted(t, by(t, "127.0.0.2", 1, "file:///etc/passwd")), LEC_EIO);
}

/* It would look the name up itself. */
static void they_use_no_proxy(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "", "127.0.0.2");
    setenv("http_proxy", at(t, "127.0.0.3", 2), 1);
    int trusted = ask_trusted(t, at(t, "127.0.0.2", 1));
    unsigned by_proxy = t->origins[2].requests;
    int untrusted = ask_untrusted(t, at(t, "127.0.0.2", 1));
    unsetenv("http_proxy");
    assert_int_equal(trusted, LEC_OK);
    assert_int_equal(by_proxy, 1);
    assert_int_equal(untrusted, LEC_OK);
    assert_string_equal(t->text, "127.0.0.2");
    assert_int_equal(t->origins[2].requests, 1);
}

static void a_denied_request_can_be_cancelled(void **state)
{
    struct test *t = *state;
    const struct lec_fetch_request r = {
        .method = "GET", .url = "http://127.0.0.1:25/", .timeout_ms = 1000, .untrusted = true
    };
    struct lec_fetch *first, *second;
    open_fetcher(t, "", "");
    assert_int_equal(lec_fetch_start(t->fetcher, &r, on_fetched, t, &first), LEC_OK);
    assert_int_equal(lec_fetch_start(t->fetcher, &r, on_fetched, t, &second), LEC_OK);
    lec_fetch_cancel(first);
    lec_loop_run(t->loop);
    assert_true(t->done);
    assert_int_equal(lec_fetch_start(t->fetcher, &r, on_fetched, t, &first), LEC_OK);
    /* which the fetcher's end cancels */
}

/* --- allowed hosts --------------------------------------------------------------------------- */

static void a_list_bounds_all_requests(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "127.0.0.2, localhost, *.school.invalid", "");
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.2", 1)), LEC_OK);
    assert_int_equal(ask_trusted(t, at(t, "0x7f000002", 1)), LEC_OK);
    assert_int_equal(ask_trusted(t, at(t, "LocalHost", 0)), LEC_OK);
    assert_int_equal(ask_trusted(t, "http://a.school.invalid/"), LEC_EIO); /* is looked up */
    t->origins[0].connections = t->origins[1].connections = 0;
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.1", 0)), LEC_EDENIED);
    assert_non_null(strstr(t->text, "http.client_allow"));
    assert_int_equal(ask_trusted(t, at(t, "[::ffff:127.0.0.3]", 2)), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, by(t, "127.0.0.2", 1, at(t, "127.0.0.3", 2))), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, by(t, "localhost", 0, at(t, "127.0.0.3", 2))), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, by(t, "localhost", 0, at(t, "127.0.0.2", 1))), LEC_OK);
    assert_int_equal(t->origins[2].connections, 0);
}

/* A name that nobody listed may be of an address that somebody did. */
static void networks_are_of_names_too(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "127.0.0.0/31", "");
    assert_int_equal(ask_trusted(t, at(t, "localhost", 0)), LEC_OK);
    assert_int_equal(ask_trusted(t, by(t, "localhost", 0, at(t, "127.0.0.2", 1))), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, "http://nobody.invalid/"), LEC_EIO);
    assert_int_equal(t->origins[1].connections, 0);
}

static void a_name_of_another_address_is_not_in_a_network(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "10.0.0.0/8", "");
    assert_int_equal(ask_trusted(t, at(t, "localhost", 0)), LEC_EDENIED);
    assert_int_equal(asked(t), 0);
}

/* The connection was opened by what no list bounds. */
static void a_list_bounds_used_connections(void **state)
{
    struct test *t = *state;
    const struct lec_fetch_request keys = { .url = at(t, "127.0.0.1", 0), .configured = true };
    open_fetcher(t, "127.0.0.2", "");
    assert_int_equal(ask(t, keys), LEC_OK);
    assert_int_equal(ask_trusted(t, at(t, "127.0.0.1", 0)), LEC_EDENIED);
    assert_int_equal(ask_trusted(t, by(t, "127.0.0.2", 1, at(t, "127.0.0.1", 0))), LEC_EDENIED);
    assert_int_equal(t->origins[0].requests, 1);
}

static void a_list_makes_nothing_public(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "127.0.0.1, 127.0.0.2, localhost", "127.0.0.2/31");
    assert_int_equal(ask_untrusted(t, at(t, "127.0.0.2", 1)), LEC_OK);
    assert_int_equal(ask_untrusted(t, at(t, "127.0.0.1", 0)), LEC_EDENIED);
    assert_int_equal(ask_untrusted(t, at(t, "localhost", 0)), LEC_EDENIED);
    assert_int_equal(ask_untrusted(t, at(t, "127.0.0.3", 2)), LEC_EDENIED);
    assert_int_equal(t->origins[0].connections + t->origins[2].connections, 0);
}

/* By a proxy goes what the list has by name, and no further. */
static void names_in_a_list_may_go_by_a_proxy(void **state)
{
    struct test *t = *state;
    open_fetcher(t, "school.invalid, 127.0.0.0/30", "");
    setenv("http_proxy", at(t, "127.0.0.3", 2), 1);
    int named = ask_trusted(t, "http://school.invalid/"); /* which nobody can look up */
    int redirected = ask_trusted(t, "http://school.invalid/to/http://other.invalid/");
    unsigned requests = t->origins[2].requests;
    int other = ask_trusted(t, "http://other.invalid/");
    unsetenv("http_proxy");
    assert_int_equal(named, LEC_OK);
    assert_int_equal(redirected, LEC_EDENIED);
    assert_int_equal(other, LEC_EIO);
    assert_int_equal(requests, 2);
    assert_int_equal(t->origins[2].requests, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        T(untrusted_requests_go_to_no_private_address),
        T(they_go_to_public_ones),
        T(a_redirect_is_no_way_in),
        T(a_connection_of_a_trusted_request_is_no_way_in),
        T(their_ports_are_those_of_the_web),
        T(they_use_no_proxy),
        T(a_denied_request_can_be_cancelled),
        T(a_list_bounds_all_requests),
        T(networks_are_of_names_too),
        T(a_name_of_another_address_is_not_in_a_network),
        T(a_list_bounds_used_connections),
        T(a_list_makes_nothing_public),
        T(names_in_a_list_may_go_by_a_proxy),
    };
    for (const char *const *name =
             (const char *const[]){ "http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                    "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", NULL };
         *name; name++)
        unsetenv(*name);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
