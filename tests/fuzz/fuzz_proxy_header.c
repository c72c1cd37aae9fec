/* PROXY headers: whole or in two parts the same; no more is taken from the socket than belongs to it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char address[LEC_ADDRESS_SIZE], again[LEC_ADDRESS_SIZE];
    if (size < 2)
        return 0;
    size_t n = size - 1, cut = data[0] < n ? data[0] : n;
    char *p = malloc(n);
    memcpy(p, data + 1, n);
    int rc = lec_proxy_header_read(p, n, address);
    int part = lec_proxy_header_read(p, cut, again);
    if (part > 0 && (part != rc || strcmp(address, again) != 0))
        abort();
    if (part < 0 && rc >= 0)
        abort();
    size_t taken = lec_proxy_header_take(p, n);
    if (taken > n || (rc > 0 && taken > (size_t)rc) || (n > 0 && taken == 0))
        abort();
    free(p);
    return 0;
}
