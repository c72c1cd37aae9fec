/* The Lua library that is part of the program: lua/lectern/ *.lua, made into arrays by
 * lua/CMakeLists.txt. Constant. */
#ifndef LEC_SCRIPT_LIBRARY_H
#define LEC_SCRIPT_LIBRARY_H

#include <stddef.h>

struct lec_library_file {
    const char *module; /* "lectern.rooms" */
    const char *chunk;  /* "@lectern/rooms.lua" */
    const char *text;
    size_t size;
};

extern const struct lec_library_file lec_library[]; /* generated; ends with module NULL */

const struct lec_library_file *lec_library_find(const char *module); /* NULL if there is none */

#endif
