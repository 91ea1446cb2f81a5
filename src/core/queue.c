#include "queue.h"

#include "err.h"

/* So that no sum of tokens overflows; no limit is larger. */
#define TOKENS_MAX UINT32_MAX

#define NO_WORKER UINT64_MAX /* no worker's id: such a row is of the dead */

bool
tg_queue_is_empty(const struct tg_state *state, uint32_t key_slot)
{
    return atomic_load(&state->keys[key_slot].waiting) <= 0;
}

/* Who lives, as far as one scan has found out. */
struct living {
    const struct tg_area_claim *claim;
    uint64_t writer_id; /* asked about last */
    bool is_alive;
};

static bool
is_alive(struct living *living, uint64_t writer_id, uint32_t area)
{
    if (writer_id == living->claim->writer_id)
        return true;
    if (writer_id != living->writer_id) {
        living->writer_id = writer_id;
        living->is_alive =
            tg_area_is_alive(living->claim->state, area, writer_id);
    }
    return living->is_alive;
}

/* Whoever takes a row's ticket counts it out: once, whoever is killed. */
static void
empty_row(struct tg_state *state, struct tg_waiter *row)
{
    uint32_t key_slot = atomic_load(&row->key_slot);

    if (atomic_exchange(&row->ticket, 0) != 0 &&
        key_slot < state->header->key_capacity)
        atomic_fetch_sub(&state->keys[key_slot].waiting, 1);
}

/* Makes a row `heir`'s that was `owner`'s, 0 for nobody's, and empties it. */
static bool
seize(struct tg_state *state, struct tg_waiter *row, uint64_t owner,
      uint64_t heir)
{
    if (!atomic_compare_exchange_strong(&row->writer_id, &owner, heir))
        return false;
    empty_row(state, row);
    return true;
}

/* A row of nobody's, else one of the dead; NULL: there is none. */
static struct tg_waiter *
find_row(const struct tg_area_claim *claim)
{
    struct tg_waiter *rows = claim->state->waiters;
    struct living living = {.claim = claim};

    for (uint32_t i = 0; i < TG_WAITERS; i++) {
        if (atomic_load(&rows[i].writer_id) == 0 &&
            seize(claim->state, &rows[i], 0, claim->writer_id))
            return &rows[i];
    }
    for (uint32_t i = 0; i < TG_WAITERS; i++) {
        uint64_t owner = atomic_load(&rows[i].writer_id);

        if ((owner == 0 ||
             !is_alive(&living, owner, atomic_load(&rows[i].area))) &&
            seize(claim->state, &rows[i], owner, claim->writer_id))
            return &rows[i];
    }
    return NULL;
}

int
tg_queue_join(const struct tg_area_claim *claim, uint32_t key_slot,
              struct tg_queue_place *place)
{
    struct tg_state *state = claim->state;
    _Atomic int32_t *waiting = &state->keys[key_slot].waiting;
    uint64_t tokens = place->tokens < 0 ? 0 : (uint64_t)place->tokens;
    struct tg_waiter *row = NULL;

    place->row = 0;
    /* Counted first: who sees nobody there comes before us. */
    if (atomic_fetch_add(waiting, 1) < TG_QUEUE_KEY_MAX)
        row = find_row(claim);
    if (row == NULL) {
        atomic_fetch_sub(waiting, 1);
        return TG_ERR_FULL;
    }
    atomic_store(&row->area, claim->area);
    atomic_store(&row->tokens, tokens < TOKENS_MAX ? tokens : TOKENS_MAX);
    atomic_store(&row->key_slot, key_slot);
    place->ticket = atomic_fetch_add(&state->header->next_ticket, 1) + 1;
    atomic_store(&row->ticket, place->ticket);
    place->key_slot = key_slot;
    place->row = (uint32_t)(row - state->waiters) + 1;
    return 0;
}

struct tg_rate_line
tg_queue_ahead(const struct tg_area_claim *claim,
               const struct tg_queue_place *place)
{
    struct tg_waiter *rows = claim->state->waiters;
    struct living living = {.claim = claim};
    struct tg_rate_line line = {.own = place->tokens};

    for (uint32_t i = 0; i < TG_WAITERS; i++) {
        uint64_t owner = atomic_load(&rows[i].writer_id), tokens;

        if (owner == 0 || i + 1 == place->row ||
            atomic_load(&rows[i].key_slot) != place->key_slot ||
            atomic_load(&rows[i].ticket) > place->ticket ||
            !is_alive(&living, owner, atomic_load(&rows[i].area)))
            continue;
        tokens = atomic_load(&rows[i].tokens);
        line.calls++;
        line.tokens += tokens < TOKENS_MAX ? tokens : TOKENS_MAX;
    }
    return line;
}

void
tg_queue_leave(const struct tg_area_claim *claim, struct tg_queue_place *place)
{
    struct tg_waiter *row;

    if (place->row == 0)
        return;
    row = &claim->state->waiters[place->row - 1];
    empty_row(claim->state, row);
    atomic_store(&row->writer_id, 0);
    place->row = 0;
}

void
tg_queue_clear(struct tg_state *state, uint64_t writer_id)
{
    for (uint32_t i = 0; i < TG_WAITERS; i++) {
        struct tg_waiter *row = &state->waiters[i];

        if (atomic_load(&row->writer_id) == writer_id &&
            seize(state, row, writer_id, NO_WORKER))
            atomic_store(&row->writer_id, 0);
    }
}
