/*
 * idmap.h: from an id to a slot number; open addressing, grows by doubling.
 */
#ifndef TG_IDMAP_H
#define TG_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "id.h"

struct tg_idmap_entry {
    char id[TG_ID_LEN]; /* starts with NUL: free */
    uint32_t slot;
};

struct tg_idmap {
    struct tg_idmap_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* 0 and *slot, or TG_ERR_NOT_FOUND.  id has TG_ID_LEN characters. */
int tg_idmap_get(const struct tg_idmap *map, const char *id, uint32_t *slot);

/* Adds an id that is not there.  0 or TG_ERR_SYSTEM (no memory). */
int tg_idmap_put(struct tg_idmap *map, const char *id, uint32_t slot);

/* Makes room for count ids in all, so that none has to move for it later. */
int tg_idmap_reserve(struct tg_idmap *map, size_t count);

/* Says that id is asked for soon: its place is fetched meanwhile. */
void tg_idmap_expect(const struct tg_idmap *map, const char *id);

/* Takes an id out; nothing happens when it is not there. */
void tg_idmap_remove(struct tg_idmap *map, const char *id);

void tg_idmap_release(struct tg_idmap *map);

#endif
