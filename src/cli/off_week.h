/*
 * off_week.h: the cheaper hours of an entry of LiteLLM's price map.
 */
#ifndef TG_OFF_WEEK_H
#define TG_OFF_WEEK_H

#include <jansson.h>
#include <stdbool.h>

#define TG_OFF_WEEK_QUARTERS 672
#define TG_OFF_WEEK_REASON_SIZE 256

/* Off-peak quarter-hours of a week, from Monday 00:00 UTC. */
struct tg_off_week {
    bool is_off[TG_OFF_WEEK_QUARTERS];
    int ahead; /* quarters that the clock which names weekdays is ahead */
};

/*
 * Reads off_peak_pricing's hours_utc, windows and weekday_timezone; numbers
 * are strings (decimal.h).  A window's start is in it, its end is not, and it
 * may go over midnight; one that ends where it starts is a whole day.
 * Returns false with why in reason.
 */
bool tg_off_week_read(struct tg_off_week *week, const json_t *block,
                      char reason[TG_OFF_WEEK_REASON_SIZE]);

/* The other hours, as the API takes peak hours; the caller's. */
json_t *tg_off_week_rest(const struct tg_off_week *week);

bool tg_off_week_is_empty(const struct tg_off_week *week);

#endif
