#include "id.h"

#include <endian.h>
#include <string.h>

#include "base62.h"

int
tg_id_mint(char *out, const char *prefix, int (*random)(void *, size_t))
{
    size_t n = strlen(prefix);
    int err = tg_base62_random(out + n, TG_ID_LEN - n, random);

    if (err != 0)
        return err;
    memcpy(out, prefix, n);
    out[TG_ID_LEN] = '\0';
    return 0;
}

bool
tg_id_is(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(text, prefix, n) != 0)
        return false;
    return strlen(text) == TG_ID_LEN &&
           tg_base62_span(text + n, TG_ID_LEN - n) == TG_ID_LEN - n;
}

/*
 * The digits of four bytes, the first byte's highest: each half of a byte gets
 * a byte of the word, and those above 9 are moved on to the letters.
 */
static uint64_t
hex_of(const uint8_t *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word = (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 |
                    (uint64_t)p[2] << 8 | p[3];
    uint64_t letters;

    word = (word << 16 | word) & UINT64_C(0x0000ffff0000ffff);
    word = (word << 8 | word) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word << 4 | word) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    letters = (word + 6 * ones) >> 4 & ones;
    return word + '0' * ones + letters * ('a' - '9' - 1);
}

static void
put_hex(char *out, const struct tg_call_id *id)
{
    for (size_t i = 0; i < sizeof(id->bytes); i += 4) {
        uint64_t digits = htobe64(hex_of(id->bytes + i));

        memcpy(out + 2 * i, &digits, sizeof(digits));
    }
    out[2 * sizeof(id->bytes)] = '\0';
}

void
tg_call_id_text(const struct tg_call_id *id, char *out)
{
    memcpy(out, "call_", 5);
    put_hex(out + 5, id);
}

void
tg_request_id_text(const struct tg_call_id *id, char *out)
{
    memcpy(out, "req_", 4);
    put_hex(out + 4, id);
}

struct tg_call_id
tg_call_id_make(uint64_t writer_id, uint64_t n)
{
    struct tg_call_id id;

    for (int i = 0; i < 8; i++) {
        id.bytes[i] = (uint8_t)(writer_id >> (56 - 8 * i));
        id.bytes[8 + i] = (uint8_t)(n >> (56 - 8 * i));
    }
    return id;
}
