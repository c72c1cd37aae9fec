/* The writer half of json.h. */
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/utf8.h"

/* What stands for a byte inside a string: 0 the byte itself, U its \u00xx, X a byte of a longer
 * character, else the letter behind a backslash. */
#define U 1
#define X 2
/* clang-format off */
static const char escapes[256] = {
    U, U, U, U, U, U, U, U, 'b', 't', 'n', U, 'f', 'r', U, U,
    U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    ['"'] = '"', ['\\'] = '\\', [128 ... 255] = X,
};
/* clang-format on */

int lec_json_put_string(struct lec_buf *out, const char *p, size_t n)
{
    const size_t was = out->n;
    const char *end = n ? p + n : p;
    lec_buf_reserve(out, n + 2);
    lec_buf_addc(out, '"');
    const char *run = p; /* what is not yet copied */
    while ((p = lec_json_skip_plain(p, end)) < end) {
        unsigned char c = (unsigned char)*p;
        char escape = escapes[c];
        if (escape == 0) {
            p++;
        } else if (escape == X) {
            size_t len = lec_utf8_len(p, (size_t)(end - p));
            if (len == 0) {
                out->n = was;
                return LEC_EPROTO;
            }
            p += len;
        } else {
            static const char hex[] = "0123456789abcdef";
            char text[6] = { '\\', escape, '0', '0', hex[c >> 4], hex[c & 15] };
            if (escape == U)
                text[1] = 'u';
            lec_buf_add(out, run, (size_t)(p - run));
            lec_buf_add(out, text, escape == U ? 6 : 2);
            run = ++p;
        }
    }
    lec_buf_add(out, run, (size_t)(p - run));
    lec_buf_addc(out, '"');
    return LEC_OK;
}

#define MAX_DIGITS 17 /* always enough to read the same double back */

/* Both of the following give d's digits and how many they are. *point is where the decimal point
 * stands: d is 0.DIGITS times 10 to *point. */

/* For numbers that people write (0.35, 87.5, 1700000000.123): d as a whole number m of millionths
 * or thousandths. m and the scale are exact, so the one rounding of their quotient tells whether m
 * stands for d, and of all texts with up to 15 digits only one does. 0 if none does. */
static int short_digits(double d, char digits[MAX_DIGITS + 1], int *point)
{
    if (d >= 1e12)
        return 0;
    int places = d < 1e9 ? 6 : 3;
    double scale = d < 1e9 ? 1e6 : 1e3;
    unsigned long long m = (unsigned long long)(d * scale + 0.5);
    if ((double)m / scale != d)
        return 0;
    int n = snprintf(digits, MAX_DIGITS + 1, "%llu", m);
    *point = n - places;
    return n;
}

/* For all others. At some powers of two (46 of the 2,098) the correctly rounded 16 digits do not
 * read back while others would: those get 17. */
static int long_digits(double d, char digits[MAX_DIGITS + 1], int *point)
{
    /* 15 digits survive a way through a normal double; those near zero carry fewer. */
    int want = d < DBL_MIN ? 1 : DBL_DIG;
    char text[40];
    do
        snprintf(text, sizeof(text), "%.*e", want - 1, d);
    while (want++ < MAX_DIGITS && strtod(text, NULL) != d);

    int n = 0;
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') /* passes over the point, whatever it is in the locale */
            digits[n++] = *p;
    }
    *point = atoi(p + 1) + 1;
    return n;
}

static void add_zeros(struct lec_buf *out, int n)
{
    while (n-- > 0)
        lec_buf_addc(out, '0');
}

void lec_json_put_number(struct lec_buf *out, double d)
{
    if (!isfinite(d)) {
        lec_buf_adds(out, "null");
        return;
    }
    if (d < 0) {
        lec_buf_addc(out, '-');
        d = -d;
    }
    if (d <= 0x1p53 && d == (double)(unsigned long long)d) {
        lec_buf_addu(out, (unsigned long long)d);
        return;
    }

    /* ECMA-262, Number::toString. */
    char digits[MAX_DIGITS + 1];
    int point, n = short_digits(d, digits, &point);
    if (n == 0)
        n = long_digits(d, digits, &point);
    while (digits[n - 1] == '0')
        n--;
    if (point > 21 || point < -5) {
        lec_buf_addc(out, digits[0]);
        if (n > 1) {
            lec_buf_addc(out, '.');
            lec_buf_add(out, digits + 1, (size_t)n - 1);
        }
        lec_buf_adds(out, point > 0 ? "e+" : "e-");
        lec_buf_addu(out, (unsigned)abs(point - 1));
    } else if (point <= 0) {
        lec_buf_adds(out, "0.");
        add_zeros(out, -point);
        lec_buf_add(out, digits, (size_t)n);
    } else if (point < n) {
        lec_buf_add(out, digits, (size_t)point);
        lec_buf_addc(out, '.');
        lec_buf_add(out, digits + point, (size_t)(n - point));
    } else {
        lec_buf_add(out, digits, (size_t)n);
        add_zeros(out, point - n);
    }
}
