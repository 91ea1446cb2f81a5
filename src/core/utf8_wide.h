/*
 * utf8_wide.h: what is no UTF-8 in 32 bytes at once, for the loops of files
 * that read text in blocks.  For machines with AVX2 only.
 *
 * Three table lookups a byte (J. Keiser and D. Lemire, "Validating UTF-8 in
 * less than one instruction per byte", 2020): the high and low half of the
 * byte before and the high half of this byte each name the faults that they
 * allow; what all three allow is one.
 */
#ifndef TG_UTF8_WIDE_H
#define TG_UTF8_WIDE_H

#include <immintrin.h>
#include <stdint.h>

enum tg_utf8_fault {
    TG_UTF8_TOO_SHORT = 1,   /* a lead or ASCII where a continuation must be */
    TG_UTF8_TOO_LONG = 2,    /* a continuation behind ASCII */
    TG_UTF8_OVERLONG_3 = 4,  /* E0 80..9F */
    TG_UTF8_TOO_LARGE = 8,   /* F4 90.. and F5.. with 90.. */
    TG_UTF8_SURROGATE = 16,  /* ED A0.. */
    TG_UTF8_OVERLONG_2 = 32, /* C0, C1 */
    TG_UTF8_TOO_LARGE_0 =
        64, /* F5.. with 80..8F; also the overlong F0 80..8F */
    TG_UTF8_OVERLONG_4 = 64,
    TG_UTF8_TWO_FOLLOW =
        128, /* two continuations: right only in 3 and 4 bytes */
};

#define TG_UTF8_ANY_LOW                                                        \
    (TG_UTF8_TOO_SHORT | TG_UTF8_TOO_LONG | TG_UTF8_TWO_FOLLOW)
#define TG_UTF8_LARGE (TG_UTF8_TOO_LARGE | TG_UTF8_TOO_LARGE_0)
#define TG_UTF8_FOLLOWS                                                        \
    (TG_UTF8_TOO_LONG | TG_UTF8_OVERLONG_2 | TG_UTF8_TWO_FOLLOW)

static const uint8_t tg_utf8_before_high[16] = {
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TOO_LONG,
    TG_UTF8_TWO_FOLLOW,
    TG_UTF8_TWO_FOLLOW,
    TG_UTF8_TWO_FOLLOW,
    TG_UTF8_TWO_FOLLOW,
    TG_UTF8_TOO_SHORT | TG_UTF8_OVERLONG_2,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT | TG_UTF8_OVERLONG_3 | TG_UTF8_SURROGATE,
    TG_UTF8_TOO_SHORT | TG_UTF8_LARGE | TG_UTF8_OVERLONG_4,
};

static const uint8_t tg_utf8_before_low[16] = {
    TG_UTF8_ANY_LOW | TG_UTF8_OVERLONG_2 | TG_UTF8_OVERLONG_3 |
        TG_UTF8_OVERLONG_4,
    TG_UTF8_ANY_LOW | TG_UTF8_OVERLONG_2,
    TG_UTF8_ANY_LOW,
    TG_UTF8_ANY_LOW,
    TG_UTF8_ANY_LOW | TG_UTF8_TOO_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE | TG_UTF8_SURROGATE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
    TG_UTF8_ANY_LOW | TG_UTF8_LARGE,
};

static const uint8_t tg_utf8_this_high[16] = {
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_FOLLOWS | TG_UTF8_OVERLONG_3 | TG_UTF8_TOO_LARGE_0 |
        TG_UTF8_OVERLONG_4,
    TG_UTF8_FOLLOWS | TG_UTF8_OVERLONG_3 | TG_UTF8_TOO_LARGE,
    TG_UTF8_FOLLOWS | TG_UTF8_SURROGATE | TG_UTF8_TOO_LARGE,
    TG_UTF8_FOLLOWS | TG_UTF8_SURROGATE | TG_UTF8_TOO_LARGE,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
    TG_UTF8_TOO_SHORT,
};

__attribute__((target("avx2"))) static inline __m256i
tg_utf8_lookup(const uint8_t table[16], __m256i halves)
{
    __m256i both =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));

    return _mm256_shuffle_epi8(both, halves);
}

__attribute__((target("avx2"))) static inline __m256i
tg_utf8_high_half(__m256i x)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
}

/* Not zero where x, which comes behind last, is not UTF-8. */
__attribute__((target("avx2"))) static inline __m256i
tg_utf8_faults(__m256i last, __m256i x)
{
    __m256i across = _mm256_permute2x128_si256(last, x, 0x21);
    __m256i back1 = _mm256_alignr_epi8(x, across, 15);
    __m256i back2 = _mm256_alignr_epi8(x, across, 14);
    __m256i back3 = _mm256_alignr_epi8(x, across, 13);
    __m256i low = _mm256_and_si256(back1, _mm256_set1_epi8(0x0f));
    __m256i found = _mm256_and_si256(
        _mm256_and_si256(
            tg_utf8_lookup(tg_utf8_before_high, tg_utf8_high_half(back1)),
            tg_utf8_lookup(tg_utf8_before_low, low)),
        tg_utf8_lookup(tg_utf8_this_high, tg_utf8_high_half(x)));
    /* The third and fourth byte of a character must follow two. */
    __m256i third = _mm256_subs_epu8(back2, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth =
        _mm256_subs_epu8(back3, _mm256_set1_epi8((char)(0xf0 - 0x80)));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth),
                                    _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(must, found);
}

#endif
