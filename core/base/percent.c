#include "base/percent.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int lec_percent_byte(struct lec_slice text, size_t i)
{
    if (text.n - i < 3)
        return -1;
    int high = digit(text.p[i + 1]), low = digit(text.p[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}
