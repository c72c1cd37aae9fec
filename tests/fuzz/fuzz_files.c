/* http/files.h: whatever is asked for, a name that is given out stays below its directory. */
#include <stdint.h>
#include <stdlib.h>

#include "http/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_buf name = { 0 };
    if (lec_files_name((struct lec_slice){ (const char *)data, size }, &name)) {
        const char *text = lec_buf_str(&name);
        if (strlen(text) != name.n || name.n == 0 || strstr(text, "//") || strstr(text, "/.") ||
            text[0] == '/' || text[0] == '.' || text[name.n - 1] == '/')
            abort();
        if (!*lec_files_type(lec_buf_slice(&name)))
            abort();
    }
    lec_buf_fini(&name);
    return 0;
}
