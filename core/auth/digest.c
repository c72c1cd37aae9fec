#include "auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"

/* The one failure that the library has here is memory, which ends the process as elsewhere. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

void lec_sha256(unsigned char out[LEC_SHA256_SIZE], struct lec_slice bytes)
{
    must(EVP_Digest(bytes.n > 0 ? bytes.p : "", bytes.n, out, NULL, EVP_sha256(), NULL));
}

void lec_sha256_hex(char out[LEC_SHA256_HEX + 1], const struct lec_slice *pieces, unsigned n)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[LEC_SHA256_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    must(md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
    for (unsigned i = 0; i < n; i++) {
        unsigned char length[8];
        for (unsigned k = 0; k < sizeof length; k++)
            length[k] = (unsigned char)((uint64_t)pieces[i].n >> (8 * k));
        must(EVP_DigestUpdate(md, length, sizeof length));
        must(EVP_DigestUpdate(md, pieces[i].n > 0 ? pieces[i].p : "", pieces[i].n));
    }
    must(EVP_DigestFinal_ex(md, sum, NULL));
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; i < LEC_SHA256_SIZE; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
    out[LEC_SHA256_HEX] = '\0';
}

bool lec_same_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
