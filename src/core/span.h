/*
 * span.h: how far a run of bytes without a special one reaches.
 *
 * 16 bytes at a time on any x86-64 (SSE2), 32 where the machine has AVX2,
 * eight everywhere else.  The inside of long strings is quoted.h's.
 */
#ifndef TG_SPAN_H
#define TG_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first byte in [p, end) that ends a run of plain string bytes: a quote,
 * a backslash or a control character below 0x20; end when there is none.
 * *has_high is set, never cleared, when a byte before that one is not ASCII.
 */
const char *tg_span_plain(const char *p, const char *end, bool *has_high);

/* The same, without vector instructions: the reference for the tests. */
const char *tg_span_portable(const char *p, const char *end, bool *has_high);

/* The first byte in [p, end) below 0x20, or 0x7f; end when there is none. */
const char *tg_span_text(const char *p, const char *end);

/* The first CR or LF in [p, end); end when there is none. */
const char *tg_span_line(const char *p, const char *end);

/*
 * Where a needle of 2 to 16 bytes first stands in len bytes; NULL when it
 * does not.
 */
const char *tg_span_find(const char *data, size_t len, const char *needle,
                         size_t needle_len);

/*
 * Where the quote is that ends a short string from p on: the first one before
 * end, if only plain ASCII stands before it.  NULL when something else does,
 * or when it is not so near, TG_SPAN_QUOTE bytes or so.  What stands from
 * start on may be read, but says nothing.
 */
#define TG_SPAN_QUOTE 48

#if defined(__x86_64__)
#include <emmintrin.h>

/* Which of the 16 bytes at p are no plain ASCII, the first one's bit lowest. */
static inline unsigned
tg_span_stops(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    /* As signed bytes, also those above ASCII. */
    __m128i other = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), x);

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(quote, slash), other));
}

static inline const char *
tg_span_quote(const char *start, const char *p, const char *end)
{
    const char *last = p + TG_SPAN_QUOTE;
    unsigned stops = 0;

    for (; p < last && end - p >= 16; p += 16) {
        stops = tg_span_stops(p);
        if (stops != 0)
            break;
    }
    if (stops == 0 && p < last && end - start >= 16)
        stops = tg_span_stops(end - 16) >> (16 - (end - p));
    if (stops == 0)
        return NULL;
    p += __builtin_ctz(stops);
    return *p == '"' ? p : NULL;
}
#else
static inline const char *
tg_span_quote(const char *start, const char *p, const char *end)
{
    const char *last = end - p > TG_SPAN_QUOTE ? p + TG_SPAN_QUOTE : end;

    (void)start;
    for (; p < last; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '"')
            return p;
        if (c < 0x20 || c >= 0x80 || c == '\\')
            break;
    }
    return NULL;
}
#endif

#endif
