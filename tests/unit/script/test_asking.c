/* Handlers that ask many clients at once. */
#include "script/host.h"
#include "world.h"

/* on_ask tells everybody in `watch` what came back: "ada=yes,bob=nil|eve timeout". */
static const char handlers[] =
    "local function told(answers, missing) "
    "  local a, m = {}, {} "
    "  for i, one in ipairs(answers) do a[i] = one.socket.user.id .. '=' .. tostring(one.value) "
    "    .. (one.more and '+' .. #one.more or '') end "
    "  for i, one in ipairs(missing) do m[i] = one.socket.user.id .. ' ' .. one.code end "
    "  return table.concat(a, ',') .. '|' .. table.concat(m, ',') end "
    "local function note(...) lectern.to('watch'):emit('note', ...) end "
    "function M.on_watch(s) s:join('watch') end "
    "function M.on_class(s) s:join('class') end "
    "function M.on_ask(s, seconds) "
    "  note(told(lectern.to('class'):timeout(seconds):emit_with_ack('q', 1))) end "
    "function M.on_ask_others(s) note(told(s:to('class'):emit_with_ack('q'))) end "
    "function M.on_ask_nobody(s) "
    "  local a, m = lectern.to('nobody'):timeout(1):emit_with_ack('q') "
    "  local b, n = lectern.to({}):emit_with_ack('q') "
    "  local c, o = lectern.of('/new'):emit_with_ack('q') "
    "  return a, m, b, n, c, o end "
    "function M.on_ask_detached(s) lectern.detach() "
    "  note(told(lectern.to('class'):timeout(1):emit_with_ack('q'))) end "
    "function M.on_catch(s) "
    "  note(pcall(function() return #lectern.to('class'):timeout(1):emit_with_ack('q') end)) end "
    "function M.on_wrong(s) lectern.to('class'):emit_with_ack('q', print) end "
    "function M.on_wait_wrong(s) lectern.to('class'):timeout(0) end "
    "function M.on_own(s) coroutine.wrap(function() lectern.emit_with_ack('q') end)() end "
    "function M.on_one(s) s:emit_with_ack('one') end "
    "function M.on_fine() return 1 end ";

struct class
{
    struct world *world;
    struct fake_peer *teacher, *ada, *bob, *eve;
};

static struct class fill(struct world *w)
{
    world_serve(w, handlers);
    struct class c = { w, world_join(w, "tea"), world_join(w, "ada"), world_join(w, "bob"),
                       world_join(w, "eve") };
    assert_answer(w, c.teacher, "2[\"watch\"]", "");
    assert_answer(w, c.ada, "2[\"class\"]", "");
    assert_answer(w, c.bob, "2[\"class\"]", "");
    assert_answer(w, c.eve, "2[\"class\"]", "");
    return c;
}

static void ask(struct class *c, const char *packet)
{
    world_text(c->world, c->teacher, packet);
    world_turn(c->world, 0);
}

static void assert_note(struct class *c, const char *note)
{
    char expected[256];
    snprintf(expected, sizeof expected, note[0] ? "42[\"note\",\"%s\"]" : "%s", note);
    world_turn(c->world, 0);
    assert_string_equal(fake_sent(c->teacher), expected);
}

static void all_answer(void **state)
{
    struct class c = fill(*state);
    ask(&c, "2[\"ask\",5]");
    assert_string_equal(fake_sent(c.ada), "420[\"q\",1]");
    assert_string_equal(fake_sent(c.bob), "420[\"q\",1]");
    world_text(c.world, c.bob, "30[\"no\",1,[]]");
    world_text(c.world, c.bob, "30[\"twice\"]");
    world_text(c.world, c.ada, "30[]");
    assert_note(&c, "");
    world_text(c.world, c.eve, "61-0[{\"_placeholder\":true,\"num\":0}]");
    fake_binary(&c.world->server.engine, c.eve, "abc", 3);
    assert_note(&c, "bob=no+2,ada=nil,eve=abc|");
    world_turn(c.world, 10000);
    assert_note(&c, "");
}

static void who_is_missing_and_why(void **state)
{
    struct class c = fill(*state);
    for (int i = 0; i < 4; i++) /* max_acks */
        world_text(c.world, c.bob, "2[\"one\"]");
    ask(&c, "2[\"ask\",5]");
    world_text(c.world, c.ada, "34[true]");
    world_leave(c.world, c.eve);
    assert_note(&c, "ada=true|bob full,eve closed");
    /* late, and nobody in time */
    ask(&c, "2[\"ask\",0.1]");
    world_turn(c.world, 100);
    assert_note(&c, "|ada timeout,bob full");
    world_text(c.world, c.ada, "35[true]");
    assert_note(&c, "");
    assert_int_equal(c.world->server.counters.acks_timed_out, 1);
    /* nobody who could be asked: no wait */
    world_leave(c.world, c.ada);
    ask(&c, "2[\"ask\",5]");
    assert_note(&c, "|bob full");
    /* the setting ack_timeout, and not the one who asks */
    ask(&c, "2[\"class\"]");
    ask(&c, "2[\"ask_others\"]");
    assert_note(&c, "|bob full");
}

