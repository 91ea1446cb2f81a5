/*
 * One look: calls in flight, then cells and counters, then calls in flight
 * again, then all that was journaled meanwhile.  docs/ledger.md says what
 * follows from that for each figure.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "civil.h"
#include "clock.h"
#include "err.h"
#include "ledger_sight.h"

#define BATCH 4096     /* books of one look */
#define CHUNK 1000     /* calls that are entered at once */
#define LOOKS_BAD 3    /* in a row, before a difference is believed */
#define LOOKS_MAX 400  /* of figures that a first look left open */
#define LOOK_US 20000  /* between two of them */
#define LOOKS_MS 12000 /* for all of them */

/* From the beginning of one, in any zone, to its end in any other. */
#define DAYS_OF_DAY INT64_C(3)
#define DAYS_OF_MONTH INT64_C(34)

enum figure {
    DAY = 0,
    MONTH,
    COMMITTED,
    SETTLED,
    CALLS,
    PROMPT,
    COMPLETION,
    HELD,
    IN_FLIGHT,
    FIGURES,
};

/* Whether keys have it, and accounts. */
static const struct {
    const char *kind, *what;
    enum tg_finding_unit unit;
    bool is_keys, is_accounts;
} rows[FIGURES] = {
    [DAY] = {"cell_day", "used of the day, by its calls", TG_FINDING_MONEY,
             true, false},
    [MONTH] = {"cell_month", "used of the month, by its calls",
               TG_FINDING_MONEY, true, false},
    [COMMITTED] = {"cell_balance", "used of the balance, by its calls",
                   TG_FINDING_MONEY, false, true},
    [SETTLED] = {"counter_settled", "counter of what was settled",
                 TG_FINDING_MONEY, true, true},
    [CALLS] = {"counter_calls", "counter of calls", TG_FINDING_CALLS, true,
               true},
    [PROMPT] = {"counter_prompt_tokens", "counter of prompt tokens",
                TG_FINDING_TOKENS, true, true},
    [COMPLETION] = {"counter_completion_tokens", "counter of completion tokens",
                    TG_FINDING_TOKENS, true, true},
    [HELD] = {"counter_held", "counter of what is held, by calls in flight",
              TG_FINDING_MONEY, true, true},
    [IN_FLIGHT] = {"counter_in_flight", "counter of calls in flight",
                   TG_FINDING_CALLS, true, true},
};

/* What the state file said of one book. */
struct reading {
    bool is_there;
    struct tg_cell_view cells[TG_CELLS];
    int64_t base_nanos;
    int64_t values[FIGURES];
};

/* How far a figure is from what it should be, as far as is known. */
struct apart {
    struct tg_range range; /* found less expected */
    int64_t found;
    uint8_t bad; /* looks in a row by which it is wrong */
    bool is_known;
    bool is_over;
};

/* A book that a look has left open. */
struct open {
    uint32_t book;
    struct apart figures[FIGURES];
};

struct cells {
    struct tg_ledger_check *check;
    struct tg_sights sights;
    struct open *open;
    size_t open_count, open_room;
};

static int64_t
load(const _Atomic int64_t *value)
{
    return atomic_load_explicit(value, memory_order_acquire);
}

static void
read_counters(struct reading *reading, const struct tg_counters *counters)
{
    reading->values[SETTLED] = load(&counters->settled_nanos);
    reading->values[CALLS] = load(&counters->calls);
    reading->values[PROMPT] = load(&counters->prompt_tokens);
    reading->values[COMPLETION] = load(&counters->completion_tokens);
    reading->values[HELD] = load(&counters->held_nanos);
    reading->values[IN_FLIGHT] = atomic_load(&counters->in_flight);
}

static void
read_key(struct reading *reading, const struct tg_state *state,
         const struct tg_book *book)
{
    const struct tg_key_record *record = &state->keys[book->slot];
    struct tg_key_policy policy;
    uint64_t seq;

    reading->cells[TG_CELL_DAY] = tg_cell_look(&record->day);
    reading->cells[TG_CELL_MONTH] = tg_cell_look(&record->month);
    read_counters(reading, &record->counters);
    reading->is_there = tg_state_key(state, book->slot, &policy, &seq) == 0 &&
                        memcmp(policy.id, book->id, TG_ID_LEN) == 0;
}

