/* socketio/pattern.h: a pattern and a name, separated by a newline. With what they matched put in
 * place of the stars, the pattern is the name. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "socketio/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = memchr(text, '\n', size);
    struct lec_slice stars[SIO_MAX_STARS];
    if (!end)
        return 0;
    struct lec_slice pattern = { text, (size_t)(end - text) };
    struct lec_slice name = { end + 1, size - pattern.n - 1 };
    int n = sio_pattern_match(pattern, name, stars), k = 0;
    if (n < 0)
        return 0;
    struct lec_buf again = { 0 };
    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] != '*') {
            lec_buf_addc(&again, pattern.p[i]);
            continue;
        }
        if (k == n || stars[k].n == 0 || memchr(stars[k].p, '/', stars[k].n) ||
            sio_is_pattern(stars[k]) || !lec_utf8_valid(stars[k].p, stars[k].n))
            abort();
        lec_buf_add(&again, stars[k].p, stars[k].n);
        k++;
    }
    if (k != n || !lec_slice_eq(lec_buf_slice(&again), name))
        abort();
    lec_buf_fini(&again);
    return 0;
}
