/* Clients that speak msgpack beside those of the default form. What they say and hear is written here
 * in the default form; the two forms themselves are tested in test_msgpack.c. */
#include "base/id.h"
#include "harness.h"
#include "socketio/internal.h"
#include "socketio/msgpack.h"
#include "socketio/question.h"

#define MAX_ATTACHMENTS 3

static const struct sio_limits limits = { .max_attachments = MAX_ATTACHMENTS, .max_depth = 16 };

/* Sends a packet of the default form, with one attachment or none (bytes is NULL), as msgpack. */
static void say(struct app *a, struct fake_peer *p, const char *packet, const char *bytes)
{
    struct lec_buf text = { 0 };
    lec_buf_printf(&text, "4%s", packet);
    struct lec_msg *in = lec_msg_copy(false, text.p, text.n);
    struct lec_msg *bin = lec_msg_copy(true, bytes, bytes ? strlen(bytes) : 0);
    struct lec_msg *m = sio_msgpack_encode(in, &bin);
    assert_non_null(m);
    fake_binary(&a->engine, p, lec_msg_data(m), m->len);
    lec_msg_unref(m);
    lec_msg_unref(bin);
    lec_msg_unref(in);
    lec_buf_fini(&text);
}

/* The default form of the message that a word of fake_sent is: "<hex>". */
static void read_word(struct lec_buf *out, const char *word)
{
    struct lec_buf bytes = { 0 }, json = { 0 }, bins = { 0 };
    struct sio_packet p;
    unsigned byte;
    assert_int_equal(*word, '<');
    for (word++; *word != '>'; word += 2) {
        assert_int_equal(sscanf(word, "%2x", &byte), 1);
        lec_buf_addc(&bytes, (char)byte);
    }
    assert_int_equal(sio_msgpack_decode(&p, lec_buf_slice(&bytes), &limits, &json, &bins), LEC_OK);
    struct lec_msg *text = sio_packet_encode(p.type, p.nsp, p.id, p.attachments, p.json);
    lec_buf_add(out, lec_msg_data(text), text->len);
    for (unsigned i = 0; i < p.attachments; i++) {
        struct lec_slice bin;
        memcpy(&bin, bins.p + i * sizeof bin, sizeof bin);
        lec_buf_printf(out, " <%.*s>", (int)bin.n, bin.p);
    }
    lec_msg_unref(text);
    lec_buf_fini(&bytes);
    lec_buf_fini(&json);
    lec_buf_fini(&bins);
}

/* As fake_sent, of a peer that gets nothing but msgpack. Ids of sockets are shown as ID. */
static const char *heard(struct fake_peer *p)
{
    static char shown[2048];
    struct lec_buf out = { 0 };
    char *text = strdup(fake_sent(p)), *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (out.n > 0)
            lec_buf_addc(&out, ' ');
        read_word(&out, word);
    }
    snprintf(shown, sizeof shown, "%s", lec_buf_str(&out));
    for (char *id = shown; (id = strstr(id, "id\":\""));) {
        id += 5;
        memmove(id + 2, id + LEC_ID_LEN, strlen(id + LEC_ID_LEN) + 1);
        memcpy(id, "ID", 2);
    }
    free(text);
    lec_buf_fini(&out);
    return shown;
}

#define assert_heard(peer, text) assert_string_equal(heard(peer), text)

static struct fake_peer *join(struct app *a)
{
    struct fake_peer *p = fake_open(&a->engine);
    say(a, p, "0", NULL);
    assert_true(sio_socket_connected(a->last));
    fake_sent(p);
    app_journal(a);
    return p;
}

static const char HOLDS_ONE[] = "[\"b\",{\"_placeholder\":true,\"num\":0}]";

