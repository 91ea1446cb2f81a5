/*
 * calendar.h: days, months and opening hours in a time zone, computed from a
 * blob that the daemon compiled; no clock and no zone database.
 *
 * A calendar is a blob of the state file (docs/state.md has the bytes): the
 * zone's offsets from two days before it was compiled to at least 400 days
 * after, for hours also the open quarter-hours of a week, and the text it was
 * compiled from.  An empty blob is UTC, always open.  One that is malformed
 * is UTC, never open.  Whoever reads a blob that is not 0 and comes back empty
 * must refuse.
 *
 * Instants are Unix time in ms, held within years 1 to 9999.  Every function
 * costs tens of nanoseconds unless it says otherwise.
 */
#ifndef TG_CALENDAR_H
#define TG_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TG_CALENDAR_OFFSETS_MAX 32
#define TG_CALENDAR_WEEK_BYTES 84 /* 672 quarter-hours from Monday 00:00 */
#define TG_CALENDAR_QUARTERS 672
#define TG_CALENDAR_TEXT_MAX 200

/* Values of kind; anything else, such as a text, is no calendar. */
enum tg_calendar_kind {
    TG_CALENDAR_NONE = 0,
    TG_CALENDAR_ZONE,  /* text is the zone's name */
    TG_CALENDAR_HOURS, /* text is hours; a week follows the offsets */
};

/* The blob's first bytes: then offsets, week if any, text. */
struct tg_calendar_head {
    uint8_t kind;
    uint8_t count;     /* of offsets: 1 to TG_CALENDAR_OFFSETS_MAX */
    uint16_t text_len; /* to the end of the blob */
    uint32_t reserved;
};

/* In force until the next one's from_ms; the first one before, too. */
struct tg_calendar_offset {
    int64_t from_ms;
    int32_t offset_s; /* east of UTC; less than a day */
    uint32_t reserved;
};

_Static_assert(sizeof(struct tg_calendar_head) == 8, "layout");
_Static_assert(sizeof(struct tg_calendar_offset) == 16, "layout");

#define TG_CALENDAR_BYTES_MAX                                                  \
    (sizeof(struct tg_calendar_head) +                                         \
     TG_CALENDAR_OFFSETS_MAX * sizeof(struct tg_calendar_offset) +             \
     TG_CALENDAR_WEEK_BYTES + TG_CALENDAR_TEXT_MAX)

/* Seconds east of UTC. */
int32_t tg_calendar_offset_s(struct tg_str calendar, int64_t now_ms);

/*
 * The civil day, see civil.h.  It never goes back: where clocks are set back
 * over midnight, the new day goes on, so that a day's budget begins once.
 */
int32_t tg_calendar_day(struct tg_str calendar, int64_t now_ms);

/* Year * 12 + month, 1 to 12, of tg_calendar_day. */
int32_t tg_calendar_month(struct tg_str calendar, int64_t now_ms);

/*
 * The first instant at which tg_calendar_day is larger, and that of the first
 * day of a later month.  Local midnight where there is one, else where the
 * clocks were set forward over it.
 */
int64_t tg_calendar_day_end_ms(struct tg_str calendar, int64_t now_ms);
int64_t tg_calendar_month_end_ms(struct tg_str calendar, int64_t now_ms);

/* All four of them at once. */
struct tg_calendar_periods {
    int32_t day, month;
    int64_t day_end_ms, month_end_ms;
};

void tg_calendar_periods(struct tg_str calendar, int64_t now_ms,
                         struct tg_calendar_periods *periods);

/*
 * Whether the hours are on, by the local clock: where it is set back, hours
 * it shows twice count twice.  A calendar without a week is always open.
 */
bool tg_calendar_is_open(struct tg_str calendar, int64_t now_ms);

#define TG_CALENDAR_NEVER INT64_MAX

/*
 * now_ms when open, else the instant of the next opening, TG_CALENDAR_NEVER
 * when there is none within 15 days.  At most some microseconds.
 */
int64_t tg_calendar_opens_at_ms(struct tg_str calendar, int64_t now_ms);

/*
 * The text it was compiled from: a zone's name or hours, as given; "UTC" for
 * an empty blob, empty for a malformed one.  Points into the blob.
 */
struct tg_str tg_calendar_text(struct tg_str calendar);

#endif
