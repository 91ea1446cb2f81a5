#include "holds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

#define ROOM_LEAST 64

static size_t
start_of(const struct tg_holds *holds, const struct tg_call_id *id)
{
    uint64_t words[2];

    memcpy(words, id->bytes, sizeof(words));
    /* The last bytes of an id count calls; they are big-endian. */
    return (size_t)((words[0] ^ __builtin_bswap64(words[1])) &
                    (holds->room - 1));
}

/* Its row, or the free one where it would be; there is always one. */
static struct tg_hold_row *
find(const struct tg_holds *holds, const struct tg_call_id *id)
{
    for (size_t i = start_of(holds, id);; i = (i + 1) & (holds->room - 1)) {
        struct tg_hold_row *row = &holds->rows[i];

        if (!row->is_used || memcmp(&row->id, id, sizeof(*id)) == 0)
            return row;
    }
}

/* Half of the rows stay free. */
static int
grow(struct tg_holds *holds)
{
    struct tg_holds larger = {.room =
                                  holds->room ? holds->room * 2 : ROOM_LEAST};

    if (holds->count < holds->room / 2)
        return 0;
    larger.rows = calloc(larger.room, sizeof(larger.rows[0]));
    if (larger.rows == NULL)
        return TG_ERR_SYSTEM;
    for (size_t i = 0; i < holds->room; i++) {
        if (holds->rows[i].is_used)
            *find(&larger, &holds->rows[i].id) = holds->rows[i];
    }
    larger.count = holds->count;
    larger.over_count = holds->over_count;
    free(holds->rows);
    *holds = larger;
    return 0;
}

int
tg_holds_put(struct tg_holds *holds, const struct tg_segment *segment,
             uint64_t offset, const struct tg_call_id *id)
{
    struct tg_hold_place place = {offset, segment->number};
    struct tg_hold_row *row;

    if (grow(holds) != 0)
        return TG_ERR_SYSTEM;
    row = find(holds, id);
    if (row->is_used && !row->is_over) {
        row->last = place;
        return 0;
    }
    if (row->is_used)
        holds->over_count--;
    else
        holds->count++;
    *row = (struct tg_hold_row){
        .id = *id,
        .writer_id = segment->writer_id,
        .first = place,
        .last = place,
        .is_used = true,
    };
    return 0;
}

void
tg_holds_end(struct tg_holds *holds, const struct tg_call_id *id)
{
    struct tg_hold_row *row = holds->count == 0 ? NULL : find(holds, id);

    if (row == NULL || !row->is_used || row->is_over)
        return;
    row->is_over = true;
    holds->over_count++;
}

/* What stands behind it in its row moves up, so that searches find it. */
static void
take_out(struct tg_holds *holds, size_t i)
{
    size_t mask = holds->room - 1;

    holds->count--;
    for (size_t next = (i + 1) & mask; holds->rows[next].is_used;
         next = (next + 1) & mask) {
        size_t start = start_of(holds, &holds->rows[next].id);

        if (((next - start) & mask) < ((next - i) & mask))
            continue;
        holds->rows[i] = holds->rows[next];
        i = next;
    }
    holds->rows[i].is_used = false;
}

void
tg_holds_settle(struct tg_holds *holds, bool is_committed)
{
    for (size_t i = 0; i < holds->room && holds->over_count > 0;) {
        struct tg_hold_row *row = &holds->rows[i];

        if (!row->is_used || !row->is_over) {
            i++;
            continue;
        }
        holds->over_count--;
        row->is_over = false;
        if (is_committed)
            take_out(holds, i);
        else
            i++;
    }
}

bool
tg_holds_need(const struct tg_holds *holds, const struct tg_segment *segment)
{
    for (size_t i = 0; i < holds->room && holds->count > 0; i++) {
        const struct tg_hold_row *row = &holds->rows[i];

        if (row->is_used && row->writer_id == segment->writer_id &&
            (row->first.number == segment->number ||
             row->last.number == segment->number))
            return true;
    }
    return false;
}

/* Returns the bytes of whole records, or TG_ERR_SYSTEM. */
static ssize_t
search_buffer(struct tg_holds *holds, const struct tg_segment *segment,
              uint64_t at, const char *buffer, size_t len)
{
    struct tg_record record;
    size_t used = 0, size;

    for (;; used += size) {
        int got = tg_journal_read(buffer + used, len - used, &record, &size);

        if (got != 0 && got != TG_ERR_VERSION)
            return (ssize_t)used;
        if (got == 0 && record.type == TG_RECORD_CALL)
            tg_holds_end(holds, &record.call.id);
        else if (got == 0 && record.type == TG_RECORD_HOLD &&
                 tg_holds_put(holds, segment, at + used, &record.call.id) != 0)
            return TG_ERR_SYSTEM;
    }
}

int
tg_holds_search(struct tg_holds *holds, const struct tg_segment *segment,
                char *buffer, size_t size)
{
    uint64_t at = TG_JOURNAL_HEADER_SIZE;
    ssize_t used = 1;

    while (at < segment->offset && used > 0) {
        uint64_t rest = segment->offset - at;
        ssize_t n =
            pread(segment->fd, buffer, rest < size ? rest : size, (off_t)at);

        if (n < 0)
            return TG_ERR_SYSTEM;
        if (n == 0)
            break;
        used = search_buffer(holds, segment, at, buffer, (size_t)n);
        if (used > 0)
            at += (uint64_t)used;
    }
    /* Their records are in the store: they were taken in. */
    tg_holds_settle(holds, true);
    if (used < 0)
        return TG_ERR_SYSTEM;
    return at < segment->offset ? TG_ERR_CORRUPT : 0;
}

static int
read_hold(const struct tg_hold_row *row, const struct tg_hold_place *place,
          const struct tg_segments *segments, char *buffer,
          struct tg_record *record)
{
    size_t size;
    ssize_t n;

    for (size_t i = 0; i < segments->count; i++) {
        const struct tg_segment *segment = &segments->list[i];

        if (segment->writer_id != row->writer_id ||
            segment->number != place->number || segment->fd < 0)
            continue;
        n = pread(segment->fd, buffer, TG_JOURNAL_RECORD_MAX,
                  (off_t)place->offset);
        if (n < 0)
            return TG_ERR_SYSTEM;
        if (tg_journal_read(buffer, (size_t)n, record, &size) != 0 ||
            record->type != TG_RECORD_HOLD ||
            memcmp(&record->call.id, &row->id, sizeof(row->id)) != 0)
            return TG_ERR_CORRUPT;
        return 0;
    }
    return TG_ERR_NOT_FOUND;
}

int
tg_holds_read(const struct tg_hold_row *row, const struct tg_segments *segments,
              char *buffer, struct tg_record *record)
{
    int err = read_hold(row, &row->last, segments, buffer, record);

    return err == 0 ? 0 : read_hold(row, &row->first, segments, buffer, record);
}

void
tg_holds_release(struct tg_holds *holds)
{
    free(holds->rows);
    memset(holds, 0, sizeof(*holds));
}
