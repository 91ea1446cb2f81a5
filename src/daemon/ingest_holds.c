#include "ingest_part.h"

#include "err.h"
#include "log.h"
#include "settle.h"

/* Holds of calls that the store has; what it does not say stays. */
static void
drop_recorded(struct tg_ingest *ingest)
{
    const struct tg_holds *holds = &ingest->holds;
    bool has;

    for (size_t i = 0; i < holds->room; i++) {
        const struct tg_hold_row *row = &holds->rows[i];

        if (row->is_used &&
            ingest->store->ops->call_has(ingest->store, &row->id, &has) == 0 &&
            has)
            tg_holds_end(&ingest->holds, &row->id);
    }
    tg_holds_settle(&ingest->holds, true);
}

static void
search_segment(struct tg_ingest *ingest, struct tg_segment *segment)
{
    char name[TG_JOURNAL_NAME_SIZE];
    int err = segment->offset <= TG_JOURNAL_HEADER_SIZE
                  ? 0
                  : tg_holds_search(&ingest->holds, segment, ingest->buffer,
                                    TG_INGEST_BUFFER);

    segment->is_searched =
        err != TG_ERR_SYSTEM || ++segment->searches >= TG_INGEST_LOOKS;
    if (!segment->is_searched || err == 0)
        return;
    segment->is_spoilt = true;
    tg_journal_name(name, segment->writer_id, segment->number);
    tg_log(TG_LOG_ERROR,
           "journal %s was damaged after it was taken in: it is left in "
           "place, as it may say of calls that they were admitted",
           name);
}

void
tg_ingest_search_holds(struct tg_ingest *ingest)
{
    size_t before = ingest->holds.count;

    for (size_t i = 0; i < ingest->segments.count; i++) {
        struct tg_segment *segment = &ingest->segments.list[i];

        if (!segment->is_searched && segment->fd >= 0)
            search_segment(ingest, segment);
    }
    if (ingest->holds.count > before)
        drop_recorded(ingest);
}

/* A hold whose call has a record needs none. */
static int
settle_hold(struct tg_ingest *ingest, const struct tg_hold_row *row,
            size_t *settled)
{
    struct tg_store *store = ingest->store;
    struct tg_record record;
    bool has = false;
    int err = store->ops->call_has(store, &row->id, &has);

    if (err != 0)
        return err;
    if (has) {
        tg_holds_end(&ingest->holds, &row->id);
        return 0;
    }
    if (tg_holds_read(row, &ingest->segments, ingest->buffer, &record) != 0) {
        tg_log(TG_LOG_ERROR, "a hold in the journal cannot be read any more");
        return 0;
    }
    tg_settle_forgotten(&record.call);
    record.type = TG_RECORD_CALL;
    ++*settled;
    return tg_ingest_take_call(ingest, &record);
}

/* Those of writers that are gone, by one judgement or the other. */
static int
settle_holds(struct tg_ingest *ingest,
             bool (*is_gone)(const struct tg_ingest *, uint64_t writer_id))
{
    struct tg_store *store = ingest->store;
    struct tg_holds *holds = &ingest->holds;
    size_t settled = 0;
    int err;

    pthread_mutex_lock(&ingest->daemon->write_lock);
    err = store->ops->begin(store);
    for (size_t i = 0; err == 0 && i < holds->room; i++) {
        if (!holds->rows[i].is_used ||
            !is_gone(ingest, holds->rows[i].writer_id))
            continue;
        err = settle_hold(ingest, &holds->rows[i], &settled);
    }
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    tg_holds_settle(holds, err == 0);
    pthread_mutex_unlock(&ingest->daemon->write_lock);
    if (err == 0 && settled > 0)
        tg_log(TG_LOG_WARNING,
               "%zu calls were under way when their worker and its state file "
               "went: they are settled at what they held",
               settled);
    return err;
}

/* No process has a segment of it open: what holds when no state file does. */
static bool
is_closed(const struct tg_ingest *ingest, uint64_t writer_id)
{
    for (size_t i = 0; i < ingest->segments.count; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];

        if (segment->writer_id == writer_id &&
            tg_segments_is_written_to(segment))
            return false;
    }
    return true;
}

/* It has no area, either, whose calls the daemon would settle. */
static bool
is_without_area(const struct tg_ingest *ingest, uint64_t writer_id)
{
    for (size_t i = ingest->segments.count; i-- > 0;) {
        if (ingest->segments.list[i].writer_id == writer_id)
            return ingest->segments.list[i].is_final;
    }
    return false;
}

/* While a segment is not read to its end their records may be in it. */
int
tg_ingest_settle_old_holds(struct tg_ingest *ingest)
{
    bool has_old = false, is_read = true;

    for (size_t i = 0; i < ingest->segments.count; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];

        is_read &= segment->fd >= 0 && !segment->is_bad &&
                   segment->doubts == 0 && segment->is_searched;
        has_old |= is_without_area(ingest, segment->writer_id) &&
                   tg_holds_need(&ingest->holds, segment);
    }
    if (has_old && is_read)
        return settle_holds(ingest, is_without_area);
    if (has_old)
        drop_recorded(ingest);
    return 0;
}

int
tg_ingest_settle_holds(struct tg_ingest *ingest)
{
    return ingest->holds.count == 0 ? 0 : settle_holds(ingest, is_closed);
}
