#include "recover.h"

#include <errno.h>
#include <string.h>

#include "area.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "queue.h"
#include "settle.h"

/* Visiting the calls of one area. */
struct visit {
    struct tg_recovery *recovery;
    int64_t now_ms;
    uint32_t settled, damaged;
    int err;
};

/* Writing down what is left of all calls. */
struct flush {
    struct tg_state *state;
    struct tg_journal journal;
    int64_t now_ms;
    uint32_t count;
    int err;
};

void
tg_recovery_init(struct tg_recovery *recovery, struct tg_daemon *daemon,
                 struct tg_ingest *ingest)
{
    recovery->daemon = daemon;
    recovery->ingest = ingest;
    tg_journal_init(&recovery->journal, tg_ingest_folder(ingest),
                    daemon->own_writer_id);
    recovery->crowd = (struct tg_crowd){0};
    tg_crowd_suspect(&recovery->crowd);
}

/* A call in the store was settled before it was journaled: it is done. */
static void
recover_call(void *arg, struct tg_call_slot *slot)
{
    static const struct tg_str nothing = {NULL, 0};
    struct visit *visit = arg;
    struct tg_store *store = tg_ingest_store(visit->recovery->ingest);
    bool has = false;

    if (!tg_area_is_sound(&visit->recovery->daemon->state, slot)) {
        visit->damaged++;
        return;
    }
    if (visit->err == 0)
        visit->err = store->ops->call_has(store, &slot->call.id, &has);
    if (visit->err != 0 || has)
        return;
    tg_settle_lost(&visit->recovery->daemon->state, &slot->call, visit->now_ms);
    visit->err = tg_journal_append(&visit->recovery->journal, &slot->call,
                                   nothing, nothing, visit->now_ms);
    if (visit->err == 0)
        visit->settled++;
    else
        tg_log(TG_LOG_ERROR,
               "cannot write the journal for calls of a dead worker: %s",
               strerror(errno));
}

static void
recover_area(struct tg_recovery *recovery, uint32_t area, int64_t now_ms)
{
    struct tg_state *state = &recovery->daemon->state;
    struct visit visit = {.recovery = recovery, .now_ms = now_ms};
    uint32_t pid = atomic_load(&state->areas[area].pid);

    tg_queue_clear(state, atomic_load(&state->areas[area].writer_id));
    tg_area_each(state, area, recover_call, &visit);
    if (visit.settled > 0)
        tg_log(TG_LOG_WARNING,
               "worker %u is gone; %u of its calls were settled in its place",
               pid, visit.settled);
    if (visit.damaged > 0)
        tg_log(TG_LOG_ERROR,
               "worker %u is gone, and %u of its calls cannot be read in the "
               "state file: they have no record, and what they held stays "
               "held until the file is made anew",
               pid, visit.damaged);
    if (visit.err == 0)
        tg_area_clear(state, area);
    tg_crowd_suspect(&recovery->crowd);
}

static void
look_at_crowd(struct tg_recovery *recovery, int64_t now_ms)
{
    int mended =
        tg_crowd_look(&recovery->crowd, &recovery->daemon->state, now_ms);

    if (mended > 0)
        tg_log(TG_LOG_WARNING,
               "%d key%s counted as having calls that are over, and not any "
               "more: a worker was killed while it counted",
               mended, mended == 1 ? " was" : "s were");
}

/* Settles what the dead left, once all that they journaled is known. */
static void
recover_all(struct tg_recovery *recovery, const uint32_t *orphans,
            uint32_t count, int64_t now_ms)
{
    if (tg_ingest_pass(recovery->ingest) != 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        recover_area(recovery, orphans[i], now_ms);
}

void
tg_recovery_pass(struct tg_recovery *recovery, int64_t now_ms)
{
    struct tg_state *state = &recovery->daemon->state;
    uint32_t orphans[TG_AREA_COUNT];
    uint32_t count = 0;

    for (uint32_t i = 0; i < state->header->area_count && i < TG_AREA_COUNT;
         i++) {
        if (tg_area_is_orphaned(state, i))
            orphans[count++] = i;
    }
    if (count > 0)
        recover_all(recovery, orphans, count, now_ms);
    look_at_crowd(recovery, now_ms);
}

/* What is left is written down; the store will know which it has. */
static void
flush_call(void *arg, struct tg_call_slot *slot)
{
    static const struct tg_str nothing = {NULL, 0};
    struct flush *flush = arg;

    if (flush->err != 0 || !tg_area_is_sound(flush->state, slot))
        return;
    tg_settle_lost(flush->state, &slot->call, flush->now_ms);
    flush->err = tg_journal_append(&flush->journal, &slot->call, nothing,
                                   nothing, flush->now_ms);
    flush->count++;
}

int
tg_recovery_flush(struct tg_state *state, int dir_fd, int64_t now_ms,
                  uint32_t *count)
{
    struct flush flush = {.state = state, .now_ms = now_ms};
    uint64_t writer_id;

    if (tg_random(&writer_id, sizeof(writer_id)) != 0)
        return TG_ERR_CRYPTO;
    tg_journal_init(&flush.journal, dir_fd, writer_id | 1);
    for (uint32_t i = 0; i < state->header->area_count && flush.err == 0; i++) {
        if (!tg_area_is_orphaned(state, i))
            continue;
        tg_area_each(state, i, flush_call, &flush);
        if (flush.err == 0)
            tg_area_clear(state, i);
    }
    tg_journal_close(&flush.journal);
    *count = flush.count;
    return flush.err;
}

void
tg_recovery_release(struct tg_recovery *recovery)
{
    tg_journal_close(&recovery->journal);
    tg_crowd_release(&recovery->crowd);
}
