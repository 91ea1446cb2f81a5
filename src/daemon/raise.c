#include "raise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "id.h"
#include "log.h"
#include "policy.h"
#include "respond.h"

#define MESSAGE_SIZE 512

/* One event on its way into the store. */
struct raising {
    struct tg_daemon *daemon;
    const struct tg_signal *signal;
    char id[TG_ID_TEXT_SIZE];
    char message[MESSAGE_SIZE];
    bool is_new, is_done; /* the key is to be published */
};

static int
add_event(struct raising *raising, const char *account_id)
{
    struct tg_store *store = raising->daemon->admin;
    const struct tg_signal *signal = raising->signal;
    char *evidence = json_dumps(signal->evidence, JSON_COMPACT);
    struct tg_store_event event = {
        .id = raising->id,
        .at = signal->at,
        .type = signal->type,
        .severity = signal->severity,
        .key_id = signal->key_id,
        .account_id = account_id,
        .upstream_id = "",
        .credential_id = "",
        .message = raising->message,
        .evidence = evidence != NULL ? evidence : "{}",
        .once = signal->once,
    };
    int err = store->ops->event_add(store, &event, &raising->is_new);

    free(evidence);
    return err;
}

static const char *
done_with(const json_t *evidence)
{
    const char *action = json_string_value(
        json_object_get(json_object_get(evidence, "response"), "action"));

    if (action == NULL)
        return "";
    return strcmp(action, "pause") == 0
               ? "; it is paused until somebody resumes it"
               : "; it is throttled for a time";
}

/* TG_ERR_DUPLICATE rolls back what was done with the key, once more. */
static int
tell_of_key(void *arg, const struct tg_store_key *row)
{
    struct raising *raising = arg;
    const struct tg_signal *signal = raising->signal;
    int err = tg_respond(raising->daemon, row, signal->type, raising->id,
                         signal->evidence, &raising->is_done);

    snprintf(raising->message, MESSAGE_SIZE, "%s (%s) %s%s", row->id, row->name,
             signal->sentence, done_with(signal->evidence));
    if (err == 0)
        err = add_event(raising, row->account_id);
    return err == 0 && !raising->is_new ? TG_ERR_DUPLICATE : err;
}

static int
tell(struct raising *raising)
{
    struct tg_store *store = raising->daemon->admin;
    const struct tg_signal *signal = raising->signal;
    int err = TG_ERR_NOT_FOUND;

    if (signal->key_id[0] != '\0')
        err = store->ops->key_get(store, signal->key_id, tell_of_key, raising);
    if (err != TG_ERR_NOT_FOUND)
        return err;
    snprintf(raising->message, MESSAGE_SIZE, "%s %s",
             signal->key_id[0] != '\0' ? signal->key_id : signal->subject,
             signal->sentence);
    return add_event(raising, "");
}

static int
raise_locked(struct raising *raising)
{
    struct tg_daemon *daemon = raising->daemon;
    int err = tg_id_mint(raising->id, "evt_", tg_random);

    if (err == 0)
        err = tg_daemon_begin(daemon, daemon->admin);
    if (err != 0)
        return err;
    err = tg_daemon_end(daemon, daemon->admin, tell(raising));
    if (err == TG_ERR_DUPLICATE)
        return 0;
    if (err == 0 && raising->is_new)
        tg_log(TG_LOG_WARNING, "%s", raising->message);
    if (err == 0 && raising->is_done)
        tg_policy_key(daemon, daemon->admin, raising->signal->key_id);
    return err;
}

int
tg_signal_raise(struct tg_daemon *daemon, const struct tg_signal *signal)
{
    struct raising raising = {.daemon = daemon, .signal = signal};
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = raise_locked(&raising);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "an event could not be stored: %s",
               daemon->admin->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
    return err;
}
