/*
 * spot.h: where in a text one value stands, or would stand.
 *
 * A file of somebody else's is changed by replacing a few bytes of it: all
 * others, comments and order, stay as they are.
 */
#ifndef TG_SPOT_H
#define TG_SPOT_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

#define TG_SPOT_TEXT_SIZE 512

/* Bytes from..to are the value; where it is not there yet, from is to. */
struct tg_spot {
    size_t from, to;
    bool is_there;                  /* the name has a value */
    char before[TG_SPOT_TEXT_SIZE]; /* what must stand around it */
    char behind[TG_SPOT_TEXT_SIZE];
};

/* Why a file is left as it is: one sentence without a final stop. */
struct tg_fault {
    unsigned line; /* 0: no line of it */
    char text[256];
};

/* Sets the fault and returns err. */
__attribute__((format(printf, 4, 5))) int tg_fault_set(struct tg_fault *fault,
                                                       int err, unsigned line,
                                                       const char *fmt, ...);

/*
 * A value may hold what needs no quotes anywhere: letters, digits, '-' and
 * '_', as keys do.
 */
bool tg_spot_is_value(struct tg_str value);

/*
 * Puts the value into the spot: a new text, NUL behind it, which the caller
 * wipes and frees.  NULL: no memory.
 */
char *tg_spot_fill(struct tg_str text, const struct tg_spot *spot,
                   struct tg_str value, size_t *len);

#endif
