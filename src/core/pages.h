/*
 * pages.h: mapping a file so that pages of 2 MiB are possible.
 *
 * The kernel maps 2 MiB at once only where an address and its place in the
 * file are both multiples of that.
 */
#ifndef TG_PAGES_H
#define TG_PAGES_H

#include <stddef.h>

#define TG_PAGES_LARGE ((size_t)2 << 20)

/*
 * Maps bytes of the file fd from its beginning, shared, to read and write, at
 * a multiple of TG_PAGES_LARGE; where address space is too scarce for that, at
 * any page.  Takes no memory.  The caller's to munmap.  NULL with errno.
 */
void *tg_pages_map(int fd, size_t bytes);

#endif
