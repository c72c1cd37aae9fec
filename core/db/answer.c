#include "db/answer.h"

#include "base/err.h"

bool lec_db_failed(struct lec_slice answer, struct lec_db_error *error)
{
    struct lectern_reader r = lectern_read(answer.p, answer.n);
    uint32_t n;
    *error = (struct lec_db_error){ .code = (enum lectern_db_code)lectern_read_number(&r, 1) };
    if (error->code == LECTERN_DB_OK && !r.bad)
        return false;
    error->statement = (unsigned)lectern_read_number(&r, 2);
    error->message.p = lectern_read_bytes(&r, 4, &n);
    error->message.n = n;
    return true;
}

static void read_result(struct lec_db_result *rows)
{
    uint32_t n;
    rows->results--;
    rows->changes = (int64_t)lectern_read_number(&rows->reader, 8);
    rows->columns = (unsigned)lectern_read_number(&rows->reader, 2);
    for (unsigned i = 0; i < rows->columns && !rows->reader.bad; i++)
        lectern_read_bytes(&rows->reader, 2, &n);
    rows->rows = (uint32_t)lectern_read_number(&rows->reader, 4);
}

void lec_db_result_begin(struct lec_db_result *rows, struct lec_slice answer)
{
    *rows = (struct lec_db_result){ .reader = lectern_read(answer.p, answer.n) };
    lectern_read_number(&rows->reader, 1);
    rows->results = (unsigned)lectern_read_number(&rows->reader, 2);
    if (rows->results > 0)
        read_result(rows);
}

bool lec_db_result_row(struct lec_db_result *rows)
{
    if (rows->rows == 0 || rows->reader.bad)
        return false;
    rows->rows--;
    for (unsigned i = 0; i < rows->columns; i++) {
        struct lectern_value v = lectern_read_value(&rows->reader);
        if (i < LEC_DB_COLUMNS)
            rows->values[i] = v;
    }
    return !rows->reader.bad;
}

bool lec_db_result_next(struct lec_db_result *rows)
{
    while (lec_db_result_row(rows))
        ;
    if (rows->results == 0 || rows->reader.bad)
        return false;
    read_result(rows);
    return !rows->reader.bad;
}

static const struct lectern_value *value(const struct lec_db_result *rows, unsigned column)
{
    static const struct lectern_value none = { LECTERN_NULL, { 0 } };
    return column < rows->columns && column < LEC_DB_COLUMNS ? &rows->values[column] : &none;
}

char *lec_db_result_text(const struct lec_db_result *rows, unsigned column)
{
    const struct lectern_value *v = value(rows, column);
    return v->type == LECTERN_TEXT ? lec_strndup(v->text.p, v->text.n) : lec_strndup("", 0);
}

int64_t lec_db_result_integer(const struct lec_db_result *rows, unsigned column)
{
    const struct lectern_value *v = value(rows, column);
    return v->type == LECTERN_INTEGER || v->type == LECTERN_BOOLEAN ? v->integer : 0;
}
