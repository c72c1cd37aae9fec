/* Dynamic namespaces: made by a CONNECT, gone with the last socket; what is offered changes under
 * them. */
#include "harness.h"

#include "base/id.h"
#include "socketio/internal.h"

/* Words in a string, "" for none. */
static void offer(struct app *a, const char *names, const char *patterns)
{
    struct lec_slice list[2][8];
    size_t n[2] = { 0, 0 };
    const char *texts[] = { names, patterns };
    for (int i = 0; i < 2; i++) {
        for (const char *p = texts[i]; *p;) {
            size_t len = strcspn(p, " ");
            list[i][n[i]++] = (struct lec_slice){ p, len };
            p += len + (p[len] == ' ');
        }
    }
    sio_server_offer(a->io, list[0], n[0], list[1], n[1]);
}

static struct sio_namespace *find(struct app *a, const char *name)
{
    return sio_server_find(a->io, S(name));
}

static size_t children(struct app *a, const char *pattern)
{
    return sio_pattern_count(sio_server_pattern(a->io, S(pattern)));
}

static void assert_pattern(struct app *a, const char *name, const char *pattern)
{
    struct sio_namespace *nsp = find(a, name);
    assert_non_null(nsp);
    struct lec_slice text = sio_namespace_pattern(nsp);
    if (!lec_slice_is(text, pattern))
        fail_msg("%s is a child of \"%.*s\", not of \"%s\"", name, (int)text.n, text.p, pattern);
}

/* Sends a CONNECT; the socket, or NULL if the answer is this refusal. */
static struct sio_socket *join(struct app *a, struct fake_peer *p, const char *name,
                               const char *refusal)
{
    char packet[256];
    snprintf(packet, sizeof packet, "0%s,", name);
    fake_sent(p);
    app_text(a, p, packet);
    const char *sent = fake_sent(p);
    if (!refusal) {
        snprintf(packet, sizeof packet, "40%s,{\"sid\":", name);
        assert_memory_equal(sent, packet, strlen(packet));
        return a->last;
    }
    snprintf(packet, sizeof packet, "44%s,{\"message\":\"%s\"}", name, refusal);
    assert_string_equal(sent, packet);
    return NULL;
}

static void leave(struct app *a, struct fake_peer *p, const char *name)
{
    char packet[64];
    snprintf(packet, sizeof packet, "1%s,", name);
    app_text(a, p, packet);
}

static void lives_while_somebody_is_in_it(void **state)
{
    struct app *a = *state;
    offer(a, "/chat", "/course-*");
    assert_non_null(find(a, "/chat"));
    assert_null(find(a, "/course-7"));
    assert_null(find(a, "/course-*"));
    struct fake_peer *p = app_join(a), *q = app_join(a);
    struct sio_socket *s = join(a, p, "/course-7", NULL);
    assert_pattern(a, "/course-7", "/course-*");
    assert_int_equal(sio_socket_join(s, S("room")), LEC_OK);
    assert_ptr_equal(sio_socket_namespace(join(a, q, "/course-7", NULL)), sio_socket_namespace(s));
    join(a, p, "/course-8", NULL);
    assert_int_equal(children(a, "/course-*"), 2);
    assert_int_equal(children(a, "course-*"), 2);
    assert_int_equal(app_broadcast(find(a, "/course-7"), "", "", NULL, "[\"x\"]"), 2);
    assert_sent(q, "42/course-7,[\"x\"]");

    leave(a, p, "/course-7");
    assert_non_null(find(a, "/course-7"));
    fake_close(&a->engine, q, EIO_TRANSPORT_CLOSE);
    assert_null(find(a, "/course-7"));
    sio_socket_disconnect(a->last, false);
    assert_null(find(a, "/course-8"));
    assert_non_null(find(a, "/chat"));
    assert_int_equal(children(a, "/course-*"), 0);
    assert_int_equal(a->counters.namespaces_made, 2);
    assert_int_equal(a->counters.namespaces_removed, 2);
    fake_turn(&a->engine, 1);

    /* What was on its way is excused; the next one is new. */
    fake_sent(p);
    app_text(a, p, "2/course-7,[\"late\"]");
    app_text(a, p, "1/course-8,");
    assert_non_null(p->session);
    s = join(a, p, "/course-7", NULL);
    assert_int_equal(sio_namespace_rooms(sio_socket_namespace(s)), 0);
    assert_int_equal(sio_namespace_count(sio_socket_namespace(s)), 1);
}

