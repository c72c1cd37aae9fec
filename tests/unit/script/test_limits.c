/* What a script cannot do to the others: run for ever, eat all memory, reach outside. */
#include <time.h>

#include "script/host.h"
#include "world.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void endless_handlers_are_stopped(void **state)
{
    static const char *const bodies[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error, 'x') end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "while true do local co = coroutine.create(function() while true do end end) "
        "coroutine.resume(co) end",
        "local function f() return f() end f()",
        "while true do xpcall(function() while true do end end, function(e) while true do end end) "
        "end",
        "while true do lectern.emit('x') end",
        "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true "
        "do pcall(function() return t[1] end) end",
        "table.sort({ 3, 2, 1 }, function() while true do end end)",
        "local s = 'x' while true do s = (s .. s):sub(1, 1000) end",
        "lectern.spawn(function() while true do end end) return 'not reached by the loop'",
        "pcall(function() while true do end end) lectern.sleep(0)",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
    };
    struct world *w = *state;
    struct fake_peer *p = NULL;
    w->server.cfg.script_time = 30;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "function M.on_x() %s end function M.on_fine() return 1 end",
                 bodies[i]);
        world_serve(w, text);
        if (!p) {
            p = world_join(w, "1");
            p->room = SIZE_MAX; /* one of the handlers sends without end */
        }
        world_log(w);
        double before = seconds();
        world_text(w, p, "21[\"x\"]");
        world_turn(w, 0);
        assert_true(seconds() - before < 20);
        assert_has(world_log(w), "handlers/main.lua:1: stopped after running for 30 ms");
        fake_sent(p);
        assert_answer(w, p, "22[\"fine\"]", "432[1]");
    }
    assert_true(w->server.counters.handler_timeouts >= 13);
}

static void waiting_is_not_running(void **state)
{
    struct world *w = *state;
    w->server.cfg.script_time = 200;
    world_serve(
        w, "local function burn(s) local t = os.clock() while os.clock() - t < s do end end "
           "function M.on_x() for i = 1, 4 do burn(0.08) lectern.sleep(1) end return 'done' end "
           "function M.on_disconnect() burn(0.12) end "
           "function M.on_y(s) burn(0.12) for _, o in ipairs(lectern.sockets()) do "
           "  if o ~= s then o:disconnect() end end burn(0.02) return 'y' end");
    struct fake_peer *p = world_join(w, "1");
    world_join(w, "2");
    world_ask(w, p, "21[\"x\"]");
    world_turn(w, 5000);
    assert_string_equal(fake_sent(p), "431[\"done\"]");
    /* what runs inside has its own budget, and takes none of the outer one's */
    assert_answer(w, p, "22[\"y\"]", "432[\"y\"]");
    assert_int_equal(w->server.counters.handler_timeouts, 0);
}

/* A client cannot have handlers wait without end. */
static void waiting_is_bounded(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_x() lectern.sleep(1) end function M.on_y() return 'y' end");
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    w->server.cfg.max_tasks = 100;
    for (int i = 0; i < 100; i++)
        world_text(w, p, "2[\"x\"]");
    assert_answer(w, p, "21[\"y\"]",
                  "431[{\"ok\":false,\"error\":{\"code\":\"full\",\"message\":\"too many events "
                  "wait for their handlers\"}}]");
    assert_answer(w, q, "21[\"y\"]", "431[\"y\"]");
    world_turn(w, 1000);
    assert_answer(w, p, "21[\"y\"]", "431[\"y\"]");
}

static void memory_is_capped(void **state)
{
    static const char *const bodies[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(1e9)",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local t = {} while true do t[#t + 1] = lectern.binary(('x'):rep(100000)) end",
        "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
    };
    struct world *w = *state;
    struct fake_peer *p = NULL;
    w->server.cfg.script_memory = 8u << 20;
    w->server.cfg.script_time = 2000;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "local kept = {} function M.on_x() %s end "
                 "function M.on_fine() for i = 1, 1000 do kept[i] = {} end return #kept end",
                 bodies[i]);
        world_serve(w, text);
        if (!p)
            p = world_join(w, "1");
        world_log(w);
        assert_has(world_ask(w, p, "21[\"x\"]"), "internal_error");
        const char *log = world_log(w);
        if (!strstr(log, "not enough memory"))
            assert_has(log, "stopped after running for 2000 ms");
        assert_answer(w, p, "22[\"fine\"]", "432[1000]");
        assert_true(w->script->vm.used <= 8u << 20);
    }
}

