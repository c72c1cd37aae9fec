#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For TLS 1.2; 1.3 has no others. Mozilla's intermediate profile without finite-field DH. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct lec_tls {
    const char *cert, *key, *client_ca;
    SSL_CTX *loaded; /* what the files held; no connection is made of it */
};

/* Nobody is there to ask. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing;
    *(bool *)ctx = true;
    return -1;
}

/* The first error is the cause, the others are what came of it. */
static int complain(struct lec_buf *text, const char *setting, const char *file)
{
    unsigned long e = ERR_peek_error();
    const char *why =
        ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
    lec_buf_printf(text, "%s: %s: %s", setting, file, why ? why : "not usable");
    ERR_clear_error();
    return LEC_EINVAL;
}

static int load_key(SSL_CTX *ctx, const char *file, struct lec_buf *text)
{
    /* A key of another kind than the certificate's is taken, and stands beside it. */
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    bool taken = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    if (taken && SSL_CTX_check_private_key(ctx) == 1)
        return LEC_OK;
    unsigned long e = ERR_peek_error();
    bool other = taken || e == ERR_PACK(ERR_LIB_X509, 0, X509_R_KEY_VALUES_MISMATCH);
    if (!other && !asked)
        return complain(text, "tls.key", file);
    lec_buf_printf(text, "tls.key: %s: %s", file,
                   asked ? "has a password, and nobody is there to give it"
                         : "is not the key of the certificate in tls.cert");
    ERR_clear_error();
    return LEC_EINVAL;
}

static int load_client_ca(SSL_CTX *ctx, const char *file, struct lec_buf *text)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    if (!names || SSL_CTX_load_verify_file(ctx, file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return complain(text, "tls.client_ca", file);
    }
    SSL_CTX_set_client_CA_list(ctx, names); /* takes it */
    return LEC_OK;
}

/* "certificate of CN=school.example, good until 2027-02-01". */
static void describe(const X509 *cert, struct lec_buf *text)
{
    char subject[256];
    struct tm end;
    const ASN1_TIME *until = X509_get0_notAfter(cert);
    X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof subject);
    lec_buf_printf(text, "certificate of %s", subject[0] == '/' ? subject + 1 : subject);
    if (ASN1_TIME_to_tm(until, &end) != 1)
        return;
    lec_buf_printf(text, X509_cmp_current_time(until) < 0 ? ", EXPIRED on" : ", good until");
    lec_buf_printf(text, " %04d-%02d-%02d", end.tm_year + 1900, end.tm_mon + 1, end.tm_mday);
}

int lec_tls_load(struct lec_tls *t, struct lec_buf *text)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return complain(text, "tls.cert", t->cert);
    int rc = LEC_OK;
    if (SSL_CTX_use_certificate_chain_file(ctx, t->cert) != 1)
        rc = complain(text, "tls.cert", t->cert);
    if (rc == LEC_OK)
        rc = load_key(ctx, t->key, text);
    if (rc == LEC_OK && t->client_ca)
        rc = load_client_ca(ctx, t->client_ca, text);
    if (rc != LEC_OK) {
        SSL_CTX_free(ctx);
        return rc;
    }
    describe(SSL_CTX_get0_certificate(ctx), text);
    SSL_CTX_free(t->loaded);
    t->loaded = ctx;
    return LEC_OK;
}

/* A handshake is about to need a certificate (SSL_CTX_set_cert_cb(3)). */
static int on_handshake(SSL *ssl, void *ctx)
{
    const struct lec_tls *t = ctx;
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(t->loaded, &chain);
    if (SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(t->loaded),
                             SSL_CTX_get0_privatekey(t->loaded), chain, 1) != 1)
        return 0;
    if (!t->client_ca)
        return 1;
    SSL_set_client_CA_list(ssl, SSL_dup_CA_list(SSL_CTX_get_client_CA_list(t->loaded)));
    return SSL_set1_verify_cert_store(ssl, SSL_CTX_get_cert_store(t->loaded)) == 1;
}

void lec_tls_set_up(struct lec_tls *t, SSL_CTX *listener)
{
    SSL_CTX_set_min_proto_version(listener, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(listener, CIPHERS);
    SSL_CTX_set_options(listener, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                      SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(listener, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_cb(listener, on_handshake, t);
    if (t->client_ca) {
        /* No session is resumed: a client shows its certificate to the authority of today. */
        SSL_CTX_set_options(listener, SSL_OP_NO_TICKET);
        SSL_CTX_set_verify(listener, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
}

struct lec_tls *lec_tls_new(const char *cert, const char *key, const char *client_ca,
                            struct lec_buf *text)
{
    struct lec_tls *t = lec_alloc0(sizeof *t);
    t->cert = cert;
    t->key = key;
    t->client_ca = client_ca;
    if (lec_tls_load(t, text) == LEC_OK)
        return t;
    lec_tls_free(t);
    return NULL;
}

void lec_tls_free(struct lec_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->loaded);
    free(t);
}
