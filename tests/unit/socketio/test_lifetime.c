/* Callbacks that end what they are called about, and everything around it. AddressSanitizer judges
 * these tests as much as their assertions do; teardown adds that nothing is left over. */
#include "harness.h"

#include "socketio/dynamic.h"

/* What a callback does, each to the socket that it is called about. */
static void disconnect_it(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_disconnect(s, false);
}

static void close_its_client(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_disconnect(s, true);
}

static void refuse_it(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_refuse(s, "no", (struct lec_slice){ NULL, 0 });
}

static void accept_it(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_accept(s);
}

static void accept_and_disconnect_it(struct app *a, struct sio_socket *s)
{
    accept_it(a, s);
    disconnect_it(a, s);
}

static void disconnect_everybody(struct app *a, struct sio_socket *s)
{
    (void)s;
    struct sio_target all = { 0 };
    size_t pos = 0;
    struct sio_namespace *nsp;
    while ((nsp = sio_server_next(a->io, &pos))) {
        size_t n;
        struct sio_socket **found = sio_namespace_select(nsp, &all, &n);
        for (size_t i = 0; i < n; i++)
            sio_socket_disconnect(found[i], i % 2);
        free(found);
    }
}

static void close_the_namespace(struct app *a, struct sio_socket *s)
{
    sio_server_close_namespace(a->io, sio_socket_namespace(s));
}

static void drop_the_connection(struct app *a, struct sio_socket *s)
{
    (void)s;
    for (struct fake_peer *p = a->engine.peers; p; p = p->next)
        if (p->session)
            fake_close(&a->engine, p, EIO_TRANSPORT_ERROR);
}

/* The next sends cut clients off, broadcasts and single ones alike. */
static void starve_and_broadcast(struct app *a, struct sio_socket *s)
{
    if (a->count++ > 8)
        return;
    for (struct fake_peer *p = a->engine.peers; p; p = p->next)
        if (p->number % 2)
            p->room = 3;
    app_broadcast(sio_socket_namespace(s), "", "", NULL, "[\"to all\"]");
    app_broadcast(a->main, "room other", "third", s, "[\"to rooms\"]");
    struct sio_payload event = { .json = S("[\"x\"]") };
    (void)!sio_socket_emit(s, &event, false);
}

static void join_and_leave(struct app *a, struct sio_socket *s)
{
    (void)a;
    (void)!sio_socket_join(s, S("new"));
    (void)!sio_socket_leave(s, S("room"));
    while (sio_socket_connected(s) && sio_socket_room_count(s) > 0)
        assert_int_equal(sio_socket_leave(s, sio_socket_room(s, 0)), LEC_OK);
}

static void touch(struct app *a, struct sio_socket *s)
{
    /* All questions are fair, whatever became of it. */
    (void)a;
    assert_int_equal(strlen(sio_socket_id(s)), 20);
    assert_non_null(sio_socket_handshake(s));
    assert_non_null(sio_socket_log_id(s));
    assert_true(sio_namespace_name(sio_socket_namespace(s)).n > 0);
    assert_true(sio_socket_auth(s).n > 0);
    assert_int_equal(sio_socket_transport(s), EIO_WEBSOCKET);
    (void)sio_socket_in(s, S("room"));
}

typedef void action(struct app *a, struct sio_socket *s);

static action *const actions[] = {
    disconnect_it,
    close_its_client,
    refuse_it,
    accept_it,
    touch,
    disconnect_everybody,
    close_the_namespace,
    drop_the_connection,
    starve_and_broadcast,
    join_and_leave,
    accept_and_disconnect_it,
};
enum { ACTIONS = sizeof actions / sizeof *actions };

static struct {
    action *on_connect, *on_event, *on_disconnect, *on_free, *on_ack;
    bool dynamic; /* "/b" is */
} plan;           /* of the test that runs */

static void act(action *what, struct app *a, struct sio_socket *s)
{
    static int depth; /* actions call back; twice nested is enough */
    if (!what || depth > 1)
        return;
    depth++;
    what(a, s);
    depth--;
    touch(a, s);
}

static void planned_connect(struct app *a, struct sio_socket *s)
{
    act(plan.on_connect, a, s);
}

