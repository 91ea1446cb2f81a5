/*
 * scale.h: the ticks of an axis of values, and how values are written.
 */
#ifndef TG_CHART_SCALE_H
#define TG_CHART_SCALE_H

#include "chart.h"

/*
 * Ticks at 0, step, 2 * step, … up to count * step, which may be more than an
 * int64 holds.  step is 1, 2 or 5 times a power of ten.
 */
struct tg_chart_scale {
    enum tg_chart_unit unit;
    uint64_t step;
    unsigned count; /* 1 or more */
};

/*
 * The finest one that reaches up to most (0 or more) with at most so many
 * steps, but not finer than what is counted.  Of nothing: up to something
 * small. Shares end at 100 % where they would go beyond it.
 */
struct tg_chart_scale tg_chart_scale_of(enum tg_chart_unit unit, int64_t most,
                                        unsigned steps);

/* The end of the axis. */
uint64_t tg_chart_scale_top(const struct tg_chart_scale *scale);

#define TG_CHART_TEXT_SIZE 48

/*
 * Writes a tick: "1,500", "20k", "1.5M"; "0.05"; "2.5%".  All of an axis have
 * the same decimals and the same suffix.
 */
void tg_chart_tick_text(const struct tg_chart_scale *scale, unsigned tick,
                        char out[TG_CHART_TEXT_SIZE]);

/*
 * Writes a value in full: "1,234,567", "1,234.567 USD", exact to the last
 * nano-unit, "1.25%", rounded to two decimals; "-" when it is not there.
 */
void tg_chart_value_text(enum tg_chart_unit unit, int64_t value,
                         const char *currency, char out[TG_CHART_TEXT_SIZE]);

#endif
