/* lectern.db: what is asked, what is answered, and that no transaction is left open. */
#include "script/host.h"
#include "world.h"

/* Rows of one result by hand: columns a and b. */
static void reply_rows(struct world *w, const char *cells, size_t n, unsigned rows)
{
    char answer[512] = { LECTERN_DB_OK, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 'a', 1, 0, 'b' };
    answer[19] = (char)rows;
    memcpy(answer + 23, cells, n);
    world_reply(w, answer, 23 + n);
}

static void values_travel(void **state)
{
    struct world *w = *state;
    world_serve(w,
                "function M.on_ask(s, ...) local rows, changes = lectern.db.query('select', ...) "
                "  return rows[1].a, rows[1].b, rows[2].a, rows[2].b, changes end "
                "function M.on_odd(s) return lectern.db.query('odd', nil, lectern.null, 0.5, 2^53, "
                "  2^60, -1, lectern.binary('x\\0y'), true, nil) end "
                "function M.on_list(s) return lectern.db.batch { {'one'}, {'two', 1, n = 3} } end");
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"ask\",\"zo\\u00eb\",7,false]");
    assert_string_equal(world_asked(w), "batch(select; 'zo\xc3\xab', 7, false)");
    reply_rows(w, "\3\2\0\0\0hi\1\xff\xff\xff\xff\xff\xff\xff\xff\0\5\1", 19, 2);
    assert_string_equal(fake_sent(p), "431[\"hi\",-1,null,true,7]");
    world_text(w, p, "22[\"odd\"]");
    assert_string_equal(world_asked(w),
                        "batch(odd; null, null, 0.5!, 9007199254740992, 1.15292e+18!, "
                        "-1, \"x\", true, null)");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "432[[],1]");
    world_text(w, p, "23[\"list\"]");
    assert_string_equal(world_asked(w), "batch(one)(two; 1, null, null)");
    world_reply_ok(w);
    assert_has(fake_sent(p), "433[");
}

static void answers_that_cannot_be_had(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_ask(s, ...) return lectern.db.query('select', ...) end "
                   "function M.on_list(s, ...) return lectern.db.batch { { 'a' } } end");
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"ask\"]");
    reply_rows(w, "\1\0\0\0\0\0\0\x20\0\1\1\0\0\0\0\0\x20\0", 18, 1); /* 2^53, 2^53 + 1 */
    assert_has(fake_sent(p), "\"code\":\"invalid\",\"message\":\"column b holds an integer beyond");
    world_text(w, p, "21[\"ask\"]");
    reply_rows(w, "\0", 1, 1); /* it breaks off */
    assert_has(fake_sent(p), "\"code\":\"unavailable\"");
    world_text(w, p, "21[\"list\"]");
    world_reply(w, "\3\2\0\3\0\0\0bad", 10);
    assert_has(fake_sent(p), "\"code\":\"conflict\",\"message\":\"statement 2: bad\"");
    world_text(w, p, "21[\"ask\"]");
    world_reply_error(w, LECTERN_DB_FULL, "no room");
    assert_has(fake_sent(p), "\"code\":\"full\",\"message\":\"no room\"");
    world_text(w, p, "21[\"ask\"]");
    world_turn(w, 5000);
    assert_has(fake_sent(p), "\"code\":\"timeout\"");
    world_reply_ok(w); /* late */
    assert_string_equal(fake_sent(p), "");
    /* more than scripts have memory for */
    size_t n = 23 + 6000 * 2, cap = w->script->vm.cap;
    char *big = calloc(1, n);
    memcpy(big, "\0\1\0\7\0\0\0\0\0\0\0\2\0\1\0a\1\0b\x70\x17\0\0", 23);
    world_text(w, p, "21[\"ask\"]");
    w->script->vm.cap = w->script->vm.used + 65536;
    world_reply(w, big, n);
    w->script->vm.cap = cap;
    free(big);
    world_turn(w, 0);
    assert_has(fake_sent(p), "\"code\":\"too_big\",\"message\":\"the answer does not fit");
    assert_int_equal(w->server.counters.db_failures, 3);
    assert_int_equal(w->server.counters.handler_errors, 0);
}

