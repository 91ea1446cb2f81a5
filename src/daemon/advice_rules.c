#include "advice_rules.h"

#include "civil.h"

#define MEAN_TIMES 3

/* Neither negative; what does not fit is the largest that does. */
static int64_t
times_over(int64_t value, int64_t times, int64_t over, int64_t up)
{
    __int128 product = (__int128)value * times + up;

    product /= over;
    return product > INT64_MAX ? INT64_MAX : (int64_t)product;
}

int64_t
tg_advice_rate(int64_t peak, int64_t floor)
{
    int64_t rate = times_over(peak, 6, 5, 4);

    return rate > floor ? rate : floor;
}

int64_t
tg_advice_second(int64_t peak)
{
    return times_over(peak, 6, 5, 0);
}

int64_t
tg_advice_days(int64_t lasted_ms)
{
    return lasted_ms <= TG_MS_PER_DAY ? 1 : (lasted_ms - 1) / TG_MS_PER_DAY + 1;
}

int64_t
tg_advice_daily(int64_t calls, int64_t lasted_ms)
{
    int64_t days = tg_advice_days(lasted_ms);

    return times_over(calls, MEAN_TIMES, days, days - 1);
}
