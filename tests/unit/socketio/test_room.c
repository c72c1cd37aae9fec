/* Rooms and broadcast: each case by hand, then a long random run against a model that does the
 * same with plain loops. */
#include "harness.h"

static void joins_and_leaves(void **state)
{
    struct app *a = *state;
    app_join(a);
    struct sio_socket *s = a->last;
    app_join(a);
    struct sio_socket *t = a->last;
    char own[32];
    snprintf(own, sizeof own, "%s", sio_socket_id(s));

    assert_int_equal(sio_socket_join(s, S("course:7")), LEC_OK);
    assert_int_equal(sio_socket_join(s, S("course:7")), LEC_OK);
    assert_int_equal(sio_socket_join(s, S("\xc3\xa4")), LEC_OK);
    assert_int_equal(sio_socket_join(t, S("course:7")), LEC_OK);
    assert_int_equal(sio_socket_room_count(s), 2);
    assert_true(lec_slice_is(sio_socket_room(s, 0), "course:7"));
    assert_true(sio_socket_in(s, S("\xc3\xa4")));
    assert_false(sio_socket_in(t, S("\xc3\xa4")));
    assert_int_equal(sio_namespace_rooms(a->main), 2);
    assert_int_equal(sio_namespace_room_count(a->main, S("course:7")), 2);
    assert_int_equal(sio_namespace_room_count(a->main, S("course:8")), 0);

    assert_int_equal(sio_socket_join(s, S("")), LEC_EINVAL);
    assert_int_equal(sio_socket_join(s, S("\xff")), LEC_EINVAL);
    assert_int_equal(sio_socket_join(s, S("a name of more than thirty-two bytes")), LEC_ETOOBIG);
    assert_int_equal(sio_socket_leave(t, S("course:8")), LEC_ENOTFOUND);
    assert_int_equal(sio_socket_leave(t, S("\xc3\xa4")), LEC_ENOTFOUND);

    /* Its own room. */
    assert_true(sio_socket_in(s, S(own)));
    assert_false(sio_socket_in(t, S(own)));
    assert_int_equal(sio_socket_join(s, S(own)), LEC_OK);
    assert_int_equal(sio_socket_leave(s, S(own)), LEC_EINVAL);
    assert_int_equal(sio_namespace_room_count(a->main, S(own)), 1);
    assert_int_equal(sio_socket_join(t, S(own)), LEC_OK);
    assert_int_equal(sio_namespace_room_count(a->main, S(own)), 2);
    assert_int_equal(sio_socket_room_count(s), 2);

    /* A name handed out by the room that dies with the call. */
    assert_int_equal(sio_socket_leave(s, sio_socket_room(s, 1)), LEC_OK);
    assert_int_equal(sio_socket_leave(s, S("course:7")), LEC_OK);
    assert_int_equal(sio_namespace_rooms(a->main), 2);
    size_t pos = 0, members, rooms = 0;
    struct lec_slice name;
    while (sio_namespace_next_room(a->main, &pos, &name, &members)) {
        assert_int_equal(members, 1);
        rooms++;
    }
    assert_int_equal(rooms, 2);

    sio_socket_disconnect(t, false);
    assert_int_equal(sio_namespace_rooms(a->main), 0);
    assert_int_equal(sio_socket_join(t, S("x")), LEC_ECLOSED);
    assert_int_equal(sio_socket_leave(t, S("x")), LEC_ECLOSED);
    assert_false(sio_socket_in(t, S("x")));
    assert_false(sio_socket_in(t, S(sio_socket_id(t))));
    assert_int_equal(sio_socket_room_count(t), 0);
}

static void too_many_rooms(void **state)
{
    struct app *a = *state;
    app_join(a);
    for (char c = 'a'; c < 'a' + 8; c++)
        assert_int_equal(sio_socket_join(a->last, (struct lec_slice){ &c, 1 }), LEC_OK);
    assert_int_equal(sio_socket_join(a->last, S("z")), LEC_EFULL);
    assert_int_equal(sio_socket_join(a->last, S("c")), LEC_OK);
    assert_int_equal(sio_namespace_room_count(a->main, S("z")), 0);
    assert_int_equal(sio_socket_leave(a->last, S("b")), LEC_OK);
    assert_int_equal(sio_socket_join(a->last, S("z")), LEC_OK);
}

