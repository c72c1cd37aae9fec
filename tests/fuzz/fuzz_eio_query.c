/* Query strings: whatever comes, slices stay inside the text and decoding never grows it. */
#include <stdint.h>
#include <stdlib.h>

#include "engineio/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct lec_slice part, struct lec_slice whole)
{
    if (part.n > 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_slice text = { (const char *)data, size }, name, value;
    struct eio_query query;
    eio_query_parse(&query, text);
    check_inside(query.sid, text);
    check_inside(query.transport_name, text);
    if (query.protocol != 3 && query.protocol != 4)
        abort();

    struct lec_buf scratch = { 0 };
    size_t bytes = 0;
    for (size_t pos = 0; eio_query_next(text, &pos, &scratch, &name, &value);) {
        check_inside(name, lec_buf_slice(&scratch));
        check_inside(value, lec_buf_slice(&scratch));
        bytes += name.n + value.n;
    }
    if (bytes > size)
        abort();
    lec_buf_fini(&scratch);
    return 0;
}
