/* The msgpack form: values both ways, packets byte for byte, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socketio/msgpack.h"

#define MAX_DEPTH 6

static const struct sio_limits limits = { .max_attachments = 3, .max_depth = MAX_DEPTH };

/* {"type":2,"nsp":"/","data":["e",…]}: what a value stands in, both ways. */
#define BEFORE    "84a47479706502a36e7370a12fa76f7074696f6e7381a8636f6d7072657373c3a46461746192a165"
#define WRITTEN   "83a47479706502a46461746192a165"
#define NAMESPACE "a36e7370a12f"

struct parts {
    struct sio_packet packet;
    struct lec_buf json, bins;
};

static void unhex(struct lec_buf *out, const char *hex)
{
    unsigned byte;
    for (; *hex; hex += 2) {
        while (*hex == ' ')
            hex++;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        lec_buf_addc(out, (char)byte);
    }
}

static const char *hex_of(struct lec_buf *out, struct lec_slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        lec_buf_printf(out, "%02x", (unsigned char)bytes.p[i]);
    return lec_buf_str(out);
}

/* A copy of its own on the heap, so that AddressSanitizer sees a byte too many being read. */
static int decode(struct parts *out, const struct lec_buf *bytes, size_t n)
{
    char *exact = lec_alloc(n);
    if (n > 0)
        memcpy(exact, bytes->p, n);
    *out = (struct parts){ 0 };
    int rc = sio_msgpack_decode(&out->packet, (struct lec_slice){ exact, n }, &limits, &out->json,
                                &out->bins);
    free(exact);
    return rc;
}

static void parts_fini(struct parts *p)
{
    lec_buf_fini(&p->json);
    lec_buf_fini(&p->bins);
}

static int decode_hex(struct parts *out, const char *before, const char *hex)
{
    struct lec_buf bytes = { 0 };
    unhex(&bytes, before);
    unhex(&bytes, hex);
    int rc = decode(out, &bytes, bytes.n);
    lec_buf_fini(&bytes);
    return rc;
}

static void assert_slice(struct lec_slice s, const char *expected)
{
    char *text = lec_strndup(s.n ? s.p : "", s.n);
    assert_string_equal(text, expected);
    free(text);
}

/* The message of the text and attachments as hex, for the caller to free. */
static char *encode_hex(const char *text, struct lec_msg *const *attachments)
{
    struct lec_buf hex = { 0 };
    struct lec_msg *in = lec_msg_copy(false, text, strlen(text));
    struct lec_msg *m = sio_msgpack_encode(in, attachments);
    assert_non_null(m);
    assert_true(m->binary);
    hex_of(&hex, lec_msg_payload(m));
    lec_msg_unref(m);
    lec_msg_unref(in);
    return hex.p;
}

#define FFFD "\xef\xbf\xbd"