static void planned_event(struct app *a, struct sio_socket *s, const struct sio_event *event)
{
    act(plan.on_event, a, s);
    /* The event outlives whatever happened. */
    assert_true(event->name.n > 0 && event->payload.json.p[0] == '[');
    for (unsigned i = 0; i < event->payload.n_attachments; i++)
        assert_int_equal(lec_msg_payload(event->payload.attachments[i]).n, 3);
    struct sio_payload args = { .json = S("[1]") };
    if (event->ack_id != SIO_NO_ID)
        (void)!sio_socket_ack(s, event->ack_id, &args);
}

static void planned_disconnect(struct app *a, struct sio_socket *s)
{
    act(plan.on_disconnect, a, s);
}

static void planned_free(struct app *a, struct sio_socket *s)
{
    act(plan.on_free, a, s);
}

struct question {
    struct app *app;
    struct sio_socket *socket;
    int asked, answered;
};

static void planned_ack(void *ctx, int err, const struct sio_payload *args)
{
    struct question *q = ctx;
    q->answered++;
    assert_int_equal(args != NULL, err == LEC_OK);
    act(plan.on_ack, q->app, q->socket);
}

static void ask(struct app *a, struct question *q, struct sio_socket *s, unsigned ms)
{
    struct sio_payload event = { .json = S("[\"q\"]") };
    q->app = a;
    q->socket = s;
    q->asked += sio_socket_emit_ack(s, &event, ms, planned_ack, q, NULL) == LEC_OK;
}

/* Two people in two namespaces and a room, who do a bit of everything. */
static void scene(struct app *a, struct question *questions)
{
    struct fake_peer *p[3];
    struct lec_slice pattern = S("/*");
    if (plan.dynamic)
        sio_server_offer(a->io, NULL, 0, &pattern, 1);
    else
        sio_server_of(a->io, S("/b"));
    for (int i = 0; i < 3; i++) {
        p[i] = fake_open(&a->engine);
        app_text(a, p[i], "0");
        (void)!sio_socket_join(a->last, S("room"));
        (void)!sio_socket_join(a->last, S(i % 2 ? "other" : "third"));
        if (sio_socket_connected(a->last))
            ask(a, &questions[2 * i], a->last, 0);
        if (p[i]->session)
            app_text(a, p[i], "0/b,{\"x\":1}");
        (void)!sio_socket_join(a->last, S("room"));
        if (sio_socket_connected(a->last))
            ask(a, &questions[2 * i + 1], a->last, 20);
    }
    for (int i = 0; i < 3; i++) {
        app_text(a, p[i], "2[\"e\",1]");
        app_text(a, p[i], "2/b,1[\"e\",1]");
        app_text(a, p[i], "30[\"answer\"]");
        app_text(a, p[i], "51-7[\"bin\",{\"_placeholder\":true,\"num\":0}]");
        fake_binary(&a->engine, p[i], "abc", 3);
        app_text(a, p[i], "51-/b,[\"\\u0062in\",{\"_placeholder\":true,\"num\":0}]");
        fake_binary(&a->engine, p[i], "abc", 3);
    }
    app_broadcast(a->main, "room third", "", NULL, "[\"b\"]");
    fake_turn(&a->engine, 50);
    app_text(a, p[0], "1/b,");
    app_text(a, p[1], "garbage");
    fake_close(&a->engine, p[2], EIO_PING_TIMEOUT);
    fake_turn(&a->engine, 50);
    p[0]->room = 0;
    app_broadcast(a->main, "", "", NULL, "[\"b\"]");
    fake_turn(&a->engine, 50000);
}

static void run(void **state, action *c, action *e, action *d, action *f, action *k)
{
    plan.on_connect = c;
    plan.on_event = e;
    plan.on_disconnect = d;
    plan.on_free = f;
    plan.on_ack = k;
    assert_int_equal(app_setup(state), 0);
    struct app *a = *state;
    struct question questions[6] = { 0 };
    a->on_connect = planned_connect;
    a->on_event = planned_event;
    a->on_disconnect = planned_disconnect;
    a->on_free = planned_free;
    scene(a, questions);
    fake_engine_shutdown(&a->engine);
    for (int i = 0; i < 6; i++)
        assert_int_equal(questions[i].answered, questions[i].asked);
    assert_int_equal(app_teardown(state), 0);
}

