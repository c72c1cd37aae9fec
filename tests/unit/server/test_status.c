/* What `lectern status` shows. */
#include "base/json.h"
#include "world.h"

/* The answer to a command that succeeds, of this one's last call. */
static const char *command(const char *line)
{
    static struct lec_buf answer;
    lec_buf_fini(&answer);
    assert_int_equal(fake_command(line, &answer), 0);
    return lec_buf_str(&answer);
}

static void on_usage(void *ctx, struct lec_script_usage *out)
{
    (void)ctx;
    *out = (struct lec_script_usage){ 3 << 20, 256 << 20, 2, 42, 5, 4, 6 };
}

/* What stands behind "key": in a JSON text, as a number. */
static double number_at(const char *json, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(json, pattern);
    assert_non_null(at);
    return strtod(at + strlen(pattern), NULL);
}

static void says_what_it_does(void **state)
{
    struct world *w = *state;
    w->hooks.usage = on_usage;
    world_start(w);
    world_join(w);
    world_post(w, "42[\"a\"]");
    world_join(w);
    struct lec_http *ws = fake_request(w->loop, LEC_GET, "/socket.io/?EIO=4&transport=websocket");
    ws->wants_ws = true;
    fake_host.events->on_request(fake_host.ctx, ws);
    fake_ws_open(ws);
    fake_host.connections = 7;

    const char *text = command("status json");
    assert_int_equal(lec_json_check(lec_slice_str(text), 16), LEC_OK);
    assert_non_null(strstr(text, "\"version\":\"" LEC_VERSION "\",\"pid\":"));
    assert_non_null(strstr(text, "\"port\":3999,\"state\":\"serving\",\"uptime\":0,"));
    assert_non_null(strstr(text, "\"connections\":7,"
                                 "\"sessions\":{\"polling\":2,\"websocket\":1,\"closing\":0}"));
    assert_non_null(strstr(text, "\"handlers\":3145728,\"handlersMax\":268435456}"));
    assert_non_null(
        strstr(text, "{\"generation\":2,\"functions\":42,\"tasks\":5,\"held\":4,\"timers\":6}"));
    assert_non_null(strstr(text, "\"namespaces\":{\"/\":{\"sockets\":2,\"rooms\":0}}"));
    assert_non_null(strstr(text, "\"sessions_opened\":{\"total\":3,"));
    assert_true(number_at(text, "rss") > 1 << 20);

    text = command("status");
    assert_non_null(strstr(text, "port 3999, serving, up 0 s\n"));
    assert_non_null(strstr(text, "clients      3: 2 by polling, 1 by websocket; leaving: 0"));
    assert_non_null(strstr(text, "handlers 3.0 of 256.0 MiB"));
    assert_non_null(
        strstr(text, "generation 2, functions: 42; at work: 5, events held: 4, timers: 6"));
    assert_non_null(strstr(text, "\nsessions_opened                        3 "));
    assert_null(strstr(text, "sessions_slow"));

    fake_ws_end(ws->ws, LEC_WS_GONE);
    lec_server_drain(w->server, 20000);
    assert_non_null(strstr(command("status"), "port 3999, draining, up "));
}

static void tells_the_rates_of_late(void **state)
{
    struct world *w = *state;
    world_set(w, "ping_interval", "86400000");
    world_start(w);
    world_join(w);
    for (int i = 0; i < 50; i++)
        world_post(w, "42[\"a\"]");
    fake_advance(w->loop, 5000);
    assert_true(number_at(strstr(command("status json"), "events_in"), "perSecond") == 10);
    fake_advance(w->loop, 3600000);
    assert_true(number_at(strstr(command("status json"), "events_in"), "perSecond") == 0);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 4; j++)
            world_post(w, "42[\"a\"]");
        fake_advance(w->loop, 1000);
    }
    assert_in_range(number_at(strstr(command("status json"), "events_in"), "perSecond") * 10, 18,
                    20);
    assert_non_null(strstr(command("status json"), "\"events_in\":{\"total\":70,"));
    assert_non_null(strstr(command("status"), "up 1 h 0 min\n"));
    fake_advance(w->loop, 86400000);
    assert_non_null(strstr(command("status"), "up 1 d 1 h\n"));
}

static void measures_how_late_the_loop_is(void **state)
{
    struct world *w = *state;
    world_start(w);
    assert_non_null(strstr(command("status json"), "\"loop\":{\"lagMs\":0.000,"));
    fake_advance(w->loop, 1000);
    fake_stall(w->loop, 350);
    fake_advance(w->loop, 1);
    fake_advance(w->loop, 1000);
    const char *text = command("status json");
    assert_int_equal(number_at(text, "lagMs"), 350);
    assert_non_null(strstr(text, "\"busy\":0.1"));
    fake_advance(w->loop, 11000);
    assert_non_null(strstr(command("status json"), "\"loop\":{\"lagMs\":0.000,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(says_what_it_does),
        WORLD_TEST(tells_the_rates_of_late),
        WORLD_TEST(measures_how_late_the_loop_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
