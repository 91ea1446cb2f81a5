#include "cell.h"

#define GENERATION_BITS 25
#define GENERATION_MASK ((1u << GENERATION_BITS) - 1)
#define SLOT_BITS 23
#define PERIOD_SHIFT (GENERATION_BITS + SLOT_BITS)

/* Share words. */
#define MOVED_MASK 7u
#define CHANGING_SHIFT 3
#define CHANGING_MASK 3u
#define STAGE_SHIFT 5
#define STAGE_MASK 7u
#define RECORD_SHIFT 8
#define RECORD_MASK 0x7fffffffu
#define SHARE_GENERATION_SHIFT 39

_Static_assert(TG_AREA_COUNT *TG_AREA_SLOTS == 1 << SLOT_BITS,
               "a mark can name each slot");
_Static_assert(SHARE_GENERATION_SHIFT + GENERATION_BITS == 64, "a full word");

/*
 * The builtin and not C11's function, which gcc leaves to libatomic, where it
 * may be a lock that other processes do not see.
 */
static bool
swap(struct tg_cell *cell, const struct tg_cell_view *old,
     const struct tg_cell_view *new)
{
    unsigned __int128 was =
        (unsigned __int128)old->mark << 64 | (uint64_t)old->used_nanos;
    unsigned __int128 becomes =
        (unsigned __int128)new->mark << 64 | (uint64_t) new->used_nanos;

    return __sync_bool_compare_and_swap((unsigned __int128 *)(void *)cell, was,
                                        becomes);
}

/* Each change brings another mark, so one mark twice means one instant. */
struct tg_cell_view
tg_cell_look(const struct tg_cell *cell)
{
    struct tg_cell_view view;
    uint64_t mark = atomic_load_explicit(&cell->mark, memory_order_acquire);

    do {
        view.mark = mark;
        view.used_nanos =
            atomic_load_explicit(&cell->used_nanos, memory_order_acquire);
        mark = atomic_load_explicit(&cell->mark, memory_order_acquire);
    } while (mark != view.mark);
    return view;
}

uint16_t
tg_cell_period(uint64_t mark)
{
    return (uint16_t)(mark >> PERIOD_SHIFT);
}

static uint32_t
generation_of_mark(uint64_t mark)
{
    return (uint32_t)mark & GENERATION_MASK;
}

static uint32_t
slot_of_mark(uint64_t mark)
{
    return (uint32_t)(mark >> GENERATION_BITS) & ((1u << SLOT_BITS) - 1);
}

uint16_t
tg_cell_roll(const struct tg_cell_view *view, uint16_t period, uint16_t slack,
             int64_t *used_nanos)
{
    uint16_t own = tg_cell_period(view->mark);
    uint16_t ahead = (uint16_t)(period - own);

    *used_nanos = ahead == 0 || ahead > INT16_MAX ? view->used_nanos : 0;
    return ahead >= (uint16_t)-slack ? own : period;
}

static uint32_t
generation(uint64_t share)
{
    return (uint32_t)(share >> SHARE_GENERATION_SHIFT);
}

static uint32_t
record(uint64_t share)
{
    return (uint32_t)(share >> RECORD_SHIFT) & RECORD_MASK;
}

/* Cell that is changing + 1; 0: none. */
static uint32_t
changing(uint64_t share)
{
    return (uint32_t)share >> CHANGING_SHIFT & CHANGING_MASK;
}

enum tg_stage
tg_share_stage(uint64_t share)
{
    return (enum tg_stage)((uint32_t)share >> STAGE_SHIFT & STAGE_MASK);
}

bool
tg_share_has_moved(uint64_t share, enum tg_cell_kind kind)
{
    return share >> kind & 1;
}

static uint64_t
share_of(const struct tg_call_slot *slot)
{
    return atomic_load_explicit(&slot->share, memory_order_relaxed);
}

static void
put_share(struct tg_call_slot *slot, uint64_t share)
{
    atomic_store_explicit(&slot->share, share, memory_order_release);
}

void
tg_share_enter(struct tg_call_slot *slot, enum tg_stage stage)
{
    put_share(slot, (uint64_t)generation(share_of(slot))
                            << SHARE_GENERATION_SHIFT |
                        (uint64_t)stage << STAGE_SHIFT);
    atomic_thread_fence(memory_order_release);
}

static uint32_t
number_of(const struct tg_state *state, const struct tg_call_slot *slot)
{
    return (uint32_t)(slot - state->call_slots);
}

static bool
is_mark_of(const struct tg_cell_change *change, uint64_t mark, uint32_t gen)
{
    return generation_of_mark(mark) == gen &&
           slot_of_mark(mark) == number_of(change->state, change->slot);
}

