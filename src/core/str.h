/*
 * str.h: a run of bytes somebody else owns.
 */
#ifndef TG_STR_H
#define TG_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not zero-terminated; data may be NULL when len is 0. */
struct tg_str {
    const char *data;
    size_t len;
};

#define TG_STR(literal) ((struct tg_str){(literal), sizeof(literal) - 1})
#define TG_STR_INIT(literal)                                                   \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static inline bool
tg_str_eq(struct tg_str a, struct tg_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The first four bytes of a name and its last four. */
static inline uint64_t
tg_str_ends(const char *name, size_t len)
{
    uint32_t first, last;

    memcpy(&first, name, sizeof(first));
    memcpy(&last, name + len - sizeof(last), sizeof(last));
    return (uint64_t)first << 32 | last;
}

/*
 * Whether two names of len bytes, at least one, are the same: inline, where
 * each member of a body is looked up.  Most differ at once.
 */
static inline bool
tg_str_same(const char *a, const char *b, size_t len)
{
    uint64_t x, y;

    if (a[0] != b[0])
        return false;
    if (len <= sizeof(x))
        return len < 4 ? memcmp(a, b, len) == 0
                       : tg_str_ends(a, len) == tg_str_ends(b, len);
    for (size_t at = 0; at + sizeof(x) < len; at += sizeof(x)) {
        memcpy(&x, a + at, sizeof(x));
        memcpy(&y, b + at, sizeof(y));
        if (x != y)
            return false;
    }
    memcpy(&x, a + len - sizeof(x), sizeof(x));
    memcpy(&y, b + len - sizeof(y), sizeof(y));
    return x == y;
}

#endif
