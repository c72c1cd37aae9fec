/* The Socket.IO client for pages, with files of our own in place of the embedded ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "fake_net.h"
#include "http/bundle.h"

#define GZIP                                                                                       \
    "\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\0\x9f\xa1\xca\x09"     \
    "\x13\0\0\0"
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

const char lec_bundle_version[] = "1.2.3";
const struct lec_bundle_file lec_bundle_files[] = {
    { "socket.io.js", 19, BYTES(GZIP), BYTES("(brotli)") },
    { "socket.io.js.map", 19, BYTES(GZIP), { 0 } },
    { 0 },
};

static const char plain[] = "hello, hello, hello";

struct world {
    struct lec_loop *loop;
    struct lec_cors cors;
    struct lec_bundle *bundle;
};

static int set_up(void **state)
{
    struct world *w = lec_alloc0(sizeof *w);
    w->loop = fake_loop_new();
    w->cors.origins = "https://school.example";
    w->bundle = lec_bundle_new(&w->cors);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lec_bundle_free(w->bundle);
    fake_loop_free(w->loop);
    free(w);
    return 0;
}

static struct lec_http *ask(struct world *w, const char *name, const char *accept)
{
    struct lec_http *http = fake_request(w->loop, LEC_GET, "/");
    if (accept)
        fake_header(http, "accept-encoding", accept);
    assert_true(lec_bundle_serve(w->bundle, lec_slice_str(name), http));
    return http;
}

static bool says(struct lec_http *http, const char *line)
{
    return strstr(lec_buf_str(&http->reply_headers), line) != NULL;
}

static void gives_the_best_that_a_client_takes(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *accept, *encoding;
        struct lec_slice body;
    } cases[] = {
        { "socket.io.js", "gzip, deflate, br", "br", BYTES("(brotli)") },
        { "socket.io.js", "gzip", "gzip", BYTES(GZIP) },
        { "socket.io.js", "br;q=0,gzip", "gzip", BYTES(GZIP) },
        { "socket.io.js", "deflate", NULL, BYTES(plain) },
        { "socket.io.js", NULL, NULL, BYTES(plain) },
        { "socket.io.js", "gzip;q=0", NULL, BYTES(plain) }, /* unpacked already */
        { "socket.io.js.map", "gzip, br", "gzip", BYTES(GZIP) },
        { "socket.io.js.map", "br", NULL, BYTES(plain) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = ask(w, cases[i].name, cases[i].accept);
        char line[64] = "Content-Encoding: ";
        assert_int_equal(http->status, 200);
        assert_true(lec_slice_eq(lec_buf_slice(&http->body), cases[i].body));
        if (cases[i].encoding)
            strcat(line, cases[i].encoding);
        assert_int_equal(says(http, line), cases[i].encoding != NULL);
        assert_true(says(http, "Vary: Accept-Encoding\r\n"));
        assert_true(says(http, "ETag: \"1.2.3\"\r\n"));
        assert_true(says(http, "Cache-Control: public, max-age=0\r\n"));
        assert_true(says(http, "Access-Control-Allow-Origin: https://school.example\r\n"));
    }
    assert_string_equal(lec_buf_str(&ask(w, "socket.io.js", NULL)->type),
                        "application/javascript; charset=utf-8");
    assert_string_equal(lec_buf_str(&ask(w, "socket.io.js.map", NULL)->type),
                        "application/json; charset=utf-8");
}

static void answers_304_to_who_has_it(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *tag;
        unsigned status;
    } cases[] = {
        { "\"1.2.3\"", 304 }, { "W/\"1.2.3\"", 304 }, { "\"1.2.2\"", 200 }, { "1.2.3", 200 }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_request(w->loop, LEC_GET, "/");
        fake_header(http, "if-none-match", cases[i].tag);
        assert_true(lec_bundle_serve(w->bundle, LEC_SLICE("socket.io.js"), http));
        assert_int_equal(http->status, cases[i].status);
        if (cases[i].status == 304) {
            assert_int_equal(http->body.n, 0);
            assert_string_equal(lec_buf_str(&http->type), "");
        }
    }
}

static void leaves_the_rest_alone(void **state)
{
    struct world *w = *state;
    static const struct {
        enum lec_method method;
        const char *name;
    } cases[] = {
        { LEC_GET, "" },
        { LEC_GET, "socket.io" },
        { LEC_GET, "socket.io.jsx" },
        { LEC_GET, "socket.io.js/" },
        { LEC_GET, "SOCKET.IO.JS" },
        { LEC_GET, "default/socket.io.js" },
        { LEC_POST, "socket.io.js" },
        { LEC_OPTIONS, "socket.io.js" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_request(w->loop, cases[i].method, "/");
        assert_false(lec_bundle_serve(w->bundle, lec_slice_str(cases[i].name), http));
        assert_int_equal(http->state, FAKE_NEW);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_best_that_a_client_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_304_to_who_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_the_rest_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
