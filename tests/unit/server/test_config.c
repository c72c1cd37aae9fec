#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/suggest.h"

static char err[512];

static int set(struct lec_config *cfg, const char *key, const char *value, enum lec_source from)
{
    err[0] = '\0';
    return lec_config_set(cfg, key, value, from, err, sizeof err);
}

static void clear_environment(void)
{
    clearenv(); /* a name like a setting's would be warned of */
}

/* The text of one setting. */
static const char *text_of(const struct lec_config *cfg, const char *key)
{
    static struct lec_buf out;
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    while (n > 0 && strcmp(s->key, key) != 0)
        s++, n--;
    assert_true(n > 0);
    const void *at = (const char *)cfg + s->offset;
    lec_buf_fini(&out);
    if (s->kind == LEC_UINT)
        lec_buf_addu(&out, *(const uint64_t *)at);
    else if (s->kind == LEC_BOOL)
        lec_buf_adds(&out, *(const bool *)at ? "true" : "false");
    else
        lec_buf_adds(&out, *(char *const *)at);
    return lec_buf_str(&out);
}

static void has_the_defaults_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } cases[] = {
        { "host", "" },
        { "port", "3001" },
        { "path", "/socket.io" },
        { "ping_interval", "25000" },
        { "ping_timeout", "20000" },
        { "upgrade_timeout", "10000" },
        { "connect_timeout", "45000" },
        { "max_http_buffer_size", "1000000" },
        { "polling", "true" },
        { "websocket", "true" },
        { "allow_upgrades", "true" },
        { "max_attachments", "10" },
        { "jwt.id_claim", "sub" },
        { "script.unsafe", "false" },
        { "rooms.default", "allow" },
    };
    struct lec_config cfg;
    lec_config_init(&cfg);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(text_of(&cfg, cases[i].key), cases[i].value);
    lec_config_fini(&cfg);
}

/* Each row by the rules that the rows as a whole must keep. */
static void table_is_consistent(void **state)
{
    (void)state;
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    for (size_t i = 0; i < n; i++) {
        char env[64], flag[LEC_FLAG_SIZE];
        snprintf(env, sizeof env, "LECTERN_%s", s[i].key);
        for (char *p = env; *p; p++)
            *p = *p == '.' ? '_' : (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        if (strncmp(s[i].env, "LECTERN_", 8) == 0)
            assert_string_equal(s[i].env, env);
        lec_setting_flag(&s[i], flag);
        assert_true(strlen(flag) == strlen(s[i].key) + 2); /* not cut off */
        assert_non_null(s[i].group);
        assert_true(s[i].help && *s[i].help);
        assert_int_equal(s[i].kind == LEC_CHOICE, s[i].choices != NULL);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(s[i].key, s[j].key);
            assert_string_not_equal(s[i].env, s[j].env);
            assert_int_not_equal(s[i].offset, s[j].offset);
        }
        bool group_seen = false;
        for (size_t j = 0; i > 0 && j < i - 1; j++)
            group_seen = group_seen || s[j].group == s[i].group;
        if (group_seen)
            assert_ptr_equal(s[i - 1].group, s[i].group);
    }
}

