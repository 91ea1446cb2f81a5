#include "model_store.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"
#include "err.h"
#include "mutant.h"
#include "oracle.h"
#include "sim.h"
#include "world.h"

#define SEGMENTS_MAX 2048

struct segment {
    uint64_t writer_id, offset;
    uint32_t number;
    bool is_bad;
};

/* Up to which record a segment's denials were taken in. */
struct mark {
    uint64_t writer_id, sequence;
    uint32_t number;
};

/* All but the calls and denials, which only grow. */
struct content {
    size_t call_count, denial_count, segment_count, mark_count;
    struct mark marks[SEGMENTS_MAX];
    struct segment segments[SEGMENTS_MAX];
    int64_t bases[MODEL_ACCOUNTS];
    char state_uuid[64];
};

static struct tg_call calls[MODEL_CALLS_MAX];
static struct tg_denial denials[MODEL_DENIALS_MAX];
static struct content content, before; /* before the transaction */
static bool is_open;
static const struct tg_store_ops ops;
static struct tg_store store = {.ops = &ops};

void
model_store_begin(void)
{
    content.call_count = content.denial_count = 0;
    content.segment_count = content.mark_count = 0;
    memset(content.bases, 0, sizeof(content.bases));
    content.state_uuid[0] = '\0';
    is_open = false;
}

static void
copy(struct content *to, const struct content *from)
{
    size_t unused = SEGMENTS_MAX - from->segment_count;

    to->call_count = from->call_count;
    to->denial_count = from->denial_count;
    to->mark_count = from->mark_count;
    memcpy(to->marks, from->marks, from->mark_count * sizeof(from->marks[0]));
    to->segment_count = from->segment_count;
    memcpy(to->segments, from->segments,
           sizeof(from->segments) - unused * sizeof(from->segments[0]));
    memcpy(to->bases, from->bases, sizeof(from->bases));
    memcpy(to->state_uuid, from->state_uuid, sizeof(from->state_uuid));
}

void
model_store_leave(void)
{
    if (is_open && mutant_is(MUTANT_OFFSET_ALONE)) {
        content.call_count = before.call_count;
        content.denial_count = before.denial_count;
    } else if (is_open)
        copy(&content, &before);
    is_open = false;
}

size_t
model_store_calls(const struct tg_call **list)
{
    *list = calls;
    return is_open ? before.call_count : content.call_count;
}

size_t
model_store_denials(const struct tg_denial **rows)
{
    *rows = denials;
    return is_open ? before.denial_count : content.denial_count;
}

static const struct tg_call *
find(const struct tg_call_id *id, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&calls[i].id, id, sizeof(*id)) == 0)
            return &calls[i];
    }
    return NULL;
}

const struct tg_call *
model_store_find(const struct tg_call_id *id)
{
    return find(id, is_open ? before.call_count : content.call_count);
}

int64_t
model_store_base(unsigned account)
{
    return content.bases[account];
}

struct tg_store *
model_store(void)
{
    return &store;
}

int
tg_store_open_sqlite(struct tg_store **out, const char *path,
                     struct tg_error *error)
{
    (void)path;
    (void)error;
    *out = &store;
    return 0;
}

/* Whether this operation fails. */
static bool
fails(const char *operation)
{
    sim_point(operation);
    if (sim.is_calm || sim_running() == NULL || !sim_chance(sim.manner.store))
        return false;
    snprintf(store.error.text, sizeof(store.error.text), "a model's fault");
    sim_trace("store: %s fails", operation);
    return true;
}

static void
close_store(struct tg_store *self)
{
    (void)self;
}

static int
begin(struct tg_store *self)
{
    (void)self;
    assert(!is_open);
    if (fails("begin"))
        return TG_ERR_BUSY;
    copy(&before, &content);
    is_open = true;
    return 0;
}

static int
commit(struct tg_store *self)
{
    (void)self;
    if (fails("commit"))
        return TG_ERR_SYSTEM;
    for (size_t i = before.call_count; i < content.call_count; i++)
        oracle_committed(&calls[i]);
    is_open = false;
    sim_point("committed");
    return 0;
}

