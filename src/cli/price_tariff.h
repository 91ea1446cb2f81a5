/*
 * price_tariff.h: what an entry of LiteLLM's price map charges, as far as a
 * row of our price book can say it.
 *
 * Nothing is undercharged: a price that depends on what a row does not know
 * (the size of the prompt, the kind of a token) is refused, or the dearest is
 * taken where that is asked for.
 */
#ifndef TG_PRICE_TARIFF_H
#define TG_PRICE_TARIFF_H

#include <jansson.h>
#include <stdint.h>

#include "price.h"

#define TG_TARIFF_REASON_SIZE 256

enum tg_tariff_rate {
    TG_TARIFF_INPUT,
    TG_TARIFF_OUTPUT,
    TG_TARIFF_HIT,
    TG_TARIFF_WRITE,
    TG_TARIFF_RATES
};

struct tg_tariff {
    int64_t picos[TG_TARIFF_RATES]; /* of a token */
    bool has[TG_TARIFF_RATES];      /* it is named */
    enum tg_unit unit;
    int64_t unit_nanos; /* of an image, a second, a character */
};

/*
 * Reads the costs of an entry, or of its off_peak_pricing over those of the
 * entry, into *tariff; numbers are strings (decimal.h).  units are those that
 * its mode is metered in, bits 1 << enum tg_unit.  Returns false with why in
 * reason.
 */
bool tg_tariff_read(struct tg_tariff *tariff, const json_t *object,
                    unsigned units, bool takes_dearest,
                    char reason[TG_TARIFF_REASON_SIZE]);

#endif
