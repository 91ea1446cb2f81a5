#include "pool.h"

#include <assert.h>

/* Others may step back at the same instant; then there is room. */
#define TRIES 4

/* Longer than any row is closed: a clock that was ahead has been set back. */
#define UNTIL_MS_MAX 1000000

/* Why a row is not open, in its word; 0 is open. */
enum { RESTING = 1, WAITING, REJECTED };

/*
 * The word of a row, taken apart; from the lowest bit: until 44, failures 6,
 * probing 1, kind 2, turns 11.
 */
struct word {
    int64_t until_ms;
    uint32_t failures, kind, turns;
    bool is_probing;
};

#define UNTIL_BITS 44
#define UNTIL_MS_LAST ((INT64_C(1) << UNTIL_BITS) - 1)
#define FAILURES_MAX 63

static struct word
unpack(uint64_t bits)
{
    return (struct word){
        .until_ms = (int64_t)bits & UNTIL_MS_LAST,
        .failures = (uint32_t)(bits >> UNTIL_BITS) & FAILURES_MAX,
        .is_probing = (bits >> 50 & 1) != 0,
        .kind = (uint32_t)(bits >> 51) & 3,
        .turns = (uint32_t)(bits >> 53),
    };
}

/* A clock that is before 1970, or behind 2527, is kept at its end. */
static uint64_t
pack(const struct word *word)
{
    int64_t until_ms = word->until_ms < 0               ? 0
                       : word->until_ms > UNTIL_MS_LAST ? UNTIL_MS_LAST
                                                        : word->until_ms;

    return (uint64_t)until_ms | (uint64_t)word->failures << UNTIL_BITS |
           (uint64_t)word->is_probing << 50 | (uint64_t)word->kind << 51 |
           (uint64_t)word->turns << 53;
}

static struct tg_pool_row *
row_of(const struct tg_state *state, uint32_t row, uint32_t generation)
{
    struct tg_pool_row *found = &state->pool[row];

    assert(row < TG_CATALOG_CREDENTIALS);
    return atomic_load_explicit(&found->generation, memory_order_acquire) ==
                   generation
               ? found
               : NULL;
}

static enum tg_pool_standing
standing_of(const struct word *word, int64_t now_ms)
{
    if (word->kind == 0)
        return TG_POOL_OPEN;
    if (word->until_ms <= now_ms || word->until_ms > now_ms + UNTIL_MS_MAX)
        return TG_POOL_DUE;
    return word->kind == RESTING   ? TG_POOL_RESTING
           : word->kind == WAITING ? TG_POOL_WAITING
                                   : TG_POOL_REJECTED;
}

/* A limit that was learned long ago may have been raised since. */
static uint32_t
learned(const struct tg_pool_row *row, int64_t now_ms)
{
    int64_t at_ms = atomic_load(&row->learned_at_ms);

    return at_ms <= now_ms && at_ms > now_ms - TG_POOL_LEARNED_MS
               ? atomic_load(&row->concurrency)
               : 0;
}

struct tg_pool_view
tg_pool_look(const struct tg_state *state, uint32_t row, uint32_t generation,
             int64_t now_ms)
{
    const struct tg_pool_row *found = row_of(state, row, generation);
    struct word word;

    if (found == NULL)
        return (struct tg_pool_view){.standing = TG_POOL_OPEN};
    word = unpack(atomic_load(&found->standing));
    return (struct tg_pool_view){
        .standing = standing_of(&word, now_ms),
        .is_probing = word.is_probing && word.until_ms > now_ms,
        .failures = word.failures,
        .until_ms = word.kind == 0 ? 0 : word.until_ms,
        .failed_at_ms = atomic_load(&found->failed_at_ms),
        .status = atomic_load(&found->status),
        .concurrency = learned(found, now_ms),
        .turns = word.turns,
    };
}

