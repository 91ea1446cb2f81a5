#include "scale.h"

#include <stdio.h>
#include <string.h>

#include "money.h"

/* What one of a unit is, in values, as a power of ten: 1, 1.00, 1 %. */
static const struct unit {
    int one;
    uint64_t least;  /* step */
    int64_t nothing; /* where an axis ends on which there is nothing */
    const char *sign;
} units[] = {
    [TG_CHART_COUNT] = {0, 1, 1, ""},
    [TG_CHART_NANOS] = {9, 1, 10000000, ""},
    [TG_CHART_PPM] = {4, 1, 10000, "%"},
};

/* Suffixes stand from ten thousand on, and before that digits. */
static const struct suffix {
    int power;
    const char *text;
} suffixes[] = {{12, "T"}, {9, "B"}, {6, "M"}, {3, "k"}, {0, ""}};

#define PLAIN_POWER 4 /* 10,000: the least that has a suffix */

static uint64_t
power_of_ten(int n)
{
    uint64_t value = 1;

    while (n-- > 0)
        value *= 10;
    return value;
}

static uint64_t
next_step(uint64_t step)
{
    uint64_t power = 1;

    while (step / power >= 10)
        power *= 10;
    return step / power == 2 ? 5 * power : 2 * step;
}

struct tg_chart_scale
tg_chart_scale_of(enum tg_chart_unit unit, int64_t most, unsigned steps)
{
    struct tg_chart_scale scale = {.unit = unit, .step = units[unit].least};
    uint64_t high;

    if (most <= 0)
        most = units[unit].nothing;
    if (steps == 0)
        steps = 1;
    high = (uint64_t)most;
    /* The last step is 10^19, of which one is enough for an int64. */
    while ((high - 1) / scale.step + 1 > steps)
        scale.step = next_step(scale.step);
    scale.count = (unsigned)((high - 1) / scale.step + 1);
    return scale;
}

uint64_t
tg_chart_scale_top(const struct tg_chart_scale *scale)
{
    return scale->step * scale->count;
}

/* Digits of value, with a comma before each three. */
static char *
put_grouped(char *out, uint64_t value)
{
    char digits[24];
    int len =
        snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return out;
}

/* value / 10^power, with so many decimals; the rest is cut off. */
static void
put_decimal(char *out, uint64_t value, int power, int decimals)
{
    uint64_t one = power_of_ten(power);

    out = put_grouped(out, value / one);
    if (decimals > 0)
        *out++ = '.';
    for (value %= one; decimals > 0; decimals--) {
        one /= 10;
        *out++ = (char)('0' + value / one);
        value %= one;
    }
    *out = '\0';
}

/* How many zeros end a step. */
static int
zeros_of(uint64_t step)
{
    int n = 0;

    for (; step % 10 == 0; step /= 10)
        n++;
    return n;
}

static const struct suffix *
suffix_of(const struct tg_chart_scale *scale, int zeros)
{
    int one = units[scale->unit].one;
    uint64_t top = tg_chart_scale_top(scale);
    const struct suffix *suffix = suffixes;

    if (scale->unit == TG_CHART_PPM ||
        top / power_of_ten(one) < power_of_ten(PLAIN_POWER))
        return &suffixes[sizeof(suffixes) / sizeof(suffixes[0]) - 1];
    while (suffix->power > 0 &&
           (top / power_of_ten(one) < power_of_ten(suffix->power) ||
            zeros < one + suffix->power - 1))
        suffix++;
    return suffix;
}

void
tg_chart_tick_text(const struct tg_chart_scale *scale, unsigned tick,
                   char out[TG_CHART_TEXT_SIZE])
{
    int zeros = zeros_of(scale->step);
    const struct suffix *suffix = suffix_of(scale, zeros);
    int power = units[scale->unit].one + suffix->power;
    int decimals = zeros < power ? power - zeros : 0;

    /* Half a coin is written as a person writes it: 0.50. */
    if (scale->unit == TG_CHART_NANOS && suffix->power == 0 && decimals == 1)
        decimals = 2;
    if (tick == 0)
        strcpy(out, "0");
    else
        put_decimal(out, scale->step * tick, power, decimals);
    strcat(out, tick == 0 ? "" : suffix->text);
    strcat(out, units[scale->unit].sign);
}

static void
put_money(char *out, int64_t nanos, const char *currency)
{
    char exact[TG_MONEY_TEXT_SIZE], *at = exact;
    uint64_t whole = (nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos) /
                     (uint64_t)TG_NANOS_PER_UNIT;

    tg_money_format(nanos, exact);
    if (nanos < 0)
        *out++ = *at++;
    out = put_grouped(out, whole);
    snprintf(out, 24, "%.10s %.8s", strchr(exact, '.'), currency);
}

void
tg_chart_value_text(enum tg_chart_unit unit, int64_t value,
                    const char *currency, char out[TG_CHART_TEXT_SIZE])
{
    uint64_t hundredths;

    if (value == TG_CHART_NONE) {
        strcpy(out, "-");
    } else if (unit == TG_CHART_NANOS) {
        put_money(out, value, currency);
    } else if (unit == TG_CHART_PPM) {
        hundredths = ((uint64_t)value + 50) / 100;
        put_decimal(out, hundredths, 2, 2);
        strcat(out, "%");
    } else {
        put_grouped(out, (uint64_t)value);
    }
}
