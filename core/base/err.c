#include "base/err.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *code, *sentence;
} errors[] = {
    [-LEC_OK] = { "ok", "no error" },
    [-LEC_EINVAL] = { "invalid", "not valid" },
    [-LEC_EPROTO] = { "malformed", "malformed data" },
    [-LEC_ETOOBIG] = { "too_big", "larger than its limit" },
    [-LEC_EFULL] = { "full", "limit reached" },
    [-LEC_ECLOSED] = { "closed", "socket is closed" },
    [-LEC_EAGAIN] = { "again", "not possible now" },
    [-LEC_ENOTFOUND] = { "not_found", "not found" },
    [-LEC_EEXIST] = { "exists", "already exists" },
    [-LEC_EDENIED] = { "denied", "not allowed" },
    [-LEC_EEXPIRED] = { "expired", "expired" },
    [-LEC_ETIMEOUT] = { "timeout", "timed out" },
    [-LEC_ECANCELED] = { "canceled", "canceled" },
    [-LEC_EIO] = { "io", "input or output failed" },
    [-LEC_ESCRIPT] = { "script", "a script failed" },
};

static size_t index_of(int err)
{
    return err <= 0 && err > -(int)(sizeof(errors) / sizeof(errors[0])) ? (size_t)-err : SIZE_MAX;
}

const char *lec_strerror(int err)
{
    size_t i = index_of(err);
    return i == SIZE_MAX ? "unknown error" : errors[i].sentence;
}

const char *lec_errcode(int err)
{
    size_t i = index_of(err);
    return i == SIZE_MAX ? "unknown" : errors[i].code;
}

static void *must(void *p, size_t size)
{
    if (!p) {
        fprintf(stderr, "lectern: out of memory (%zu bytes)\n", size);
        abort();
    }
    return p;
}

/* Of 0 bytes, the C library may give NULL; we never do. */
static size_t at_least_one(size_t size)
{
    return size ? size : 1;
}

void *lec_alloc(size_t size)
{
    return must(malloc(at_least_one(size)), size);
}

void *lec_alloc0(size_t size)
{
    return must(calloc(1, at_least_one(size)), size);
}

void *lec_realloc(void *p, size_t size)
{
    return must(realloc(p, at_least_one(size)), size);
}

char *lec_strndup(const char *p, size_t n)
{
    char *copy = lec_alloc(n + 1);
    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}
