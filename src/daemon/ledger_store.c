#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "civil.h"
#include "err.h"
#include "ledger_part.h"

#define CHUNK 1000
#define MONTH_DAYS_MAX 33

/* Going through a chunk of calls. */
struct chunk {
    struct tg_ledger_check *check;
    int (*take)(void *, int64_t, const struct tg_call *);
    void *arg;
    uint32_t count;
};

struct tg_ledger_id
tg_ledger_id(const char id[TG_ID_LEN])
{
    struct tg_ledger_id out;

    memcpy(out.text, id, TG_ID_LEN);
    out.text[TG_ID_LEN] = '\0';
    return out;
}

static int
add_sentence(void *arg, const char *sentence)
{
    struct tg_ledger_check *check = arg;

    tg_findings_say(check->findings, "store_damaged", "store.db", sentence);
    return 0;
}

int
tg_ledger_check_file(struct tg_ledger_check *check)
{
    check->progress(check->arg, "store", 0, 0);
    return check->store->ops->check(check->store, add_sentence, check);
}

/* What its tokens cost at the rates that were frozen, by its basis. */
static int
expected_cost(const struct tg_call *call, int64_t *nanos)
{
    struct tg_quantity quantity = tg_call_quantity(call);

    switch (call->basis) {
    case TG_BASIS_HELD:
        *nanos = call->held_nanos;
        return 0;
    case TG_BASIS_NONE:
        *nanos = 0;
        return 0;
    default:
        return tg_price_cost(&call->rates, &quantity, nanos);
    }
}

static void
check_cost(struct tg_ledger_check *check, const struct tg_call *call)
{
    char id[TG_CALL_ID_TEXT_SIZE];
    struct tg_difference difference = {
        .kind = "call_cost",
        .subject = id,
        .what = "cost of a call, by its tokens and its frozen prices",
        .found = call->cost_nanos,
    };
    int err = expected_cost(call, &difference.expected);

    if (err == 0 && difference.expected == call->cost_nanos)
        return;
    tg_call_id_text(&call->id, id);
    if (err != 0)
        tg_findings_say(check->findings, "call_cost", id,
                        "its tokens and prices make no cost");
    else
        tg_findings_add(check->findings, &difference);
}

/*
 * A state file that is made puts calls into the day in which they were
 * admitted, unless they moved into another one: spend.h.
 */
static void
place(const struct tg_ledger_check *check, int64_t seq, struct tg_call *call)
{
    const struct tg_state *state = check->state;
    bool is_older = seq <= check->books.state_seq;
    struct tg_key_policy policy;
    struct tg_str zone;
    uint64_t published;
    uint32_t book;

    if (state == NULL || (call->month != 0 && !is_older) ||
        (call->flags & TG_CALL_MOVED) ||
        call->at_ms < state->header->created_at_ms -
                          MONTH_DAYS_MAX * (int64_t)TG_MS_PER_DAY)
        return;
    book = tg_books_find(&check->books, call->key_id);
    if (book == TG_BOOK_NONE || check->books.list[book].slot == TG_BOOK_NO_SLOT)
        return;
    pthread_mutex_lock(&check->daemon->publish_lock);
    if (tg_state_key(state, check->books.list[book].slot, &policy,
                     &published) == 0) {
        zone = tg_state_blob(state, policy.timezone);
        call->day = (uint32_t)tg_calendar_day(zone, call->at_ms);
        call->month = (uint16_t)tg_calendar_month(zone, call->at_ms);
    }
    pthread_mutex_unlock(&check->daemon->publish_lock);
}

static int
take_call(void *arg, int64_t seq, const struct tg_call *call)
{
    struct chunk *chunk = arg;
    struct tg_ledger_check *check = chunk->check;
    struct tg_call placed = *call;

    check_cost(check, call);
    place(check, seq, &placed);
    if (check->calls == 0)
        check->first_at_ms = call->at_ms;
    check->last_seq = seq;
    check->calls++;
    chunk->count++;
    return chunk->take(chunk->arg, seq, &placed);
}

int
tg_ledger_late(struct tg_ledger_check *check, uint32_t limit,
               int (*take)(void *, int64_t, const struct tg_call *), void *arg,
               uint32_t *count)
{
    struct chunk chunk = {.check = check, .take = take, .arg = arg};
    int err = check->store->ops->call_scan(check->store, check->last_seq, limit,
                                           take_call, &chunk);

    *count = chunk.count;
    return err;
}

static int
enter_call(void *books, int64_t seq, const struct tg_call *call)
{
    return tg_books_enter(books, seq, call);
}

int
tg_ledger_enter(struct tg_ledger_check *check, uint32_t limit, uint32_t *count)
{
    return tg_ledger_late(check, limit, enter_call, &check->books, count);
}

