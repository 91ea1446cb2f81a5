#include "lookout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "habits.h"
#include "log.h"
#include "lookout_text.h"
#include "raise.h"
#include "watch.h"

#define READ_ROWS 4096       /* at once */
#define PASS_READS 16        /* then others of clockwork have their turn */
#define KEEP_MS 10000        /* what is known of refusals comes to the store */
#define KEEP_HABITS_MS 60000 /* and habits, at the soonest */
#define KEEP_HABITS_MOST_MS 600000 /* and at the latest */
#define FEW_HABITS 1000            /* are kept in no time */
#define CALLS_A_HABIT 16           /* are read again before it is written */
#define CALLS_UNKEPT_MAX 1000000   /* that a start may have to read again */
#define UNTOLD_MAX 256             /* events that wait for the store */
#define CRITICAL_WEIGHT 8
#define BATCH 512 /* rows of refusals in a transaction */
#define BATCH_LEAST 32

/* An event that is to be raised; texts and evidence are its own. */
struct untold {
    const char *type, *severity;
    char key_id[TG_ID_TEXT_SIZE];
    char subject[TG_WATCH_SUBJECT];
    char once[128], sentence[TG_LOOKOUT_SENTENCE];
    int64_t at;
    json_t *evidence;
};

struct tg_lookout {
    struct tg_store *store; /* of the pass that runs */
    struct tg_watch watch;
    struct tg_habits *habits;
    struct tg_habit_learning learning;
    int64_t seq, denial; /* read so far */
    int64_t kept_seq;    /* as the store knows */
    int64_t newest_ms;   /* refusal */
    int64_t keep_at_ms, keep_habits_at_ms;
    bool is_loaded;
    bool has_refusals, has_calls; /* that are not kept */
    bool is_full;                 /* no room for one more key */
    size_t rows;                  /* of the read that runs */
    size_t untold_count;
    struct untold untold[UNTOLD_MAX];
};

static int
put_row(void *arg, struct tg_str row)
{
    struct tg_lookout *lookout = arg;

    tg_watch_put(&lookout->watch, row.data, row.len);
    return 0;
}

static int
load(struct tg_lookout *lookout)
{
    struct tg_store *store = lookout->store;
    int err = store->ops->watched(store, &lookout->seq);

    lookout->kept_seq = lookout->seq;
    if (err == 0)
        err = store->ops->watch_each(store, put_row, lookout);
    lookout->is_loaded = err == 0;
    return err;
}

/* Room for one more, or TG_ERR_FULL, which ends the read in front of it. */
static int
next_untold(struct tg_lookout *lookout, struct untold **untold)
{
    if (lookout->untold_count == UNTOLD_MAX)
        return TG_ERR_FULL;
    *untold = &lookout->untold[lookout->untold_count++];
    **untold = (struct untold){.at = 0};
    return 0;
}

static int
tell_refusals(void *arg, const struct tg_detector *detector,
              const struct tg_watch_row *row)
{
    struct tg_lookout *lookout = arg;
    struct untold *untold;
    int err = next_untold(lookout, &untold);

    if (err != 0)
        return err;
    untold->type = detector->type;
    untold->severity = detector->severity;
    if (detector->subject == TG_SUBJECT_KEY)
        snprintf(untold->key_id, sizeof(untold->key_id), "%.24s", row->subject);
    snprintf(untold->subject, sizeof(untold->subject), "%s",
             row->subject[0] != '\0' ? row->subject : "many addresses");
    snprintf(untold->once, sizeof(untold->once), "watch/%s/%s/%lld",
             detector->name, row->subject, (long long)row->told_ms);
    tg_lookout_refused(detector, row, untold->sentence);
    untold->at = row->told_ms;
    untold->evidence = tg_lookout_refusals(row);
    return 0;
}

/* A read stops well before there is no more room: 4 of one row at most. */
static bool
has_room(const struct tg_lookout *lookout)
{
    return lookout->untold_count + 8 <= UNTOLD_MAX;
}

static int
take_denial(void *arg, int64_t number, const struct tg_denial *denial)
{
    struct tg_lookout *lookout = arg;
    int err;

    if (!has_room(lookout))
        return 1;
    err =
        tg_watch_take(&lookout->watch, number, denial, tell_refusals, lookout);
    if (err != 0)
        return err;
    lookout->denial = number;
    if (denial->last_ms > lookout->newest_ms)
        lookout->newest_ms = denial->last_ms;
    lookout->rows++;
    return 0;
}

