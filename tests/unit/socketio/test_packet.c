/* The decoder against every example and refusal of the protocol, and the encoder byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socketio/packet.h"

static const struct sio_limits limits = { .max_attachments = 10, .max_depth = 5 };

static const struct good {
    const char *text;
    enum sio_type type;
    unsigned attachments;
    const char *nsp;
    int64_t id;
    const char *json, *event;
    const char *encoded; /* behind the '4'; NULL: as text */
} good[] = {
    { "0", SIO_CONNECT, 0, "/", -1, "", "", NULL },
    { "0{\"token\":\"123\"}", SIO_CONNECT, 0, "/", -1, "{\"token\":\"123\"}", "", NULL },
    { "0{}", SIO_CONNECT, 0, "/", -1, "{}", "", NULL },
    { "0/admin,", SIO_CONNECT, 0, "/admin", -1, "", "", NULL },
    { "0/admin,{\"token\":\"1\"}", SIO_CONNECT, 0, "/admin", -1, "{\"token\":\"1\"}", "", NULL },
    { "0/custom", SIO_CONNECT, 0, "/custom", -1, "", "", "0/custom," },
    { "0/,{}", SIO_CONNECT, 0, "/", -1, "{}", "", "0{}" },
    { "0/admin?x=1,", SIO_CONNECT, 0, "/admin?x=1", -1, "", "", NULL },
    { "1", SIO_DISCONNECT, 0, "/", -1, "", "", NULL },
    { "1/admin,", SIO_DISCONNECT, 0, "/admin", -1, "", "", NULL },
    { "1/custom", SIO_DISCONNECT, 0, "/custom", -1, "", "", "1/custom," },
    { "2[\"foo\"]", SIO_EVENT, 0, "/", -1, "[\"foo\"]", "foo", NULL },
    { "2/admin,[\"bar\"]", SIO_EVENT, 0, "/admin", -1, "[\"bar\"]", "bar", NULL },
    { "212[\"foo\"]", SIO_EVENT, 0, "/", 12, "[\"foo\"]", "foo", NULL },
    { "2/admin,13[\"x\",1]", SIO_EVENT, 0, "/admin", 13, "[\"x\",1]", "x", NULL },
    { "200[\"x\"]", SIO_EVENT, 0, "/", 0, "[\"x\"]", "x", "20[\"x\"]" },
    { "29007199254740991[\"x\"]", SIO_EVENT, 0, "/", 9007199254740991, "[\"x\"]", "x", NULL },
    { "29223372036854775807[\"x\"]", SIO_EVENT, 0, "/", INT64_MAX, "[\"x\"]", "x", NULL },
    { "29223372036854775808[\"x\"]", SIO_EVENT, 0, "/", SIO_NO_ID, "[\"x\"]", "x", "2[\"x\"]" },
    { "218446744073709551617[\"x\"]", SIO_EVENT, 0, "/", SIO_NO_ID, "[\"x\"]", "x", "2[\"x\"]" },
    { "2999999999999999999999[\"x\"]", SIO_EVENT, 0, "/", SIO_NO_ID, "[\"x\"]", "x", "2[\"x\"]" },
    { "2/a,999999999999999999999999999[\"x\"]", SIO_EVENT, 0, "/a", SIO_NO_ID, "[\"x\"]", "x",
      "2/a,[\"x\"]" },
    { "2[1,2]", SIO_EVENT, 0, "/", -1, "[1,2]", "1", NULL },
    { "2[-1.5e3]", SIO_EVENT, 0, "/", -1, "[-1.5e3]", "-1.5e3", NULL },
    { "2[\"\"]", SIO_EVENT, 0, "/", -1, "[\"\"]", "", NULL },
    { "2[\"\\u0061\"]", SIO_EVENT, 0, "/", -1, "[\"\\u0061\"]", "\\u0061", NULL },
    { "2[\"connected\",{}]", SIO_EVENT, 0, "/", -1, "[\"connected\",{}]", "connected", NULL },
    { "2[\"disconnec\\u0054\"]", SIO_EVENT, 0, "/", -1, "[\"disconnec\\u0054\"]",
      "disconnec\\u0054", NULL },
    { "2[\"a\",{\"_placeholder\":true,\"num\":7}]", SIO_EVENT, 0, "/", -1,
      "[\"a\",{\"_placeholder\":true,\"num\":7}]", "a", NULL },
    { "2[\"x\",[[[[]]]]]", SIO_EVENT, 0, "/", -1, "[\"x\",[[[[]]]]]", "x", NULL },
    { "312[]", SIO_ACK, 0, "/", 12, "[]", "", NULL },
    { "3/admin,13[\"bar\"]", SIO_ACK, 0, "/admin", 13, "[\"bar\"]", "", NULL },
    { "3[]", SIO_ACK, 0, "/", -1, "[]", "", NULL },
    { "30[null]", SIO_ACK, 0, "/", 0, "[null]", "", NULL },
    { "4{\"message\":\"Not authorized\"}", SIO_CONNECT_ERROR, 0, "/", -1,
      "{\"message\":\"Not authorized\"}", "", NULL },
    { "4/mw,\"no\"", SIO_CONNECT_ERROR, 0, "/mw", -1, "\"no\"", "", NULL },
    { "41", SIO_CONNECT_ERROR, 0, "/", 1, "", "", NULL },
    { "51-[\"baz\",{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_EVENT, 1, "/", -1,
      "[\"baz\",{\"_placeholder\":true,\"num\":0}]", "baz", NULL },
    { "52-/admin,456[\"baz\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]",
      SIO_BINARY_EVENT, 2, "/admin", 456,
      "[\"baz\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]", "baz",
      NULL },
    { "51-[\"b\",[{\"a\":{\"num\":0,\"_placeholder\":true}}]]", SIO_BINARY_EVENT, 1, "/", -1,
      "[\"b\",[{\"a\":{\"num\":0,\"_placeholder\":true}}]]", "b", NULL },
    { "51-[\"same twice\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
      SIO_BINARY_EVENT, 1, "/", -1,
      "[\"same twice\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
      "same twice", NULL },
    { "51-[\"no use of it\",{\"num\":9},{\"_placeholder\":false,\"num\":9}]", SIO_BINARY_EVENT, 1,
      "/", -1, "[\"no use of it\",{\"num\":9},{\"_placeholder\":false,\"num\":9}]", "no use of it",
      NULL },
    { "51-[\"last counts\",{\"_placeholder\":true,\"num\":9,\"num\":0}]", SIO_BINARY_EVENT, 1, "/",
      -1, "[\"last counts\",{\"_placeholder\":true,\"num\":9,\"num\":0}]", "last counts", NULL },
    { "510-[7]", SIO_BINARY_EVENT, 10, "/", -1, "[7]", "7", NULL },
    { "61-/admin,1[{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_ACK, 1, "/admin", 1,
      "[{\"_placeholder\":true,\"num\":0}]", "", NULL },
};

