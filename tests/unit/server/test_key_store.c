/* Commands about API keys, on a real database in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/host.h"
#include "server/key_store.h"

extern const struct lectern_plugin *lectern_sqlite_plugin(const struct lectern_host *host);

struct world {
    struct lec_loop *loop;
    struct lec_host *host;
    struct lec_db *db;
    struct lec_api_keys keys;
    struct lec_key_store *store;
    int waits;
};

struct told {
    struct world *world;
    int status;
    char text[200];
};

static const char *setting(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return "0";
}

static void on_told(void *ctx, int status, struct lec_slice text)
{
    struct told *t = ctx;
    t->status = status;
    snprintf(t->text, sizeof t->text, "%.*s", (int)text.n, text.p);
    if (--t->world->waits == 0)
        lec_loop_stop(t->world->loop);
}

static void on_made(void *ctx, struct lec_slice answer)
{
    assert_int_equal(answer.p[0], LECTERN_DB_OK);
    lec_loop_stop(ctx);
}

static int set_up(void **state)
{
    static const struct lec_db_config cfg = { .max_calls = 10,
                                              .max_bytes = 100000,
                                              .timeout_ms = 5000,
                                              .max_rows = 100,
                                              .max_result_bytes = 100000 };
    static const struct lec_slice table =
        LEC_SLICE("CREATE TABLE lectern_api_keys (id TEXT PRIMARY KEY, name TEXT, hash BLOB, "
                  "functions TEXT, rate INTEGER, created INTEGER, revoked INTEGER NOT NULL)");
    static struct world w;
    char err[200];
    struct lec_buf request = { 0 };
    struct lec_db_call *call;
    w = (struct world){ .loop = lec_loop_new() };
    w.host = lec_host_new(w.loop, NULL, "sqlite", "", setting, NULL);
    w.db = lec_db_new(w.loop, &cfg, NULL);
    assert_int_equal(lec_db_open(w.db, lectern_sqlite_plugin(lec_host_table(w.host))->db,
                                 lec_host_table(w.host), "memory:", err, sizeof err),
                     LEC_OK);
    lec_db_begin(&request, w.db, LECTERN_DB_SCRIPT, 0, 0);
    assert_int_equal(lec_db_statement(&request, table), LEC_OK);
    assert_int_equal(lec_db_call(w.db, &request, on_made, w.loop, &call, NULL), LEC_OK);
    lec_loop_run(w.loop);
    lec_buf_fini(&request);
    w.store = lec_key_store_new(w.loop, w.db, &w.keys, NULL);
    lec_key_store_start(w.store);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lec_key_store_free(w->store);
    lec_api_keys_fini(&w->keys);
    lec_db_free(w->db);
    lec_loop_free(w->loop);
    lec_host_free(w->host);
    return 0;
}

static void send(struct world *w, struct told *t, const char *word, const char *id)
{
    char line[100];
    *t = (struct told){ .world = w, .status = -1 };
    snprintf(line, sizeof line, "%s %s", word, id);
    w->waits++;
    lec_key_store_command(w->store, line, on_told, t);
}

/* Both commands look at the key before either is written. */
static void what_is_revoked_stays_so(void **state)
{
    struct world *w = *state;
    struct told made, revoked, rotated;
    char id[LEC_KEY_ID + 1] = "";
    send(w, &made, "new", "0 - billing");
    lec_loop_run(w->loop);
    assert_int_equal(made.status, 0);
    memcpy(id, made.text + 3, LEC_KEY_ID);

    send(w, &revoked, "revoke", id);
    send(w, &rotated, "rotate", id);
    lec_loop_run(w->loop);
    assert_int_equal(revoked.status, 0);
    assert_int_equal(rotated.status, 1);
    assert_non_null(strstr(rotated.text, "was revoked already"));
    assert_true(lec_api_keys_get(&w->keys, lec_slice_str(id))->revoked > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_revoked_stays_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
