#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void reads_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int n; /* -1: refused */
    } cases[] = {
        { "", 0 },
        { " , ,", 0 },
        { "127.0.0.1", 1 },
        { "127.0.0.1,::1", 2 },
        { "10.0.0.0/8, fd00::/8 192.0.2.7", 3 },
        { "0.0.0.0/0", 1 },
        { "::/0,::ffff:10.0.0.1/128", 2 },
        { "1111:2222:3333:4444:5555:6666:7777:8888/128", 1 },
        { "10.0.0.0/33", -1 },
        { "::1/129", -1 },
        { "10.0.0.0/", -1 },
        { "10.0.0.0/8/8", -1 },
        { "10.0.0.0/-1", -1 },
        { "10.0.0.0/0008", -1 },
        { "10.0.0/8", -1 },
        { "localhost", -1 },
        { "10.0.0.1,x", -1 },
        { "10.0.0.1:80", -1 },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/128", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_networks nets = { 0 };
        int rc = lec_networks_parse(&nets, cases[i].text);
        assert_int_equal(rc, cases[i].n < 0 ? LEC_EINVAL : LEC_OK);
        assert_int_equal(nets.n, cases[i].n < 0 ? 0 : cases[i].n);
        lec_networks_fini(&nets);
    }
}

static void knows_its_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *nets, *address;
        bool contained;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "127.0.0.1", "::ffff:127.0.0.1", true },
        { "::ffff:127.0.0.1", "127.0.0.1", true },
        { "10.0.0.0/8", "10.255.255.255", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.1.2.3/8", "10.9.9.9", true },
        { "192.168.4.0/22", "192.168.7.255", true },
        { "192.168.4.0/22", "192.168.8.0", false },
        { "0.0.0.0/0", "8.8.8.8", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "8.8.8.8", true },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "127.0.0.1, ::1", "::1", true },
        { "", "127.0.0.1", false },
        { "0.0.0.0/0", "", false },
        { "0.0.0.0/0", "nobody", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_networks nets = { 0 };
        char client[LEC_ADDRESS_SIZE];
        assert_int_equal(lec_networks_parse(&nets, cases[i].nets), LEC_OK);
        lec_client_address(&nets, cases[i].address, LEC_SLICE("192.0.2.99"), client);
        if ((strcmp(client, "192.0.2.99") == 0) != cases[i].contained)
            fail_msg("%s in %s", cases[i].address, cases[i].nets);
        lec_networks_fini(&nets);
    }
}