/* Every action in every callback, alone. */
static void each_action_in_each_callback(void **state)
{
    for (int i = 0; i < ACTIONS; i++) {
        action *x = actions[i];
        run(state, x, NULL, NULL, NULL, NULL);
        run(state, NULL, x, NULL, NULL, NULL);
        run(state, NULL, NULL, x, NULL, NULL);
        run(state, NULL, NULL, NULL, x, NULL);
        run(state, NULL, NULL, NULL, NULL, x);
        run(state, x, x, x, x, x);
    }
}

/* Pairs: one action while another is on its way, in the callbacks that follow from each other. */
static void pairs_of_actions(void **state)
{
    for (int i = 0; i < ACTIONS; i++) {
        for (int k = 0; k < ACTIONS; k++) {
            run(state, NULL, actions[i], actions[k], NULL, NULL);
            run(state, actions[i], NULL, NULL, actions[k], NULL);
            run(state, NULL, NULL, actions[i], NULL, actions[k]);
            run(state, NULL, actions[i], NULL, actions[k], actions[i]);
        }
    }
}

/* The same where a namespace ends with the last who leaves it. */
static void each_and_pairs_in_a_dynamic_namespace(void **state)
{
    plan.dynamic = true;
    each_action_in_each_callback(state);
    pairs_of_actions(state);
    plan.dynamic = false;
}

/* A broadcast that finds one too slow reaches all others first, and then says so. */
static void tell_on_disconnect(struct app *a, struct sio_socket *s)
{
    (void)s;
    if (a->count++ > 0)
        return;
    for (struct fake_peer *p = a->engine.peers; p; p = p->next)
        if (p->session)
            assert_sent(p, "42[\"x\"]");
    /* From here a broadcast is as good as from anywhere. */
    assert_int_equal(app_broadcast(a->main, "room", "", NULL, "[\"gone\"]"), 2);
}

static void slow_ones_do_not_disturb(void **state)
{
    assert_int_equal(app_setup(state), 0);
    struct app *a = *state;
    struct fake_peer *p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = app_join(a);
        assert_int_equal(sio_socket_join(a->last, S("room")), LEC_OK);
    }
    p[0]->room = p[2]->room = 3;
    a->on_disconnect = tell_on_disconnect;
    assert_int_equal(app_broadcast(a->main, "room", "", NULL, "[\"x\"]"), 2);
    assert_int_equal(a->count, 2);
    assert_sent(p[1], "42[\"gone\"]");
    assert_sent(p[3], "42[\"gone\"]");
    assert_int_equal(app_teardown(state), 0);
}

/* During on_disconnect the socket is in its rooms still; nobody reaches it there. */
static void look_around(struct app *a, struct sio_socket *s)
{
    size_t n;
    struct lec_slice room = S("room");
    struct sio_target target = { .rooms = &room, .n_rooms = 1 };
    assert_int_equal(sio_socket_room_count(s), 1);
    assert_true(sio_socket_in(s, room));
    assert_int_equal(sio_namespace_room_count(a->main, room), 2);
    assert_null(sio_namespace_socket(a->main, S(sio_socket_id(s))));
    struct sio_socket **found = sio_namespace_select(a->main, &target, &n);
    assert_int_equal(n, 1);
    assert_ptr_not_equal(found[0], s);
    free(found);
    assert_int_equal(app_broadcast(a->main, "room", "", NULL, "[\"bye\"]"), 1);
    assert_int_equal(sio_socket_join(s, S("x")), LEC_ECLOSED);
    a->count++;
}

static void on_the_way_out(void **state)
{
    assert_int_equal(app_setup(state), 0);
    struct app *a = *state;
    struct fake_peer *p = app_join(a);
    assert_int_equal(sio_socket_join(a->last, S("room")), LEC_OK);
    struct fake_peer *q = app_join(a);
    assert_int_equal(sio_socket_join(a->last, S("room")), LEC_OK);
    a->on_disconnect = look_around;
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    a->on_disconnect = NULL;
    assert_int_equal(a->count, 1);
    assert_sent(q, "42[\"bye\"]");
    assert_int_equal(sio_namespace_room_count(a->main, S("room")), 1);
    assert_int_equal(app_teardown(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_action_in_each_callback),
        cmocka_unit_test(pairs_of_actions),
        cmocka_unit_test(each_and_pairs_in_a_dynamic_namespace),
        cmocka_unit_test(slow_ones_do_not_disturb),
        cmocka_unit_test(on_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
