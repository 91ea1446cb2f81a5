#include "oracle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "cell.h"
#include "disk.h"
#include "model_store.h"
#include "state.h"
#include "world.h"

static struct oracle_call calls[ORACLE_CALLS_MAX];
static size_t call_count;
static struct tg_state state; /* a view of its own; map NULL: there is none */
static bool is_fresh;         /* attached, not yet ready */

/* A key's cells of which the clock went back, and what it saw there last. */
static struct {
    bool has_gone_back[2];
    bool may_exceed[2]; /* a period's sum: its calls were counted in two */
    bool went_back[2];  /* the clock, over a period, at any time */
    bool is_sum[2];     /* the cell: of all calls of a period, made since */
    uint16_t period[2];
    bool is_fresh; /* in a file that was made anew, and not seen there yet */
    uint32_t slot; /* where it was found last */
} seen[WORLD_KEYS];

/*
 * Has a call that was settled by its hold alone: of that, a part may have been
 * given back, and held by another, before its record was written.
 */
static bool is_overcharged[WORLD_KEYS];

static struct oracle_totals totals;

void
oracle_begin(void)
{
    call_count = 0;
    memset(seen, 0, sizeof(seen));
    memset(is_overcharged, 0, sizeof(is_overcharged));
    memset(&totals, 0, sizeof(totals));
}

void
oracle_end(void)
{
    if (state.map != NULL)
        tg_state_close(&state);
    state.map = NULL;
}

struct oracle_totals
oracle_totals(void)
{
    return totals;
}

struct oracle_call *
oracle_find(const struct tg_call_id *id)
{
    for (size_t i = call_count; i-- > 0;) {
        if (memcmp(&calls[i].id, id, sizeof(*id)) == 0)
            return &calls[i];
    }
    return NULL;
}

/* What its slot says, as long as that is its own. */
static void
look(struct oracle_call *call)
{
    const struct tg_call_slot *slot;

    if (state.map == NULL || call->is_ended || call->is_lost)
        return;
    slot = &state.call_slots[call->slot];
    if (memcmp(&slot->call.id, &call->id, sizeof(call->id)) != 0)
        return;
    call->held_nanos = slot->call.held_nanos;
    call->wanted_nanos = slot->wanted_nanos;
    call->cost_nanos = slot->call.cost_nanos;
    call->day = (int32_t)slot->call.day;
    call->month = slot->call.month;
}

struct oracle_call *
oracle_begun(const struct tg_state *from, const struct tg_call_slot *slot)
{
    struct oracle_call *call = &calls[call_count];

    if (call_count++ == ORACLE_CALLS_MAX)
        abort();
    *call = (struct oracle_call){
        .id = slot->call.id,
        .key = world_key_of(slot->call.key_id),
        .slot = (uint32_t)(slot - from->call_slots),
        .at_ms = slot->call.at_ms,
        .prompt_bound = slot->call.prompt_bound,
        .completion_bound = slot->call.completion_bound,
    };
    look(call);
    return call;
}

void
oracle_orphan(uint64_t writer_id)
{
    struct tg_call_id first = tg_call_id_make(writer_id, 0);

    for (size_t i = 0; i < call_count; i++) {
        if (memcmp(&calls[i].id, &first, 8) == 0 && !calls[i].is_ended)
            calls[i].is_orphaned = true;
    }
}

void
oracle_durable(uint64_t writer_id, uint64_t records)
{
    struct tg_call_id first = tg_call_id_make(writer_id, 0);

    for (size_t i = 0; i < call_count; i++) {
        if (memcmp(&calls[i].id, &first, 8) == 0 && calls[i].record != 0 &&
            calls[i].record <= records)
            calls[i].is_durable = true;
    }
}

/* What a record must say. */
struct expected {
    enum tg_basis basis;
    int64_t prompt_tokens, completion_tokens, cost_nanos; /* not of held */
};

static struct expected
priced(enum tg_basis basis, int64_t prompt, int64_t cached, int64_t completion)
{
    int64_t picos = cached * WORLD_HIT_PICOS +
                    (prompt - cached) * WORLD_MISS_PICOS +
                    completion * WORLD_OUTPUT_PICOS;

    return (struct expected){basis, prompt, completion, (picos + 999) / 1000};
}

/* An event with text has a token at least, and four bytes of text are one. */
static int64_t
counted(const struct oracle_answer *answer)
{
    int64_t by_text = (answer->bytes + 3) / 4;

    return by_text > answer->events ? by_text : answer->events;
}

