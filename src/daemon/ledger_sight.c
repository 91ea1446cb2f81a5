#include "ledger_sight.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

#define CHUNK 1000
#define TRIES 30

static int
grow(void **list, size_t count, size_t *room, size_t size)
{
    size_t more = *room != 0 ? *room * 2 : 64;
    void *bigger;

    if (count < *room)
        return 0;
    bigger = realloc(*list, more * size);
    if (bigger == NULL)
        return TG_ERR_SYSTEM;
    *list = bigger;
    *room = more;
    return 0;
}

static uint32_t
slots_used(const struct tg_state *state, uint32_t area)
{
    uint32_t used = atomic_load(&state->areas[area].high_water);

    return used < state->header->area_slots ? used : state->header->area_slots;
}

static const struct tg_call_slot *
slot_at(const struct tg_state *state, uint32_t area, uint32_t slot)
{
    return state->call_slots + (size_t)area * state->header->area_slots + slot;
}

static int
scan(const struct tg_state *state, struct tg_flights *flights)
{
    int err = 0;

    flights->count = 0;
    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint32_t used =
            atomic_load(&state->areas[i].writer_id) ? slots_used(state, i) : 0;

        for (uint32_t j = 0; j < used && err == 0; j++) {
            err = grow((void **)&flights->list, flights->count, &flights->room,
                       sizeof(flights->list[0]));
            if (err == 0 && tg_look_at(slot_at(state, i, j),
                                       &flights->list[flights->count]))
                flights->count++;
        }
    }
    return err;
}

static uint64_t
big_endian(const uint8_t bytes[8])
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

/*
 * A slot keeps the id of its last call, so the highest number in an area's
 * slots is that of a call which has begun; those below it have, too.
 */
static void
count_begun(struct tg_sights *sights)
{
    const struct tg_state *state = sights->check->state;

    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint64_t writer = atomic_load(&state->areas[i].writer_id), most = 0;
        uint32_t used = writer != 0 ? slots_used(state, i) : 0;

        for (uint32_t j = 0; j < used; j++) {
            const struct tg_call_slot *slot = slot_at(state, i, j);
            struct tg_call_id id = slot->call.id;
            uint64_t number = big_endian(id.bytes + 8);

            if (big_endian(id.bytes) == writer && number + 1 > most)
                most = number + 1;
        }
        sights->writers[i] = writer;
        sights->begun[i] = most;
    }
}

static bool
is_older(const struct tg_sights *sights, const struct tg_call_id *id)
{
    uint64_t writer = big_endian(id->bytes);

    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (sights->writers[i] == writer)
            return big_endian(id->bytes + 8) < sights->begun[i];
    }
    return false;
}

int
tg_sights_open(struct tg_sights *sights, struct tg_ledger_check *check)
{
    memset(sights, 0, sizeof(*sights));
    sights->check = check;
    return check->state->header->area_count > TG_AREA_COUNT ? TG_ERR_FORMAT : 0;
}

int
tg_sights_before(struct tg_sights *sights)
{
    count_begun(sights);
    return scan(sights->check->state, &sights->before);
}

static int
keep_late(void *arg, int64_t seq, const struct tg_call *call)
{
    struct tg_sights *sights = arg;
    int err = grow((void **)&sights->late, sights->late_count,
                   &sights->late_room, sizeof(sights->late[0]));

    if (err == 0)
        sights->late[sights->late_count++] =
            (struct tg_late_call){.seq = seq, .call = *call};
    return err;
}

/* All that was journaled when "after" was over. */
static int
take_late(struct tg_sights *sights)
{
    bool is_in = false;
    uint32_t count;
    int err = 0;

    for (int i = 0; i < TRIES && !is_in; i++) {
        if (*sights->check->is_over)
            return TG_ERR_BUSY;
        is_in = tg_daemon_catch_up(sights->check->daemon);
    }
    if (!is_in)
        return TG_ERR_BUSY;
    sights->late_count = 0;
    do
        err = tg_ledger_late(sights->check, CHUNK, keep_late, sights, &count);
    while (err == 0 && count == CHUNK);
    return err;
}

/* Where one call was seen. */
struct ref {
    const struct tg_call_id *id;
    const struct tg_look *before, *after;
    const struct tg_call *record;
};

static int
by_id(const void *a, const void *b)
{
    const struct ref *x = a, *y = b;

    return memcmp(x->id, y->id, sizeof(*x->id));
}

static int
by_book(const void *a, const void *b)
{
    const struct tg_sight *x = a, *y = b;

    return (x->book > y->book) - (x->book < y->book);
}

