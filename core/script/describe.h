/* What is known of a function beside what it does, for lua/lectern/describe.lua. */
#ifndef LEC_SCRIPT_DESCRIBE_H
#define LEC_SCRIPT_DESCRIBE_H

#include <lua.h>

/* Pushes two functions:
 *   about(fn)    -> file, the line where it begins, list of parameters' names
 *   source(file) -> text | nothing: of the script directory or of the library, if it can be read */
void lec_describe_push(lua_State *L);

#endif