static void joins_while_connecting(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    a->hold = true;
    app_text(a, p, "0");
    struct sio_socket *s = a->last;
    assert_int_equal(sio_socket_join(s, S("r")), LEC_OK);
    assert_int_equal(sio_socket_join(s, S("left again")), LEC_OK);
    assert_int_equal(sio_socket_leave(s, S("left again")), LEC_OK);
    assert_true(sio_socket_in(s, S("r")));
    assert_int_equal(sio_socket_room_count(s), 1);
    assert_int_equal(sio_namespace_room_count(a->main, S("r")), 0);
    assert_int_equal(sio_namespace_rooms(a->main), 0);
    size_t pos = 0, members;
    struct lec_slice name;
    assert_false(sio_namespace_next_room(a->main, &pos, &name, &members));
    assert_int_equal(app_broadcast(a->main, "r", "", NULL, "[\"x\"]"), 0);

    sio_socket_accept(s);
    fake_sent(p);
    assert_int_equal(sio_namespace_room_count(a->main, S("r")), 1);
    assert_int_equal(sio_namespace_rooms(a->main), 1);
    assert_int_equal(app_broadcast(a->main, "r", "", NULL, "[\"x\"]"), 1);
    assert_sent(p, "42[\"x\"]");

    /* One that leaves while it waits leaves no room behind. */
    struct fake_peer *q = fake_open(&a->engine);
    app_text(a, q, "0");
    assert_int_equal(sio_socket_join(a->last, S("r")), LEC_OK);
    assert_int_equal(sio_socket_join(a->last, S("other")), LEC_OK);
    fake_close(&a->engine, q, EIO_TRANSPORT_CLOSE);
    assert_int_equal(sio_namespace_room_count(a->main, S("r")), 1);
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(sio_namespace_rooms(a->main), 0);
}

enum { ANNA, BEN, CARL, DORA, PEOPLE };

/* Four people: anna in r1, ben in r1 and r2, carl in r2, dora in none. */
static void four(struct app *a, struct fake_peer *p[PEOPLE], struct sio_socket *s[PEOPLE])
{
    for (int i = 0; i < PEOPLE; i++) {
        p[i] = app_join(a);
        s[i] = a->last;
    }
    assert_int_equal(sio_socket_join(s[ANNA], S("r1")), LEC_OK);
    assert_int_equal(sio_socket_join(s[BEN], S("r1")), LEC_OK);
    assert_int_equal(sio_socket_join(s[BEN], S("r2")), LEC_OK);
    assert_int_equal(sio_socket_join(s[CARL], S("r2")), LEC_OK);
}

static void broadcasts(void **state)
{
    static const struct {
        const char *rooms, *except; /* "@B" stands for ben's id */
        int but;                    /* -1: nobody */
        const char *reached;
    } table[] = {
        { "", "", -1, "ABCD" },
        { "", "", BEN, "ACD" },
        { "r1", "", -1, "AB" },
        { "r1", "", ANNA, "B" },
        { "r1", "", DORA, "AB" },
        { "nobody", "", -1, "" },
        { "r1 r2", "", -1, "ABC" },
        { "r2 r1 r2", "", -1, "ABC" },
        { "r1 nobody r2", "", CARL, "AB" },
        { "r1", "r2", -1, "A" },
        { "r1 r2", "r1", -1, "C" },
        { "r1", "r1", -1, "" },
        { "", "r1", -1, "CD" },
        { "", "r1 r2", -1, "D" },
        { "", "nobody", -1, "ABCD" },
        { "@B", "", -1, "B" },
        { "@D @D", "", -1, "D" },
        { "@D", "", DORA, "" },
        { "r1 @D", "", -1, "ABD" },
        { "r1 @A", "", -1, "AB" },
        { "@A", "r1", -1, "" },
        { "", "@B", -1, "ACD" },
        { "r1", "@B", -1, "A" },
        { "r1 r2", "@B @C", ANNA, "" },
    };
    struct app *a = *state;
    struct fake_peer *p[PEOPLE];
    struct sio_socket *s[PEOPLE];
    four(a, p, s);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[2][256] = { "", "" };
        const char *source[2] = { table[i].rooms, table[i].except };
        for (int k = 0; k < 2; k++) {
            for (const char *c = source[k]; *c; c++) {
                char one[2] = { *c, 0 };
                strcat(text[k], *c == '@' ? sio_socket_id(s[*++c - 'A']) : one);
            }
        }
        const struct sio_socket *but = table[i].but < 0 ? NULL : s[table[i].but];
        uint64_t before = a->counters.events_out;
        size_t n = app_broadcast(a->main, text[0], text[1], but, "[\"x\"]");
        assert_int_equal(n, strlen(table[i].reached));
        assert_int_equal(a->counters.events_out - before, n);
        for (int who = 0; who < PEOPLE; who++)
            assert_sent(p[who], strchr(table[i].reached, 'A' + who) ? "42[\"x\"]" : "");
    }
}

