#include "sqlite_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "unit.h"
#include "varint.h"

#define CLASSES 10 /* of status / 100 */
#define ROOM (TG_METRIC_SERIES_MAX + CLASSES)
#define PLACES 2048 /* a power of two, well above ROOM */

/* Compared and hashed as bytes: all of it is zeroed before it is filled. */
struct name {
    char model[TG_MODEL_NAME_MAX + 8];
    char upstream_id[TG_ID_LEN + 4];
    uint16_t endpoint, status_class;
};

_Static_assert(sizeof(struct name) % sizeof(uint64_t) == 0, "hashed by words");

struct series {
    struct name name;
    struct tg_metric_figures figures;
};

/* Of one transaction. */
struct tg_metric_batch {
    uint32_t count, last;    /* last: the series of the call before */
    uint16_t places[PLACES]; /* number of a series + 1; 0: free */
    int64_t failed[TG_CODE_COUNT], denied[TG_CODE_COUNT];
    bool has_counts;
    int64_t in_store; /* series; -1: not asked yet */
    struct series list[ROOM];
};

_Static_assert(ROOM <= PLACES / 2, "places are found in a few steps");

/* Counts never go back, so they stop at the end. */
static void
add(int64_t *to, int64_t more)
{
    if (more > 0 && __builtin_add_overflow(*to, more, to))
        *to = INT64_MAX;
}

static void
count(struct tg_metric_figures *figures, enum tg_metric_kind kind,
      enum tg_metric_sum sum, int64_t value)
{
    const struct tg_metric_bounds *bounds = &tg_metric_bounds[kind];
    uint32_t i = 0;

    if (value < 0)
        return;
    while (i < bounds->count && value > bounds->at[i])
        i++;
    add(&figures->buckets[kind][i], 1);
    if (sum < TG_METRIC_SUMS)
        add(&figures->sums[sum], value);
}

static void
add_tokens(struct tg_metric_figures *figures, const struct tg_call *call)
{
    add(&figures->sums[TG_METRIC_PROMPT], call->prompt_tokens);
    add(&figures->sums[TG_METRIC_CACHED], call->cached_tokens);
    add(&figures->sums[TG_METRIC_WRITTEN], call->written_tokens);
    add(&figures->sums[TG_METRIC_COMPLETION], call->completion_tokens);
    add(&figures->sums[TG_METRIC_REASONING], call->reasoning_tokens);
    if (call->prompt_tokens > 0)
        count(figures, TG_METRIC_OF_INPUT, TG_METRIC_SUMS, call->prompt_tokens);
    if (call->completion_tokens > 0)
        count(figures, TG_METRIC_OF_OUTPUT, TG_METRIC_SUMS,
              call->completion_tokens);
}

static void
add_units(struct tg_metric_figures *figures, const struct tg_call *call)
{
    switch (call->unit) {
    case TG_UNIT_IMAGE:
        add(&figures->sums[TG_METRIC_IMAGES], call->units);
        break;
    case TG_UNIT_MILLISECOND:
        add(&figures->sums[TG_METRIC_AUDIO_MS], call->units);
        break;
    case TG_UNIT_CHARACTER:
        add(&figures->sums[TG_METRIC_CHARACTERS], call->units);
        break;
    default:
        break;
    }
}

/* Time to the first token, and from each to the next one of a stream. */
static void
add_times(struct tg_metric_figures *figures, const struct tg_call *call)
{
    int64_t rest_ms = (int64_t)call->latency_ms - call->ttft_ms;

    count(figures, TG_METRIC_OF_LATENCY, TG_METRIC_LATENCY_MS,
          call->latency_ms);
    if (call->ttft_ms == TG_ABSENT_MS)
        return;
    count(figures, TG_METRIC_OF_TTFT, TG_METRIC_TTFT_MS, call->ttft_ms);
    if ((call->flags & TG_CALL_STREAM) && call->completion_tokens > 1 &&
        rest_ms >= 0)
        count(figures, TG_METRIC_OF_PACE, TG_METRIC_PACE_US,
              rest_ms * 1000 / (call->completion_tokens - 1));
}

/* Groups of numbers, each behind how many there are: more may come later. */
static size_t
encode(const struct tg_metric_figures *figures, uint8_t *out)
{
    size_t len = tg_varint_put(out, TG_METRIC_SUMS);

    for (int i = 0; i < TG_METRIC_SUMS; i++)
        len += tg_varint_put(out + len, (uint64_t)figures->sums[i]);
    for (int kind = 0; kind < TG_METRIC_KINDS; kind++) {
        uint32_t n = tg_metric_bounds[kind].count + 1;

        len += tg_varint_put(out + len, n);
        for (uint32_t i = 0; i < n; i++)
            len +=
                tg_varint_put(out + len, (uint64_t)figures->buckets[kind][i]);
    }
    return len;
}

static int
decode_group(const uint8_t **at, const uint8_t *end, int64_t *numbers,
             uint64_t room)
{
    uint64_t n, value;

    if (tg_varint_get(at, end, &n) != 0 || n > room)
        return TG_ERR_CORRUPT;
    for (uint64_t i = 0; i < n; i++) {
        if (tg_varint_get(at, end, &value) != 0 || value > INT64_MAX)
            return TG_ERR_CORRUPT;
        numbers[i] = (int64_t)value;
    }
    return 0;
}

