#include "varint.h"

#include "err.h"

size_t
tg_varint_put(uint8_t *out, uint64_t value)
{
    size_t len = 0;

    while (value > 0x7f) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

int
tg_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *p = *at;
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        uint64_t bits = *p & 0x7f;

        if (shift == 63 && bits > 1)
            return TG_ERR_CORRUPT;
        sum |= bits << shift;
        if ((*p++ & 0x80) == 0) {
            *value = sum;
            *at = p;
            return 0;
        }
    }
    return TG_ERR_CORRUPT;
}