static void own_room_and_its_guests(void **state)
{
    struct app *a = *state;
    struct fake_peer *p[PEOPLE];
    struct sio_socket *s[PEOPLE];
    four(a, p, s);
    const char *id = sio_socket_id(s[DORA]);
    assert_int_equal(sio_socket_join(s[ANNA], S(id)), LEC_OK);
    assert_int_equal(app_broadcast(a->main, id, "", NULL, "[1]"), 2);
    assert_int_equal(app_broadcast(a->main, "", id, NULL, "[2]"), 2);
    assert_sent(p[ANNA], "42[1]");
    assert_sent(p[DORA], "42[1]");
    assert_sent(p[BEN], "42[2]");
    /* A guest stays when the one whose id it is has gone. */
    char kept[32];
    snprintf(kept, sizeof kept, "%s", id);
    sio_socket_disconnect(s[DORA], false);
    assert_int_equal(app_broadcast(a->main, kept, "", NULL, "[3]"), 1);
    assert_sent(p[ANNA], "42[3]");
}

static void namespaces_are_apart(void **state)
{
    struct app *a = *state;
    struct sio_namespace *chat = sio_server_of(a->io, S("/chat"));
    struct fake_peer *p = app_join(a);
    assert_int_equal(sio_socket_join(a->last, S("r")), LEC_OK);
    app_text(a, p, "0/chat,");
    assert_int_equal(sio_socket_join(a->last, S("r")), LEC_OK);
    fake_sent(p);
    assert_int_equal(app_broadcast(chat, "r", "", NULL, "[\"x\"]"), 1);
    assert_sent(p, "42/chat,[\"x\"]");
    assert_int_equal(app_broadcast(a->main, "", "", NULL, "[\"y\"]"), 1);
    assert_sent(p, "42[\"y\"]");
}

static void encoded_once(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a), *q = app_join(a);
    app_broadcast(a->main, "", "", NULL, "[\"x\"]");
    assert_ptr_equal(p->last, q->last);
    assert_int_equal(p->last->refs, 2);
}

static void binary(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a), *q = app_join(a);
    struct lec_msg *bytes[] = { lec_msg_copy(true, "\x01", 1), lec_msg_copy(true, "\x02", 1) };
    struct sio_payload event = { S("[\"b\",{\"_placeholder\":true,\"num\":1}]"), bytes, 2 };
    struct sio_target all = { 0 };
    assert_int_equal(sio_namespace_emit(a->main, &all, &event, false), 2);
    assert_sent(p, "452-[\"b\",{\"_placeholder\":true,\"num\":1}] <01> <02>");
    assert_sent(q, "452-[\"b\",{\"_placeholder\":true,\"num\":1}] <01> <02>");
    q->room = 50; /* enough for the text, not for both attachments */
    lec_msg_unref(bytes[1]);
    bytes[1] = lec_msg_copy(true, "seventeen bytes..", 17);
    assert_int_equal(sio_namespace_emit(a->main, &all, &event, false), 1);
    assert_int_equal(q->why, EIO_SLOW_CONSUMER);
    lec_msg_unref(bytes[0]);
    lec_msg_unref(bytes[1]);
}

static void volatile_passes_over(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = app_join(a), *q = app_join(a);
    struct sio_target all = { 0 };
    struct sio_payload event = { .json = S("[\"v\"]") };
    p->writable = false;
    assert_int_equal(sio_namespace_emit(a->main, &all, &event, true), 1);
    assert_sent(p, "");
    assert_sent(q, "42[\"v\"]");
    assert_int_equal(a->counters.volatile_dropped, 1);
    assert_int_equal(a->counters.events_out, 1);
}

static void selects(void **state)
{
    struct app *a = *state;
    struct fake_peer *p[PEOPLE];
    struct sio_socket *s[PEOPLE];
    four(a, p, s);
    struct lec_slice rooms[] = { S("r1"), S("r2") };
    struct sio_target target = { .rooms = rooms, .n_rooms = 2, .but = s[CARL] };
    size_t n;
    struct sio_socket **found = sio_namespace_select(a->main, &target, &n);
    assert_int_equal(n, 2);
    assert_true((found[0] == s[ANNA] && found[1] == s[BEN]) ||
                (found[0] == s[BEN] && found[1] == s[ANNA]));
    free(found);
    target.n_rooms = 0;
    target.but = NULL;
    found = sio_namespace_select(a->main, &target, &n);
    assert_int_equal(n, 4);
    free(found);
    target.except = rooms;
    target.n_except = 2;
    target.but = s[DORA];
    found = sio_namespace_select(a->main, &target, &n);
    assert_int_equal(n, 0);
    free(found);
}

