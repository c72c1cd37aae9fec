/* server/dotenv.h: any bytes end, in pairs with good names and without zero bytes, or in a mistake
 * with a line that exists. */
#include <stdint.h>
#include <stdlib.h>

#include "server/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_dotenv d;
    struct lec_slice name;
    struct lec_buf value = { 0 };
    unsigned lines = 1, last = 0;
    int rc;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    lec_dotenv_init(&d, (struct lec_slice){ (const char *)data, size });
    while ((rc = lec_dotenv_next(&d, &name, &value)) > 0) {
        if (name.n == 0 || d.line <= last || d.line > lines ||
            (value.n > 0 && memchr(value.p, '\0', value.n)))
            abort();
        last = d.line;
    }
    if (rc < 0 && (rc != LEC_EPROTO || !d.why || d.line > lines))
        abort();
    lec_buf_fini(&value);
    return 0;
}
