/* Loading: all or nothing, with sockets, tasks and timers alive; check; lectern.lua. */
#include <unistd.h>

#include "world.h"

static void reload_is_all_or_nothing(void **state)
{
    struct world *w = *state;
    world_file(w, "helper.lua", "return { v = 1 }");
    world_file(w, "handlers/a.lua",
               "local helper = require 'helper' local lectern = require 'lectern' "
               "lectern.state.loads = (lectern.state.loads or 0) + 1 "
               "local M = {} function M.on_v() return helper.v, M.call() end "
               "function M.call() return 'old' end "
               "function M.on_api() return lectern.api.call() end "
               "function M.on_loads() return lectern.state.loads end "
               "function M.on_wait() lectern.sleep(5) return 'old', helper.v end "
               "function M.on_timer(s) lectern.every(10, function() s:emit('tick', 'old') end) "
               "  lectern.after(10, 'greet', s) end "
               "function M.greet(s) s:emit('greet', 'old') end return M");
    world_file(w, "handlers/b.lua", "return { on_b = function() return 'b' end }");
    world_start(w);
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"v\"]", "431[1,\"old\"]");
    assert_answer(w, p, "22[\"wait\"]", "");
    assert_answer(w, p, "2[\"timer\"]", "");

    world_file(w, "helper.lua", "return { v = 2 }");
    static const struct {
        const char *b, *error;
    } broken[] = {
        { "return {\n\n on_b = }", "handlers/b.lua:3: unexpected symbol near '}'" },
        { "local x\nx.y = 1", "handlers/b.lua:2: attempt to index local 'x'" },
        { "error({})", "handlers/b.lua: raised an error that is no text" },
        { "return 5", "handlers/b.lua: must return a table of functions, but returned a number" },
        { "return { on_b = 5 }", "handlers/b.lua: on_b is a number" },
        { "return { call = print }",
          "handlers/b.lua: the API call call is already defined in handlers/a.lua" },
        { "return { namespace = 5 }", "handlers/b.lua: namespace must be a name" },
        { "require 'no.such'", "handlers/b.lua:1: module 'no.such' not found" },
        { "while true do end", "handlers/b.lua:1: stopped after running for 50 ms" },
        { "while true do pcall(function() while true do end end) end",
          "handlers/b.lua:1: stopped" },
        { "require 'lectern'.emit('x')",
          "handlers/b.lua:1: lectern.emit cannot be used while a file loads; use on_start" },
        { "require 'lectern'.after(1, print)",
          "handlers/b.lua:1: lectern.after cannot be used while" },
        { "require 'lectern'.sleep(1)", "handlers/b.lua:1: lectern.sleep cannot be used while" },
        { "require 'lectern'.sockets()", "handlers/b.lua:1: lectern.sockets cannot be used while" },
        { "\x1bLJ\x02", "handlers/b.lua: attempt to load chunk with wrong mode" },
        { "require 'handlers.b'", "handlers/b.lua" },
        { "local M = {}",
          "handlers/b.lua: must return a table of functions, but returned nothing (is "
          "`return M` missing at its end?)" },
        { "\nM = {}", "handlers/b.lua:2: M would be a global" },
        { "function helper() end", "handlers/b.lua:1: helper would be a global" },
        { "function on_x() end",
          "handlers/b.lua:1: on_x would be a global, and no handler: write `function M.on_x`" },
    };
    w->server.cfg.script_load_time = 50;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        world_file(w, "handlers/b.lua", broken[i].b);
        assert_has(world_reload(w, LEC_ESCRIPT), broken[i].error);
        const char *stopped = strstr(lec_buf_str(&w->answer), "stopped after");
        assert_true(!stopped || !strstr(stopped + 1, "stopped after")); /* told once */
        assert_has(lec_buf_str(&w->answer), "go on serving");
        assert_answer(w, p, "21[\"v\"]", "431[1,\"old\"]");
        assert_answer(w, p, "21[\"b\"]", "431[\"b\"]");
        assert_answer(w, p, "21[\"api\"]", "431[\"old\"]");
    }
    /* every failing file is named */
    world_file(w, "handlers/c.lua", "return {");
    world_file(w, "handlers/d.lua", "return 1");
    assert_has(world_reload(w, LEC_ESCRIPT), "handlers/c.lua:1:");
    assert_has(lec_buf_str(&w->answer), "handlers/d.lua: must return");
    world_file(w, "handlers/c.lua", NULL);
    world_file(w, "handlers/d.lua", NULL);
    w->server.cfg.script_load_time = 5000;

    world_file(w, "handlers/b.lua", NULL);
    world_file(w, "handlers/a.lua",
               "local helper = require 'helper' local lectern = require 'lectern' "
               "lectern.state.loads = (lectern.state.loads or 0) + 1 "
               "local M = {} function M.on_v() return helper.v, 'new' end "
               "function M.on_loads() return lectern.state.loads end "
               "function M.greet(s) s:emit('greet', 'new') end return M");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "21[\"v\"]", "431[2,\"new\"]");
    assert_answer(w, p, "21[\"b\"]", "");
    /* broken loads ran a.lua too, up to the failure */
    assert_has(world_ask(w, p, "21[\"loads\"]"), "431[");
    world_turn(w, 5000);
    assert_string_equal(fake_sent(p), "432[\"old\",1]");
    world_turn(w, 5000);
    const char *sent = fake_sent(p);
    assert_has(sent, "42[\"tick\",\"old\"]");
    assert_has(sent, "42[\"greet\",\"new\"]");
}