static void mistakes_are_told(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *call, *error;
    } rows[] = {
        { "lectern.db.query()",
          "main.lua:1: db.query: a statement, which is a text, was expected, got a nil" },
        { "lectern.db.query('x', {})", "main.lua:1: db: parameter 1 is a table; encode it" },
        { "lectern.db.query('x', s)", "main.lua:1: db: parameter 1 is a socket" },
        { "lectern.db.query('x', 1, print)", "main.lua:1: db: parameter 2 is a function" },
        { "lectern.db.query('x', '\\255')", "main.lua:1: db: parameter 1 is no UTF-8" },
        { "lectern.db.query('\\255')", "main.lua:1: db: the statement is no UTF-8" },
        { "lectern.db.query('x', 1/0)", "main.lua:1: db: parameter 1 is no finite number" },
        { "lectern.db.batch{{'x', n = 40000}}", "main.lua:1: db: more than 32766 parameters" },
        { "lectern.db.batch{{'x', n = 'y'}}", "main.lua:1: db: n is the number of parameters" },
        { "lectern.db.batch{{}}", "main.lua:1: db.batch: entry 1: { sql, parameters" },
        { "coroutine.wrap(lectern.db.query)('x')",
          "db cannot wait inside a coroutine of your own" },
        { "table.sort({2,1,3}, function(a, b) lectern.db.query('x') return a < b end)",
          "db cannot wait inside a function that C calls" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[300];
        snprintf(text, sizeof text, "function M.on_x(s) %s end", rows[i].call);
        world_serve(w, text);
        struct fake_peer *p = world_join(w, "1");
        const char *sent = world_ask(w, p, "21[\"x\"]");
        if (!strstr(sent, "internal_error"))
            fail_msg("%s: %s, %s", rows[i].call, sent, world_asked(w));
        assert_has(world_log(w), rows[i].error);
        assert_string_equal(world_asked(w), "");
    }
    world_file(w, "handlers/bad.lua", "require('lectern').db.query('x')");
    assert_has(world_reload(w, LEC_ESCRIPT), "handlers/bad.lua:1: lectern.db cannot be used");
    world_file(w, "handlers/bad.lua", NULL);
}

static void too_much_is_refused(void **state)
{
    struct world *w = *state;
    world_serve(w, "function M.on_x(s) lectern.spawn(lectern.db.query, 'x') end "
                   "function M.on_y(s) return lectern.db.query('y') end "
                   "function M.on_free() return lectern.db.available() end");
    struct fake_peer *p = world_join(w, "1");
    for (int i = 0; i < 50; i++)
        world_text(w, p, "2[\"x\"]");
    assert_has(world_ask(w, p, "21[\"y\"]"), "\"code\":\"busy\"");
    assert_answer(w, p, "21[\"free\"]", "431[true]");
    while (world_waits() > 0)
        world_reply_ok(w);
    assert_answer(w, p, "21[\"y\"]", "");
    world_reply_ok(w);
}

/* --- transactions --- */

static const char transactions[] =
    "local db = lectern.db "
    "function M.on_good(s) return db.transaction(function(tx) tx:query('a', 1) tx:query('b') "
    "  return 'well' end) end "
    "function M.on_raise(s) return db.transaction(function(tx) tx:query('a') error('oh') end) end "
    "function M.on_refuse(s) return db.transaction(function(tx) tx:query('a') return nil, 'no' "
    "end) end "
    "function M.on_loop(s) return db.transaction(function(tx) tx:query('a') while true do end end) "
    "end "
    "function M.on_nap(s) return db.transaction(function(tx) tx:query('a') lectern.sleep(3) "
    "  return 'napped' end) end "
    "function M.on_long(s) return db.transaction(function(tx) tx:query('a') lectern.sleep(3) "
    "  tx:query('b') return 'napped' end, { timeout = 10 }) end "
    "function M.on_wrong(s) return db.transaction(function(tx) tx:query('a') db.query('b') end) "
    "end "
    "function M.on_twice(s) for i = 1, 2 do db.transaction(function(tx) tx:query('a') end) end "
    "  return db.query('after') end ";

