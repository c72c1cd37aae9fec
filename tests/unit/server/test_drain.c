/* How a server leaves. */
#include "world.h"

static void drains(void **state)
{
    struct world *w = *state;
    world_start(w);
    world_join(w);
    struct lec_http *parked = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    assert_int_equal(parked->state, FAKE_HELD);
    fake_host.connections = 1;
    world_journal(w);

    lec_server_drain(w->server, 0);
    assert_string_equal(world_journal(w), "stop;disconnect(42 server shutting down);free(42);");
    fake_turn(w->loop);
    assert_string_equal(lec_buf_str(&parked->body), "1");
    assert_true(fake_host.listening); /* for those who ask /readyz */
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 503);
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/healthz", NULL)->status, 200);
    w->sid[0] = '\0';
    assert_int_equal(fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL)->status, 503);
    struct lec_buf answer = { 0 };
    assert_int_equal(fake_command("reload", &answer), 1);
    lec_buf_fini(&answer);

    fake_advance(w->loop, 1);
    assert_false(fake_host.listening);
    assert_false(fake_host.closed);
    fake_host.connections = 0;
    fake_advance(w->loop, 20);
    assert_true(fake_host.closed);
    assert_non_null(strstr(world_log(w), "stopped"));
    assert_int_equal(fake_timers(w->loop), 0);
    lec_server_drain(w->server, 0); /* harmless */
}

/* Clients who poll, each with a parked poll; how many of them are told to go. */
#define CROWD 20

static size_t told(struct lec_http *const *polls)
{
    size_t n = 0;
    for (size_t i = 0; i < CROWD; i++)
        n += polls[i]->state == FAKE_GONE;
    return n;
}

static void spreads_the_closing(void **state)
{
    struct world *w = *state;
    struct lec_http *polls[CROWD];
    struct lec_buf answer = { 0 };
    world_start(w);
    for (size_t i = 0; i < CROWD; i++) {
        world_join(w);
        polls[i] = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    }
    fake_host.connections = CROWD;
    assert_int_equal(fake_command("draining", &answer), 1);
    assert_int_equal(fake_command("drain 10", &answer), 0);
    assert_string_equal(lec_buf_str(&answer), "clients that will be closed: 20, within 10 s\n");
    assert_int_equal(fake_command("draining", &answer), 0);
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 503);
    for (size_t i = 0; i < CROWD; i++) {
        assert_in_range(told(polls), i, i + 1);
        assert_false(fake_host.closed);
        fake_advance(w->loop, 500);
        if (i == CROWD / 2) { /* in order it would be one time in 184,756 */
            size_t first = 0;
            while (first < CROWD && polls[first]->state == FAKE_GONE)
                first++;
            assert_in_range(first, 0, CROWD / 2);
        }
    }
    assert_int_equal(told(polls), CROWD);
    fake_host.connections = 0;
    fake_advance(w->loop, 20);
    assert_true(fake_host.closed);
    lec_buf_fini(&answer);
}

static void takes_a_new_time(void **state)
{
    struct world *w = *state;
    struct lec_http *polls[CROWD];
    world_start(w);
    for (size_t i = 0; i < CROWD; i++) {
        world_join(w);
        polls[i] = fake_host_request(w->loop, LEC_GET, fake_host_url(w->sid), NULL);
    }
    lec_server_drain(w->server, 100000);
    fake_advance(w->loop, 10000);
    assert_in_range(told(polls), 2, 3);
    lec_server_drain(w->server, 0);
    fake_turn(w->loop);
    assert_int_equal(told(polls), CROWD);
    fake_advance(w->loop, 10);
    assert_true(fake_host.closed);
}

static void refuses_other_times(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = { "drain ",   "drain x",     "drain -1",
                                         "drain 5x", "drain 86401", "drain 99999999999999999999" };
    world_start(w);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct lec_buf answer = { 0 };
        assert_int_equal(fake_command(lines[i], &answer), 2);
        assert_non_null(strstr(lec_buf_str(&answer), "no number of seconds"));
        lec_buf_fini(&answer);
    }
    assert_int_equal(fake_host_request(w->loop, LEC_GET, "/readyz", NULL)->status, 200);
}

/* Drains at once, with one client, to whom something is said at the end. */
static void drain_with_farewell(struct world *w)
{
    world_start(w);
    world_join(w);
    w->farewell = true;
    fake_host.connections = 1;
    lec_server_drain(w->server, 0);
}

/* A client that is between two polls gets its last messages with the next one. */
static void lets_clients_fetch_their_last_messages(void **state)
{
    struct world *w = *state;
    drain_with_farewell(w);
    fake_advance(w->loop, 200);
    assert_false(fake_host.closed);
    assert_memory_equal(world_poll(w), "42[\"bye\"]", sizeof "42[\"bye\"]" - 1);
    fake_advance(w->loop, 200);
    world_poll(w);
    fake_advance(w->loop, 200);
    assert_true(fake_host.closed);
    assert_null(strstr(world_log(w), "did not take"));
}

/* One that does not come back for them. */
static void drains_no_longer_than_it_may(void **state)
{
    struct world *w = *state;
    world_set(w, "drain_timeout", "500");
    drain_with_farewell(w);
    fake_advance(w->loop, 450);
    assert_false(fake_host.closed);
    fake_advance(w->loop, 100);
    assert_true(fake_host.closed);
    assert_non_null(strstr(world_log(w), "did not take"));
}

static void stops_at_once(void **state)
{
    struct world *w = *state;
    drain_with_farewell(w);
    assert_false(fake_host.closed);
    lec_server_stop(w->server);
    assert_true(fake_host.closed);
    assert_int_equal(fake_timers(w->loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(drains),
        WORLD_TEST(spreads_the_closing),
        WORLD_TEST(takes_a_new_time),
        WORLD_TEST(refuses_other_times),
        WORLD_TEST(lets_clients_fetch_their_last_messages),
        WORLD_TEST(drains_no_longer_than_it_may),
        WORLD_TEST(stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
