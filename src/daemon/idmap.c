#include "idmap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "err.h"

#define LEAST 64 /* entries */

static size_t
home_of(const struct tg_idmap *map, const char *id)
{
    return tg_crc32c(0, id, TG_ID_LEN) & (map->capacity - 1);
}

static bool
is_free(const struct tg_idmap_entry *entry)
{
    return entry->id[0] == '\0';
}

/* The entry of id, or the free one where it would go. */
static struct tg_idmap_entry *
find(const struct tg_idmap *map, const char *id)
{
    size_t i = home_of(map, id);

    while (!is_free(&map->entries[i]) &&
           memcmp(map->entries[i].id, id, TG_ID_LEN) != 0)
        i = (i + 1) & (map->capacity - 1);
    return &map->entries[i];
}

static int
grow_to(struct tg_idmap *map, size_t capacity)
{
    struct tg_idmap bigger = {.capacity = capacity, .count = map->count};

    bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
    if (bigger.entries == NULL)
        return TG_ERR_SYSTEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (!is_free(&map->entries[i]))
            *find(&bigger, map->entries[i].id) = map->entries[i];
    }
    free(map->entries);
    *map = bigger;
    return 0;
}

static int
grow(struct tg_idmap *map)
{
    return grow_to(map, map->capacity ? map->capacity * 2 : LEAST);
}

int
tg_idmap_reserve(struct tg_idmap *map, size_t count)
{
    size_t capacity = map->capacity ? map->capacity : LEAST;

    while (count * 2 >= capacity)
        capacity *= 2;
    return capacity == map->capacity ? 0 : grow_to(map, capacity);
}

void
tg_idmap_expect(const struct tg_idmap *map, const char *id)
{
    if (map->capacity > 0)
        __builtin_prefetch(&map->entries[home_of(map, id)], 1);
}

int
tg_idmap_get(const struct tg_idmap *map, const char *id, uint32_t *slot)
{
    const struct tg_idmap_entry *entry;

    if (map->capacity == 0)
        return TG_ERR_NOT_FOUND;
    entry = find(map, id);
    if (is_free(entry))
        return TG_ERR_NOT_FOUND;
    *slot = entry->slot;
    return 0;
}

int
tg_idmap_put(struct tg_idmap *map, const char *id, uint32_t slot)
{
    struct tg_idmap_entry *entry;

    if (map->count * 2 >= map->capacity && grow(map) != 0)
        return TG_ERR_SYSTEM;
    entry = find(map, id);
    memcpy(entry->id, id, TG_ID_LEN);
    entry->slot = slot;
    map->count++;
    return 0;
}

void
tg_idmap_remove(struct tg_idmap *map, const char *id)
{
    size_t mask = map->capacity - 1, hole, i, home;

    if (map->capacity == 0 || is_free(find(map, id)))
        return;
    hole = (size_t)(find(map, id) - map->entries);
    map->count--;
    /* Entries behind the hole move up when their home is not past it. */
    for (i = (hole + 1) & mask; !is_free(&map->entries[i]);
         i = (i + 1) & mask) {
        home = home_of(map, map->entries[i].id);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            hole = i;
        }
    }
    memset(&map->entries[hole], 0, sizeof(map->entries[hole]));
}

void
tg_idmap_release(struct tg_idmap *map)
{
    free(map->entries);
    *map = (struct tg_idmap){NULL, 0, 0};
}
