#include "server/key_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/utf8.h"
#include "db/answer.h"

#define AGAIN_MS   1000u  /* between two tries to read */
#define REFRESH_MS 10000u /* of what other processes may change */
#define MAX_NAME   100    /* bytes */
#define MAX_RATE   1000000u

/* A command under way. Owner: the store, until fn was called. */
struct command {
    struct lec_list link;
    struct lec_key_store *store;
    struct lec_db_call *call; /* NULL: it waits for the keys, or is about to be answered */
    struct lec_later later;
    lec_key_store_fn *fn;
    void *ctx;
    struct lec_api_key key; /* as it will be, name and functions its own */
    struct lec_buf text;    /* what will be said */
    int status;
    char line[];
};

struct lec_key_store {
    struct lec_loop *loop;
    struct lec_db *db;
    struct lec_api_keys *keys;
    struct lec_log *log;
    struct lec_db_call *reading;
    struct lec_timer timer;
    struct lec_list commands;
    struct lec_buf request;
    bool ready, complained;
};

/* --- reading ------------------------------------------------------------------------------- */

static void read_keys(struct lec_key_store *k);
static void begin_command(struct command *c);

static void on_timer(struct lec_timer *t)
{
    read_keys(LEC_CONTAINER(t, struct lec_key_store, timer));
}

static void take_row(struct lec_key_store *k, struct lec_db_result *rows)
{
    struct lec_api_key key = { 0 };
    const struct lectern_value *id = &rows->values[0], *hash = &rows->values[2];
    if (id->type != LECTERN_TEXT || id->text.n != LEC_KEY_ID || hash->type != LECTERN_BLOB ||
        hash->text.n != sizeof key.hash)
        return;
    memcpy(key.id, id->text.p, LEC_KEY_ID);
    memcpy(key.hash, hash->text.p, sizeof key.hash);
    key.name = lec_db_result_text(rows, 1);
    key.functions = rows->values[3].type == LECTERN_TEXT ? lec_db_result_text(rows, 3) : NULL;
    key.per_second = (uint64_t)lec_db_result_integer(rows, 4);
    key.created = lec_db_result_integer(rows, 5);
    key.revoked = lec_db_result_integer(rows, 6);
    lec_api_keys_put(k->keys, &key);
    free(key.name);
    free(key.functions);
}

static void on_read(void *ctx, struct lec_slice answer)
{
    struct lec_key_store *k = ctx;
    struct lec_db_error error;
    struct lec_db_result rows;
    k->reading = NULL;
    if (lec_db_failed(answer, &error)) {
        if (!k->complained)
            lec_log(k->log, LEC_LOG_WARN, LEC_CAT_AUTH, LEC_NOBODY,
                    "the API keys cannot be read: %.*s", (int)error.message.n, error.message.p);
        k->complained = true;
        lec_timer_start(k->loop, &k->timer, AGAIN_MS, on_timer);
        return;
    }
    k->complained = false;
    lec_api_keys_clear(k->keys);
    lec_db_result_begin(&rows, answer);
    while (lec_db_result_row(&rows))
        take_row(k, &rows);
    if (!lec_db_exclusive(k->db))
        lec_timer_start(k->loop, &k->timer, REFRESH_MS, on_timer);
    if (k->ready)
        return;
    k->ready = true;
    for (struct lec_list *n = k->commands.next, *next; n != &k->commands; n = next) {
        next = n->next;
        begin_command(LEC_CONTAINER(n, struct command, link));
    }
}

static void read_keys(struct lec_key_store *k)
{
    static const struct lec_slice sql =
        LEC_SLICE("SELECT id, name, hash, functions, rate, created, revoked FROM lectern_api_keys");
    lec_db_begin(&k->request, k->db, LECTERN_DB_BATCH, 0, 0);
    if (lec_db_statement(&k->request, sql) != LEC_OK ||
        lec_db_call(k->db, &k->request, on_read, k, &k->reading, NULL) != LEC_OK)
        lec_timer_start(k->loop, &k->timer, AGAIN_MS, on_timer);
}

/* --- its life ------------------------------------------------------------------------------ */

struct lec_key_store *lec_key_store_new(struct lec_loop *loop, struct lec_db *db,
                                        struct lec_api_keys *keys, struct lec_log *log)
{
    struct lec_key_store *k = lec_alloc0(sizeof *k);
    k->loop = loop;
    k->db = db;
    k->keys = keys;
    k->log = log;
    k->ready = db == NULL;
    lec_list_init(&k->commands);
    return k;
}

void lec_key_store_start(struct lec_key_store *k)
{
    if (k->db)
        read_keys(k);
}

bool lec_key_store_ready(const struct lec_key_store *k)
{
    return !k || k->ready;
}

