#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup_file.h"
#include "clock.h"
#include "err.h"
#include "home.h"
#include "ledger_part.h"
#include "plural.h"
#include "restore.h"
#include "statefile.h"

#define CURRENCY_SIZE 8
#define ACCOUNTS_AT_ONCE 500

enum status {
    NEVER = 0,
    RUNNING,
    AGREES,
    DIFFERS,
    FAILED,
};

struct tg_ledger {
    struct tg_daemon *daemon;
    pthread_t thread;
    _Atomic bool is_over; /* the check is to end */

    pthread_mutex_t lock; /* for what follows */
    bool has_thread;
    enum status status;
    char why[256]; /* it failed */
    const char *phase;
    uint64_t done, total; /* of the phase */
    int64_t started_at_ms, ended_at_ms;
    struct tg_findings findings;
    struct tg_ledger_check counts; /* of what was looked at, copied */
    struct tg_store *store;        /* while it is open */
};

static int (*const phases[])(struct tg_ledger_check *) = {
    tg_ledger_check_file,    tg_ledger_check_calls, tg_ledger_check_sums,
    tg_ledger_check_journal, tg_ledger_check_cells,
};

static void
show_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    struct tg_ledger *ledger = arg;

    pthread_mutex_lock(&ledger->lock);
    ledger->phase = phase;
    ledger->done = done;
    ledger->total = total;
    pthread_mutex_unlock(&ledger->lock);
}

/* What has nothing in it and is not in use needs no book. */
static bool
is_blank(const struct tg_counters *counters)
{
    return atomic_load(&counters->calls) == 0 &&
           atomic_load(&counters->settled_nanos) == 0 &&
           atomic_load(&counters->held_nanos) == 0 &&
           atomic_load(&counters->in_flight) == 0 &&
           atomic_load(&counters->prompt_tokens) == 0 &&
           atomic_load(&counters->completion_tokens) == 0;
}

static int
open_key(struct tg_ledger_check *check, uint32_t slot)
{
    const struct tg_key_record *record = &check->state->keys[slot];
    struct tg_cell_view day = tg_cell_look(&record->day);
    struct tg_cell_view month = tg_cell_look(&record->month);
    struct tg_key_policy policy;
    uint64_t seq;
    uint32_t book;
    int err;

    if (tg_state_key(check->state, slot, &policy, &seq) != 0 ||
        policy.id[0] == '\0')
        return 0;
    check->keys++;
    if (day.used_nanos == 0 && month.used_nanos == 0 &&
        is_blank(&record->counters))
        return 0;
    err = tg_books_open(&check->books, policy.id, false, &book);
    if (err != 0)
        return err;
    check->books.list[book].slot = slot;
    tg_book_set_period(&check->books.list[book], TG_CELL_DAY,
                       tg_cell_period(day.mark));
    tg_book_set_period(&check->books.list[book], TG_CELL_MONTH,
                       tg_cell_period(month.mark));
    return 0;
}

static int
open_account(struct tg_ledger_check *check, uint32_t slot)
{
    struct tg_account_policy policy;
    uint32_t book;
    int err;

    if (tg_state_account(check->state, slot, &policy) != 0 ||
        policy.id[0] == '\0')
        return 0;
    check->accounts++;
    err = tg_books_open(&check->books, policy.id, true, &book);
    if (err == 0)
        check->books.list[book].slot = slot;
    return err;
}

/* Before any call is entered: which period counts is known by the cell. */
static int
open_books(struct tg_ledger_check *check)
{
    const struct tg_state_header *header = check->state->header;
    uint32_t keys = atomic_load(&header->key_high_water);
    uint32_t accounts = atomic_load(&header->account_high_water);
    int err = 0;

    for (uint32_t i = 0; i < keys && err == 0; i++)
        err = open_key(check, i);
    for (uint32_t i = 0; i < accounts && err == 0; i++)
        err = open_account(check, i);
    return err;
}

/*
 * A key that had nothing in the state file when its calls were entered has a
 * book without a slot: its cells must still be empty, or be looked at.
 */