static void believes_trusted_proxies_only(void **state)
{
    (void)state;
    static const struct {
        const char *trusted, *peer, *forwarded, *client;
    } cases[] = {
        { "", "127.0.0.1", "1.2.3.4", "127.0.0.1" },
        { "127.0.0.1", "127.0.0.1", "", "127.0.0.1" },
        { "127.0.0.1", "127.0.0.1", "1.2.3.4", "1.2.3.4" },
        { "127.0.0.1", "9.9.9.9", "1.2.3.4", "9.9.9.9" },
        /* what the client itself wrote stands in front, and does not count */
        { "127.0.0.1", "127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4" },
        { "127.0.0.1", "127.0.0.1", "127.0.0.1, 1.2.3.4", "1.2.3.4" },
        /* two proxies, one behind the other */
        { "127.0.0.1,10.0.0.0/8", "127.0.0.1", "6.6.6.6, 1.2.3.4,\t10.1.1.1", "1.2.3.4" },
        { "127.0.0.1,10.0.0.0/8", "127.0.0.1", "10.2.2.2,10.1.1.1", "10.2.2.2" },
        { "10.0.0.0/8", "10.0.0.1", "2001:DB8::1", "2001:db8::1" },
        { "10.0.0.0/8", "10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4" },
        { "10.0.0.0/8", "10.0.0.1", "1.2.3.4:5678", "1.2.3.4" },
        { "10.0.0.0/8", "10.0.0.1", "[2001:db8::1]:5678", "2001:db8::1" },
        { "10.0.0.0/8", "10.0.0.1", "[2001:db8::1]", "2001:db8::1" },
        /* no address: as far as was understood */
        { "10.0.0.0/8", "10.0.0.1", "unknown", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1", "1.2.3.4, _hidden, 10.0.0.9", "10.0.0.9" },
        { "10.0.0.0/8", "10.0.0.1", "1.2.3.4,", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1", ",", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1", "[", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1", "[]", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1", ":", "10.0.0.1" },
        { "10.0.0.0/8", "10.0.0.1",
          "1111111111111111111111111111111111111111111111111111111111111111", "10.0.0.1" },
        { "10.0.0.0/8", "", "1.2.3.4", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_networks nets = { 0 };
        char client[LEC_ADDRESS_SIZE];
        assert_int_equal(lec_networks_parse(&nets, cases[i].trusted), LEC_OK);
        lec_client_address(&nets, cases[i].peer, lec_slice_str(cases[i].forwarded), client);
        assert_string_equal(client, cases[i].client);
        lec_networks_fini(&nets);
    }
}

static void knows_sites(void **state)
{
    (void)state;
    static const struct {
        const char *address, *site;
    } cases[] = {
        { "10.1.2.3", "10.1.2.3" },
        { "::ffff:10.1.2.3", "10.1.2.3" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
        { "2001:db8:1:2::", "2001:db8:1:2::" },
        { "fe80::1", "fe80::" },
        { "::1", "::" },
        { "", "" },
        { "unknown", "unknown" },
        { "a:b", "a:b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char site[LEC_ADDRESS_SIZE];
        assert_true(lec_slice_is(lec_address_site(cases[i].address, site), cases[i].site));
    }
}

static void knows_its_networks(void **state)
{
    (void)state;
    struct lec_networks none = { 0 }, nets = { 0 };
    assert_int_equal(lec_networks_parse(&nets, "10.0.0.0/8, fd00::/8"), LEC_OK);
    assert_true(lec_networks_contain(&nets, "10.255.0.1"));
    assert_true(lec_networks_contain(&nets, "fd12::1"));
    assert_false(lec_networks_contain(&nets, "11.0.0.1"));
    assert_false(lec_networks_contain(&nets, "no address"));
    assert_false(lec_networks_contain(&none, "10.0.0.1"));
    lec_networks_fini(&nets);
}

static void knows_who_used_tls(void **state)
{
    (void)state;
    static const struct {
        const char *trusted, *peer, *proto;
        bool peer_secure, secure;
    } cases[] = {
        { "", "127.0.0.1", "https", false, false },
        { "", "127.0.0.1", "http", true, true },
        { "127.0.0.1", "9.9.9.9", "https", false, false },
        { "127.0.0.1", "9.9.9.9", "http", true, true },
        { "127.0.0.1", "127.0.0.1", "", false, false },
        { "127.0.0.1", "127.0.0.1", "", true, true },
        { "127.0.0.1", "127.0.0.1", "https", false, true },
        { "127.0.0.1", "127.0.0.1", "HTTPS", false, true },
        { "127.0.0.1", "127.0.0.1", "wss", false, true },
        { "127.0.0.1", "127.0.0.1", "http", false, false },
        { "127.0.0.1", "127.0.0.1", "http", true,
          false }, /* only the way from the proxy was safe */
        { "127.0.0.1", "127.0.0.1", "ws", true, false },
        { "127.0.0.1", "127.0.0.1", "https, http", false,
          false }, /* the first may be the client's */
        { "127.0.0.1", "127.0.0.1", "http,\thttps ", false, true },
        { "127.0.0.1", "127.0.0.1", "httpsx", false, false },
        { "127.0.0.1", "127.0.0.1", ",", false, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_networks nets = { 0 };
        assert_int_equal(lec_networks_parse(&nets, cases[i].trusted), LEC_OK);
        assert_int_equal(lec_client_secure(&nets, cases[i].peer, lec_slice_str(cases[i].proto),
                                           cases[i].peer_secure),
                         cases[i].secure);
        lec_networks_fini(&nets);
    }
}

static void knows_public_ones(void **state)
{
    (void)state;
    static const char *const others[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b::1:808:808",
        "100::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "3fff:0:1::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "",
        "localhost",
        "127.1",
        "8.8.8.8:80",
        "[2606:4700::1]",
    };
    static const char *const anybodys[] = {
        "1.1.1.1",          "8.8.8.8",     "9.255.255.255",        "11.0.0.0",
        "100.63.255.255",   "100.128.0.0", "126.255.255.255",      "128.0.0.0",
        "169.253.1.1",      "169.255.1.1", "172.15.255.255",       "172.32.0.0",
        "192.0.1.1",        "192.167.1.1", "192.169.1.1",          "198.17.1.1",
        "198.20.0.0",       "203.0.112.1", "223.255.255.255",      "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2001:200::1", "2001:4860:4860::8888", "2002:808:808::1",
        "2606:4700::1",     "3ffe::1",     "2a00:1450::1",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (lec_address_public(others[i]))
            fail_msg("%s", others[i]);
    for (size_t i = 0; i < sizeof anybodys / sizeof anybodys[0]; i++)
        if (!lec_address_public(anybodys[i]))
            fail_msg("%s", anybodys[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lists),         cmocka_unit_test(knows_public_ones),
        cmocka_unit_test(knows_its_addresses), cmocka_unit_test(believes_trusted_proxies_only),
        cmocka_unit_test(knows_sites),         cmocka_unit_test(knows_its_networks),
        cmocka_unit_test(knows_who_used_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