static void free_command(struct command *c)
{
    if (c->call)
        lec_db_cancel(c->call);
    lec_loop_flush_cancel(c->store->loop, &c->later);
    lec_list_remove(&c->link);
    free(c->key.name);
    free(c->key.functions);
    lec_buf_fini(&c->text);
    free(c);
}

void lec_key_store_free(struct lec_key_store *k)
{
    if (!k)
        return;
    if (k->reading)
        lec_db_cancel(k->reading);
    lec_timer_stop(k->loop, &k->timer);
    while (!lec_list_empty(&k->commands)) {
        struct command *c = LEC_CONTAINER(k->commands.next, struct command, link);
        lec_key_store_fn *fn = c->fn;
        void *ctx = c->ctx;
        free_command(c);
        fn(ctx, 1, LEC_SLICE("the server is stopping\n"));
    }
    lec_buf_fini(&k->request);
    free(k);
}

/* --- commands ------------------------------------------------------------------------------ */

static void answer(struct lec_later *l)
{
    struct command *c = LEC_CONTAINER(l, struct command, later);
    lec_key_store_fn *fn = c->fn;
    void *ctx = c->ctx;
    int status = c->status;
    struct lec_buf text = c->text;
    c->text = (struct lec_buf){ 0 };
    free_command(c);
    fn(ctx, status, lec_buf_slice(&text));
    lec_buf_fini(&text);
}

static void say(struct command *c, int status)
{
    c->status = status;
    lec_loop_flush_later(c->store->loop, &c->later, answer);
}

static void on_written(void *ctx, struct lec_slice reply)
{
    struct command *c = ctx;
    struct lec_db_error error;
    c->call = NULL;
    if (lec_db_failed(reply, &error)) {
        c->text.n = 0;
        lec_buf_printf(&c->text, "%.*s\n", (int)error.message.n, error.message.p);
        say(c, 1);
        return;
    }
    struct lec_db_result result;
    lec_db_result_begin(&result, reply);
    if (result.changes == 0) { /* by another command, or another process, behind our look */
        c->text.n = 0;
        lec_buf_printf(&c->text, "the key %s was revoked already\n", c->key.id);
        say(c, 1);
        return;
    }
    lec_api_keys_put(c->store->keys, &c->key);
    lec_log(c->store->log, LEC_LOG_INFO, LEC_CAT_AUTH, LEC_NOBODY, "API key %s (%s): %.*s",
            c->key.id, c->key.name, (int)strcspn(c->line, " "), c->line);
    say(c, 0);
}

/* Writes the whole key: one statement for all that may be changed. A key that was revoked stays so. */
static void write_key(struct command *c)
{
    static const struct lec_slice sql = LEC_SLICE(
        "INSERT INTO lectern_api_keys (id, name, hash, functions, rate, created, revoked) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) "
        "ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, revoked = excluded.revoked "
        "WHERE lectern_api_keys.revoked = 0");
    struct lec_key_store *k = c->store;
    struct lec_buf *b = &k->request;
    lec_db_begin(b, k->db, LECTERN_DB_BATCH, 0, 0);
    if (lec_db_statement(b, sql) != LEC_OK)
        return;
    lec_db_parameters(b, 7);
    lec_db_text(b, lec_slice_str(c->key.id));
    lec_db_text(b, lec_slice_str(c->key.name));
    lec_db_blob(b, (struct lec_slice){ (const char *)c->key.hash, sizeof c->key.hash });
    if (c->key.functions)
        lec_db_text(b, lec_slice_str(c->key.functions));
    else
        lec_db_null(b);
    lec_db_integer(b, (int64_t)c->key.per_second);
    lec_db_integer(b, c->key.created);
    lec_db_integer(b, c->key.revoked);
    if (lec_db_call(k->db, b, on_written, c, &c->call, NULL) == LEC_OK)
        return;
    c->text.n = 0;
    lec_buf_adds(&c->text, "too much waits for the database\n");
    say(c, 1);
}

static void complain(struct command *c, const char *fmt, const char *text)
{
    lec_buf_printf(&c->text, fmt, text);
    lec_buf_addc(&c->text, '\n');
    say(c, 1);
}

