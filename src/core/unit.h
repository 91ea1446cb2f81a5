/*
 * unit.h: what is not counted in tokens, as people read it.
 *
 * Audio is metered in milliseconds and shown in seconds; all other units are
 * shown as they are.
 */
#ifndef TG_UNIT_H
#define TG_UNIT_H

#include "price.h"
#include "str.h"

/* "image", "second", "character", "call"; NULL when there is none. */
const char *tg_unit_name(enum tg_unit unit);

/* The unit of a name; TG_UNIT_NONE when it is none. */
enum tg_unit tg_unit_of(struct tg_str name);

/*
 * The price of one unit as it is shown, in nano-units, rounded up; and back,
 * exactly.  The second returns 0, or TG_ERR_RANGE when it does not fit.
 */
int64_t tg_unit_price_nanos(enum tg_unit unit, int64_t picos);
int tg_unit_price_picos(enum tg_unit unit, int64_t nanos, int64_t *picos);

/*
 * Whether a name can be that of a size with a price of its own: a size such
 * as 1024x1792, with a quality and a blank in front or without; at most
 * TG_SIZE_NAME_MAX bytes.
 */
bool tg_unit_is_size(struct tg_str name);

#define TG_UNIT_AMOUNT_SIZE 24

/*
 * Writes an amount that is not negative, as it is shown, into
 * out[TG_UNIT_AMOUNT_SIZE]: "2", or "12.345" seconds.
 */
void tg_unit_amount(enum tg_unit unit, int64_t units, char *out);

#endif
