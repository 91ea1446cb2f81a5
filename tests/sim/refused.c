#include "refused.h"

#include <assert.h>
#include <string.h>

#include "disk.h"
#include "model_store.h"
#include "sim.h"

#define RECORDS_MAX 4096

/* A record of denials. */
struct record {
    struct tg_call_id id; /* of each of its rows */
    int64_t total;
    bool is_written; /* its writer was told so */
    bool is_lost;    /* with the power */
};

static struct record records[RECORDS_MAX];
static size_t record_count;

void
refused_begin(void)
{
    record_count = 0;
}

void
refused_write(struct tg_journal *journal, struct tg_denial_table *table)
{
    struct record *record = &records[record_count];

    if (table->count == 0)
        return;
    assert(record_count < RECORDS_MAX);
    /* Far from the ids that an area gives. */
    *record = (struct record){
        .id = tg_call_id_make(journal->writer_id, UINT64_MAX - record_count),
        .total = tg_denial_total(table)};
    record_count++;
    for (uint32_t i = 0; i < table->count; i++)
        table->rows[i].request_id = record->id;
    record->is_written =
        tg_journal_take_denials(journal, table, sim.now_ms) == 0;
    sim_trace("%lld denials are %s", (long long)record->total,
              record->is_written ? "written" : "kept");
    sim_point("denials written");
}

/* What the store has of a record. */
static int64_t
taken(const struct record *record)
{
    const struct tg_denial *rows;
    size_t count = model_store_denials(&rows);
    int64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (memcmp(&rows[i].request_id, &record->id, sizeof(record->id)) == 0)
            total += rows[i].count;
    }
    return total;
}

void
refused_state_lost(void)
{
    for (size_t i = 0; i < record_count; i++) {
        if (taken(&records[i]) == 0 && !disk_has(&records[i].id, true))
            records[i].is_lost = true;
    }
}

/* A write that failed may have been made whole, and is then there. */
static void
check(const struct record *record)
{
    int64_t total = taken(record);

    if (total != 0 && (total != record->total || record->is_lost))
        sim_wrong("of %lld denials the store has %lld",
                  (long long)record->total, (long long)total);
    if (total == 0 && record->is_written && !record->is_lost &&
        !disk_spoilt(&record->id))
        sim_wrong("%lld denials are not in the store",
                  (long long)record->total);
}

void
refused_check_end(void)
{
    const struct tg_denial *rows;
    size_t count = model_store_denials(&rows);
    int64_t all = 0, known = 0;

    for (size_t i = 0; i < count; i++)
        all += rows[i].count;
    for (size_t i = 0; i < record_count; i++) {
        check(&records[i]);
        known += taken(&records[i]);
    }
    if (all != known)
        sim_wrong("the store has %lld denials that nobody wrote",
                  (long long)(all - known));
}
