/* Errors. Every function that can fail returns 0 (or a count) on success and one of these
 * negative values on failure. Lua sees the same error as `nil, lec_strerror(e), lec_errcode(e)`. */
#ifndef LEC_BASE_ERR_H
#define LEC_BASE_ERR_H

#include <stddef.h>

enum lec_err {
    LEC_OK = 0,
    LEC_EINVAL = -1,    /* an argument, option or file content is not valid */
    LEC_EPROTO = -2,    /* a peer broke its protocol, or bytes do not parse */
    LEC_ETOOBIG = -3,   /* larger than its configured limit */
    LEC_EFULL = -4,     /* a count or a queue is at its configured limit */
    LEC_ECLOSED = -5,   /* the connection, session or socket is closed */
    LEC_EAGAIN = -6,    /* not now; an event tells when */
    LEC_ENOTFOUND = -7, /* no such thing */
    LEC_EEXIST = -8,    /* there already is one */
    LEC_EDENIED = -9,   /* not allowed, or not proven */
    LEC_EEXPIRED = -10, /* was valid once */
    LEC_ETIMEOUT = -11, /* did not happen in time */
    LEC_ECANCELED = -12,
    LEC_EIO = -13,     /* the operating system refused; errno tells why */
    LEC_ESCRIPT = -14, /* a Lua script failed; its traceback is in the log */
};

/* The caller must look at the result. */
#define LEC_CHECK             __attribute__((warn_unused_result))
#define LEC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A sentence for people ("socket is closed"). Never NULL. */
const char *lec_strerror(int err);

/* A word for programs ("closed"), stable across versions. Never NULL. */
const char *lec_errcode(int err);

/* Memory that cannot be had ends the process with a message: every size is bounded by a limit
 * before it gets here, so running out means the machine is out, and a half-built session would
 * help nobody. Results are never NULL; lec_alloc0 zeroes. Free with free(). */
void *lec_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *lec_alloc0(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *lec_realloc(void *p, size_t size) __attribute__((alloc_size(2), returns_nonnull));
char *lec_strndup(const char *p, size_t n) __attribute__((malloc, returns_nonnull));

#endif