int64_t
tg_pool_probe(struct tg_state *state, uint32_t row, uint32_t generation,
              int64_t now_ms)
{
    struct tg_pool_row *found = row_of(state, row, generation);
    uint64_t bits;
    struct word word;

    if (found == NULL)
        return 0;
    bits = atomic_load(&found->standing);
    word = unpack(bits);
    if (standing_of(&word, now_ms) != TG_POOL_DUE)
        return 0;
    word.until_ms = now_ms + TG_POOL_PROBE_MS;
    word.is_probing = true;
    return atomic_compare_exchange_strong(&found->standing, &bits, pack(&word))
               ? word.until_ms
               : 0;
}

void
tg_pool_end_probe(struct tg_state *state, uint32_t row, uint32_t generation,
                  int64_t probe_until_ms, int64_t now_ms)
{
    struct tg_pool_row *found = row_of(state, row, generation);
    uint64_t bits;
    struct word word;

    if (found == NULL)
        return;
    bits = atomic_load(&found->standing);
    do {
        word = unpack(bits);
        if (!word.is_probing || word.until_ms != probe_until_ms)
            return;
        word.is_probing = false;
        word.until_ms = now_ms;
    } while (
        !atomic_compare_exchange_weak(&found->standing, &bits, pack(&word)));
}

static int64_t
delay_ms(const struct tg_fate_row *fate, uint32_t failures)
{
    int64_t ms = fate->first_ms;

    for (uint32_t i = fate->tolerated + 1; i < failures && ms < fate->most_ms;
         i++)
        ms *= 2;
    return ms < fate->most_ms ? ms : fate->most_ms;
}

static uint32_t
kind_of(const struct tg_fate_row *fate, const struct tg_pool_report *report)
{
    if (fate->closes)
        return REJECTED;
    return report->end.fate == TG_FATE_BUSY && report->end.retry_ms > 0
               ? WAITING
               : RESTING;
}

/* Whether the report is of the probe that runs. */
static bool
is_of_probe(const struct word *word, const struct tg_pool_report *report)
{
    return report->probe_until_ms != 0 && word->is_probing &&
           word->until_ms == report->probe_until_ms;
}

/* The word after a failure; false: it stays. */
static bool
fail(struct word *word, const struct tg_pool_report *report, bool is_news,
     int64_t now_ms)
{
    const struct tg_fate_row *fate = tg_fate_row(report->end.fate);
    uint32_t kind = kind_of(fate, report);
    bool is_probe = is_of_probe(word, report);
    int64_t until_ms;

    if (!is_probe && !is_news && kind <= word->kind)
        return false;
    if (word->failures < FAILURES_MAX)
        word->failures++;
    if (word->kind == 0 && word->failures <= fate->tolerated)
        return true;
    until_ms = now_ms + delay_ms(fate, word->failures);
    if (kind == WAITING)
        until_ms = now_ms + (report->end.retry_ms < TG_POOL_WAIT_MS_MAX
                                 ? report->end.retry_ms
                                 : TG_POOL_WAIT_MS_MAX);
    if (is_probe)
        word->is_probing = false;
    if (is_probe || until_ms > word->until_ms)
        word->until_ms = until_ms;
    if (kind == REJECTED && word->kind != REJECTED)
        word->turns = (word->turns + 1) % TG_POOL_TURNS;
    if (kind > word->kind)
        word->kind = kind;
    return true;
}

static void
reopen(struct word *word)
{
    if (word->kind == REJECTED)
        word->turns = (word->turns + 1) % TG_POOL_TURNS;
    *word = (struct word){.turns = word->turns};
}

/* The word after a success; false: it stays. */
static bool
recover(struct word *word, const struct tg_pool_report *report, bool is_news)
{
    if (word->kind == 0 && word->failures == 0)
        return false;
    if (!is_news && !is_of_probe(word, report))
        return false;
    reopen(word);
    return true;
}

/*
 * Remembers how many calls at once the account takes.  Returns whether that
 * was all: we had more, and now know better.  If we had fewer, others use the
 * account, too, and waiting is what helps.
 */
