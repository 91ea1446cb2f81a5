#include "retention.h"

#include "civil.h"
#include "clock.h"
#include "log.h"

#define ROWS 2000
#define ROWS_LEAST 64 /* when somebody waits */
#define LOOK_MS 60000
#define LEAP_MS (3600 * 1000)
#define MOVED_DAYS 40 /* a new state file asks for 33 */

/*
 * What is gone does not come back, so a clock that leapt is not believed for
 * a day of running time: it may be set right until then.
 */
static bool
is_clock_sure(struct tg_daemon *daemon, int64_t now_ms)
{
    int64_t up_ms = tg_clock_forward_ms();
    int64_t begun_at = now_ms - up_ms;
    int64_t leap = begun_at - daemon->retention.begun_at_ms;

    if (daemon->retention.begun_at_ms != 0 &&
        (leap > LEAP_MS || leap < -LEAP_MS)) {
        daemon->retention.sure_up_ms = up_ms + TG_MS_PER_DAY;
        tg_log(TG_LOG_WARNING,
               "the clock leapt by %lld s; nothing is taken away by age for "
               "a day",
               (long long)(leap / 1000));
    }
    daemon->retention.begun_at_ms = begun_at;
    return up_ms >= daemon->retention.sure_up_ms;
}

static int64_t
before(int64_t now_ms, uint32_t days)
{
    return days == 0 ? 0 : now_ms - days * TG_MS_PER_DAY;
}

static int
take(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms,
     bool *has_more)
{
    uint32_t rows =
        atomic_load(&daemon->writers_waiting) > 0 ? ROWS_LEAST : ROWS;
    struct tg_store_age age = {
        .now_ms = now_ms,
        .calls_before = before(now_ms, daemon->retention.calls_days),
        .rollups_before = before(now_ms, daemon->retention.rollups_days),
        .moved_before = before(now_ms, MOVED_DAYS),
    };
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    err = store->ops->forget(store, &age, rows, has_more);
    return tg_daemon_end(daemon, store, err);
}

void
tg_retention_pass(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms)
{
    int64_t left_ms = daemon->retention.look_at_ms - now_ms;
    bool has_more = false;
    int err;

    /* A clock that was set back must not put it off for long. */
    if (left_ms > 0 && left_ms <= LOOK_MS)
        return;
    daemon->retention.look_at_ms = now_ms + LOOK_MS;
    if (!is_clock_sure(daemon, now_ms))
        return;
    err = take(daemon, store, now_ms, &has_more);
    if (err != 0)
        tg_log(TG_LOG_WARNING, "what is old could not be taken away: %s",
               store->error.text);
    else if (has_more)
        daemon->retention.look_at_ms = now_ms;
}
