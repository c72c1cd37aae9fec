/* Listeners to everything that comes, and everything that goes. */
#include "world.h"

static void on_any_hears_first(void **state)
{
    struct world *w = *state;
    world_file(w, "handlers/a.lua",
               "local M = {} "
               "function M.on_any(s, event, ...) s:emit('any', 'a', event, select('#', ...), ...) "
               "  return nil, 'no', 'refused' end "
               "function M.before_event(s, event, v) s:emit('before', event) "
               "  if v == 'bad' then return nil, 'bad', 'bad' end end "
               "return M");
    world_file(w, "handlers/b.lua",
               "local M = {} "
               "function M.on_any(s, event, v) if event == 'crash' then error 'boom' end "
               "  if event == 'sleep' then require 'lectern'.sleep(1) end "
               "  if type(v) == 'table' then v.x = 2 end "
               "  if event == 'kick' then s:disconnect() end end "
               "function M.on_x(s, v) s:emit('x') return type(v) == 'table' and v.x or v end "
               "function M.on_sleep(s) return 'awake' end "
               "function M.on_crash(s) return 'fine' end "
               "function M.on_kick(s) error 'never runs' end "
               "return M");
    world_start(w);
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"x\",1,null]",
                  "42[\"any\",\"a\",\"x\",2,1,null] 42[\"before\",\"x\"] 42[\"x\"] 431[1]");
    assert_has(world_ask(w, p, "21[\"x\",\"bad\"]"), "42[\"any\",\"a\",\"x\",1,\"bad\"] ");
    /* what it does to its values does not reach the handler */
    assert_has(world_ask(w, p, "21[\"x\",{\"x\":1}]"), " 431[1]");
    assert_has(world_ask(w, p, "21[\"sleep\"]"), " 431[\"awake\"]");
    assert_string_equal(world_log(w), "");
    assert_has(world_ask(w, p, "21[\"crash\"]"), " 431[\"fine\"]");
    assert_has(world_log(w), "handlers/b.lua on_any failed, id ");
    /* no handler: it is heard, and nobody answers */
    assert_answer(w, p, "21[\"unknown\",{}]", "42[\"any\",\"a\",\"unknown\",1,{}]");
    assert_string_equal(world_log(w), "");
    assert_int_equal(w->server.counters.events_unhandled, 0);
    world_text(w, p, "51-[\"unknown\",{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&w->server.engine, p, "ab", 2);
    world_turn(w, 0);
    assert_string_equal(fake_sent(p), "451-[\"any\",\"a\",\"unknown\",1,{\"_placeholder\":true,"
                                      "\"num\":0}] <6162>");
    assert_has(world_ask(w, p, "21[\"kick\"]"), "41");
    assert_string_equal(world_log(w), "");
    assert_int_equal(w->server.counters.handler_errors, 1);
}

static void too_many_arguments_are_the_handlers(void **state)
{
    struct world *w = *state;
    struct lec_buf packet = { 0 };
    world_serve(w, "function M.on_any(s) s:emit('heard') end function M.on_x() end");
    struct fake_peer *p = world_join(w, "1");
    lec_buf_adds(&packet, "21[\"x\"");
    for (int i = 0; i < 200; i++)
        lec_buf_adds(&packet, ",1");
    lec_buf_adds(&packet, "]");
    assert_has(world_ask(w, p, lec_buf_str(&packet)), "431[{\"ok\":false");
    assert_string_equal(world_log(w), "");
    lec_buf_fini(&packet);
}

/* Whoever is in the room `log` hears of all that is sent, but for what tells it. */
static const char outgoing[] =
    "function M.on_any_outgoing(target, event, ...) "
    "  if event == 'crash' then error 'boom' end "
    "  lectern.to('log'):emit('sent', event, select('#', ...), target.namespace, "
    "    target.receivers, target.socket and target.socket.user.id, target.rooms, "
    "    target.except and #target.except) "
    "  if event == 'kick' and target.socket then target.socket:disconnect() end "
    "  if event == 'later' then lectern.sleep(1) lectern.emit('later too') end end "
    "function M.on_log(s) s:join('log') end "
    "function M.on_room(s, r) s:join(r) end "
    "function M.on_unicast(s, event) return s:emit(event, 1, nil) end "
    "function M.on_volatile(s) return s:volatile():emit('v') end "
    "function M.on_broadcast(s, event) return lectern.to({ 'a', 'b' }):except('c'):emit(event) end "
    "function M.on_others(s) return s.broadcast:emit('o') end "
    "function M.on_ask(s, event) return s:timeout(1):emit_with_ack(event) end "
    "function M.on_ask_all(s) return #lectern.to('a'):timeout(1):emit_with_ack('q', {}) end ";