static const struct value {
    const char *hex, *json;
    const char *back; /* how we write it; NULL: the same */
} values[] = {
    { "c0", "null", NULL },
    { "c2", "false", NULL },
    { "c3", "true", NULL },
    /* integers, each form at both ends */
    { "00", "0", NULL },
    { "7f", "127", NULL },
    { "cc80", "128", NULL },
    { "ccff", "255", NULL },
    { "cc00", "0", "00" },
    { "cd0100", "256", NULL },
    { "cdffff", "65535", NULL },
    { "ce00010000", "65536", NULL },
    { "ceffffffff", "4294967295", NULL },
    { "cf0000000100000000", "4294967296", NULL },
    { "cf001fffffffffffff", "9007199254740991", NULL },
    { "cf0020000000000000", "9007199254740992", NULL },
    { "cf0020000000000001", "9007199254740992", "cf0020000000000000" },
    { "cf0020000000000002", "9007199254740994", "cb4340000000000001" },
    { "cfffffffffffffffff", "18446744073709552000", "cb43f0000000000000" },
    { "ff", "-1", NULL },
    { "e0", "-32", NULL },
    { "d0df", "-33", NULL },
    { "d080", "-128", NULL },
    { "d07f", "127", "7f" },
    { "d1ff7f", "-129", NULL },
    { "d18000", "-32768", NULL },
    { "d10001", "1", "01" },
    { "d2ffff7fff", "-32769", NULL },
    { "d280000000", "-2147483648", NULL },
    { "d200000000", "0", "00" },
    { "d3ffffffff7fffffff", "-2147483649", NULL },
    { "d3ffe0000000000001", "-9007199254740991", NULL },
    { "d3ffe0000000000000", "-9007199254740992", NULL },
    { "d37fffffffffffffff", "9223372036854776000", "cb43e0000000000000" },
    { "d38000000000000000", "-9223372036854776000", "cbc3e0000000000000" },
    /* floats */
    { "ca3fc00000", "1.5", "cb3ff8000000000000" },
    { "ca3dcccccd", "0.10000000149011612", "cb3fb99999a0000000" },
    { "cb3fb999999999999a", "0.1", NULL },
    { "cb4000000000000000", "2", "02" },
    { "cbc008000000000000", "-3", "fd" },
    { "cb8000000000000000", "0", "00" },
    { "cb7fefffffffffffff", "1.7976931348623157e+308", NULL },
    { "cb0000000000000001", "5e-324", NULL },
    { "cb7ff0000000000000", "null", "c0" },
    { "cb7ff8000000000000", "null", "c0" },
    { "caff800000", "null", "c0" },
    { "cb444b1ae4d6e2ef50", "1e+21", NULL },
    /* text */
    { "a0", "\"\"", NULL },
    { "a2c3a4", "\"ä\"", NULL },
    { "a7f09f91a9226100", "\"👩\\\"a\\u0000\"", NULL },
    { "a30a5c2f", "\"\\n\\\\/\"", NULL },
    { "a3e280a8", "\"\xe2\x80\xa8\"", NULL },
    { "d90161", "\"a\"", "a161" },
    { "da000161", "\"a\"", "a161" },
    { "db0000000161", "\"a\"", "a161" },
    /* containers */
    { "90", "[]", NULL },
    { "80", "{}", NULL },
    { "93019002", "[1,[],2]", NULL },
    { "dc000101", "[1]", "9101" },
    { "dd0000000101", "[1]", "9101" },
    { "82a16101a16280", "{\"a\":1,\"b\":{}}", NULL },
    { "81a0c0", "{\"\":null}", NULL },
    { "de0001a16101", "{\"a\":1}", "81a16101" },
    { "df00000001a16101", "{\"a\":1}", "81a16101" },
    { "dc00100102030405060708090a0b0c0d0e0f10", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", NULL },
    /* the same key twice, as the text may have it too */
    { "82a16101a16102", "{\"a\":1,\"a\":2}", NULL },
    /* other keys, as notepack has them in Node.js */
    { "8101a161", "{\"1\":\"a\"}", "81a131a161" },
    { "81ffa161", "{\"-1\":\"a\"}", "81a22d31a161" },
    { "81cfffffffffffffffffa161", "{\"18446744073709552000\":\"a\"}",
      "81b43138343436373434303733373039353532303030a161" },
    { "81cb3ff8000000000000a161", "{\"1.5\":\"a\"}", "81a3312e35a161" },
    { "81cb8000000000000000a161", "{\"0\":\"a\"}", "81a130a161" },
    { "81cb444b1ae4d6e2ef50a161", "{\"1e+21\":\"a\"}", "81a531652b3231a161" },
    { "81cb7ff8000000000000a161", "{\"NaN\":\"a\"}", "81a34e614ea161" },
    { "81cb7ff0000000000000a161", "{\"Infinity\":\"a\"}", "81a8496e66696e697479a161" },
    { "81caff800000a161", "{\"-Infinity\":\"a\"}", "81a92d496e66696e697479a161" },
    { "81c0a161", "{\"null\":\"a\"}", "81a46e756c6ca161" },
    { "82c3a161c2a162", "{\"true\":\"a\",\"false\":\"b\"}", "82a474727565a161a566616c7365a162" },
    { "81d40000a161", "{\"undefined\":\"a\"}", "81a9756e646566696e6564a161" },
    { "81c4026162a161", "{\"ab\":\"a\"}", "81a26162a161" },
    { "81c40122a161", "{\"\\\"\":\"a\"}", "81a122a161" },
    { "81c403ff61e2a161", "{\"" FFFD "a" FFFD "\":\"a\"}", "81a7efbfbd61efbfbda161" },
    { "81c406f09f91e28241a161", "{\"" FFFD FFFD "A\":\"a\"}", "81a7efbfbdefbfbd41a161" },
    { "81c403eda080a161", "{\"" FFFD FFFD FFFD "\":\"a\"}", "81a9efbfbdefbfbdefbfbda161" },
    { "8201d4000002a161", "{\"2\":\"a\"}", "81a132a161" },
    { "8201a161a131a162", "{\"1\":\"a\",\"1\":\"b\"}", "82a131a161a131a162" },
    /* undefined */
    { "d40000", "null", "c0" },
    { "93d4000001d40000", "[null,1,null]", "93c001c0" },
    { "81a161d40000", "{}", "80" },
    { "83a161d40000a16201a163d40000", "{\"b\":1}", "81a16201" },
    { "83a16101a162d40000a16303", "{\"a\":1,\"c\":3}", "82a16101a16303" },
    /* dates */
    { "d7000000000000000000", "\"1970-01-01T00:00:00.000Z\"",
      "b8313937302d30312d30315430303a30303a30302e3030305a" },
    { "d7000000018bcfe5687b", "\"2023-11-14T22:13:20.123Z\"",
      "b8323032332d31312d31345432323a31333a32302e3132335a" },
    { "d700ffffffffffffffff", "\"1969-12-31T23:59:59.999Z\"",
      "b8313936392d31322d33315432333a35393a35392e3939395a" },
    { "d700001eb208c2dc0000", "\"+275760-09-13T00:00:00.000Z\"",
      "bb2b3237353736302d30392d31335430303a30303a30302e3030305a" },
    { "d700ffe14df73d240000", "\"-271821-04-20T00:00:00.000Z\"",
      "bb2d3237313832312d30342d32305430303a30303a30302e3030305a" },
    { "d700001eb208c2dc0001", "null", "c0" },
    { "d7007fffffffffffffff", "null", "c0" },
    { "d7008000000000000000", "null", "c0" },
};

static void values_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct value *v = &values[i];
        struct parts p;
        struct lec_buf text = { 0 }, expected = { 0 };
        if (decode_hex(&p, BEFORE, v->hex) != LEC_OK)
            fail_msg("refused: %s", v->hex);
        lec_buf_printf(&text, "[\"e\",%s]", v->json);
        assert_slice(p.packet.json, lec_buf_str(&text));
        assert_slice(p.packet.event, "e");
        assert_int_equal(p.packet.type, SIO_EVENT);
        assert_int_equal(p.packet.id, SIO_NO_ID);

        lec_buf_clear(&text, 4096);
        lec_buf_printf(&text, "42[\"e\",%s]", v->json);
        lec_buf_printf(&expected, WRITTEN "%s" NAMESPACE, v->back ? v->back : v->hex);
        char *hex = encode_hex(lec_buf_str(&text), NULL);
        assert_string_equal(hex, lec_buf_str(&expected));
        free(hex);
        lec_buf_fini(&text);
        lec_buf_fini(&expected);
        parts_fini(&p);
    }
}

