/*
 * plural.h: one call, two calls.
 */
#ifndef TG_PLURAL_H
#define TG_PLURAL_H

#include <stdint.h>

/* What stands behind "call" when there are n of them. */
static inline const char *
tg_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* What n of them do: "is" or "are". */
static inline const char *
tg_plural_are(int64_t n)
{
    return n == 1 ? "is" : "are";
}

/* The same of having: "has" or "have". */
static inline const char *
tg_plural_have(int64_t n)
{
    return n == 1 ? "has" : "have";
}

#endif
