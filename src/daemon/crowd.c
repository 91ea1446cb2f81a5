#include "crowd.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "look.h"

#define LOOK_MS 1000

/* How often it must have been the same again. */
#define LOOKS 2

/* What is in flight, by counters or by slots. */
struct flight {
    int32_t calls;
    int64_t held_nanos;
};

/* A key or an account, and what was seen of it when it was looked at last. */
struct tg_suspect {
    uint64_t book; /* its slot, times two; an account's is odd */
    struct flight counted, in_slots;
    uint64_t ids;   /* of the calls: whether they are the same ones */
    uint32_t looks; /* that it was so before */
    /* The look that goes on. */
    struct flight before, now;
    uint64_t now_ids;
    bool is_unsure; /* one of the calls may be counted, or not any more */
};

static uint64_t
book_of(uint32_t slot, bool is_account)
{
    return (uint64_t)slot << 1 | is_account;
}

static struct tg_counters *
counters_of(const struct tg_state *state, uint64_t book)
{
    return book & 1 ? &state->accounts[book >> 1].counters
                    : &state->keys[book >> 1].counters;
}

static struct flight
read_counters(const struct tg_state *state, uint64_t book)
{
    struct tg_counters *counters = counters_of(state, book);

    return (struct flight){atomic_load(&counters->in_flight),
                           atomic_load(&counters->held_nanos)};
}

static bool
is_same(struct flight a, struct flight b)
{
    return a.calls == b.calls && a.held_nanos == b.held_nanos;
}

void
tg_crowd_suspect(struct tg_crowd *crowd)
{
    crowd->is_asked = true;
}

static int
add(struct tg_crowd *crowd, uint64_t book)
{
    if (crowd->count == crowd->room) {
        size_t room = crowd->room != 0 ? crowd->room * 2 : 64;
        void *list = realloc(crowd->list, room * sizeof(crowd->list[0]));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        crowd->list = list;
        crowd->room = room;
    }
    crowd->list[crowd->count++] = (struct tg_suspect){.book = book};
    return 0;
}

static int
by_book(const void *a, const void *b)
{
    const struct tg_suspect *x = a, *y = b;

    return (x->book > y->book) - (x->book < y->book);
}

static int
gather_some(struct tg_crowd *crowd, const struct tg_state *state, uint32_t used,
            bool is_account)
{
    int err = 0;

    for (uint32_t i = 0; i < used && err == 0; i++) {
        uint64_t book = book_of(i, is_account);

        if (!is_same(read_counters(state, book), (struct flight){0}))
            err = add(crowd, book);
    }
    return err;
}

/* All that seem to have a call. */
static int
gather(struct tg_crowd *crowd, const struct tg_state *state)
{
    const struct tg_state_header *header = state->header;
    int err;

    crowd->count = 0;
    err =
        gather_some(crowd, state, atomic_load(&header->key_high_water), false);
    if (err == 0)
        err = gather_some(crowd, state,
                          atomic_load(&header->account_high_water), true);
    if (crowd->count > 0)
        qsort(crowd->list, crowd->count, sizeof(crowd->list[0]), by_book);
    return err;
}

/*
 * One with a status is being settled.  It is counted no more; or it is, when
 * its worker died before that, until the daemon settles it in its place.
 */
static void
note(struct tg_crowd *crowd, uint64_t book, const struct tg_call *call)
{
    struct tg_suspect *suspect = NULL, key = {.book = book};
    uint64_t number;

    if (crowd->count > 0)
        suspect =
            bsearch(&key, crowd->list, crowd->count, sizeof(key), by_book);
    if (suspect == NULL)
        return;
    memcpy(&number, call->id.bytes + 8, sizeof(number));
    suspect->is_unsure |= call->status != 0;
    suspect->now.calls++;
    suspect->now.held_nanos += call->held_nanos;
    suspect->now_ids += number;
}

static void
count_calls(struct tg_crowd *crowd, const struct tg_state *state)
{
    const struct tg_state_header *header = state->header;
    struct tg_look look;

    for (uint32_t i = 0; i < header->area_count; i++) {
        const struct tg_call_slot *slots =
            state->call_slots + (size_t)i * header->area_slots;
        uint32_t used = atomic_load(&state->areas[i].high_water);

        for (uint32_t j = 0; j < used && j < header->area_slots; j++) {
            if (!tg_look_at(&slots[j], &look))
                continue;
            note(crowd, book_of(look.call.key_slot, false), &look.call);
            note(crowd, book_of(look.call.account_slot, true), &look.call);
        }
    }
}

/* Whether they are what stands in slots now; else somebody has come or gone. */
static bool
mend(const struct tg_state *state, const struct tg_suspect *suspect)
{
    struct tg_counters *counters = counters_of(state, suspect->book);
    struct flight counted = suspect->counted;

    return atomic_compare_exchange_strong(&counters->in_flight, &counted.calls,
                                          suspect->in_slots.calls) &&
           atomic_compare_exchange_strong(&counters->held_nanos,
                                          &counted.held_nanos,
                                          suspect->in_slots.held_nanos);
}

/* Whether it is to be looked at again. */
static bool
is_left(const struct tg_state *state, struct tg_suspect *suspect, int *mended)
{
    struct flight after = read_counters(state, suspect->book);

    if (!suspect->is_unsure && is_same(after, suspect->before) &&
        is_same(after, suspect->now))
        return false;
    if (suspect->is_unsure || !is_same(after, suspect->before) ||
        !is_same(after, suspect->counted) ||
        !is_same(suspect->now, suspect->in_slots) ||
        suspect->now_ids != suspect->ids) {
        suspect->looks = 0;
    } else if (++suspect->looks == LOOKS) {
        suspect->looks = 0;
        if (mend(state, suspect)) {
            ++*mended;
            return false;
        }
    }
    suspect->counted = after;
    suspect->in_slots = suspect->now;
    suspect->ids = suspect->now_ids;
    return true;
}

static int
look_at_all(struct tg_crowd *crowd, const struct tg_state *state)
{
    size_t left = 0;
    int mended = 0;

    for (size_t i = 0; i < crowd->count; i++) {
        struct tg_suspect *suspect = &crowd->list[i];

        suspect->before = read_counters(state, suspect->book);
        suspect->now = (struct flight){0};
        suspect->now_ids = 0;
        suspect->is_unsure = false;
    }
    count_calls(crowd, state);
    for (size_t i = 0; i < crowd->count; i++) {
        if (is_left(state, &crowd->list[i], &mended))
            crowd->list[left++] = crowd->list[i];
    }
    crowd->count = left;
    return mended;
}

int
tg_crowd_look(struct tg_crowd *crowd, const struct tg_state *state,
              int64_t now_ms)
{
    int64_t wait_ms = crowd->due_ms - now_ms;

    /* A clock that was set back must not put off the next look. */
    if ((!crowd->is_asked && crowd->count == 0) ||
        (wait_ms > 0 && wait_ms <= LOOK_MS))
        return 0;
    crowd->due_ms = now_ms + LOOK_MS;
    if (crowd->is_asked && gather(crowd, state) != 0)
        return TG_ERR_SYSTEM;
    crowd->is_asked = false;
    return look_at_all(crowd, state);
}

void
tg_crowd_release(struct tg_crowd *crowd)
{
    free(crowd->list);
    memset(crowd, 0, sizeof(*crowd));
}
