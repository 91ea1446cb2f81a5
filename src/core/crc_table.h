/*
 * crc_table.h: reflected 32-bit CRCs by table, four bytes a step; private to
 * crc32.c and crc32c.c.
 *
 * The CRC of a byte is linear: an entry is the xor of the entries of the
 * byte's bits.  So a table of 256 is written as its eight entries at powers
 * of two, and the compiler makes the rest.
 */
#ifndef TG_CRC_TABLE_H
#define TG_CRC_TABLE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CRC_BIT(i, bit, entry) ((i) & (bit) ? (entry) : 0u)
#define CRC_1(i, a, b, c, d, e, f, g, h)                                       \
    (CRC_BIT(i, 1, a) ^ CRC_BIT(i, 2, b) ^ CRC_BIT(i, 4, c) ^                  \
     CRC_BIT(i, 8, d) ^ CRC_BIT(i, 16, e) ^ CRC_BIT(i, 32, f) ^                \
     CRC_BIT(i, 64, g) ^ CRC_BIT(i, 128, h))
#define CRC_4(i, ...)                                                          \
    CRC_1(i, __VA_ARGS__), CRC_1(i + 1, __VA_ARGS__),                          \
        CRC_1(i + 2, __VA_ARGS__), CRC_1(i + 3, __VA_ARGS__)
#define CRC_16(i, ...)                                                         \
    CRC_4(i, __VA_ARGS__), CRC_4(i + 4, __VA_ARGS__),                          \
        CRC_4(i + 8, __VA_ARGS__), CRC_4(i + 12, __VA_ARGS__)
#define CRC_64(i, ...)                                                         \
    CRC_16(i, __VA_ARGS__), CRC_16(i + 16, __VA_ARGS__),                       \
        CRC_16(i + 32, __VA_ARGS__), CRC_16(i + 48, __VA_ARGS__)

/* The 256 entries, of those at 1, 2, 4, 8, 16, 32, 64 and 128. */
#define CRC_TABLE(...)                                                         \
    {                                                                          \
        CRC_64(0, __VA_ARGS__), CRC_64(64, __VA_ARGS__),                       \
            CRC_64(128, __VA_ARGS__), CRC_64(192, __VA_ARGS__)                 \
    }

/* Table n is for a byte that n more bytes of the same step follow. */
static inline uint32_t
crc_run(const uint32_t table[4][256], uint32_t crc, const void *data,
        size_t len)
{
    const unsigned char *p = data;
    uint32_t word;

    crc = ~crc;
    for (; len >= 4; p += 4, len -= 4) {
        memcpy(&word, p, 4);
        crc ^= le32toh(word);
        crc = table[3][crc & 255] ^ table[2][crc >> 8 & 255] ^
              table[1][crc >> 16 & 255] ^ table[0][crc >> 24];
    }
    for (; len > 0; p++, len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return ~crc;
}

#endif