/* Strings and attachments of n bytes, arrays of n, objects of n: the head that each must get. */
static void lengths(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *str, *bin, *array, *map;
    } cases[] = {
        { 0, "a0", "c400", "90", "80" },
        { 1, "a1", "c401", "91", "81" },
        { 15, "af", "c40f", "9f", "8f" },
        { 16, "b0", "c410", "dc0010", "de0010" },
        { 31, "bf", "c41f", "dc001f", "de001f" },
        { 32, "d920", "c420", "dc0020", "de0020" },
        { 255, "d9ff", "c4ff", "dc00ff", "de00ff" },
        { 256, "da0100", "c50100", "dc0100", "de0100" },
        { 65535, "daffff", "c5ffff", "dcffff", "deffff" },
        { 65536, "db00010000", "c600010000", "dd00010000", "df00010000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_buf text = { 0 }, expected = { 0 };
        size_t n = cases[i].n;
        char *plain = lec_alloc(n + 1);
        memset(plain, 'x', n);
        plain[n] = '\0';
        struct lec_msg *bin = lec_msg_copy(true, plain, n);

        lec_buf_printf(&text, "451-[\"%s\",{\"_placeholder\":true,\"num\":0},[", plain);
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&text, k ? ",0" : "0");
        lec_buf_adds(&text, "],{");
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&text, k ? ",\"k\":0" : "\"k\":0");
        lec_buf_adds(&text, "}]");

        lec_buf_adds(&expected, "83a47479706502a46461746194");
        lec_buf_adds(&expected, cases[i].str);
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&expected, "78");
        lec_buf_adds(&expected, cases[i].bin);
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&expected, "78");
        lec_buf_adds(&expected, cases[i].array);
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&expected, "00");
        lec_buf_adds(&expected, cases[i].map);
        for (size_t k = 0; k < n; k++)
            lec_buf_adds(&expected, "a16b00");
        lec_buf_adds(&expected, NAMESPACE);

        char *hex = encode_hex(lec_buf_str(&text), &bin);
        assert_true(strcmp(hex, lec_buf_str(&expected)) == 0);
        free(hex);

        struct parts p;
        assert_int_equal(decode_hex(&p, "", lec_buf_str(&expected)), LEC_OK);
        assert_int_equal(p.packet.type, SIO_BINARY_EVENT);
        assert_true(lec_slice_eq(p.packet.json, (struct lec_slice){ text.p + 4, text.n - 4 }));
        struct lec_slice got;
        memcpy(&got, p.bins.p, sizeof got);
        assert_int_equal(p.bins.n, sizeof got);
        assert_int_equal(got.n, n);

        parts_fini(&p);
        lec_buf_fini(&text);
        lec_buf_fini(&expected);
        lec_msg_unref(bin);
        free(plain);
    }
}