static void refuse(struct app *a, struct sio_socket *s)
{
    (void)a;
    sio_socket_refuse(s, "no", (struct lec_slice){ NULL, 0 });
}

static void goes_with_a_refusal(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    struct fake_peer *p = app_join(a), *q = app_join(a);
    a->on_connect = refuse;
    join(a, p, "/course-7", "no");
    assert_null(find(a, "/course-7"));

    /* one that waits for its answer keeps it */
    a->on_connect = NULL;
    a->hold = true;
    app_text(a, p, "0/course-7,");
    struct sio_socket *s = a->last;
    assert_int_equal(children(a, "/course-*"), 1);
    a->hold = false;
    join(a, q, "/course-7", NULL);
    sio_socket_refuse(s, "no", (struct lec_slice){ NULL, 0 });
    assert_non_null(find(a, "/course-7"));
    leave(a, q, "/course-7");
    assert_null(find(a, "/course-7"));
    a->hold = true;
    app_text(a, p, "0/course-7,");
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_null(find(a, "/course-7"));
}

static void limits(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-* /long-*");
    struct fake_peer *p = app_join(a), *q = app_join(a);
    join(a, p, "/course-1", NULL);
    join(a, p, "/course-2", NULL);
    join(a, p, "/course-3", NULL); /* max_namespaces is 4, max_dynamic_namespaces 3 */
    join(a, p, "/course-4", "Too many namespaces");
    join(a, q, "/course-4", "Too many dynamic namespaces");
    join(a, q, "/course-3", NULL);
    leave(a, p, "/course-1");
    join(a, q, "/course-4", NULL);

    leave(a, p, "/course-2");
    join(a, p, "/long-xxxxxxxxxxxxxxxxxxxxxxxxxx", NULL); /* 32 bytes */
    leave(a, p, "/long-xxxxxxxxxxxxxxxxxxxxxxxxxx");
    join(a, p, "/long-xxxxxxxxxxxxxxxxxxxxxxxxxxx", "Namespace name too long");
    const char *const junk[] = { "/course-*",    "/course-",    "/course-\x01",
                                 "/course-\xff", "/course-1/2", "/course-\xc2\x85" };
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        join(a, p, junk[i], "Invalid namespace");
    assert_int_equal(children(a, "/course-*"), 2);
    assert_int_equal(children(a, "/long-*"), 0);
}

static void a_long_name_is_refused(void **state)
{
    struct app *a = *state;
    size_t n = 1000 * 1000;
    char *packet = lec_alloc(n + 1);
    memset(packet, 'x', n);
    memcpy(packet, "0/course-", 9);
    packet[n] = '\0';
    struct fake_peer *p = app_join(a);
    p->room = 4 * n;
    app_text(a, p, packet);
    assert_non_null(strstr(fake_sent(p), "{\"message\":\"Invalid namespace\"}"));
    offer(a, "", "/course-*");
    app_text(a, p, packet);
    assert_non_null(strstr(fake_sent(p), "{\"message\":\"Namespace name too long\"}"));
    assert_non_null(p->session);
    free(packet);
}

static void the_strongest_counts(void **state)
{
    struct app *a = *state;
    offer(a, "/course-1", "/course-* /*-7 /*");
    struct fake_peer *p = app_join(a), *q = app_join(a);
    join(a, p, "/course-1", NULL);
    join(a, p, "/course-7", NULL);
    join(a, p, "/x-7", NULL);
    join(a, q, "/x", NULL);
    assert_pattern(a, "/course-1", "");
    assert_pattern(a, "/course-7", "/course-*");
    assert_pattern(a, "/x-7", "/*-7");
    assert_pattern(a, "/x", "/*");
    assert_true(lec_slice_is(sio_server_match(a->io, S("/y")), "/*"));
    assert_int_equal(sio_server_match(a->io, S("/y/z")).n, 0);
    assert_null(sio_server_pattern(a->io, S("/y")));
    assert_null(sio_server_pattern(a->io, S("")));
}

