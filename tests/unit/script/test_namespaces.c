/* Modules of namespaces and patterns: which handlers run, what scripts see and reach, and what a
 * reload changes under living sockets. */
#include "world.h"

static const char course[] =
    "local lectern = require 'lectern' local M = { namespace = 'course-*' } "
    "function M.on_connect(s, auth) if auth.no then return nil, 'no course', 'none' end "
    "  if auth.wait then lectern.sleep(1) end end "
    "function M.on_where(s) return s.namespace, s.namespace_match end "
    "function M.on_tell(s, text) s.broadcast:emit('told', text) end "
    "function M.on_disconnect(s) local log = lectern.state.gone or {} lectern.state.gone = log "
    "  log[#log + 1] = s end return M";

static const char board[] =
    "local M = { namespace = '/*/board-*' } function M.on_where(s) return s.namespace_match end "
    "return M";

static const char tools[] =
    "local lectern = require 'lectern' local M = {} local kept = lectern.of('/course-*') "
    "function M.on_where(s) return s.namespace, s.namespace_match end "
    "function M.on_all(s, ns, ...) return lectern.of(ns):emit('all', ...) end "
    "function M.on_kept() return kept:emit('all', 1) end "
    "function M.on_look(s, ns) local ids = {} for i, x in ipairs(lectern.sockets { namespace = ns "
    "}) do "
    "  ids[i] = x.namespace end table.sort(ids) local rooms = lectern.rooms(ns) "
    "  return ids, lectern.count(nil, ns), lectern.count('r', ns), rooms.r end "
    "function M.on_join_all(s, ns, room) lectern.of(ns):join(room) end "
    "function M.on_raises(s, ns) return select(2, pcall(lectern.of, ns)), "
    "  select(2, pcall(lectern.count, nil, ns)) end "
    "function M.on_gone() local list = {} for i, s in ipairs(lectern.state.gone) do "
    "  list[i] = { s.namespace, s.namespace_match, s.connected } end return list end return M";

static void serve(struct world *w)
{
    world_file(w, "handlers/course.lua", course);
    world_file(w, "handlers/board.lua", board);
    world_file(w, "handlers/tools.lua", tools);
    world_start(w);
}

static bool exists(struct world *w, const char *name)
{
    return sio_server_find(w->server.io, lec_slice_str(name)) != NULL;
}

static void children_have_their_patterns_handlers(void **state)
{
    struct world *w = *state;
    serve(w);
    struct fake_peer *p = world_join(w, "1");
    assert_answer(w, p, "21[\"where\"]", "431[\"/\",[]]");
    assert_has(world_ask(w, p, "0/course-7,"), "40/course-7,{\"sid\"");
    assert_has(world_ask(w, p, "0/school/board-a b,"), "40/school/board-a b,{\"sid\"");
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[\"/course-7\",[\"7\"]]");
    assert_answer(w, p, "2/school/board-a b,1[\"where\"]",
                  "43/school/board-a b,1[[\"school\",\"a b\"]]");
    assert_answer(w, p, "0/course-8,{\"no\":1}",
                  "44/course-8,{\"message\":\"no course\",\"data\":{\"code\":\"none\"}}");
    assert_answer(w, p, "0/course-8,{\"wait\":1}", "");
    assert_true(exists(w, "/course-8"));
    world_turn(w, 1000);
    assert_has(fake_sent(p), "40/course-8,{\"sid\"");

    struct fake_peer *q = world_join(w, "2");
    world_ask(w, q, "0/course-7,");
    assert_answer(w, q, "2/course-7,[\"tell\",\"hi\"]", "");
    assert_string_equal(fake_sent(p), "42/course-7,[\"told\",\"hi\"]");

    /* a socket that is gone, with its namespace, knows where it was */
    world_ask(w, p, "1/course-8,");
    world_leave(w, q);
    assert_answer(w, p, "21[\"gone\"]",
                  "431[[[\"/course-8\",[\"8\"],false],[\"/course-7\",[\"7\"],false]]]");
    assert_false(exists(w, "/course-8"));
}

static void scripts_reach_children(void **state)
{
    struct world *w = *state;
    serve(w);
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    assert_answer(w, p, "21[\"all\",\"/course-7\",1]", "431[0]");
    assert_answer(w, p, "21[\"all\",\"course-*\",1]", "431[0]");
    assert_false(exists(w, "/course-7"));
    assert_false(exists(w, "/course-*"));
    assert_answer(w, p, "21[\"all\",\"/new\",1]", "431[0]"); /* no pattern has it: made, as ever */
    assert_true(exists(w, "/new"));

    world_ask(w, p, "0/course-7,");
    world_ask(w, q, "0/course-7,");
    world_ask(w, q, "0/course-8,");
    assert_answer(w, p, "21[\"all\",\"/course-7\",1]", "42/course-7,[\"all\",1] 431[2]");
    assert_string_equal(fake_sent(q), "42/course-7,[\"all\",1]");
    assert_answer(w, p, "21[\"kept\"]", "42/course-7,[\"all\",1] 431[3]");
    assert_string_equal(fake_sent(q), "42/course-7,[\"all\",1] 42/course-8,[\"all\",1]");
    assert_answer(w, p, "21[\"look\",\"/course-*\"]",
                  "431[[\"/course-7\",\"/course-7\",\"/course-8\"],3,0,null]");
    assert_answer(w, p, "21[\"join_all\",\"/course-*\",\"r\"]", "431[]");
    assert_answer(w, p, "21[\"look\",\"/course-*\"]",
                  "431[[\"/course-7\",\"/course-7\",\"/course-8\"],3,3,3]");
    assert_answer(w, p, "21[\"raises\",\"/corse-*\"]",
                  "431[\"handlers/tools.lua:1: no module has the namespace \\\"/corse-*\\\"\","
                  "\"handlers/tools.lua:1: no module has the namespace \\\"/corse-*\\\"\"]");
}