/* The model: who is connected, and who is in which room. */
enum { SOCKETS = 24, ROOMS = 6, STEPS = 20000 };

struct model {
    struct fake_peer *peer[SOCKETS];
    struct sio_socket *socket[SOCKETS]; /* NULL: not connected */
    bool in[SOCKETS][ROOMS];
};

static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static struct lec_slice room_name(unsigned r)
{
    static const char names[ROOMS][8] = { "r0", "r1", "r2", "r3", "r4", "r5" };
    return S(names[r]);
}

static void check_model(struct app *a, const struct model *m)
{
    size_t connected = 0, occupied = 0;
    for (int i = 0; i < SOCKETS; i++)
        connected += m->socket[i] != NULL;
    assert_int_equal(sio_namespace_count(a->main), connected);
    for (unsigned r = 0; r < ROOMS; r++) {
        size_t members = 0;
        for (int i = 0; i < SOCKETS; i++) {
            if (!m->socket[i])
                continue;
            members += m->in[i][r];
            assert_int_equal(sio_socket_in(m->socket[i], room_name(r)), m->in[i][r]);
        }
        assert_int_equal(sio_namespace_room_count(a->main, room_name(r)), members);
        occupied += members > 0;
    }
    assert_int_equal(sio_namespace_rooms(a->main), occupied);
}

static void model_broadcast(struct app *a, struct model *m, unsigned *seed)
{
    struct lec_slice rooms[4], except[3];
    bool named[ROOMS] = { 0 }, excepted[ROOMS] = { 0 };
    struct sio_target target = { .rooms = rooms, .except = except };
    target.n_rooms = pick(seed, 5);
    target.n_except = pick(seed, 3);
    for (size_t i = 0; i < target.n_rooms; i++) {
        unsigned r = pick(seed, ROOMS);
        rooms[i] = room_name(r);
        named[r] = true;
    }
    for (size_t i = 0; i < target.n_except; i++) {
        unsigned r = pick(seed, ROOMS);
        except[i] = room_name(r);
        excepted[r] = true;
    }
    unsigned but = pick(seed, SOCKETS);
    target.but = m->socket[but];

    struct sio_payload event = { .json = S("[\"x\"]") };
    size_t sent = sio_namespace_emit(a->main, &target, &event, false), expected = 0;
    for (unsigned i = 0; i < SOCKETS; i++) {
        if (!m->socket[i])
            continue;
        bool reached = target.n_rooms == 0, shut = i == but;
        for (int r = 0; r < ROOMS; r++) {
            reached |= m->in[i][r] && named[r];
            shut |= m->in[i][r] && excepted[r];
        }
        reached = reached && !shut;
        expected += reached;
        assert_sent(m->peer[i], reached ? "42[\"x\"]" : "");
    }
    assert_int_equal(sent, expected);
}

static void agrees_with_the_model(void **state)
{
    struct app *a = *state;
    struct model m = { 0 };
    unsigned seed = 42;
    for (int step = 0; step < STEPS; step++) {
        unsigned i = pick(&seed, SOCKETS), r = pick(&seed, ROOMS);
        unsigned what = pick(&seed, 100);
        if (!m.socket[i]) {
            m.peer[i] = app_join(a);
            m.socket[i] = a->last;
            m.peer[i]->room = SIZE_MAX;
            memset(m.in[i], 0, sizeof m.in[i]);
        } else if (what < 45) {
            assert_int_equal(sio_socket_join(m.socket[i], room_name(r)), LEC_OK);
            m.in[i][r] = true;
        } else if (what < 80) {
            assert_int_equal(sio_socket_leave(m.socket[i], room_name(r)),
                             m.in[i][r] ? LEC_OK : LEC_ENOTFOUND);
            m.in[i][r] = false;
        } else if (what < 82) {
            fake_close(&a->engine, m.peer[i], EIO_TRANSPORT_CLOSE);
            m.socket[i] = NULL;
        } else if (what < 83) {
            sio_socket_disconnect(m.socket[i], false);
            m.socket[i] = NULL;
        } else {
            model_broadcast(a, &m, &seed);
        }
        if (step % 16 == 0)
            check_model(a, &m);
        if (step % 64 == 0)
            fake_turn(&a->engine, 1);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(joins_and_leaves),       T(too_many_rooms),
        T(joins_while_connecting), T(broadcasts),
        T(encoded_once),           T(own_room_and_its_guests),
        T(namespaces_are_apart),   T(binary),
        T(volatile_passes_over),   T(selects),
        T(agrees_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