static void
read_account(struct reading *reading, const struct tg_state *state,
             const struct tg_book *book)
{
    const struct tg_account_record *record = &state->accounts[book->slot];
    struct tg_account_policy policy;

    reading->cells[TG_CELL_COMMITTED] = tg_cell_look(&record->committed);
    read_counters(reading, &record->counters);
    reading->is_there = tg_state_account(state, book->slot, &policy) == 0 &&
                        memcmp(policy.id, book->id, TG_ID_LEN) == 0;
    reading->base_nanos = policy.settled_nanos;
}

static void
read_book(struct reading *reading, const struct tg_state *state,
          const struct tg_book *book)
{
    memset(reading, 0, sizeof(*reading));
    if (book->is_account)
        read_account(reading, state, book);
    else
        read_key(reading, state, book);
    for (int kind = 0; kind < TG_CELLS; kind++)
        reading->values[DAY + kind] = reading->cells[kind].used_nanos;
}

/*
 * Calls go by age, the oldest first: whether some that this figure had in it
 * may be gone.
 */
static bool
has_lost(const struct tg_ledger_check *check, enum figure figure)
{
    int64_t age_ms = tg_clock_ms() - check->first_at_ms;

    if (check->first_seq <= 1)
        return false;
    switch (figure) {
    case DAY:
        return check->first_at_ms == 0 || age_ms < DAYS_OF_DAY * TG_MS_PER_DAY;
    case MONTH:
        return check->first_at_ms == 0 ||
               age_ms < DAYS_OF_MONTH * TG_MS_PER_DAY;
    case HELD:
    case IN_FLIGHT:
        return false;
    default:
        return !check->has_state_seq ||
               check->first_seq > check->books.state_seq + 1;
    }
}

/* What the books alone expect; false when this figure is not theirs. */
static bool
expect_by_books(const struct tg_ledger_check *check, const struct tg_book *book,
                const struct reading *reading, enum figure figure,
                int64_t *value)
{
    const struct tg_book_sums *sums = &book->since;

    *value = 0;
    if (has_lost(check, figure))
        return false;
    switch (figure) {
    case DAY:
    case MONTH:
        return tg_book_period(book, (enum tg_cell_kind)(figure - DAY),
                              tg_cell_period(reading->cells[figure].mark),
                              value);
    case COMMITTED:
        *value = check->has_state_seq
                     ? sums->nanos
                     : book->before.nanos + sums->nanos - reading->base_nanos;
        return true;
    case SETTLED:
        *value = sums->nanos;
        break;
    case CALLS:
        *value = sums->calls;
        break;
    case PROMPT:
        *value = sums->prompt_tokens;
        break;
    case COMPLETION:
        *value = sums->completion_tokens;
        break;
    default:
        return true;
    }
    return check->has_state_seq;
}

/* A counter's part of one call that is not in the books. */
static struct tg_range
counted(const struct tg_sighting *seen, int64_t about, int64_t over,
        int64_t most)
{
    switch (tg_look_standing(seen)) {
    case TG_STANDING_ABOUT:
        return (struct tg_range){about, about};
    case TG_STANDING_OVER:
        return (struct tg_range){over, over};
    default:
        return (struct tg_range){0, most};
    }
}

static const struct tg_call *
call_of(const struct tg_sighting *seen)
{
    return seen->record != NULL   ? seen->record
           : seen->before != NULL ? &seen->before->call
                                  : &seen->after->call;
}

/* What is the most that it can come to: a look knows its bounds. */
static int64_t
most_tokens(const struct tg_sighting *seen, bool is_prompt)
{
    const struct tg_call *call = call_of(seen);

    if (seen->record != NULL)
        return is_prompt ? call->prompt_tokens : call->completion_tokens;
    return is_prompt ? call->prompt_bound : call->completion_bound;
}

