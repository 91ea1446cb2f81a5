#include "base62.h"

#include <sodium.h>

#include "err.h"

static const char digits[] = TG_BASE62_ALPHABET;

/* Digit value + 1; 0 for bytes that are no digit. */
static const uint8_t values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16, ['G'] = 17, ['H'] = 18,
    ['I'] = 19, ['J'] = 20, ['K'] = 21, ['L'] = 22, ['M'] = 23, ['N'] = 24,
    ['O'] = 25, ['P'] = 26, ['Q'] = 27, ['R'] = 28, ['S'] = 29, ['T'] = 30,
    ['U'] = 31, ['V'] = 32, ['W'] = 33, ['X'] = 34, ['Y'] = 35, ['Z'] = 36,
    ['a'] = 37, ['b'] = 38, ['c'] = 39, ['d'] = 40, ['e'] = 41, ['f'] = 42,
    ['g'] = 43, ['h'] = 44, ['i'] = 45, ['j'] = 46, ['k'] = 47, ['l'] = 48,
    ['m'] = 49, ['n'] = 50, ['o'] = 51, ['p'] = 52, ['q'] = 53, ['r'] = 54,
    ['s'] = 55, ['t'] = 56, ['u'] = 57, ['v'] = 58, ['w'] = 59, ['x'] = 60,
    ['y'] = 61, ['z'] = 62,
};

int
tg_base62_value(unsigned char digit)
{
    return (int)values[digit] - 1;
}

size_t
tg_base62_span(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && values[(unsigned char)data[n]] != 0)
        n++;
    return n;
}

int
tg_base62_put(uint64_t value, char *out, size_t len)
{
    uint64_t left = value;

    for (size_t i = 0; i < len; i++)
        left /= 62;
    if (left != 0)
        return TG_ERR_RANGE;
    for (size_t i = len; i > 0; i--) {
        out[i - 1] = digits[value % 62];
        value /= 62;
    }
    return 0;
}

int
tg_base62_get(const char *text, size_t len, uint64_t *value)
{
    uint64_t sum = 0;

    if (tg_base62_span(text, len) != len)
        return TG_ERR_FORMAT;
    for (size_t i = 0; i < len; i++) {
        if (__builtin_mul_overflow(sum, (uint64_t)62, &sum) ||
            __builtin_add_overflow(
                sum, (uint64_t)(values[(unsigned char)text[i]] - 1), &sum))
            return TG_ERR_RANGE;
    }
    *value = sum;
    return 0;
}

/* Of 256 byte values the first 248 are four times every digit. */
#define UNBIASED (62 * 4)

/* A generator that gives only the others this often is broken. */
#define DRAWS_MAX 64

int
tg_base62_random(char *out, size_t len, int (*random)(void *, size_t))
{
    unsigned char bytes[64];
    size_t n = 0, bound = DRAWS_MAX + len;

    for (size_t draw = 0; n < len && draw < bound; draw++) {
        if (random(bytes, sizeof(bytes)) != 0)
            break;
        for (size_t i = 0; i < sizeof(bytes) && n < len; i++) {
            if (bytes[i] < UNBIASED)
                out[n++] = digits[bytes[i] % 62];
        }
    }
    sodium_memzero(bytes, sizeof(bytes));
    if (n == len)
        return 0;
    sodium_memzero(out, len);
    return TG_ERR_CRYPTO;
}
