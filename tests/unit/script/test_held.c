/* To its own socket a database call takes no time: events that come meanwhile wait. */
#include "world.h"

/* on_join asks and joins; on_say tells whether it has. on_nap waits for something else. */
static const char handlers[] =
    "local db = lectern.db "
    "function M.on_join(s, room) "
    "  local rows = db.query('select', room) if rows then s:join(room) end "
    "  return 'joined' end "
    "function M.on_say(s, room) return s:has_joined(room) end "
    "function M.on_nap(s) lectern.sleep(1) return 'slept' end "
    "function M.on_bin(s, a, b) return a, b end ";

static void events_wait_for_the_database(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    assert_answer(w, p, "21[\"join\",\"a\"]", "");
    assert_string_equal(world_asked(w), "batch(select; 'a')");
    assert_answer(w, p, "22[\"say\",\"a\"]", "");
    assert_answer(w, p, "23[\"say\",\"b\"]", "");
    assert_answer(w, p, "2[\"nobody\"]", "");
    assert_answer(w, q, "21[\"say\",\"a\"]", "431[false]"); /* another's are not held */
    assert_int_equal(w->server.counters.events_held, 3);
    assert_int_equal(w->server.counters.events_unhandled, 0);
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"joined\"] 432[true] 433[false]");
    assert_int_equal(w->server.counters.events_unhandled, 1);
    assert_answer(w, p, "24[\"say\",\"a\"]", "434[true]");
    assert_int_equal(w->server.counters.events_held, 3);
    assert_int_equal(w->server.counters.db_calls, 1);
}

/* Those that ask in their turn hold the rest. */
static void one_after_the_other(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"join\",\"a\"]");
    world_text(w, p, "22[\"join\",\"b\"]");
    world_text(w, p, "23[\"nap\"]");
    world_text(w, p, "24[\"join\",\"c\"]");
    assert_answer(w, p, "25[\"say\",\"c\"]", "");
    assert_string_equal(world_asked(w), "batch(select; 'a')");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"joined\"]");
    assert_string_equal(world_asked(w), "batch(select; 'b')");
    assert_answer(w, p, "26[\"say\",\"b\"]", "");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "432[\"joined\"]");
    assert_string_equal(world_asked(w), "batch(select; 'c')"); /* a nap holds nobody */
    world_reply_error(w, LECTERN_DB_BUSY, "no");
    assert_string_equal(fake_sent(p), "434[\"joined\"] 435[false] 436[true]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "433[\"slept\"]");
}

static void a_task_may_ask_often(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_ask(s) for i = 1, 3 do lectern.db.query('x', i) end "
                   "  lectern.detach() s.data.done = true return 'asked' end "
                   "function M.on_see(s) return s.data.done end ");
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"ask\"]");
    for (int i = 0; i < 3; i++) {
        assert_answer(w, p, "2[\"see\"]", "");
        world_reply_ok(w);
    }
    assert_answer(w, p, "22[\"see\"]", "431[\"asked\"] 432[true]");
    assert_string_equal(world_asked(w), "batch(x; 1) batch(x; 2) batch(x; 3)");
}

static void listeners_come_first(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_any(s, name) if name == 'slow' then lectern.db.query('any') end "
                   "  s:emit('heard', name) end "
                   "function M.on_slow(s) s:emit('slow') end "
                   "function M.on_fast(s) s:emit('fast') end ");
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "2[\"fast\"]");
    world_text(w, p, "2[\"slow\"]");
    world_text(w, p, "2[\"other\"]");
    assert_answer(w, p, "2[\"fast\"]", "42[\"heard\",\"fast\"] 42[\"fast\"]");
    assert_string_equal(world_asked(w), "batch(any)");
    world_text(w, p, "2[\"slow\"]");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "42[\"heard\",\"slow\"] 42[\"slow\"] 42[\"heard\",\"other\"] "
                                      "42[\"heard\",\"fast\"] 42[\"fast\"]");
    assert_answer(w, p, "2[\"fast\"]", "");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p),
                        "42[\"heard\",\"slow\"] 42[\"slow\"] 42[\"heard\",\"fast\"] 42[\"fast\"]");
}

