#include "server/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "server/person.h"

#define SECRET "a secret of this test, and of nobody else"
#define NOW    1800000000

static struct lec_config cfg;
static struct lec_keys *keys;
static struct lec_buf token; /* of person "42", good for a minute from NOW on */

static int set_up(void **state)
{
    (void)state;
    static const char *const courses[] = { "7", "c\"8" };
    const struct lec_person person = { "42", "student", NULL, courses, 2, 60 };
    char err[256];
    lec_config_init(&cfg);
    assert_int_equal(lec_config_set(&cfg, "jwt.secret", SECRET, LEC_FROM_FLAG, err, sizeof err),
                     LEC_OK);
    struct lec_token_config tokens = lec_config_tokens(&cfg);
    keys = lec_keys_new(&tokens, err, sizeof err);
    assert_non_null(keys);
    assert_int_equal(lec_person_token(&person, &cfg, NOW, &token, err, sizeof err), LEC_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lec_buf_fini(&token);
    lec_keys_free(keys);
    lec_config_fini(&cfg);
    return 0;
}

/* Puts the token where the format says %s. */
static struct lec_buf with_token(const char *format)
{
    struct lec_buf out = { 0 };
    const char *at = strstr(format, "%s");
    if (!at)
        lec_buf_adds(&out, format);
    else
        lec_buf_printf(&out, "%.*s%s%s", (int)(at - format), format, lec_buf_str(&token), at + 2);
    return out;
}

static void finds_and_checks_the_token(void **state)
{
    (void)state;
    static const struct {
        const char *auth, *authorization;
        int64_t now;
        const char *why; /* part of it; NULL: let in */
        const char *query;
        unsigned protocol;
    } cases[] = {
        { "{\"token\":\"%s\"}", NULL, NOW, NULL, NULL, 4 },
        { "{\"x\":[1],\"token\":\"%s\"}", NULL, NOW, NULL, NULL, 4 },
        { "{\"token\":\"Bearer %s\"}", NULL, NOW, NULL, NULL, 4 },
        { "{}", "Bearer %s", NOW, NULL, NULL, 4 },
        { "{}", "bearer  %s", NOW, NULL, NULL, 4 },
        { "{\"token\":\"\"}", "Bearer %s", NOW, NULL, NULL, 4 },
        { "{\"token\":null}", "Bearer %s", NOW, NULL, NULL, 4 },
        { "{\"token\":\"%s\"}", "Bearer nonsense", NOW, NULL, NULL, 4 },
        { "{\"token\":\"nonsense\"}", "Bearer %s", NOW, "", NULL, 4 },
        { "{}", NULL, NOW, "no token", NULL, 4 },
        { "{}", "Basic dTpw", NOW, "no token", NULL, 4 },
        { "{}", "Bearer ", NOW, "", NULL, 4 },
        { "{\"token\":7}", NULL, NOW, "string", NULL, 4 },
        { "{\"token\":{\"token\":\"%s\"}}", NULL, NOW, "string", NULL, 4 },
        { "{\"token\":\"%s\"}", NULL, NOW + 3600, "", NULL, 4 },
        { "{\"token\":\"%s\"}", NULL, NOW - 3600, "", NULL, 4 },
        { "{}", NULL, NOW, NULL, "a=1&token=%s", 3 },
        { "{}", NULL, NOW, NULL, "token=Bearer%20%s", 3 },
        { "{}", NULL, NOW, NULL, "token=x&token=%s", 3 },
        { "{}", "Bearer nonsense", NOW, NULL, "token=%s", 3 },
        { "{}", "Bearer %s", NOW, NULL, "token=", 3 },
        { "{}", "Bearer %s", NOW, NULL, "", 3 },
        { "{\"token\":\"%s\"}", NULL, NOW, NULL, "token=nonsense", 3 },
        { "{}", NULL, NOW, "", "token=nonsense", 3 },
        { "{}", NULL, NOW, "no token", "", 3 },
        { "{}", NULL, NOW, "no token", "token=%s", 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_buf auth = with_token(cases[i].auth), headers = { 0 };
        lec_buf_add(&headers, "host\0a.example", sizeof "host\0a.example");
        if (cases[i].authorization) {
            struct lec_buf value = with_token(cases[i].authorization);
            lec_buf_add(&headers, "authorization", sizeof "authorization");
            lec_buf_add(&headers, lec_buf_str(&value), value.n + 1);
            lec_buf_fini(&value);
        }
        const char *why = NULL;
        struct lec_buf query = with_token(cases[i].query ? cases[i].query : "");
        const struct eio_handshake handshake = {
            .query = lec_buf_str(&query),
            .headers = lec_buf_slice(&headers),
            .protocol = cases[i].protocol,
        };
        struct lec_peer *p;
        int rc = lec_peer_new(&p, keys, lec_buf_slice(&auth), &handshake, cases[i].now, &why);
        assert_int_equal(rc == LEC_OK, cases[i].why == NULL);
        assert_int_equal(p != NULL, rc == LEC_OK);
        assert_int_not_equal(rc, LEC_ENOTFOUND); /* no other key would help */
        if (p) {
            assert_string_equal(p->id, "42");
            assert_true(p->expires == NOW + 60);
            assert_null(p->script);
        } else {
            assert_non_null(why);
            assert_non_null(strstr(why, cases[i].why));
        }
        lec_peer_free(p);
        lec_buf_fini(&auth);
        lec_buf_fini(&headers);
        lec_buf_fini(&query);
    }
}

static void claims_are_what_the_command_said(void **state)
{
    (void)state;
    struct lec_buf auth = with_token("{\"token\":\"%s\"}");
    const char *why;
    struct lec_slice value;
    const struct eio_handshake handshake = { .query = "", .protocol = 4 };
    struct lec_peer *p;
    assert_int_equal(lec_peer_new(&p, keys, lec_buf_slice(&auth), &handshake, NOW, &why), LEC_OK);
    assert_int_equal(lec_json_member(lec_slice_str(p->claims), "role", &value), LEC_OK);
    assert_true(lec_slice_is(value, "\"student\""));
    assert_int_equal(lec_json_member(lec_slice_str(p->claims), "courses", &value), LEC_OK);
    assert_true(lec_slice_is(value, "[\"7\",\"c\\\"8\"]"));
    lec_peer_free(p);
    lec_buf_fini(&auth);
}

static void tokens_need_a_secret_and_utf8(void **state)
{
    (void)state;
    struct lec_config none;
    struct lec_buf out = { 0 };
    char err[256];
    const struct lec_person good = { .id = "1", .lifetime_s = 60 };
    const struct lec_person bad = { .id = "\xff", .lifetime_s = 60 };
    lec_config_init(&none);
    assert_int_equal(lec_person_token(&good, &none, NOW, &out, err, sizeof err), LEC_EINVAL);
    assert_non_null(strstr(err, "JWT_SECRET"));
    assert_int_equal(lec_person_token(&bad, &cfg, NOW, &out, err, sizeof err), LEC_EINVAL);
    assert_non_null(strstr(err, "UTF-8"));
    lec_buf_fini(&out);
    lec_config_fini(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_checks_the_token),
        cmocka_unit_test(claims_are_what_the_command_said),
        cmocka_unit_test(tokens_need_a_secret_and_utf8),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
