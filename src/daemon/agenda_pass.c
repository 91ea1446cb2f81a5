#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "clock.h"
#include "err.h"
#include "id.h"
#include "log.h"
#include "policy.h"

/* In one transaction, and in one pass: the admin API waits for either. */
#define BATCH 32
#define BATCHES 64

#define WHAT_SIZE 24

static const struct {
    const char *what; /* the beginning of its name */
    int (*run)(struct tg_errand_call *call, const struct tg_store_key *row);
} kinds[] = {
    {TG_ERRAND_EXPIRY, tg_errand_expiry},
    {TG_ERRAND_ROTATION_SOON, tg_errand_rotation_soon},
    {TG_ERRAND_ROTATION, tg_errand_rotation},
};

/* Errands that are due, copied: running them changes the agenda. */
struct batch {
    struct tg_daemon *daemon;
    int64_t now_ms;
    size_t count;
    struct {
        char key_id[TG_ID_TEXT_SIZE], what[WHAT_SIZE];
        int64_t at;
        bool is_changed;
    } list[BATCH];
};

static int
take(void *arg, const struct tg_store_errand *row)
{
    struct batch *batch = arg;

    snprintf(batch->list[batch->count].key_id, TG_ID_TEXT_SIZE, "%s",
             row->key_id);
    snprintf(batch->list[batch->count].what, WHAT_SIZE, "%s", row->what);
    batch->list[batch->count].at = row->at;
    batch->list[batch->count++].is_changed = false;
    return 0;
}

static int
run_row(void *arg, const struct tg_store_key *row)
{
    struct tg_errand_call *call = arg;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(call->errand->what, kinds[i].what, strlen(kinds[i].what)) ==
            0)
            return kinds[i].run(call, row);
    }
    return 0;
}

/* Off the agenda first: what the errand itself puts there stays. */
static int
run_one(struct batch *batch, size_t i)
{
    struct tg_store *store = batch->daemon->admin;
    struct tg_store_errand errand = {batch->list[i].key_id, batch->list[i].what,
                                     0};
    struct tg_errand_call call = {.daemon = batch->daemon,
                                  .store = store,
                                  .errand = &errand,
                                  .now_ms = batch->now_ms};
    int err = store->ops->errand_put(store, &errand);

    errand.at = batch->list[i].at;
    if (err == 0)
        err = store->ops->key_get(store, errand.key_id, run_row, &call);
    batch->list[i].is_changed = call.is_changed;
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

static int
run_batch(struct batch *batch)
{
    struct tg_daemon *daemon = batch->daemon;
    struct tg_store *store = daemon->admin;
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    /* What is due may have changed since it was looked for. */
    err = store->ops->errand_due(store, batch->now_ms, BATCH, take, batch);
    for (size_t i = 0; i < batch->count && err == 0; i++)
        err = run_one(batch, i);
    err = tg_daemon_end(daemon, store, err);
    for (size_t i = 0; i < batch->count && err == 0; i++) {
        if (batch->list[i].is_changed)
            err = tg_policy_key(daemon, store, batch->list[i].key_id);
    }
    return err;
}

static int
count_one(void *arg, const struct tg_store_errand *row)
{
    (void)row;
    *(bool *)arg = true;
    return 0;
}

void
tg_agenda_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    bool is_due = false;
    int err = store->ops->errand_due(store, now_ms, 1, count_one, &is_due);

    for (int i = 0; i < BATCHES && is_due && err == 0; i++) {
        struct batch batch = {.daemon = daemon, .now_ms = now_ms};

        pthread_mutex_lock(&daemon->admin_lock);
        err = run_batch(&batch);
        if (err != 0)
            tg_log(TG_LOG_ERROR, "reminders and rotations of keys wait: %s",
                   daemon->admin->error.text);
        pthread_mutex_unlock(&daemon->admin_lock);
        is_due = batch.count == BATCH;
    }
}
