/* WebSocket frames: what a header says holds, unmasking twice changes nothing, and what is read
 * byte by byte is what is read at once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct lec_frame *f, int header, const uint8_t *p)
{
    struct lec_frame again;
    for (int i = 0; i < header; i++)
        if (lec_frame_read(&again, p, (size_t)i) != 0)
            abort();
    if (header > LEC_FRAME_HEADER || f->opcode > LEC_OP_PONG || f->length > INT64_MAX)
        abort();
    if (lec_frame_is_control(f) && (!f->final || f->length > LEC_CONTROL_PAYLOAD))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    size_t at = 0;
    if (copy == NULL)
        return 0;
    while (at < size) {
        struct lec_frame f;
        int header = lec_frame_read(&f, data + at, size - at);
        if (header <= 0)
            break;
        check(&f, header, data + at);
        at += (size_t)header;
        size_t n = f.length < size - at ? (size_t)f.length : size - at, half = n / 2;
        memcpy(copy, data + at, n);
        lec_frame_unmask(copy, n, f.mask, 0);
        if (f.opcode == LEC_OP_CLOSE) {
            unsigned code = lec_frame_check_close(copy, n);
            if (code != 0 && code != 1002 && code != 1007)
                abort();
        }
        lec_frame_unmask(copy, half, f.mask, 0);
        lec_frame_unmask(copy + half, n - half, f.mask, half);
        if (memcmp(copy, data + at, n) != 0)
            abort();
        at += n;
    }
    free(copy);
    return 0;
}
