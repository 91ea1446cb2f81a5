#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define ROOM_LEAST 64

static uint32_t
hash_of(const char *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325, word;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    for (; len > 0; bytes++, len--)
        hash = (hash ^ (uint8_t)*bytes) * 0x100000001b3;
    return (uint32_t)(hash ^ hash >> 32);
}

/* The slot of a name, or the empty one where it would stand. */
static uint32_t *
slot_of(const struct tg_names *names, const void *name)
{
    uint32_t mask = names->slot_count - 1;
    uint32_t i = hash_of(name, names->key_size) & mask;

    while (names->slots[i] != 0 &&
           memcmp(names->list + (names->slots[i] - 1) * names->size, name,
                  names->key_size) != 0)
        i = (i + 1) & mask;
    return &names->slots[i];
}

/* Half of the slots are empty at least. */
static int
grow(struct tg_names *names)
{
    uint32_t room = names->room ? names->room * 2 : ROOM_LEAST;
    void *list = realloc(names->list, room * names->size);
    uint32_t *slots;

    if (list == NULL)
        return TG_ERR_SYSTEM;
    names->list = list;
    slots = calloc((size_t)room * 2, sizeof(*slots));
    if (slots == NULL)
        return TG_ERR_SYSTEM;
    free(names->slots);
    names->slots = slots;
    names->slot_count = room * 2;
    names->room = room;
    for (uint32_t i = 0; i < names->count; i++)
        *slot_of(names, names->list + i * names->size) = i + 1;
    return 0;
}

int
tg_names_find(struct tg_names *names, const void *name, uint32_t *number)
{
    uint32_t *slot;

    if (names->count == names->room && grow(names) != 0)
        return TG_ERR_SYSTEM;
    slot = slot_of(names, name);
    if (*slot == 0) {
        memcpy(names->list + names->count * names->size, name, names->size);
        *slot = ++names->count;
    }
    *number = *slot - 1;
    return 0;
}

void
tg_names_forget(struct tg_names *names)
{
    names->count = 0;
    if (names->slots != NULL)
        memset(names->slots, 0, names->slot_count * sizeof(names->slots[0]));
}

void
tg_names_release(struct tg_names *names)
{
    free(names->list);
    free(names->slots);
    names->list = NULL;
    names->slots = NULL;
    names->count = names->room = names->slot_count = 0;
}