static void assert_slice(struct lec_slice s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.n ? s.p : "", expected, s.n);
}

static void takes_what_is_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct good *g = &good[i];
        struct sio_packet p;
        if (sio_packet_decode(&p, lec_slice_str(g->text), &limits) != LEC_OK)
            fail_msg("refused: %s", g->text);
        assert_int_equal(p.type, g->type);
        assert_int_equal(p.attachments, g->attachments);
        assert_slice(p.nsp, g->nsp);
        assert_int_equal(p.id, g->id);
        assert_slice(p.json, g->json);
        assert_slice(p.event, g->event);
        assert_int_equal(p.event_escaped, strchr(g->event, '\\') != NULL);

        struct lec_msg *m = sio_packet_encode(p.type, p.nsp, p.id, p.attachments, p.json);
        struct lec_slice out = lec_msg_payload(m);
        assert_false(m->binary);
        assert_int_equal(out.p[0], '4');
        assert_slice((struct lec_slice){ out.p + 1, out.n - 1 }, g->encoded ? g->encoded : g->text);
        lec_msg_unref(m);
    }
}

static const struct bad {
    const char *text;
    int rc;
} bad[] = {
    { "", LEC_EPROTO },
    { "abc", LEC_EPROTO },
    { "7", LEC_EPROTO },
    { "/", LEC_EPROTO },
    { "0[1]", LEC_EPROTO },
    { "0null", LEC_EPROTO },
    { "0\"x\"", LEC_EPROTO },
    { "0{", LEC_EPROTO },
    { "0{}x", LEC_EPROTO },
    { "0/admin,[]", LEC_EPROTO },
    { "1{}", LEC_EPROTO },
    { "1/admin,[]", LEC_EPROTO },
    { "2", LEC_EPROTO },
    { "212", LEC_EPROTO },
    { "2{}", LEC_EPROTO },
    { "2[]", LEC_EPROTO },
    { "2[null]", LEC_EPROTO },
    { "2[{}]", LEC_EPROTO },
    { "2[[\"x\"]]", LEC_EPROTO },
    { "2[true]", LEC_EPROTO },
    { "2\"x\"", LEC_EPROTO },
    { "2abc[\"x\"]", LEC_EPROTO },
    { "21.5[\"x\"]", LEC_EPROTO },
    { "2-1[\"x\"]", LEC_EPROTO },
    { "2[\"x\"", LEC_EPROTO },
    { "2[\"x\",]", LEC_EPROTO },
    { "2[\"x\"]]", LEC_EPROTO },
    { "2[\"x\"][\"y\"]", LEC_EPROTO },
    { "2[\"x\",01]", LEC_EPROTO },
    { "2[\"x\",NaN]", LEC_EPROTO },
    { "2[\"x\xff\"]", LEC_EPROTO },
    { "2[\"connect\"]", LEC_EPROTO },
    { "2[\"connect_error\"]", LEC_EPROTO },
    { "2[\"disconnect\"]", LEC_EPROTO },
    { "2[\"disconnecting\"]", LEC_EPROTO },
    { "2[\"newListener\"]", LEC_EPROTO },
    { "2[\"removeListener\"]", LEC_EPROTO },
    { "2[\"dis\\u0063onnect\"]", LEC_EPROTO },
    { "2[\"\\u006eewListener\"]", LEC_EPROTO },
    { "2/a,[\"disconnect\",1]", LEC_EPROTO },
    { "3", LEC_EPROTO },
    { "31", LEC_EPROTO },
    { "31{}", LEC_EPROTO },
    { "31null", LEC_EPROTO },
    { "4[1]", LEC_EPROTO },
    { "5", LEC_EPROTO },
    { "5[\"x\"]", LEC_EPROTO },
    { "51[\"x\"]", LEC_EPROTO },
    { "5-[\"x\"]", LEC_EPROTO },
    { "50-[\"x\"]", LEC_EPROTO },
    { "500-[\"x\"]", LEC_EPROTO },
    { "5-1-[\"x\"]", LEC_EPROTO },
    { "51.0-[\"x\"]", LEC_EPROTO },
    { "5abc-[\"x\"]", LEC_EPROTO },
    { "511-[\"x\"]", LEC_ETOOBIG },
    { "599999999999999999999-[\"x\"]", LEC_ETOOBIG },
    { "51-", LEC_EPROTO },
    { "51-[]", LEC_EPROTO },
    { "51-[\"disconnect\"]", LEC_EPROTO },
    { "51-{\"_placeholder\":true,\"num\":0}", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":1}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":-1}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":0.5}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":\"0\"}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":1e99}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":{}}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true}]", LEC_EPROTO },
    { "51-[\"x\",{\"_place\\u0068older\":true,\"n\\u0075m\":1}]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":0,\"num\":9}]", LEC_EPROTO },
    { "51-[\"x\",[{\"a\":{\"_placeholder\":true,\"num\":9}}]]", LEC_EPROTO },
    { "51-[\"x\",{\"_placeholder\":true,\"num\":0}", LEC_EPROTO },
    { "51-[\"x\"]x", LEC_EPROTO },
    { "60-1[]", LEC_EPROTO },
    { "61-1{}", LEC_EPROTO },
    { "61-1[{\"_placeholder\":true,\"num\":2}]", LEC_EPROTO },
    { "2[\"x\",[[[[[]]]]]]", LEC_ETOOBIG },
    { "51-[\"x\",[[[[[]]]]]]", LEC_ETOOBIG },
    { "0{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}", LEC_ETOOBIG },
};

