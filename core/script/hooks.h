/* The script's struct lec_hooks; everything about it is in hooks.c. */
#ifndef LEC_SCRIPT_HOOKS_H
#define LEC_SCRIPT_HOOKS_H

#include "script/host.h"

struct lec_hooks lec_hooks_of(struct lec_script *s);

#endif
