/* Answers of a database, read in C. */
#ifndef LEC_DB_ANSWER_H
#define LEC_DB_ANSWER_H

#include "base/slice.h"
#include "lectern/plugin.h"

struct lec_db_error {
    enum lectern_db_code code;
    unsigned statement;       /* from 1; 0: none */
    struct lec_slice message; /* borrowed from the answer */
};

/* Whether it is an error; then which. */
bool lec_db_failed(struct lec_slice answer, struct lec_db_error *error);

#define LEC_DB_COLUMNS 16 /* that are read; more are skipped */

/* The rows of one result of a good answer. */
struct lec_db_result {
    struct lectern_reader reader;
    unsigned results, columns; /* results: that follow */
    uint32_t rows;             /* that follow */
    int64_t changes;
    struct lectern_value values[LEC_DB_COLUMNS]; /* of the row, borrowed */
};

void lec_db_result_begin(struct lec_db_result *rows,
                         struct lec_slice answer);   /* the first result */
bool lec_db_result_next(struct lec_db_result *rows); /* the next one; false: there is none */
bool lec_db_result_row(struct lec_db_result *rows);  /* false: there is no more */
/* A copy, for free(); "" for what is no text. */
char *lec_db_result_text(const struct lec_db_result *rows, unsigned column);
int64_t lec_db_result_integer(const struct lec_db_result *rows, unsigned column); /* 0 as above */

#endif