static int
give_slots(struct tg_ledger_check *check)
{
    uint32_t keys = atomic_load(&check->state->header->key_high_water);

    for (uint32_t i = 0; i < keys; i++) {
        struct tg_key_policy policy;
        uint64_t seq;
        uint32_t book;

        if (tg_state_key(check->state, i, &policy, &seq) != 0 ||
            policy.id[0] == '\0')
            continue;
        book = tg_books_find(&check->books, policy.id);
        if (book != TG_BOOK_NONE)
            check->books.list[book].slot = i;
    }
    return 0;
}

static void
read_meta(struct tg_ledger_check *check)
{
    char text[24] = "";

    check->has_state_seq =
        check->store->ops->meta_get(check->store, TG_STATE_SEQ, text,
                                    sizeof(text)) == 0;
    check->books.state_seq = check->has_state_seq ? strtoll(text, NULL, 10) : 0;
}

/* The account's money as the gate sees it must be what the store has. */
static void
compare_account(struct tg_ledger_check *check,
                const struct tg_store_account *row)
{
    uint32_t n = tg_books_find(&check->books, row->id);
    struct tg_account_policy policy;
    static const char *const words[] = {"granted", "topped up",
                                        "settled before the state file"};
    char what[96];

    if (n == TG_BOOK_NONE || check->books.list[n].slot == TG_BOOK_NO_SLOT ||
        tg_state_account(check->state, check->books.list[n].slot, &policy) != 0)
        return;
    for (int i = 0; i < 3; i++) {
        struct tg_difference difference = {
            .kind = "account_money",
            .subject = row->id,
            .what = what,
            .expected = i == 0   ? row->granted_nanos
                        : i == 1 ? row->topped_up_nanos
                                 : row->base_nanos,
            .found = i == 0   ? policy.granted_nanos
                     : i == 1 ? policy.topped_up_nanos
                              : policy.settled_nanos,
        };

        snprintf(what, sizeof(what), "%s, as the gate has it", words[i]);
        if (difference.expected != difference.found)
            tg_findings_add(check->findings, &difference);
    }
}

struct accounts {
    struct tg_ledger_check *check;
    char last[TG_ID_TEXT_SIZE];
    uint32_t count;
};

static int
visit_account(void *arg, const struct tg_store_account *row)
{
    struct accounts *accounts = arg;

    snprintf(accounts->last, sizeof(accounts->last), "%s", row->id);
    accounts->count++;
    compare_account(accounts->check, row);
    return 0;
}

/* No change of an operator is between store and state file meanwhile. */
static int
compare_accounts(struct tg_ledger_check *check)
{
    struct tg_daemon *daemon = check->daemon;
    struct accounts accounts = {.check = check};
    int err;

    do {
        struct tg_store_page page = {
            accounts.last[0] != '\0' ? accounts.last : NULL, ACCOUNTS_AT_ONCE};

        accounts.count = 0;
        pthread_mutex_lock(&daemon->admin_lock);
        err = daemon->admin->ops->account_each(daemon->admin, &page,
                                               visit_account, &accounts);
        pthread_mutex_unlock(&daemon->admin_lock);
    } while (err == 0 && accounts.count == ACCOUNTS_AT_ONCE);
    return err;
}

static int
check_all(struct tg_ledger_check *check)
{
    size_t count = sizeof(phases) / sizeof(phases[0]);
    int err = 0;

    read_meta(check);
    if (check->state != NULL)
        err = open_books(check);
    for (size_t i = 0; i < count && err == 0; i++) {
        if (phases[i] == tg_ledger_check_cells && check->state == NULL)
            break;
        if (phases[i] == tg_ledger_check_cells) {
            err = compare_accounts(check);
            if (err == 0)
                err = give_slots(check);
        }
        if (err == 0)
            err = phases[i](check);
        if (err == 0 && *check->is_over)
            err = TG_ERR_BUSY;
    }
    if (err == 0 && check->inexact > 0)
        tg_findings_note(check->findings,
                         "of %llu figure%s calls were on their way all the "
                         "time: what was seen agrees, to within what these "
                         "calls hold",
                         (unsigned long long)check->inexact,
                         tg_plural(check->inexact));
    return err;
}

