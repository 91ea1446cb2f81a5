/*
 * when.h: instants and durations, as people type and read them.
 */
#ifndef TG_WHEN_H
#define TG_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_WHEN_SIZE 32

/* Reads 500ms, 90s, 15m, 168h, 7d or 2w.  False when it is none. */
bool tg_duration_parse(const char *text, int64_t *ms);

/* Reads an RFC 3339 instant into Unix time.  False when it is none. */
bool tg_instant_parse(const char *text, int64_t *at_ms);

/* Writes Unix time as RFC 3339 in UTC into out[TG_WHEN_SIZE]. */
void tg_instant_text(int64_t at_ms, char *out);

/*
 * Reads what --since takes: a duration back from now_ms, a date (its
 * midnight in the time zone; NULL: UTC), or an instant.  False when it is
 * none of them.
 */
bool tg_when_parse(const char *text, const char *zone, int64_t now_ms,
                   int64_t *at_ms);

/* Whether this machine knows a time zone of this name. */
bool tg_zone_exists(const char *zone);

/*
 * Writes Unix time as it is on the clocks of a zone into out[TG_WHEN_SIZE]:
 * "2026-11-01 01:30 -0400", and of UTC "2026-11-01 05:30".
 */
void tg_instant_local(int64_t at_ms, const char *zone, char *out);

/*
 * The dates of today, yesterday, week (from its Monday), month and last-month
 * in a zone: from one, included, to another, not included, which is "" when
 * it lasts until now.  False when the period is none of them.
 */
#define TG_DATE_SIZE 16
bool tg_period_dates(const char *period, const char *zone, int64_t now_ms,
                     char since[TG_DATE_SIZE], char until[TG_DATE_SIZE]);

/* Writes "3 min ago" or "in 5 days" into out[TG_WHEN_SIZE]. */
void tg_instant_relative(int64_t at_ms, int64_t now_ms, char *out);

#endif