static void speaks_it_from_the_first_packet_on(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/x"));
    struct fake_peer *p = fake_open(&a->engine);
    say(a, p, "0{\"token\":\"t\"}", NULL);
    assert_heard(p, "40{\"sid\":\"ID\"}");
    say(a, p, "0/x,", NULL);
    assert_heard(p, "40/x,{\"sid\":\"ID\"}");
    say(a, p, "0/nope,", NULL);
    assert_heard(p, "44/nope,{\"message\":\"Invalid namespace\"}");
    assert_journal(a, "connect(/,{\"token\":\"t\"}) connect(/x,{})");

    struct sio_socket *x = a->last;
    say(a, p, "2[\"hi\",[1.5,null]]", NULL);
    say(a, p, "2/x,7[\"a\\nb\"]", NULL);
    say(a, p, "51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "AB");
    assert_journal(a, "event(/,hi,[\"hi\",[1.5,null]]) event(/x,a\nb,[\"a\\nb\"],#7) "
                      "event(/,b,[\"b\",{\"_placeholder\":true,\"num\":0}],<4142>)");
    assert_int_equal(a->counters.events_in, 3);
    assert_int_equal(sio_socket_ack(x, 7, &(struct sio_payload){ .json = S("[true]") }), LEC_OK);
    assert_heard(p, "43/x,7[true]");
    app_emit(x, "[\"e\",{}]");
    assert_heard(p, "42/x,[\"e\",{}]");

    sio_socket_disconnect(x, false);
    assert_heard(p, "41/x,");
    say(a, p, "2/x,[\"late\"]", NULL);
    say(a, p, "1", NULL);
    assert_journal(a, "disconnect(/x,server namespace disconnect) free(/x) "
                      "disconnect(/,client namespace disconnect) free(/)");
    assert_non_null(p->session);
}

static void is_refused(void **state)
{
    struct app *a = *state;
    a->hold = true;
    struct fake_peer *p = fake_open(&a->engine);
    say(a, p, "0", NULL);
    sio_socket_refuse(a->last, "no \"way\"", S("{\"code\":[42]}"));
    assert_heard(p, "44{\"message\":\"no \\\"way\\\"\",\"data\":{\"code\":[42]}}");
}

static void is_closed(void **state)
{
    struct app *a = *state;
    sio_server_of(a->io, S("/x"));
    struct fake_peer *p = join(a);
    say(a, p, "0/x,", NULL);
    fake_sent(p);
    sio_socket_disconnect(a->last, true);
    assert_heard(p, "41 41/x,");
}

static void keep_ack(void *ctx, int err, const struct sio_payload *args)
{
    assert_int_equal(err, LEC_OK);
    assert_int_equal(args->n_attachments, 1);
    assert_true(lec_slice_is(lec_msg_payload(args->attachments[0]), "AB"));
    lec_buf_add(ctx, args->json.p, args->json.n);
}

static void answers(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = join(a);
    struct lec_buf answer = { 0 };
    struct lec_msg *bin = lec_msg_copy(true, "Q", 1);
    struct sio_payload event = { S(HOLDS_ONE), &bin, 1 };
    int64_t id;
    assert_int_equal(sio_socket_emit_ack(a->last, &event, 1000, keep_ack, &answer, &id), LEC_OK);
    assert_heard(p, "451-0[\"b\",{\"_placeholder\":true,\"num\":0}] <Q>");
    say(a, p, "61-0[1,{\"_placeholder\":true,\"num\":0}]", "AB");
    assert_true(lec_slice_is(lec_buf_slice(&answer), "[1,{\"_placeholder\":true,\"num\":0}]"));
    assert_int_equal(sio_socket_ack(a->last, 3, &event), LEC_OK);
    assert_heard(p, "461-3[\"b\",{\"_placeholder\":true,\"num\":0}] <Q>");
    lec_msg_unref(bin);
    lec_buf_fini(&answer);
}

static void a_broadcast_is_encoded_once_a_form(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = join(a), *q = app_join(a), *r = join(a), *s = app_join(a);
    struct lec_msg *bin = lec_msg_copy(true, "AB", 2);
    struct sio_payload event = { S(HOLDS_ONE), &bin, 1 };
    assert_int_equal(app_broadcast(a->main, "", "", NULL, "[\"hi\"]"), 4);
    assert_int_equal(sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, false), 4);
    assert_heard(p, "42[\"hi\"] 451-[\"b\",{\"_placeholder\":true,\"num\":0}] <AB>");
    assert_sent(q, "42[\"hi\"] 451-[\"b\",{\"_placeholder\":true,\"num\":0}] <4142>");
    assert_ptr_equal(p->last_binary, r->last_binary);
    assert_int_equal(p->last_binary->refs, 2);
    assert_null(p->last);
    assert_ptr_equal(q->last, s->last);
    assert_int_equal(q->last->refs, 2);
    assert_ptr_equal(q->last_binary, bin);
    assert_int_equal(bin->refs, 3);
    lec_msg_unref(bin);

    p->writable = q->writable = false;
    event = (struct sio_payload){ .json = S("[\"v\"]") };
    heard(r);
    fake_sent(s);
    assert_int_equal(sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, true), 2);
    assert_heard(p, "");
    assert_heard(r, "42[\"v\"]");
    assert_sent(s, "42[\"v\"]");
    assert_int_equal(a->counters.volatile_dropped, 2);
}

