/*
 * index.h: the writer's side of the digest index in the state file.
 *
 * A table is at most half full; then one of twice the size is filled behind
 * it, published by one store, and the old one's memory given back.
 */
#ifndef TG_INDEX_H
#define TG_INDEX_H

#include "state.h"

struct tg_index {
    struct tg_state *state;
    uint64_t level;
    uint64_t used; /* entries that are not 0 */
};

/*
 * Counts what is there.  Returns 0, or TG_ERR_CORRUPT when it is no index: of
 * no level that there is, or fuller than this code leaves one.
 */
int tg_index_open(struct tg_index *index, struct tg_state *state);

/* Makes room for count digests in all.  0, or TG_ERR_FULL. */
int tg_index_reserve(struct tg_index *index, uint64_t count);

/* Says that digest is added soon: its place is fetched meanwhile. */
void tg_index_expect(const struct tg_index *index, const uint8_t digest[32]);

/*
 * Makes digest lead to slot.  The policy must be published before.  Killed
 * anywhere, the entry is there or not.  0, or TG_ERR_FULL.
 */
int tg_index_add(struct tg_index *index, const uint8_t digest[32],
                 uint32_t slot);

/* Takes the entry of digest that leads to slot away; none is fine. */
void tg_index_remove(struct tg_index *index, const uint8_t digest[32],
                     uint32_t slot);

#endif
