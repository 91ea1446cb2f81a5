/*
 * decimal.h: numbers of a JSON text, exactly.
 *
 * A price list says 2.8e-07 and means 28 of a hundred-millionth; a double
 * means something near it.  So numbers are kept as they were written.
 */
#ifndef TG_DECIMAL_H
#define TG_DECIMAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Reads a number as JSON has them, times 10^places, into *value.  Returns 0;
 * TG_ERR_FORMAT when it is none; TG_ERR_RANGE when it has more decimals than
 * places, or is too large.
 */
int tg_decimal_scaled(const char *text, int places, int64_t *value);

/* Whether a number, however small, is 0 or begins with a minus sign. */
bool tg_decimal_is_zero(const char *text);
bool tg_decimal_is_negative(const char *text);

/*
 * Reads a JSON text, all of whose numbers become strings of the same
 * characters.  Of names that stand twice the last one counts, as most
 * programs have it.  Returns the caller's value, or NULL with what is wrong
 * in *error.
 */
json_t *tg_decimal_load(const char *data, size_t len, json_error_t *error);

#endif
