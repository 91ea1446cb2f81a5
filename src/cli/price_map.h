/*
 * price_map.h: from an entry of LiteLLM's model_prices_and_context_window.json
 * to a row of the price book and the model it is of.
 *
 * Prices there are of one token; the base price is the standard one, and
 * off_peak_pricing a cheaper window.  docs/prices.md says what is taken.
 */
#ifndef TG_PRICE_MAP_H
#define TG_PRICE_MAP_H

#include "price_tariff.h"

struct tg_map_options {
    const char *provider;    /* only its entries, without its name in front of
                                theirs; NULL: all, as they are named */
    const char *source;      /* of the rows */
    bool takes_dearest;      /* where a row has room for one price of several */
    bool is_off_on_holidays; /* peak hours */
};

/* What an entry became; the objects are the caller's. */
struct tg_map_entry {
    bool is_meant;    /* of the provider that was asked for */
    const char *name; /* the model's, in the entry's key */
    json_t *row;      /* for POST /prices; NULL: see reason */
    json_t *model;    /* for "models" beside it; NULL: it says too little of
                         itself for a new one */
    char reason[TG_TARIFF_REASON_SIZE];
};

void tg_price_map_read(struct tg_map_entry *entry, const char *key,
                       const json_t *object,
                       const struct tg_map_options *options);

void tg_price_map_release(struct tg_map_entry *entry);

#endif
