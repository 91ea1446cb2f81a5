#include "calendar.h"

#include <string.h>

#include "civil.h"

#define MS_PER_S INT64_C(1000)
#define MS_PER_QUARTER (15 * 60 * MS_PER_S)
#define DAYS_SEARCHED 15 /* a week's only opening may fall on a skipped day */

/* Two days within years 1 to 9999: no offset leads out of them. */
#define INSTANT_MIN (-719160 * TG_MS_PER_DAY)
#define INSTANT_MAX (2932894 * TG_MS_PER_DAY)
#define OFFSET_MAX 86400

/* A blob taken apart; its parts point into it and may be unaligned. */
struct view {
    unsigned count; /* of offsets; 0: UTC */
    const char *offsets;
    const uint8_t *week; /* NULL: none */
    bool is_malformed;
    struct tg_str text;
};

/* One offset and what it holds for: from_ms to until_ms, not included. */
struct reach {
    unsigned index;
    int64_t from_ms, until_ms;
    int64_t offset_ms;
};

static int64_t
clamp(int64_t n, int64_t min, int64_t max)
{
    return n < min ? min : n > max ? max : n;
}

static bool
read_view(struct tg_str blob, struct view *view)
{
    struct tg_calendar_head head;
    size_t offsets, week;

    if (blob.len < sizeof(head))
        return false;
    memcpy(&head, blob.data, sizeof(head));
    if ((head.kind != TG_CALENDAR_ZONE && head.kind != TG_CALENDAR_HOURS) ||
        head.count < 1 || head.count > TG_CALENDAR_OFFSETS_MAX)
        return false;
    offsets = head.count * sizeof(struct tg_calendar_offset);
    week = head.kind == TG_CALENDAR_HOURS ? TG_CALENDAR_WEEK_BYTES : 0;
    if (blob.len != sizeof(head) + offsets + week + head.text_len)
        return false;
    view->count = head.count;
    view->offsets = blob.data + sizeof(head);
    if (week > 0)
        view->week = (const uint8_t *)view->offsets + offsets;
    view->text = (struct tg_str){view->offsets + offsets + week, head.text_len};
    return true;
}

static struct view
view_of(struct tg_str blob)
{
    struct view view = {.text = TG_STR("UTC")};

    if (blob.len > 0 && !read_view(blob, &view))
        return (struct view){.is_malformed = true};
    return view;
}

static struct tg_calendar_offset
entry_at(const struct view *view, unsigned index)
{
    struct tg_calendar_offset entry;

    memcpy(&entry, view->offsets + index * sizeof(entry), sizeof(entry));
    entry.from_ms = clamp(entry.from_ms, INSTANT_MIN, INSTANT_MAX);
    entry.offset_s = (int32_t)clamp(entry.offset_s, -OFFSET_MAX, OFFSET_MAX);
    return entry;
}

static struct reach
reach_at(const struct view *view, unsigned index)
{
    struct reach reach = {index, INT64_MIN, INT64_MAX, 0};

    if (view->count > 0) {
        struct tg_calendar_offset entry = entry_at(view, index);

        reach.offset_ms = entry.offset_s * MS_PER_S;
        if (index > 0)
            reach.from_ms = entry.from_ms;
    }
    if (index + 1 < view->count)
        reach.until_ms = entry_at(view, index + 1).from_ms;
    return reach;
}

static struct reach
reach_of(const struct view *view, int64_t instant_ms)
{
    unsigned index = 0;

    while (index + 1 < view->count &&
           entry_at(view, index + 1).from_ms <= instant_ms)
        index++;
    return reach_at(view, index);
}

static int64_t
held(int64_t now_ms)
{
    return clamp(now_ms, INSTANT_MIN, INSTANT_MAX);
}

int32_t
tg_calendar_offset_s(struct tg_str calendar, int64_t now_ms)
{
    struct view view = view_of(calendar);

    return (int32_t)(reach_of(&view, held(now_ms)).offset_ms / MS_PER_S);
}

/* Offsets hold for more than a day, so only the last change can matter. */
static int32_t
day_of(const struct view *view, const struct reach *reach, int64_t now_ms)
{
    int64_t day = tg_civil_day_at(now_ms + reach->offset_ms), before;

    if (reach->index > 0) {
        struct reach last = reach_at(view, reach->index - 1);

        before = tg_civil_day_at(reach->from_ms - 1 + last.offset_ms);
        if (before > day)
            day = before;
    }
    return (int32_t)day;
}

