/*
 * price_text.h: prices as people read them: units of the ledger currency per
 * million tokens, as decimal strings.
 */
#ifndef TG_PRICE_TEXT_H
#define TG_PRICE_TEXT_H

#include "reply.h"

/* The object of a row of the price book. */
json_t *tg_price_object(const struct tg_price *price, const char *model,
                        const char *source);

/*
 * Reads {"prompt","prompt_cache_hit","completion"} into a price without peak
 * hours that takes effect at at_ms.  The price of a cache hit is that of the
 * prompt when it is absent.
 */
bool tg_price_read(struct tg_price *price, const json_t *object, int64_t at_ms,
                   struct tg_reply *reply);

#endif
