/*
 * quoted_loop.h: the loop of the wide ways through a JSON string.
 *
 * Whoever includes it has defined, with vectors of its width: WIDE, the target
 * of its functions; struct block, TG_QUOTED_BLOCK bytes; struct marks, what
 * bytes are compared with; and the functions that say of a block which of its
 * bytes are something, as bits, the first byte's lowest.  No branch depends on
 * whether a block has escapes, and where: in prose that could not be foretold.
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
is_utf8(const char *p, struct block x, bool has_last, uint64_t which)
{
    struct block last = has_last ? load(p - TG_QUOTED_BLOCK) : nothing();

    return (faults(last, x) & which) == 0;
}

/* How far a string was passed. */
struct place {
    const char *p;
    uint64_t escapes;
    uint64_t is_escaped; /* the byte at p is, by the one before */
    bool is_open;        /* a character goes on at p */
};

/* Passes one block, or as much of it as may be.  Returns whether all was. */
WIDE static inline bool
pass_any(struct place *at, const struct marks *marks)
{
    struct block x = load(at->p);
    uint64_t carry = at->is_escaped;
    uint64_t escaped = escaped_bits(slashes(x, marks), &carry);
    uint64_t stops =
        (enders(x, marks) & ~escaped) | (escaped & ~short_escapes(x, marks));

    if (has_high(x) || at->is_open) {
        if (!is_utf8(at->p, x, at->is_open, stops ^ (stops - 1)))
            return false;
        at->is_open = stops == 0 && ends_open(x);
    }
    at->escapes += (uint64_t)__builtin_popcountll(escaped & before(stops));
    if (stops != 0) {
        /* A wrong or longer escape begins a byte before. */
        at->p += __builtin_ctzll(stops);
        at->is_escaped = (escaped & stops & -stops) != 0;
        return false;
    }
    at->p += TG_QUOTED_BLOCK;
    at->is_escaped = carry;
    return true;
}

/*
 * Passes blocks behind another one, up to one in which something is rare: the
 * string's end, or a backslash that is escaped itself.  So a byte is escaped
 * when a backslash stands before it, which must be true at p, too.
 */
WIDE static inline void
pass_usual(struct place *at, const char *last, const struct marks *marks)
{
    for (; at->p <= last; at->p += TG_QUOTED_BLOCK) {
        struct block x = load(at->p), escaped = behind_slash(at->p, marks);

        if (has_rare(x, escaped, marks))
            break;
        if (has_high(x) || at->is_open) {
            if (!is_utf8(at->p, x, true, UINT64_MAX))
                break;
            at->is_open = ends_open(x);
        }
        at->escapes += count(escaped);
    }
    at->is_escaped = at->p[-1] == '\\';
}

WIDE static inline const char *
pass(const char *p, const char *end, uint64_t *escapes)
{
    const char *last;
    struct marks marks;
    struct place at = {.p = p};

    if (end - p < TG_QUOTED_BLOCK)
        return p;
    last = end - TG_QUOTED_BLOCK;
    marks = make_marks();
    while (at.p <= last && pass_any(&at, &marks)) {
        if (at.is_escaped || at.p[-1] != '\\')
            pass_usual(&at, last, &marks);
    }
    *escapes += at.escapes;
    while (at.is_open)
        at.is_open = (unsigned char)*--at.p < 0xc0;
    return at.p - at.is_escaped;
}

#endif