static void transactions_commit(void **state)
{
    struct world *w = *state;
    world_serve(w, transactions);
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"good\"]");
    assert_string_equal(world_asked(w), "begin(a; 1)");
    world_reply_ok(w);
    assert_string_equal(world_asked(w), "step(b)");
    world_reply_ok(w);
    assert_string_equal(world_asked(w), "commit");
    assert_string_equal(fake_sent(p), "");
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"well\"]");
    world_text(w, p, "22[\"twice\"]");
    for (int i = 0; i < 5; i++)
        world_reply_ok(w);
    assert_string_equal(fake_sent(p), "432[[],1]");
    assert_string_equal(world_asked(w), "begin(a) commit begin(a) commit batch(after)");
}

static void transactions_end(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *packet, *asked, *sent;
    } rows[] = {
        { "21[\"raise\"]", "rollback", "internal_error" },
        { "21[\"refuse\"]", "rollback", "\"message\":\"no\"" },
        { "21[\"loop\"]", "rollback", "internal_error" },
        { "21[\"wrong\"]", "rollback", "internal_error" },
    };
    world_serve(w, transactions);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_peer *p = world_join(w, "1");
        world_text(w, p, rows[i].packet);
        assert_string_equal(world_asked(w), "begin(a)");
        world_reply_ok(w);
        assert_has(fake_sent(p), rows[i].sent);
        assert_string_equal(world_asked(w), rows[i].asked);
        world_reply_ok(w);
    }
    /* what the database refuses, or does not answer */
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"good\"]");
    world_reply_error(w, LECTERN_DB_CONFLICT, "taken");
    assert_has(fake_sent(p), "\"code\":\"conflict\"");
    assert_string_equal(world_asked(w), "begin(a; 1) rollback");
    world_reply_ok(w);
    world_text(w, p, "21[\"good\"]");
    world_reply_ok(w);
    world_reply_ok(w);
    assert_string_equal(world_asked(w), "begin(a; 1) step(b) commit");
    world_turn(w, 5000);
    assert_has(fake_sent(p), "\"code\":\"timeout\"");
    assert_string_equal(world_asked(w), " cancel rollback");
    world_reply_ok(w);
    world_reply_ok(w);
    /* events of the socket go on while it sleeps in a transaction; the time is for all of it */
    world_text(w, p, "21[\"long\"]");
    world_reply_ok(w);
    world_turn(w, 3000);
    assert_string_equal(world_asked(w), "begin(a) step(b)");
    world_reply_ok(w);
    world_reply_ok(w);
    assert_string_equal(fake_sent(p), "431[\"napped\"]");
}

static void transactions_go_with_their_socket(void **state)
{
    struct world *w = *state;
    world_serve(w, transactions);
    struct fake_peer *p = world_join(w, "1");
    world_text(w, p, "21[\"good\"]"); /* while it begins */
    world_leave(w, p);
    assert_string_equal(world_asked(w), "begin(a; 1) cancel rollback");
    world_reply_ok(w);
    world_reply_ok(w);
    p = world_join(w, "1");
    world_text(w, p, "21[\"good\"]"); /* while it commits */
    world_reply_ok(w);
    world_reply_ok(w);
    world_leave(w, p);
    assert_string_equal(world_asked(w), "begin(a; 1) step(b) commit cancel rollback");
    world_reply_ok(w);
    world_reply_ok(w);
    p = world_join(w, "1");
    world_text(w, p, "21[\"nap\"]"); /* while it sleeps */
    world_reply_ok(w);
    world_leave(w, p);
    assert_string_equal(world_asked(w), "begin(a) rollback");
    world_reply_ok(w);
    p = world_join(w, "1");
    world_text(w, p, "21[\"nap\"]"); /* with the server */
    world_reply_ok(w);
}

/* Two of its functions at a time: what the second reads, the first has written. */
static void reads_follow_what_the_socket_has_asked(void **state)
{
    struct world *w = *state;
    world_file(w, "handlers/a.lua",
               "return { on_connected = function() "
               "  require('lectern').db.query('first') end }");
    world_serve(w, "function M.on_connected() lectern.db.query('second') end");
    world_join(w, "1");
    assert_string_equal(world_asked(w), "batch(first) batch!(second)");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
    static const struct CMUnitTest tests[] = {
        TEST(values_travel),
        TEST(answers_that_cannot_be_had),
        TEST(mistakes_are_told),
        TEST(too_much_is_refused),
        TEST(transactions_commit),
        TEST(transactions_end),
        TEST(transactions_go_with_their_socket),
        TEST(reads_follow_what_the_socket_has_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
