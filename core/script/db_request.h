/* Lua values as the statements and parameters of a request to the database. */
#ifndef LEC_SCRIPT_DB_REQUEST_H
#define LEC_SCRIPT_DB_REQUEST_H

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"

/* Adds to a request that was begun the statements of the arguments from index on:
 *   sql, parameters…                         one; true
 *   { { sql, parameters…, n = }, … } or nil  a list; false
 * n is how many parameters there are, and only needed if some are nil. Raises for what a database cannot
 * hold; the request's buffer is the caller's then as before. */
bool lec_db_put_statements(lua_State *L, struct lec_buf *request, int index);

/* Pushes the parameter that stands for the answer so far (LECTERN_ANSWER). */
void lec_db_push_answer_mark(lua_State *L);

#endif
