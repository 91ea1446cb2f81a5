/*
 * hours.h: when a key may be used: "mon-fri 08:00-19:00 Asia/Shanghai".
 *
 * Hours are rules and a time zone (absent: UTC) behind a blank.  A rule is
 * days, a blank, and spans joined by commas: "mon-fri 08:00-12:00,13:00-19:00".
 * Days are "mon", "mon-fri", "sat,sun" or "daily", in either case.  A span
 * whose end comes before its start ends on the next day; 24:00 is an end.
 * Rules are joined by commas: "mon-fri 08:00-19:00, sat 09:00-12:00".  Spans
 * begin and end at quarter-hours.
 */
#ifndef TG_HOURS_H
#define TG_HOURS_H

#include <stdbool.h>

#include "zone.h"

/*
 * Whether text is hours.  Returns 0; TG_ERR_RANGE when a span begins or ends
 * between quarter-hours; TG_ERR_NOT_FOUND when there is no such time zone;
 * TG_ERR_FORMAT or TG_ERR_LIMIT when it is anything else; TG_ERR_SYSTEM.
 */
int tg_hours_check(const char *text);

/* Whether tg_hours_check has nothing to say. */
bool tg_hours_is_valid(const char *text);

/*
 * Reads hours without a time zone, which are UTC's, into week: bit q % 8 of
 * byte q / 8 for quarter-hour q from Monday 00:00.  Errors as above, week
 * then being as it was.
 */
int tg_hours_week(const char *text, uint8_t week[TG_CALENDAR_WEEK_BYTES]);

/* Compiles hours for the days around now_ms; errors as above. */
int tg_hours_compile(struct tg_zone_blob *blob, const char *text,
                     int64_t now_ms);

/* Writes hours that are never on, for those that cannot be compiled. */
void tg_hours_shut(struct tg_zone_blob *blob);

#endif
