#include "hours.h"

#include <stdio.h>
#include <string.h>

#include "zone.h"

static bool
is_day(const char *text, size_t len)
{
    static const char days[] = "mon tue wed thu fri sat sun";

    if (len != 3)
        return false;
    for (const char *p = days; p < days + sizeof(days) - 1; p += 4) {
        if (memcmp(p, text, 3) == 0)
            return true;
    }
    return false;
}

/* "mon", "mon-fri", and these behind commas. */
static bool
are_days(const char *text, size_t len)
{
    if (len == 5 && memcmp(text, "daily", 5) == 0)
        return true;
    for (;;) {
        size_t n = strcspn(text, ", ");

        if (n == 7 ? !(is_day(text, 3) && text[3] == '-' && is_day(text + 4, 3))
                   : !is_day(text, n))
            return false;
        if (text[n] != ',')
            return n <= len;
        text += n + 1;
        len -= n + 1;
    }
}

static int
minute_of_day(const char *text)
{
    int hour, minute;

    if (text[2] != ':' || strspn(text, "0123456789") != 2 ||
        strspn(text + 3, "0123456789") < 2)
        return -1;
    hour = (text[0] - '0') * 10 + text[1] - '0';
    minute = (text[3] - '0') * 10 + text[4] - '0';
    if (minute > 59 || hour > 24 || (hour == 24 && minute != 0))
        return -1;
    return hour * 60 + minute;
}

static bool
is_span(const char *text)
{
    int start, end;

    if (strcspn(text, " ") != 11 || text[5] != '-')
        return false;
    start = minute_of_day(text);
    end = minute_of_day(text + 6);
    return start >= 0 && start < 24 * 60 && end >= 0 && start != end;
}

bool
tg_hours_is_valid(const char *text)
{
    size_t days = strcspn(text, " ");
    struct tg_zone zone;

    if (text[days] != ' ' || !are_days(text, days))
        return false;
    text += days + 1;
    if (!is_span(text))
        return false;
    text += 11;
    if (*text == '\0')
        return true;
    if (tg_zone_open(&zone, text + 1) != 0)
        return false;
    tg_zone_close(&zone);
    return true;
}
