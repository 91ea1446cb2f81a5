#include "denials.h"

#include "civil.h"
#include "clock.h"
#include "log.h"
#include "watch.h"

#define EXPIRE_ROWS 500
#define LOOK_MS 60000

int
tg_denials_take(struct tg_store *store, const struct tg_segment *segment,
                const struct tg_record *record)
{
    bool is_new;
    int err =
        store->ops->denial_mark(store, segment->writer_id, segment->number,
                                record->sequence, tg_clock_ms(), &is_new);

    for (size_t i = 0; err == 0 && is_new && i < record->denial_count; i++) {
        struct tg_denial row = tg_record_denial(record, i);

        err = store->ops->denial_add(store, &row);
        if (err == 0 && tg_watch_wants(&row))
            err = store->ops->feed_add(store, &row);
    }
    return err;
}

/* A clock that was set back must not put it off for long. */
static bool
is_due(const struct tg_daemon *daemon, int64_t now_ms)
{
    int64_t left = daemon->denials.look_at_ms - now_ms;

    return daemon->denials.days != 0 && (left <= 0 || left > LOOK_MS);
}

void
tg_denials_expire(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms)
{
    int64_t before = now_ms - daemon->denials.days * TG_MS_PER_DAY;
    uint32_t gone = 0;
    int err;

    if (!is_due(daemon, now_ms))
        return;
    daemon->denials.look_at_ms = now_ms + LOOK_MS;
    err = tg_daemon_begin(daemon, store);
    if (err == 0) {
        err = store->ops->denial_expire(store, before, EXPIRE_ROWS, &gone);
        err = tg_daemon_end(daemon, store, err);
    }
    if (err != 0)
        tg_log(TG_LOG_WARNING, "old denials could not be removed: %s",
               store->error.text);
    /* There may be more. */
    if (err == 0 && gone > 0)
        daemon->denials.look_at_ms = now_ms;
}
