#include "report_figures.h"

#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "money.h"

#define NONE "-"

/* Digits with a comma before each three from the right, but for the first. */
static void
group(char out[TG_FIGURE_SIZE], const char *digits)
{
    size_t len = strlen(digits), n = 0;

    for (size_t i = 0; i < len && n + 2 < TG_FIGURE_SIZE; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = digits[i];
    }
    out[n] = '\0';
}

static void
put(char out[TG_FIGURE_SIZE], const char *sign, int64_t whole, const char *rest)
{
    char digits[24], grouped[TG_FIGURE_SIZE];

    snprintf(digits, sizeof(digits), "%lld", (long long)whole);
    group(grouped, digits);
    snprintf(out, TG_FIGURE_SIZE, "%s%.40s%.16s", sign, grouped, rest);
}

void
tg_figure_count(char out[TG_FIGURE_SIZE], const json_t *number)
{
    int64_t hundredths;
    char rest[8];

    if (json_is_integer(number)) {
        int64_t n = json_integer_value(number);

        put(out, n < 0 ? "-" : "", n < 0 ? -n : n, "");
    } else if (json_is_real(number)) {
        double n = json_real_value(number);

        hundredths = (int64_t)((n < 0 ? -n : n) * 100 + 0.5);
        snprintf(rest, sizeof(rest), ".%02d", (int)(hundredths % 100));
        put(out, n < 0 ? "-" : "", hundredths / 100, rest);
    } else if (json_is_string(number)) {
        snprintf(out, TG_FIGURE_SIZE, "%s", json_string_value(number));
    } else {
        strcpy(out, NONE);
    }
}

static bool
read_money(const json_t *amount, int64_t *nanos, const char **sign)
{
    const char *text = json_string_value(amount);

    if (text == NULL ||
        tg_money_parse_signed((struct tg_str){text, strlen(text)}, nanos) != 0)
        return false;
    *sign = *nanos < 0 ? "-" : "";
    if (*nanos < 0)
        *nanos = -*nanos;
    return true;
}

/* Without zeros at the end, but for two decimals. */
static void
put_money(char out[TG_FIGURE_SIZE], const char *sign, int64_t nanos)
{
    char text[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, text);
    put(out, sign, nanos / TG_NANOS_PER_UNIT, strchr(text, '.'));
}

void
tg_figure_exact(char out[TG_FIGURE_SIZE], const json_t *amount)
{
    const char *sign;
    int64_t nanos;

    if (read_money(amount, &nanos, &sign))
        put_money(out, sign, nanos);
    else
        strcpy(out, NONE);
}

void
tg_figure_money(char out[TG_FIGURE_SIZE], const json_t *amount)
{
    const char *sign;
    int64_t nanos, unit = 1;

    if (!read_money(amount, &nanos, &sign)) {
        strcpy(out, NONE);
        return;
    }
    if (nanos >= TG_NANOS_PER_UNIT)
        unit = 100000;
    else if (nanos >= 1000)
        unit = 1000;
    if (nanos <= INT64_MAX - unit)
        nanos = (nanos + unit / 2) / unit * unit;
    put_money(out, sign, nanos);
}

void
tg_figure_share(char out[TG_FIGURE_SIZE], const json_t *share)
{
    if (json_is_number(share))
        snprintf(out, TG_FIGURE_SIZE, "%.2f %%",
                 json_number_value(share) * 100);
    else
        strcpy(out, NONE);
}

void
tg_figure_change(char out[TG_FIGURE_SIZE], const json_t *percent,
                 const char *none)
{
    if (json_is_number(percent))
        snprintf(out, TG_FIGURE_SIZE, "%+.1f %%", json_number_value(percent));
    else
        snprintf(out, TG_FIGURE_SIZE, "%s", none);
}

void
tg_figure_ms(char out[TG_FIGURE_SIZE], const json_t *ms)
{
    int64_t n = json_integer_value(ms);

    if (!json_is_integer(ms))
        strcpy(out, NONE);
    else if (n < 1000)
        snprintf(out, TG_FIGURE_SIZE, "%d ms", (int)n);
    else
        snprintf(out, TG_FIGURE_SIZE, "%lld.%02d s", (long long)(n / 1000),
                 (int)(n % 1000 / 10));
}

void
tg_figure_time(char out[TG_FIGURE_SIZE], const struct tg_zone *zone,
               const json_t *instant)
{
    const char *text = json_string_value(instant);
    char local[TG_CIVIL_TEXT_SIZE] = "";
    int64_t at;

    strcpy(out, NONE);
    if (text == NULL ||
        tg_civil_parse((struct tg_str){text, strlen(text)}, &at) != 0)
        return;
    at += tg_zone_offset_s(zone, at) * INT64_C(1000);
    if (tg_civil_format(at, local) == 0)
        snprintf(out, TG_FIGURE_SIZE, "%.10s %.5s", local, local + 11);
}