static void takes_and_refuses_values(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        const char *text; /* NULL: refused */
    } cases[] = {
        { "port", "0", "0" },
        { "port", "65535", "65535" },
        { "port", "65536", NULL },
        { "port", "", NULL },
        { "port", "-1", NULL },
        { "port", "+1", NULL },
        { "port", " 1", NULL },
        { "port", "1.5", NULL },
        { "port", "0x10", NULL },
        { "port", "99999999999999999999", NULL },
        { "ping_interval", "300", "300" },
        { "ping_interval", "0", NULL },
        { "ping_interval", "86400001", NULL },
        { "max_queue_bytes", "1023", NULL },
        { "max_json_depth", "257", NULL },
        { "jwt.jwks_url", "", "" },
        { "jwt.jwks_url", "https://school.example/jwks.json", "https://school.example/jwks.json" },
        { "jwt.jwks_url", "http://localhost:8080/jwks", "http://localhost:8080/jwks" },
        { "jwt.jwks_url", "http://school.example/jwks.json", NULL },
        { "jwt.jwks_url", "school.example/jwks.json", NULL },
        { "jwt.jwks_url", "file:///etc/passwd", NULL },
        { "polling", "false", "false" },
        { "polling", "TRUE", "true" },
        { "polling", "0", "false" },
        { "polling", "on", "true" },
        { "polling", "maybe", NULL },
        { "polling", "", NULL },
        { "log.level", "debug", "debug" },
        { "log.level", "loud", NULL },
        { "log.level", "err", NULL },
        { "log.level", "error|warn", NULL },
        { "log.level", "", NULL },
        { "rooms.default", "deny", "deny" },
        { "path", "/live", "/live" },
        { "path", "/live/", "/live" },
        { "path", "/a/b", "/a/b" },
        { "path", "/", NULL },
        { "path", "live", NULL },
        { "path", "/a?b", NULL },
        { "path", "/a b", NULL },
        { "trusted_proxies", "127.0.0.1, fd00::/8", "127.0.0.1, fd00::/8" },
        { "trusted_proxies", "localhost", NULL },
        { "trusted_proxies", "10.0.0.0/33", NULL },
        { "http.client_allow", "*.push.example, 10.0.0.0/8", "*.push.example, 10.0.0.0/8" },
        { "http.client_allow", "", "" },
        { "http.client_allow", "https://school.example", NULL },
        { "http.client_allow", "10.0.0.0/33", NULL },
        { "cookie", "", "" },
        { "cookie", "io", "io" },
        { "cookie", "__Host-io", "__Host-io" },
        { "cookie", "a b", NULL },
        { "cookie", "a;b", NULL },
        { "cookie", "a=b", NULL },
        { "cookie", "\xc3\xa4", NULL },
        { "http.headers", "", "" },
        { "http.headers", "x-request-id, X-Tenant", "x-request-id, X-Tenant" },
        { "http.headers", "x request id", NULL },
        { "http.headers", "x-request-id: 5", NULL },
        { "cookie_same_site", "none", "none" },
        { "cookie_same_site", "None", NULL },
        { "frontend_url", "", "" },
        { "frontend_url", "*", "*" },
        { "frontend_url", "http://localhost:3000", "http://localhost:3000" },
        { "frontend_url", "http://localhost:3000/", "http://localhost:3000" },
        { "frontend_url", " https://a.example ,https://b.example/,",
          "https://a.example, https://b.example" },
        { "frontend_url", "localhost:3000", NULL },
        { "frontend_url", "http://", NULL },
        { "frontend_url", "http://a.example/app", NULL },
        { "frontend_url", "http://a.example http://b.example", NULL },
        { "limits.events", "", "" },
        { "limits.events", " typing_start = 5,hand=2 ,", "typing_start=5, hand=2" },
        { "limits.events", "hand=0", NULL },
        { "max_connections_per_address", "0", "0" },
        { "jwt.id_claim", "user_id", "user_id" },
        { "jwt.id_claim", "", NULL },
        { "jwt.secret", "s3cret", "s3cret" },
        { "jwt.secret", "", "" },
        { "host", "127.0.0.1", "127.0.0.1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_config cfg;
        lec_config_init(&cfg);
        char before[128];
        snprintf(before, sizeof before, "%s", text_of(&cfg, cases[i].key));
        int rc = set(&cfg, cases[i].key, cases[i].value, LEC_FROM_LUA);
        assert_int_equal(rc, cases[i].text ? LEC_OK : LEC_EINVAL);
        assert_string_equal(text_of(&cfg, cases[i].key), cases[i].text ? cases[i].text : before);
        assert_int_equal(err[0] == '\0', rc == LEC_OK);
        lec_config_fini(&cfg);
    }
}

