#include "utf8.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define HIGH_BITS 0x8080808080808080ull

/* What may follow a lead byte: RFC 3629, section 4. */
static bool
lead(struct tg_utf8 *u, unsigned char c)
{
    if (c < 0xc2 || c > 0xf4)
        return false;
    u->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool
follow(struct tg_utf8 *u, unsigned char c)
{
    if (c < u->low || c > u->high)
        return false;
    u->need--;
    u->low = 0x80;
    u->high = 0xbf;
    return true;
}

size_t
tg_utf8_check_portable(struct tg_utf8 *u, const char *data, size_t len)
{
    uint64_t word;
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)data[i];

        if (u->need == 0 && len - i >= 8) {
            memcpy(&word, data + i, 8);
            if (!(word & HIGH_BITS)) {
                i += 8;
                continue;
            }
        }
        if (u->need ? !follow(u, c) : c >= 0x80 && !lead(u, c))
            return i;
        i++;
    }
    return len;
}

#if defined(__x86_64__)

/*
 * Three table lookups a byte (J. Keiser and D. Lemire, "Validating UTF-8 in
 * less than one instruction per byte", 2020): the high and low half of the
 * byte before and the high half of this byte each name the faults that they
 * allow; what all three allow is one.
 */
enum fault {
    TOO_SHORT = 1,    /* a lead or ASCII where a continuation must be */
    TOO_LONG = 2,     /* a continuation behind ASCII */
    OVERLONG_3 = 4,   /* E0 80..9F */
    TOO_LARGE = 8,    /* F4 90.. and F5.. with 90.. */
    SURROGATE = 16,   /* ED A0.. */
    OVERLONG_2 = 32,  /* C0, C1 */
    TOO_LARGE_0 = 64, /* F5.. with 80..8F; also the overlong F0 80..8F */
    OVERLONG_4 = 64,
    TWO_FOLLOW = 128, /* two continuations: right only in 3 and 4 bytes */
};

#define ANY_LOW (TOO_SHORT | TOO_LONG | TWO_FOLLOW)
#define LARGE (TOO_LARGE | TOO_LARGE_0)
#define FOLLOWS (TOO_LONG | OVERLONG_2 | TWO_FOLLOW)

static const uint8_t before_high[16] = {
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TWO_FOLLOW,
    TWO_FOLLOW,
    TWO_FOLLOW,
    TWO_FOLLOW,
    TOO_SHORT | OVERLONG_2,
    TOO_SHORT,
    TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | LARGE | OVERLONG_4,
};

static const uint8_t before_low[16] = {
    ANY_LOW | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
    ANY_LOW | OVERLONG_2,
    ANY_LOW,
    ANY_LOW,
    ANY_LOW | TOO_LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE | SURROGATE,
    ANY_LOW | LARGE,
    ANY_LOW | LARGE,
};

static const uint8_t this_high[16] = {
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    FOLLOWS | OVERLONG_3 | TOO_LARGE_0 | OVERLONG_4,
    FOLLOWS | OVERLONG_3 | TOO_LARGE,
    FOLLOWS | SURROGATE | TOO_LARGE,
    FOLLOWS | SURROGATE | TOO_LARGE,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
};

__attribute__((target("avx2"))) static inline __m256i
lookup(const uint8_t table[16], __m256i halves)
{
    __m256i both =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));

    return _mm256_shuffle_epi8(both, halves);
}

__attribute__((target("avx2"))) static inline __m256i
high_half(__m256i x)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
}

/* Not zero where x, which comes behind last, is not UTF-8. */
__attribute__((target("avx2"))) static inline __m256i
faults(__m256i last, __m256i x)
{
    __m256i across = _mm256_permute2x128_si256(last, x, 0x21);
    __m256i back1 = _mm256_alignr_epi8(x, across, 15);
    __m256i back2 = _mm256_alignr_epi8(x, across, 14);
    __m256i back3 = _mm256_alignr_epi8(x, across, 13);
    __m256i low = _mm256_and_si256(back1, _mm256_set1_epi8(0x0f));
    __m256i found =
        _mm256_and_si256(_mm256_and_si256(lookup(before_high, high_half(back1)),
                                          lookup(before_low, low)),
                         lookup(this_high, high_half(x)));
    /* The third and fourth byte of a character must follow two. */
    __m256i third = _mm256_subs_epu8(back2, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth =
        _mm256_subs_epu8(back3, _mm256_set1_epi8((char)(0xf0 - 0x80)));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth),
                                    _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(must, found);
}

/*
 * How many bytes from a character's boundary are good for sure: whole
 * blocks, back to the last boundary in them.
 */
__attribute__((target("avx2"))) static size_t
check_wide(const char *data, size_t len)
{
    __m256i last = _mm256_setzero_si256();
    size_t i, back;

    for (i = 0; len - i >= 32; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(data + i));
        __m256i bad = faults(last, x);

        if (!_mm256_testz_si256(bad, bad))
            break;
        last = x;
    }
    for (back = 1; back <= 3 && back <= i; back++) {
        if ((unsigned char)data[i - back] >= 0xc0)
            return i - back;
        if ((unsigned char)data[i - back] < 0x80)
            break;
    }
    return i;
}

size_t
tg_utf8_check(struct tg_utf8 *u, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len && u->need) {
        if (!follow(u, (unsigned char)data[done]))
            return done;
        done++;
    }
    if (len - done >= 64 && __builtin_cpu_supports("avx2"))
        done += check_wide(data + done, len - done);
    return done + tg_utf8_check_portable(u, data + done, len - done);
}

#else

size_t
tg_utf8_check(struct tg_utf8 *u, const char *data, size_t len)
{
    return tg_utf8_check_portable(u, data, len);
}

#endif

size_t
tg_utf8_encode(uint32_t code, char *out)
{
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