static int
decode(struct tg_metric_figures *figures, struct tg_str bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data, *end = at + bytes.len;
    int err;

    memset(figures, 0, sizeof(*figures));
    err = decode_group(&at, end, figures->sums, TG_METRIC_SUMS);
    for (int kind = 0; err == 0 && kind < TG_METRIC_KINDS && at < end; kind++)
        err = decode_group(&at, end, figures->buckets[kind],
                           TG_METRIC_BOUNDS + 1);
    return err;
}

/* TG_ERR_NOT_FOUND, with zeros, for one that the store has not. */
static int
load(struct tg_sqlite *db, struct series *series)
{
    const struct name *name = &series->name;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT figures FROM metric_sums WHERE model = ? AND endpoint = ? "
        "AND upstream_id = ? AND class = ?",
        "titi", name->model, (int64_t)name->endpoint, name->upstream_id,
        (int64_t)name->status_class);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        err = decode(&series->figures, tg_sql_bytes(stmt, 0));
    else if (err == 0)
        err = TG_ERR_NOT_FOUND;
    if (err == TG_ERR_CORRUPT)
        tg_error_set(&db->store.error, err,
                     "the store: the sums of model %s cannot be read",
                     name->model);
    return tg_sql_end(stmt, err);
}

static int
save(struct tg_sqlite *db, const struct series *series)
{
    uint8_t bytes[sizeof(series->figures) / sizeof(int64_t) * TG_VARINT_MAX +
                  2 * (TG_METRIC_KINDS + 1)];
    struct tg_str figures = {(const char *)bytes,
                             encode(&series->figures, bytes)};

    return tg_sql_run(db, NULL,
                      "INSERT OR REPLACE INTO metric_sums VALUES "
                      "(?, ?, ?, ?, ?)",
                      "titib", series->name.model,
                      (int64_t)series->name.endpoint, series->name.upstream_id,
                      (int64_t)series->name.status_class, figures);
}