static void
rollback(struct tg_store *self)
{
    (void)self;
    model_store_leave();
}

static int
meta_get(struct tg_store *self, const char *name, char *value, size_t cap)
{
    (void)self;
    (void)name;
    if (content.state_uuid[0] == '\0')
        return TG_ERR_NOT_FOUND;
    snprintf(value, cap, "%s", content.state_uuid);
    return 0;
}

static int
meta_set(struct tg_store *self, const char *name, const char *value)
{
    (void)self;
    (void)name;
    if (fails("meta_set"))
        return TG_ERR_SYSTEM;
    snprintf(content.state_uuid, sizeof(content.state_uuid), "%s", value);
    return 0;
}

static int
account_rebase(struct tg_store *self)
{
    (void)self;
    if (fails("account_rebase"))
        return TG_ERR_SYSTEM;
    memset(content.bases, 0, sizeof(content.bases));
    for (size_t i = 0; i < content.call_count; i++)
        content.bases[world_account_of(calls[i].account_id)] +=
            calls[i].cost_nanos;
    return 0;
}

/* Sums are made of the calls themselves. */
static int
call_span(struct tg_store *self, int64_t *first, int64_t *last)
{
    (void)self;
    *first = content.call_count > 0;
    *last = (int64_t)content.call_count;
    return 0;
}

static int
roll_up(struct tg_store *self, uint32_t rows, bool *has_more)
{
    (void)self;
    (void)rows;
    if (fails("roll_up"))
        return TG_ERR_SYSTEM;
    *has_more = false;
    return 0;
}

static int
roll_up_ahead(struct tg_store *self, bool *is_ready)
{
    (void)self;
    if (fails("roll_up_ahead"))
        return TG_ERR_SYSTEM;
    *is_ready = sim_random() % 4 == 0;
    return 0;
}

static int
segment_each(struct tg_store *self,
             int (*visit)(void *, const struct tg_store_segment *), void *arg)
{
    int err = 0;

    (void)self;
    for (size_t i = 0; i < content.segment_count && err == 0; i++) {
        const struct segment *segment = &content.segments[i];
        struct tg_store_segment row = {
            .writer_id = segment->writer_id,
            .number = segment->number,
            .offset = segment->offset,
            .bad = segment->is_bad ? "cannot be read" : "",
        };

        err = visit(arg, &row);
    }
    return err;
}

static struct segment *
segment_of(uint64_t writer_id, uint32_t number)
{
    for (size_t i = 0; i < content.segment_count; i++) {
        if (content.segments[i].writer_id == writer_id &&
            content.segments[i].number == number)
            return &content.segments[i];
    }
    return NULL;
}

static const struct segment *
segment_named(const char *name)
{
    uint64_t writer_id;
    uint32_t number;

    return tg_journal_parse_name(name, &writer_id, &number) == 0
               ? segment_of(writer_id, number)
               : NULL;
}

size_t
model_store_offset(const char *name)
{
    const struct segment *segment = segment_named(name);

    return segment == NULL ? 0 : (size_t)segment->offset;
}

bool
model_store_is_bad(const char *name)
{
    const struct segment *segment = segment_named(name);

    return segment != NULL && segment->is_bad;
}

static int
segment_put(struct tg_store *self, const struct tg_store_segment *row)
{
    struct segment *segment = segment_of(row->writer_id, row->number);

    (void)self;
    if (fails("segment_put"))
        return TG_ERR_SYSTEM;
    if (segment == NULL) {
        assert(content.segment_count < SEGMENTS_MAX);
        segment = &content.segments[content.segment_count++];
    }
    *segment = (struct segment){.writer_id = row->writer_id,
                                .number = row->number,
                                .offset = row->offset,
                                .is_bad = row->bad[0] != '\0'};
    if (segment->is_bad)
        disk_check_bad(row->writer_id, row->number);
    return 0;
}

