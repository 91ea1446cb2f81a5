#include "price.h"

#include "civil.h"
#include "err.h"
#include "money.h"

#define MS_PER_QUARTER (15 * 60 * 1000)
#define QUARTERS_PER_DAY 96

_Static_assert(TG_WEEK_WORDS * 32 == 7 * QUARTERS_PER_DAY, "a week of bits");

const struct tg_price *
tg_price_at(const struct tg_price *rows, size_t n, int64_t instant_ms)
{
    while (n > 0 && rows[n - 1].effective_at_ms > instant_ms)
        n--;
    return n > 0 ? &rows[n - 1] : NULL;
}

static bool
is_holiday(int64_t day, const int32_t *holidays, size_t n)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;

        if (holidays[middle] == day)
            return true;
        if (holidays[middle] < day)
            low = middle + 1;
        else
            n = middle;
    }
    return false;
}

bool
tg_price_is_peak(const struct tg_price *row, int64_t instant_ms,
                 const int32_t *holidays, size_t n)
{
    int64_t day = tg_civil_day_at(instant_ms);
    int64_t in_day = (instant_ms - day * TG_MS_PER_DAY) / MS_PER_QUARTER;
    unsigned quarter =
        (unsigned)(tg_civil_weekday(day) * QUARTERS_PER_DAY + in_day);

    if ((row->peak_quarters[quarter / 32] >> quarter % 32 & 1) == 0)
        return false;
    return !(row->flags & TG_PRICE_HOLIDAYS_OFF_PEAK) ||
           !is_holiday(day, holidays, n);
}

const struct tg_rates *
tg_price_rates(const struct tg_price *row, bool is_peak)
{
    return is_peak ? &row->peak : &row->off_peak;
}

/*
 * Each product of two non-negative int64 is below 2^126, and so the sum of
 * three could reach 2^127: that one addition is checked by the builtin.
 */
static int
sum_picos(const struct tg_rates *rates, int64_t hit_tokens, int64_t miss_tokens,
          int64_t output_tokens, __int128 *picos)
{
    __int128 sum = (__int128)hit_tokens * rates->hit_picos;

    if (__builtin_add_overflow(sum, (__int128)miss_tokens * rates->miss_picos,
                               &sum) ||
        __builtin_add_overflow(
            sum, (__int128)output_tokens * rates->output_picos, &sum))
        return TG_ERR_RANGE;
    *picos = sum;
    return 0;
}

int
tg_price_cost(const struct tg_rates *rates, int64_t prompt_tokens,
              int64_t cached_tokens, int64_t completion_tokens, int64_t *nanos)
{
    __int128 picos, cost;

    if (rates->hit_picos < 0 || rates->miss_picos < 0 ||
        rates->output_picos < 0 || cached_tokens < 0 ||
        prompt_tokens < cached_tokens || completion_tokens < 0)
        return TG_ERR_RANGE;
    if (sum_picos(rates, cached_tokens, prompt_tokens - cached_tokens,
                  completion_tokens, &picos) != 0)
        return TG_ERR_RANGE;
    cost = picos / TG_PICOS_PER_NANO + (picos % TG_PICOS_PER_NANO != 0);
    if (cost > INT64_MAX)
        return TG_ERR_RANGE;
    *nanos = (int64_t)cost;
    return 0;
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int
tg_price_worst(const struct tg_price *row, int64_t prompt_tokens,
               int64_t completion_tokens, int64_t *nanos)
{
    const struct tg_rates *off = &row->off_peak, *peak = &row->peak;
    int64_t prompt_picos = larger(larger(off->hit_picos, off->miss_picos),
                                  larger(peak->hit_picos, peak->miss_picos));
    struct tg_rates dearest = {
        .hit_picos = prompt_picos,
        .miss_picos = prompt_picos,
        .output_picos = larger(off->output_picos, peak->output_picos),
    };

    return tg_price_cost(&dearest, prompt_tokens, 0, completion_tokens, nanos);
}
