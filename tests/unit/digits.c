/* A number has the digits that printf gives it. */
#include <inttypes.h>

#include "digits.h"
#include "tap.h"

static bool
is_written(uint64_t n)
{
    char want[TG_DIGITS_MAX + 1], got[TG_DIGITS_MAX + 1];

    memset(got, '#', sizeof(got));
    size_t len = tg_digits(got, n);
    int want_len = snprintf(want, sizeof(want), "%" PRIu64, n);
    return len == (size_t)want_len && memcmp(got, want, len) == 0 &&
           got[len] == '#';
}

int
main(void)
{
    uint64_t power = 1;
    bool is_right = true;

    for (uint64_t n = 0; n < 100000; n++)
        is_right &= is_written(n);
    ok(is_right, "below 100000");
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        ok(is_written(power) && is_written(power - 1) && is_written(power + 1),
           "around 10^%d", digits - 1);
    }
    ok(is_written(UINT64_MAX), "the largest");
    return done();
}
