#include "publish_part.h"

#include "err.h"

/*
 * A staged policy stands where the next publication of its slot would write
 * it, and seq does not know of it: a reader finds nothing, and a publisher
 * that begins anew takes the slot for a free one.
 */
static struct tg_key_policy *
place_of(const struct tg_state *state, uint32_t slot)
{
    struct tg_key_record *record = &state->keys[slot];

    return &record->slots[tg_publish_next(&record->seq) & 1];
}

bool
tg_publish_is_staged(const struct tg_state *state, uint32_t slot)
{
    struct tg_key_policy policy;
    uint64_t seq;

    return tg_state_key(state, slot, &policy, &seq) != 0 ||
           policy.id[0] == '\0';
}

void
tg_publish_stage(struct tg_state *state, uint32_t slot,
                 const struct tg_key_policy *policy)
{
    atomic_thread_fence(memory_order_seq_cst);
    tg_publish_store(place_of(state, slot), policy, sizeof(*policy));
}

void
tg_publish_fill(struct tg_publisher *publisher)
{
    atomic_store(&publisher->state->header->is_filling, 1);
}

void
tg_publish_filled(struct tg_publisher *publisher)
{
    atomic_store(&publisher->state->header->is_filling, 0);
}

int
tg_publisher_staged(const struct tg_publisher *publisher, uint32_t slot,
                    struct tg_key_policy *policy)
{
    const struct tg_state *state = publisher->state;
    const struct tg_key_policy *staged;
    uint32_t found;

    if (slot >= atomic_load(&state->header->key_high_water) ||
        !tg_publish_is_staged(state, slot))
        return TG_ERR_NOT_FOUND;
    staged = place_of(state, slot);
    /* A free slot may have what was staged before a kill. */
    if (staged->id[0] == '\0' ||
        tg_idmap_get(&publisher->keys, staged->id, &found) != 0 ||
        found != slot)
        return TG_ERR_NOT_FOUND;
    *policy = *staged;
    return 0;
}

int
tg_publish_open(struct tg_publisher *publisher, uint32_t slot)
{
    struct tg_key_record *record = &publisher->state->keys[slot];
    struct tg_key_policy policy;
    int err = tg_publisher_staged(publisher, slot, &policy);

    if (err != 0)
        return err;
    atomic_store_explicit(&record->seq, tg_publish_next(&record->seq),
                          memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    return tg_publish_index(publisher, &policy, slot);
}