static int
tell_pattern(struct tg_lookout *lookout, const struct tg_habit *habit,
             const struct tg_habit_look *look,
             const struct tg_store_glance *call)
{
    struct untold *untold;
    int err = next_untold(lookout, &untold);

    if (err != 0)
        return err;
    untold->type = "suspicious_pattern";
    untold->severity = look->weight >= CRITICAL_WEIGHT ? "critical" : "warning";
    snprintf(untold->key_id, sizeof(untold->key_id), "%.24s", call->key_id);
    snprintf(untold->once, sizeof(untold->once), "habit/%.24s/%lld",
             call->key_id, (long long)call->seq);
    tg_lookout_unlike(look, untold->sentence);
    untold->at = call->at;
    untold->evidence = tg_lookout_pattern(habit, look, call);
    return 0;
}

static int
take_call(void *arg, const struct tg_store_glance *call)
{
    struct tg_lookout *lookout = arg;
    struct tg_habit_call seen = {.at_ms = call->at,
                                 .cost_nanos = call->cost_nanos,
                                 .ip = call->ip,
                                 .user_agent = call->user_agent,
                                 .model = call->model};
    struct tg_habit_look look;
    struct tg_habit *habit;
    int err;

    if (!has_room(lookout))
        return 1;
    tg_habits_expect(lookout->habits, call->soon);
    if (call->key_id[0] != '\0') {
        err =
            tg_habits_of(lookout->habits, lookout->store, call->key_id, &habit);
        lookout->is_full = err == TG_ERR_FULL;
        if (err != 0)
            return lookout->is_full ? 1 : err;
    }
    lookout->rows++;
    lookout->seq = call->seq;
    if (call->key_id[0] == '\0' || call->seq <= habit->seq)
        return 0;
    habit->seq = call->seq;
    tg_habit_take(habit, &seen, &lookout->learning, &look);
    return look.is_told ? tell_pattern(lookout, habit, &look, call) : 0;
}

/* What is left stays for the next pass: it is not kept without them. */
static int
tell_all(struct tg_lookout *lookout, struct tg_daemon *daemon)
{
    size_t done = 0;
    int err = 0;

    while (done < lookout->untold_count) {
        struct untold *untold = &lookout->untold[done];
        struct tg_signal signal = {
            .once = untold->once,
            .type = untold->type,
            .severity = untold->severity,
            .key_id = untold->key_id,
            .subject = untold->subject,
            .sentence = untold->sentence,
            .at = untold->at,
            .evidence = untold->evidence,
        };

        err = tg_signal_raise(daemon, &signal);
        if (err != 0)
            break;
        json_decref(untold->evidence);
        done++;
    }
    lookout->untold_count -= done;
    memmove(lookout->untold, lookout->untold + done,
            lookout->untold_count * sizeof(lookout->untold[0]));
    return err;
}

/* Rows of one transaction. */
struct batch {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int rows;
};

static int
keep_row(void *arg, const struct tg_watch_row *row, bool is_gone)
{
    struct batch *batch = arg;
    struct tg_store *store = batch->store;
    struct tg_str bytes = {(const char *)row, sizeof(*row)};
    int err =
        is_gone
            ? store->ops->watch_drop(store, row->detector, row->subject)
            : store->ops->watch_put(store, row->detector, row->subject, bytes);

    if (err != 0)
        return err;
    batch->rows++;
    return batch->rows >= BATCH ||
           (batch->rows >= BATCH_LEAST &&
            atomic_load(&batch->daemon->writers_waiting) > 0);
}

/* The rows of refusals, in transactions of which none takes long. */
static int
keep_watch(struct tg_lookout *lookout, struct tg_daemon *daemon)
{
    struct batch batch = {daemon, lookout->store, 0};
    int walked = 1, err = 0;

    while (err == 0 && walked == 1) {
        batch.rows = 0;
        err = tg_daemon_begin(daemon, lookout->store);
        if (err != 0)
            return err;
        walked = tg_watch_each_dirty(&lookout->watch, lookout->newest_ms,
                                     keep_row, &batch);
        err = tg_daemon_end(daemon, lookout->store, walked < 0 ? walked : 0);
    }
    if (err != 0)
        tg_watch_soil(&lookout->watch);
    return err;
}

static int
note_progress(struct tg_lookout *lookout, struct tg_daemon *daemon, int64_t seq)
{
    struct tg_store *store = lookout->store;
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    err = tg_daemon_end(daemon, store,
                        store->ops->watched_set(store, seq, lookout->denial));
    if (err == 0)
        lookout->kept_seq = seq;
    return err;
}

/*
 * What is known, and then how far it was read; only when all is told.  Killed
 * in between, it reads again what some of it knows, which is seen by the
 * numbers.
 */