static int
add_sight(struct tg_sights *sights, const char *id, bool is_account,
          const struct tg_sighting *seen)
{
    uint32_t book;
    int err = tg_books_open(&sights->check->books, id, is_account, &book);

    if (err == 0)
        err = grow((void **)&sights->list, sights->count, &sights->room,
                   sizeof(sights->list[0]));
    if (err == 0)
        sights->list[sights->count++] =
            (struct tg_sight){.book = book, .seen = *seen};
    return err;
}

static int
add_call(struct tg_sights *sights, const struct ref *refs, size_t count)
{
    struct tg_sighting seen = {.is_older = is_older(sights, refs->id)};
    const struct tg_call *call;
    int err;

    for (size_t i = 0; i < count; i++) {
        if (refs[i].before != NULL)
            seen.before = refs[i].before;
        if (refs[i].after != NULL)
            seen.after = refs[i].after;
        if (refs[i].record != NULL)
            seen.record = refs[i].record;
    }
    call = seen.record != NULL   ? seen.record
           : seen.before != NULL ? &seen.before->call
                                 : &seen.after->call;
    err = add_sight(sights, call->key_id, false, &seen);
    return err == 0 ? add_sight(sights, call->account_id, true, &seen) : err;
}

static size_t
collect(const struct tg_sights *sights, struct ref *refs)
{
    size_t n = 0;

    for (size_t i = 0; i < sights->before.count; i++)
        refs[n++] = (struct ref){.id = &sights->before.list[i].call.id,
                                 .before = &sights->before.list[i]};
    for (size_t i = 0; i < sights->after.count; i++)
        refs[n++] = (struct ref){.id = &sights->after.list[i].call.id,
                                 .after = &sights->after.list[i]};
    for (size_t i = 0; i < sights->late_count; i++)
        refs[n++] = (struct ref){.id = &sights->late[i].call.id,
                                 .record = &sights->late[i].call};
    return n;
}

static int
make_list(struct tg_sights *sights)
{
    size_t most =
        sights->before.count + sights->after.count + sights->late_count;
    struct ref *refs = malloc((most + 1) * sizeof(*refs));
    size_t count;
    int err = 0;

    sights->count = 0;
    if (refs == NULL)
        return TG_ERR_SYSTEM;
    count = collect(sights, refs);
    qsort(refs, count, sizeof(refs[0]), by_id);
    for (size_t i = 0, next; i < count && err == 0; i = next) {
        for (next = i + 1; next < count && by_id(&refs[i], &refs[next]) == 0;)
            next++;
        err = add_call(sights, &refs[i], next - i);
    }
    free(refs);
    if (sights->count > 0)
        qsort(sights->list, sights->count, sizeof(sights->list[0]), by_book);
    return err;
}

/* For whoever asks how much is going on. */
static void
sum_flights(struct tg_sights *sights)
{
    struct tg_ledger_check *check = sights->check;

    check->looks++;
    check->calls_in_flight = sights->after.count;
    check->held_nanos = 0;
    for (size_t i = 0; i < sights->after.count; i++) {
        if (tg_share_stage(sights->after.list[i].share) == TG_STAGE_HELD)
            check->held_nanos += sights->after.list[i].call.held_nanos;
    }
}

/*
 * A call in the store and in a slot as well is no late one when it was in the
 * books before "before" began: it is left out of the list.
 */
static int
drop_known(struct tg_flights *flights, struct tg_ledger_check *check,
           int64_t until_seq)
{
    size_t kept = 0;
    int err = 0;

    for (size_t i = 0; i < flights->count && err == 0; i++) {
        struct tg_call stored;
        int64_t seq = 0;

        err = check->store->ops->call_get(
            check->store, &flights->list[i].call.id, &seq, &stored);
        if (err == TG_ERR_NOT_FOUND)
            err = 0;
        if (err == 0 && (seq == 0 || seq > until_seq))
            flights->list[kept++] = flights->list[i];
    }
    flights->count = kept;
    return err;
}

int
tg_sights_after(struct tg_sights *sights)
{
    struct tg_ledger_check *check = sights->check;
    int64_t until_seq = check->last_seq;
    int err = scan(check->state, &sights->after);

    if (err == 0)
        err = take_late(sights);
    sum_flights(sights);
    if (err == 0)
        err = drop_known(&sights->before, check, until_seq);
    if (err == 0)
        err = drop_known(&sights->after, check, until_seq);
    return err == 0 ? make_list(sights) : err;
}

void
tg_sights_close(struct tg_sights *sights)
{
    free(sights->before.list);
    free(sights->after.list);
    free(sights->late);
    free(sights->list);
    memset(sights, 0, sizeof(*sights));
}