static void listeners_hear_what_goes_to_children(void **state)
{
    struct world *w = *state;
    serve(w);
    world_file(w, "handlers/ear.lua",
               "local lectern = require 'lectern' local M = { namespace = '/course-*' } "
               "local heard = {} function M.on_heard() return heard end "
               "function M.on_any_outgoing(t, event) "
               "  heard[#heard + 1] = t.namespace .. ' ' .. event .. ' ' .. t.receivers end "
               "function M.on_ask() return (select(2, pcall(function() "
               "  return lectern.of('/course-*'):emit_with_ack('q') end))) end return M");
    world_reload(w, LEC_OK);
    struct fake_peer *p = world_join(w, "1");
    world_ask(w, p, "0/course-7,");
    world_ask(w, p, "21[\"all\",\"/course-7\"]");
    world_ask(w, p, "21[\"all\",\"/course-*\"]");
    world_ask(w, p, "21[\"all\",\"/course-8\"]");
    world_ask(w, p, "21[\"all\",\"/\"]");
    assert_answer(w, p, "2/course-7,1[\"heard\"]",
                  "43/course-7,1[[\"/course-7 all 1\",\"/course-* all 1\",\"/course-8 all 0\"]]");
    assert_has(world_ask(w, p, "2/course-7,1[\"ask\"]"),
               "emit_with_ack asks one namespace at a time, not all of a pattern");
}

static void reload_under_living_children(void **state)
{
    struct world *w = *state;
    serve(w);
    struct fake_peer *p = world_join(w, "1"), *q = world_join(w, "2");
    world_ask(w, p, "0/course-7,");
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[\"/course-7\",[\"7\"]]");

    /* a pattern as strong, of a later file; a stronger one */
    world_file(w, "handlers/other.lua",
               "return { namespace = '/*ourse-7', on_where = function() return 'other' end }");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[\"/course-7\",[\"7\"]]");
    world_file(w, "handlers/course.lua", "return { namespace = '/c*' }");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[\"other\"]");

    /* none, a broken file, and one again: who is in it stays */
    world_file(w, "handlers/other.lua",
               "return { namespace = '/*ourse-7', on_where = function(s) return "
               "s.namespace_match end }");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[[\"c\"]]");
    world_file(w, "handlers/other.lua", NULL);
    world_file(w, "handlers/course.lua", "return { namespace = '/*x' }");
    world_reload(w, LEC_OK);
    assert_answer(w, p, "2/course-7,1[\"where\"]", "");
    assert_answer(w, p, "21[\"all\",\"/course-7\"]", "42/course-7,[\"all\"] 431[1]");
    assert_answer(w, q, "0/course-7,", "44/course-7,{\"message\":\"Invalid namespace\"}");
    world_file(w, "handlers/course.lua", "return { namespace = '/a*b*' }");
    assert_has(world_reload(w, LEC_ESCRIPT), "handlers/course.lua: the namespace /a*b* has two");
    world_file(w, "handlers/course.lua", course);
    world_reload(w, LEC_OK);
    assert_answer(w, p, "2/course-7,1[\"where\"]", "43/course-7,1[\"/course-7\",[\"7\"]]");
    assert_has(world_ask(w, q, "0/course-7,"), "40/course-7,");

    /* a module with the very name */
    world_file(w, "handlers/seven.lua",
               "return { namespace = '/course-7', on_where = function(s) return "
               "s.namespace_match, 'seven' end }");
    world_reload(w, LEC_OK);
    assert_has(world_ask(w, p, "2/course-7,1[\"where\"]"), ",\"seven\"]");
    assert_answer(w, p, "21[\"all\",\"/course-*\"]", "431[0]");
    world_ask(w, p, "1/course-7,");
    world_ask(w, q, "1/course-7,");
    assert_true(exists(w, "/course-7"));
    world_file(w, "handlers/seven.lua", NULL);
    world_reload(w, LEC_OK);
    assert_false(exists(w, "/course-7"));
}

static void check_tells_patterns(void **state)
{
    struct world *w = *state;
    struct lec_buf out = { 0 };
    world_file(w, "handlers/course.lua", course);
    world_file(w, "handlers/b.lua", "return { namespace = '/*', on_connect = print }");
    assert_int_equal(lec_script_check(w->dir, &w->server.cfg, w->server.log, &out), LEC_OK);
    assert_string_equal(
        lec_buf_str(&out),
        "handlers/b.lua (every /*)\n  hooks: on_connect\n"
        "handlers/course.lua (every /course-*)\n  hooks: on_connect, on_disconnect\n"
        "  events: tell, where\n"
        "patterns, the first that matches counts: /course-*, /*\n");
    lec_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(children_have_their_patterns_handlers),
        T(scripts_reach_children),
        T(listeners_hear_what_goes_to_children),
        T(reload_under_living_children),
        T(check_tells_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
