/*
 * report_figures.h: figures of a report as people read them: 1,234,567;
 * 12.3 %; 1.24 s.  Pure.
 */
#ifndef TG_REPORT_FIGURES_H
#define TG_REPORT_FIGURES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "zone.h"

#define TG_FIGURE_SIZE 64

/* A whole number, one with two decimals, or a text; "-" for null. */
void tg_figure_count(char out[TG_FIGURE_SIZE], const json_t *number);

/*
 * An amount, a decimal string: with four decimals from 1 on, six below, and
 * never as nothing what is more than that.
 */
void tg_figure_money(char out[TG_FIGURE_SIZE], const json_t *amount);

/* The same to the last nano-unit. */
void tg_figure_exact(char out[TG_FIGURE_SIZE], const json_t *amount);

/* 0.1234: "12.34 %". */
void tg_figure_share(char out[TG_FIGURE_SIZE], const json_t *share);

/* 12.3: "+12.3 %"; none for null. */
void tg_figure_change(char out[TG_FIGURE_SIZE], const json_t *percent,
                      const char *none);

void tg_figure_ms(char out[TG_FIGURE_SIZE], const json_t *ms);

/* An instant, RFC 3339, by the clocks of a zone: "2026-11-26 08:15". */
void tg_figure_time(char out[TG_FIGURE_SIZE], const struct tg_zone *zone,
                    const json_t *instant);

#endif
