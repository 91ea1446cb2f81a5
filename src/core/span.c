#include "span.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EACH_BYTE(b) (0x0101010101010101ull * (b))

static bool
is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static const char *
span_bytes(const char *p, const char *end, bool *has_high)
{
    unsigned char seen = 0;

    while (p < end && is_plain((unsigned char)*p))
        seen |= (unsigned char)*p++;
    *has_high |= seen >= 0x80;
    return p;
}

/* Bit 7 of every zero byte; those above the lowest one may be wrong. */
static uint64_t
zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

const char *
tg_span_portable(const char *p, const char *end, bool *has_high)
{
    uint64_t word, seen = 0;

    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        if (zero_bytes(word ^ EACH_BYTE('"')) |
            zero_bytes(word ^ EACH_BYTE('\\')) |
            ((word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80)))
            break;
        seen |= word;
    }
    *has_high |= (seen & EACH_BYTE(0x80)) != 0;
    return span_bytes(p, end, has_high);
}

#if defined(__x86_64__)

/* A run this long is worth the call into the wider loop. */
#define LONG_RUN 64

static unsigned
special16(__m128i x)
{
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(quote, slash), control));
}

/* The bits below the lowest one of mask. */
static unsigned
below(unsigned mask)
{
    return (mask & -mask) - 1;
}

__attribute__((target("avx2"))) static inline __m256i
special32(__m256i x)
{
    __m256i quote = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'));
    __m256i control =
        _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);

    return _mm256_or_si256(_mm256_or_si256(quote, slash), control);
}

/* Whole blocks of 64 without a special byte; the rest is the caller's. */
__attribute__((target("avx2"))) static const char *
skip_wide(const char *p, const char *end, bool *has_high)
{
    __m256i seen = _mm256_setzero_si256();

    for (; end - p >= 64; p += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(p + 32));
        __m256i special = _mm256_or_si256(special32(a), special32(b));

        if (!_mm256_testz_si256(special, special))
            break;
        seen = _mm256_or_si256(seen, _mm256_or_si256(a, b));
    }
    *has_high |= _mm256_movemask_epi8(seen) != 0;
    return p;
}

const char *
tg_span_plain(const char *p, const char *end, bool *has_high)
{
    const char *start = p;
    unsigned mask, high = 0;
    bool is_wide = false;

    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)p);

        mask = special16(x);
        if (mask) {
            high |= (unsigned)_mm_movemask_epi8(x) & below(mask);
            *has_high |= high != 0;
            return p + __builtin_ctz(mask);
        }
        high |= (unsigned)_mm_movemask_epi8(x);
        p += 16;
        if (!is_wide && p - start >= LONG_RUN) {
            is_wide = true;
            if (__builtin_cpu_supports("avx2"))
                p = skip_wide(p, end, has_high);
        }
    }
    *has_high |= high != 0;
    return span_bytes(p, end, has_high);
}

#else

const char *
tg_span_plain(const char *p, const char *end, bool *has_high)
{
    return tg_span_portable(p, end, has_high);
}

#endif

const char *
tg_span_line(const char *p, const char *end)
{
#if defined(__x86_64__)
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)p);
        unsigned mask = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
                         _mm_cmpeq_epi8(x, _mm_set1_epi8('\r'))));

        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

const char *
tg_span_text(const char *p, const char *end)
{
#if defined(__x86_64__)
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)p);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(
            _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x),
            _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f))));

        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && *p != 0x7f)
        p++;
    return p;
}

#if defined(__x86_64__)

const char *
tg_span_find(const char *data, size_t len, const char *needle,
             size_t needle_len)
{
    const __m128i first = _mm_set1_epi8(needle[0]);
    const __m128i last = _mm_set1_epi8(needle[needle_len - 1]);
    size_t at = 0;

    /* Both ends of the needle, at sixteen places at once. */
    for (; at + needle_len + 15 <= len; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(data + at));
        __m128i y =
            _mm_loadu_si128((const __m128i *)(data + at + needle_len - 1));
        unsigned hits = (unsigned)_mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(x, first), _mm_cmpeq_epi8(y, last)));

        for (; hits != 0; hits &= hits - 1) {
            const char *p = data + at + __builtin_ctz(hits);

            if (memcmp(p, needle, needle_len) == 0)
                return p;
        }
    }
    return memmem(data + at, len - at, needle, needle_len);
}

#else

const char *
tg_span_find(const char *data, size_t len, const char *needle,
             size_t needle_len)
{
    return memmem(data, len, needle, needle_len);
}

#endif
