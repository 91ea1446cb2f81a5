#include "quoted_part.h"

#if defined(__x86_64__)

#include <stdbool.h>

#include "utf8_wide.h"

#define WIDE __attribute__((target("avx2")))

struct block {
    __m256i a, b;
};

struct marks {
    __m256i ends, letters, control, quote, slash, backspace;
};

WIDE static inline struct block
load(const char *p)
{
    return (struct block){_mm256_loadu_si256((const __m256i *)p),
                          _mm256_loadu_si256((const __m256i *)(p + 32))};
}

WIDE static inline struct block
nothing(void)
{
    return (struct block){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

WIDE static inline __m256i
twice(const char table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

WIDE static inline struct marks
make_marks(void)
{
    /* By low half, what is found there; not 0 where 0 would be. */
    static const char ends[16] = {
        [0] = 1,      [0x2] = 'r', [0x4] = 't', [0x6] = 'f',
        [0xc] = '\\', [0xe] = 'n', [0xf] = '/'};
    static const char letters[16] = {[0] = 1,     [0x2] = 'r', [0x4] = 't',
                                     [0x6] = 'f', [0xe] = 'n', [0xf] = '/'};
    struct marks marks = {
        .ends = twice(ends),
        .letters = twice(letters),
        .control = _mm256_set1_epi8(0x1f),
        .quote = _mm256_set1_epi8('"'),
        .slash = _mm256_set1_epi8('\\'),
        .backspace = _mm256_set1_epi8('b'),
    };

    /* Else the compiler makes them anew in each round of the loop. */
    __asm__(""
            : "+x"(marks.ends), "+x"(marks.letters), "+x"(marks.control),
              "+x"(marks.quote), "+x"(marks.slash), "+x"(marks.backspace));
    return marks;
}

/* The highest bit of each byte. */
WIDE static inline uint64_t
bits(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

/* Bytes that the table has where their low half points; none above ASCII. */
WIDE static inline __m256i
is_in(__m256i table, __m256i x)
{
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, x), x);
}

WIDE static inline __m256i
ender(__m256i x, const struct marks *marks)
{
    return _mm256_or_si256(
        _mm256_cmpeq_epi8(x, marks->quote),
        _mm256_cmpeq_epi8(_mm256_min_epu8(x, marks->control), x));
}

/* Quotes and control characters. */
WIDE static inline uint64_t
enders(struct block x, const struct marks *marks)
{
    return bits(ender(x.a, marks), ender(x.b, marks));
}

WIDE static inline uint64_t
slashes(struct block x, const struct marks *marks)
{
    return bits(_mm256_cmpeq_epi8(x.a, marks->slash),
                _mm256_cmpeq_epi8(x.b, marks->slash));
}

WIDE static inline __m256i
short_escape(__m256i x, const struct marks *marks)
{
    return _mm256_or_si256(
        is_in(marks->ends, x),
        _mm256_or_si256(_mm256_cmpeq_epi8(x, marks->quote),
                        _mm256_cmpeq_epi8(x, marks->backspace)));
}

/* What may stand behind a backslash alone. */
WIDE static inline uint64_t
short_escapes(struct block x, const struct marks *marks)
{
    return bits(short_escape(x.a, marks), short_escape(x.b, marks));
}

/* Whether bytes are above ASCII. */
WIDE static inline bool
has_high(struct block x)
{
    return _mm256_movemask_epi8(_mm256_or_si256(x.a, x.b)) != 0;
}

/* The bytes behind a backslash; p is not the first byte there is. */
WIDE static inline struct block
behind_slash(const char *p, const struct marks *marks)
{
    struct block x = load(p - 1);

    return (struct block){_mm256_cmpeq_epi8(x.a, marks->slash),
                          _mm256_cmpeq_epi8(x.b, marks->slash)};
}

WIDE static inline uint64_t
count(struct block x)
{
    return (uint64_t)__builtin_popcountll(bits(x.a, x.b));
}

/*
 * Quotes that are not escaped; what is, and is neither a quote nor one of
 * "/fnrt"; control characters.
 */
WIDE static inline __m256i
rare(__m256i x, __m256i escaped, const struct marks *marks)
{
    __m256i quote = _mm256_cmpeq_epi8(x, marks->quote);

    return _mm256_or_si256(
        _mm256_andnot_si256(is_in(marks->letters, x),
                            _mm256_xor_si256(escaped, quote)),
        _mm256_cmpeq_epi8(_mm256_min_epu8(x, marks->control), x));
}

WIDE static inline bool
has_rare(struct block x, struct block escaped, const struct marks *marks)
{
    return _mm256_movemask_epi8(_mm256_or_si256(
               rare(x.a, escaped.a, marks), rare(x.b, escaped.b, marks))) != 0;
}

/* Bytes that cannot stand there, when last is what comes before. */
WIDE static inline uint64_t
faults(struct block last, struct block x)
{
    const __m256i zero = _mm256_setzero_si256();

    return ~bits(_mm256_cmpeq_epi8(tg_utf8_faults(last.b, x.a), zero),
                 _mm256_cmpeq_epi8(tg_utf8_faults(x.a, x.b), zero));
}

/* Whether a character goes on behind it: by its last three bytes. */
WIDE static inline bool
ends_open(struct block x)
{
    const __m256i most =
        _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                         -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                         -1, (char)0xef, (char)0xdf, (char)0xbf);
    __m256i more = _mm256_subs_epu8(x.b, most);

    return !_mm256_testz_si256(more, more);
}

#include "quoted_loop.h"

WIDE const char *
tg_quoted_pass_avx2(const char *p, const char *end, uint64_t *escapes)
{
    return pass(p, end, escapes);
}

#endif
