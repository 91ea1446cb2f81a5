#include "jump.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

/* Both clocks are not read in the same moment: a tenth is what is known. */
static long long
tenths_of(int64_t by_ms)
{
    return (by_ms + (by_ms < 0 ? -50 : 50)) / 100;
}

static void
say(enum tg_jump_found found, int64_t by_ms, char *text, size_t size)
{
    static const char *const ends[] = {
        [TG_JUMP_HELD] = "limits go on by the time before until it has stood "
                         "for ten minutes, or the daemon gets SIGHUP",
        [TG_JUMP_UNDONE] = "it is as it was",
        [TG_JUMP_FOLLOWED] = "days, months and minutes of limits follow it",
    };
    long long tenths = llabs(tenths_of(by_ms));

    snprintf(text, size, "the clock was set %s by %lld.%lld s: %s",
             by_ms > 0 ? "forward" : "back", tenths / 10, tenths % 10,
             ends[found]);
}

static int
add_event(struct tg_daemon *daemon, enum tg_jump_found found, int64_t by_ms)
{
    struct tg_store *store = daemon->admin;
    char id[TG_ID_TEXT_SIZE], once[64], message[192], evidence[64];
    bool is_followed = found == TG_JUMP_FOLLOWED;
    struct tg_store_event event = {
        .id = id,
        .at = tg_clock_ms(),
        .type = is_followed ? "clock_followed" : "clock_jumped",
        .severity = is_followed ? "info" : "warning",
        .key_id = "",
        .account_id = "",
        .upstream_id = "",
        .credential_id = "",
        .message = message,
        .evidence = evidence,
        .once = once,
    };
    bool is_new;
    int err = tg_id_mint(id, "evt_", tg_random);

    say(found, by_ms, message, sizeof(message));
    snprintf(evidence, sizeof(evidence), "{\"by_seconds\":%lld}",
             tenths_of(by_ms) / 10);
    snprintf(once, sizeof(once), "clock/%lld",
             (long long)tg_clock_forward_ms());
    if (err == 0)
        err = tg_daemon_begin(daemon, store);
    if (err != 0)
        return err;
    err = store->ops->event_add(store, &event, &is_new);
    return tg_daemon_end(daemon, store, err);
}

/* To the workers, to this process, and to whoever reads the log. */
static void
tell(struct tg_jump *jump, struct tg_daemon *daemon, enum tg_jump_found found,
     int64_t by_ms)
{
    char text[192];

    atomic_store(&daemon->state.header->clock_ahead_ms, jump->believed_ms);
    tg_clock_believe(jump->believed_ms);
    if (found == TG_JUMP_NOTHING)
        return;
    say(found, by_ms, text, sizeof(text));
    tg_log(TG_LOG_WARNING, "%s", text);
    jump->untold = found;
    jump->untold_by_ms = by_ms;
}

void
tg_jump_begin(struct tg_jump *jump, struct tg_daemon *daemon)
{
    int64_t ahead_ms = atomic_load(&daemon->state.header->clock_ahead_ms);

    if (ahead_ms == 0)
        ahead_ms = tg_clock_wall_ms() - tg_clock_forward_ms();
    tg_jump_init(jump, ahead_ms);
    tell(jump, daemon, TG_JUMP_NOTHING, 0);
}

void
tg_jump_believe(struct tg_jump *jump, struct tg_daemon *daemon)
{
    int64_t by_ms = 0;
    enum tg_jump_found found = tg_jump_accept(jump, &by_ms);

    tell(jump, daemon, found, by_ms);
}

void
tg_jump_pass(struct tg_jump *jump, struct tg_daemon *daemon)
{
    int64_t by_ms;
    enum tg_jump_found found =
        tg_jump_look(jump, tg_clock_wall_ms(), tg_clock_forward_ms(), &by_ms);

    tell(jump, daemon, found, by_ms);
    if (jump->untold == TG_JUMP_NOTHING ||
        pthread_mutex_trylock(&daemon->admin_lock) != 0)
        return;
    if (add_event(daemon, jump->untold, jump->untold_by_ms) != 0)
        tg_log(TG_LOG_ERROR, "an event could not be stored: %s",
               daemon->admin->error.text);
    jump->untold = TG_JUMP_NOTHING;
    pthread_mutex_unlock(&daemon->admin_lock);
}