static void refuses_what_is_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        /* In memory of exactly its size, so that the sanitizer sees a read behind it. */
        size_t n = strlen(bad[i].text);
        char *text = lec_alloc(n ? n : 1);
        memcpy(text, bad[i].text, n);
        struct sio_packet p;
        int rc = sio_packet_decode(&p, (struct lec_slice){ text, n }, &limits);
        if (rc != bad[i].rc)
            fail_msg("%d: %s", rc, bad[i].text);
        free(text);
    }
}

/* A packet that is cut off anywhere is refused, unless what is left is a packet by itself. */
static void refuses_what_is_cut_off(void **state)
{
    (void)state;
    const char *whole = "52-/admin,456[\"baz\",{\"_placeholder\":true,\"num\":1},\"\\u00e4\"]";
    for (size_t n = 0; n < strlen(whole); n++) {
        char *text = lec_alloc(n ? n : 1);
        memcpy(text, whole, n);
        struct sio_packet p;
        assert_int_equal(sio_packet_decode(&p, (struct lec_slice){ text, n }, &limits), LEC_EPROTO);
        free(text);
    }
}

static void makes_binary_forms(void **state)
{
    (void)state;
    struct lec_msg *m = sio_packet_encode(SIO_EVENT, LEC_SLICE("/a"), 7, 2, LEC_SLICE("[\"x\"]"));
    assert_slice(lec_msg_payload(m), "452-/a,7[\"x\"]");
    lec_msg_unref(m);
    m = sio_packet_encode(SIO_ACK, LEC_SLICE("/"), 9007199254740991, 10, LEC_SLICE("[]"));
    assert_slice(lec_msg_payload(m), "4610-9007199254740991[]");
    lec_msg_unref(m);
}