static const struct packet {
    const char *hex;
    enum sio_type type;
    const char *nsp;
    int64_t id;
    const char *json, *event;
    const char *text; /* in the default form; NULL: not written by us */
} packets[] = {
    /* the protocol's example */
    { "84a47479706502a46461746192a568656c6c6fc40101a269640ca36e7370a12f", SIO_BINARY_EVENT, "/", 12,
      "[\"hello\",{\"_placeholder\":true,\"num\":0}]", "hello",
      "451-12[\"hello\",{\"_placeholder\":true,\"num\":0}]" },
    { "82a47479706500a36e7370a12f", SIO_CONNECT, "/", -1, "", "", "40" },
    { "83a47479706500a46461746181a173a161a36e7370a62f61646d696e", SIO_CONNECT, "/admin", -1,
      "{\"s\":\"a\"}", "", "40/admin,{\"s\":\"a\"}" },
    /* data is undefined where the application gave no auth */
    { "83a47479706500a464617461d40000a36e7370a12f", SIO_CONNECT, "/", -1, "", "", NULL },
    { "82a47479706501a36e7370a62f61646d696e", SIO_DISCONNECT, "/admin", -1, "", "", "41/admin," },
    { "84a47479706503a46461746191c0a2696400a36e7370a12f", SIO_ACK, "/", 0, "[null]", "",
      "430[null]" },
    { "84a47479706503a46461746190a26964cf001fffffffffffffa36e7370a12f", SIO_ACK, "/",
      9007199254740991, "[]", "", "439007199254740991[]" },
    { "84a47479706503a46461746191c403010203a2696407a36e7370a22f78", SIO_BINARY_ACK, "/x", 7,
      "[{\"_placeholder\":true,\"num\":0}]", "", "461-/x,7[{\"_placeholder\":true,\"num\":0}]" },
    { "83a47479706504a46461746181a76d657373616765a26e6fa36e7370a12f", SIO_CONNECT_ERROR, "/", -1,
      "{\"message\":\"no\"}", "", "44{\"message\":\"no\"}" },
    /* the largest id, and one past it */
    { "84a47479706502a46461746191a161a26964cf7fffffffffffffffa36e7370a12f", SIO_EVENT, "/",
      INT64_MAX, "[\"a\"]", "a", "429223372036854775807[\"a\"]" },
    { "84a47479706502a46461746191a161a26964cf8000000000000000a36e7370a12f", SIO_EVENT, "/",
      SIO_NO_ID, "[\"a\"]", "a", NULL },
    /* bytes for keys */
    { "83c4047479706502c4046461746191a161c4036e7370a12f", SIO_EVENT, "/", -1, "[\"a\"]", "a",
      NULL },
    /* a number for a name; id undefined; keys in any order; type twice */
    { "84a269 64d40000a46461746191 2aa36e7370a12fa47479706502", SIO_EVENT, "/", -1, "[42]", "42",
      NULL },
    { "84a47479706501a47479706502a46461746191a161a36e7370a12f", SIO_EVENT, "/", -1, "[\"a\"]", "a",
      NULL },
    /* of data that comes twice the last one counts, attachments and all */
    { "84a46461746192a161c40101a46461746192a162c4020203a47479706502a36e7370a12f", SIO_BINARY_EVENT,
      "/", -1, "[\"b\",{\"_placeholder\":true,\"num\":0}]", "b", NULL },
    { "84a46461746192a161c40101a464617461d40000a47479706501a36e7370a12f", SIO_DISCONNECT, "/", -1,
      "", "", NULL },
    /* and so are other keys that are no names */
    { "8401c0a47479706502a46461746191a161a36e7370a12f", SIO_EVENT, "/", -1, "[\"a\"]", "a", NULL },
    /* what nobody asked for is passed over, bytes and nesting included */
    { "84a16192c4010181a16290a47479706502a46461746191a161a36e7370a12f", SIO_EVENT, "/", -1,
      "[\"a\"]", "a", NULL },
    /* an object that only looks like a placeholder: there are no attachments */
    { "83a47479706502a46461746192a16182ac5f706c616365686f6c646572c3a36e756d00a36e7370a12f",
      SIO_EVENT, "/", -1, "[\"a\",{\"_placeholder\":true,\"num\":0}]", "a",
      "42[\"a\",{\"_placeholder\":true,\"num\":0}]" },
    /* ArrayBuffers of Node.js: ext 8, 16, 32 of type 0 */
    { "83a47479706502a46461746194a161c70200aabbc8000100ccc90000000000a36e7370a12f",
      SIO_BINARY_EVENT, "/", -1,
      "[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1},"
      "{\"_placeholder\":true,\"num\":2}]",
      "a", NULL },
};

