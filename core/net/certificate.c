#include "net/certificate.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/json.h"

#define MAX_NAMES 64 /* alternative ones; whoever has more has them cut */

/* Text that was made by whoever asked for the certificate: what is no UTF-8 becomes null. */
static void put(struct lec_buf *out, const char *p, size_t n)
{
    if (lec_json_put_string(out, p, n) != LEC_OK)
        lec_buf_adds(out, "null");
}

static void put_name(struct lec_buf *out, const X509_NAME *name)
{
    char *text = NULL;
    long n = 0;
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned long form = (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT;
    if (bio && X509_NAME_print_ex(bio, name, 0, form) >= 0)
        n = BIO_get_mem_data(bio, &text);
    put(out, n > 0 ? text : "", n > 0 ? (size_t)n : 0);
    BIO_free(bio);
}

static void put_hex(struct lec_buf *out, const unsigned char *p, size_t n, const char *between)
{
    for (size_t i = 0; i < n; i++)
        lec_buf_printf(out, "%s%02X", i > 0 ? between : "", p[i]);
}

/* Appends "KIND:value" as text; false for kinds that have no such form. */
static bool name_text(const GENERAL_NAME *name, struct lec_buf *text)
{
    char address[INET6_ADDRSTRLEN];
    const ASN1_STRING *s = name->d.ia5; /* of all that follow */
    switch (name->type) {
    case GEN_DNS:
        lec_buf_adds(text, "DNS:");
        break;
    case GEN_EMAIL:
        lec_buf_adds(text, "email:");
        break;
    case GEN_URI:
        lec_buf_adds(text, "URI:");
        break;
    case GEN_IPADD: {
        int family = ASN1_STRING_length(s) == 4    ? AF_INET
                     : ASN1_STRING_length(s) == 16 ? AF_INET6
                                                   : AF_UNSPEC;
        if (!inet_ntop(family, ASN1_STRING_get0_data(s), address, sizeof address))
            return false;
        lec_buf_printf(text, "IP:%s", address);
        return true;
    }
    default:
        return false;
    }
    lec_buf_add(text, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    return true;
}

static void put_alternative_names(struct lec_buf *out, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    struct lec_buf text = { 0 };
    const char *comma = "";
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < MAX_NAMES; i++) {
        text.n = 0;
        if (!name_text(sk_GENERAL_NAME_value(names, i), &text))
            continue;
        lec_buf_adds(out, comma);
        put(out, text.p, text.n);
        comma = ",";
    }
    lec_buf_fini(&text);
    GENERAL_NAMES_free(names);
}

void lec_certificate_json(X509 *cert, struct lec_buf *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    lec_buf_adds(out, "{\"subject\":");
    put_name(out, X509_get_subject_name(cert));
    lec_buf_adds(out, ",\"issuer\":");
    put_name(out, X509_get_issuer_name(cert));
    lec_buf_adds(out, ",\"serial\":\"");
    put_hex(out, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), "");
    lec_buf_adds(out, "\",\"fingerprint\":\"");
    if (X509_digest(cert, EVP_sha256(), hash, &n) == 1)
        put_hex(out, hash, n, ":");
    lec_buf_adds(out, "\",\"san\":[");
    put_alternative_names(out, cert);
    lec_buf_adds(out, "]}");
}
