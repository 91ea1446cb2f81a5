#include "price.h"

#include <stdio.h>

#include "civil.h"
#include "err.h"
#include "money.h"

#define MS_PER_QUARTER (15 * 60 * 1000)
#define QUARTERS_PER_DAY 96
#define PPM 1000000 /* millionths of 1 */

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

static bool
is_set(const uint32_t *quarters, int quarter)
{
    return quarters[quarter / 32] >> quarter % 32 & 1;
}

bool
tg_price_next_span(const uint32_t quarters[TG_WEEK_WORDS], int *at,
                   struct tg_price_span *span)
{
    int first = *at, end;

    while (first < 7 * QUARTERS_PER_DAY && !is_set(quarters, first))
        first++;
    if (first >= 7 * QUARTERS_PER_DAY)
        return false;
    span->day = (uint8_t)(first / QUARTERS_PER_DAY);
    end = first;
    while (end < (span->day + 1) * QUARTERS_PER_DAY && is_set(quarters, end))
        end++;
    span->start = (uint8_t)(first % QUARTERS_PER_DAY);
    span->end = (uint8_t)(span->start + end - first);
    *at = end;
    return true;
}

void
tg_price_span_text(const struct tg_price_span *span, char *out)
{
    static const char days[] = "montuewedthufrisatsun";

    snprintf(out, TG_PRICE_SPAN_SIZE, "%.3s %02d:%02d-%02d:%02d",
             days + 3 * span->day, span->start / 4, span->start % 4 * 15,
             span->end / 4, span->end % 4 * 15);
}

const struct tg_rates *
tg_price_rates(const struct tg_price *row, bool is_peak)
{
    return is_peak ? &row->peak : &row->off_peak;
}

/* Adds count * picos, two non-negative int64: a product below 2^126. */
static bool
add_picos(__int128 *sum, int64_t count, int64_t picos)
{
    return count >= 0 && picos >= 0 &&
           !__builtin_add_overflow(*sum, (__int128)count * picos, sum);
}

/* Rounds up an amount that is not negative; nearly all fit into 64 bits. */
static __int128
nanos_of(__int128 picos)
{
    uint64_t few = (uint64_t)picos;

    if (picos == (__int128)few)
        return few / TG_PICOS_PER_NANO + (few % TG_PICOS_PER_NANO != 0);
    return picos / TG_PICOS_PER_NANO + (picos % TG_PICOS_PER_NANO != 0);
}

int
tg_price_cost(const struct tg_rates *rates, const struct tg_quantity *quantity,
              int64_t *nanos)
{
    const struct tg_quantity *q = quantity;
    __int128 picos = 0, cost;

    if (q->cached_tokens < 0 || q->written_tokens < 0 ||
        q->prompt_tokens < q->cached_tokens ||
        q->prompt_tokens - q->cached_tokens < q->written_tokens)
        return TG_ERR_RANGE;
    if (!add_picos(&picos, q->cached_tokens, rates->hit_picos) ||
        !add_picos(&picos, q->written_tokens, rates->write_picos) ||
        !add_picos(&picos,
                   q->prompt_tokens - q->cached_tokens - q->written_tokens,
                   rates->miss_picos) ||
        !add_picos(&picos, q->completion_tokens, rates->output_picos) ||
        !add_picos(&picos, q->units, rates->unit_picos))
        return TG_ERR_RANGE;
    cost = nanos_of(picos);
    if (cost > INT64_MAX)
        return TG_ERR_RANGE;
    *nanos = (int64_t)cost;
    return 0;
}

/* Rounds up.  picos is not negative: the product is below 2^95. */
static bool
scale(int64_t *picos, uint32_t ppm)
{
    __int128 product = (__int128)*picos * ppm;

    product = product / PPM + (product % PPM != 0);
    if (product > INT64_MAX)
        return false;
    *picos = (int64_t)product;
    return true;
}

int
tg_price_scale(struct tg_rates *rates, uint32_t ppm)
{
    struct tg_rates scaled = *rates;

    if (ppm == 0 || ppm == PPM)
        return 0;
    if (!scale(&scaled.hit_picos, ppm) || !scale(&scaled.miss_picos, ppm) ||
        !scale(&scaled.output_picos, ppm) || !scale(&scaled.write_picos, ppm) ||
        !scale(&scaled.unit_picos, ppm))
        return TG_ERR_RANGE;
    *rates = scaled;
    return 0;
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct tg_rates
tg_price_dearest(const struct tg_rates *rates)
{
    struct tg_rates dearest = *rates;

    dearest.miss_picos =
        larger(larger(rates->hit_picos, rates->miss_picos), rates->write_picos);
    dearest.hit_picos = dearest.write_picos = dearest.miss_picos;
    return dearest;
}
