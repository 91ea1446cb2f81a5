/*
 * cut.h: the same bytes in pieces.  A parser is fed whole, byte by byte, and
 * cut in two at every offset; each piece lies in a block of its own, so that
 * a sanitizer sees a read beyond it.
 */
#ifndef CUT_H
#define CUT_H

#include <stdlib.h>
#include <string.h>

/* How many ways there are to cut len bytes. */
#define CUT_WAYS(len) ((len) + 2)

/*
 * Calls feed with the pieces of way: 0 whole, 1 byte by byte, else cut at
 * offset way - 1.
 */
__attribute__((unused)) static void
cut_feed(const char *data, size_t len, size_t way,
         void (*feed)(void *arg, const char *piece, size_t len), void *arg)
{
    size_t at = 0, piece;
    char *copy;

    while (at < len) {
        piece = way == 1 ? 1 : way == 0 || at > 0 ? len - at : way - 1;
        copy = malloc(piece);
        memcpy(copy, data + at, piece);
        feed(arg, copy, piece);
        memset(copy, 0xa5, piece);
        free(copy);
        at += piece;
    }
}

#endif
