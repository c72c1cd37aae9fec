/* The log of sent events: any order of adding, ageing and reading, against what must always hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "socketio/log.h"

#define ID "aaaaaaaaaaaaaaaaaaaa"

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check(const struct sio_log *log, uint64_t offset, const struct sio_reader *reader)
{
    struct lec_outq out = { 0 };
    int rc = sio_log_collect(log, offset, reader, 4096, &out);
    must(rc == LEC_EFULL || out.bytes <= 4096);
    must(log->bytes <= log->max_bytes && log->count <= log->last);
    must(!sio_log_reaches(log, log->last + 1, UINT64_MAX));
    must(sio_log_reaches(log, log->last, 0));
    lec_outq_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_log log = { .max_bytes = 4000, .max_age = 50 };
    uint64_t now = 1;
    for (; size >= 4; data += 4, size -= 4) {
        struct lec_slice names[2] = { { (const char *)data, data[1] % 4 },
                                      { (const char *)data + 1, data[2] % 3 } };
        struct sio_target target = {
            .rooms = names, .n_rooms = data[3] % 3, .except = names + 1, .n_except = data[3] / 3 % 2
        };
        struct sio_stay stays[2] = { { names[1], data[2] }, { names[0], data[1] } };
        struct sio_reader reader = { LEC_SLICE(ID), stays, data[0] % 3 };
        struct lec_msg *msg = lec_msg_copy(false, data, 4 + (size_t)data[1] % (size - 3));
        now += data[2] % 20;
        if (data[0] & 1)
            sio_log_add(&log, now, msg, &msg, data[3] / 6 % 2, data[0] & 2 ? ID : NULL, &target);
        else
            sio_log_trim(&log, now);
        lec_msg_unref(msg);
        check(&log, data[3], &reader);
    }
    sio_log_fini(&log);
    return 0;
}