static void outgoing_events_are_told_once(void **state)
{
    struct world *w = *state;
    world_serve(w, outgoing);
    struct fake_peer *log = world_join(w, "log"), *p = world_join(w, "1"), *q = world_join(w, "2");
    assert_answer(w, log, "2[\"log\"]", "");
    assert_answer(w, p, "2[\"room\",\"a\"]", "");
    assert_answer(w, q, "2[\"room\",\"b\"]", "");
    static const struct {
        const char *packet, *answer, *sent;
    } rows[] = {
        { "21[\"unicast\",\"u\"]", "42[\"u\",1,null] 431[true]",
          "\"u\",2,\"/\",1,\"1\",null,null" },
        { "21[\"volatile\"]", "42[\"v\"] 431[true]", "\"v\",0,\"/\",1,\"1\",null,null" },
        { "21[\"broadcast\",\"b\"]", "42[\"b\"] 431[2]", "\"b\",0,\"/\",2,null,[\"a\",\"b\"],1" },
        { "21[\"others\"]", "431[2]", "\"o\",0,\"/\",2,null,null,1" },
        { "21[\"unicast\",\"crash\"]", "42[\"crash\",1,null] 431[true]", NULL },
        { "21[\"broadcast\",\"crash\"]", "42[\"crash\"] 431[2]", NULL },
        { "21[\"ask\",\"q\"]", "420[\"q\"]", "\"q\",0,\"/\",1,\"1\",null,null" },
        { "21[\"ask_all\"]", "421[\"q\",{}]", "\"q\",1,\"/\",1,null,[\"a\"],null" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[128] = "";
        assert_answer(w, p, rows[i].packet, rows[i].answer);
        const char *sent = strcmp(rows[i].packet, "21[\"others\"]") == 0 ? "42[\"o\"] " : "";
        if (rows[i].sent)
            snprintf(expected, sizeof expected, "%s42[\"sent\",%s]", sent, rows[i].sent);
        assert_string_equal(fake_sent(log), expected);
    }
    assert_int_equal(w->server.counters.handler_errors, 2);
    assert_answer(w, p, "31[1]", "431[1]");
    /* nor later does what a listener sends reach it */
    fake_sent(q);
    assert_answer(w, q, "21[\"unicast\",\"later\"]", "42[\"later\",1,null] 431[true]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(q), "42[\"later too\"]");
}

/* A listener may take away whom a handler is about to ask. */
static void a_listener_may_disconnect(void **state)
{
    struct world *w = *state;
    world_serve(w, outgoing);
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"ask\",\"kick\"]", "41");
    assert_int_equal(sio_namespace_count(sio_server_find(w->server.io, lec_slice_str("/"))), 0);
    p = world_join(w, "1");
    assert_answer(w, p, "21[\"unicast\",\"kick\"]", "42[\"kick\",1,null] 41");
    world_turn(w, 2000);
    assert_int_equal(w->server.counters.handler_errors, 0);
}

static void listeners_reload(void **state)
{
    struct world *w = *state;
    world_serve(w, outgoing);
    struct fake_peer *log = world_join(w, "log"), *p = world_join(w, "1");
    assert_answer(w, log, "2[\"log\"]", "");
    world_file(w, "handlers/main.lua", "return { on_unicast = function(s) return s:emit 'u' end }");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "21[\"unicast\"]", "42[\"u\"] 431[true]");
    assert_string_equal(fake_sent(log), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(on_any_hears_first),
        T(too_many_arguments_are_the_handlers),
        T(outgoing_events_are_told_once),
        T(a_listener_may_disconnect),
        T(listeners_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
