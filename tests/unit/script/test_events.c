/* The way of an event: arguments in, acks, refusals and crashes out. */
#include "world.h"

static void acks(void **state)
{
    static const struct {
        const char *body, *packet, *answer;
    } rows[] = {
        { "return", "21[\"x\"]", "431[]" },
        { "return nil", "21[\"x\"]", "431[null]" },
        { "return 1, nil, 'b', nil", "21[\"x\"]", "431[1,null,\"b\",null]" },
        { "return ...", "27[\"x\",[],{},null,true,1.5,9007199254740991,\"\\u00e9\\n\"]",
          "437[[],{},null,true,1.5,9007199254740991,\"é\\n\"]" },
        { "return {ok = true}", "20[\"x\"]", "430[{\"ok\":true}]" },
        { "return {}, lectern.array(), {1, 2}", "21[\"x\"]", "431[{},[],[1,2]]" },
        { "return select('#', ...)", "21[\"x\",null,null]", "431[2]" },
        { "return (...) == lectern.null", "21[\"x\",null]", "431[true]" },
        { "return (...) == require 'cjson'.null", "21[\"x\",null]", "431[true]" },
        { "return 1", "2[\"x\"]", "" },
        { "return nil, 'no', 'forbidden'", "21[\"x\"]",
          "431[{\"ok\":false,\"error\":{\"code\":\"forbidden\",\"message\":\"no\"}}]" },
        { "return nil, 'no'", "21[\"x\"]",
          "431[{\"ok\":false,\"error\":{\"code\":\"refused\",\"message\":\"no\"}}]" },
        { "return nil, 'no \"x\"', 'c'", "2[\"x\"]",
          "42[\"error\",{\"event\":\"x\",\"code\":\"c\",\"message\":\"no \\\"x\\\"\"}]" },
        { "return lectern.is_array((...))", "21[\"x\",[]]", "431[true]" },
        { "return socket.user.id, socket.user.sub, socket.user.courses", "21[\"x\"]",
          "431[\"42\",\"42\",[\"1\"]]" },
    };
    struct world *w = *state;
    struct fake_peer *p = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "function M.on_x(socket, ...) %s end", rows[i].body);
        world_serve(w, text);
        if (!p)
            p = world_join(w, "42");
        assert_answer(w, p, rows[i].packet, rows[i].answer);
    }
    assert_int_equal(w->server.counters.handler_refusals, 3);
    assert_int_equal(w->server.counters.handler_errors, 0);
}

static void binary_both_ways(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_x(socket, a, b) return #a, tostring(b.c), a, { d = b.c } end "
                   "function M.on_same(socket, a, b) return a == b end");
    struct fake_peer *p = world_join(w, "1");
    world_text(
        w, p,
        "52-1[\"x\",{\"_placeholder\":true,\"num\":1},{\"c\":{\"_placeholder\":true,\"num\":0}}]");
    fake_binary(&w->server.engine, p, "abc", 3);
    fake_binary(&w->server.engine, p, "\x00\xff", 2);
    world_turn(w, 0);
    assert_string_equal(fake_sent(p),
                        "462-1[2,\"abc\",{\"_placeholder\":true,\"num\":0},{\"d\":{\"_"
                        "placeholder\":true,\"num\":1}}] <00ff> <616263>");
    world_text(
        w, p, "51-1[\"same\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&w->server.engine, p, "abc", 3);
    world_turn(w, 0);
    assert_string_equal(fake_sent(p), "431[true]");
    /* without attachments it is data like any other */
    assert_answer(w, p, "21[\"same\",{\"_placeholder\":true,\"num\":0},2]", "431[false]");
}

