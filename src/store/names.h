/*
 * names.h: different things of one size, numbered in the order in which they
 * came, and found by their first bytes.
 */
#ifndef TG_NAMES_H
#define TG_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* All but size and key_size 0: empty. */
struct tg_names {
    size_t size, key_size; /* bytes of one, and of those that tell it apart */
    uint32_t count, room;
    char *list;
    uint32_t *slots; /* a hash table of numbers + 1 */
    uint32_t slot_count;
};

/*
 * The number of the thing of that name, which is added if it is not there.
 * Texts have zeros behind their end.  Returns 0 or TG_ERR_SYSTEM.
 */
int tg_names_find(struct tg_names *names, const void *name, uint32_t *number);

/* Where one stands until the next is added. */
static inline void *
tg_names_at(const struct tg_names *names, uint32_t number)
{
    return names->list + number * names->size;
}

/* Forgets all of them, and keeps the room. */
void tg_names_forget(struct tg_names *names);

void tg_names_release(struct tg_names *names);

#endif
