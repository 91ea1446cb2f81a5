/*
 * hours.h: when a key may be used: "mon-fri 08:00-19:00 Asia/Shanghai".
 */
#ifndef TG_HOURS_H
#define TG_HOURS_H

#include <stdbool.h>

/*
 * Whether text is hours: days ("mon", "mon-fri", "sat,sun", "daily"), a span
 * ("08:00-19:00"; an end before the start is on the next day; up to 24:00),
 * and a time zone (absent: UTC), separated by one blank each.
 */
bool tg_hours_is_valid(const char *text);

#endif
