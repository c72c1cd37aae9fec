/* Sockets, their handles in Lua, and the coroutines that work for them: who outlives whom. */
#include "world.h"

static void connecting(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_connect(socket, auth) "
                   "  if socket.user.id == 'bad' then return nil, 'go away', 'banned' end "
                   "  if socket.user.id == 'crash' then error 'x' end "
                   "  if socket.user.id == 'false' then return false end "
                   "  if socket.user.id == 'slow' then lectern.sleep(1) end "
                   "  if socket.user.id == 'asked' then return socket:emit_with_ack('x') end "
                   "  assert(auth.token == nil and socket.handshake.auth == auth) "
                   "  socket:emit('early', auth.extra, socket.connected) "
                   "  socket:join('r') end "
                   "function M.on_connected(socket) socket:emit('late', socket.connected, "
                   "socket.rooms[2]) end ");
    struct fake_peer *p =
        world_connect(w, "0{\"a\":{\"token\":1},\"token\":\"1\",\"extra\":[1],\"z\":\"\\u00e9\"}");
    assert_string_equal(world_log(w), "");
    assert_has(fake_sent(p), "\"} 42[\"early\",[1],false] 42[\"late\",true,\"r\"]");
    assert_string_equal(fake_sent(world_connect(w, "0{\"token\":\"bad\"}")),
                        "44{\"message\":\"go away\",\"data\":{\"code\":\"banned\"}}");
    assert_string_equal(fake_sent(world_connect(w, "0{\"token\":\"false\"}")),
                        "44{\"message\":\"refused\",\"data\":{\"code\":\"refused\"}}");
    assert_has(fake_sent(world_connect(w, "0{\"token\":\"crash\"}")),
               "44{\"message\":\"internal error\",\"data\":{\"code\":\"internal_error\",\"id\":\"");
    world_log(w);
    assert_has(fake_sent(world_connect(w, "0{\"token\":\"asked\"}")), "internal_error");
    assert_has(world_log(w), "ask in on_connected");
    p = world_connect(w, "0{\"token\":\"slow\"}");
    assert_string_equal(fake_sent(p), "");
    world_turn(w, 999);
    assert_string_equal(fake_sent(p), "");
    world_turn(w, 1);
    assert_has(fake_sent(p), "42[\"early\",null,false] 42[\"late\"");
    /* one that leaves while it waits to be let in */
    p = world_connect(w, "0{\"token\":\"slow\"}");
    world_leave(w, p);
    world_turn(w, 2000);
    assert_int_equal(w->server.counters.handler_errors, 2);
}

static void boxes_outlive_their_sockets(void **state)
{
    struct world *w = *state;
    world_serve(
        w, "local kept, keys = nil, {} "
           "function M.on_keep(s) kept = s; keys[s] = 'same'; s.data.x = 7; s:join('a') end "
           "function M.on_disconnect(s, reason) "
           "  lectern.emit('left', reason, s.rooms, s == kept, keys[s], s.connected, (select(2, "
           "s:emit('x')))) end "
           "function M.on_look() collectgarbage() "
           "  return kept.id, kept.user, kept.data, kept.handshake.url, kept.connected, "
           "kept.transport, "
           "    kept.rooms, kept.namespace, keys[kept], tostring(kept) end "
           "function M.on_use() return kept:emit('x') end "
           "function M.on_others() local n = 0 "
           "  for _, f in ipairs{'join','leave'} do local ok, why, code = kept[f](kept, 'r') "
           "    assert(ok == nil and why == 'socket is closed' and code == 'closed') n = n + 1 end "
           "  kept:disconnect() assert(not kept:has_joined('a')) "
           "  local ok, why, code = kept:emit_with_ack('x') assert(ok == nil and code == 'closed') "
           "  assert(kept.broadcast:emit('b') == 1) return n, getmetatable(kept) end "
           "function M.on_wrong() return kept.emit('x') end");
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    assert_answer(w, p, "2[\"keep\"]", "");
    world_leave(w, p);
    const char *sent = fake_sent(q);
    assert_has(sent, "42[\"left\",\"transport close\",[\"");
    assert_has(sent, "\",\"a\"],true,\"same\",false,\"socket is closed\"]");
    sent = world_ask(w, q, "21[\"look\"]");
    assert_has(sent,
               ",{\"x\":7},\"/socket.io/?EIO=4\",false,\"websocket\",[],\"/\",\"same\",\"socket ");
    assert_has(sent, "\"id\":\"1\"");
    assert_has(world_ask(w, q, "21[\"use\"]"),
               "\"code\":\"closed\",\"message\":\"socket is closed\"");
    assert_answer(w, q, "21[\"others\"]", "42[\"b\"] 431[2,false]");
    assert_has(world_ask(w, q, "21[\"wrong\"]"), "internal_error");
    assert_has(world_log(w), "a socket was expected as argument 1");
}