static int take_answer(void *ctx, size_t i, const struct sio_payload *args)
{
    char *answers = ctx;
    answers[i] = args->json.p[1];
    return LEC_OK;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void a_question_too(void **state)
{
    static const struct sio_question_events events = { take_answer, nothing };
    struct app *a = *state;
    struct fake_peer *peers[3];
    struct sio_socket *sockets[3];
    char answers[3];
    for (int i = 0; i < 3; i++) {
        peers[i] = i == 1 ? app_join(a) : join(a);
        sockets[i] = a->last;
    }
    struct sio_payload event = { .json = S("[\"q\"]") };
    struct sio_question *q = sio_question_new(a->main, sockets, 3, &event, 0, &events, answers);
    assert_heard(peers[0], "420[\"q\"]");
    assert_sent(peers[1], "420[\"q\"]");
    assert_ptr_equal(peers[0]->last_binary, peers[2]->last_binary);
    say(a, peers[0], "30[1]", NULL);
    app_text(a, peers[1], "30[2]");
    say(a, peers[2], "30[3]", NULL);
    assert_memory_equal(answers, "123", 3);
    sio_question_free(q);
}

static void what_waits_comes_in_its_form(void **state)
{
    struct app *a = *state;
    a->hold = true;
    struct fake_peer *p = fake_open(&a->engine);
    say(a, p, "0", NULL);
    struct lec_msg *bin = lec_msg_copy(true, "AB", 2), *two[] = { bin, bin };
    struct sio_payload one = { S(HOLDS_ONE), &bin, 1 },
                       both = { S("[{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,"
                                  "\"num\":0}]"),
                                two, 2 };
    app_emit(a->last, "[\"first\"]");
    assert_int_equal(sio_socket_emit(a->last, &one, false), LEC_OK);
    assert_int_equal(sio_socket_emit(a->last, &both, false), LEC_OK);
    app_emit(a->last, "[\"last\"]");
    lec_msg_unref(bin);
    sio_socket_accept(a->last);
    struct lec_buf words = { 0 };
    char *text = strdup(fake_sent(p)), *save = NULL;
    int count = 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save), count++)
        if (count == 1 || count == 2 || count == 4)
            read_word(&words, word);
    assert_int_equal(count, 5);
    assert_string_equal(
        lec_buf_str(&words),
        "42[\"first\"]451-[\"b\",{\"_placeholder\":true,\"num\":0}] <AB>42[\"last\"]");
    free(text);
    lec_buf_fini(&words);
}