static void
conclude(struct tg_ledger *ledger, const struct tg_ledger_check *check, int err,
         const char *why)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->store = NULL;
    ledger->ended_at_ms = tg_clock_ms();
    ledger->counts = *check;
    ledger->status = err != 0                      ? FAILED
                     : ledger->findings.count == 0 ? AGREES
                                                   : DIFFERS;
    snprintf(ledger->why, sizeof(ledger->why), "%s", why);
    pthread_mutex_unlock(&ledger->lock);
}

static const char *
reason(int err, const struct tg_store *store)
{
    if (err == TG_ERR_BUSY && store->error.text[0] == '\0')
        return "the journal cannot be taken in, or the daemon ends";
    return store->error.text[0] != '\0' ? store->error.text : "out of memory";
}

static void *
run(void *arg)
{
    struct tg_ledger *ledger = arg;
    struct tg_daemon *daemon = ledger->daemon;
    struct tg_ledger_check check = {
        .daemon = daemon,
        .state = &daemon->state,
        .paths = &daemon->paths,
        .findings = &ledger->findings,
        .is_over = &ledger->is_over,
        .progress = show_progress,
        .arg = ledger,
    };
    struct tg_error error = {.text = ""};
    int err = tg_store_open_sqlite(&check.store, daemon->paths.store, &error);

    if (err != 0) {
        conclude(ledger, &check, err, error.text);
        return NULL;
    }
    pthread_mutex_lock(&ledger->lock);
    ledger->store = check.store;
    pthread_mutex_unlock(&ledger->lock);
    err = check_all(&check);
    conclude(ledger, &check, err, err != 0 ? reason(err, check.store) : "");
    check.store->ops->close(check.store);
    tg_books_release(&check.books);
    return NULL;
}

int
tg_ledger_new(struct tg_ledger **ledger, struct tg_daemon *daemon)
{
    struct tg_ledger *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return TG_ERR_SYSTEM;
    self->daemon = daemon;
    pthread_mutex_init(&self->lock, NULL);
    tg_findings_init(&self->findings, "");
    *ledger = self;
    return 0;
}

void
tg_ledger_free(struct tg_ledger *ledger)
{
    if (ledger == NULL)
        return;
    ledger->is_over = true;
    pthread_mutex_lock(&ledger->lock);
    if (ledger->store != NULL)
        ledger->store->ops->interrupt(ledger->store);
    pthread_mutex_unlock(&ledger->lock);
    if (ledger->has_thread)
        pthread_join(ledger->thread, NULL);
    tg_findings_release(&ledger->findings);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

static void
read_currency(struct tg_daemon *daemon, char currency[CURRENCY_SIZE])
{
    strcpy(currency, "USD");
    pthread_mutex_lock(&daemon->admin_lock);
    (void)daemon->admin->ops->meta_get(daemon->admin, "currency", currency,
                                       CURRENCY_SIZE);
    pthread_mutex_unlock(&daemon->admin_lock);
}

int
tg_ledger_begin(struct tg_ledger *ledger)
{
    char currency[CURRENCY_SIZE];
    int err = 0;

    read_currency(ledger->daemon, currency);
    pthread_mutex_lock(&ledger->lock);
    if (ledger->status != RUNNING) {
        if (ledger->has_thread)
            pthread_join(ledger->thread, NULL);
        tg_findings_release(&ledger->findings);
        tg_findings_init(&ledger->findings, currency);
        ledger->phase = "store";
        ledger->done = ledger->total = 0;
        memset(&ledger->counts, 0, sizeof(ledger->counts));
        ledger->why[0] = '\0';
        ledger->started_at_ms = tg_clock_ms();
        ledger->ended_at_ms = 0;
        ledger->status = RUNNING;
        ledger->has_thread =
            pthread_create(&ledger->thread, NULL, run, ledger) == 0;
        if (!ledger->has_thread) {
            ledger->status = FAILED;
            err = TG_ERR_SYSTEM;
        }
    }
    pthread_mutex_unlock(&ledger->lock);
    return err;
}

static json_t *
counts_of(const struct tg_ledger_check *check)
{
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I}", "calls", (json_int_t)check->calls, "keys",
        (json_int_t)check->keys, "accounts", (json_int_t)check->accounts,
        "segments", (json_int_t)check->segments, "records",
        (json_int_t)check->records, "looks", (json_int_t)check->looks);
}