static void takes_the_query_off(void **state)
{
    (void)state;
    static const struct {
        const char *nsp, *name, *json;
    } cases[] = {
        { "/admin", "/admin", "{}" },
        { "/admin?", "/admin", "{}" },
        { "/?token=1", "/", "{\"token\":\"1\"}" },
        { "/a?x=1&y=b%20c+d&z", "/a", "{\"x\":\"1\",\"y\":\"b c d\",\"z\":\"\"}" },
        { "/a?x=%22%5c%0a", "/a", "{\"x\":\"\\\"\\\\\\n\"}" },
        { "/a?x=1&x=2", "/a", "{\"x\":\"1\",\"x\":\"2\"}" },
        { "/a?bad=%ff&x=1&%ff=2&y=?", "/a", "{\"x\":\"1\",\"y\":\"?\"}" },
        { "/a?%ff=1", "/a", "{}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_slice nsp = lec_slice_str(cases[i].nsp);
        struct lec_buf json = { 0 };
        sio_packet_take_query(&nsp, &json);
        assert_true(lec_slice_is(nsp, cases[i].name));
        assert_string_equal(lec_buf_str(&json), cases[i].json);
        lec_buf_fini(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_good),      cmocka_unit_test(refuses_what_is_bad),
        cmocka_unit_test(refuses_what_is_cut_off), cmocka_unit_test(makes_binary_forms),
        cmocka_unit_test(takes_the_query_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
