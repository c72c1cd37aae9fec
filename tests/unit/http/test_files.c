#include "http/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_net.h"

static void names_files(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name; /* NULL: refused */
    } cases[] = {
        { "/", "index.html" },
        { "/a.js", "a.js" },
        { "/a/b.css", "a/b.css" },
        { "/a/", "a/index.html" },
        { "/a%20b.txt", "a b.txt" },
        { "/%61.js", "a.js" },
        { "/caf%C3%a9.html", "caf\xc3\xa9.html" },
        { "/a..b", "a..b" },
        { "/a.", "a." },
        { "", NULL },
        { "a", NULL },
        { "//", NULL },
        { "//a", NULL },
        { "/a//b", NULL },
        { "/..", NULL },
        { "/../a", NULL },
        { "/a/..", NULL },
        { "/a/../b", NULL },
        { "/.", NULL },
        { "/./a", NULL },
        { "/.env", NULL },
        { "/a/.git/config", NULL },
        { "/%2e%2e/a", NULL },
        { "/%2E./a", NULL },
        { "/a%2fb", NULL },
        { "/a%2Fb", NULL },
        { "/..%2fa", NULL },
        { "/a\\b", NULL },
        { "/a%5cb", NULL },
        { "/a%00.js", NULL },
        { "/a%0a", NULL },
        { "/a%7f", NULL },
        { "/a%", NULL },
        { "/a%4", NULL },
        { "/a%zz", NULL },
        { "/%", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf out = { 0 };
        bool ok = lec_files_name(lec_slice_str(cases[i].path), &out);
        assert_int_equal(ok, cases[i].name != NULL);
        if (ok)
            assert_string_equal(lec_buf_str(&out), cases[i].name);
        lec_buf_fini(&out);
    }
}

