/*
 * price_text.h: prices as people read them, as decimal strings in the ledger
 * currency: of a million tokens, or of one unit (unit.h).
 */
#ifndef TG_PRICE_TEXT_H
#define TG_PRICE_TEXT_H

#include "reply.h"

#define TG_PRICE_SOURCE_MAX 127

/* The object of a row of the price book. */
json_t *tg_price_object(const struct tg_price *price, const char *model,
                        const char *source);

/*
 * Reads the members of such an object that an operator sets into a price
 * without peak hours that takes effect at at_ms: "prompt", "completion",
 * "prompt_cache_hit" and "prompt_cache_write" (absent: that of the prompt);
 * and for what is not counted in tokens "unit", "unit_price" and, for images,
 * "sizes", whose dearest is the unit's price when that is absent.  With a unit
 * prompt and completion may be absent: 0.
 */
bool tg_price_read(struct tg_price *price, const json_t *object, int64_t at_ms,
                   struct tg_reply *reply);

/* A whole row of the book, as it is sent; texts point into its object. */
struct tg_price_row {
    struct tg_price price;
    const char *model;
    const char *source; /* NULL: none is named */
    bool has_instant;   /* it says itself from when */
};

/*
 * Reads what tg_price_object writes, peak hours included, and the same with
 * members left out: without "effective_at" it takes effect at at_ms; null
 * there is always.  In "peak", hours are texts as keys have them
 * ("mon-fri 01:00-04:00,06:00-10:00", UTC), and what is absent follows as in
 * the row itself, or is the row's where it is the unit's price.  prefix stands
 * before members' names in errors.
 */
bool tg_price_read_row(struct tg_price_row *row, const json_t *object,
                       const char *prefix, int64_t at_ms,
                       struct tg_reply *reply);

/*
 * Reads from when a price is in force, null being always (0), from the member
 * that param ends in; *at_ms stays when there is none.
 */
bool tg_price_read_instant(const json_t *object, const char *param,
                           int64_t *at_ms, struct tg_reply *reply);

#endif