static void start_fails_clearly(void **state)
{
    struct world *w = *state;
    world_file(w, "handlers/a.lua", "return {\n x = ");
    assert_has(world_start_fails(w), "handlers/a.lua:2: unexpected symbol near '<eof>'");
    world_file(w, "handlers/a.lua", "return { connect = 1 }");
    assert_has(world_start_fails(w), "handlers/a.lua: connect is a number");
    world_file(w, "handlers/a.lua", "return {}");
    char path[128];
    snprintf(path, sizeof path, "%s/handlers/a.lua", w->dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/handlers", w->dir);
    assert_int_equal(rmdir(path), 0);
    assert_has(world_start_fails(w), "/handlers: No such file or directory");
}

static void check_reports(void **state)
{
    struct world *w = *state;
    struct lec_buf out = { 0 };
    world_file(w, "handlers/a.lua",
               "return { on_x = print, before_event = print, send_it = print, _p = 1 }");
    world_file(w, "handlers/b.lua", "return { namespace = 'n', on_connect = print }");
    assert_int_equal(lec_script_check(w->dir, &w->server.cfg, w->server.log, &out), LEC_OK);
    assert_string_equal(lec_buf_str(&out),
                        "handlers/a.lua\n  hooks: before_event\n  events: x\n  API calls: send_it\n"
                        "handlers/b.lua (/n)\n  hooks: on_connect\n");
    lec_buf_clear(&out, 0);
    world_file(w, "handlers/a.lua", "return {");
    world_file(w, "handlers/b.lua", "require 'lectern'.emit('x')");
    assert_int_equal(lec_script_check(w->dir, &w->server.cfg, w->server.log, &out), LEC_ESCRIPT);
    assert_string_equal(
        lec_buf_str(&out),
        "handlers/a.lua:1: unexpected symbol near '<eof>'\n"
        "handlers/b.lua:1: lectern.emit cannot be used while a file loads; use on_start\n");
    lec_buf_fini(&out);
}

/* What is secret stands in .env or the environment, which counts more. */
static void environment(void **state)
{
    struct world *w = *state;
    char err[512];
    setenv("LECTERN_TEST_SECRET", "of the environment", 1);
    setenv("LECTERN_TEST_EMPTY", "", 1);
    world_file(w, ".env",
               "SECRET = 'in single \"quotes\"'\nLECTERN_TEST_SECRET=of the file\n"
               "LECTERN_TEST_EMPTY=of the file\nNOTHING=\n");
    world_file(w, "lectern.lua",
               "return { port = 4000, app = { env 'SECRET', env 'LECTERN_TEST_SECRET', "
               "env 'LECTERN_TEST_EMPTY', env 'NOTHING' or env 'MISSING' or 'none' } }");
    if (lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err) != LEC_OK)
        fail_msg("%s", err);
    world_serve(w, "function M.on_x() return unpack(lectern.config.app) end");
    assert_has(world_ask(w, world_join(w, "1"), "21[\"x\"]"),
               "431[\"in single \\\"quotes\\\"\",\"of the environment\",\"of the file\",\"none\"]");
    world_file(w, ".env", "SECRET='not closed");
    assert_int_equal(lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err), LEC_EINVAL);
    assert_has(err, ".env:1:");
    world_file(w, "lectern.lua", "return { app = { env(nil) } }");
    assert_int_equal(lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err), LEC_EINVAL);
    assert_has(err, "string expected");
    unsetenv("LECTERN_TEST_SECRET");
    unsetenv("LECTERN_TEST_EMPTY");
}

