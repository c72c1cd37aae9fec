#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

#define SIG     "\r\n\r\n\0\r\nQUIT\n"
#define TEXT(s) (s), sizeof(s) - 1

static const struct {
    const char *p;
    size_t n;
    const char *address; /* NULL: refused */
} table[] = {
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), "192.0.2.1" },
    { TEXT("PROXY TCP6 2001:db8:0::1 ::1 1 65535\r\n"), "2001:db8::1" },
    { TEXT("PROXY UNKNOWN\r\n"), "" },
    { TEXT("PROXY UNKNOWN ffff::1 ::1 1 2\r\n"), "" },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n"), NULL },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 5\r\n"), NULL },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536\r\n"), NULL },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n"), NULL },
    { TEXT("PROXY TCP4 192.0.2.300 192.0.2.2 56324 443\r\n"), NULL },
    { TEXT("PROXY TCP4 ::1 ::1 56324 443\r\n"), NULL },
    { TEXT("PROXY TCP6 192.0.2.1 192.0.2.2 56324 443\r\n"), NULL },
    { TEXT("PROXY UDP4 192.0.2.1 192.0.2.2 56324 443\r\n"), NULL },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n"), NULL },
    { TEXT("PROXY \r\n"), NULL },
    { TEXT("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
           "01234567890123456789012345\r\n"),
      NULL },
    { TEXT("proxy TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), NULL },
    { TEXT("GET / HTTP/1.1\r\n"), NULL },
    { TEXT("\x16\x03\x01"), NULL },
    { TEXT(SIG "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0\2"), "192.0.2.1" },
    { TEXT(SIG "\x21\x11\0\x10\xc0\0\2\1\xc0\0\2\2\0\1\0\2\4\0\1x"), "192.0.2.1" },
    { TEXT(SIG
           "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
           "\0\1\0\2"),
      "2001:db8::1" },
    { TEXT(SIG "\x20\0\0\0"), "" },
    { TEXT(SIG "\x20\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0\2"), "" },
    { TEXT(SIG "\x21\0\0\0"), "" },
    { TEXT(SIG "\x21\x31\0\2ab"), "" },
    { TEXT(SIG "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\2\0\1\0"), NULL },
    { TEXT(SIG "\x21\x21\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0\2"), NULL },
    { TEXT(SIG "\x22\0\0\0"), NULL },
    { TEXT(SIG "\x11\0\0\0"), NULL },
    { TEXT(SIG "\x21\0\xff\xff"), NULL },
    { TEXT("\r\n\r\n\r\n"), NULL },
};

/* As conn.c reads: what is beyond doubt the header's, and what follows stays. */
static void reads_and_takes_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t n = table[i].n, total = n + 3;
        char *socket = malloc(total);
        memcpy(socket, table[i].p, n);
        memcpy(socket + n, "\nxy", 3);
        for (size_t piece = 1; piece <= total; piece++) {
            char address[LEC_ADDRESS_SIZE];
            size_t have = 0;
            int rc = 0;
            while (rc == 0 && have < total) {
                size_t seen = have + piece < total ? have + piece : total;
                char *copy = malloc(seen);
                memcpy(copy, socket, seen);
                have = lec_proxy_header_take(copy, seen);
                rc = lec_proxy_header_read(copy, have, address);
                free(copy);
            }
            if (table[i].address == NULL) {
                assert_int_equal(rc, LEC_EPROTO);
            } else {
                assert_int_equal(rc, n);
                assert_int_equal(have, n);
                assert_string_equal(address, table[i].address);
            }
        }
        free(socket);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_and_takes_no_more) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
