/*
 * publish_part.h: what the files of the publisher share: publish.c and
 * publish_stage.c.
 */
#ifndef TG_PUBLISH_PART_H
#define TG_PUBLISH_PART_H

#include "arena.h"
#include "idmap.h"
#include "index.h"
#include "publish.h"

/* Numbers of slots that were used and are free again. */
struct tg_free_slots {
    uint32_t *slots;
    size_t count, capacity;
};

struct tg_publisher {
    struct tg_state *state;
    struct tg_arena *arena;
    struct tg_index index;
    struct tg_idmap keys, accounts;
    struct tg_free_slots free_keys;
};

/*
 * The seq of what is published next.  0 says that nothing was, and a damaged
 * file may have the number before it.
 */
static inline uint64_t
tg_publish_next(const tg_seq *seq)
{
    uint64_t next = atomic_load_explicit(seq, memory_order_relaxed) + 1;

    return next != 0 ? next : 2;
}

/* Word by word into a slot that no reader has in force. */
void tg_publish_store(void *to, const void *from, size_t bytes);

/* Adds the index entries of a policy's secrets.  0 or TG_ERR_FULL. */
int tg_publish_index(struct tg_publisher *publisher,
                     const struct tg_key_policy *policy, uint32_t slot);

/* Whether the key of a slot that has an id is staged: publish.h. */
bool tg_publish_is_staged(const struct tg_state *state, uint32_t slot);

/* Puts a key's policy into the slot that is not in force. */
void tg_publish_stage(struct tg_state *state, uint32_t slot,
                      const struct tg_key_policy *policy);

#endif
