#include "statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "policy.h"
#include "spend.h"

#define STATE_UUID "state_uuid"
#define UUID_TEXT 33

/* Enough for a segment to be given up; and how long a writer needs at most. */
#define LOOKS 4
#define LOOK_US 10000

static void
uuid_text(const uint8_t uuid[16], char text[UUID_TEXT])
{
    sodium_bin2hex(text, UUID_TEXT, uuid, 16);
}

/* Whether the mapped file is the one this store spoke of last. */
static bool
is_ours(struct tg_daemon *daemon)
{
    char known[UUID_TEXT + 1] = "", text[UUID_TEXT];
    struct tg_store *store = daemon->admin;

    uuid_text(daemon->state.header->uuid, text);
    return store->ops->meta_get(store, STATE_UUID, known, sizeof(known)) == 0 &&
           strcmp(known, text) == 0;
}

static void
say_new(const struct tg_daemon *daemon, const char *why)
{
    tg_log(TG_LOG_WARNING,
           "the state file %s %s; a new one is made, and nginx must be "
           "restarted if it runs",
           daemon->paths.state, why);
}

/* TG_ERR_NOT_FOUND: a new one is needed. */
static int
take_over(struct tg_daemon *daemon, struct tg_error *error)
{
    const char *why = NULL;
    int err = tg_state_open(&daemon->state, AT_FDCWD, daemon->paths.state);

    if (err == 0 && is_ours(daemon))
        return 0;
    if (err == 0) {
        why = "belongs to another store";
        tg_state_close(&daemon->state);
    } else if (err == TG_ERR_VERSION) {
        why = "is of another version";
    } else if (err == TG_ERR_FORMAT) {
        why = "is damaged";
    } else if (errno != ENOENT) {
        return tg_error_set(error, err, "cannot map the state file %s: %s",
                            daemon->paths.state, strerror(errno));
    }
    if (why != NULL)
        say_new(daemon, why);
    memset(&daemon->state, 0, sizeof(daemon->state));
    return TG_ERR_NOT_FOUND;
}

static int
remember(struct tg_daemon *daemon, const uint8_t uuid[16])
{
    struct tg_store *store = daemon->admin;
    char text[UUID_TEXT], seq[24];
    int64_t first, last;
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    uuid_text(uuid, text);
    err = store->ops->account_rebase(store);
    if (err == 0)
        err = store->ops->call_span(store, &first, &last);
    if (err == 0) {
        snprintf(seq, sizeof(seq), "%lld", (long long)last);
        err = store->ops->meta_set(store, TG_STATE_SEQ, seq);
    }
    if (err == 0)
        err = store->ops->meta_set(store, STATE_UUID, text);
    return tg_daemon_end(daemon, store, err);
}

/*
 * Takes in the journal to its end.  What is taken in after the state file was
 * made would be missing in its balances and budgets, so what cannot be read
 * is looked at until it is given up.
 */
static int
take_in_all(struct tg_ingest *ingest, struct tg_error *error)
{
    int err = tg_ingest_pass(ingest);

    for (int i = 0; i < LOOKS && err == 0 && tg_ingest_is_behind(ingest); i++) {
        usleep(LOOK_US);
        err = tg_ingest_pass(ingest);
    }
    if (err == 0 && !tg_ingest_is_behind(ingest))
        err = tg_ingest_settle_holds(ingest);
    if (err != 0)
        return tg_error_set(error, err, "the journal cannot be taken in");
    return tg_ingest_is_behind(ingest)
               ? tg_error_set(error, TG_ERR_SYSTEM,
                              "a segment of the journal cannot be read")
               : 0;
}

/* The store knows the new file's name first: a kill makes another one. */
static int
make_new(struct tg_daemon *daemon, struct tg_ingest *ingest,
         struct tg_error *error)
{
    static const struct tg_state_size usual = {0};
    uint8_t uuid[16];
    int err;

