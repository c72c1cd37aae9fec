/* What the database answered, as Lua values. */
#ifndef LEC_SCRIPT_DB_ROWS_H
#define LEC_SCRIPT_DB_ROWS_H

#include <lua.h>

#include "base/slice.h"
#include "lectern/plugin.h"

struct lec_db_rows {
    struct lec_slice answer;
    bool single; /* one statement was asked */
};

enum lectern_db_code lec_db_rows_code(const struct lec_db_rows *rows);

/* Pushes the table that a task is resumed with:
 *   { n = 2, rows, changes } of a single statement, { n = 1, { rows, …, changes = { … } } } of several,
 *   { n = 3, nil, message, code } of a failure, or of what Lua has no value for.
 * rows is a list of tables by the names of the columns. Needs protection. */
void lec_db_rows_push(lua_State *L, const struct lec_db_rows *rows);
/* The same as results of a function: returns how many it pushed. */
int lec_db_rows_return(lua_State *L, const struct lec_db_rows *rows);
void lec_db_rows_error(lua_State *L, const char *message, const char *code);

#endif
