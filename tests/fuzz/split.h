/*
 * split.h: how the fuzz targets cut their input: at two places that its first
 * bytes choose, so that every outcome is compared with that of the whole.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include <stddef.h>
#include <stdint.h>

#define SPLIT_HEAD 2

/* Feeds data in up to three pieces: a and b are where they may end. */
static inline void
split_feed(const uint8_t *data, size_t len, unsigned a, unsigned b,
           void (*feed)(void *arg, const char *data, size_t len), void *arg)
{
    size_t first = len ? a % (len + 1) : 0;
    size_t second = first + (len - first ? b % (len - first + 1) : 0);
    const char *bytes = (const char *)data;

    feed(arg, bytes, first);
    feed(arg, bytes + first, second - first);
    feed(arg, bytes + second, len - second);
}

#endif