static struct tg_range
expect_of_call(const struct tg_sighting *seen, enum figure figure,
               uint16_t period)
{
    const struct tg_call *call = call_of(seen);
    int64_t most = tg_look_share(seen, TG_CELL_COMMITTED, 0).high;

    switch (figure) {
    case DAY:
    case MONTH:
    case COMMITTED:
        return tg_look_share(seen, (enum tg_cell_kind)(figure - DAY), period);
    case SETTLED:
        return counted(seen, 0, call->cost_nanos, most);
    case CALLS:
        return counted(seen, 0, 1, 1);
    case PROMPT:
        return counted(seen, 0, call->prompt_tokens, most_tokens(seen, true));
    case COMPLETION:
        return counted(seen, 0, call->completion_tokens,
                       most_tokens(seen, false));
    case HELD:
        return counted(seen,
                       seen->before != NULL ? seen->before->call.held_nanos : 0,
                       0, most);
    default:
        return counted(seen, 1, 0, 1);
    }
}

/* false: nothing can be said of it this time. */
static bool
compare_figure(const struct cells *cells, const struct tg_sight *sights,
               size_t count, const struct tg_book *book,
               const struct reading *reading, enum figure figure,
               struct tg_range *apart)
{
    int64_t expected, found = reading->values[figure];
    uint16_t period =
        figure <= COMMITTED ? tg_cell_period(reading->cells[figure].mark) : 0;

    if (!expect_by_books(cells->check, book, reading, figure, &expected))
        return false;
    apart->low = apart->high = found - expected;
    for (size_t i = 0; i < count; i++) {
        struct tg_range part = expect_of_call(&sights[i].seen, figure, period);

        apart->low -= part.high;
        apart->high -= part.low;
    }
    return true;
}

static bool
is_exact(const struct tg_range *range)
{
    return range->low == 0 && range->high == 0;
}

/* What both looks leave possible; the last one alone when that is nothing. */
static void
narrow(struct apart *apart, const struct tg_range *range)
{
    struct tg_range both = *range;

    if (apart->is_known) {
        both.low = both.low > apart->range.low ? both.low : apart->range.low;
        both.high =
            both.high < apart->range.high ? both.high : apart->range.high;
    }
    if (both.low > both.high) {
        both = *range;
        apart->bad = 0;
    }
    apart->range = both;
    apart->is_known = true;
    apart->bad = both.low > 0 || both.high < 0 ? apart->bad + 1 : 0;
    apart->is_over = is_exact(&both) || apart->bad >= LOOKS_BAD;
}

/* Returns whether all figures of the book are settled. */
static bool
compare_book(struct cells *cells, const struct tg_sight *sights, size_t count,
             const struct reading *reading, struct open *open)
{
    const struct tg_book *book = &cells->check->books.list[open->book];
    bool is_over = true;

    if (!reading->is_there)
        return true;
    for (int i = 0; i < FIGURES; i++) {
        struct apart *apart = &open->figures[i];
        struct tg_range range;

        if (apart->is_over ||
            !(book->is_account ? rows[i].is_accounts : rows[i].is_keys) ||
            !compare_figure(cells, sights, count, book, reading, (enum figure)i,
                            &range))
            continue;
        apart->found = reading->values[i];
        narrow(apart, &range);
        is_over = is_over && apart->is_over;
    }
    return is_over;
}

/* A difference that is certain; of a range its nearer end. */
static void
tell(struct cells *cells, const struct open *open)
{
    const struct tg_book *book = &cells->check->books.list[open->book];
    struct tg_ledger_id id = tg_ledger_id(book->id);

    for (int i = 0; i < FIGURES; i++) {
        const struct apart *apart = &open->figures[i];
        int64_t off =
            apart->range.low > 0 ? apart->range.low : apart->range.high;
        struct tg_difference difference = {
            .kind = rows[i].kind,
            .subject = id.text,
            .what = rows[i].what,
            .unit = rows[i].unit,
            .expected = apart->found - off,
            .found = apart->found,
        };

        if (apart->bad >= LOOKS_BAD)
            tg_findings_add(cells->check->findings, &difference);
        else if (apart->is_known && !is_exact(&apart->range))
            cells->check->inexact++;
    }
}

