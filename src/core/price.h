/*
 * price.h: what tokens cost, from when, at which hours.
 *
 * Prices are pico-units of the ledger currency per token: 0.15 per million
 * tokens is 150 000.  docs/prices.md explains the book.
 */
#ifndef TG_PRICE_H
#define TG_PRICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pico-units per token, none negative. */
struct tg_rates {
    int64_t hit_picos;    /* prompt, served from the provider's cache */
    int64_t miss_picos;   /* prompt, the rest */
    int64_t output_picos; /* completion, reasoning included */
};

/* A week has 672 quarter-hours, from Monday 00:00 UTC: 3 words a day. */
#define TG_WEEK_WORDS 21

enum tg_price_flag {
    TG_PRICE_HOLIDAYS_OFF_PEAK = 1 << 0,
};

/*
 * One row of the price book.  Lies in shared memory: fixed layout, native
 * byte order.  Without peak hours only off_peak counts.
 */
struct tg_price {
    int64_t effective_at_ms; /* in force from here until the next row */
    struct tg_rates off_peak;
    struct tg_rates peak;
    uint32_t peak_quarters[TG_WEEK_WORDS]; /* bit q % 32 of word q / 32 */
    uint32_t flags;                        /* enum tg_price_flag */
};

_Static_assert(offsetof(struct tg_price, off_peak) == 8, "layout");
_Static_assert(offsetof(struct tg_price, peak) == 32, "layout");
_Static_assert(offsetof(struct tg_price, peak_quarters) == 56, "layout");
_Static_assert(offsetof(struct tg_price, flags) == 140, "layout");
_Static_assert(sizeof(struct tg_price) == 144, "layout");

/*
 * The row in force at an instant, or NULL when the first one is still to
 * come: then the model has no price.  rows stand oldest first.  O(n).
 */
const struct tg_price *tg_price_at(const struct tg_price *rows, size_t n,
                                   int64_t instant_ms);

/*
 * Whether an instant is in a row's peak hours.  holidays are UTC days, see
 * civil.h, sorted; they count for rows with TG_PRICE_HOLIDAYS_OFF_PEAK.
 * O(log n).
 */
bool tg_price_is_peak(const struct tg_price *row, int64_t instant_ms,
                      const int32_t *holidays, size_t n);

/* The rates of a band; valid as long as row is. */
const struct tg_rates *tg_price_rates(const struct tg_price *row, bool is_peak);

/*
 * What a call costs: cached of the prompt tokens at the hit rate, the others
 * at the miss rate, completion at the output rate; the sum is rounded up to
 * a nano-unit once.  Returns 0, or TG_ERR_RANGE when a number is negative,
 * cached is more than prompt, or the cost does not fit.
 */
int tg_price_cost(const struct tg_rates *rates, int64_t prompt_tokens,
                  int64_t cached_tokens, int64_t completion_tokens,
                  int64_t *nanos);

/*
 * What a call costs at most: never less than tg_price_cost in any band of
 * the row, for as many tokens or fewer.  Errors as above.
 */
int tg_price_worst(const struct tg_price *row, int64_t prompt_tokens,
                   int64_t completion_tokens, int64_t *nanos);

#endif
