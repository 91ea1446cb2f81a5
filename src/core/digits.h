/*
 * digits.h: numbers as people write them.
 */
#ifndef TG_DIGITS_H
#define TG_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define TG_DIGITS_MAX 20

/*
 * Writes n into out, at most TG_DIGITS_MAX digits without a NUL; returns how
 * many.
 */
size_t tg_digits(char *out, uint64_t n);

#endif