static void what_was_missed_comes_in_the_form_of_who_comes_back(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = fake_open(&a->engine);
    say(a, p, "0", NULL);
    struct sio_socket *s = a->last;
    app_emit(s, "[\"a\"]");
    char back[128];
    /* The socket's secret is in the CONNECT packet. */
    struct lec_buf connect = { 0 };
    char *first = strtok(strdup(fake_sent(p)), " ");
    read_word(&connect, first);
    const char *pid = strstr(lec_buf_str(&connect), "\"pid\":\"") + 7;
    snprintf(back, sizeof back, "0{\"pid\":\"%.20s\",\"offset\":\"1\"}", pid);
    free(first);
    lec_buf_fini(&connect);

    for (int round = 0; round < 2; round++) {
        fake_close(&a->engine, p, EIO_TRANSPORT_CLOSE);
        if (round == 0) {
            struct lec_msg *bin = lec_msg_copy(true, "AB", 2);
            struct sio_payload event = { S(HOLDS_ONE), &bin, 1 };
            app_broadcast(a->main, "", "", NULL, "[\"b\"]");
            sio_namespace_emit(a->main, &(struct sio_target){ 0 }, &event, false);
            lec_msg_unref(bin);
        }
        p = fake_open(&a->engine);
        if (round == 0) {
            say(a, p, back, NULL);
            assert_heard(p, "42[\"b\",\"2\"] "
                            "451-[\"b\",{\"_placeholder\":true,\"num\":0},\"3\"] <AB> "
                            "40{\"sid\":\"ID\",\"pid\":\"ID\"}");
        } else {
            app_text(a, p, back); /* nobody does so, but it is a matter of the connection alone */
            assert_non_null(strstr(fake_sent(p),
                                   "42[\"b\",\"2\"] 451-[\"b\",{\"_placeholder\":true,"
                                   "\"num\":0},\"3\"] <4142> 40{"));
        }
        assert_int_equal(sio_socket_recovery(a->last), SIO_RECOVERED);
    }
}

static void the_other_form_closes(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = join(a), *q = app_join(a);
    app_text(a, p, "2[\"hi\"]");
    assert_null(p->session);
    assert_journal(a, "disconnect(/,forced close) free(/)");
    say(a, q, "2[\"hi\"]", NULL);
    assert_null(q->session);
    assert_journal(a, "disconnect(/,forced close) free(/)");
    assert_int_equal(a->counters.clients_bad_packet, 2);
}

static void garbage_closes(void **state)
{
    struct app *a = *state;
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        { "", 0 },
        { "\x80", 1 },
        { "2[\"hi\"]", 7 },
        { "\xdd\xff\xff\xff\xff", 5 },
    };
    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
        struct fake_peer *p = i % 2 ? join(a) : fake_open(&a->engine);
        fake_binary(&a->engine, p, bad[i / 2].bytes, bad[i / 2].n);
        assert_null(p->session);
        assert_true(p->discarded);
        assert_journal(a, i % 2 ? "disconnect(/,forced close) free(/)" : "");
    }
    static const char *const texts[] = {
        "0",            /* joined already */
        "2/x,[\"hi\"]", /* never joined */
        "3/x,1[]",
        "1/x,",
        "4{\"message\":\"no\"}", /* only servers say so */
        "2[\"a name that is too long\"]",
        "2[[]]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fake_peer *p = join(a);
        say(a, p, texts[i], NULL);
        if (p->session)
            fail_msg("took %s", texts[i]);
        app_journal(a);
    }
}

static void attachments_together(void **state)
{
    struct app *a = *state;
    struct fake_peer *p = join(a);
    a->io->cfg.max_attachment_bytes = 4;
    say(a, p, "51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "ABCD");
    assert_int_equal(a->counters.events_in, 1);
    assert_non_null(p->session);
    say(a, p, "51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "ABCDE");
    assert_int_equal(a->counters.events_in, 1);
    assert_null(p->session);
    assert_int_equal(a->counters.clients_bad_packet, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)
    const struct CMUnitTest tests[] = {
        T(speaks_it_from_the_first_packet_on),
        T(is_refused),
        T(is_closed),
        T(answers),
        T(a_broadcast_is_encoded_once_a_form),
        T(a_question_too),
        T(what_waits_comes_in_its_form),
        cmocka_unit_test_setup_teardown(what_was_missed_comes_in_the_form_of_who_comes_back,
                                        app_setup_recovery, app_teardown),
        T(the_other_form_closes),
        T(garbage_closes),
        T(attachments_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