static struct expected
by_count(const struct oracle_call *call)
{
    const struct oracle_answer *answer = &call->answer;
    int64_t completion = counted(answer);

    if (completion == 0 && !answer->is_stream)
        return (struct expected){.basis = TG_BASIS_HELD};
    if (completion > call->completion_bound)
        completion = call->completion_bound;
    return priced(TG_BASIS_COUNTED, (call->prompt_bound - 512 + 3) / 4, 0,
                  completion);
}

/* How its own worker settles it. */
static struct expected
when_settled(const struct oracle_call *call)
{
    const struct oracle_answer *answer = &call->answer;

    if (call->is_sent && answer->status < 300 && answer->has_report &&
        answer->is_believable && answer->is_over)
        return priced(TG_BASIS_REPORTED, answer->prompt_tokens,
                      answer->cached_tokens, answer->completion_tokens);
    if (!call->is_sent || answer->status >= 300 ||
        (!answer->has_bytes && !call->has_left))
        return (struct expected){.basis = TG_BASIS_NONE};
    return by_count(call);
}

/* How the daemon does, which has seen nothing of the answer but its count. */
static struct expected
when_lost(const struct oracle_call *call)
{
    if (!call->is_sent)
        return (struct expected){.basis = TG_BASIS_NONE};
    return by_count(call);
}

/* What costs more than could be held in the end costs the hold. */
static bool
says(const struct tg_call *record, const struct expected *want)
{
    if (record->basis == TG_BASIS_HELD)
        return record->cost_nanos == record->held_nanos &&
               (want->basis == TG_BASIS_HELD ||
                (want->cost_nanos > record->held_nanos));
    return record->basis == want->basis &&
           record->prompt_tokens == want->prompt_tokens &&
           record->completion_tokens == want->completion_tokens &&
           record->cost_nanos == want->cost_nanos &&
           record->cost_nanos <= record->held_nanos;
}

/* Settled by its hold alone, and not from its slot. */
static bool
is_forgotten(const struct oracle_call *call, const struct tg_call *record)
{
    return record->basis == TG_BASIS_HELD && sim.manner.is_strict &&
           (record->flags & TG_CALL_RECOVERED) != 0 && call->is_left;
}

/* So is only a call whose own record cannot be read. */
static void
check_forgotten(const struct oracle_call *call, const struct tg_call *record)
{
    if (disk_has(&call->id, false))
        sim_wrong("P2: a call is settled by its hold, and has a record");
    else if (record->cost_nanos != record->held_nanos ||
             (record->cost_nanos != call->left_nanos &&
              !disk_has_hold_of(&call->id, record->cost_nanos)))
        sim_wrong("P2: a call costs %lld nanos, which it did not hold",
                  (long long)record->cost_nanos);
}

void
oracle_check_record(const struct tg_call *record)
{
    const struct oracle_call *call = oracle_find(&record->id);
    struct expected settled, lost;

    if (call == NULL) {
        sim_wrong("P2: a record of a call that never was");
        return;
    }
    settled = when_settled(call);
    lost = when_lost(call);
    if (call->is_settling && says(record, &settled))
        return;
    if (call->is_orphaned && says(record, &lost))
        return;
    if (is_forgotten(call, record)) {
        check_forgotten(call, record);
        return;
    }
    sim_wrong("P2: a record says basis %d, %lld + %lld tokens, %lld of %lld "
              "nanos; it should be %d, %lld + %lld, %lld%s",
              record->basis, (long long)record->prompt_tokens,
              (long long)record->completion_tokens,
              (long long)record->cost_nanos, (long long)record->held_nanos,
              (int)settled.basis, (long long)settled.prompt_tokens,
              (long long)settled.completion_tokens,
              (long long)settled.cost_nanos,
              call->is_orphaned ? ", or as a lost call" : "");
}

void
oracle_committed(const struct tg_call *record)
{
    struct oracle_call *call = oracle_find(&record->id);

    oracle_check_record(record);
    if (call == NULL)
        return;
    if (call->is_recorded)
        sim_wrong("P2: a call has two records in the store");
    call->is_recorded = true;
    if (call->is_cancelled)
        sim_wrong("P2: a record of a call that was taken back");
    if (call->is_lost && !call->is_late)
        sim_wrong("a record of call %lld, of which nothing was left",
                  (long long)(call - calls));
    if (is_forgotten(call, record) &&
        !(call->is_settled && call->cost_nanos == record->cost_nanos)) {
        call->is_settled = true;
        call->cost_nanos = record->cost_nanos;
        call->held_nanos = record->held_nanos;
        call->day = (int32_t)record->day;
        call->month = record->month;
        is_overcharged[call->key] = true;
    }
    if (call->is_settled && call->cost_nanos != record->cost_nanos)
        sim_wrong("P2: settled at %lld nanos, recorded with %lld",
                  (long long)call->cost_nanos, (long long)record->cost_nanos);
}

