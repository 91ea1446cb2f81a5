/*
 * quoted_loop.h: the loop of the wide ways through a JSON string.
 *
 * Whoever includes it has defined, with vectors of its width: WIDE, the target
 * of its functions; struct block, TG_QUOTED_BLOCK bytes; struct marks, what
 * bytes are compared with; and the functions that say of a block which of its
 * bytes are something, as bits, the first byte's lowest.  No branch depends on
 * where in a block escapes are: in prose that could not be foretold.
 */
#ifndef TG_QUOTED_LOOP_H
#define TG_QUOTED_LOOP_H

#include <stdbool.h>

#include "quoted_part.h"

/*
 * Which bytes a backslash escapes, where every other one of a run does
 * (G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second", 2019):
 * subtracting the run's start from the odd bits marks each run to its end.
 * *is_escaped says that the byte before escapes the first one, and after
 * that the last one the byte behind.
 */
static inline uint64_t
escaped_bits(uint64_t slashes, uint64_t *is_escaped)
{
    const uint64_t odd = 0xaaaaaaaaaaaaaaaaull;
    uint64_t first = *is_escaped;
    uint64_t starts = slashes & ~first;
    uint64_t both = ((starts << 1 | odd) - starts) ^ odd;

    *is_escaped = (both & slashes) >> 63;
    return both ^ (slashes | first);
}

/* The bits below the lowest one; all when there is none. */
static inline uint64_t
before(uint64_t bits)
{
    return ~bits & (bits - 1);
}

/* Whether the block at p is UTF-8, as far as its bits in which go. */
WIDE static inline bool
is_utf8(const char *p, struct block x, bool is_open, uint64_t which)
{
    struct block last = is_open ? load(p - TG_QUOTED_BLOCK) : nothing();

    return (faults(last, x) & which) == 0;
}

WIDE static inline const char *
pass(const char *p, const char *end, uint64_t *escapes)
{
    struct marks marks = make_marks();
    uint64_t is_escaped = 0; /* the first byte of this block is */
    bool is_open = false;    /* a character goes on in this block */

    for (; end - p >= TG_QUOTED_BLOCK; p += TG_QUOTED_BLOCK) {
        struct block x = load(p);
        uint64_t carry = is_escaped, escaped = 0, stops, slash;

        if (is_plain(x, &marks) && !(is_escaped | is_open))
            continue;
        stops = enders(x, &marks);
        slash = slashes(x, &marks);
        if (slash | is_escaped) {
            escaped = escaped_bits(slash, &carry);
            stops = (stops & ~escaped) | (escaped & ~short_escapes(x, &marks));
        }
        if (has_high(x) || is_open) {
            if (!is_utf8(p, x, is_open, stops ^ (stops - 1)))
                break;
            is_open = ends_open(x);
        }
        *escapes += (uint64_t)__builtin_popcountll(escaped & before(stops));
        /* A wrong or longer escape begins a byte before. */
        if (stops != 0)
            return p + __builtin_ctzll(stops) -
                   ((escaped & stops & -stops) != 0);
        is_escaped = carry;
    }
    while (is_open)
        is_open = (unsigned char)*--p < 0xc0;
    return p - is_escaped;
}

#endif