static void the_setting_is_the_time_out(void **state)
{
    struct class c = fill(*state);
    unsigned ms = (unsigned)c.world->server.cfg.ack_timeout;
    ask(&c, "2[\"ask_others\"]");
    world_turn(c.world, ms - 1);
    assert_note(&c, "");
    world_turn(c.world, 1);
    assert_note(&c, "|ada timeout,bob timeout,eve timeout");
}

static void nobody_to_ask(void **state)
{
    struct class c = fill(*state);
    assert_answer(c.world, c.teacher, "21[\"ask_nobody\"]", "431[[],[],[],[],[],[]]");
}

static void the_asker_leaves(void **state)
{
    struct class c = fill(*state);
    struct fake_peer *asker = world_join(c.world, "asker");
    world_text(c.world, asker, "2[\"ask\",1]");
    world_text(c.world, asker, "2[\"ask_detached\"]");
    world_text(c.world, asker, "2[\"catch\"]");
    world_text(c.world, c.ada, "30[1]");
    world_leave(c.world, asker);
    assert_string_equal(fake_sent(c.teacher), "42[\"note\",false,{}]");
    world_text(c.world, c.bob, "30[1]");
    world_text(c.world, c.eve, "30[1]");
    world_text(c.world, c.bob, "31[1]");
    world_turn(c.world, 1000);
    assert_note(&c, "bob=1|ada timeout,eve timeout");
    /* it is among those that it asks */
    asker = world_join(c.world, "asker");
    world_text(c.world, asker, "2[\"class\"]");
    world_text(c.world, asker, "2[\"ask\",1]");
    world_leave(c.world, asker);
    world_turn(c.world, 2000);
    assert_note(&c, "");
    assert_int_equal(c.world->server.counters.handler_errors, 0);
}

static void the_server_ends_while_it_waits(void **state)
{
    struct class c = fill(*state);
    ask(&c, "2[\"ask\",5]");
    ask(&c, "2[\"ask_detached\"]");
}

static void wrong_use(void **state)
{
    static const struct {
        const char *packet, *logged;
    } rows[] = {
        { "21[\"wrong\"]", "handlers/main.lua:1: q cannot be sent: argument 1: a function" },
        { "21[\"wait_wrong\"]", "handlers/main.lua:1: timeout: seconds expected, more than 0" },
        { "21[\"own\"]", "cannot wait inside a coroutine of your own" },
    };
    struct class c = fill(*state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world_log(c.world);
        assert_has(world_ask(c.world, c.teacher, rows[i].packet), "internal_error");
        assert_has(world_log(c.world), rows[i].logged);
    }
    assert_string_equal(fake_sent(c.ada), "");
}

/* The number of the question that the peer was sent, -1 for none. */
static int question_of(struct fake_peer *p)
{
    int id;
    const char *sent = strstr(fake_sent(p), "42");
    return sent && sscanf(sent, "42%d[\"q\"", &id) == 1 ? id : -1;
}

static void memory_round(struct class *c)
{
    struct world *w = c->world;
    char answer[64];
    struct fake_peer *asker = world_connect(w, "0{\"token\":\"asker\"}");
    world_turn(w, 0);
    if (!asker->session)
        return;
    world_text(w, asker, "2[\"ask\",1]");
    world_turn(w, 0);
    int id = question_of(c->ada);
    if (id >= 0) {
        snprintf(answer, sizeof answer, "3%d[[1,\"\\n\",{}],2,{\"a\":[]}]", id);
        world_text(w, c->ada, answer);
        world_text(w, c->bob, answer);
    }
    world_turn(w, 1000);
    world_turn(w, 0);
    fake_sent(c->teacher);
    fake_sent(c->bob);
    fake_sent(c->eve);
    if (asker->session)
        world_leave(w, asker);
}

static void every_allocation_may_fail(void **state)
{
    struct class c = fill(*state);
    struct lec_vm *vm = &c.world->script->vm;
    memory_round(&c);
    for (int once = 0; once < 2; once++) {
        long n = 0;
        bool failed;
        do {
            long *fail = once ? &vm->fail_once : &vm->fail_after;
            *fail = n++;
            memory_round(&c);
            failed = *fail == 0 || (once && *fail < 0 && n < 120);
            *fail = -1;
            assert_answer(c.world, c.teacher, "21[\"fine\"]", "431[1]");
            world_log(c.world);
        } while (failed && n < 400);
        assert_true(n > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(all_answer),    T(who_is_missing_and_why),    T(the_setting_is_the_time_out),
        T(nobody_to_ask), T(the_asker_leaves),          T(the_server_ends_while_it_waits),
        T(wrong_use),     T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