static void complains_in_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        enum lec_source from;
        int rc;
        const char *sentence;
    } cases[] = {
        { "ping_interval", "abc", LEC_FROM_FLAG, LEC_EINVAL,
          "--ping-interval: \"abc\" is not allowed; give a whole number from 1 to 86400000 (ms)" },
        { "port", "70000", LEC_FROM_ENV, LEC_EINVAL,
          "PORT in the environment: \"70000\" is not allowed; give a whole number from 0 to "
          "65535" },
        { "log.level", "loud", LEC_FROM_LUA, LEC_EINVAL,
          "log.level: \"loud\" is not allowed; give error, warn, info or debug" },
        { "polling", "x", LEC_FROM_DOTENV, LEC_EINVAL,
          "LECTERN_POLLING: \"x\" is not allowed; give true or false" },
        { "pot", "1", LEC_FROM_LUA, LEC_ENOTFOUND,
          "unknown setting \"pot\"; did you mean \"port\"?" },
        { "ping_intervall", "1", LEC_FROM_LUA, LEC_ENOTFOUND,
          "unknown setting \"ping_intervall\"; did you mean \"ping_interval\"?" },
        { "jwt", "x", LEC_FROM_LUA, LEC_EINVAL,
          "\"jwt\" is a table of settings: jwt = { secret = … }" },
        { "limits.events", "hand", LEC_FROM_ENV, LEC_EINVAL,
          "LECTERN_LIMITS_EVENTS in the environment: \"hand\" is not allowed; give events with how "
          "many a second, from 1 to 1000000, like typing_start=5, hand=2" },
        { "zebra", "1", LEC_FROM_LUA, LEC_ENOTFOUND, "unknown setting \"zebra\"" },
        { "", "1", LEC_FROM_LUA, LEC_ENOTFOUND, "unknown setting \"\"" },
    };
    struct lec_config cfg;
    lec_config_init(&cfg);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(set(&cfg, cases[i].key, cases[i].value, cases[i].from), cases[i].rc);
        assert_string_equal(err, cases[i].sentence);
    }
    lec_config_fini(&cfg);
}

static void stronger_sources_win_in_any_order(void **state)
{
    (void)state;
    for (int first = LEC_FROM_DEFAULT; first <= LEC_FROM_FLAG; first++)
        for (int second = LEC_FROM_DEFAULT; second <= LEC_FROM_FLAG; second++) {
            struct lec_config cfg;
            lec_config_init(&cfg);
            assert_int_equal(set(&cfg, "port", "1", (enum lec_source)first), LEC_OK);
            assert_int_equal(set(&cfg, "port", "2", (enum lec_source)second), LEC_OK);
            assert_int_equal(cfg.port, second >= first ? 2 : 1);
            /* an overridden value is checked all the same */
            assert_int_equal(set(&cfg, "port", "x", LEC_FROM_DEFAULT), LEC_EINVAL);
            lec_config_fini(&cfg);
        }
}

static void reads_the_environment(void **state)
{
    (void)state;
    struct lec_config cfg;
    clear_environment();
    setenv("PORT", "4000", 1);
    setenv("JWT_SECRET", "from the environment", 1);
    setenv("DEBUG", "", 1);
    setenv("LECTERN_SCRIPT_UNSAFE", "true", 1);
    lec_config_init(&cfg);
    assert_int_equal(set(&cfg, "debug", "socket.io:*", LEC_FROM_LUA), LEC_OK);
    assert_int_equal(lec_config_read_env(&cfg, err, sizeof err), LEC_OK);
    assert_int_equal(cfg.port, 4000);
    assert_string_equal(cfg.jwt_secret, "from the environment");
    assert_string_equal(cfg.debug, "socket.io:*");
    assert_true(cfg.script_unsafe);
    lec_config_fini(&cfg);

    setenv("PORT", "all", 1);
    lec_config_init(&cfg);
    assert_int_equal(lec_config_read_env(&cfg, err, sizeof err), LEC_EINVAL);
    assert_non_null(strstr(err, "PORT"));
    lec_config_fini(&cfg);
    clear_environment();
}