    if (tg_random(uuid, sizeof(uuid)) != 0)
        return tg_error_set(error, TG_ERR_CRYPTO,
                            "the kernel gives no random bytes");
    err = take_in_all(ingest, error);
    if (err != 0)
        return err;
    err = remember(daemon, uuid);
    if (err != 0) {
        *error = daemon->admin->error;
        return err;
    }
    err = tg_state_create(daemon->paths.state, &usual, uuid, tg_clock_ms());
    if (err == 0)
        err = tg_state_open(&daemon->state, AT_FDCWD, daemon->paths.state);
    if (err != 0)
        return tg_error_set(error, err, "cannot make the state file %s: %s",
                            daemon->paths.state, strerror(errno));
    return 0;
}

/* Of the file that is open; what its publisher cannot believe is made anew. */
static int
open_publisher(struct tg_daemon *daemon, struct tg_ingest *ingest,
               struct tg_error *error)
{
    int err = tg_publisher_open(&daemon->publisher, &daemon->state);

    if (err == TG_ERR_CORRUPT) {
        say_new(daemon, "is damaged");
        tg_state_close(&daemon->state);
        memset(&daemon->state, 0, sizeof(daemon->state));
        err = make_new(daemon, ingest, error);
        if (err != 0)
            return err;
        err = tg_publisher_open(&daemon->publisher, &daemon->state);
    }
    if (err == TG_ERR_BUSY)
        tg_error_set(error, err, "another process publishes to %s",
                     daemon->paths.state);
    else if (err != 0)
        tg_error_set(error, err, "the state file %s cannot be used: %s",
                     daemon->paths.state, strerror(errno));
    return err;
}

int
tg_statefile_open(struct tg_daemon *daemon, struct tg_ingest *ingest,
                  struct tg_error *error)
{
    int err = take_over(daemon, error);

    if (err == TG_ERR_NOT_FOUND)
        err = make_new(daemon, ingest, error);
    if (err == 0)
        err = open_publisher(daemon, ingest, error);
    if (err == 0 && daemon->options.has_worker &&
        lchown(daemon->paths.state, daemon->options.worker_uid,
               daemon->options.worker_gid) != 0)
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot give away %s: %s",
                            daemon->paths.state, strerror(errno));
    /* Workers may begin with one that was ready before. */
    if (err == 0)
        tg_publish_seen(daemon->publisher, tg_clock_wall_ms());
    return err;
}

static int
cannot_publish(const struct tg_daemon *daemon, int err, struct tg_error *error)
{
    return tg_error_set(error, err, "cannot publish the policy: %s",
                        err == TG_ERR_FULL ? "the state file is full"
                                           : daemon->admin->error.text);
}

int
tg_statefile_admit(struct tg_daemon *daemon, struct tg_error *error)
{
    int err = tg_policy_accounts(daemon, daemon->admin);

    if (err == 0)
        err = tg_catalog_publish(daemon, daemon->admin);
    if (err != 0)
        return cannot_publish(daemon, err, error);
    pthread_mutex_lock(&daemon->publish_lock);
    /* One that was never ready is new, or its maker did not come so far. */
    if (atomic_load(&daemon->state.header->is_ready) == 0)
        tg_publish_fill(daemon->publisher);
    tg_publish_ready(daemon->publisher, tg_clock_wall_ms());
    pthread_mutex_unlock(&daemon->publish_lock);
    return 0;
}

int
tg_statefile_publish(struct tg_daemon *daemon, struct tg_error *error)
{
    bool is_filling = atomic_load(&daemon->state.header->is_filling) != 0;
    int err = tg_policy_keys(daemon, daemon->admin);

    if (err == 0 && is_filling)
        err = tg_spend_load(daemon, daemon->admin, tg_clock_ms());
    if (err != 0)
        return cannot_publish(daemon, err, error);
    pthread_mutex_lock(&daemon->publish_lock);
    tg_publish_filled(daemon->publisher);
    pthread_mutex_unlock(&daemon->publish_lock);
    return 0;
}

void
tg_statefile_close(struct tg_daemon *daemon)
{
    if (daemon->publisher != NULL)
        tg_publisher_close(daemon->publisher);
    if (daemon->state.map != NULL)
        tg_state_close(&daemon->state);
    free(daemon->catalog);
    daemon->publisher = NULL;
    daemon->catalog = NULL;
}