static bool
has_key(uint32_t slot, unsigned key)
{
    struct tg_key_policy policy;
    uint64_t seq;

    return tg_state_key(&state, slot, &policy, &seq) == 0 &&
           memcmp(policy.id, world_key_id(key), TG_ID_LEN) == 0;
}

/* Whether a key can be found by now: a new file is filled while it is used. */
static bool
is_open(unsigned key)
{
    uint32_t slots = atomic_load(&state.header->key_high_water);

    if (has_key(seen[key].slot, key))
        return true;
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (has_key(slot, key)) {
            seen[key].slot = slot;
            return true;
        }
    }
    return false;
}

/* Of a key that is open. */
static const struct tg_cell *
cell_of(unsigned key, int kind)
{
    const struct tg_key_record *record = &state.keys[seen[key].slot];

    return kind == TG_CELL_DAY ? &record->day : &record->month;
}

static int64_t
budget_of(unsigned key, int kind)
{
    int64_t nanos = kind == TG_CELL_DAY ? world.keys[key].daily_nanos
                                        : world.keys[key].monthly_nanos;

    return nanos == 0 ? INT64_MAX : nanos;
}

static int64_t
money_of(unsigned account)
{
    return world.accounts[account].billing == TG_BILLING_POSTPAID
               ? INT64_MAX
               : world.accounts[account].granted_nanos;
}

static const char *const kinds[] = {"day", "month"};

static bool
is_ready(void)
{
    return state.map != NULL && atomic_load(&state.header->is_ready) == 1;
}

static bool
is_account_overcharged(unsigned account)
{
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        if (is_overcharged[key] && world.keys[key].account == account)
            return true;
    }
    return false;
}

/*
 * A clock that goes back over a period gives it a second budget (not handled:
 * docs/reliability.md), and a file that is made anew has the sum of both.
 */
static bool
may_be_above(unsigned key, int kind)
{
    return is_overcharged[key] || seen[key].is_sum[kind] ||
           ((is_fresh || seen[key].is_fresh) && seen[key].went_back[kind]);
}

void
oracle_check_cells(const char *where)
{
    if (!is_ready())
        return;
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        for (int kind = 0; kind < 2 && is_open(key); kind++) {
            int64_t used = atomic_load(&cell_of(key, kind)->used_nanos);

            if ((used > budget_of(key, kind) && !may_be_above(key, kind)) ||
                used < 0)
                sim_wrong("P3: key %u has %lld of %lld in its %s, at %s", key,
                          (long long)used, (long long)budget_of(key, kind),
                          kinds[kind], where);
        }
    }
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        int64_t used = atomic_load(&state.accounts[i].committed.used_nanos) +
                       model_store_base(i);

        if (used > money_of(i) && !is_account_overcharged(i))
            sim_wrong("P3: account %u has %lld of %lld, at %s", i,
                      (long long)used, (long long)money_of(i), where);
    }
}

/* What of a call stands in cells, at least and at most. */
struct share {
    int64_t least, most;
};

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct share
share_of(const struct oracle_call *call)
{
    if (call->is_cancelled || call->is_lost)
        return (struct share){0, 0};
    if (call->is_settled)
        return (struct share){call->cost_nanos, call->cost_nanos};
    if (call->is_admitted && !call->is_orphaned)
        return (struct share){call->held_nanos, call->held_nanos};
    return (struct share){
        0,
        larger(call->held_nanos, larger(call->wanted_nanos, call->cost_nanos))};
}

static bool
is_certain(const struct oracle_call *call)
{
    struct share share = share_of(call);

    return share.least == share.most;
}

static uint16_t
period_of(const struct oracle_call *call, int kind)
{
    return kind == TG_CELL_DAY ? (uint16_t)call->day : call->month;
}

static void
add(struct share *sum, const struct share *share)
{
    sum->least += share->least;
    sum->most += share->most;
}

static void
compare(int64_t used, const struct share *sum, const char *what, unsigned n)
{
    if (used < sum->least || used > sum->most)
        sim_wrong("the %s of %u has %lld nanos; its calls have %lld to %lld",
                  what, n, (long long)used, (long long)sum->least,
                  (long long)sum->most);
}

