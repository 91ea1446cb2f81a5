#include "jump.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

int64_t
tg_jump_look(struct tg_jump *jump, int64_t wall_ms, int64_t forward_ms)
{
    int64_t ahead_ms = wall_ms - forward_ms;
    int64_t by_ms = ahead_ms - jump->ahead_ms;
    bool is_first = !jump->has_seen;

    jump->has_seen = true;
    jump->ahead_ms = ahead_ms;
    return is_first || llabs(by_ms) < TG_JUMP_LEAST_MS ? 0 : by_ms;
}

/* Both clocks are not read in the same moment: a tenth is what is known. */
static long long
tenths_of(int64_t by_ms)
{
    return (by_ms + (by_ms < 0 ? -50 : 50)) / 100;
}

static void
say(int64_t by_ms, char *text, size_t size)
{
    long long tenths = llabs(tenths_of(by_ms));

    snprintf(text, size,
             "the clock was set %s by %lld.%lld s: days, months and minutes "
             "of limits go by it",
             by_ms > 0 ? "forward" : "back", tenths / 10, tenths % 10);
}

static int
add_event(struct tg_daemon *daemon, int64_t by_ms, int64_t now_ms)
{
    struct tg_store *store = daemon->admin;
    char id[TG_ID_TEXT_SIZE], once[64], message[128], evidence[64];
    struct tg_store_event event = {
        .id = id,
        .at = now_ms,
        .type = "clock_jumped",
        .severity = "warning",
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

    say(by_ms, message, sizeof(message));
    snprintf(evidence, sizeof(evidence), "{\"by_seconds\":%lld}",
             tenths_of(by_ms) / 10);
    snprintf(once, sizeof(once), "clock/%lld", (long long)now_ms);
    if (err == 0)
        err = tg_daemon_begin(daemon, store);
    if (err != 0)
        return err;
    err = store->ops->event_add(store, &event, &is_new);
    return tg_daemon_end(daemon, store, err);
}

void
tg_jump_pass(struct tg_jump *jump, struct tg_daemon *daemon)
{
    int64_t now_ms = tg_clock_ms();
    int64_t by_ms = tg_jump_look(jump, now_ms, tg_clock_forward_ms());
    char text[128];

    if (by_ms != 0) {
        say(by_ms, text, sizeof(text));
        tg_log(TG_LOG_WARNING, "%s", text);
        jump->untold_ms = by_ms;
    }
    if (jump->untold_ms == 0 || pthread_mutex_trylock(&daemon->admin_lock) != 0)
        return;
    if (add_event(daemon, jump->untold_ms, now_ms) != 0)
        tg_log(TG_LOG_ERROR, "an event could not be stored: %s",
               daemon->admin->error.text);
    jump->untold_ms = 0;
    pthread_mutex_unlock(&daemon->admin_lock);
}
