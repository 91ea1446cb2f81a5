#include "ingest_part.h"

#include "denials.h"
#include "err.h"
#include "log.h"

int
tg_ingest_take_call(struct tg_ingest *ingest, const struct tg_record *record)
{
    bool is_new;
    int err = ingest->store->ops->call_add(ingest->store, record, &is_new);

    tg_holds_end(&ingest->holds, &record->call.id);
    ingest->batch++;
    return err;
}

/* What was gathered goes into the store, before the buffer is used anew. */
static int
add_calls(struct tg_ingest *ingest)
{
    int err = ingest->store->ops->calls_add(ingest->store, ingest->calls,
                                            ingest->call_count);

    for (size_t i = 0; i < ingest->call_count; i++)
        tg_holds_end(&ingest->holds, &ingest->calls[i].call.id);
    ingest->call_count = 0;
    return err;
}

/* It was read to where it stays. */
static int
gather_call(struct tg_ingest *ingest)
{
    ingest->call_count++;
    ingest->batch++;
    if (ingest->call_count < TG_CALLS_AT_ONCE)
        return 0;
    tg_ingest_rest(ingest);
    return add_calls(ingest);
}

static int
take_denials(struct tg_ingest *ingest, const struct tg_segment *segment,
             const struct tg_record *record)
{
    ingest->batch += record->denial_count;
    return tg_denials_take(ingest->store, segment, record);
}

static int
take_record(struct tg_ingest *ingest, const struct tg_segment *segment,
            uint64_t at, const struct tg_record *record)
{
    switch (record->type) {
    case TG_RECORD_CALL:
        return gather_call(ingest);
    case TG_RECORD_HOLD:
        return tg_holds_put(&ingest->holds, segment, at, &record->call.id);
    case TG_RECORD_DENIAL:
        return take_denials(ingest, segment, record);
    default:
        return 0;
    }
}

static void
warn_unknown(struct tg_ingest *ingest)
{
    if (!ingest->is_warned)
        tg_log(TG_LOG_WARNING,
               "the journal has records of a newer Tollgate; they are "
               "skipped");
    ingest->is_warned = true;
}

int
tg_ingest_take_buffer(struct tg_ingest *ingest,
                      const struct tg_segment *segment, size_t len,
                      size_t *used, int *end)
{
    struct tg_record *record;
    size_t size;
    int err = 0;

    *used = 0;
    *end = 0;
    while (err == 0 && !tg_ingest_is_full(ingest)) {
        int got;

        record = &ingest->calls[ingest->call_count];
        got =
            tg_journal_read(ingest->buffer + *used, len - *used, record, &size);
        if (got == 0) {
            err = take_record(ingest, segment, segment->offset + *used, record);
        } else if (got == TG_ERR_VERSION) {
            warn_unknown(ingest);
        } else {
            *end = got;
            break;
        }
        if (err == 0)
            *used += size;
    }
    return err == 0 ? add_calls(ingest) : err;
}