static void
check_key(unsigned key, int kind)
{
    const struct tg_cell *cell = cell_of(key, kind);
    uint16_t period = tg_cell_period(atomic_load(&cell->mark));
    struct share sum = {0, 0};

    if ((int16_t)(period - seen[key].period[kind]) < 0)
        seen[key].has_gone_back[kind] = seen[key].may_exceed[kind] =
            seen[key].went_back[kind] = true;
    seen[key].period[kind] = period;
    /* A clock that came back: the cell keeps what it had of the other day. */
    if (seen[key].has_gone_back[kind])
        return;
    for (size_t i = 0; i < call_count; i++) {
        struct share share = share_of(&calls[i]);

        if (calls[i].key != key)
            continue;
        if (period_of(&calls[i], kind) == period || !is_certain(&calls[i]))
            add(&sum, &share);
    }
    compare(atomic_load(&cell->used_nanos), &sum, kinds[kind], key);
}

static void
check_account(unsigned account)
{
    struct share sum = {0, 0};

    for (size_t i = 0; i < call_count; i++) {
        struct share share = share_of(&calls[i]);

        if (world.keys[calls[i].key].account == account)
            add(&sum, &share);
    }
    compare(atomic_load(&state.accounts[account].committed.used_nanos) +
                model_store_base(account),
            &sum, "account", account);
}

/*
 * The state file was made without what could not be read by then: in a segment
 * that was given up, or that is damaged.  Looked at again, it may come into
 * the store, and into the next state file.
 */
static void
settle_late(struct oracle_call *call)
{
    bool is_recorded = model_store_find(&call->id) != NULL;

    if (call->is_late && is_recorded)
        call->is_lost = call->is_late = false;
    if (call->is_cancelled || is_recorded || call->is_lost)
        return;
    if ((disk_spoilt(&call->id) && !disk_has(&call->id, false)) ||
        (call->is_left && !disk_has(&call->id, false))) {
        call->is_late = disk_has(&call->id, true) || disk_hold(&call->id);
        call->is_lost = true;
    }
}

/* A state file made anew looks no further back. */
#define SPEND_MS (33LL * 86400000)

/*
 * A state file made anew knows of calls what the store and the journal do.
 * Not handled by the product: a call that was admitted before all that it
 * looks at and moved to a later period is in none; one that is made when the
 * clock was set back since may look at it again.
 */
static void
settle_calls(void)
{
    static const struct tg_str utc;

    for (size_t i = 0; i < call_count; i++) {
        struct oracle_call *call = &calls[i];
        const struct tg_call *record = model_store_find(&call->id);

        settle_late(call);
        if (call->at_ms < sim.now_ms - SPEND_MS) {
            call->day = tg_calendar_day(utc, call->at_ms);
            call->month = (uint16_t)tg_calendar_month(utc, call->at_ms);
        } else if (record != NULL) {
            call->day = (int32_t)record->day;
            call->month = record->month;
        }
    }
    for (unsigned key = 0; key < WORLD_KEYS; key++)
        seen[key].is_fresh = true;
}

/* The first look at a key's cells in such a file. */
static void
settle_periods(unsigned key, int kind)
{
    seen[key].has_gone_back[kind] = false;
    seen[key].may_exceed[kind] = true;
    seen[key].period[kind] =
        tg_cell_period(atomic_load(&cell_of(key, kind)->mark));
    /* Made while the clock was behind: what is of later is not in it. */
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].key == key &&
            (int16_t)(period_of(&calls[i], kind) - seen[key].period[kind]) > 0)
            seen[key].has_gone_back[kind] = seen[key].went_back[kind] = true;
    }
    seen[key].is_sum[kind] = seen[key].went_back[kind];
}

void
oracle_check_sums(void)
{
    if (!is_ready())
        return;
    if (is_fresh)
        settle_calls();
    is_fresh = false;
    for (size_t i = 0; i < call_count; i++)
        look(&calls[i]);
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        if (!is_open(key))
            continue;
        for (int kind = 0; kind < 2 && seen[key].is_fresh; kind++)
            settle_periods(key, kind);
        seen[key].is_fresh = false;
        check_key(key, TG_CELL_DAY);
        check_key(key, TG_CELL_MONTH);
    }
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++)
        check_account(i);
}

