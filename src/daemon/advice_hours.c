#include <stdio.h>
#include <string.h>

#include "advice_saving.h"

#define DAY_QUARTERS 96

static const char days[7][4] = {"mon", "tue", "wed", "thu",
                                "fri", "sat", "sun"};

static bool
is_peak(const uint32_t *quarters, int day, int quarter)
{
    int at = day * DAY_QUARTERS + quarter;

    return quarters[at / 32] >> at % 32 & 1;
}

static bool
are_alike(const uint32_t *quarters, int a, int b)
{
    for (int i = 0; i < DAY_QUARTERS; i++) {
        if (is_peak(quarters, a, i) != is_peak(quarters, b, i))
            return false;
    }
    return true;
}

/* " 00:00-01:00,04:00-24:00"; nothing for a day that is all peak. */
static size_t
put_day(const uint32_t *quarters, int day, char *out, size_t size)
{
    size_t len = 0;

    for (int from = 0, to; from < DAY_QUARTERS; from = to) {
        to = from + 1;
        if (is_peak(quarters, day, from))
            continue;
        while (to < DAY_QUARTERS && !is_peak(quarters, day, to))
            to++;
        if (len < size)
            len +=
                (size_t)snprintf(out + len, size - len, "%c%02d:%02d-%02d:%02d",
                                 len == 0 ? ' ' : ',', from / 4, from % 4 * 15,
                                 to / 4, to % 4 * 15);
    }
    return len;
}

void
tg_saving_hours(const uint32_t peak_quarters[TG_WEEK_WORDS], char *out)
{
    char spans[TG_SAVING_HOURS_SIZE];
    size_t len = 0;

    out[0] = '\0';
    for (int day = 0, end; day < 7; day = end) {
        end = day + 1;
        while (end < 7 && are_alike(peak_quarters, day, end))
            end++;
        spans[0] = '\0';
        if (put_day(peak_quarters, day, spans, sizeof(spans)) == 0)
            continue;
        len += (size_t)snprintf(out + len, TG_SAVING_HOURS_SIZE - len,
                                "%s%s%s%s%s", len == 0 ? "" : ", ", days[day],
                                end - day > 1 ? "-" : "",
                                end - day > 1 ? days[end - 1] : "", spans);
        /* More spans than a key's hours have: none at all. */
        if (len >= TG_SAVING_HOURS_SIZE) {
            out[0] = '\0';
            return;
        }
    }
}