/* Nobody else can give the cell this slot's mark, so one look is enough. */
void
tg_cell_announce(const struct tg_cell_change *change)
{
    uint64_t share = share_of(change->slot);
    uint64_t mark =
        atomic_load_explicit(&change->cell->mark, memory_order_acquire);
    uint64_t witness =
        atomic_load_explicit(&change->slot->witness, memory_order_acquire);
    uint32_t gen = generation(share);

    do {
        gen = (gen + 1) & GENERATION_MASK;
    } while (gen == 0 || is_mark_of(change, mark, gen) ||
             generation(witness) == gen);
    share &= MOVED_MASK | STAGE_MASK << STAGE_SHIFT;
    share |= (uint64_t)(change->kind + 1) << CHANGING_SHIFT;
    share |= (uint64_t)(change->record & RECORD_MASK) << RECORD_SHIFT;
    put_share(change->slot, share | (uint64_t)gen << SHARE_GENERATION_SHIFT);
}

/*
 * Tells the owner of the change that a mark is of that it was made, if it may
 * still want to know.  A witness is written over one of an earlier change
 * only: what is expected there was read while, or before, the word that
 * replaces it stood in the share.
 */
static void
testify(const struct tg_state *state, uint64_t mark, enum tg_cell_kind kind,
        uint32_t of_record)
{
    struct tg_call_slot *slot = &state->call_slots[slot_of_mark(mark)];
    uint64_t seen, share;

    do {
        seen = atomic_load_explicit(&slot->witness, memory_order_acquire);
        share = atomic_load_explicit(&slot->share, memory_order_acquire);
        if (generation(share) != generation_of_mark(mark) ||
            changing(share) != (uint32_t)kind + 1 ||
            record(share) != (of_record & RECORD_MASK) || seen == share)
            return;
    } while (!atomic_compare_exchange_strong(&slot->witness, &seen, share));
}

bool
tg_cell_swap(const struct tg_cell_change *change,
             const struct tg_cell_view *seen, uint16_t period,
             int64_t used_nanos)
{
    uint32_t slot = number_of(change->state, change->slot);
    struct tg_cell_view now = {
        .used_nanos = used_nanos,
        .mark = (uint64_t)period << PERIOD_SHIFT |
                (uint64_t)slot << GENERATION_BITS |
                generation(share_of(change->slot)),
    };

    if (generation_of_mark(seen->mark) != 0 && slot_of_mark(seen->mark) != slot)
        testify(change->state, seen->mark, change->kind, change->record);
    return swap(change->cell, seen, &now);
}

/* Ends a change: the cell's bit in moved turns, or stays. */
static void
end_change(struct tg_call_slot *slot, uint64_t turned)
{
    uint64_t share = share_of(slot);

    put_share(slot,
              (share ^ turned) & ~((uint64_t)CHANGING_MASK << CHANGING_SHIFT));
}

void
tg_cell_done(const struct tg_cell_change *change)
{
    end_change(change->slot, (uint64_t)1 << change->kind);
}

void
tg_cell_drop(const struct tg_cell_change *change)
{
    end_change(change->slot, 0);
}

/*
 * The cell first: whoever took the mark off it has testified before, so when
 * the mark is gone the witness is there.
 */
static bool
was_made(const struct tg_cell_change *change, uint64_t share)
{
    uint64_t mark =
        atomic_load_explicit(&change->cell->mark, memory_order_acquire);

    return is_mark_of(change, mark, generation(share)) ||
           atomic_load_explicit(&change->slot->witness, memory_order_acquire) ==
               share;
}

void
tg_cell_recover(struct tg_state *state, struct tg_call_slot *slot)
{
    uint64_t share = share_of(slot);
    struct tg_cell_change change;

    if (changing(share) == 0)
        return;
    change = tg_cell_of(state, slot, (enum tg_cell_kind)(changing(share) - 1));
    if (was_made(&change, share))
        tg_cell_done(&change);
    else
        tg_cell_drop(&change);
}

struct tg_cell_change
tg_cell_of(struct tg_state *state, struct tg_call_slot *slot,
           enum tg_cell_kind kind)
{
    const struct tg_call *call = &slot->call;
    struct tg_key_record *key = &state->keys[call->key_slot];
    struct tg_cell_change change = {
        .state = state, .slot = slot, .kind = kind, .record = call->key_slot};

    switch (kind) {
    case TG_CELL_DAY:
        change.cell = &key->day;
        break;
    case TG_CELL_MONTH:
        change.cell = &key->month;
        break;
    default:
        change.cell = &state->accounts[call->account_slot].committed;
        change.record = call->account_slot;
    }
    return change;
}

void
tg_cell_load(struct tg_state *state, struct tg_cell *cell,
             enum tg_cell_kind kind, uint32_t of_record, uint16_t period,
             int64_t used_nanos)
{
    struct tg_cell_view now = {used_nanos, (uint64_t)period << PERIOD_SHIFT};
    struct tg_cell_view seen;

    do {
        seen = tg_cell_look(cell);
        if (generation_of_mark(seen.mark) != 0)
            testify(state, seen.mark, kind, of_record);
    } while (!swap(cell, &seen, &now));
}
