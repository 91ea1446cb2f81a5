/* Goal: both checksums give the published values, however the bytes come. */
#include "tap.h"

#include <stdlib.h>

#include "crc32.h"
#include "crc32c.h"

typedef uint32_t crc_fn(uint32_t crc, const void *data, size_t len);

/* The definition, bit by bit, to compare with. */
static uint32_t
by_bits(uint32_t poly, const unsigned char *data, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (poly & -(crc & 1));
    }
    return ~crc;
}

static void
test_published(void)
{
    unsigned char zeros[32] = {0}, ones[32];

    memset(ones, 0xFF, sizeof(ones));
    ok(tg_crc32(0, "123456789", 9) == 0xCBF43926, "CRC-32 check value");
    ok(tg_crc32(0, "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", 30) == 0x2A95EE6D,
       "CRC-32 of a GitHub token's entropy");
    ok(tg_crc32(0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 30) == 0x317F6A1B,
       "CRC-32 of thirty A");
    ok(tg_crc32(0, NULL, 0) == 0, "CRC-32 of nothing");
    ok(tg_crc32c(0, "123456789", 9) == 0xE3069283, "CRC-32C check value");
    ok(tg_crc32c(0, zeros, 32) == 0x8A9136AA, "CRC-32C of RFC 3720 zeros");
    ok(tg_crc32c(0, ones, 32) == 0x62A8AB43, "CRC-32C of RFC 3720 ones");
    ok(tg_crc32c(0, NULL, 0) == 0, "CRC-32C of nothing");
}

static void
test_against_bits(const char *name, crc_fn *fn, uint32_t poly)
{
    unsigned char data[600];
    bool is_same = true, is_cut_same = true;

    srandom(7);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)random();
    for (size_t at = 0; at < 9; at++) {
        for (size_t len = 0; len + at <= sizeof(data); len++)
            is_same &= fn(0, data + at, len) == by_bits(poly, data + at, len);
    }
    for (size_t cut = 0; cut <= 100; cut++)
        is_cut_same &= fn(fn(0, data, cut), data + cut, 100 - cut) ==
                       by_bits(poly, data, 100);
    ok(is_same, "%s is its definition at every length and alignment", name);
    ok(is_cut_same, "%s goes on after a cut at every offset", name);
}

int
main(void)
{
    test_published();
    test_against_bits("CRC-32", tg_crc32, 0xEDB88320);
    test_against_bits("CRC-32C", tg_crc32c, 0x82F63B78);
    test_against_bits("portable CRC-32C", tg_crc32c_portable, 0x82F63B78);
    return done();
}
