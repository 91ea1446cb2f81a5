#include "area.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "budget.h"
#include "cell.h"
#include "code.h"
#include "err.h"
#include "route.h"

/* Slots that get their memory at once, so that a full disk is an error. */
#define GROW_SLOTS 64

static struct tg_call_slot *
slots_of(const struct tg_state *state, uint32_t area)
{
    return state->call_slots + (size_t)area * TG_AREA_SLOTS;
}

static off_t
offset_of(const struct tg_state *state, const void *p)
{
    return (off_t)((const char *)p - (const char *)state->map);
}

/* The lock of an area is that of its first byte in the file. */
static struct flock
lock_of(const struct tg_state *state, uint32_t area, short type)
{
    return (struct flock){
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = offset_of(state, &state->areas[area]),
        .l_len = 1,
    };
}

static bool
try_lock(const struct tg_state *state, uint32_t area)
{
    struct flock lock = lock_of(state, area, F_WRLCK);

    return fcntl(state->fd, F_OFD_SETLK, &lock) == 0;
}

static void
unlock(const struct tg_state *state, uint32_t area)
{
    struct flock lock = lock_of(state, area, F_UNLCK);

    (void)fcntl(state->fd, F_OFD_SETLK, &lock);
}

/* Calls at once are those in slots: of an empty area there are none. */
static void
forget_calls(struct tg_area *area)
{
    for (uint32_t i = 0; i < TG_CATALOG_CREDENTIALS; i++)
        atomic_store_explicit(&area->credential_calls[i], 0,
                              memory_order_relaxed);
}

int
tg_area_claim(struct tg_area_claim *claim, struct tg_state *state,
              uint64_t writer_id, int64_t now_ms)
{
    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        struct tg_area *area = &state->areas[i];

        if (atomic_load(&area->writer_id) != 0 || !try_lock(state, i))
            continue;
        /* Somebody may have claimed and died between the two. */
        if (atomic_load(&area->writer_id) != 0) {
            unlock(state, i);
            continue;
        }
        area->claimed_at_ms = now_ms;
        atomic_store(&area->pid, (uint32_t)getpid());
        atomic_store(&area->high_water, 0);
        forget_calls(area);
        atomic_store(&area->trouble, 0);
        atomic_store(&area->writer_id, writer_id);
        *claim = (struct tg_area_claim){
            .state = state, .area = i, .writer_id = writer_id};
        return 0;
    }
    return TG_ERR_FULL;
}

/* Slots that were used; of a damaged count those that there are. */
static uint32_t
slots_used(const struct tg_state *state, uint32_t area)
{
    uint32_t used = atomic_load(&state->areas[area].high_water);

    return used < TG_AREA_SLOTS ? used : TG_AREA_SLOTS;
}

static bool
is_empty(struct tg_state *state, uint32_t area)
{
    uint32_t used = slots_used(state, area);

    for (uint32_t i = 0; i < used; i++) {
        if (atomic_load(&slots_of(state, area)[i].phase) != TG_PHASE_FREE)
            return false;
    }
    return true;
}

void
tg_area_leave(struct tg_area_claim *claim)
{
    struct tg_state *state = claim->state;

    if (is_empty(state, claim->area))
        atomic_store(&state->areas[claim->area].writer_id, 0);
    unlock(state, claim->area);
    claim->state = NULL;
}

/* A slot never used before, its memory secured. */
static struct tg_call_slot *
fresh_slot(struct tg_area_claim *claim)
{
    struct tg_area *area = &claim->state->areas[claim->area];
    uint32_t n = atomic_load_explicit(&area->high_water, memory_order_relaxed);
    struct tg_call_slot *slot = slots_of(claim->state, claim->area) + n;

    if (n >= TG_AREA_SLOTS)
        return NULL;
    if (n % GROW_SLOTS == 0 &&
        fallocate(claim->state->fd, 0, offset_of(claim->state, slot),
                  GROW_SLOTS * sizeof(*slot)) != 0)
        return NULL;
    atomic_store_explicit(&area->high_water, n + 1, memory_order_release);
    return slot;
}

static void
count_hold(struct tg_state *state, const struct tg_call *call)
{
    struct tg_counters *key = &state->keys[call->key_slot].counters;
    struct tg_counters *account = &state->accounts[call->account_slot].counters;

    /* tg_rate_take has counted it among the key's calls in flight. */
    atomic_fetch_add_explicit(&key->held_nanos, call->held_nanos,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&account->in_flight, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&account->held_nanos, call->held_nanos,
                              memory_order_relaxed);
}

