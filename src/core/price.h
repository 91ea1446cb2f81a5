/*
 * price.h: what tokens and other units cost, from when, at which hours.
 *
 * Prices are pico-units of the ledger currency per token: 0.15 per million
 * tokens is 150 000; or per unit: 0.04 an image is 40 000 000 000.
 * docs/prices.md explains the book.
 */
#ifndef TG_PRICE_H
#define TG_PRICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pico-units per token or unit, none negative. */
struct tg_rates {
    int64_t hit_picos;    /* prompt, served from the provider's cache */
    int64_t miss_picos;   /* prompt, the rest */
    int64_t output_picos; /* completion, reasoning included */
    int64_t write_picos;  /* prompt, written to the cache (Anthropic) */
    int64_t unit_picos;   /* what is not counted in tokens: enum tg_unit */
};

_Static_assert(sizeof(struct tg_rates) == 40, "layout");

/* What unit_picos is the price of; the numbers stand in the journal. */
enum tg_unit {
    TG_UNIT_NONE = 0, /* tokens alone */
    TG_UNIT_IMAGE,
    TG_UNIT_MILLISECOND, /* of audio */
    TG_UNIT_CHARACTER,   /* of text to be spoken, Unicode code points */
    TG_UNIT_CALL,
};

/* What a call used, or may use at most; none negative. */
struct tg_quantity {
    int64_t prompt_tokens;  /* all of them */
    int64_t cached_tokens;  /* of these, read from the cache */
    int64_t written_tokens; /* of these, written to it */
    int64_t completion_tokens;
    int64_t units; /* of the price's enum tg_unit */
};

/* A week has 672 quarter-hours, from Monday 00:00 UTC: 3 words a day. */
#define TG_WEEK_WORDS 21

enum tg_price_flag {
    TG_PRICE_HOLIDAYS_OFF_PEAK = 1 << 0,
};

#define TG_PRICE_SIZES 6
#define TG_SIZE_NAME_MAX 24

/* A unit that has a price of its own: an image of a size, at all hours. */
struct tg_size_price {
    char name[TG_SIZE_NAME_MAX]; /* "1024x1024", "hd 1024x1792" */
    int64_t picos;
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
    uint32_t unit;                         /* enum tg_unit */
    uint32_t size_count;
    struct tg_size_price sizes[TG_PRICE_SIZES];
};

_Static_assert(offsetof(struct tg_price, off_peak) == 8, "layout");
_Static_assert(offsetof(struct tg_price, peak) == 48, "layout");
_Static_assert(offsetof(struct tg_price, peak_quarters) == 88, "layout");
_Static_assert(offsetof(struct tg_price, flags) == 172, "layout");
_Static_assert(offsetof(struct tg_price, sizes) == 184, "layout");
_Static_assert(sizeof(struct tg_price) == 376, "layout");

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

/* A run of peak hours within one day: quarter-hours, end not included. */
struct tg_price_span {
    uint8_t day; /* 0: Monday */
    uint8_t start, end;
};

/*
 * The first run at or behind quarter-hour *at of the week (0 to begin with),
 * which becomes where to go on.  Returns false when there is none.
 */
bool tg_price_next_span(const uint32_t quarters[TG_WEEK_WORDS], int *at,
                        struct tg_price_span *span);

#define TG_PRICE_SPAN_SIZE 24

/* Writes "mon 01:00-04:00" into out[TG_PRICE_SPAN_SIZE]. */
void tg_price_span_text(const struct tg_price_span *span, char *out);

/* The rates of a band; valid as long as row is. */
const struct tg_rates *tg_price_rates(const struct tg_price *row, bool is_peak);

/*
 * What a call costs: of the prompt tokens those that were cached at the hit
 * rate, those that were written at the write rate, the others at the miss
 * rate; completion at the output rate, units at theirs; the sum is rounded up
 * to a nano-unit once.  Returns 0, or TG_ERR_RANGE when a number is negative,
 * cached and written are more than prompt, or the cost does not fit.
 */
int tg_price_cost(const struct tg_rates *rates,
                  const struct tg_quantity *quantity, int64_t *nanos);

/*
 * Multiplies each rate by ppm millionths, rounded up to a pico-unit; 0 is
 * 1 000 000, as it is.  Returns 0, or TG_ERR_RANGE with the rates untouched
 * when one would not fit.
 */
int tg_price_scale(struct tg_rates *rates, uint32_t ppm);

/*
 * The rates at which no prompt costs less than at these, whatever of it was
 * cached or written: its dearest rate for all of it.
 */
struct tg_rates tg_price_dearest(const struct tg_rates *rates);

#endif
