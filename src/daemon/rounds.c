#include "rounds.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "agenda.h"
#include "alerts.h"
#include "clock.h"
#include "credential_check.h"
#include "credential_life.h"
#include "alert_deliver.h"
#include "digest.h"
#include "disk.h"
#include "err.h"
#include "huge_pass.h"
#include "idempotency.h"
#include "leak_keys.h"
#include "lookout.h"
#include "metrics.h"
#include "report_schedule.h"
#include "resolve.h"
#include "respond.h"
#include "sinks.h"
#include "vigil.h"

#define ROUNDS_MAX 16
#define END_S 1

static const struct {
    int period_s;
    tg_round *rows[ROUNDS_MAX]; /* NULL ends them */
} kinds[TG_ROUNDS_KINDS] = {
    [TG_ROUNDS_CLOCKWORK] = {1,
                             {tg_agenda_pass, tg_vigil_pass, tg_lookout_pass,
                              tg_respond_pass, tg_idempotency_pass,
                              tg_credential_pass, tg_disk_pass,
                              tg_alerts_pass}},
    [TG_ROUNDS_COURIER] = {1,
                           {tg_leak_keys_pass, tg_sinks_pass, tg_deliver_pass,
                            tg_check_pass}},
    [TG_ROUNDS_RESOLVER] = {30, {tg_resolve_pass, tg_metrics_pass}},
    [TG_ROUNDS_REPORTER] = {1, {tg_huge_pass, tg_report_pass}},
};

struct tg_rounds {
    pthread_t thread;
    struct tg_daemon *daemon;
    struct tg_store *store;
    enum tg_rounds_kind kind;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_ending;
};

static bool
sleep_until_next(struct tg_rounds *rounds)
{
    struct timespec until;
    bool is_ending;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += kinds[rounds->kind].period_s;
    pthread_mutex_lock(&rounds->lock);
    while (!rounds->is_ending && result != ETIMEDOUT)
        result = pthread_cond_clockwait(&rounds->wake, &rounds->lock,
                                        CLOCK_MONOTONIC, &until);
    is_ending = rounds->is_ending;
    pthread_mutex_unlock(&rounds->lock);
    return !is_ending;
}

static bool
is_ending(struct tg_rounds *rounds)
{
    bool is;

    pthread_mutex_lock(&rounds->lock);
    is = rounds->is_ending;
    pthread_mutex_unlock(&rounds->lock);
    return is;
}

static void *
run(void *arg)
{
    struct tg_rounds *rounds = arg;
    tg_round *const *rows = kinds[rounds->kind].rows;

    do {
        for (size_t i = 0; rows[i] != NULL && !is_ending(rounds); i++)
            rows[i](rounds->daemon, rounds->store, tg_clock_ms());
    } while (sleep_until_next(rounds));
    return NULL;
}

static void
free_rounds(struct tg_rounds *rounds)
{
    rounds->store->ops->close(rounds->store);
    pthread_cond_destroy(&rounds->wake);
    pthread_mutex_destroy(&rounds->lock);
    free(rounds);
}

int
tg_rounds_start(struct tg_rounds **rounds, struct tg_daemon *daemon,
                enum tg_rounds_kind kind, struct tg_error *error)
{
    struct tg_rounds *self = calloc(1, sizeof(*self));
    int err;

    if (self == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    err = tg_store_open_sqlite(&self->store, daemon->paths.store, error);
    if (err != 0) {
        free(self);
        return err;
    }
    self->daemon = daemon;
    self->kind = kind;
    if (kind == TG_ROUNDS_CLOCKWORK)
        self->store->follows = daemon->fresh;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        free_rounds(self);
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot start a thread");
    }
    *rounds = self;
    return 0;
}

void
tg_rounds_stop(struct tg_rounds *rounds)
{
    struct timespec until;

    if (rounds == NULL)
        return;
    pthread_mutex_lock(&rounds->lock);
    rounds->is_ending = true;
    pthread_cond_signal(&rounds->wake);
    pthread_mutex_unlock(&rounds->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_S;
    if (rounds->kind == TG_ROUNDS_CLOCKWORK)
        pthread_join(rounds->thread, NULL);
    else if (pthread_timedjoin_np(rounds->thread, NULL, &until) != 0)
        return;
    free_rounds(rounds);
}