/* How many there are, so that there are not too many. */
static int
count_series(struct tg_sqlite *db, int64_t *in_store)
{
    sqlite3_stmt *stmt;
    int err;

    if (*in_store >= 0)
        return 0;
    err = tg_sql_begin(db, &stmt, "SELECT count(*) FROM metric_sums", "");
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *in_store = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

static uint32_t
hash_of(const struct name *name)
{
    uint64_t words[sizeof(*name) / sizeof(uint64_t)];
    uint64_t hash = 0;

    memcpy(words, name, sizeof(*name));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash & (PLACES - 1);
}

/* Where it stands, or would. */
static uint32_t
place_of(const struct tg_metric_batch *batch, const struct name *name)
{
    uint32_t place = hash_of(name);

    while (batch->places[place] != 0 &&
           memcmp(&batch->list[batch->places[place] - 1].name, name,
                  sizeof(*name)) != 0)
        place = (place + 1) & (PLACES - 1);
    return place;
}

/* Takes it into the batch, as the store has it. */
static int
take_in(struct tg_sqlite *db, const struct name *name, uint32_t place,
        bool is_counted)
{
    struct tg_metric_batch *batch = db->metrics;
    struct series *series = &batch->list[batch->count];
    int err;

    series->name = *name;
    memset(&series->figures, 0, sizeof(series->figures));
    err = load(db, series);
    if (err == TG_ERR_NOT_FOUND && is_counted) {
        err = count_series(db, &batch->in_store);
        if (err == 0 && batch->in_store >= TG_METRIC_SERIES_MAX)
            return TG_ERR_FULL;
        batch->in_store++;
    } else if (err == TG_ERR_NOT_FOUND) {
        err = 0;
    }
    if (err != 0)
        return err;
    batch->last = batch->count++;
    batch->places[place] = (uint16_t)batch->count;
    return 0;
}

/* batch->last becomes the series of a name, or of its class's others. */
static int
find(struct tg_sqlite *db, const struct name *name)
{
    struct tg_metric_batch *batch = db->metrics;
    struct name other;
    uint32_t place;
    int err;

    if (batch->count > 0 &&
        memcmp(&batch->list[batch->last].name, name, sizeof(*name)) == 0)
        return 0;
    place = place_of(batch, name);
    if (batch->places[place] != 0) {
        batch->last = batch->places[place] - 1u;
        return 0;
    }
    err = batch->count < TG_METRIC_SERIES_MAX ? take_in(db, name, place, true)
                                              : TG_ERR_FULL;
    if (err != TG_ERR_FULL)
        return err;
    memset(&other, 0, sizeof(other));
    strcpy(other.model, TG_METRIC_OTHER);
    other.status_class = name->status_class;
    place = place_of(batch, &other);
    if (batch->places[place] == 0)
        return take_in(db, &other, place, false);
    batch->last = batch->places[place] - 1u;
    return 0;
}

static int
open_batch(struct tg_sqlite *db)
{
    if (db->metrics != NULL)
        return 0;
    db->metrics = calloc(1, sizeof(*db->metrics));
    if (db->metrics == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    db->metrics->in_store = -1;
    return 0;
}

/* Without a transaction there is no end at which to write. */
static int
settle(struct tg_sqlite *db, int err)
{
    if (err == 0 && sqlite3_get_autocommit(db->db))
        err = tg_metrics_write(db);
    if (err != 0 || sqlite3_get_autocommit(db->db))
        tg_metrics_forget(db);
    return err;
}

int
tg_metrics_note_call(struct tg_sqlite *db, const struct tg_call *call)
{
    struct tg_metric_figures *figures;
    struct name name;
    int err = open_batch(db);

    if (err != 0)
        return err;
    memset(&name, 0, sizeof(name));
    memcpy(name.model, call->model, sizeof(call->model));
    memcpy(name.upstream_id, call->upstream_id, sizeof(call->upstream_id));
    name.endpoint = call->endpoint;
    if (call->status / 100 < CLASSES)
        name.status_class = call->status / 100;
    err = find(db, &name);
    if (err != 0)
        return settle(db, err);
    figures = &db->metrics->list[db->metrics->last].figures;
    add(&figures->sums[TG_METRIC_CALLS], 1);
    add(&figures->sums[TG_METRIC_COST_NANOS], call->cost_nanos);
    add_tokens(figures, call);
    add_units(figures, call);
    add_times(figures, call);
    if (call->code != TG_CODE_NONE && call->code < TG_CODE_COUNT) {
        add(&db->metrics->failed[call->code], 1);
        db->metrics->has_counts = true;
    }
    return settle(db, 0);
}

int
tg_metrics_note_denials(struct tg_sqlite *db, uint32_t code, int64_t n)
{
    int err = open_batch(db);

    if (err != 0)
        return err;
    if (code < TG_CODE_COUNT) {
        add(&db->metrics->denied[code], n);
        db->metrics->has_counts = true;
    }
    return settle(db, 0);
}

static int
write_counts(struct tg_sqlite *db, const char *name, const int64_t *counts)
{
    int err = 0;

    for (uint32_t code = 1; code < TG_CODE_COUNT && err == 0; code++) {
        if (counts[code] != 0)
            err =
                tg_sql_run(db, NULL,
                           "INSERT INTO metric_counts VALUES (?, ?, ?) "
                           "ON CONFLICT (name, label) DO UPDATE SET "
                           "count = CASE WHEN count > 9223372036854775807 - "
                           "excluded.count THEN 9223372036854775807 "
                           "ELSE count + excluded.count END",
                           "tti", name, tg_code_row(code)->name, counts[code]);
    }
    return err;
}

int
tg_metrics_write(struct tg_sqlite *db)
{
    struct tg_metric_batch *batch = db->metrics;
    int err = 0;

    if (batch == NULL)
        return 0;
    for (uint32_t i = 0; i < batch->count && err == 0; i++)
        err = save(db, &batch->list[i]);
    if (err == 0 && batch->has_counts) {
        err = write_counts(db, "failed", batch->failed);
        if (err == 0)
            err = write_counts(db, "denials", batch->denied);
    }
    return err;
}

void
tg_metrics_forget(struct tg_sqlite *db)
{
    struct tg_metric_batch *batch = db->metrics;

    if (batch == NULL || (batch->count == 0 && !batch->has_counts))
        return;
    memset(batch->places, 0, sizeof(batch->places));
    memset(batch->failed, 0, sizeof(batch->failed));
    memset(batch->denied, 0, sizeof(batch->denied));
    batch->count = batch->last = 0;
    batch->has_counts = false;
    batch->in_store = -1;
}

void
tg_metrics_free(struct tg_sqlite *db)
{
    free(db->metrics);
    db->metrics = NULL;
}

static int
series_each(struct tg_store *store,
            int (*visit)(void *, const struct tg_metric_series *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_metric_figures figures;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT model, endpoint, upstream_id, class, "
                           "figures FROM metric_sums "
                           "ORDER BY model, endpoint, upstream_id, class",
                           "");

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_metric_series row = {
            .model = tg_sql_text(stmt, 0),
            .endpoint = sqlite3_column_int64(stmt, 1),
            .upstream_id = tg_sql_text(stmt, 2),
            .status_class = sqlite3_column_int64(stmt, 3),
            .figures = &figures,
        };

        err = decode(&figures, tg_sql_bytes(stmt, 4));
        if (err != 0)
            tg_error_set(&db->store.error, err,
                         "the store: the sums of model %s cannot be read",
                         row.model);
        else
            err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
count_each(struct tg_store *store,
           int (*visit)(void *, const struct tg_metric_count *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT name, label, count FROM metric_counts "
                           "ORDER BY name, label",
                           "");

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_metric_count row = {
            .name = tg_sql_text(stmt, 0),
            .label = tg_sql_text(stmt, 1),
            .count = sqlite3_column_int64(stmt, 2),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

const struct tg_store_metric_ops tg_sqlite_metric_ops = {
    .series_each = series_each,
    .count_each = count_each,
};