/* "a,b" as a JSON array. NULL: not a list of names. */
static char *functions_of(struct lec_slice list)
{
    struct lec_buf json = { 0 };
    bool ok = true;
    lec_buf_addc(&json, '[');
    while (list.n > 0 && ok) {
        struct lec_slice name = lec_slice_shift(&list, ',');
        for (size_t i = 0; i < name.n; i++) {
            char ch = name.p[i];
            ok = ok && (ch == '_' || (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
                        (ch >= 'A' && ch <= 'Z'));
        }
        ok = ok && name.n > 0;
        lec_buf_printf(&json, "%s\"%.*s\"", json.n > 1 ? "," : "", (int)name.n, name.p);
    }
    lec_buf_adds(&json, "]");
    lec_buf_addc(&json, '\0');
    if (ok && json.n > 3)
        return json.p;
    lec_buf_fini(&json);
    return NULL;
}

static void make(struct command *c, struct lec_slice rest)
{
    struct lec_slice rate = lec_slice_shift(&rest, ' '), functions = lec_slice_shift(&rest, ' ');
    struct lec_slice name = lec_slice_trim(rest);
    uint64_t per_second = 0;
    for (size_t i = 0; i < rate.n && per_second <= MAX_RATE; i++)
        per_second = per_second * 10 + (uint64_t)(rate.p[i] - '0');
    if (rate.n == 0 || strspn(rate.p, "0123456789") < rate.n || per_second > MAX_RATE) {
        complain(c, "a rate is a whole number from 0 to 1000000%s", "");
        return;
    }
    if (name.n == 0 || name.n > MAX_NAME || !lec_utf8_valid(name.p, name.n)) {
        complain(c, "a key needs a name of 1 to 100 bytes, for people%s", "");
        return;
    }
    lec_api_key_make(&c->key, &c->text);
    lec_buf_addc(&c->text, '\n');
    c->key.name = lec_strndup(name.p, name.n);
    c->key.per_second = per_second;
    if (!lec_slice_is(functions, "-")) {
        c->key.functions = functions_of(functions);
        if (!c->key.functions) {
            c->text.n = 0;
            complain(c, "functions are names separated by commas%s", "");
            return;
        }
    }
    write_key(c);
}

static void change(struct command *c, struct lec_slice id, bool revoke)
{
    id = lec_slice_trim(id);
    const struct lec_api_key *old = lec_api_keys_get(c->store->keys, id);
    if (!old) {
        complain(c, "there is no key of this id; `lectern key list` tells which there are%s", "");
        return;
    }
    if (old->revoked) {
        complain(c, "the key %s was revoked already", old->id);
        return;
    }
    c->key = *old;
    c->key.name = lec_strndup(old->name, strlen(old->name));
    if (old->functions)
        c->key.functions = lec_strndup(old->functions, strlen(old->functions));
    if (revoke) {
        c->key.revoked = lec_clock_ms();
        lec_buf_printf(&c->text, "the key %s (%s) counts no more\n", old->id, old->name);
    } else {
        lec_api_key_rotate(&c->key, &c->text);
        lec_buf_addc(&c->text, '\n');
    }
    write_key(c);
}

static int by_age(const void *a, const void *b)
{
    const struct lec_api_key *const *x = a, *const *y = b;
    return ((*x)->created > (*y)->created) - ((*x)->created < (*y)->created);
}

static void put_day(struct lec_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[16];
    strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&seconds, &tm));
    lec_buf_adds(out, text);
}

static void list(struct command *c)
{
    const struct lec_map *map = &c->store->keys->by_id;
    const struct lec_api_key **all = lec_alloc((map->count + 1) * sizeof *all), *key;
    size_t n = 0;
    for (size_t pos = 0; (key = lec_map_next(map, &pos)) != NULL;)
        all[n++] = key;
    qsort(all, n, sizeof *all, by_age);
    for (size_t i = 0; i < n; i++) {
        key = all[i];
        lec_buf_printf(&c->text, "%s  ", key->id);
        put_day(&c->text, key->created);
        lec_buf_printf(&c->text, "  %s", key->name);
        if (key->functions)
            lec_buf_printf(&c->text, "  %s", key->functions);
        if (key->per_second > 0)
            lec_buf_printf(&c->text, "  %" PRIu64 "/s", key->per_second);
        if (key->revoked) {
            lec_buf_adds(&c->text, "  revoked ");
            put_day(&c->text, key->revoked);
        }
        lec_buf_addc(&c->text, '\n');
    }
    if (n == 0)
        lec_buf_adds(&c->text, "there are no keys; `lectern key new NAME` makes one\n");
    free(all);
    say(c, 0);
}

static void begin_command(struct command *c)
{
    struct lec_slice rest = lec_slice_str(c->line), word = lec_slice_shift(&rest, ' ');
    if (!c->store->db)
        complain(c, "this server has no database%s", "");
    else if (lec_slice_is(word, "new"))
        make(c, rest);
    else if (lec_slice_is(word, "list"))
        list(c);
    else if (lec_slice_is(word, "revoke"))
        change(c, rest, true);
    else if (lec_slice_is(word, "rotate"))
        change(c, rest, false);
    else
        complain(c, "key: there are new, list, revoke and rotate%s", "");
}

void lec_key_store_command(struct lec_key_store *k, const char *line, lec_key_store_fn *fn,
                           void *ctx)
{
    size_t n = strlen(line);
    struct command *c = lec_alloc0(sizeof *c + n + 1);
    c->store = k;
    c->fn = fn;
    c->ctx = ctx;
    memcpy(c->line, line, n + 1);
    lec_list_append(&k->commands, &c->link);
    if (k->ready)
        begin_command(c);
}