static void offers_change(void **state)
{
    struct app *a = *state;
    offer(a, "/chat /old-1 /old-2", "/course-*");
    struct fake_peer *p = app_join(a), *q = app_join(a);
    join(a, p, "/course-7", NULL);
    join(a, p, "/old-1", NULL);
    fake_sent(p);

    /* nothing changes for who is in a namespace; nobody new comes in without a pattern */
    app_journal(a);
    offer(a, "/chat", "/old-*");
    assert_journal(a, "");
    assert_sent(p, "");
    assert_pattern(a, "/course-7", "");
    join(a, q, "/course-7", "Invalid namespace");
    join(a, q, "/course-8", "Invalid namespace");
    assert_int_equal(app_broadcast(find(a, "/course-7"), "", "", NULL, "[\"x\"]"), 1);
    /* names that are matched now are dynamic, and gone if they are empty */
    assert_pattern(a, "/old-1", "/old-*");
    assert_null(find(a, "/old-2"));
    assert_int_equal(children(a, "/old-*"), 1);

    offer(a, "/chat", "/*-7 /course-*");
    assert_pattern(a, "/course-7", "/*-7");
    assert_pattern(a, "/old-1", "");
    join(a, q, "/course-7", NULL);
    leave(a, p, "/old-1");
    assert_null(find(a, "/old-1"));

    /* a name of its own: it stays */
    offer(a, "/course-7", "/course-*");
    assert_pattern(a, "/course-7", "");
    leave(a, p, "/course-7");
    leave(a, q, "/course-7");
    assert_non_null(find(a, "/course-7"));
    assert_int_equal(children(a, "/course-*"), 0);
    offer(a, "", "/course-*");
    assert_null(find(a, "/course-7"));

    join(a, p, "/course-7", NULL);
    offer(a, "", "");
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_null(find(a, "/course-7"));
    assert_non_null(find(a, "/"));
    assert_non_null(find(a, "/chat"));
}

static void closing_one_counts_it_off(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    struct fake_peer *p = app_join(a);
    for (int i = 0; i < 8; i++) { /* max_dynamic_namespaces is 3 */
        join(a, p, "/course-7", NULL);
        sio_server_close_namespace(a->io, find(a, "/course-7"));
        assert_sent(p, "41/course-7,");
        assert_null(find(a, "/course-7"));
    }
    join(a, p, "/course-7", NULL);
    sio_server_of(a->io, S("/course-7"));
    leave(a, p, "/course-7");
    assert_non_null(find(a, "/course-7"));
}

static size_t emit(struct app *a, const char *name, const char *json)
{
    struct sio_target all = { 0 };
    return sio_server_emit(a->io, S(name), &all, &(struct sio_payload){ .json = S(json) }, false);
}

static void sends_to_all_children(void **state)
{
    struct app *a = *state;
    offer(a, "/course-0", "/course-*");
    struct fake_peer *p = app_join(a), *q = app_join(a);
    struct sio_socket *s = join(a, p, "/course-7", NULL);
    join(a, p, "/course-8", NULL);
    join(a, q, "/course-8", NULL);
    join(a, q, "/course-0", NULL);
    assert_int_equal(emit(a, "/course-*", "[\"x\"]"), 3);
    assert_sent(p, "42/course-7,[\"x\"] 42/course-8,[\"x\"]");
    assert_sent(q, "42/course-8,[\"x\"]");
    assert_int_equal(emit(a, "/course-7", "[\"y\"]"), 1);
    assert_int_equal(emit(a, "/course-9", "[\"y\"]"), 0);
    assert_int_equal(emit(a, "/other-*", "[\"y\"]"), 0);
    assert_null(find(a, "/course-9"));

    size_t n;
    struct sio_target all = { 0 };
    struct sio_socket **found = sio_server_select(a->io, S("/course-*"), &all, &n);
    assert_int_equal(n, 3);
    free(found);
    struct lec_slice room = S("room");
    struct sio_target some = { .rooms = &room, .n_rooms = 1 };
    assert_int_equal(sio_socket_join(s, room), LEC_OK);
    found = sio_server_select(a->io, S("/course-*"), &some, &n);
    assert_int_equal(n, 1);
    assert_ptr_equal(found[0], s);
    free(found);
    assert_null(sio_server_select(a->io, S("/other-*"), &all, &n));
    assert_int_equal(n, 0);
}

static void close_all_children(struct app *a, struct sio_socket *s)
{
    (void)s;
    for (struct fake_peer *p = a->engine.peers; p; p = p->next)
        if (p->session)
            fake_close(&a->engine, p, EIO_TRANSPORT_ERROR);
    offer(a, "", "");
}