static void crashes_are_contained(void **state)
{
    static const struct {
        const char *body, *logged;
    } rows[] = {
        { "local x = nil; return x.y", "handlers/main.lua:1: attempt to index local 'x'" },
        { "error { message = 'in a table', code = 'x' }", "in a table" },
        { "error(nil)", "a nil was raised without a message" },
        { "error { code = 5 }", "a table was raised without a message" },
        { "count = 1",
          "handlers/main.lua:1: count would be a global, which all handlers share and no reload "
          "forgets: write `local count`" },
        { "lectern.user(nil):emit('x')", "handlers/main.lua:1: user: no user has the id nil" },
        { "lectern.after(1, 'sned')", "handlers/main.lua:1: after: there is no API call \"sned\"" },
        { "error(setmetatable({}, { __tostring = function() return 'told' end }))", "told" },
        { "error(setmetatable({}, { __tostring = function() error 'twice' end }))", "twice" },
        { "return print", "the answer cannot be sent: result 1: a function cannot be sent" },
        { "local t = {} t.a = { t } return 1, t", "result 2: contains itself" },
        { "return { a = { 1, nil, 3 } }", "result 1.a: the list has holes" },
        { "return { 1, x = 2 }", "result 1: is a list that has named entries too" },
        { "return { [5] = 1 }", "result 1: has numbers for keys" },
        { "return { a = '\\255' }", "result 1.a: the text is not UTF-8" },
        { "return socket", "result 1: a socket or another handle cannot be sent" },
        { "return ('x'):rep(2000000)", "larger than a message may be" },
        { "coroutine.yield(1)", "coroutine.yield outside of a coroutine of its own" },
        { "lectern.to(5):emit('x')", "handlers/main.lua:1: room expected" },
        { "lectern.emit('x', { f = print })",
          "handlers/main.lua:1: x cannot be sent: argument 1.f: a function cannot be sent" },
        { "lectern.emit('connect')", "is reserved" },
        { "socket.x = 1", "handlers/main.lua:1: socket.x cannot be set" },
        { "lectern.api.nothing()", "handlers/main.lua:1: there is no API call \"nothing\"" },
        { "table.sort({ 1, 2, 3 }, function(a, b) lectern.sleep(1) return a < b end)",
          "handlers/main.lua:1: sleep cannot wait inside a function that C calls" },
        { "coroutine.wrap(function() lectern.sleep(1) end)()", "use lectern.spawn" },
    };
    struct world *w = *state;
    struct fake_peer *p = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512], id[16];
        snprintf(text, sizeof text,
                 "function M.on_x(socket, ...) %s end function M.on_fine() return 1 end",
                 rows[i].body);
        world_serve(w, text);
        if (!p)
            p = world_join(w, "42");
        world_log(w);
        const char *answer = world_ask(w, p, "21[\"x\"]");
        if (sscanf(
                answer,
                "431[{\"ok\":false,\"error\":{\"code\":\"internal_error\",\"message\":\"internal "
                "error\",\"id\":\"%8[^\"]\"}}]",
                id) != 1)
            fail_msg("%s: %s", rows[i].body, answer);
        const char *log = world_log(w);
        assert_has(log, rows[i].logged);
        assert_has(log, id);
        assert_has(log, "handlers/main.lua on_x failed");
        if (strstr(log, "cannot be sent: result")) /* it had returned */
            assert_null(strstr(log, "stack traceback"));
        assert_has(log, "user=42");
        assert_int_equal(w->server.counters.handler_errors, i + 1);
        assert_answer(w, p, "22[\"fine\"]", "432[1]");
    }
    /* without an ack: the event `error` */
    world_serve(w, "function M.on_x() error 'x' end");
    assert_has(world_ask(w, p, "2[\"x\"]"),
               "42[\"error\",{\"event\":\"x\",\"code\":\"internal_error\",\"message\":");
}

static void unhandled_events_cost_no_lua(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_x() end");
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"y\",1]", "");
    assert_int_equal(w->server.counters.events_unhandled, 1);
    /* hooks are no events, and typing is two */
    world_serve(
        w,
        "function M.on_connected() end function M.on_typing(_, t) return t.isTyping, t.room end");
    assert_answer(w, p, "21[\"connected\"]", "");
    assert_answer(w, p, "21[\"typing\"]", "");
    assert_answer(w, p, "21[\"typing_start\",{\"room\":\"r\"}]", "431[true,\"r\"]");
    assert_answer(w, p, "21[\"typing_stop\",null]", "431[false,null]");
    assert_int_equal(w->server.counters.events_unhandled, 3);
}

static void unhandled_events_are_told_once(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_raise_hand() end");
    struct fake_peer *p = world_join(w, "7");
    assert_answer(w, p, "21[\"rise_hand\"]", "");
    const char *log = world_log(w);
    assert_has(log, "user=7");
    assert_has(log, "no handler for the event rise_hand, whose client waits for an answer; did you "
                    "mean raise_hand? (told once)");
    assert_answer(w, p, "2[\"rise_hand\"]", "");
    assert_string_equal(world_log(w), "");
    assert_answer(w, p, "2[\"other\"]", "");
    assert_has(world_log(w), "no handler for the event other (told once)");
    /* not a hundred lines for a client that makes names up; a reload begins anew */
    size_t lines = 0;
    for (int i = 0; i < 100; i++) {
        char packet[32];
        snprintf(packet, sizeof packet, "2[\"e%d\"]", i);
        assert_answer(w, p, packet, "");
    }
    for (const char *at = world_log(w); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 30);
    world_serve(w, "function M.on_raise_hand() end");
    world_log(w);
    assert_answer(w, p, "2[\"other\"]", "");
    assert_has(world_log(w), "no handler for the event other");
}

