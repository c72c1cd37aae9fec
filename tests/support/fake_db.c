#include "fake_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct lectern_db fake_db;

static struct lectern_db *open_db(const struct lectern_host *host, const char *url,
                                  const struct lectern_db_events *events, void *ctx, char *err,
                                  size_t err_size)
{
    (void)host;
    if (strcmp(url, "fake:bad") == 0) {
        strncpy(err, "there is no such file", err_size);
        return NULL;
    }
    fake_db = (struct lectern_db){ .events = events, .ctx = ctx };
    return &fake_db;
}

static void submit(struct lectern_db *db, uint64_t id, void *request, size_t n)
{
    assert_true(db->n < FAKE_DB_MAX);
    db->got[db->n].id = id;
    db->got[db->n].request = request;
    db->got[db->n++].n = n;
}

static void cancel(struct lectern_db *db, uint64_t id)
{
    (void)id;
    db->canceled++;
}

static void close_db(struct lectern_db *db)
{
    db->closed++;
    if (db->last_news)
        db->events->on_state(db->ctx, true, "it is there again");
    for (size_t i = 0; i < db->n; i++)
        free(db->got[i].request);
    db->n = 0;
}

const struct lectern_db_driver fake_db_driver = {
    .schemes = "fake",
    .exclusive = true,
    .open = open_db,
    .submit = submit,
    .cancel = cancel,
    .close = close_db,
};

void fake_db_reply(size_t i, const void *bytes, size_t n)
{
    char *copy = malloc(n);
    memcpy(copy, bytes, n);
    fake_db.events->on_answer(fake_db.ctx, fake_db.got[i].id, copy, n);
}