static void whole_packets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        const struct packet *g = &packets[i];
        struct lec_buf bytes = { 0 };
        struct parts p = { 0 };
        unhex(&bytes, g->hex);
        struct lec_slice data = lec_buf_slice(&bytes);
        if (sio_msgpack_decode(&p.packet, data, &limits, &p.json, &p.bins) != LEC_OK)
            fail_msg("refused: %s", g->hex);
        assert_int_equal(p.packet.type, g->type);
        assert_slice(p.packet.nsp, g->nsp);
        assert_int_equal(p.packet.id, g->id);
        assert_slice(p.packet.json, g->json);
        assert_slice(p.packet.event, g->event);
        assert_int_equal(p.packet.attachments, p.bins.n / sizeof(struct lec_slice));

        struct lec_msg *attachments[3] = { NULL };
        for (unsigned k = 0; k < p.packet.attachments; k++) {
            struct lec_slice bin;
            memcpy(&bin, p.bins.p + k * sizeof bin, sizeof bin);
            attachments[k] = lec_msg_copy(true, bin.p, bin.n);
        }
        if (g->text) {
            struct lec_msg *text = sio_packet_encode(p.packet.type, p.packet.nsp, p.packet.id,
                                                     p.packet.attachments, p.packet.json);
            assert_slice(lec_msg_payload(text), g->text);
            lec_msg_unref(text);
            char *hex = encode_hex(g->text, attachments);
            assert_string_equal(hex, g->hex);
            free(hex);
        }
        for (unsigned k = 0; k < 3; k++)
            lec_msg_unref(attachments[k]);
        lec_buf_fini(&bytes);
        parts_fini(&p);
    }
}