int
tg_ledger_check_calls(struct tg_ledger_check *check)
{
    int64_t first, last;
    uint32_t count;
    int err = check->store->ops->call_span(check->store, &first, &last);

    check->first_seq = first;
    do {
        check->progress(check->arg, "calls",
                        (uint64_t)(check->last_seq - first + 1),
                        (uint64_t)(last - first + 1));
        if (*check->is_over)
            return TG_ERR_BUSY;
        if (err == 0)
            err = tg_ledger_enter(check, CHUNK, &count);
    } while (err == 0 && count == CHUNK);
    return err;
}

/* An account's sums, in the books before it was asked for, and in reports. */
struct report {
    uint32_t book;
    int64_t nanos, calls; /* in the books */
    int64_t found_nanos, found_calls;
};

struct reports {
    struct tg_ledger_check *check;
    struct report *list;
    size_t count, room;
};

static int
keep_report(void *arg, const struct tg_store_usage *row)
{
    struct reports *reports = arg;
    const struct tg_books *books = &reports->check->books;
    uint32_t n = strlen(row->group) == TG_ID_LEN
                     ? tg_books_find(books, row->group)
                     : TG_BOOK_NONE;

    if (n == TG_BOOK_NONE)
        return 0;
    if (reports->count == reports->room) {
        size_t room = reports->room != 0 ? reports->room * 2 : 64;
        void *list = realloc(reports->list, room * sizeof(struct report));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        reports->list = list;
        reports->room = room;
    }
    reports->list[reports->count++] = (struct report){
        .book = n,
        .nanos = books->list[n].before.nanos + books->list[n].since.nanos,
        .calls = books->list[n].before.calls + books->list[n].since.calls,
        .found_nanos = row->sums.cost_nanos,
        .found_calls = row->sums.requests,
    };
    return 0;
}

/* What came in while reports were added up may be in them or not. */
static void
compare_report(struct tg_ledger_check *check, const struct report *report)
{
    const struct tg_book *book = &check->books.list[report->book];
    struct tg_ledger_id id = tg_ledger_id(book->id);
    struct tg_difference cost = {
        .kind = "rollup_cost",
        .subject = id.text,
        .what = "cost of all calls, as reports add it up",
        .expected = report->nanos,
        .found = report->found_nanos,
    };
    struct tg_difference calls = {
        .kind = "rollup_calls",
        .subject = id.text,
        .what = "number of calls, as reports count them",
        .unit = TG_FINDING_CALLS,
        .expected = report->calls,
        .found = report->found_calls,
    };

    if (cost.found < cost.expected ||
        cost.found > book->before.nanos + book->since.nanos)
        tg_findings_add(check->findings, &cost);
    if (calls.found < calls.expected ||
        calls.found > book->before.calls + book->since.calls)
        tg_findings_add(check->findings, &calls);
}

static int
enter_all(struct tg_ledger_check *check)
{
    uint32_t count = CHUNK;
    int err = 0;

    while (err == 0 && count == CHUNK)
        err = tg_ledger_enter(check, CHUNK, &count);
    return err;
}

static int
compare_reports(struct tg_ledger_check *check)
{
    struct tg_usage_question all = {.by = TG_BY_ACCOUNT};
    struct reports reports = {.check = check};
    int err = enter_all(check);

    if (err == 0)
        err = check->store->ops->usage(check->store, &all, NULL, keep_report,
                                       &reports);
    if (err == 0)
        err = enter_all(check);
    for (size_t i = 0; i < reports.count && err == 0; i++)
        compare_report(check, &reports.list[i]);
    free(reports.list);
    return err;
}

static int
compare_base(void *arg, const struct tg_store_account *row)
{
    struct tg_ledger_check *check = arg;
    uint32_t n = tg_books_find(&check->books, row->id);
    struct tg_difference difference = {
        .kind = "account_base",
        .subject = row->id,
        .what = "settled before the state file was made",
        .expected = n == TG_BOOK_NONE ? 0 : check->books.list[n].before.nanos,
        .found = row->base_nanos,
    };

    if (difference.expected != difference.found)
        tg_findings_add(check->findings, &difference);
    return 0;
}

int
tg_ledger_check_sums(struct tg_ledger_check *check)
{
    struct tg_store_page all = {.after = NULL};
    int64_t last;
    /* Asked once more: some may have gone while the others were added up. */
    int err =
        check->store->ops->call_span(check->store, &check->first_seq, &last);

    check->progress(check->arg, "sums", 0, 0);
    if (err == 0 && check->first_seq > 1) {
        tg_findings_note(check->findings,
                         "calls older than those in the store are gone by age, "
                         "so what they add up to was not compared");
        return 0;
    }
    if (err == 0)
        err = compare_reports(check);
    if (err == 0 && check->has_state_seq)
        err = check->store->ops->account_each(check->store, &all, compare_base,
                                              check);
    return err;
}
