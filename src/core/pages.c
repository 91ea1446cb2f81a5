#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

static size_t
page_up(size_t n)
{
    return (n + 4095) & ~(size_t)4095;
}

static void *
map_at(void *at, int fd, size_t bytes)
{
    void *map =
        mmap(at, bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_NORESERVE | (at != NULL ? MAP_FIXED : 0), fd, 0);

    return map == MAP_FAILED ? NULL : map;
}

void *
tg_pages_map(int fd, size_t bytes)
{
    size_t room = page_up(bytes) + TG_PAGES_LARGE, before, after;
    char *reserved = mmap(NULL, room, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *map;

    if (reserved == MAP_FAILED)
        return map_at(NULL, fd, bytes);
    before = -(uintptr_t)reserved & (TG_PAGES_LARGE - 1);
    map = map_at(reserved + before, fd, bytes);
    if (map == NULL) {
        (void)munmap(reserved, room);
        return NULL;
    }
    after = room - before - page_up(bytes);
    if (before > 0)
        (void)munmap(reserved, before);
    if (after > 0)
        (void)munmap(map + page_up(bytes), after);
    return map;
}
