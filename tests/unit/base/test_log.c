#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"

/* A log into one end of a socket pair, whose packets keep writes apart. */
struct ends {
    int out, in;
    struct lec_log *log;
    char line[65536];
};

static int open_ends(void **state)
{
    struct ends *e = calloc(1, sizeof(*e));
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
        return -1;
    e->out = fds[0];
    e->in = fds[1];
    e->log = lec_log_new(e->out);
    *state = e;
    return 0;
}

static int close_ends(void **state)
{
    struct ends *e = *state;
    lec_log_free(e->log);
    close(e->out);
    close(e->in);
    free(e);
    return 0;
}

/* The next write's bytes without their newline; "" if there was none. */
static const char *next_line(struct ends *e)
{
    ssize_t n = recv(e->in, e->line, sizeof(e->line) - 1, MSG_DONTWAIT);
    if (n <= 0)
        return "";
    assert_int_equal(e->line[n - 1], '\n');
    e->line[n - 1] = '\0';
    assert_null(strchr(e->line, '\n'));
    return e->line;
}

/* Checks that the line begins with a time and gives what follows it. */
static const char *behind_time(const char *line)
{
    const char *form = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd')
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], form[i]);
    }
    return line + strlen(form);
}

static void text_lines(void **state)
{
    struct ends *e = *state;
    static const struct {
        enum lec_level level;
        enum lec_category cat;
        struct lec_who who;
        const char *message, *want;
    } cases[] = {
        { LEC_LOG_INFO,
          LEC_CAT_IO_SOCKET,
          { "f3Kd", "42" },
          "joined course:7",
          "info  socket.io:socket conn=f3Kd user=42 joined course:7" },
        { LEC_LOG_ERROR, LEC_CAT_SERVER, { NULL, NULL }, "no", "error lectern no" },
        { LEC_LOG_WARN, LEC_CAT_ENGINE, { NULL, "7" }, "", "warn  engine.io user=7 " },
        { LEC_LOG_INFO,
          LEC_CAT_SERVER,
          { NULL, NULL },
          "a\nb\tc\r\x1b[31m\x7f\\n",
          "info  lectern a\\nb\\tc\\x0d\\x1b[31m\\x7f\\n" },
        { LEC_LOG_INFO,
          LEC_CAT_SERVER,
          { NULL, NULL },
          "\xc3\xa4 \xff\xc3 \xed\xa0\x80",
          "info  lectern \xc3\xa4 \\xff\\xc3 \\xed\\xa0\\x80" },
        { LEC_LOG_INFO,
          LEC_CAT_SERVER,
          { NULL, NULL },
          "\xc2\x9b"
          "1m \xe2\x80\xa8",
          "info  lectern \\xc2\\x9b1m \\xe2\\x80\\xa8" },
        { LEC_LOG_INFO,
          LEC_CAT_SERVER,
          { "x y", "a=\"b\"\n" },
          "m",
          "info  lectern conn=\"x y\" user=\"a=\\\"b\\\"\\n\" m" },
        { LEC_LOG_INFO, LEC_CAT_SERVER, { "", NULL }, "m", "info  lectern conn=\"\" m" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lec_log(e->log, cases[i].level, cases[i].cat, cases[i].who, "%s", cases[i].message);
        assert_string_equal(behind_time(next_line(e)), cases[i].want);
    }
}

static void assert_member(const char *line, const char *key, const char *want)
{
    struct lec_slice value;
    assert_int_equal(lec_json_member(lec_slice_str(line), key, &value), LEC_OK);
    if (!lec_slice_is(value, want))
        fail_msg("%s is %.*s", key, (int)value.n, value.p);
}

static void json_lines(void **state)
{
    struct ends *e = *state;
    struct lec_slice value;
    lec_log_set_json(e->log, true);
    lec_log(e->log, LEC_LOG_WARN, LEC_CAT_ENGINE_WS, (struct lec_who){ "c\"1", "u\n" }, "a\n\"%d\"",
            7);
    const char *line = next_line(e);
    assert_int_equal(lec_json_check(lec_slice_str(line), 1), LEC_OK);
    assert_member(line, "level", "\"warn\"");
    assert_member(line, "category", "\"engine.io:ws\"");
    assert_member(line, "conn", "\"c\\\"1\"");
    assert_member(line, "user", "\"u\\n\"");
    assert_member(line, "message", "\"a\\n\\\"7\\\"\"");
    assert_int_equal(lec_json_member(lec_slice_str(line), "time", &value), LEC_OK);
    assert_int_equal(value.n, sizeof("\"2026-11-22T19:44:05.123Z\"") - 1);

    lec_log(e->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "bad \xff\xc3 bytes");
    line = next_line(e);
    assert_int_equal(lec_json_check(lec_slice_str(line), 1), LEC_OK);
    assert_member(line, "message", "\"bad \xef\xbf\xbd\xef\xbf\xbd bytes\"");
    assert_int_equal(lec_json_member(lec_slice_str(line), "conn", &value), LEC_ENOTFOUND);
    assert_int_equal(lec_json_member(lec_slice_str(line), "user", &value), LEC_ENOTFOUND);
}

static void long_messages_are_cut_between_characters(void **state)
{
    struct ends *e = *state;
    for (int json = 0; json < 2; json++) {
        lec_log_set_json(e->log, json);
        for (int shift = 0; shift < 4; shift++) {
            struct lec_buf b = { 0 };
            for (int i = 0; i < shift; i++)
                lec_buf_addc(&b, 'x');
            while (b.n < 20000)
                lec_buf_adds(&b, "\xf0\x9f\x98\x80");
            lec_log(e->log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "%s", lec_buf_str(&b));
            const char *line = next_line(e);
            assert_true(strlen(line) > 8000 && strlen(line) < 8400);
            assert_null(strstr(line, "\\x"));
            assert_null(strstr(line, "\xef\xbf\xbd"));
            assert_non_null(strstr(line, "\xe2\x80\xa6"));
            lec_buf_fini(&b);
        }
    }
}

static void levels(void **state)
{
    struct ends *e = *state;
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (size_t set = 0; set < 4; set++) {
        assert_int_equal(lec_log_set_level(e->log, names[set]), LEC_OK);
        for (size_t level = 0; level < 4; level++) {
            bool want = level <= set;
            assert_int_equal(lec_log_on(e->log, (enum lec_level)level, LEC_CAT_NET), want);
            lec_log(e->log, (enum lec_level)level, LEC_CAT_NET, LEC_NOBODY, "x");
            assert_int_equal(*next_line(e) != '\0', want);
        }
    }
    assert_int_equal(lec_log_set_level(e->log, "error"), LEC_OK);
    const char *none[] = { "", "Info", "verbose", "warning", "info " };
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(lec_log_set_level(e->log, none[i]), LEC_EINVAL);
    assert_false(lec_log_on(e->log, LEC_LOG_WARN, LEC_CAT_NET));
    assert_false(lec_log_on(NULL, LEC_LOG_ERROR, LEC_CAT_NET));
    lec_log(NULL, LEC_LOG_ERROR, LEC_CAT_NET, LEC_NOBODY, "x");
}

static void debug_patterns(void **state)
{
    struct ends *e = *state;
    static const char *const names[] = {
#define X(symbol, name) name,
        LEC_CATEGORIES(X)
#undef X
    };
    static const struct {
        const char *patterns, *want; /* the categories that are on, in their order */
    } cases[] = {
        { "", "" },
        { " ,, ", "" },
        { "nothing", "" },
        { "engine.io:ws", "engine.io:ws " },
        { "engine.io", "engine.io " },
        { "engine", "engine.io " },
        { "engine:ws", "engine.io:ws " },
        { "engine:*", "engine.io:socket engine.io:polling engine.io:ws " },
        { "engine*", "engine.io engine.io:socket engine.io:polling engine.io:ws " },
        { "socket.io:*",
          "socket.io:server socket.io:client socket.io:socket socket.io:namespace " },
        { "socket.io:*,-socket.io:client",
          "socket.io:server socket.io:socket socket.io:namespace " },
        { "-socket.io:client socket.io:c*", "" },
        { "socket.io:client, engine.io:polling", "engine.io:polling socket.io:client " },
        { "socket.io:server\tsocket.io:client", "socket.io:server socket.io:client " },
        { "socket.io", "" },
        { "socket.io*", "socket.io:server socket.io:client socket.io:socket socket.io:namespace "
                        "socket.io-parser " },
        { "*:socket", "engine.io:socket socket.io:socket " },
        { "*o:*e*t", "engine.io:socket socket.io:client socket.io:socket " },
        { "lectern*,-lectern",
          "lectern:script lectern:http lectern:auth lectern:net lectern:plugin lectern:db " },
        { "*,-engine*,-socket*,-lectern:*", "lectern " },
        { "*,-*", "" },
        { "-", "" },
        { "**", "lectern lectern:script lectern:http lectern:auth lectern:net lectern:plugin "
                "lectern:db engine.io "
                "engine.io:socket engine.io:polling engine.io:ws socket.io:server "
                "socket.io:client socket.io:socket socket.io:namespace socket.io-parser " },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lec_buf on = { 0 };
        lec_log_set_debug(e->log, cases[i].patterns);
        for (size_t cat = 0; cat < LEC_CAT_COUNT; cat++) {
            assert_true(lec_log_on(e->log, LEC_LOG_INFO, (enum lec_category)cat));
            if (lec_log_on(e->log, LEC_LOG_DEBUG, (enum lec_category)cat))
                lec_buf_printf(&on, "%s ", names[cat]);
        }
        assert_string_equal(lec_buf_str(&on), cases[i].want);
        lec_buf_fini(&on);
    }
}

/* One line off a terminal, which may hand it over in parts. */
static void read_line(int fd, char *line, size_t cap)
{
    size_t n = 0;
    do {
        ssize_t k = read(fd, line + n, cap - 1 - n);
        assert_true(k > 0);
        n += (size_t)k;
    } while (line[n - 1] != '\n');
    line[n] = '\0';
}

static void colours_only_on_a_terminal(void **state)
{
    (void)state;
    int ours, theirs;
    char line[512];
    assert_int_equal(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
    struct lec_log *log = lec_log_new(theirs);
    lec_log(log, LEC_LOG_WARN, LEC_CAT_SERVER, LEC_NOBODY, "x");
    read_line(ours, line, sizeof line);
    assert_non_null(strstr(line, "\033[33mwarn \033[0m lectern x"));
    lec_log(log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "y");
    read_line(ours, line, sizeof line);
    assert_null(strchr(line, '\033'));
    assert_non_null(strstr(line, "info  lectern y"));
    /* A traceback is to be read there; what a peer breaks in two is still seen to be one message. */
    lec_log(log, LEC_LOG_INFO, LEC_CAT_SERVER, (struct lec_who){ "c", "a\nb" }, "x\n\ty\rz");
    read_line(ours, line, sizeof line);
    assert_non_null(strstr(line, " conn=c user=\"a\\nb\" x\r\n      y\\x0dz\r\n"));
    lec_log_free(log);
    close(ours);
    close(theirs);
}

static void a_log_nobody_reads_stops_nothing(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct lec_log *log = lec_log_new(fds[0]);
    for (int i = 0; i < 20000; i++)
        lec_log(log, LEC_LOG_INFO, LEC_CAT_SERVER, LEC_NOBODY, "%0100d", i);
    char first[100];
    assert_int_equal(read(fds[1], first, sizeof(first)), sizeof(first));
    behind_time(first);
    lec_log_free(log);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_lines, open_ends, close_ends),
        cmocka_unit_test_setup_teardown(json_lines, open_ends, close_ends),
        cmocka_unit_test_setup_teardown(long_messages_are_cut_between_characters, open_ends,
                                        close_ends),
        cmocka_unit_test_setup_teardown(levels, open_ends, close_ends),
        cmocka_unit_test_setup_teardown(debug_patterns, open_ends, close_ends),
        cmocka_unit_test(colours_only_on_a_terminal),
        cmocka_unit_test(a_log_nobody_reads_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