static void configuration(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "return 5", "lectern.lua: must return a table of settings, not number" },
        { "return {", "lectern.lua:1: unexpected symbol" },
        { "return { prot = 1 }", "port" },
        { "return { jwt = { secrett = 'x' } }", "jwt.secret" },
        { "return { port = print }", "lectern.lua: port cannot be a function" },
        { "return { port = 'many' }", "port" },
        { "return { [1] = 2 }", "" },
        { "return { port = { 1 } }", "" },
        { "while true do end", "lectern.lua:1: stopped after running for 50 ms" },
        { "return { app = 5 }", "lectern.lua: app must be a table" },
        { "return { app = { f = print } }",
          "lectern.lua: app: value.f: a function cannot be sent" },
        { "require 'lectern'", "module" },
        { "local t = {} t.t = t return t", "lectern.lua:" },
    };
    struct world *w = *state;
    char err[512];
    w->server.cfg.script_load_time = 50;
    assert_int_equal(lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err), LEC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world_file(w, "lectern.lua", rows[i].text);
        err[0] = 0;
        int rc = lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err);
        if (rc == LEC_OK) { /* what is in app is looked at when the server starts */
            world_file(w, "handlers/a.lua", "return {}");
            assert_has(world_start_fails(w), rows[i].error);
            continue;
        }
        assert_int_equal(rc, LEC_EINVAL);
        assert_has(err, rows[i].error);
    }
    w->server.cfg.script_load_time = 5000;
    world_file(
        w, "lectern.lua",
        "return { port = 4000, jwt = { secret = 'top secret', leeway = 5 }, polling = false, "
        "frontend_url = { 'http://a', 'http://b' }, ['ack_timeout'] = 2000, "
        "app = { name = 'x', list = { 1, 2 }, none = {} } }");
    if (lec_script_read_config(w->dir, &w->server.cfg, err, sizeof err) != LEC_OK)
        fail_msg("%s", err);
    assert_int_equal(w->server.cfg.port, 4000);
    assert_string_equal(w->server.cfg.jwt_secret, "top secret");
    assert_string_equal(w->server.cfg.frontend_url, "http://a, http://b");
    assert_false(w->server.cfg.polling);
    world_serve(w,
                "function M.on_x() local c = lectern.config "
                "return c.port, c.jwt.secret, c.jwt.leeway, c.polling, c.app, c.presence.grace, "
                "(pcall(function() c.port = 1 end)), (pcall(function() c.jwt.leeway = 1 end)) end "
                "function M.on_ask(s) return s:emit_with_ack('q') end");
    struct fake_peer *p = world_join(w, "1");
    const char *answer = world_ask(w, p, "21[\"x\"]");
    assert_has(answer, "431[4000,null,5,false,{");
    assert_has(answer, "\"list\":[1,2]");
    assert_has(answer, "},10000,false,false]");
    world_ask(w, p, "21[\"ask\"]");
    world_turn(w, 1999);
    assert_string_equal(fake_sent(p), "");
    world_turn(w, 1);
    assert_has(fake_sent(p), "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(reload_is_all_or_nothing),
        T(start_fails_clearly),
        T(check_reports),
        T(environment),
        T(configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
