#include "state.h"

#include <string.h>

#include "err.h"

#define CACHE_LINE 64
#define LOOKS 4 /* places of the index that are looked at ahead */

static uint64_t
load(tg_seq *seq)
{
    return atomic_load_explicit(seq, memory_order_acquire);
}

static uint64_t
hash_of(const struct tg_digest *digest)
{
    uint64_t hash;

    memcpy(&hash, digest->bytes, sizeof(hash));
    return hash;
}

static const _Atomic uint64_t *
table_of(const struct tg_state *state, uint64_t level)
{
    return state->index + (((uint64_t)1 << level) - 1) * (1u << TG_INDEX_BITS);
}

static uint64_t
mask_of(uint64_t level)
{
    return ((uint64_t)1 << (TG_INDEX_BITS + level)) - 1;
}

/*
 * Which of the two policies is in force stands in the record, too: fetched
 * together, they and the counters take one trip to memory, not three.
 */
static void
expect(const struct tg_key_record *record)
{
    for (size_t i = 0; i < sizeof(*record); i += CACHE_LINE)
        __builtin_prefetch((const char *)record + i);
}

/* Compares in place, with what the writer may be changing. */
static bool
is_digest(const uint8_t *bytes, const struct tg_digest *digest)
{
    const _Atomic uint64_t *words = (const void *)bytes;
    uint64_t word, differ = 0;

    for (size_t i = 0; i < sizeof(digest->bytes) / sizeof(word); i++) {
        memcpy(&word, digest->bytes + i * sizeof(word), sizeof(word));
        differ |= word ^ atomic_load_explicit(&words[i], memory_order_relaxed);
    }
    return differ == 0;
}

/* Whether the policy that a slot has now knows the digest. */
static bool
leads_there(const struct tg_state *state, uint32_t slot,
            const struct tg_digest *digest)
{
    struct tg_key_record *record;
    uint64_t before, after;
    bool is_there;

    if (slot >= state->header->key_capacity)
        return false;
    record = &state->keys[slot];
    after = load(&record->seq);
    do {
        const struct tg_key_secret *secrets;

        before = after;
        secrets = record->slots[before & 1].secrets;
        is_there = before != 0 && (is_digest(secrets[0].digest, digest) ||
                                   is_digest(secrets[1].digest, digest));
        atomic_thread_fence(memory_order_acquire);
        after = load(&record->seq);
    } while (after != before);
    return is_there;
}

/* Two digests may share a tag, so an entry is a hint until its slot agrees. */
static int
search(const struct tg_state *state, uint64_t level,
       const struct tg_digest *digest, uint32_t *slot)
{
    const _Atomic uint64_t *table = table_of(state, level);
    uint64_t mask = mask_of(level), hash = hash_of(digest), entry;

    for (uint64_t n = 0; n <= mask; n++) {
        entry = atomic_load_explicit(&table[(hash + n) & mask],
                                     memory_order_acquire);
        if (entry == 0)
            return TG_ERR_NOT_FOUND;
        if (entry >> 32 != hash >> 32 || (uint32_t)entry == TG_INDEX_GONE ||
            !leads_there(state, (uint32_t)entry - 1, digest))
            continue;
        *slot = (uint32_t)entry - 1;
        return 0;
    }
    return TG_ERR_NOT_FOUND;
}

int
tg_state_lookup(const struct tg_state *state, const struct tg_digest *digest,
                uint32_t *slot)
{
    uint64_t level, now = load(&state->header->index_level);

    /* The table may have been outgrown, and emptied, under our eyes. */
    do {
        level = now;
        if (level >= TG_INDEX_LEVELS)
            return TG_ERR_NOT_FOUND;
        if (search(state, level, digest, slot) == 0)
            return 0;
        now = load(&state->header->index_level);
    } while (now != level);
    return TG_ERR_NOT_FOUND;
}

void
tg_state_expect(const struct tg_state *state, const struct tg_digest *digest)
{
    uint64_t level = load(&state->header->index_level);

    if (level < TG_INDEX_LEVELS)
        __builtin_prefetch(
            &table_of(state, level)[hash_of(digest) & mask_of(level)]);
}

void
tg_state_expect_key(const struct tg_state *state,
                    const struct tg_digest *digest)
{
    uint64_t level = load(&state->header->index_level);
    uint64_t hash = hash_of(digest), entry;

    for (uint64_t n = 0; n < LOOKS && level < TG_INDEX_LEVELS; n++) {
        entry = atomic_load_explicit(
            &table_of(state, level)[(hash + n) & mask_of(level)],
            memory_order_relaxed);
        if (entry >> 32 == hash >> 32 &&
            (uint32_t)entry - 1 < state->header->key_capacity) {
            expect(&state->keys[(uint32_t)entry - 1]);
            return;
        }
    }
}