static int
keep(struct tg_lookout *lookout, struct tg_daemon *daemon, bool has_habits,
     int64_t now_ms)
{
    int64_t seq = has_habits ? lookout->seq : lookout->kept_seq;
    int err = 0;

    if (has_habits)
        err = tg_habits_keep(lookout->habits, daemon, lookout->store);
    if (err == 0)
        err = keep_watch(lookout, daemon);
    if (err == 0)
        err = note_progress(lookout, daemon, seq);
    if (err != 0)
        return err;
    lookout->has_refusals = false;
    lookout->keep_at_ms = now_ms + KEEP_MS;
    if (has_habits) {
        lookout->has_calls = lookout->is_full = false;
        lookout->keep_habits_at_ms = now_ms + KEEP_HABITS_MS;
    }
    return 0;
}

/* Some of both; *has_more when there may be more. */
static int
read_some(struct tg_lookout *lookout, bool *has_more)
{
    struct tg_store *store = lookout->store;
    size_t denials;
    int err;

    lookout->rows = 0;
    err = store->ops->feed_each(store, lookout->denial, READ_ROWS, take_denial,
                                lookout);
    denials = lookout->rows;
    if (err >= 0)
        err = store->ops->glance_each(store, lookout->seq, READ_ROWS, take_call,
                                      lookout);
    lookout->has_refusals |= denials > 0;
    lookout->has_calls |= lookout->rows > denials;
    *has_more = err == 1 || denials == READ_ROWS ||
                lookout->rows - denials == READ_ROWS;
    return err == 1 ? 0 : err;
}

/* Also where the clock was put back. */
static bool
is_due(int64_t at_ms, int64_t now_ms, int64_t every_ms)
{
    return at_ms <= now_ms || at_ms - now_ms > every_ms;
}

/*
 * A row of the store is written for each key that called, and most keys of
 * many have a page of their own: that takes four times as long as reading a
 * call again.  So many keys wait until each has some calls.
 */
static bool
are_habits_due(const struct tg_lookout *lookout, int64_t now_ms)
{
    int64_t calls = lookout->seq - lookout->kept_seq;
    size_t dirty = tg_habits_dirty(lookout->habits);

    if (!lookout->has_calls ||
        !is_due(lookout->keep_habits_at_ms, now_ms, KEEP_HABITS_MS))
        return false;
    return dirty <= FEW_HABITS || calls >= CALLS_UNKEPT_MAX ||
           calls / CALLS_A_HABIT >= (int64_t)dirty ||
           is_due(lookout->keep_habits_at_ms + KEEP_HABITS_MOST_MS -
                      KEEP_HABITS_MS,
                  now_ms, KEEP_HABITS_MOST_MS);
}

static int
keep_what_is_due(struct tg_lookout *lookout, struct tg_daemon *daemon,
                 int64_t now_ms)
{
    bool has_habits = lookout->is_full || are_habits_due(lookout, now_ms);
    bool has_refusals =
        lookout->has_refusals && is_due(lookout->keep_at_ms, now_ms, KEEP_MS);

    return has_habits || has_refusals
               ? keep(lookout, daemon, has_habits, now_ms)
               : 0;
}

static int
go_round(struct tg_lookout *lookout, struct tg_daemon *daemon, int64_t now_ms)
{
    bool has_more = true;
    int err = lookout->is_loaded ? 0 : load(lookout);

    for (int i = 0; err == 0 && has_more && i < PASS_READS; i++) {
        err = read_some(lookout, &has_more);
        if (err == 0)
            err = tell_all(lookout, daemon);
        if (err == 0)
            err = keep_what_is_due(lookout, daemon, now_ms);
    }
    return err;
}

static struct tg_lookout *
make(void)
{
    struct tg_lookout *lookout = calloc(1, sizeof(*lookout));

    if (lookout != NULL &&
        (lookout->habits = tg_habits_new(TG_HABITS_BYTES)) == NULL) {
        free(lookout);
        return NULL;
    }
    return lookout;
}

void
tg_lookout_pass(struct tg_daemon *daemon, struct tg_store *store,
                int64_t now_ms)
{
    struct tg_lookout *lookout = daemon->lookout;
    int err;

    if (lookout == NULL)
        lookout = daemon->lookout = make();
    if (lookout == NULL)
        return;
    lookout->store = store;
    lookout->learning = (struct tg_habit_learning){
        .days = atomic_load(&daemon->responses.learning_days),
        .calls = atomic_load(&daemon->responses.learning_calls)};
    err = go_round(lookout, daemon, now_ms);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "calls are not watched at the moment: %s",
               store->error.text);
}

void
tg_lookout_free(struct tg_daemon *daemon)
{
    struct tg_lookout *lookout = daemon->lookout;

    if (lookout == NULL)
        return;
    for (size_t i = 0; i < lookout->untold_count; i++)
        json_decref(lookout->untold[i].evidence);
    tg_habits_free(lookout->habits);
    free(lookout);
    daemon->lookout = NULL;
}