struct tg_call_slot *
tg_area_begin(struct tg_area_claim *claim, const struct tg_call *call)
{
    struct tg_call_slot *slot;

    if (claim->free_head != 0) {
        slot = slots_of(claim->state, claim->area) + claim->free_head - 1;
        claim->free_head = slot->next_free;
    } else {
        slot = fresh_slot(claim);
        if (slot == NULL)
            return NULL;
    }
    slot->call = *call;
    slot->call.id = tg_call_id_make(claim->writer_id, claim->calls++);
    tg_share_enter(slot, TG_STAGE_NONE);
    atomic_store_explicit(&slot->phase, TG_PHASE_HELD, memory_order_release);
    count_hold(claim->state, &slot->call);
    return slot;
}

void
tg_area_cancel(struct tg_area_claim *claim, struct tg_call_slot *slot)
{
    struct tg_state *state = claim->state;
    struct tg_call *call = &slot->call;
    struct tg_counters *account = &state->accounts[call->account_slot].counters;

    call->cost_nanos = 0;
    tg_budget_settle(state, slot);
    atomic_fetch_sub_explicit(&state->keys[call->key_slot].counters.held_nanos,
                              call->held_nanos, memory_order_relaxed);
    atomic_fetch_sub_explicit(&account->in_flight, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&account->held_nanos, call->held_nanos,
                              memory_order_relaxed);
    tg_area_end(claim, slot);
}

void
tg_area_end(struct tg_area_claim *claim, struct tg_call_slot *slot)
{
    struct tg_call_slot *first = slots_of(claim->state, claim->area);

    atomic_store_explicit(&slot->phase, TG_PHASE_FREE, memory_order_release);
    slot->next_free = claim->free_head;
    claim->free_head = (uint32_t)(slot - first) + 1;
}

bool
tg_area_is_alive(const struct tg_state *state, uint32_t area,
                 uint64_t writer_id)
{
    struct flock lock;

    if (area >= TG_AREA_COUNT ||
        atomic_load(&state->areas[area].writer_id) != writer_id)
        return false;
    lock = lock_of(state, area, F_WRLCK);
    return fcntl(state->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool
tg_area_is_orphaned(struct tg_state *state, uint32_t area)
{
    if (atomic_load(&state->areas[area].writer_id) == 0)
        return false;
    if (!try_lock(state, area))
        return false;
    if (atomic_load(&state->areas[area].writer_id) != 0)
        return true;
    unlock(state, area);
    return false;
}

void
tg_area_each(struct tg_state *state, uint32_t area,
             void (*visit)(void *arg, struct tg_call_slot *slot), void *arg)
{
    uint32_t used = slots_used(state, area);
    struct tg_call_slot *slots = slots_of(state, area);

    for (uint32_t i = 0; i < used; i++) {
        if (atomic_load(&slots[i].phase) != TG_PHASE_FREE)
            visit(arg, &slots[i]);
    }
}

/* Room for sums of a few of them. */
#define AMOUNT_MAX (INT64_MAX / 8)

bool
tg_area_is_sound(const struct tg_state *state, const struct tg_call_slot *slot)
{
    const struct tg_call *call = &slot->call;
    const struct tg_rates *rates = &call->rates;
    const int64_t amounts[] = {
        call->at_ms,          call->prompt_tokens,     call->cached_tokens,
        call->written_tokens, call->completion_tokens, call->reasoning_tokens,
        call->units,          call->prompt_bound,      call->completion_bound,
        call->unit_bound,     call->counted,           rates->hit_picos,
        rates->miss_picos,    rates->output_picos,     rates->write_picos,
        rates->unit_picos,
    };

    enum tg_stage stage = tg_share_stage(atomic_load(&slot->share));
    bool is_topping = stage == TG_STAGE_TOPPING || stage == TG_STAGE_TOPPED;

    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        if (amounts[i] < 0 || amounts[i] > AMOUNT_MAX)
            return false;
    }
    return call->key_slot < state->header->key_capacity &&
           call->account_slot < state->header->account_capacity &&
           tg_route_of((enum tg_endpoint)call->endpoint) != NULL &&
           call->code < TG_CODE_COUNT && call->unit <= TG_UNIT_CALL &&
           call->held_nanos >= 0 && call->cost_nanos >= 0 &&
           /* While it is being settled it may be more: see take_cost. */
           (call->status == 0 || call->cost_nanos <= call->held_nanos) &&
           slot->wanted_nanos >= (is_topping ? call->held_nanos : 0);
}

static void
free_slot(void *arg, struct tg_call_slot *slot)
{
    (void)arg;
    atomic_store(&slot->phase, TG_PHASE_FREE);
}

void
tg_area_clear(struct tg_state *state, uint32_t area)
{
    tg_area_each(state, area, free_slot, NULL);
    forget_calls(&state->areas[area]);
    atomic_store(&state->areas[area].high_water, 0);
    atomic_store(&state->areas[area].pid, 0);
    atomic_store(&state->areas[area].writer_id, 0);
    unlock(state, area);
}