/* A child's slow client is cut off, and what hears of it ends all others, and the pattern. */
static void children_go_meanwhile(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    struct fake_peer *p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = app_join(a);
        join(a, p[i], i == 0 ? "/course-1" : i == 1 ? "/course-2" : "/course-3", NULL);
    }
    p[0]->room = 0;
    a->on_disconnect = close_all_children;
    assert_int_equal(emit(a, "/course-*", "[\"x\"]"), 0);
    a->on_disconnect = NULL;
    assert_null(find(a, "/course-3"));
    fake_turn(&a->engine, 1);
}

/* Numbers of a namespace that is gone mean nothing in the next one of that name. */
static void numbers_go_on(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    struct fake_peer *p = app_join(a);
    struct sio_payload question = { .json = S("[\"q\"]") };
    struct sio_socket *s = join(a, p, "/course-7", NULL);
    int64_t first, second;
    sio_ack_fn *nobody = NULL;
    assert_int_equal(sio_socket_emit_ack(s, &question, 0, nobody, NULL, &first), LEC_OK);
    sio_socket_forget_ack(s, first);
    leave(a, p, "/course-7");
    s = join(a, p, "/course-7", NULL);
    assert_int_equal(sio_socket_emit_ack(s, &question, 0, nobody, NULL, &second), LEC_OK);
    assert_true(second > first);
    sio_socket_forget_ack(s, second);
}

/* --- with recovery --- */

static void copy_member(char *out, const char *text, const char *before)
{
    const char *at = strstr(text, before);
    assert_non_null(at);
    memcpy(out, at + strlen(before), LEC_ID_LEN);
    out[LEC_ID_LEN] = '\0';
}

static void lives_until_nobody_may_come_back(void **state)
{
    struct app *a = *state;
    char pid[LEC_ID_LEN + 1], packet[128];
    offer(a, "", "/course-*");
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0/course-7,");
    copy_member(pid, fake_sent(p), "\"pid\":\"");
    app_emit(a->last, "[\"x\"]");
    app_emit(a->last, "[\"y\"]");
    assert_sent(p, "42/course-7,[\"x\",\"1\"] 42/course-7,[\"y\",\"2\"]");
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(children(a, "/course-*"), 1);
    assert_int_equal(emit(a, "/course-*", "[\"missed\"]"), 0);
    fake_turn(&a->engine, 900);
    p = fake_open(&a->engine);
    snprintf(packet, sizeof packet, "0/course-7,{\"pid\":\"%s\",\"offset\":\"2\"}", pid);
    app_text(a, p, packet);
    assert_non_null(strstr(fake_sent(p), "42/course-7,[\"missed\",\"3\"] 40/course-7,{"));

    /* away for too long: gone, and its log with it */
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    fake_turn(&a->engine, 900);
    assert_non_null(find(a, "/course-7"));
    fake_turn(&a->engine, 200);
    assert_null(find(a, "/course-7"));
    assert_int_equal(a->kept, 0);
    app_journal(a);

    /* What the client believes to have of the old one hides nothing of the new. */
    p = fake_open(&a->engine);
    app_text(a, p, "0/course-7,");
    copy_member(pid, fake_sent(p), "\"pid\":\"");
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    for (int i = 0; i < 3; i++)
        emit(a, "/course-7", "[\"new\"]");
    p = fake_open(&a->engine);
    snprintf(packet, sizeof packet, "0/course-7,{\"pid\":\"%s\",\"offset\":\"2\"}", pid);
    app_text(a, p, packet);
    const char *sent = fake_sent(p);
    const char *all =
        "42/course-7,[\"new\",\"4\"] 42/course-7,[\"new\",\"5\"] 42/course-7,[\"new\",\"6\"] 40";
    assert_memory_equal(sent, all, strlen(all));
    /* who leaves on purpose keeps nothing alive */
    leave(a, p, "/course-7");
    assert_null(find(a, "/course-7"));
}

static void orphans_and_the_absent(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    for (char c = '1'; c <= '3'; c++) {
        char packet[] = "0/course-x,";
        packet[9] = c;
        struct fake_peer *p = fake_open(&a->engine);
        app_text(a, p, packet);
        if (c < '3')
            fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    }
    offer(a, "", "");
    struct fake_peer *p = fake_open(&a->engine);
    join(a, p, "/course-1", "Invalid namespace");
    offer(a, "", "/course-*");
    app_text(a, p, "0/course-1,");
    leave(a, p, "/course-1");
    assert_non_null(find(a, "/course-1")); /* the first one may still come back */
    sio_server_end_recovery(a->io);
    assert_null(find(a, "/course-1"));
    assert_null(find(a, "/course-2"));
    assert_non_null(find(a, "/course-3"));
    assert_int_equal(a->kept, 0);
}

