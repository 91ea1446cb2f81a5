/*
 * own.h: memory that is there.
 */
#ifndef TG_OWN_H
#define TG_OWN_H

#include <stdio.h>
#include <stdlib.h>

/*
 * What an allocation gave, to be wrapped around it; a program of this size
 * has nothing better to do without memory than to say so and exit with 1.
 */
static inline void *
tg_own(void *memory)
{
    if (memory == NULL) {
        fputs("tollgate: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

#endif
