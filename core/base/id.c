#include "base/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/base64.h"

void lec_random(void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            perror("lectern: no random numbers");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

void lec_id_make(char out[LEC_ID_LEN + 1])
{
    unsigned char bytes[LEC_ID_LEN / 4 * 3];
    lec_random(bytes, sizeof(bytes));
    lec_base64url_write(out, bytes, sizeof(bytes));
    out[LEC_ID_LEN] = '\0';
}