/* The server stops, and its script is freed before it: nothing may be kept in what is made from now on. */
static void made_after_the_end_of_recovery(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    sio_server_end_recovery(a->io);
    struct fake_peer *p = fake_open(&a->engine);
    app_text(a, p, "0/course-1,");
    assert_null(strstr(fake_sent(p), "pid"));
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(a->kept, 0);
    assert_null(find(a, "/course-1"));
}

/* However many namespaces clients make, what is kept in them together is bounded. */
static void keep_equal_parts(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    char json[1024] = "[\"";
    memset(json + 2, 'x', sizeof json - 5);
    strcpy(json + sizeof json - 3, "\"]");
    offer(a, "", "/course-*");
    for (char c = '1'; c <= '3'; c++) {
        char name[] = "/course-x";
        name[8] = c;
        join(a, p, name, NULL);
    }
    const struct sio_log *one = &find(a, "/course-1")->recovery->log,
                         *main = &a->main->recovery->log;
    a->io->cfg.recovery_max_dynamic_bytes = 30000;
    app_join(a);
    for (int i = 0; i < 30; i++) {
        emit(a, "/course-*", json);
        emit(a, "/", json);
    }
    assert_in_range(one->bytes, 8000, 10000);
    assert_int_equal(main->count, 30);
    leave(a, p, "/course-2");
    leave(a, p, "/course-3");
    for (int i = 0; i < 30; i++)
        emit(a, "/course-*", json);
    assert_in_range(one->bytes, 28000, 30000);
    a->io->cfg.recovery_max_dynamic_bytes = 1000000;
    a->io->cfg.recovery_max_bytes = 5000;
    emit(a, "/course-*", json);
    assert_in_range(one->bytes, 3000, 5000);

    /* so many absent ones */
    a->io->cfg.recovery_max_dynamic_bytes = 3000;
    for (int i = 0; i < 4; i++) {
        struct fake_peer *q = fake_open(&a->engine);
        join(a, q, "/course-1", NULL);
        fake_close(&a->engine, q, EIO_TRANSPORT_CLOSE);
    }
    assert_int_equal(a->kept, 2);
}

static void end_the_other(struct app *a, struct sio_socket *s)
{
    struct sio_socket *other = a->ctx;
    (void)s;
    a->ctx = NULL;
    if (!other)
        return;
    sio_socket_disconnect(other, false);
    assert_int_equal(emit(a, "/course-1", "[\"gone\"]"), 0);
}

/* Nobody is in it any more when the other one goes, but who is on the way out may come back. */
static void outlives_who_left_in_a_callback(void **state)
{
    struct app *a = *state;
    offer(a, "", "/course-*");
    char pid[LEC_ID_LEN + 1], packet[128];
    struct fake_peer *p = fake_open(&a->engine), *q = fake_open(&a->engine);
    app_text(a, p, "0/course-1,");
    copy_member(pid, fake_sent(p), "\"pid\":\"");
    app_emit(a->last, "[\"x\"]");
    a->ctx = join(a, q, "/course-1", NULL);
    a->on_disconnect = end_the_other;
    fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
    assert_int_equal(a->kept, 1);
    assert_non_null(find(a, "/course-1"));
    p = fake_open(&a->engine);
    snprintf(packet, sizeof packet, "0/course-1,{\"pid\":\"%s\",\"offset\":\"1\"}", pid);
    app_text(a, p, packet);
    assert_non_null(strstr(fake_sent(p), "42/course-1,[\"gone\",\"2\"] 40/course-1,{"));
    leave(a, p, "/course-1");
    assert_null(find(a, "/course-1"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, app_setup, app_teardown)
#define R(name) cmocka_unit_test_setup_teardown(name, app_setup_recovery, app_teardown)
    const struct CMUnitTest tests[] = {
        T(lives_while_somebody_is_in_it),
        T(goes_with_a_refusal),
        T(limits),
        T(a_long_name_is_refused),
        T(the_strongest_counts),
        T(offers_change),
        T(closing_one_counts_it_off),
        T(sends_to_all_children),
        T(children_go_meanwhile),
        T(numbers_go_on),
        R(lives_until_nobody_may_come_back),
        R(orphans_and_the_absent),
        R(keep_equal_parts),
        R(made_after_the_end_of_recovery),
        R(outlives_who_left_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