void
oracle_attach(const char *path)
{
    struct tg_state found;

    if (tg_state_open(&found, AT_FDCWD, path) != 0)
        abort();
    if (state.map != NULL &&
        memcmp(found.header->uuid, state.header->uuid, 16) == 0) {
        tg_state_close(&found);
        return;
    }
    oracle_end();
    state = found;
    is_fresh = true;
}

/*
 * With the state file a call may be lost whose record is neither in the store
 * nor whole on the disk: one in flight, or one that its worker had not yet
 * made durable.  In strict mode none may that was sent: its hold is there.
 */
static bool
is_gone(const struct oracle_call *call)
{
    return model_store_find(&call->id) == NULL && !disk_has(&call->id, true) &&
           disk_hold(&call->id) == NULL;
}

static void
leave(struct oracle_call *call)
{
    const struct tg_call *hold = disk_hold(&call->id);

    call->is_left = true;
    call->left_nanos = hold == NULL ? -1 : hold->held_nanos;
}

static void
check_may_be_lost(const struct oracle_call *call)
{
    if (call->is_durable && !disk_spoilt(&call->id) &&
        !disk_has(&call->id, true))
        sim_wrong("P2: call %lld is lost, whose record was durable",
                  (long long)(call - calls));
    if (sim.manner.is_strict && call->is_sent && is_gone(call) &&
        !disk_spoilt_hold(&call->id) && !disk_spoilt(&call->id))
        sim_wrong("P2: call %lld is lost, which was sent: slot %u of key %u",
                  (long long)(call - calls), call->slot, call->key);
}

void
oracle_state_lost(void)
{
    for (size_t i = 0; i < call_count; i++) {
        struct oracle_call *call = &calls[i];

        look(call);
        call->is_ended = true;
        if (call->is_cancelled || model_store_find(&call->id) != NULL ||
            (call->is_lost && !call->is_late))
            continue;
        leave(call);
        check_may_be_lost(call);
        if (is_gone(call))
            call->is_lost = true;
    }
    oracle_end();
}

/* The calls of no period ever cost more than its budget. */
static void
check_periods(unsigned key, int kind)
{
    for (size_t i = 0; i < call_count; i++) {
        int64_t sum = 0;

        if (calls[i].key != key)
            continue;
        for (size_t k = 0; k < call_count; k++) {
            if (calls[k].key == key &&
                period_of(&calls[k], kind) == period_of(&calls[i], kind))
                sum += share_of(&calls[k]).most;
        }
        if (sum > budget_of(key, kind)) {
            sim_wrong("P3: calls of a %s of key %u cost %lld of %lld",
                      kinds[kind], key, (long long)sum,
                      (long long)budget_of(key, kind));
            return;
        }
    }
}

static void
check_counters(const struct tg_counters *counters, const char *what, unsigned n)
{
    int64_t held = atomic_load(&counters->held_nanos);
    int in_flight = atomic_load(&counters->in_flight);

    if (held != 0 || in_flight != 0)
        sim_wrong("%s %u holds %lld nanos at rest, with %d calls in flight",
                  what, n, (long long)held, in_flight);
}

static void
check_call(const struct oracle_call *call)
{
    const struct tg_call *record = model_store_find(&call->id);

    totals.admitted += call->is_admitted;
    totals.recorded += record != NULL;
    totals.lost += call->is_lost;
    if (record != NULL) {
        if ((call->is_lost && !call->is_late) || call->is_cancelled)
            sim_wrong("P2: a record of a call that was not");
        return;
    }
    if (call->is_cancelled || call->is_lost)
        return;
    if (disk_spoilt(&call->id) && call->is_settled)
        totals.spoilt++;
    else
        sim_wrong("P2: call %lld of key %u, slot %u, has no record",
                  (long long)(call - calls), call->key, call->slot);
}

void
oracle_check_end(void)
{
    oracle_check_sums();
    for (size_t i = 0; i < call_count; i++)
        check_call(&calls[i]);
    for (size_t i = 0; i < call_count; i++) {
        if (!is_certain(&calls[i]))
            sim_wrong("call %zu is not settled", i);
    }
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        if (!is_open(key))
            sim_wrong("key %u cannot be found", key);
        check_counters(&state.keys[seen[key].slot].counters, "key", key);
        for (int kind = 0; kind < 2; kind++) {
            if (!seen[key].may_exceed[kind])
                check_periods(key, kind);
        }
    }
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++)
        check_counters(&state.accounts[i].counters, "account", i);
    if (disk_sound_file() != NULL)
        sim_wrong("%s is sound and was left in the folder", disk_sound_file());
}