static void cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        struct lec_buf bytes = { 0 };
        unhex(&bytes, packets[i].hex);
        struct parts p;
        for (size_t n = 0; n < bytes.n; n++) {
            assert_int_equal(decode(&p, &bytes, n), LEC_EPROTO);
            parts_fini(&p);
        }
        lec_buf_addc(&bytes, 0);
        assert_int_equal(decode(&p, &bytes, bytes.n), LEC_EPROTO);
        parts_fini(&p);
        lec_buf_fini(&bytes);
    }
}

static const struct bad {
    const char *before, *hex;
    int rc;
} bad[] = {
    /* values */
    { BEFORE, "c1", LEC_EPROTO },
    { BEFORE, "a180", LEC_EPROTO },       /* UTF-8: a lone continuation */
    { BEFORE, "a2c080", LEC_EPROTO },     /* overlong */
    { BEFORE, "a3eda080", LEC_EPROTO },   /* a surrogate */
    { BEFORE, "a4f4908080", LEC_EPROTO }, /* past U+10FFFF */
    { BEFORE, "8190c0", LEC_EPROTO },     /* keys that are containers or a date */
    { BEFORE, "8180c0", LEC_EPROTO },
    { BEFORE, "81d7000000000000000000c0", LEC_EPROTO },
    { BEFORE, "81a1ffc0", LEC_EPROTO },
    { BEFORE, "d401aa", LEC_EPROTO }, /* ext types that are not notepack's */
    { BEFORE, "d5000000", LEC_EPROTO },
    { BEFORE, "d6ff00000000", LEC_EPROTO }, /* the timestamp of msgpack itself */
    { BEFORE, "d7ff0000000000000000", LEC_EPROTO },
    { BEFORE, "d70100000000000000 00", LEC_EPROTO },
    { BEFORE, "d80000000000000000000000000000000000", LEC_EPROTO },
    { BEFORE, "c70cff000000000000000000000000", LEC_EPROTO },
    /* lengths that the message does not have */
    { BEFORE, "dc0002c0", LEC_EPROTO },
    { BEFORE, "ddffffffff", LEC_EPROTO },
    { BEFORE, "ddffffffffc0c0c0c0", LEC_EPROTO },
    { BEFORE, "dfffffffff", LEC_EPROTO },
    { BEFORE, "df80000000a161c0", LEC_EPROTO },
    { BEFORE, "dbffffffff61", LEC_EPROTO },
    { BEFORE, "c6ffffffff61", LEC_EPROTO },
    { BEFORE, "c9ffffffff0061", LEC_EPROTO },
    { "", "dfffffffffa47479706502", LEC_EPROTO },
    /* limits */
    { BEFORE, "9191919190", LEC_OK }, /* depth 6 with the outer array */
    { BEFORE, "919191919190", LEC_ETOOBIG },
    { BEFORE, "81a16181a16181a16181a16181a16180", LEC_ETOOBIG },
    { BEFORE, "93c400c400c400", LEC_OK },
    { BEFORE, "94c400c400c400c400", LEC_ETOOBIG },
    /* packets */
    { "", "", LEC_EPROTO },
    { "", "c0", LEC_EPROTO },
    { "", "90", LEC_EPROTO },
    { "", "80", LEC_EPROTO },
    { "", "81a36e7370a12f", LEC_EPROTO },             /* no type */
    { "", "81a47479706500", LEC_EPROTO },             /* no namespace */
    { "", "82a47479706505a36e7370a12f", LEC_EPROTO }, /* type 5 */
    { "", "82a474797065cb0000000000000000a36e7370a12f", LEC_EPROTO },
    { "", "82a474797065ffa36e7370a12f", LEC_EPROTO },
    { "", "82a474797065a130a36e7370a12f", LEC_EPROTO },
    { "", "82a47479706500a36e7370a0", LEC_EPROTO }, /* namespaces */
    { "", "82a47479706500a36e7370a161", LEC_EPROTO },
    { "", "82a47479706500a36e7370a32f2c61", LEC_EPROTO },
    { "", "82a47479706500a36e7370a22fff", LEC_EPROTO },
    { "", "82a47479706500a36e737000", LEC_EPROTO },
    { "", "83a4747970650190c0a36e7370a12f", LEC_EPROTO },         /* a key that is a container */
    { "", "83a47479706501a464617461c0a36e7370a12f", LEC_EPROTO }, /* DISCONNECT with data */
    { "", "83a47479706500a464617461c0a36e7370a12f", LEC_EPROTO }, /* CONNECT with null */
    { "", "83a47479706500a46461746190a36e7370a12f", LEC_EPROTO },
    { "", "83a47479706500a46461746181a161c40101a36e7370a12f", LEC_EPROTO }, /* and with bytes */
    { "", "82a47479706502a36e7370a12f", LEC_EPROTO },                       /* EVENT without data */
    { "", "83a47479706502a46461746180a36e7370a12f", LEC_EPROTO },
    { "", "83a47479706502a46461746190a36e7370a12f", LEC_EPROTO },
    { "", "83a47479706502a464617461a161a36e7370a12f", LEC_EPROTO },
    { "", "83a47479706502a46461746191c0a36e7370a12f", LEC_EPROTO },
    { "", "83a47479706502a46461746191c40101a36e7370a12f", LEC_EPROTO }, /* its name is bytes */
    { "", "83a47479706502a46461746191a7636f6e6e656374a36e7370a12f", LEC_EPROTO }, /* reserved */
    { "", "83a47479706503a46461746180a36e7370a12f", LEC_EPROTO },         /* ACK without an array */
    { "", "84a47479706503a46461746190a26964ffa36e7370a12f", LEC_EPROTO }, /* id -1 */
    { "", "84a47479706503a46461746190a26964c0a36e7370a12f", LEC_EPROTO },
    /* beside an attachment, what says it is a placeholder must be one, as in the default form */
    { BEFORE, "92c4010182ac5f706c616365686f6c646572c3a36e756d01", LEC_EPROTO },
    { BEFORE, "92c4010182ac5f706c616365686f6c646572c3a36e756d00", LEC_OK },
};

