/* net/certificate.h: of whatever certificate, one JSON object. */
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/json.h"
#include "net/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lec_buf json = { 0 };
    struct lec_slice san;
    X509 *cert = d2i_X509(NULL, &data, (long)size);
    if (cert) {
        lec_certificate_json(cert, &json);
        if (lec_json_member(lec_buf_slice(&json), "san", &san) != LEC_OK || san.p[0] != '[')
            abort();
    }
    X509_free(cert);
    ERR_clear_error();
    lec_buf_fini(&json);
    return 0;
}