/* Names that look like ours and are none. */
static void warns_of_strange_variables(void **state)
{
    (void)state;
    static const struct {
        const char *name, *suggestion; /* "" for none */
    } cases[] = {
        { "LECTERN_PING_INTERVALL", "; did you mean LECTERN_PING_INTERVAL?" },
        { "LECTERN_PORT", "; did you mean PORT?" },
        { "LECTERN_JWT_SECRET", "; did you mean JWT_SECRET?" },
        { "LECTERN_JWT_ISUER", "; did you mean LECTERN_JWT_ISSUER?" },
        { "LECTERN_", "" },
        { "LECTERN_ZEBRA_CROSSING_AHEAD", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_config cfg;
        char expected[200];
        clear_environment();
        setenv(cases[i].name, "1", 1);
        setenv("LECTURE", "1", 1);
        setenv("JWT_SECERT", "other programs' variables are many here", 1);
        lec_config_init(&cfg);
        assert_int_equal(lec_config_read_env(&cfg, err, sizeof err), LEC_OK);
        snprintf(expected, sizeof expected,
                 "%s in the environment is no setting, and has no effect%s\n", cases[i].name,
                 cases[i].suggestion);
        assert_string_equal(lec_buf_str(&cfg.warnings), expected);
        lec_config_fini(&cfg);
        unsetenv(cases[i].name);
    }
}

static void reads_dotenv_files(void **state)
{
    (void)state;
    char path[] = "/tmp/lectern-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char good[] = "# shared with other programs\nDATABASE_URL=postgres://x\n"
                               "FRONTEND_URL=http://localhost:3000\nJWT_SECRET='a#b'\nPORT=\n"
                               "LECTERN_HOSST=x\nJWT_SECERT=x\nLOG_LEVEL=theirs\n";
    static const char more[] = "LECTERN_PING_TIMEOUT=soon\n";
    assert_int_equal(write(fd, good, sizeof good - 1), sizeof good - 1);
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(lec_config_read_dotenv(&cfg, path, err, sizeof err), LEC_OK);
    assert_string_equal(cfg.frontend_url, "http://localhost:3000");
    assert_string_equal(cfg.jwt_secret, "a#b");
    assert_int_equal(cfg.port, 3001);
    assert_string_equal(
        lec_buf_str(&cfg.warnings),
        "LECTERN_HOSST in .env is no setting, and has no effect; did you mean LECTERN_HOST?\n"
        "JWT_SECERT in .env is no setting, and has no effect; did you mean JWT_SECRET?\n");

    assert_int_equal(write(fd, more, sizeof more - 1), sizeof more - 1);
    assert_int_equal(lec_config_read_dotenv(&cfg, path, err, sizeof err), LEC_EINVAL);
    char place[64];
    snprintf(place, sizeof place, "%s:9: LECTERN_PING_TIMEOUT: \"soon\"", path);
    assert_memory_equal(err, place, strlen(place));

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "nonsense", 8, 0), 8);
    assert_int_equal(lec_config_read_dotenv(&cfg, path, err, sizeof err), LEC_EINVAL);
    snprintf(place, sizeof place, "%s:1: ", path);
    assert_memory_equal(err, place, strlen(place));

    close(fd);
    unlink(path);
    assert_int_equal(lec_config_read_dotenv(&cfg, path, err, sizeof err), LEC_OK);
    assert_int_equal(lec_config_read_dotenv(&cfg, "/", err, sizeof err), LEC_EINVAL);
    lec_config_fini(&cfg);
}

