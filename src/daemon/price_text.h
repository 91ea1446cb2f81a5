/*
 * price_text.h: prices as people read them, as decimal strings in the ledger
 * currency: of a million tokens, or of one unit (unit.h).
 */
#ifndef TG_PRICE_TEXT_H
#define TG_PRICE_TEXT_H

#include "reply.h"

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

#endif