static int
keep_open(struct cells *cells, const struct open *open)
{
    if (cells->open_count == cells->open_room) {
        size_t room = cells->open_room != 0 ? cells->open_room * 2 : 64;
        void *list = realloc(cells->open, room * sizeof(*open));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        cells->open = list;
        cells->open_room = room;
    }
    cells->open[cells->open_count++] = *open;
    return 0;
}

/* Enters what came in behind the look, once it was compared. */
static int
enter_late(struct cells *cells)
{
    struct tg_ledger_check *check = cells->check;
    int err = 0;

    for (size_t i = 0; i < cells->sights.late_count && err == 0; i++)
        err = tg_books_enter(&check->books, cells->sights.late[i].seq,
                             &cells->sights.late[i].call);
    return err;
}

/*
 * Looks at count books once.  Those that are settled are told of; the others
 * stay in list, whose new length is *left.
 */
static int
look(struct cells *cells, struct open *list, size_t count, size_t *left)
{
    const struct tg_ledger_check *check = cells->check;
    struct reading *readings = malloc(count * sizeof(*readings));
    struct tg_sights *sights = &cells->sights;
    size_t at = 0;
    int err = readings == NULL ? TG_ERR_SYSTEM : tg_sights_before(sights);

    for (size_t i = 0; i < count && err == 0; i++)
        read_book(&readings[i], check->state, &check->books.list[list[i].book]);
    if (err == 0)
        err = tg_sights_after(sights);
    *left = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        const struct tg_sight *seen = NULL;
        size_t first;

        while (at < sights->count && sights->list[at].book < list[i].book)
            at++;
        for (first = at;
             at < sights->count && sights->list[at].book == list[i].book;)
            at++;
        if (at > first)
            seen = sights->list + first;
        if (compare_book(cells, seen, at - first, &readings[i], &list[i]))
            tell(cells, &list[i]);
        else
            list[(*left)++] = list[i];
    }
    if (err == 0)
        err = enter_late(cells);
    free(readings);
    return err;
}

/* Every book with a place in the state file, a batch at a time. */
static int
look_at_all(struct cells *cells)
{
    struct tg_ledger_check *check = cells->check;
    struct open *batch = calloc(BATCH, sizeof(*batch));
    size_t known = check->books.count, at = 0;
    int err = batch == NULL ? TG_ERR_SYSTEM : 0;

    while (at < known && err == 0) {
        size_t count = 0, left = 0;

        check->progress(check->arg, "cells", at, known);
        memset(batch, 0, BATCH * sizeof(*batch));
        for (; at < known && count < BATCH; at++) {
            if (check->books.list[at].slot != TG_BOOK_NO_SLOT)
                batch[count++].book = (uint32_t)at;
        }
        if (count > 0)
            err = look(cells, batch, count, &left);
        for (size_t i = 0; i < left && err == 0; i++)
            err = keep_open(cells, &batch[i]);
        if (*check->is_over)
            err = TG_ERR_BUSY;
    }
    free(batch);
    return err;
}

/* What is left open is looked at until it is settled, or for some time. */
static int
look_again(struct cells *cells)
{
    int64_t until_ms = tg_clock_ms() + LOOKS_MS;
    int err = 0;

    for (int i = 0; i < LOOKS_MAX && cells->open_count > 0 && err == 0 &&
                    tg_clock_ms() < until_ms;
         i++) {
        size_t left = 0;

        cells->check->progress(cells->check->arg, "cells", 0, 0);
        usleep(LOOK_US);
        err = look(cells, cells->open, cells->open_count, &left);
        cells->open_count = left;
        if (*cells->check->is_over)
            err = TG_ERR_BUSY;
    }
    for (size_t i = 0; i < cells->open_count && err == 0; i++)
        tell(cells, &cells->open[i]);
    return err;
}

int
tg_ledger_check_cells(struct tg_ledger_check *check)
{
    struct cells cells = {.check = check};
    int err = tg_sights_open(&cells.sights, check);

    if (has_lost(check, SETTLED))
        tg_findings_note(check->findings,
                         "calls since the state file was made are gone by "
                         "age, so balances and counters were not compared");

    if (err == 0)
        err = look_at_all(&cells);
    if (err == 0)
        err = look_again(&cells);
    tg_sights_close(&cells.sights);
    free(cells.open);
    return err;
}