static bool
learn(struct tg_state *state, struct tg_pool_row *found, uint32_t row,
      const struct tg_pool_report *report, int64_t now_ms)
{
    if (report->end.fate != TG_FATE_CROWDED || report->end.limit == 0)
        return false;
    atomic_store(&found->concurrency, report->end.limit);
    atomic_store(&found->learned_at_ms, now_ms);
    return tg_pool_calls(state, row) > report->end.limit;
}

void
tg_pool_report(struct tg_state *state, uint32_t row, uint32_t generation,
               const struct tg_pool_report *report, int64_t now_ms)
{
    struct tg_pool_row *found = row_of(state, row, generation);
    bool is_fine = report->end.fate == TG_FATE_FINE, is_news;
    struct word word;
    uint64_t bits;

    if (found == NULL ||
        (!is_fine && tg_fate_row(report->end.fate)->first_ms == 0))
        return;
    is_news = report->chosen_at_ms > atomic_load(&found->failed_at_ms);
    if (!is_fine) {
        atomic_fetch_add(&found->failures, 1);
        if (learn(state, found, row, report, now_ms))
            return;
    }
    bits = atomic_load(&found->standing);
    do {
        word = unpack(bits);
        if (!(is_fine ? recover(&word, report, is_news)
                      : fail(&word, report, is_news, now_ms)))
            return;
        if (!is_fine) {
            atomic_store(&found->status, report->end.status);
            atomic_store(&found->failed_at_ms, now_ms);
        }
    } while (
        !atomic_compare_exchange_weak(&found->standing, &bits, pack(&word)));
}

void
tg_pool_reset(struct tg_state *state, uint32_t row, uint32_t generation)
{
    struct tg_pool_row *found = &state->pool[row];

    atomic_store(&found->generation, 0);
    atomic_store(&found->standing, 0);
    atomic_store(&found->status, 0);
    atomic_store(&found->failed_at_ms, 0);
    atomic_store(&found->learned_at_ms, 0);
    atomic_store(&found->concurrency, 0);
    atomic_store(&found->told, 0);
    atomic_store(&found->failures, 0);
    atomic_store(&found->generation, generation);
}

void
tg_pool_reopen(struct tg_state *state, uint32_t row, uint32_t generation)
{
    struct tg_pool_row *found = row_of(state, row, generation);
    struct word word;
    uint64_t bits;

    if (found == NULL)
        return;
    atomic_store(&found->concurrency, 0);
    bits = atomic_load(&found->standing);
    do {
        word = unpack(bits);
        reopen(&word);
    } while (
        !atomic_compare_exchange_weak(&found->standing, &bits, pack(&word)));
}

uint32_t
tg_pool_calls(const struct tg_state *state, uint32_t row)
{
    uint32_t calls = 0;

    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (atomic_load_explicit(&state->areas[i].writer_id,
                                 memory_order_relaxed) != 0)
            calls += atomic_load(&state->areas[i].credential_calls[row]);
    }
    return calls;
}

bool
tg_pool_enter(struct tg_area_claim *claim, uint32_t row, uint32_t limit)
{
    _Atomic uint32_t *calls =
        &claim->state->areas[claim->area].credential_calls[row];

    assert(row < TG_CATALOG_CREDENTIALS);
    for (int i = 0; i < TRIES; i++) {
        /* Ours is there before anybody is counted: so two see each other. */
        atomic_fetch_add(calls, 1);
        if (limit == 0 || tg_pool_calls(claim->state, row) <= limit)
            return true;
        atomic_fetch_sub(calls, 1);
    }
    return false;
}

/* A count that was damaged in the file ends at 0, and not in the millions. */
void
tg_pool_leave(struct tg_area_claim *claim, uint32_t row)
{
    _Atomic uint32_t *calls =
        &claim->state->areas[claim->area].credential_calls[row];
    uint32_t now = atomic_load(calls);

    assert(row < TG_CATALOG_CREDENTIALS);
    while (now > 0 && !atomic_compare_exchange_weak(calls, &now, now - 1))
        continue;
}