static void the_sandbox(void **state)
{
    static const char *const absent[] = {
        "io",
        "jit",
        "ffi",
        "os.execute",
        "os.exit",
        "os.remove",
        "os.rename",
        "os.getenv",
        "os.tmpname",
        "package.loadlib",
        "dofile",
        "loadfile",
        "newproxy",
        "setfenv",
        "getfenv",
        "module",
        "string.dump",
        "debug.getinfo",
        "debug.sethook",
        "debug.getregistry",
        "debug.setmetatable",
        "package.loaded.io",
        "package.loaded.ffi",
        "package.loaded.jit",
        "package.loaded.debug.sethook",
        "package.loaders[5]",
        "getmetatable('').__index.dump",
    };
    static const char *const refused[] = {
        "require 'ffi'",
        "require 'io'",
        "require 'jit'",
        "require 'lfs'",
        "require '../x'",
        "require '/etc/passwd'",
        "require 'handlers..x'",
        "collectgarbage 'stop'",
        "assert(load('\\27LJ\\2'))",
        "assert(loadstring('\\27LJ\\2', 'x'))",
        "assert(load(function() return nil end, 'x', 'b')) error 'fine: text'",
        "getmetatable(socket).x = 1",
    };
    struct world *w = *state;
    struct lec_buf text = { 0 };
    lec_buf_adds(&text, "function M.on_x(socket) ");
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        lec_buf_printf(&text, "assert(%s == nil, [==[%s]==]) ", absent[i], absent[i]);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        lec_buf_printf(&text, "assert(not pcall(function() %s end), [==[%s]==]) ", refused[i],
                       refused[i]);
    lec_buf_adds(&text,
                 "assert(load('return ...', '=x', 'b')(5) == 5) "
                 "assert(load('return y', '=x', nil, { y = 6 })() == 6) "
                 "assert(os.time() > 0 and os.date('%Y') and os.clock() and debug.traceback()) "
                 "assert(bit.band(3, 2) == 2 and require 'cjson'.encode({ 1 }) == '[1]') "
                 "assert(package.cpath == '' and type(package.path) == 'string') "
                 "print('a', 1, nil) return 'ok' end");
    world_serve(w, lec_buf_str(&text));
    lec_buf_fini(&text);
    struct fake_peer *p = world_join(w, "1");
    const char *answer = world_ask(w, p, "21[\"x\"]");
    if (strcmp(answer, "431[\"ok\"]") != 0)
        fail_msg("%s", world_log(w));
    assert_has(world_log(w), "a\\t1\\tnil");
}

static void unsafe_opens_it(void **state)
{
    struct world *w = *state;
    w->server.cfg.script_unsafe = true;
    world_serve(w,
                "function M.on_x() return type(io.open), type(os.getenv), type(require 'ffi'.new), "
                "jit.status(), type(require 'lfs') end");
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"x\"]", "431[\"function\",\"function\",\"function\",false,\"table\"]");
}

static void scripts_json(void **state)
{
    struct world *w = *state;
    world_serve(
        w,
        "local json = lectern.json function M.on_x() "
        "for _, t in ipairs { '[]', '{}', '[1,[2,{\"a\":[]}]]', '\"\\\\u0000\"', "
        "'9007199254740993', 'null', "
        "  '1e+300', '-0.5', 'true' } do "
        "  local text = json.encode(json.decode(t)) assert(text == t or t == '9007199254740993', "
        "t) end "
        "for _, t in ipairs { '', '[', '[1,]', '01', 'NaN', '\"\\255\"', '[1] 2', '{\"a\"}' } do "
        "  local v, m, c = json.decode(t) assert(v == nil and m == 'the text is not JSON' and c, "
        "t) end "
        "local v, m, c = json.decode(('['):rep(1000)) assert(v == nil and c == 'too_big', c) "
        "v, m = json.encode(print) assert(v == nil and m == 'value: a function cannot be sent', m) "
        "assert(json.encode(0/0) == 'null' and json.encode(1/0) == 'null' and json.encode(-0.0) == "
        "'0') "
        "assert(json.encode(2^53) == '9007199254740992' and json.encode(0.1) == '0.1') "
        "return 'ok' end");
    struct fake_peer *p = world_join(w, "1");
    const char *answer = world_ask(w, p, "21[\"x\"]");
    if (strcmp(answer, "431[\"ok\"]") != 0)
        fail_msg("%s", world_log(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(endless_handlers_are_stopped),
        T(waiting_is_not_running),
        T(waiting_is_bounded),
        T(memory_is_capped),
        T(the_sandbox),
        T(unsafe_opens_it),
        T(scripts_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
