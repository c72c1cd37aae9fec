/* Requests over HTTP as the script answers them: what becomes of a task, a route and its generation. */
#include "world.h"

static struct lec_request *request(struct world *w, enum lec_method method, const char *path,
                                   const char *body)
{
    struct lec_request *r = lec_alloc0(sizeof *r);
    struct lec_route route;
    r->method = method;
    r->path = lec_slice_str(path);
    r->body = lec_slice_str(body);
    r->address = "127.0.0.1";
    r->label = (char *)"a call";
    memcpy(r->id, "r1", 3);
    if (strncmp(path, "/api/", 5) == 0) {
        r->name = lec_slice_str(path + 5);
    } else {
        r->kind = LEC_REQUEST_ROUTE;
        assert_int_equal(w->server.hooks.route(w->server.hooks.ctx, method, r->path, &route),
                         LEC_OK);
        r->route = route.route;
    }
    memset(&world_answer, 0, sizeof world_answer);
    return r;
}

static void ask(struct world *w, struct lec_request *r)
{
    w->server.hooks.on_request(w->server.hooks.ctx, r);
}

static const char handlers[] = "function M.add(a, b) return a + b end\n"
                               "function M.fails() error 'boom' end\n"
                               "function M.nap(s) lectern.sleep(s) return 'awake' end\n"
                               "function M.stays() lectern.detach() lectern.sleep(1) return 1 end\n"
                               "M.routes = {\n"
                               "  ['GET /a/:x'] = function(r) return r.params end,\n"
                               "  ['GET /a/b'] = function() return 'text' end,\n"
                               "  ['POST /a/:x/:y'] = { public = true, handler = function(r)\n"
                               "    lectern.sleep(1) return r.params end },\n"
                               "}\n";

static void answers(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct lec_request *r = request(w, LEC_POST, "/api/add", "[1,2]");
    ask(w, r);
    assert_int_equal(world_answer.status, 200);
    assert_string_equal(world_answer.body, "{\"result\":3}");
    assert_int_equal(world_answer.done, 1);
    free(r);
    r = request(w, LEC_POST, "/api/fails", "");
    ask(w, r);
    assert_int_equal(world_answer.status, 500);
    assert_int_equal(world_answer.done, 1);
    free(r);
}

static void finds_routes(void **state)
{
    struct world *w = *state;
    struct lec_route route;
    world_serve(w, handlers);
    const struct lec_hooks *h = &w->server.hooks;
    static const struct {
        enum lec_method method;
        const char *path, *answer;
    } found[] = {
        { LEC_GET, "/a/b", "\"text\"" },
        { LEC_GET, "/a/%62", "\"text\"" },
        { LEC_GET, "/a/c%2Fd", "{\"x\":\"c/d\"}" },
        { LEC_HEAD, "/a/e", "{\"x\":\"e\"}" },
    };
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        struct lec_request *r = request(w, found[i].method, found[i].path, "");
        ask(w, r);
        assert_string_equal(world_answer.body, found[i].answer);
        free(r);
    }
    struct lec_request *r = request(w, LEC_GET, "/a/%FF", "");
    ask(w, r);
    assert_int_equal(world_answer.status, 400);
    assert_non_null(strstr(world_answer.body, "is not UTF-8"));
    free(r);
    static const char *const none[] = { "/", "/a", "/a/", "/a/b/", "/A/b", "/a/b/c/d", "", "*" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(h->route(h->ctx, LEC_GET, lec_slice_str(none[i]), &route), LEC_ENOTFOUND);
    assert_int_equal(h->route(h->ctx, LEC_PUT, LEC_SLICE("/a/b"), &route), LEC_EDENIED);
    assert_string_equal(route.allow, "GET, HEAD, OPTIONS");
    assert_int_equal(h->route(h->ctx, LEC_POST, LEC_SLICE("/a/b/c"), &route), LEC_OK);
    assert_true(route.is_public);
    h->forget_route(h->ctx, route.route);
}

/* What was given up ends at the end of the turn, and its request with it; what is detached goes on. */
static void gives_up(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct lec_request *r = request(w, LEC_POST, "/api/nap", "[60]");
    ask(w, r);
    assert_int_equal(world_answer.done, 0);
    w->server.hooks.on_request_over(w->server.hooks.ctx, r);
    world_turn(w, 1);
    assert_int_equal(world_answer.done, 1);
    free(r);
    r = request(w, LEC_POST, "/api/stays", "");
    ask(w, r);
    w->server.hooks.on_request_over(w->server.hooks.ctx, r);
    world_turn(w, 1);
    assert_int_equal(world_answer.done, 0);
    world_turn(w, 1000);
    assert_int_equal(world_answer.done, 1);
    assert_int_equal(world_answer.status, 200);
    free(r);
}

/* A request keeps the code of its route. */
static void outlives_a_reload(void **state)
{
    struct world *w = *state;
    world_serve(w, handlers);
    struct lec_request *r = request(w, LEC_POST, "/a/b/c", "");
    world_file(w, "handlers/main.lua", "return { on_x = function() end }");
    world_reload(w, LEC_OK);
    ask(w, r);
    world_turn(w, 1000);
    assert_int_equal(world_answer.status, 200);
    assert_int_equal(world_answer.done, 1);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(finds_routes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(gives_up, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(outlives_a_reload, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
