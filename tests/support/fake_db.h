/* A database driver that keeps what it is given, and answers when the test says so. One database a program. */
#ifndef FAKE_DB_H
#define FAKE_DB_H

#include "lectern/plugin.h"

#define FAKE_DB_MAX 16

struct lectern_db {
    const struct lectern_db_events *events;
    void *ctx;
    struct {
        uint64_t id;
        void *request;
        size_t n;
    } got[FAKE_DB_MAX];
    size_t n, canceled, closed;
    bool last_news; /* while it closes it says that it is back; set by the test */
};

extern struct lectern_db fake_db;

/* Opens "fake:" and what else it is told, but "fake:bad". */
extern const struct lectern_db_driver fake_db_driver;

/* Answers request i with these bytes. */
void fake_db_reply(size_t i, const void *bytes, size_t n);

#endif
