/* The end of a net on a loop that goes on: who comes to the loop's other sockets meanwhile. What
 * clients of the net itself do is tests/e2e/net_*.test.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/control.h"
#include "net/http.h"
#include "net/net.h"

static void on_request(void *ctx, struct lec_http *http)
{
    (void)ctx;
    (void)http;
}

static void command(void *ctx, struct lec_control_call *call, const char *line)
{
    lec_control_answer(call, 0, lec_slice_str(line));
    lec_loop_stop(ctx);
}

static int caller(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    strcpy(addr.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

/* A descriptor of the net's, closed once too often, would be the caller's by then. */
static void callers_outlive_it(void **state)
{
    static const struct lec_net_config cfg = { .host = "127.0.0.1",
                                               .max_connections = 10,
                                               .max_header_bytes = 4096,
                                               .header_timeout_ms = 1000,
                                               .body_timeout_ms = 1000,
                                               .keepalive_timeout_ms = 1000,
                                               .linger_timeout_ms = 1000,
                                               .send_timeout_ms = 1000 };
    static const struct lec_net_events events = { .on_request = on_request };
    enum { CALLERS = 8 };
    struct lec_counters counters = { 0 };
    char dir[] = "/tmp/lectern-test-XXXXXX", path[64], answer[16];
    int callers[CALLERS];
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/c.sock", dir);
    struct lec_loop *loop = lec_loop_new();
    struct lec_control *control = lec_control_new(loop, path, command, loop);
    assert_non_null(control);
    struct lec_net *net = lec_net_new(loop, &cfg, &events, NULL, &counters, NULL);
    assert_non_null(net);
    assert_int_equal(lec_net_listen(net), LEC_OK);
    for (int i = 0; i < CALLERS; i++)
        callers[i] = caller(path);
    lec_net_free(net);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(send(callers[i], "hello\n", 6, MSG_NOSIGNAL), 6);
        lec_loop_run(loop);
        assert_int_equal(recv(callers[i], answer, sizeof answer, 0), 7);
        assert_memory_equal(answer, "0\nhello", 7);
        close(callers[i]);
    }
    lec_control_free(control);
    lec_loop_free(loop);
    assert_return_code(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(callers_outlive_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