static void too_many_arguments_are_refused(void **state)
{
    struct world *w = *state;
    struct lec_buf packet = { 0 };
    world_serve(w, "function M.on_x(...) return select('#', ...) end");
    struct fake_peer *p = world_join(w, "1");
    lec_buf_adds(&packet, "21[\"x\"");
    for (int i = 0; i < 128; i++)
        lec_buf_adds(&packet, ",1");
    lec_buf_addc(&packet, ']');
    assert_answer(w, p, lec_buf_str(&packet), "431[129]");
    packet.n--;
    lec_buf_adds(&packet, ",1]");
    assert_has(world_ask(w, p, lec_buf_str(&packet)), "\"code\":\"too_big\"");
    lec_buf_fini(&packet);
}

static void several_modules_and_before_event(void **state)
{
    struct world *w = *state;
    world_file(
        w, "handlers/a.lua",
        "return { on_x = function(s, v) if v == 1 then return nil, 'a says no', 'a' end end,"
        " before_event = function(s, e, v) if v == 9 then return nil, e .. ' is off', 'off' end"
        " if v == 8 then return false end end }");
    world_file(w, "handlers/b.lua", "return { on_x = function(s, v) return 'b', v end }");
    world_file(w, "handlers/c.lua",
               "return { on_x = function(s, v) if v == 3 then return 'c' end end }");
    world_start(w);
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"x\",2]", "431[\"b\",2]");
    assert_answer(w, p, "21[\"x\",3]", "431[\"c\"]");
    assert_has(world_ask(w, p, "21[\"x\",1]"), "{\"code\":\"a\",\"message\":\"a says no\"}");
    assert_has(world_ask(w, p, "21[\"x\",9]"), "{\"code\":\"off\",\"message\":\"x is off\"}");
    assert_has(world_ask(w, p, "21[\"x\",8]"), "{\"code\":\"refused\",\"message\":\"refused\"}");
}

static void sending(void **state)
{
    struct world *w = *state;
    world_serve(
        w,
        "function M.on_join(s, r) return s:join(r) end "
        "function M.on_leave(s, r) return s:leave(r) end "
        "function M.on_all(s, ...) return lectern.emit('all', ...) end "
        "function M.on_room(s, r, v) return lectern.to(r):emit('room', v) end "
        "function M.on_others(s, r) return s:to(r):emit('others') end "
        "function M.on_except(s, r) return lectern.except(r):emit('except') end "
        "function M.on_self(s) return s:emit('self', nil, 1), s:has_joined('a'), #s.rooms end "
        "function M.on_broadcast(s) return s.broadcast:emit('broadcast') end "
        "function M.on_volatile(s) return s:volatile():emit('v') end "
        "function M.on_id(s) return lectern.to(s.id):emit('me'), lectern.socket(s.id) == s end "
        "function M.on_look(s) return #lectern.sockets(), #lectern.sockets{ room = 'a' }, "
        "  lectern.count(), lectern.count('a'), lectern.rooms().a, lectern.to('a'):count() end "
        "function M.on_move(s) lectern.to('a'):join({ 'b', 'c' }) return lectern.count('b') end");
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    assert_answer(w, p, "21[\"join\",\"a\"]", "431[true]");
    assert_answer(
        w, q, "21[\"leave\",\"a\"]",
        "431[{\"ok\":false,\"error\":{\"code\":\"not_found\",\"message\":\"not found\"}}]");
    assert_answer(w, p, "21[\"all\",1,null]", "42[\"all\",1,null] 431[2]");
    assert_string_equal(fake_sent(q), "42[\"all\",1,null]");
    assert_answer(w, q, "21[\"room\",\"a\",[]]", "431[1]");
    assert_string_equal(fake_sent(p), "42[\"room\",[]]");
    assert_answer(w, p, "21[\"others\",\"a\"]", "431[0]");
    assert_answer(w, q, "21[\"except\",\"a\"]", "42[\"except\"] 431[1]");
    assert_answer(w, p, "21[\"self\"]", "42[\"self\",null,1] 431[true,true,2]");
    assert_answer(w, p, "21[\"broadcast\"]", "431[1]");
    assert_string_equal(fake_sent(q), "42[\"broadcast\"]");
    assert_answer(w, p, "21[\"id\"]", "42[\"me\"] 431[1,true]");
    assert_answer(w, p, "21[\"look\"]", "431[2,1,2,1,1,1]");
    assert_answer(w, p, "21[\"move\"]", "431[1]");
    assert_answer(w, p, "21[\"volatile\"]", "42[\"v\"] 431[true]");
    p->writable = false;
    assert_has(world_ask(w, p, "21[\"volatile\"]"), "\"code\":\"again\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(acks),
        T(binary_both_ways),
        T(crashes_are_contained),
        T(unhandled_events_cost_no_lua),
        T(unhandled_events_are_told_once),
        T(too_many_arguments_are_refused),
        T(several_modules_and_before_event),
        T(sending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
