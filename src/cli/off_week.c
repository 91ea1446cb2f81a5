#include "off_week.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "price.h"

#define QUARTERS_PER_DAY 96
#define EVERY_DAY 0x7fu /* a bit a day, Monday the lowest */

/* "16:30" as a quarter-hour of the day. */
static bool
take_quarter(const char **at, int *quarter)
{
    int hour, minute, n = 0;

    if (sscanf(*at, " %2d:%2d%n", &hour, &minute, &n) != 2 || n == 0 ||
        hour < 0 || hour > 24 || minute < 0 || minute > 59 ||
        (hour == 24 && minute != 0) || minute % 15 != 0)
        return false;
    *at += n;
    *quarter = (hour * 4 + minute / 15) % QUARTERS_PER_DAY;
    return true;
}

/* A window on the days of which the bits are set, Monday the lowest. */
static bool
add_window(struct tg_off_week *week, const json_t *window, unsigned days)
{
    const char *at = json_string_value(window);
    int start, end;

    if (at == NULL || !take_quarter(&at, &start) || at[strspn(at, " ")] != '-')
        return false;
    at += strspn(at, " ") + 1;
    if (!take_quarter(&at, &end) || at[strspn(at, " ")] != '\0')
        return false;
    for (int q = 0; q < TG_OFF_WEEK_QUARTERS; q++) {
        int in_day = q % QUARTERS_PER_DAY;
        int day = (q + week->ahead) % TG_OFF_WEEK_QUARTERS / QUARTERS_PER_DAY;
        bool is_in = start < end ? in_day >= start && in_day < end
                                 : in_day >= start || in_day < end;

        if (is_in && (days >> day & 1))
            week->is_off[q] = true;
    }
    return true;
}

static bool
add_windows(struct tg_off_week *week, const json_t *windows, unsigned days)
{
    const json_t *window;
    size_t i;

    if (!json_is_array(windows))
        return add_window(week, windows, days);
    json_array_foreach(windows, i, window)
    {
        if (!add_window(week, window, days))
            return false;
    }
    return true;
}

/* A day's bit: its number from Monday, 1, or its name's first letters. */
static unsigned
day_of(const json_t *day)
{
    static const char names[] = "montuewedthufrisatsun";
    const char *text = json_string_value(day);

    if (text == NULL)
        return 0;
    if (text[0] >= '1' && text[0] <= '7' && text[1] == '\0')
        return 1u << (text[0] - '1');
    for (int i = 0; i < 7; i++) {
        if (strncasecmp(text, names + 3 * i, 3) == 0)
            return 1u << i;
    }
    return 0;
}

static bool
days_of(const json_t *rule, unsigned *days)
{
    const json_t *list = json_object_get(rule, "weekdays"), *day;
    size_t i;

    *days = EVERY_DAY;
    if (list == NULL || json_is_null(list))
        return true;
    *days = 0;
    json_array_foreach(list, i, day)
    {
        if (day_of(day) == 0)
            return false;
        *days |= day_of(day);
    }
    return *days != 0;
}

/* Of clocks that are never set forward, those that are in use. */
static bool
find_clock(struct tg_off_week *week, const json_t *block,
           char reason[TG_OFF_WEEK_REASON_SIZE])
{
    const char *zone =
        json_string_value(json_object_get(block, "weekday_timezone"));

    if (zone == NULL || *zone == '\0' || strcmp(zone, "UTC") == 0)
        return true;
    week->ahead = strcmp(zone, "Asia/Shanghai") == 0 ? 8 * 4 : 0;
    if (week->ahead == 0)
        snprintf(reason, TG_OFF_WEEK_REASON_SIZE,
                 "off_peak_pricing has weekdays of %.32s; UTC and "
                 "Asia/Shanghai are known",
                 zone);
    return week->ahead != 0;
}

static bool
add_rules(struct tg_off_week *week, const json_t *rules)
{
    const json_t *rule;
    unsigned days;
    size_t i;

    if (rules == NULL || json_is_null(rules))
        return true;
    json_array_foreach(rules, i, rule)
    {
        if (!days_of(rule, &days) ||
            !add_windows(week, json_object_get(rule, "hours_utc"), days))
            return false;
    }
    return json_is_array(rules);
}

bool
tg_off_week_read(struct tg_off_week *week, const json_t *block,
                 char reason[TG_OFF_WEEK_REASON_SIZE])
{
    const json_t *hours = json_object_get(block, "hours_utc");

    *week = (struct tg_off_week){.ahead = 0};
    if (!find_clock(week, block, reason))
        return false;
    if ((hours == NULL || json_is_null(hours) ||
         add_windows(week, hours, EVERY_DAY)) &&
        add_rules(week, json_object_get(block, "windows")))
        return true;
    snprintf(reason, TG_OFF_WEEK_REASON_SIZE,
             "off_peak_pricing has hours that are no quarter-hours such as "
             "16:30-00:30");
    return false;
}

json_t *
tg_off_week_rest(const struct tg_off_week *week)
{
    uint32_t quarters[TG_WEEK_WORDS] = {0};
    char text[TG_PRICE_SPAN_SIZE];
    struct tg_price_span span;
    json_t *list = json_array();
    int at = 0;

    for (int q = 0; q < TG_OFF_WEEK_QUARTERS; q++) {
        if (!week->is_off[q])
            quarters[q / 32] |= 1u << q % 32;
    }
    while (tg_price_next_span(quarters, &at, &span)) {
        tg_price_span_text(&span, text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

bool
tg_off_week_is_empty(const struct tg_off_week *week)
{
    for (int q = 0; q < TG_OFF_WEEK_QUARTERS; q++) {
        if (week->is_off[q])
            return false;
    }
    return true;
}