static void bytes_are_held_too(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"join\",\"a\"]");
    world_text(w, p,
               "52-2[\"bin\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    fake_binary(&w->server.engine, p, "\1\2\3", 3);
    fake_binary(&w->server.engine, p, "\4", 1);
    assert_answer(w, p, "23[\"say\",\"a\"]", "");
    world_reply_ok(w);
    const char *sent = fake_sent(p);
    assert_has(sent, "431[\"joined\"]");
    assert_has(sent, "462-2[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    assert_has(sent, "433[true]");
}

static const char full[] = "{\"ok\":false,\"error\":{\"code\":\"full\",\"message\":\"too many "
                           "events wait for their handlers\"}}";

static void what_is_held_is_bounded(void **state)
{
    struct world *w = *state;
    char expected[300], big[4100];
    world_serve(w, handlers);
    w->server.cfg.max_tasks = 5;
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"join\",\"a\"]");
    for (int i = 0; i < 4; i++)
        assert_answer(w, p, "22[\"say\",\"a\"]", "");
    snprintf(expected, sizeof expected, "433[%s]", full);
    assert_answer(w, p, "23[\"say\",\"a\"]", expected);
    assert_answer(w, p, "23[\"nobody\"]", "");
    assert_int_equal(w->server.counters.events_unhandled, 1);
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"joined\"] 432[true] 432[true] 432[true] 432[true]");
    /* in bytes, of attachments too */
    w->server.cfg.max_queue_bytes = 4096;
    world_text(w, p, "21[\"join\",\"a\"]");
    memset(big, 'x', sizeof big);
    memcpy(big, "23[\"say\",\"", 10);
    strcpy(big + sizeof big - 3, "\"]");
    assert_answer(w, p, big, expected);
    world_text(w, p, "51-3[\"bin\",{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&w->server.engine, p, big, 4000);
    assert_string_equal(fake_sent(p), expected);
    assert_answer(w, p, "24[\"say\",\"a\"]", "");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"joined\"] 434[true]");
}

static void what_is_held_goes_with_its_socket(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_ask(s) lectern.db.query('ask') s:emit('asked') end "
                   "function M.on_keep(s) lectern.detach() lectern.db.query('keep') "
                   "  lectern.emit('kept', s.connected) end "
                   "function M.on_leave(s) s:disconnect() end "
                   "function M.on_never(s) lectern.emit('never') end "
                   "function M.on_disconnect(s) lectern.emit('left') end");
    struct fake_peer *watch = world_join(w, "2");
    static const struct {
        const char *first, *second, *then;
    } rows[] = {
        { "2[\"ask\"]", "2[\"never\"]", "42[\"left\"]" },
        { "2[\"keep\"]", "2[\"never\"]", "42[\"left\"] 42[\"kept\",false]" },
        { "2[\"ask\"]", "2[\"leave\"]", "42[\"left\"]" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_peer *p = world_join(w, "1");
        world_text(w, p, rows[i].first);
        world_text(w, p, rows[i].second);
        world_text(w, p, "2[\"never\"]");
        if (i < 2)
            world_leave(w, p);
        world_reply_ok(w);
        assert_string_equal(fake_sent(watch), rows[i].then);
    }
    assert_int_equal(w->server.counters.events_dropped, 2 + 2 + 1);
    /* with the server: teardown finds what is left over */
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "2[\"keep\"]");
    world_text(w, p, "2[\"never\"]");
}

static void those_who_serve_then_run_them(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_ask() lectern.db.query('x') return 'old' end "
                   "function M.on_say() return 'old' end");
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"ask\"]");
    world_text(w, p, "22[\"say\"]");
    world_text(w, p, "23[\"gone\"]");
    world_serve(w, "function M.on_say() return 'new' end");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"old\"] 432[\"new\"]");
    assert_int_equal(w->server.counters.events_unhandled, 1);
}

static void connecting_holds_too(void **state)
{
    struct world *w = *state;
    world_serve(w,
                "function M.on_connect(s) lectern.db.query('connect') end "
                "function M.on_connected(s) lectern.db.query('connected') s.data.here = true end "
                "function M.on_say(s) return s.data.here end");
    struct fake_peer *p = world_connect(w, "0{\"token\":\"1\"}");
    world_reply_ok(w);
    assert_has(fake_sent(p), "40{\"sid\":");
    assert_answer(w, p, "21[\"say\"]", "");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[true]");
    p = world_connect(w, "0{\"token\":\"1\"}"); /* leaves while it is asked about */
    world_leave(w, p);
    world_reply_ok(w);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(events_wait_for_the_database),
        TEST(one_after_the_other),
        TEST(a_task_may_ask_often),
        TEST(listeners_come_first),
        TEST(bytes_are_held_too),
        TEST(what_is_held_is_bounded),
        TEST(what_is_held_goes_with_its_socket),
        TEST(those_who_serve_then_run_them),
        TEST(connecting_holds_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
