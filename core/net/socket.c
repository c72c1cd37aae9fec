/* Bytes through a socket, by TLS or not. Knows neither HTTP nor WebSocket nor the library. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "net/internal.h"

#define TLS_WRITE (64 * 1024) /* bytes given to OpenSSL at once: whole records, far below INT_MAX */

static bool later(int e)
{
    return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

static ssize_t tls_send(SSL *ssl, const char *p, size_t n)
{
    /* As many records as the kernel takes. */
    size_t done = 0;
    while (done < n) {
        ERR_clear_error();
        int k = SSL_write(ssl, p + done, n - done > TLS_WRITE ? TLS_WRITE : (int)(n - done));
        if (k > 0) {
            done += (size_t)k;
            continue;
        }
        int why = SSL_get_error(ssl, k);
        if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            return -1;
        break;
    }
    return (ssize_t)done;
}

ssize_t socket_send(int fd, SSL *ssl, const char *p, size_t n)
{
    if (ssl != NULL)
        return tls_send(ssl, p, n);
    ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
    if (k >= 0)
        return k;
    return later(errno) ? 0 : -1;
}

/* The same of a file: a piece read is given to OpenSSL, and read again if it takes none of it. */
static ssize_t tls_send_file(SSL *ssl, int file, off_t *at, size_t n, char *buffer)
{
    size_t size = n < TLS_WRITE ? n : TLS_WRITE;
    ssize_t have = pread(file, buffer, size, *at);
    if (have != (ssize_t)size)
        return -1;
    ssize_t k = tls_send(ssl, buffer, size);
    *at += k > 0 ? k : 0;
    return k;
}

ssize_t socket_send_file(int fd, SSL *ssl, int file, off_t *at, size_t n, void *buffer)
{
    if (ssl != NULL)
        return tls_send_file(ssl, file, at, n, buffer);
    ssize_t k = sendfile(fd, file, at, n);
    if (k > 0)
        return k;
    return k < 0 && later(errno) ? 0 : -1; /* 0: the file has become shorter */
}

/* A record a call, until none is whole. Each finds room for all of it, lest OpenSSL keep some, of which
 * no epoll knows. */
static size_t tls_read(SSL *ssl, unsigned char *p, size_t size, bool *ended)
{
    size_t n = 0;
    while (size - n >= LEC_RECORD) {
        ERR_clear_error();
        int k = SSL_read(ssl, p + n, (int)(size - n));
        if (k > 0) {
            n += (size_t)k;
            continue;
        }
        int why = SSL_get_error(ssl, k);
        *ended = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
        break;
    }
    return n;
}

size_t socket_read(int fd, SSL *ssl, unsigned char *p, size_t size, bool hangup, bool *ended)
{
    *ended = false;
    if (ssl != NULL)
        return tls_read(ssl, p, size, ended);
    size_t n = 0;
    while (n < size) {
        ssize_t k = recv(fd, p + n, size - n, 0);
        if (k <= 0) {
            *ended = k == 0 || !later(errno);
            break;
        }
        n += (size_t)k;
        if (!hangup) /* less than was asked for is all there is (epoll(7)) */
            break;
    }
    return n;
}

void socket_finish(int fd, SSL *ssl)
{
    if (ssl != NULL) {
        ERR_clear_error();
        SSL_shutdown(ssl);
        ERR_clear_error();
    }
    shutdown(fd, SHUT_WR);
}
