/* The database as the server reaches it: calls in, answers out, by messages alone (lectern/plugin.h
 * says how they look), so that a driver's threads, and later another process, can own the file.
 *
 * What waits has a bound, in calls and in bytes. A call is answered in time, whatever the driver does:
 * after its deadline it is answered TIMEOUT by us, and a late answer is dropped. While the
 * database is away calls are answered UNAVAILABLE at once. What changes something takes effect in the
 * order of the calls.
 *
 * Owner: the server, which frees it after the loop has returned. A call is the db's, from
 * lec_db_call until its fn was called or it was cancelled; after either the pointer is dead. fn is
 * called once, never from inside lec_db_call, and may call and cancel what it likes. */
#ifndef LEC_DB_DB_H
#define LEC_DB_DB_H

#include "base/buf.h"
#include "base/log.h"
#include "lectern/plugin.h"
#include "net/loop.h"

struct lec_db;
struct lec_db_call;

struct lec_db_config {
    size_t max_calls, max_bytes; /* that wait for their answers */
    unsigned timeout_ms;         /* of a call, unless its request says another */
    unsigned max_rows, max_result_bytes;
};

struct lec_db *lec_db_new(struct lec_loop *loop, const struct lec_db_config *cfg,
                          struct lec_log *log);
/* Opens what url names. LEC_OK, or LEC_EIO with a sentence in err. */
int lec_db_open(struct lec_db *db, const struct lectern_db_driver *driver,
                const struct lectern_host *host, const char *url, char *err,
                size_t err_size) LEC_CHECK;
void lec_db_close(struct lec_db *db); /* what still waits is answered UNAVAILABLE */
void lec_db_free(struct lec_db *db);

/* answer: a whole one, borrowed for the call. */
typedef void lec_db_fn(void *ctx, struct lec_slice answer);

/* A request is built in a buffer: lec_db_begin, then for each statement lec_db_statement,
 * lec_db_parameters if it has some, and as many values; then lec_db_call. Texts and bytes are under 4 GB
 * each. */
void lec_db_begin(struct lec_buf *request, const struct lec_db *db, enum lectern_db_kind kind,
                  unsigned flags, uint64_t transaction);
void lec_db_set_timeout(struct lec_buf *request, unsigned ms);
int lec_db_statement(struct lec_buf *request, struct lec_slice sql) LEC_CHECK; /* LEC_ETOOBIG */
/* Right behind the statement: how many follow, 65,535 at most. */
void lec_db_parameters(struct lec_buf *request, unsigned n);
void lec_db_null(struct lec_buf *request);
void lec_db_answer(struct lec_buf *request); /* the answer so far (LECTERN_ANSWER) */
void lec_db_integer(struct lec_buf *request, int64_t value);
void lec_db_real(struct lec_buf *request, double value);
void lec_db_boolean(struct lec_buf *request, bool value);
void lec_db_text(struct lec_buf *request, struct lec_slice text);
void lec_db_blob(struct lec_buf *request, struct lec_slice bytes);

/* Takes the bytes out of the buffer, which is empty then. LEC_EFULL: too much waits; fn is not called.
 * id may be NULL; else it becomes the request's, which is the transaction's if it begins one. */
int lec_db_call(struct lec_db *db, struct lec_buf *request, lec_db_fn *fn, void *ctx,
                struct lec_db_call **out, uint64_t *id) LEC_CHECK;
void lec_db_cancel(struct lec_db_call *call); /* fn will not be called */

bool lec_db_available(const struct lec_db *db);
bool lec_db_exclusive(const struct lec_db *db); /* one process has it to itself */
size_t lec_db_waiting(const struct lec_db *db); /* calls */

/* The word of a code for programs: "unavailable", "busy", "conflict", "timeout", "invalid", "too_big",
 * "full", "canceled". */
const char *lec_db_code_word(enum lectern_db_code code);

#endif
