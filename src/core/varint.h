/*
 * varint.h: whole numbers in as few bytes as they need: seven bits a byte,
 * the lowest first, and a high bit where more follow (LEB128).
 */
#ifndef TG_VARINT_H
#define TG_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define TG_VARINT_MAX 10 /* bytes of one */

/* Writes value into out[TG_VARINT_MAX] and returns how many bytes it took. */
size_t tg_varint_put(uint8_t *out, uint64_t value);

/*
 * Reads the one at *at, before end, and moves *at behind it.  Returns 0, or
 * TG_ERR_CORRUPT when it is cut off or larger than 64 bits.
 */
int tg_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value);

/* Signed numbers, near 0 on either side, as small ones: 0 -1 1 -2 2 … */
static inline uint64_t
tg_varint_fold(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t
tg_varint_unfold(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

#endif
