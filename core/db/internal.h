/* What the files of this folder share. */
#ifndef LEC_DB_INTERNAL_H
#define LEC_DB_INTERNAL_H

#include "base/map.h"
#include "db/db.h"

#define LEC_DB_KEEP      65536 /* bytes of a request's buffer kept for the next */
#define LEC_DB_ERROR_MAX 256

struct lec_db {
    struct lec_loop *loop;
    struct lec_db_config cfg;
    struct lec_log *log;
    const struct lectern_db_driver *driver; /* NULL: not open */
    struct lectern_db *database;
    struct lec_map
        calls;    /* by id: until the driver has answered, also those that nobody waits for */
    size_t bytes; /* of their requests */
    uint64_t last_id;
    bool available;
};

/* That a request asks for. */
uint32_t lec_db_timeout_of(const struct lec_buf *request);
/* A whole answer of an error, for people and programs. Its length. */
size_t lec_db_write_error(char out[LEC_DB_ERROR_MAX], enum lectern_db_code code,
                          const char *message);

#endif
