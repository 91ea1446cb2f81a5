#include "disk.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "plural.h"

const char *
tg_disk_cause(int error)
{
    const char *name = error == 0 ? "behind" : strerrorname_np(error);

    return name != NULL ? name : "unknown";
}

bool
tg_disk_is_failing(const struct tg_state *state)
{
    return atomic_load(&state->header->journal_told) & 1;
}

static void
say(const struct tg_trouble_view *view, bool is_failing, char *text,
    size_t size)
{
    if (!is_failing)
        snprintf(text, size, "the disk takes the journal again, and keeps it");
    else if (view->shut == 0)
        snprintf(text, size,
                 "the disk of the journal failed (%s): what it had not kept "
                 "is written once more",
                 tg_disk_cause(view->error));
    else
        snprintf(text, size,
                 "the disk does not take the journal (%s): calls are refused "
                 "by %u worker%s",
                 tg_disk_cause(view->error), view->shut, tg_plural(view->shut));
}

static int
add_event(struct tg_daemon *daemon, const struct tg_trouble_view *view,
          bool is_failing, int64_t now_ms)
{
    struct tg_store *store = daemon->admin;
    char once[96], message[128];
    struct tg_event event = {
        .type = is_failing ? "journal_failing" : "journal_recovered",
        .severity = !is_failing      ? "info"
                    : view->shut > 0 ? "critical"
                                     : "warning",
        .once = once,
    };
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    say(view, is_failing, message, sizeof(message));
    snprintf(once, sizeof(once), "journal/%lld/%llu/%s",
             (long long)daemon->state.header->created_at_ms,
             (unsigned long long)view->faults, is_failing ? "failing" : "over");
    event.evidence = json_pack("{s:s,s:i}", "cause", tg_disk_cause(view->error),
                               "workers_shut", (int)view->shut);
    return tg_daemon_end(daemon, store,
                         tg_event_tell(store, &event, now_ms, "%s", message));
}

static void
tell(struct tg_daemon *daemon, const struct tg_trouble_view *view,
     bool is_failing, int64_t now_ms)
{
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = add_event(daemon, view, is_failing, now_ms);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "an event could not be stored: %s",
               daemon->admin->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
    if (err == 0)
        atomic_store(&daemon->state.header->journal_told,
                     view->faults << 1 | is_failing);
}

void
tg_disk_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct tg_trouble_view view = tg_trouble_look(&daemon->state);
    uint64_t told = atomic_load(&daemon->state.header->journal_told);
    int64_t forward_ms = tg_clock_forward_ms();

    (void)store;
    if (view.workers > 0 || view.faults != told >> 1)
        daemon->disk_quiet_at_ms = forward_ms + TG_DISK_QUIET_MS;
    if (view.faults != told >> 1 && !(told & 1))
        tell(daemon, &view, true, now_ms);
    else if (view.faults != told >> 1)
        atomic_store(&daemon->state.header->journal_told, view.faults << 1 | 1);
    else if ((told & 1) && forward_ms >= daemon->disk_quiet_at_ms)
        tell(daemon, &view, false, now_ms);
}
