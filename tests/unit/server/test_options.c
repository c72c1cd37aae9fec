#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SERVE (LEC_TAKES_DIR | LEC_TAKES_DEV)
#define DRAIN (LEC_TAKES_DIR | LEC_TAKES_SECONDS)

static char err[512];

/* Parses a NULL-terminated list of words. */
static int parse(struct lec_options *o, struct lec_config *cfg, unsigned takes,
                 const char *const *words)
{
    char *argv[16];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    argv[argc] = NULL;
    err[0] = '\0';
    return lec_options_parse(o, cfg, takes, argc, argv, err, sizeof err);
}

static void reads_settings_and_directory(void **state)
{
    (void)state;
    static const char *const words[] = { "serve",
                                         "--port",
                                         "0",
                                         "--no-polling",
                                         "school",
                                         "--ping-interval=300",
                                         "--allow-upgrades=false",
                                         "--script-unsafe",
                                         "--dev",
                                         "--jwt-secret",
                                         "a b",
                                         NULL };
    struct lec_options o;
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(parse(&o, &cfg, SERVE, words), LEC_OK);
    assert_int_equal(cfg.port, 0);
    assert_int_equal(cfg.ping_interval, 300);
    assert_false(cfg.polling);
    assert_false(cfg.allow_upgrades);
    assert_true(cfg.script_unsafe);
    assert_string_equal(cfg.jwt_secret, "a b");
    assert_string_equal(o.dir, "school");
    assert_true(o.dev);
    assert_false(o.help);
    lec_options_fini(&o);
    lec_config_fini(&cfg);
}

static void reads_booleans(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        bool polling;
        const char *dir;
    } cases[] = {
        { { "serve", "--polling" }, true, "." },
        { { "serve", "--no-polling" }, false, "." },
        { { "serve", "--polling=false" }, false, "." },
        { { "serve", "--polling", "false" }, false, "." },
        { { "serve", "--polling", "true" }, true, "." },
        { { "serve", "x", "--polling", "false" }, false, "x" },
        { { "serve", "--polling", "false", "x" }, false, "x" },
        { { "serve", "--polling", "x" }, true, "x" },
        { { "serve", "--no-polling", "--polling" }, true, "." },
        { { "serve", "--dev", "false" }, true, "false" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_options o;
        struct lec_config cfg;
        lec_config_init(&cfg);
        assert_int_equal(parse(&o, &cfg, SERVE, cases[i].words), LEC_OK);
        assert_int_equal(cfg.polling, cases[i].polling);
        assert_string_equal(o.dir, cases[i].dir);
        lec_options_fini(&o);
        lec_config_fini(&cfg);
    }
}

static void reads_a_person(void **state)
{
    (void)state;
    static const char *const words[] = { "token",    "--sub", "42",       "--role", "student",
                                         "--course", "a",     "--course", "b",      "--expires",
                                         "60",       "--dir", "x",        NULL };
    struct lec_options o;
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(parse(&o, &cfg, LEC_TAKES_TOKEN, words), LEC_OK);
    assert_string_equal(o.sub, "42");
    assert_string_equal(o.role, "student");
    assert_null(o.name);
    assert_int_equal(o.n_courses, 2);
    assert_string_equal(o.courses[1], "b");
    assert_int_equal(o.expires_s, 60);
    assert_string_equal(o.dir, "x");
    lec_options_fini(&o);
    lec_config_fini(&cfg);
}

static void reads_seconds(void **state)
{
    (void)state;
    static const char *const words[] = { "drain", "30", "school", NULL };
    static const char *const without[] = { "drain", "0", NULL };
    struct lec_options o;
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(parse(&o, &cfg, DRAIN, words), LEC_OK);
    assert_int_equal(o.seconds, 30);
    assert_string_equal(o.dir, "school");
    lec_options_fini(&o);
    assert_int_equal(parse(&o, &cfg, DRAIN, without), LEC_OK);
    assert_int_equal(o.seconds, 0);
    assert_string_equal(o.dir, ".");
    lec_options_fini(&o);
    lec_config_fini(&cfg);
}

static void helps_without_what_is_needed(void **state)
{
    (void)state;
    static const char *const words[] = { "drain", "--help", NULL };
    struct lec_options o;
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(parse(&o, &cfg, DRAIN, words), LEC_OK);
    assert_true(o.help);
    lec_options_fini(&o);
    lec_config_fini(&cfg);
}

