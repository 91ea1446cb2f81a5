#include "digits.h"

#include <string.h>

size_t
tg_digits(char *out, uint64_t n)
{
    char digits[TG_DIGITS_MAX];
    char *at = digits + sizeof(digits);

    /* A division is what takes long: two digits come of one. */
    while (n >= 100) {
        unsigned pair = (unsigned)(n % 100);

        n /= 100;
        *--at = (char)('0' + pair % 10);
        *--at = (char)('0' + pair / 10);
    }
    if (n >= 10) {
        *--at = (char)('0' + n % 10);
        n /= 10;
    }
    *--at = (char)('0' + n);

    size_t len = (size_t)(digits + sizeof(digits) - at);
    memcpy(out, at, len);
    return len;
}