static void checks_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *settings[4][2];
        const char *word; /* in the complaint; NULL: fine */
    } cases[] = {
        { { { 0 } }, "JWT_SECRET" },
        { { { "jwt.secret", "x" } }, NULL },
        { { { "jwt.public_key_file", "x" } }, NULL },
        { { { "jwt.secret", "x" }, { "jwt.public_key_file", "x" } }, "more than one" },
        { { { "jwt.jwks_url", "https://x" } }, NULL },
        { { { "jwt.jwks_url", "https://x" }, { "jwt.jwks_file", "x" } }, "more than one" },
        { { { "jwt.secret", "x" }, { "tls.cert", "x" } }, "tls.key" },
        { { { "jwt.secret", "x" }, { "tls.key", "x" } }, "tls.cert" },
        { { { "jwt.secret", "x" }, { "tls.key", "x" }, { "tls.cert", "x" } }, NULL },
        { { { "jwt.secret", "x" }, { "proxy_protocol", "yes" } }, "trusted_proxies" },
        { { { "jwt.secret", "x" }, { "proxy_protocol", "yes" }, { "trusted_proxies", "::1" } },
          NULL },
        { { { "jwt.secret", "x" }, { "polling", "no" } }, NULL },
        { { { "jwt.secret", "x" }, { "polling", "no" }, { "websocket", "no" } }, "websocket" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_config cfg;
        lec_config_init(&cfg);
        for (size_t j = 0; j < 4 && cases[i].settings[j][0]; j++)
            assert_int_equal(
                set(&cfg, cases[i].settings[j][0], cases[i].settings[j][1], LEC_FROM_FLAG), LEC_OK);
        assert_int_equal(lec_config_check(&cfg, true, err, sizeof err),
                         cases[i].word ? LEC_EINVAL : LEC_OK);
        if (cases[i].word)
            assert_non_null(strstr(err, cases[i].word));
        /* For who only looks (`lectern check`), keys may come later. */
        assert_int_equal(lec_config_check(&cfg, false, err, sizeof err),
                         cases[i].word && i > 0 ? LEC_EINVAL : LEC_OK);
        lec_config_fini(&cfg);
    }
}

static void suggests_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *word, *best;
    } cases[] = {
        { "serve", "serve" },   { "serv", "serve" },  { "srve", "serve" },   { "esrve", "serve" },
        { "relaod", "reload" }, { "chekc", "check" }, { "tokens", "token" }, { "x", NULL },
        { "", NULL },           { "start", NULL },
    };
    static const char *const words[] = { "serve", "check", "reload", "token" };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_suggest s;
        lec_suggest_init(&s, cases[i].word);
        for (size_t j = 0; j < 4; j++)
            lec_suggest_try(&s, words[j]);
        if (cases[i].best)
            assert_string_equal(s.best, cases[i].best);
        else
            assert_null(s.best);
    }
}

/* What stands between the marks of the README is what `lectern help settings` prints. */
static void readme_has_the_table(void **state)
{
    (void)state;
    static const char begin[] = "<!-- settings -->\n", end[] = "<!-- /settings -->";
    struct lec_buf table = { 0 }, readme = { 0 };
    FILE *f = fopen(README, "r");
    if (!f)
        skip();
    readme.n = fread(lec_buf_reserve(&readme, 1 << 20), 1, 1 << 20, f);
    fclose(f);
    lec_config_markdown(&table);
    const char *from = strstr(lec_buf_str(&readme), begin);
    assert_non_null(from);
    from += strlen(begin);
    const char *to = strstr(from, end);
    assert_non_null(to);
    lec_buf_addc(&table, '\0');
    char *found = lec_strndup(from, (size_t)(to - from));
    assert_string_equal(found, table.p);
    free(found);
    lec_buf_fini(&table);
    lec_buf_fini(&readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_defaults_of_the_reference),
        cmocka_unit_test(table_is_consistent),
        cmocka_unit_test(takes_and_refuses_values),
        cmocka_unit_test(complains_in_sentences),
        cmocka_unit_test(stronger_sources_win_in_any_order),
        cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(warns_of_strange_variables),
        cmocka_unit_test(reads_dotenv_files),
        cmocka_unit_test(checks_the_whole),
        cmocka_unit_test(suggests_the_nearest),
        cmocka_unit_test(readme_has_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