/* What nobody asked for while the socket was there is made from a copy. */
static void boxes_answer_late(void **state)
{
    struct world *w = *state;
    world_serve(w, "local kept "
                   "function M.on_keep(s) kept = s end "
                   "function M.on_user() return kept.user.id, kept.user == kept.user end "
                   "function M.on_auth() return kept.handshake.auth, kept.handshake.query.EIO, "
                   "  kept.handshake.url, kept.handshake == kept.handshake end ");
    struct fake_peer *p = world_connect(w, "0{\"token\":\"1\",\"tab\":[2]}"),
                     *q = world_join(w, "2");
    fake_sent(p);
    assert_answer(w, p, "2[\"keep\"]", "");
    world_leave(w, p);
    assert_answer(w, q, "21[\"user\"]", "431[\"1\",true]");
    assert_answer(w, q, "21[\"auth\"]", "431[{\"tab\":[2]},\"4\",\"/socket.io/?EIO=4\",true]");
}

static void a_disconnect_cancels_what_waits(void **state)
{
    struct world *w = *state;
    world_serve(
        w, "local function note(...) lectern.to('watch'):emit('note', ...) end "
           "function M.on_watch(s) s:join('watch') end "
           "function M.on_sleep() lectern.sleep(5) note('slept') end "
           "function M.on_catch() local ok, why = pcall(lectern.sleep, 5) note(ok, tostring(why)) "
           "  ok = pcall(lectern.sleep, 5) note('again', ok) end "
           "function M.on_detached() lectern.detach() lectern.sleep(5) note('went on') end "
           "function M.on_spawned() lectern.spawn(function(a) lectern.sleep(5) note(a) end, "
           "'spawned') end "
           "function M.on_ask(s) note(s:timeout(60):emit_with_ack('q')) end "
           "function M.on_disconnect() lectern.sleep(1) note('goodbye') end");
    struct fake_peer *q = world_join(w, "2");
    world_ask(w, q, "2[\"watch\"]");
    static const struct {
        const char *packet, *now, *later;
    } rows[] = {
        { "2[\"sleep\"]", "", "42[\"note\",\"goodbye\"]" },
        { "2[\"catch\"]",
          "42[\"note\",false,\"cancelled: the socket has disconnected\"] "
          "42[\"note\",\"again\",false]",
          "42[\"note\",\"goodbye\"]" },
        { "2[\"detached\"]", "", "42[\"note\",\"goodbye\"] 42[\"note\",\"went on\"]" },
        { "2[\"spawned\"]", "", "42[\"note\",\"goodbye\"] 42[\"note\",\"spawned\"]" },
        { "2[\"ask\"]", "42[\"note\",null,\"socket is closed\",\"closed\"]",
          "42[\"note\",\"goodbye\"]" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_peer *p = world_join(w, "1");
        world_ask(w, p, rows[i].packet);
        assert_string_equal(fake_sent(q), "");
        world_leave(w, p);
        assert_string_equal(fake_sent(q), rows[i].now);
        world_turn(w, 10000);
        assert_string_equal(fake_sent(q), rows[i].later);
    }
    assert_int_equal(w->server.counters.handler_errors, 0);
}

static void asking_a_client(void **state)
{
    struct world *w = *state;
    world_serve(
        w,
        "function M.on_ask(s, ...) return s:emit_with_ack('q', ...) end "
        "function M.on_twice(s) local a = s:emit_with_ack('q') return a, s:emit_with_ack('q') end "
        "function M.on_quick(s) return s:timeout(0.1):emit_with_ack('q') end "
        "function M.on_five(s) for i = 1, 5 do lectern.spawn(function() "
        "  local r, m, c = s:emit_with_ack('q') if c == 'full' then s:emit('full') end end) end "
        "end");
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "27[\"ask\",1]", "420[\"q\",1]");
    assert_answer(w, p, "30[\"yes\",null,[]]", "437[\"yes\",null,[]]");
    assert_answer(w, p, "28[\"twice\"]", "421[\"q\"]");
    assert_answer(w, p, "31[1]", "422[\"q\"]");
    assert_answer(w, p, "32[]", "438[1]");
    assert_answer(w, p, "29[\"quick\"]", "423[\"q\"]");
    world_turn(w, 100);
    assert_has(fake_sent(p), "439[{\"ok\":false,\"error\":{\"code\":\"timeout\"");
    assert_answer(w, p, "33[1]", "");
    assert_has(world_ask(w, p, "2[\"five\"]"), "42[\"full\"]");
}