static void knows_types(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } cases[] = {
        { "index.html", "text/html; charset=utf-8" },
        { "a.b.JS", "text/javascript; charset=utf-8" },
        { "a/b.svg", "image/svg+xml" },
        { "html", "application/octet-stream" },
        { "dir.js/html", "application/octet-stream" },
        { "a.", "application/octet-stream" },
        { "a.xyz", "application/octet-stream" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(lec_files_type(lec_slice_str(cases[i].name)), cases[i].type);
}

/* --- with a directory ---------------------------------------------------------------------- */

struct world {
    char dir[32];
    struct lec_loop *loop;
    struct lec_log *log;
    struct lec_deflater *deflater;
    struct lec_files *files;
};

static void put(const struct world *w, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[128], target[128];
    snprintf(w->dir, sizeof w->dir, "/tmp/lectern-files-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(path, sizeof path, "%s/public", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/public/sub", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put(w, "secret.txt", "secret");
    put(w, "public/index.html", "<p>hello");
    put(w, "public/sub/index.html", "<p>sub");
    put(w, "public/a.js", "1");
    put(w, "public/empty.txt", "");
    put(w, "public/b.js", "1111111111111111111111111111111");
    put(w, "public/b.png", "1111111111111111111111111111111");
    put(w, "public/.hidden", "x");
    put(w, "public/large.txt", "0123456789012345678901234567890123456789");
    snprintf(path, sizeof path, "%s/public/link.txt", w->dir);
    assert_int_equal(symlink("../secret.txt", path), 0);
    snprintf(path, sizeof path, "%s/public/up", w->dir);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/public/pipe", w->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(target, sizeof target, "%s/public", w->dir);
    w->loop = fake_loop_new();
    w->log = lec_log_new(open("/dev/null", O_WRONLY | O_CLOEXEC));
    w->deflater = lec_deflater_new(24);
    w->files = lec_files_new(target, 32, w->deflater, w->log);
    assert_non_null(w->files);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[64];
    lec_files_free(w->files);
    lec_deflater_free(w->deflater);
    lec_log_free(w->log);
    fake_loop_free(w->loop);
    snprintf(command, sizeof command, "rm -r %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static void serves_what_is_there(void **state)
{
    struct world *w = *state;
    static const struct {
        enum lec_method method;
        const char *path;
        const char *body; /* NULL: not served, left alone */
    } cases[] = {
        { LEC_GET, "/", "<p>hello" },
        { LEC_GET, "/index.html", "<p>hello" },
        { LEC_GET, "/index.html?v=1", "<p>hello" },
        { LEC_HEAD, "/index.html", "<p>hello" }, /* net leaves the body out */
        { LEC_GET, "/sub/", "<p>sub" },
        { LEC_GET, "/a.js", "1" },
        { LEC_GET, "/empty.txt", "" },
        { LEC_GET, "/sub", NULL },
        { LEC_GET, "/none", NULL },
        { LEC_GET, "/a.js/", NULL },
        { LEC_GET, "/a.js/b", NULL },
        { LEC_GET, "/link.txt", NULL },
        { LEC_GET, "/up/secret.txt", NULL },
        { LEC_GET, "/up/public/a.js", NULL },
        { LEC_GET, "/../secret.txt", NULL },
        { LEC_GET, "/%2e%2e/secret.txt", NULL },
        { LEC_GET, "/sub/%2e%2e%2f..%2fsecret.txt", NULL },
        { LEC_GET, "/.hidden", NULL },
        { LEC_GET, "/pipe", NULL },
        { LEC_GET, "/large.txt", NULL },
        { LEC_POST, "/a.js", NULL },
        { LEC_OPTIONS, "/a.js", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_request(w->loop, cases[i].method, cases[i].path);
        assert_int_equal(lec_files_serve(w->files, http), cases[i].body != NULL);
        if (cases[i].body) {
            assert_int_equal(http->status, 200);
            assert_string_equal(lec_buf_str(&http->body), cases[i].body);
            assert_non_null(strstr(lec_buf_str(&http->reply_headers), "nosniff"));
        } else {
            assert_int_equal(http->state, FAKE_NEW);
            assert_int_equal(lec_files_has(w->files, http),
                             cases[i].method != LEC_GET ||
                                 strcmp(cases[i].path, "/large.txt") == 0);
            lec_http_answer(http, &(struct lec_reply){ .status = 404 });
        }
    }
}

static void compresses_text(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *path, *accept;
        bool vary, gzip;
    } cases[] = {
        { "/b.js", "gzip, br", true, true },
        { "/b.js", NULL, true, false },
        { "/b.png", "gzip", false, false },
        { "/a.js", "gzip", false, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_http *http = fake_request(w->loop, LEC_GET, cases[i].path);
        if (cases[i].accept)
            fake_header(http, "accept-encoding", cases[i].accept);
        assert_true(lec_files_serve(w->files, http));
        const char *headers = lec_buf_str(&http->reply_headers);
        assert_int_equal(strstr(headers, "Vary: Accept-Encoding\r\n") != NULL, cases[i].vary);
        assert_int_equal(strstr(headers, "Content-Encoding: gzip\r\n") != NULL, cases[i].gzip);
        if (cases[i].gzip) {
            struct lec_buf plain = { 0 };
            assert_int_equal(lec_gunzip(lec_buf_slice(&http->body), 31, &plain), LEC_OK);
            assert_string_equal(lec_buf_str(&plain), "1111111111111111111111111111111");
            lec_buf_fini(&plain);
        }
    }
}

/* The ETag of /a.js without its W/, zero-terminated. */
static void etag_of(struct world *w, char *out, size_t size)
{
    struct lec_http *http = fake_request(w->loop, LEC_GET, "/a.js");
    assert_true(lec_files_serve(w->files, http));
    assert_int_equal(
        sscanf(strstr(lec_buf_str(&http->reply_headers), "ETag: "), "ETag: W/%60[^\r]", out), 1);
    assert_true(strlen(out) < size);
}

static void answers_304_to_who_has_it(void **state)
{
    struct world *w = *state;
    char etag[64], other[64];
    etag_of(w, etag, sizeof etag);
    static const struct {
        const char *format;
        unsigned status;
    } cases[] = {
        { "%s", 304 },       { "W/%s", 304 },  { "\"x\", %s", 304 }, { "%s ,\"x\"", 304 },
        { "*", 304 },        { "\"x\"", 200 }, { "", 200 },          { ",", 200 },
        { "\"x\",W/", 200 }, { "x%s", 200 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[160];
        const char *at = strstr(cases[i].format, "%s");
        snprintf(header, sizeof header, "%.*s%s%s",
                 at ? (int)(at - cases[i].format) : (int)strlen(cases[i].format), cases[i].format,
                 at ? etag : "", at ? at + 2 : "");
        struct lec_http *http = fake_request(w->loop, LEC_GET, "/a.js");
        fake_header(http, "if-none-match", header);
        assert_true(lec_files_serve(w->files, http));
        assert_int_equal(http->status, cases[i].status);
        if (cases[i].status == 304)
            assert_string_equal(lec_buf_str(&http->body), "");
    }
    put(w, "public/a.js", "another");
    etag_of(w, other, sizeof other);
    assert_string_not_equal(etag, other);
}

static void needs_a_directory(void **state)
{
    struct world *w = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/none", w->dir);
    assert_null(lec_files_new(path, 32, NULL, w->log));
    snprintf(path, sizeof path, "%s/secret.txt", w->dir);
    assert_null(lec_files_new(path, 32, NULL, w->log));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_files),
        cmocka_unit_test(knows_types),
        cmocka_unit_test_setup_teardown(serves_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compresses_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_304_to_who_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(needs_a_directory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