static int
segment_gone(struct tg_store *self, uint64_t writer_id, uint32_t number)
{
    struct segment *segment = segment_of(writer_id, number);

    (void)self;
    if (fails("segment_gone"))
        return TG_ERR_SYSTEM;
    if (segment != NULL)
        *segment = content.segments[--content.segment_count];
    return 0;
}

static int
call_add(struct tg_store *self, const struct tg_record *record, bool *is_new)
{
    (void)self;
    if (fails("call_add"))
        return TG_ERR_SYSTEM;
    *is_new = mutant_is(MUTANT_TAKES_TWICE) ||
              find(&record->call.id, content.call_count) == NULL;
    if (*is_new) {
        assert(content.call_count < MODEL_CALLS_MAX);
        calls[content.call_count++] = record->call;
    }
    return 0;
}

/* One by one: so it can be killed and fail between any two. */
static int
calls_add(struct tg_store *self, const struct tg_record *records, size_t count)
{
    bool is_new;
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++)
        err = call_add(self, &records[i], &is_new);
    return err;
}

static int
call_has(struct tg_store *self, const struct tg_call_id *id, bool *has)
{
    (void)self;
    if (fails("call_has"))
        return TG_ERR_SYSTEM;
    *has = find(id, content.call_count) != NULL;
    return 0;
}

static int
denial_mark(struct tg_store *self, uint64_t writer_id, uint32_t number,
            uint64_t sequence, int64_t at, bool *is_new)
{
    struct mark *mark = content.marks;
    const struct mark *end = mark + content.mark_count;

    (void)self;
    (void)at;
    if (fails("denial_mark"))
        return TG_ERR_SYSTEM;
    while (mark < end &&
           (mark->writer_id != writer_id || mark->number != number))
        mark++;
    *is_new = mark == end || mark->sequence < sequence;
    if (!*is_new)
        return 0;
    assert(mark < content.marks + SEGMENTS_MAX);
    content.mark_count += mark == end;
    *mark = (struct mark){writer_id, sequence, number};
    return 0;
}

static int
denial_add(struct tg_store *self, const struct tg_denial *row)
{
    (void)self;
    if (fails("denial_add"))
        return TG_ERR_SYSTEM;
    assert(content.denial_count < MODEL_DENIALS_MAX);
    denials[content.denial_count++] = *row;
    return 0;
}

/* Nobody reads them here. */
static int
feed_add(struct tg_store *self, const struct tg_denial *row)
{
    (void)self;
    (void)row;
    return fails("feed_add") ? TG_ERR_SYSTEM : 0;
}

static int
spend_each(struct tg_store *self, int64_t since, int64_t until,
           int (*visit)(void *, const struct tg_store_spend *), void *arg)
{
    int err = 0;

    (void)self;
    if (fails("spend_each"))
        return TG_ERR_SYSTEM;
    for (size_t i = 0; i < content.call_count && err == 0; i++) {
        bool has_moved = calls[i].flags & TG_CALL_MOVED;
        char key_id[TG_ID_TEXT_SIZE] = "";
        struct tg_store_spend spend = {
            .key_id = key_id,
            .at = calls[i].at_ms,
            .day = has_moved ? calls[i].day : 0,
            .month = has_moved ? calls[i].month : 0,
            .cost_nanos = calls[i].cost_nanos,
        };

        memcpy(key_id, calls[i].key_id, TG_ID_LEN);
        if (calls[i].at_ms >= since && calls[i].at_ms < until)
            err = visit(arg, &spend);
    }
    return err;
}

static const struct tg_store_ops ops = {
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .meta_get = meta_get,
    .meta_set = meta_set,
    .account_rebase = account_rebase,
    .call_span = call_span,
    .roll_up = roll_up,
    .roll_up_ahead = roll_up_ahead,
    .segment_each = segment_each,
    .segment_put = segment_put,
    .segment_gone = segment_gone,
    .denial_mark = denial_mark,
    .denial_add = denial_add,
    .feed_add = feed_add,
    .call_add = call_add,
    .calls_add = calls_add,
    .call_has = call_has,
    .spend_each = spend_each,
};