static void an_answer_for_a_gone_socket_goes_nowhere(void **state)
{
    struct world *w = *state;
    world_serve(
        w, "function M.on_x(s) s:disconnect() return 1 end "
           "function M.on_close(s) s:disconnect(true) return nil, 'no' end "
           "function M.on_crash(s) s:disconnect() error 'x' end "
           "function M.on_all(s) for _, o in ipairs(lectern.sockets()) do o:disconnect() end end "
           "local depth = 0 "
           "function M.on_disconnect(s) local next = lectern.sockets()[1] "
           "  if next then next:disconnect() end end");
    const char *packets[] = { "21[\"x\"]", "21[\"close\"]", "21[\"crash\"]" };
    for (int i = 0; i < 3; i++) {
        struct fake_peer *p = world_join(w, "1");
        const char *sent = world_ask(w, p, packets[i]);
        assert_null(strstr(sent, "431"));
    }
    /* each disconnect hook disconnects the next: deeper than tasks may nest */
    struct fake_peer *p = NULL;
    for (int i = 0; i < 60; i++)
        p = world_join(w, "1");
    world_ask(w, p, "2[\"x\"]");
    assert_int_equal(w->peers, 0);
    assert_int_equal(w->server.counters.handler_errors, 1);
}

static void timers(void **state)
{
    struct world *w = *state;
    world_serve(
        w, "local n, timer = 0 "
           "function M.on_after(s) lectern.after(1, function(a, b) s:emit('after', a, b) end, nil, "
           "2) end "
           "function M.on_every(s) timer = lectern.every(1, function() n = n + 1 s:emit('tick', n) "
           "  if n == 2 then lectern.sleep(1.5) end if n == 4 then error 'x' end end) end "
           "function M.on_stop_it() timer:cancel() timer:cancel() end "
           "function M.on_named(s) lectern.after(1, 'greet', s) end "
           "function M.greet(s) s:emit('hello') end "
           "function M.on_self(s) local t t = lectern.every(1, function() t:cancel() "
           "s:emit('once') end) end "
           "function M.on_sleep(s) lectern.sleep(0) lectern.sleep(0.002) return 'slept' end");
    struct fake_peer *p = world_join(w, "1");
    world_ask(w, p, "2[\"after\"]");
    world_turn(w, 999);
    assert_string_equal(fake_sent(p), "");
    world_turn(w, 1);
    assert_string_equal(fake_sent(p), "42[\"after\",null,2]");
    world_ask(w, p, "2[\"every\"]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "42[\"tick\",1]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "42[\"tick\",2]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), ""); /* the second still waits */
    world_turn(w, 500);
    assert_string_equal(fake_sent(p), "42[\"tick\",3]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "42[\"tick\",4]");
    assert_int_equal(w->server.counters.handler_errors, 1);
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "42[\"tick\",5]");
    world_ask(w, p, "2[\"stop_it\"]");
    world_turn(w, 5000);
    assert_string_equal(fake_sent(p), "");
    world_ask(w, p, "2[\"named\"]");
    world_turn(w, 1000);
    assert_string_equal(fake_sent(p), "42[\"hello\"]");
    world_ask(w, p, "2[\"self\"]");
    world_turn(w, 5000);
    assert_string_equal(fake_sent(p), "42[\"once\"]");
    world_ask(w, p, "21[\"sleep\"]");
    world_turn(w, 2);
    assert_string_equal(fake_sent(p), "431[\"slept\"]");
}

static void namespaces_and_start(void **state)
{
    struct world *w = *state;
    world_file(
        w, "handlers/board.lua",
        "local lectern = require 'lectern' local other = lectern.of('other') "
        "return { namespace = '/board', on_x = function(s) return s.namespace end, "
        "on_start = function() lectern.state.started = true end, "
        "on_stop = function() lectern.of('/board'):emit('bye', lectern.state.started) end }");
    world_start(w);
    struct fake_peer *p = world_connect(w, "0/board,");
    assert_has(fake_sent(p), "40/board,");
    assert_answer(w, p, "2/board,1[\"x\"]", "43/board,1[\"/board\"]");
    world_text(w, p, "0/other,");
    world_turn(w, 0);
    assert_has(fake_sent(p), "40/other,{");
    w->server.hooks.on_stop(w->server.hooks.ctx);
    world_turn(w, 0);
    assert_string_equal(fake_sent(p), "42/board,[\"bye\",true]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(connecting),
        T(boxes_outlive_their_sockets),
        T(boxes_answer_late),
        T(a_disconnect_cancels_what_waits),
        T(asking_a_client),
        T(an_answer_for_a_gone_socket_goes_nowhere),
        T(timers),
        T(namespaces_and_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
