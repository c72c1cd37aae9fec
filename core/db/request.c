/* Requests, written into a buffer as lectern/plugin.h says. The head is written first; the counts in
 * it, and those of each statement, are corrected as things are added. */
#include <assert.h>

#include "db/db.h"
#include "db/internal.h"

/* Where things stand in the head. */
enum { AT_TIMEOUT = 10, AT_STATEMENTS = 22, HEAD = 24 };

static void put(struct lec_buf *b, uint64_t value, unsigned octets)
{
    lectern_write_number(lec_buf_reserve(b, octets), value, octets);
    b->n += octets;
}

/* Adds one to the u16 at p. False: it is full. */
static bool count(char *p)
{
    struct lectern_reader r = lectern_read(p, 2);
    uint64_t n = lectern_read_number(&r, 2) + 1;
    lectern_write_number(p, n, 2);
    return n <= UINT16_MAX;
}

void lec_db_begin(struct lec_buf *b, const struct lec_db *db, enum lectern_db_kind kind,
                  unsigned flags, uint64_t transaction)
{
    lec_buf_clear(b, LEC_DB_KEEP);
    put(b, kind, 1);
    put(b, flags, 1);
    put(b, transaction, 8);
    put(b, db->cfg.timeout_ms, 4);
    put(b, db->cfg.max_rows, 4);
    put(b, db->cfg.max_result_bytes, 4);
    put(b, 0, 2);
    assert(b->n == HEAD);
}

void lec_db_set_timeout(struct lec_buf *b, unsigned ms)
{
    lectern_write_number(b->p + AT_TIMEOUT, ms, 4);
}

uint32_t lec_db_timeout_of(const struct lec_buf *b)
{
    struct lectern_reader r = lectern_read(b->p + AT_TIMEOUT, 4);
    return (uint32_t)lectern_read_number(&r, 4);
}

static void put_bytes(struct lec_buf *b, struct lec_slice bytes)
{
    assert(bytes.n <= UINT32_MAX);
    put(b, bytes.n, 4);
    lec_buf_add(b, bytes.p, bytes.n);
}

int lec_db_statement(struct lec_buf *b, struct lec_slice sql)
{
    if (!count(b->p + AT_STATEMENTS))
        return LEC_ETOOBIG;
    put_bytes(b, sql);
    put(b, 0, 2);
    return LEC_OK;
}

static void put_type(struct lec_buf *b, enum lectern_db_type type)
{
    put(b, type, 1);
}

void lec_db_parameters(struct lec_buf *b, unsigned n)
{
    assert(n <= UINT16_MAX);
    lectern_write_number(b->p + b->n - 2, n, 2);
}

void lec_db_null(struct lec_buf *b)
{
    put_type(b, LECTERN_NULL);
}

void lec_db_answer(struct lec_buf *b)
{
    put_type(b, LECTERN_ANSWER);
}

void lec_db_integer(struct lec_buf *b, int64_t value)
{
    put_type(b, LECTERN_INTEGER);
    put(b, (uint64_t)value, 8);
}

void lec_db_real(struct lec_buf *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_type(b, LECTERN_REAL);
    put(b, bits, 8);
}

void lec_db_boolean(struct lec_buf *b, bool value)
{
    put_type(b, LECTERN_BOOLEAN);
    put(b, value, 1);
}

void lec_db_text(struct lec_buf *b, struct lec_slice text)
{
    put_type(b, LECTERN_TEXT);
    put_bytes(b, text);
}

void lec_db_blob(struct lec_buf *b, struct lec_slice bytes)
{
    put_type(b, LECTERN_BLOB);
    put_bytes(b, bytes);
}

size_t lec_db_write_error(char out[LEC_DB_ERROR_MAX], enum lectern_db_code code,
                          const char *message)
{
    size_t n = strlen(message);
    if (n > LEC_DB_ERROR_MAX - 7)
        n = LEC_DB_ERROR_MAX - 7;
    lectern_write_number(out, code, 1);
    lectern_write_number(out + 1, 0, 2);
    lectern_write_number(out + 3, n, 4);
    memcpy(out + 7, message, n);
    return 7 + n;
}

const char *lec_db_code_word(enum lectern_db_code code)
{
    static const char *const words[] = {
        [LECTERN_DB_OK] = "ok",
        [LECTERN_DB_UNAVAILABLE] = "unavailable",
        [LECTERN_DB_BUSY] = "busy",
        [LECTERN_DB_CONFLICT] = "conflict",
        [LECTERN_DB_TIMEOUT] = "timeout",
        [LECTERN_DB_INVALID] = "invalid",
        [LECTERN_DB_TOO_BIG] = "too_big",
        [LECTERN_DB_FULL] = "full",
        [LECTERN_DB_CANCELED] = "canceled",
    };
    return (unsigned)code < sizeof words / sizeof words[0] ? words[code] : "unknown";
}
