/*
 * str.h: a run of bytes somebody else owns.
 */
#ifndef TG_STR_H
#define TG_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Not zero-terminated; data may be NULL when len is 0. */
struct tg_str {
    const char *data;
    size_t len;
};

#define TG_STR(literal) ((struct tg_str){(literal), sizeof(literal) - 1})
#define TG_STR_INIT(literal) {(literal), sizeof(literal) - 1}

static inline bool
tg_str_eq(struct tg_str a, struct tg_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