static void has_defaults(void **state)
{
    (void)state;
    static const char *const words[] = { "serve", NULL };
    struct lec_options o;
    struct lec_config cfg;
    lec_config_init(&cfg);
    assert_int_equal(parse(&o, &cfg, SERVE, words), LEC_OK);
    assert_string_equal(o.dir, ".");
    assert_int_equal(o.expires_s, 86400);
    assert_false(o.dev);
    lec_options_fini(&o);
    lec_config_fini(&cfg);
}

static void refuses_in_one_sentence(void **state)
{
    (void)state;
    static const struct {
        unsigned takes;
        const char *words[5];
        const char *sentence;
    } cases[] = {
        { SERVE, { "serve", "--prot", "1" }, "unknown option --prot; did you mean --port?" },
        { SERVE,
          { "serve", "--ping_interval=5" },
          "unknown option --ping_interval; did you mean --ping-interval?" },
        { SERVE, { "serve", "--xylophone=5" }, "unknown option --xylophone" },
        { SERVE, { "serve", "-x" }, "unknown option -x" },
        { SERVE, { "serve", "--sub", "1" }, "unknown option --sub" },
        { SERVE, { "serve", "--port" }, "--port needs a value behind it" },
        { SERVE, { "serve", "--no-polling=1" }, "--no-polling takes no value" },
        { SERVE, { "serve", "--dev=1" }, "--dev takes no value" },
        { SERVE,
          { "serve", "--polling=maybe" },
          "--polling: \"maybe\" is not allowed; give true or false" },
        { SERVE,
          { "serve", "--port", "x" },
          "--port: \"x\" is not allowed; give a whole number from 0 to 65535" },
        { SERVE, { "serve", "a", "b" }, "serve takes one directory; \"b\" is too much" },
        { LEC_TAKES_TOKEN, { "token", "a" }, "token takes options only; \"a\" is too much" },
        { DRAIN, { "drain" }, "drain needs a number of seconds behind it" },
        { DRAIN,
          { "drain", "school" },
          "SECONDS: \"school\" is not allowed; give a whole number of seconds from 0 to 86400" },
        { DRAIN, { "drain", "1", "a", "b" }, "drain takes one directory; \"b\" is too much" },
        { SERVE, { "serve", "--json" }, "unknown option --json" },
        { LEC_TAKES_TOKEN, { "token", "--dev" }, "unknown option --dev" },
        { LEC_TAKES_TOKEN,
          { "token", "--expires", "0" },
          "--expires: \"0\" is not allowed; give a whole number of seconds from 1 to 315360000" },
        { LEC_TAKES_TOKEN,
          { "token", "--expires", "-5" },
          "--expires: \"-5\" is not allowed; give a whole number of seconds from 1 to 315360000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lec_options o;
        struct lec_config cfg;
        lec_config_init(&cfg);
        assert_int_equal(parse(&o, &cfg, cases[i].takes, cases[i].words), LEC_EINVAL);
        assert_string_equal(err, cases[i].sentence);
        lec_options_fini(&o);
        lec_config_fini(&cfg);
    }
}

/* Every row of the table can be given as a flag, with its own default as value. */
static void every_setting_is_a_flag(void **state)
{
    (void)state;
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    for (size_t i = 0; i < n; i++) {
        struct lec_options o;
        struct lec_config cfg;
        struct lec_buf word = { 0 };
        char flag[LEC_FLAG_SIZE];
        lec_config_init(&cfg);
        lec_setting_flag(&s[i], flag);
        lec_buf_printf(&word, "%s=%s", flag, s[i].fallback);
        const char *const words[] = { "serve", lec_buf_str(&word), NULL };
        assert_int_equal(parse(&o, &cfg, SERVE, words), LEC_OK);
        assert_int_equal(cfg.source[i], LEC_FROM_FLAG);
        lec_options_fini(&o);
        lec_config_fini(&cfg);
        lec_buf_fini(&word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_settings_and_directory),
        cmocka_unit_test(reads_booleans),
        cmocka_unit_test(reads_a_person),
        cmocka_unit_test(reads_seconds),
        cmocka_unit_test(helps_without_what_is_needed),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(refuses_in_one_sentence),
        cmocka_unit_test(every_setting_is_a_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
