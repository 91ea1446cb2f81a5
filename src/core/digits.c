#include "digits.h"

/* One copy of it: a worker's call writes some ten numbers, far apart. */
__attribute__((noinline)) size_t
tg_digits(char *out, uint64_t n)
{
    size_t len = 1;

    for (uint64_t power = 10; n >= power && len < TG_DIGITS_MAX; power *= 10)
        len++;

    char *at = out + len;

    /* A division is what takes long: two digits come of one. */
    for (; n >= 100; n /= 100) {
        unsigned pair = (unsigned)(n % 100);

        *--at = (char)('0' + pair % 10);
        *--at = (char)('0' + pair / 10);
    }
    if (n >= 10)
        *--at = (char)('0' + n % 10);
    *--at = (char)('0' + (n >= 10 ? n / 10 : n));
    return len;
}
