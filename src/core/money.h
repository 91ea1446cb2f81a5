/*
 * money.h: amounts of the ledger currency as int64 nano-units.
 *
 * 1.00 is 1 000 000 000; the largest amount is 9 223 372 036.854775807.  No
 * floating point, no rounding: what does not fit is an error.
 */
#ifndef TG_MONEY_H
#define TG_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TG_NANOS_PER_UNIT INT64_C(1000000000)
#define TG_PICOS_PER_NANO 1000

/*
 * Reads "12", "12.34" or "0.000000001": digits, and at most nine behind a
 * point.  No sign, exponent, blank, or thousands separator.  Returns 0;
 * TG_ERR_FORMAT when it is not that; TG_ERR_RANGE when it is, but too large
 * or with more than nine decimals.
 */
int tg_money_parse(struct tg_str text, int64_t *nanos);

/* The same with an optional leading '-'. */
int tg_money_parse_signed(struct tg_str text, int64_t *nanos);

#define TG_MONEY_TEXT_SIZE 24

/*
 * Writes the exact amount into out[TG_MONEY_TEXT_SIZE]: at least two decimals,
 * beyond them no trailing zeros: "0.00", "12.34", "-0.000123456".  Returns the
 * length without the NUL.
 */
size_t tg_money_format(int64_t nanos, char *out);

/* Each returns 0, or TG_ERR_RANGE with *sum untouched when it overflows. */
int tg_money_add(int64_t a, int64_t b, int64_t *sum);
int tg_money_sub(int64_t a, int64_t b, int64_t *difference);
int tg_money_mul(int64_t a, int64_t times, int64_t *product);

#endif
