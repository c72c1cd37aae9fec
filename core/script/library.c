#include "script/library.h"

#include <string.h>

const struct lec_library_file *lec_library_find(const char *module)
{
    for (const struct lec_library_file *f = lec_library; f->module; f++)
        if (strcmp(f->module, module) == 0)
            return f;
    return NULL;
}
