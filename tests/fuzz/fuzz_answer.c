/* net/answer.h: any lines make whole pairs, and any pairs an age that is a time. */
#include <stdint.h>
#include <stdlib.h>

#include "base/fields.h"
#include "net/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_buf headers = { 0 };
    struct lec_slice name, value;
    size_t end = 0;
    for (const char *p = (const char *)data, *stop = p + size; p < stop;) {
        const char *eol = memchr(p, '\n', (size_t)(stop - p));
        size_t n = eol ? (size_t)(eol - p) + 1 : (size_t)(stop - p);
        lec_answer_add(&headers, (struct lec_slice){ p, n });
        p += n;
    }
    for (size_t pos = 0; lec_fields_next(lec_buf_slice(&headers), &pos, &name, &value); end = pos)
        if (name.n == 0 || strpbrk(name.p, " \r\nABCXYZ") || strchr(value.p, '\n'))
            abort();
    int64_t age = lec_answer_max_age(lec_buf_slice(&headers));
    if (end != headers.n || age < -1 || age > 2147483648)
        abort();
    lec_buf_fini(&headers);
    return 0;
}
