/*
 * times.h: the ticks of an axis of time, where clocks show round times.
 */
#ifndef TG_CHART_TIMES_H
#define TG_CHART_TIMES_H

#include "chart.h"

#define TG_CHART_TIMES 128
#define TG_CHART_TIME_SIZE 16

struct tg_chart_time {
    int64_t at_ms;
    char text[TG_CHART_TIME_SIZE]; /* "06:00", "Nov 21", "Nov", "2026" */
};

/* Ways to divide time, from quarter-hours to decades: 0 to this - 1. */
extern const size_t tg_chart_levels;

/*
 * Ticks of a level from the sheet's first edge to before its last: where a
 * quarter-hour, hour, day, week, month or year of the sheet's zone begins.  The
 * text says what begins there, the larger one before the smaller.  Returns how
 * many; 0 also where there would be more than TG_CHART_TIMES, or finer ones
 * than the sheet's points are.
 */
size_t tg_chart_times(const struct tg_chart_sheet *sheet, size_t level,
                      struct tg_chart_time times[TG_CHART_TIMES]);

/* The instant as an axis of that sheet would name it, alone. */
void tg_chart_time_text(const struct tg_chart_sheet *sheet, int64_t at_ms,
                        char text[TG_CHART_TIME_SIZE]);

/* Seconds east of UTC at an instant. */
int32_t tg_chart_offset_s(const struct tg_chart_sheet *sheet, int64_t at_ms);

#endif
