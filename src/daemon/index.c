#include "index.h"

#include <fcntl.h>
#include <string.h>

#include "err.h"

static _Atomic uint64_t *
table_of(const struct tg_state *state, uint64_t level)
{
    return state->index + (((uint64_t)1 << level) - 1) * (1u << TG_INDEX_BITS);
}

static uint64_t
size_of(uint64_t level)
{
    return (uint64_t)1 << (TG_INDEX_BITS + level);
}

static off_t
offset_of(const struct tg_state *state, uint64_t level)
{
    return (off_t)((char *)table_of(state, level) - (char *)state->map);
}

int
tg_index_open(struct tg_index *index, struct tg_state *state)
{
    _Atomic uint64_t *table;

    index->state = state;
    index->level = atomic_load(&state->header->index_level);
    index->used = 0;
    if (index->level >= TG_INDEX_LEVELS)
        return TG_ERR_CORRUPT;
    table = table_of(state, index->level);
    for (uint64_t i = 0; i < size_of(index->level); i++) {
        if (atomic_load_explicit(&table[i], memory_order_relaxed) != 0)
            index->used++;
    }
    /* A search ends at an entry that is empty. */
    return index->used * 2 > size_of(index->level) ? TG_ERR_CORRUPT : 0;
}

static uint64_t
hash_of(const uint8_t digest[32])
{
    uint64_t hash;

    memcpy(&hash, digest, sizeof(hash));
    return hash;
}

/* The place of the entry, else of the 0 that ends the search. */
static _Atomic uint64_t *
find(_Atomic uint64_t *table, uint64_t level, uint64_t hash, uint64_t entry)
{
    uint64_t mask = size_of(level) - 1, i = hash & mask, found;

    for (;; i = (i + 1) & mask) {
        found = atomic_load_explicit(&table[i], memory_order_relaxed);
        if (found == 0 || found == entry)
            return &table[i];
    }
}

static uint64_t
entry_of(uint64_t hash, uint32_t slot)
{
    return hash >> 32 << 32 | (slot + 1);
}

/* The digests of a slot's policy, into the new table. */
static uint64_t
copy_slot(const struct tg_state *state, uint32_t slot, _Atomic uint64_t *table,
          uint64_t level)
{
    static const uint8_t none[32];
    struct tg_key_policy policy;
    uint64_t seq, added = 0;

    if (tg_state_key(state, slot, &policy, &seq) != 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        uint64_t hash = hash_of(policy.secrets[i].digest);

        if (memcmp(policy.secrets[i].digest, none, sizeof(none)) == 0)
            continue;
        atomic_store_explicit(find(table, level, hash, entry_of(hash, slot)),
                              entry_of(hash, slot), memory_order_relaxed);
        added++;
    }
    return added;
}

static bool
has_room(uint64_t level, uint64_t count)
{
    return count * 2 <= size_of(level);
}

static int
grow_to(struct tg_index *index, uint64_t level)
{
    struct tg_state *state = index->state;
    uint64_t used = 0;
    off_t bytes = (off_t)(size_of(level) * sizeof(uint64_t));
    uint32_t slots = atomic_load(&state->header->key_high_water);

    if (level >= TG_INDEX_LEVELS)
        return TG_ERR_FULL;
    /* A writer killed while it grew may have left entries here. */
    (void)fallocate(state->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    offset_of(state, level), bytes);
    if (fallocate(state->fd, 0, offset_of(state, level), bytes) != 0)
        return TG_ERR_FULL;
    for (uint32_t slot = 0; slot < slots; slot++) {
        used += copy_slot(state, slot, table_of(state, level), level);
        /* Where an index was lost there are more than it knew of. */
        if (!has_room(level, used))
            return grow_to(index, level + 1);
    }
    atomic_store_explicit(&state->header->index_level, level,
                          memory_order_release);
    /* Readers that are still in there find nothing and look again. */
    (void)fallocate(state->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    offset_of(state, index->level),
                    (off_t)(size_of(index->level) * sizeof(uint64_t)));
    index->level = level;
    index->used = used;
    return 0;
}

int
tg_index_reserve(struct tg_index *index, uint64_t count)
{
    uint64_t level = index->level;

    while (level < TG_INDEX_LEVELS && !has_room(level, count))
        level++;
    return level == index->level ? 0 : grow_to(index, level);
}

void
tg_index_expect(const struct tg_index *index, const uint8_t digest[32])
{
    uint64_t mask = size_of(index->level) - 1;

    __builtin_prefetch(
        &table_of(index->state, index->level)[hash_of(digest) & mask], 1);
}

int
tg_index_add(struct tg_index *index, const uint8_t digest[32], uint32_t slot)
{
    uint64_t hash = hash_of(digest), entry = entry_of(hash, slot);
    _Atomic uint64_t *place;

    if (!has_room(index->level, index->used + 1) &&
        grow_to(index, index->level + 1) != 0)
        return TG_ERR_FULL;
    place =
        find(table_of(index->state, index->level), index->level, hash, entry);
    if (atomic_load(place) == entry)
        return 0;
    atomic_store_explicit(place, entry, memory_order_release);
    index->used++;
    return 0;
}

void
tg_index_remove(struct tg_index *index, const uint8_t digest[32], uint32_t slot)
{
    uint64_t hash = hash_of(digest), entry = entry_of(hash, slot);
    _Atomic uint64_t *place =
        find(table_of(index->state, index->level), index->level, hash, entry);

    if (atomic_load(place) == entry)
        atomic_store_explicit(place, hash >> 32 << 32 | TG_INDEX_GONE,
                              memory_order_release);
}
