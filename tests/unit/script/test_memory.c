/* An allocation that fails at the n-th call, for every n, at each way into Lua: nothing may crash,
 * leak (AddressSanitizer looks), or be left half done. */
#include "script/host.h"
#include "world.h"

static const char handlers[] =
    "local kept "
    "function M.on_connect(s, auth) lectern.sleep(0) s.data.n = s.handshake.url end "
    "function M.on_connected(s) s:join({ 'a', 'b' }) s:emit('hello', s.user) end "
    "function M.on_x(s, v) kept = s lectern.to('a'):emit('y', v) "
    "  lectern.after(0, function() s:emit('later') end) lectern.spawn(function() lectern.sleep(0) "
    "end) "
    "  return v, s.rooms, lectern.sockets() and 1 end "
    "function M.on_ask(s) return s:emit_with_ack('q', { 1 }) end "
    "function M.on_refuse() return nil, 'no' .. os.time() end "
    "function M.on_crash() error(os.time() .. 'x') end "
    "function M.on_disconnect(s) s.data.left = { s.rooms } end "
    "function M.on_any(s, event, ...) s.data.event = event .. select('#', ...) end "
    "function M.on_any_outgoing(target, event, ...) kept = { target, event, ... } end "
    "function M.on_db(s, v) return lectern.db.query('x', v) end "
    "function M.on_list(s, v) return lectern.db.batch { { 'x', v }, { 'y' } } end "
    "function M.on_tx(s) return lectern.db.transaction(function(tx) tx:query('x') return 1 end) "
    "end "
    "function M.on_fine() return 1 end ";

static void one_round(struct world *w)
{
    static const char *const packets[] = {
        "21[\"x\",{\"a\":[1,\"\\n\",{}]}]",
        "21[\"refuse\"]",
        "2[\"refuse\"]",
        "21[\"crash\"]",
        "21[\"ask\"]",
        "30[1,[2]]",
        "21[\"db\",5]",
        "21[\"list\",\"x\"]",
        "21[\"tx\"]",
    };
    struct fake_peer *p = world_connect(w, "0{\"token\":\"1\",\"more\":{\"x\":[]}}");
    world_turn(w, 1);
    for (size_t i = 0; p->session && i < sizeof packets / sizeof packets[0]; i++) {
        world_text(w, p, packets[i]);
        world_turn(w, 1);
        while (world_waits() > 0)
            world_reply_ok(w);
        fake_sent(p);
    }
    world_asked(w);
    world_text(w, p, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
    if (p->session)
        fake_binary(&w->server.engine, p, "abc", 3);
    world_turn(w, 1);
    fake_sent(p);
    if (p->session)
        world_leave(w, p);
    world_turn(w, 20000);
}

static void every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *steady = world_join(w, "2");
    fake_sent(steady);
    one_round(w);
    fake_sent(steady);
    struct lec_vm *vm = &w->script->vm;
    long n = 0;
    bool failed;
    do {
        vm->fail_after = n++;
        one_round(w);
        failed = vm->fail_after == 0; /* this and all later ones failed */
        vm->fail_after = -1;
        fake_sent(steady);
        assert_answer(w, steady, "21[\"fine\"]", "431[1]");
        world_log(w);
    } while (failed);
    assert_true(n > 60);
}

/* The same with a single failure each time, so that what follows it runs on. */
static void a_single_allocation_may_fail(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *steady = world_join(w, "2");
    one_round(w);
    struct lec_vm *vm = &w->script->vm;
    for (long n = 0; n < 400; n++) {
        vm->fail_once = n;
        one_round(w);
        vm->fail_once = -1;
        fake_sent(steady);
        assert_answer(w, steady, "21[\"fine\"]", "431[1]");
        world_log(w);
    }
}

static void loading_may_run_out(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct fake_peer *p = world_join(w, "1");
    fake_sent(p);
    struct lec_vm *vm = &w->script->vm;
    int rc = LEC_ESCRIPT;
    for (long n = 0; rc != LEC_OK; n = n < 50 ? n + 1 : n + 23) {
        struct lec_buf answer = { 0 };
        vm->fail_after = n;
        rc = w->server.hooks.reload(w->server.hooks.ctx, &answer);
        vm->fail_after = -1;
        assert_true(answer.n > 0);
        lec_buf_fini(&answer);
        assert_answer(w, p, "21[\"fine\"]", "431[1]");
        assert_true(n < 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(every_allocation_may_fail),
        T(a_single_allocation_may_fail),
        T(loading_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