static json_t *
object_of(enum status status, const struct tg_ledger_check *check)
{
    static const char *const names[] = {
        [NEVER] = "never",     [RUNNING] = "running", [AGREES] = "agrees",
        [DIFFERS] = "differs", [FAILED] = "failed",
    };

    return json_pack("{s:s,s:s,s:b,s:o,s:{s:I,s:o}}", "object",
                     "ledger_verification", "status", names[status], "offline",
                     check->state == NULL, "checked", counts_of(check),
                     "in_flight", "calls", (json_int_t)check->calls_in_flight,
                     "held", tg_reply_money(check->held_nanos));
}

json_t *
tg_ledger_describe(struct tg_ledger *ledger)
{
    json_t *object = NULL;

    pthread_mutex_lock(&ledger->lock);
    if (ledger->status != NEVER) {
        object = object_of(ledger->status, &ledger->counts);
        json_object_set_new(object, "offline", json_false());
        json_object_set_new(object, "started_at",
                            tg_reply_instant(ledger->started_at_ms));
        json_object_set_new(object, "ended_at",
                            tg_reply_instant(ledger->ended_at_ms));
        json_object_set_new(object, "phase", tg_reply_text(ledger->phase));
        json_object_set_new(
            object, "percent",
            ledger->total > 0
                ? json_integer((json_int_t)(ledger->done * 100 / ledger->total))
                : json_null());
        json_object_set_new(object, "error", tg_reply_text(ledger->why));
        tg_findings_put(&ledger->findings, object);
    }
    pthread_mutex_unlock(&ledger->lock);
    return object;
}

/* Offline: once a second, on standard error. */
struct offline {
    struct tg_backup_progress progress;
    struct tg_store_progress shown;
};

static void
say_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    struct offline *offline = arg;

    offline->progress.what = phase;
    offline->shown.say(offline->shown.arg, (int64_t)done, (int64_t)total);
}

static int
check_offline(const struct tg_paths *paths, json_t **said, bool *agrees,
              struct tg_error *error)
{
    static const _Atomic bool never = false;
    struct offline offline;
    struct tg_findings findings;
    struct tg_ledger_check check = {.paths = paths,
                                    .findings = &findings,
                                    .is_over = &never,
                                    .progress = say_progress,
                                    .arg = &offline};
    char currency[CURRENCY_SIZE] = "USD";
    int err = tg_store_open_sqlite(&check.store, paths->store, error);

    if (err != 0)
        return err;
    offline.shown = tg_backup_progress(&offline.progress, "store");
    (void)check.store->ops->meta_get(check.store, "currency", currency,
                                     sizeof(currency));
    tg_findings_init(&findings, currency);
    err = check_all(&check);
    *agrees = findings.count == 0;
    if (err != 0)
        *error = check.store->error;
    else
        *said = object_of(*agrees ? AGREES : DIFFERS, &check);
    if (err == 0)
        tg_findings_put(&findings, *said);
    tg_findings_release(&findings);
    tg_books_release(&check.books);
    check.store->ops->close(check.store);
    return err;
}

int
tg_ledger_offline(const struct tg_options *options, json_t **said, bool *agrees,
                  struct tg_error *error)
{
    struct tg_paths paths;
    int lock_fd = -1, err = tg_home_find(&paths, options->home, error);

    if (err == 0 && access(paths.store, F_OK) != 0)
        err = tg_error_set(error, TG_ERR_NOT_FOUND, "there is no store %s",
                           paths.store);
    if (err == 0)
        err = tg_home_lock(&paths, &lock_fd, options->home, error);
    if (err == 0)
        err = tg_restore_check(&paths, error);
    if (err == 0)
        err = check_offline(&paths, said, agrees, error);
    if (lock_fd >= 0)
        close(lock_fd);
    return err;
}