int32_t
tg_calendar_day(struct tg_str calendar, int64_t now_ms)
{
    struct view view = view_of(calendar);
    struct reach reach;

    now_ms = held(now_ms);
    reach = reach_of(&view, now_ms);
    return day_of(&view, &reach, now_ms);
}

int32_t
tg_calendar_month(struct tg_str calendar, int64_t now_ms)
{
    struct tg_civil date = {0};

    (void)tg_civil_of_day(tg_calendar_day(calendar, now_ms), &date);
    return date.year * 12 + date.month;
}

/* The first instant of a day still to come, from what is in force now on. */
static int64_t
begin_of(const struct view *view, struct reach reach, int32_t day)
{
    int64_t midnight_ms = day * TG_MS_PER_DAY;

    while (midnight_ms - reach.offset_ms >= reach.until_ms)
        reach = reach_at(view, reach.index + 1);
    if (midnight_ms - reach.offset_ms < reach.from_ms)
        return reach.from_ms;
    return midnight_ms - reach.offset_ms;
}

int64_t
tg_calendar_day_end_ms(struct tg_str calendar, int64_t now_ms)
{
    struct view view = view_of(calendar);
    struct reach reach;

    now_ms = held(now_ms);
    reach = reach_of(&view, now_ms);
    return begin_of(&view, reach, day_of(&view, &reach, now_ms) + 1);
}

void
tg_calendar_periods(struct tg_str calendar, int64_t now_ms,
                    struct tg_calendar_periods *periods)
{
    struct view view = view_of(calendar);
    struct tg_civil date = {1, 1, 1}; /* held() keeps within what has one */
    struct reach reach;
    int32_t day;

    now_ms = held(now_ms);
    reach = reach_of(&view, now_ms);
    day = day_of(&view, &reach, now_ms);
    (void)tg_civil_of_day(day, &date);
    *periods = (struct tg_calendar_periods){
        .day = day,
        .month = date.year * 12 + date.month,
        .day_end_ms = begin_of(&view, reach, day + 1),
        .month_end_ms = begin_of(
            &view, reach, day + tg_civil_days_in_month(date) - date.day + 1),
    };
}

int64_t
tg_calendar_month_end_ms(struct tg_str calendar, int64_t now_ms)
{
    struct tg_calendar_periods periods;

    tg_calendar_periods(calendar, now_ms, &periods);
    return periods.month_end_ms;
}

/* A local quarter-hour, counted from 1970-01-01 00:00 by the local clock. */
static int64_t
quarter_at(const struct reach *reach, int64_t instant_ms)
{
    int64_t local_ms = instant_ms + reach->offset_ms;

    return local_ms / MS_PER_QUARTER - (local_ms % MS_PER_QUARTER < 0);
}

static bool
is_open_at(const uint8_t *week, int64_t quarter)
{
    int64_t day = tg_civil_day_at(quarter * MS_PER_QUARTER);
    int64_t n = tg_civil_weekday(day) * INT64_C(96) + quarter - day * 96;

    return week[n / 8] >> n % 8 & 1;
}

bool
tg_calendar_is_open(struct tg_str calendar, int64_t now_ms)
{
    struct view view = view_of(calendar);
    struct reach reach;

    if (view.week == NULL)
        return !view.is_malformed;
    now_ms = held(now_ms);
    reach = reach_of(&view, now_ms);
    return is_open_at(view.week, quarter_at(&reach, now_ms));
}

int64_t
tg_calendar_opens_at_ms(struct tg_str calendar, int64_t now_ms)
{
    struct view view = view_of(calendar);
    int64_t at_ms = held(now_ms), end_ms = at_ms, next_ms, quarter;
    struct reach reach = reach_of(&view, at_ms);

    if (view.week == NULL)
        return view.is_malformed ? TG_CALENDAR_NEVER : now_ms;
    for (end_ms += DAYS_SEARCHED * TG_MS_PER_DAY; at_ms < end_ms;
         at_ms = next_ms) {
        if (at_ms >= reach.until_ms)
            reach = reach_of(&view, at_ms);
        quarter = quarter_at(&reach, at_ms);
        if (is_open_at(view.week, quarter))
            return at_ms;
        next_ms = (quarter + 1) * MS_PER_QUARTER - reach.offset_ms;
        if (next_ms > reach.until_ms)
            next_ms = reach.until_ms;
    }
    return TG_CALENDAR_NEVER;
}

struct tg_str
tg_calendar_text(struct tg_str calendar)
{
    return view_of(calendar).text;
}
