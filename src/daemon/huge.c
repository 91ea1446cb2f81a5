#include "huge.h"

#include <errno.h>
#include <sys/mman.h>

#include "pages.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* linux/mman.h of 6.1 */
#endif

struct span {
    size_t from, to; /* in the file */
};

/*
 * What is in use of a region; in a damaged file anything within the map or
 * behind it, where the kernel finds nothing.  The table in force may be given
 * back while it is put together: then 2 MiB of zeros stay, which nobody reads.
 */
static struct span
span_of(const struct tg_state *state, enum tg_huge_region region)
{
    const struct tg_state_header *h = state->header;
    size_t level = atomic_load(&h->index_level) % TG_INDEX_LEVELS;
    size_t least = sizeof(uint64_t) << TG_INDEX_BITS, from, bytes;

    switch (region) {
    case TG_HUGE_INDEX:
        from = h->index_offset + (((size_t)1 << level) - 1) * least;
        bytes = least << level;
        break;
    case TG_HUGE_KEYS:
        from = h->keys_offset;
        bytes = atomic_load(&h->key_high_water) * sizeof(struct tg_key_record);
        break;
    default:
        from = h->accounts_offset;
        bytes = atomic_load(&h->account_high_water) *
                sizeof(struct tg_account_record);
        break;
    }
    return (struct span){from, from + bytes};
}

static size_t
large_up(size_t n)
{
    return (n + TG_PAGES_LARGE - 1) & ~(TG_PAGES_LARGE - 1);
}

bool
tg_huge_step(struct tg_huge *huge, const struct tg_state *state)
{
    for (int i = 0; i < TG_HUGE_REGIONS && !huge->is_refused; i++) {
        struct span span = span_of(state, (enum tg_huge_region)i);
        size_t at = huge->regions[i].next;

        if (huge->regions[i].from != span.from)
            at = large_up(span.from);
        if (at + TG_PAGES_LARGE > span.to)
            continue;
        huge->regions[i].from = span.from;
        huge->regions[i].next = at + TG_PAGES_LARGE;
        if (madvise((char *)state->map + at, TG_PAGES_LARGE, MADV_COLLAPSE) !=
                0 &&
            errno == EINVAL)
            huge->is_refused = true;
        return !huge->is_refused;
    }
    return false;
}
