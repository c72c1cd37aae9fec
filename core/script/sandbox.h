/* What scripts find in their globals. Lua is for colleagues: this keeps mistakes in, not attackers.
 *
 * Without `unsafe` there are no files, processes, machine code, bytecode, C modules, environments
 * of functions, finalizers, or debug functions but traceback. `require` finds, in this order, what is
 * loaded, the library that is embedded in the program, DIR/?.lua, DIR/?/init.lua, and the modules of
 * plugins: "hands" is hands.lua or init.lua in the plugin's folder, "hands.x" is x.lua there. Handlers make no
 * globals: a forgotten `local` is an error with file and line. */
#ifndef LEC_SCRIPT_SANDBOX_H
#define LEC_SCRIPT_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Opens the libraries in L. Needs protection. */
void lec_sandbox_open(lua_State *L, bool unsafe);

/* From now on, whoever assigns to a global that does not exist raises; rawset(_G, …) works. */
void lec_sandbox_close_globals(lua_State *L);

/* A field of the registry: a table, name -> true, of the modules of the script directory that
 * `require` has loaded; a reload forgets those in package.loaded. */
#define LEC_SCRIPT_MODULES "lectern.script_modules"

#endif
