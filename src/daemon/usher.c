#include "usher.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "policy.h"
#include "spend.h"
#include "wanted.h"

#define LOOK_NS 500000

struct tg_usher {
    struct tg_daemon *daemon;
    struct tg_recent_spend *recent;
    int64_t now_ms;
    pthread_t thread;
    _Atomic bool ends, has_failed;
};

static int
take_owner(void *arg, const struct tg_store_owner *row)
{
    memset(arg, 0, TG_ID_TEXT_SIZE);
    strncpy(arg, row->key_id, TG_ID_TEXT_SIZE - 1);
    return 0;
}

/* Whether the key is there is known by its lookup, not by this. */
static int
let_in(struct tg_usher *usher, const struct tg_digest *digest)
{
    struct tg_daemon *daemon = usher->daemon;
    struct tg_store *store = daemon->monitor;
    char id[TG_ID_TEXT_SIZE];
    uint32_t slot;
    int err = store->leaks->owner(store, digest, take_owner, id);

    if (err == 0)
        err = tg_policy_key(daemon, store, id);
    if (err == 0) {
        pthread_mutex_lock(&daemon->publish_lock);
        err = tg_publisher_key_slot(daemon->publisher, id, &slot);
        pthread_mutex_unlock(&daemon->publish_lock);
    }
    if (err == 0)
        err = tg_spend_load_key(daemon, store, usher->recent, slot,
                                usher->now_ms);
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

/* What cannot be read now is asked for again; calls wait no longer for it. */
static void
serve(struct tg_usher *usher, uint32_t row, const struct tg_digest *digest)
{
    struct tg_daemon *daemon = usher->daemon;
    uint32_t slot;
    int err = 0;

    if (tg_state_lookup(&daemon->state, digest, &slot) != 0)
        err = let_in(usher, digest);
    if (err != 0 && !atomic_exchange(&usher->has_failed, true))
        tg_log(TG_LOG_ERROR,
               "a key that a call waits for cannot be published ahead of the "
               "others: %s",
               err == TG_ERR_FULL ? "the state file is full"
                                  : daemon->monitor->error.text);
    tg_wanted_answer(&daemon->state, row,
                     err == 0 &&
                         tg_state_lookup(&daemon->state, digest, &slot) != 0);
}

/* Without what is recent, calls wait for the pass over all keys. */
static void *
run(void *arg)
{
    static const struct timespec pause = {.tv_nsec = LOOK_NS};
    struct tg_usher *usher = arg;
    const struct tg_state *state = &usher->daemon->state;
    struct tg_store *store = usher->daemon->monitor;
    struct tg_digest digest;

    if (tg_spend_recent(&usher->recent, store, usher->now_ms) != 0) {
        tg_log(TG_LOG_ERROR, "calls wait until all keys are published: %s",
               store->error.text);
        return NULL;
    }
    while (!atomic_load(&usher->ends)) {
        for (uint32_t row = 0;
             !atomic_load(&usher->ends) && tg_wanted_next(state, &row, &digest);
             row++)
            serve(usher, row, &digest);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int
tg_usher_start(struct tg_usher **out, struct tg_daemon *daemon,
               struct tg_error *error)
{
    struct tg_usher *usher;

    *out = NULL;
    if (!tg_wanted_is_filling(&daemon->state))
        return 0;
    usher = calloc(1, sizeof(*usher));
    if (usher == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    usher->daemon = daemon;
    usher->now_ms = tg_clock_ms();
    if (pthread_create(&usher->thread, NULL, run, usher) != 0) {
        free(usher);
        return tg_error_set(error, TG_ERR_SYSTEM, "no thread");
    }
    *out = usher;
    return 0;
}

void
tg_usher_stop(struct tg_usher *usher)
{
    if (usher == NULL)
        return;
    atomic_store(&usher->ends, true);
    pthread_join(usher->thread, NULL);
    tg_spend_recent_free(usher->recent);
    free(usher);
}
