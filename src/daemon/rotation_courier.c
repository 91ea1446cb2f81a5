#include <stdio.h>
#include <string.h>

#include "change.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "log.h"
#include "policy.h"
#include "reply.h"
#include "rotation.h"

/* What is said of one secret. */
struct word {
    struct tg_daemon *daemon;
    const char *key_id, *secret_id;
    bool is_delivered;
    bool is_taken; /* the key was changed by it */
    int64_t now_ms;
};

static int
begin_grace(struct word *word, const struct tg_rotation *rotation)
{
    struct tg_store *store = word->daemon->admin;
    int64_t until_ms = word->now_ms + rotation->grace_ms;
    int err = tg_rotation_finish(store, rotation, until_ms);

    word->is_taken = true;
    if (err != 0)
        return err;
    return tg_change_own(store, "key.rotation_delivered", word->key_id,
                         json_pack("{s:s,s:s,s:o}", "secret", rotation->newest,
                                   "old_secret", rotation->old, "old_until",
                                   tg_reply_instant(until_ms)));
}

static int
tell(struct word *word, const struct tg_store_key *row,
     const struct tg_rotation *rotation)
{
    char once[80];
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = "rotation_undelivered",
        .severity = "critical",
        .once = once,
        .evidence = json_pack("{s:s,s:s}", "secret", rotation->newest,
                              "old_secret", rotation->old)};

    snprintf(once, sizeof(once), "undelivered/%s", rotation->newest);
    return tg_event_tell(word->daemon->admin, &event, word->now_ms,
                         "the new secret of the key %s (%s) could not be "
                         "delivered and is tried again; the old one stays "
                         "valid until it is",
                         row->name, row->id);
}

static int
take_row(void *arg, const struct tg_store_key *row)
{
    struct word *word = arg;
    struct tg_rotation rotation;
    int err =
        tg_rotation_look(word->daemon->admin, row->id, word->now_ms, &rotation);

    if (err != 0)
        return err;
    if (!rotation.is_awaited || strcmp(rotation.newest, word->secret_id) != 0)
        return 0;
    return word->is_delivered ? begin_grace(word, &rotation)
                              : tell(word, row, &rotation);
}

static void
take(struct word *word)
{
    struct tg_daemon *daemon = word->daemon;
    struct tg_store *store = daemon->admin;
    int err;

    word->now_ms = tg_clock_ms();
    pthread_mutex_lock(&daemon->admin_lock);
    err = tg_daemon_begin(daemon, store);
    if (err == 0)
        err = tg_daemon_end(
            daemon, store,
            store->ops->key_get(store, word->key_id, take_row, word));
    if (err == 0 && word->is_taken)
        (void)tg_policy_key(daemon, store, word->key_id);
    else if (err != 0 && err != TG_ERR_NOT_FOUND)
        tg_log(TG_LOG_ERROR,
               "what became of a new secret of %s could not be stored: %s",
               word->key_id, store->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
}

void
tg_rotation_delivered(struct tg_daemon *daemon, const char *key_id,
                      const char *secret_id)
{
    struct word word = {.daemon = daemon,
                        .key_id = key_id,
                        .secret_id = secret_id,
                        .is_delivered = true};

    take(&word);
}

void
tg_rotation_undelivered(struct tg_daemon *daemon, const char *key_id,
                        const char *secret_id)
{
    struct word word = {
        .daemon = daemon, .key_id = key_id, .secret_id = secret_id};

    take(&word);
}