static void refuses_what_is_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct parts p;
        int rc = decode_hex(&p, bad[i].before, bad[i].hex);
        if (rc != bad[i].rc)
            fail_msg("%s: %d", bad[i].hex, rc);
        /* No length was believed: nothing is held that was not in the message. */
        assert_true(p.json.cap <= 1024 && p.bins.cap <= 1024);
        parts_fini(&p);
    }
}

static void placeholders_in_any_shape(void **state)
{
    (void)state;
    static const struct {
        const char *json, *hex;
    } cases[] = {
        { "{\"num\":1,\"_placeholder\":true}", "c402bbbb" },
        { "{\"_placeholder\":true,\"x\":[{},[7]],\"num\":0}", "c401aa" },
        { "{\"\\u006eum\":0,\"_placeholder\":true}", "c401aa" },
        { "[{\"_placeholder\":true,\"num\":0},[{\"_placeholder\":true,\"num\":1}]]",
          "92c401aa91c402bbbb" },
        { "{\"a\":{\"_placeholder\":true,\"num\":1},\"b\":2}", "82a161c402bbbba16202" },
        /* only once each */
        { "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
          "92c401aa82ac5f706c616365686f6c646572c3a36e756d00" },
        /* these are objects */
        { "{\"_placeholder\":true,\"num\":2}", "82ac5f706c616365686f6c646572c3a36e756d02" },
        { "{\"_placeholder\":true}", "81ac5f706c616365686f6c646572c3" },
        { "{\"_placeholder\":false,\"num\":0}", "82ac5f706c616365686f6c646572c2a36e756d00" },
        { "{\"num\":0}", "81a36e756d00" },
    };
    struct lec_msg *attachments[] = { lec_msg_copy(true, "\xaa", 1),
                                      lec_msg_copy(true, "\xbb\xbb", 2) };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lec_buf text = { 0 }, expected = { 0 };
        lec_buf_printf(&text, "452-[\"e\",%s]", cases[i].json);
        lec_buf_printf(&expected, WRITTEN "%s" NAMESPACE, cases[i].hex);
        char *hex = encode_hex(lec_buf_str(&text), attachments);
        assert_string_equal(hex, lec_buf_str(&expected));
        free(hex);
        lec_buf_fini(&text);
        lec_buf_fini(&expected);
    }
    lec_msg_unref(attachments[0]);
    lec_msg_unref(attachments[1]);
}

static void text_that_json_alone_can_say(void **state)
{
    (void)state;
    char *hex = encode_hex("42[\"e\", \"\\ud800\" ,-0,1E2,1e400 ]", NULL);
    assert_string_equal(hex,
                        "83a47479706502a46461746195a165a3efbfbd0064cb7ff0000000000000" NAMESPACE);
    free(hex);
}

static void too_deep_or_none_of_ours(void **state)
{
    (void)state;
    static const char *const texts[] = { "47", "42[", "42[1", "451-[1]x" };
    struct lec_msg *bin = lec_msg_copy(true, "", 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct lec_msg *text = lec_msg_copy(false, texts[i], strlen(texts[i]));
        assert_null(sio_msgpack_encode(text, &bin));
        lec_msg_unref(text);
    }
    lec_msg_unref(bin);
    for (unsigned depth = 255; depth <= 257; depth++) {
        char json[2 * 257], *p = json;
        memset(p, '[', depth);
        memset(p + depth, ']', depth);
        struct lec_msg *text = sio_packet_encode(SIO_ACK, LEC_SLICE("/"), 1, 0,
                                                 (struct lec_slice){ json, (size_t)2 * depth });
        struct lec_msg *m = sio_msgpack_encode(text, NULL);
        assert_int_equal(m != NULL, depth <= 256);
        lec_msg_unref(m);
        lec_msg_unref(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_both_ways),
        cmocka_unit_test(lengths),
        cmocka_unit_test(whole_packets),
        cmocka_unit_test(cut_off_anywhere_is_refused),
        cmocka_unit_test(refuses_what_is_bad),
        cmocka_unit_test(placeholders_in_any_shape),
        cmocka_unit_test(text_that_json_alone_can_say),
        cmocka_unit_test(too_deep_or_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
