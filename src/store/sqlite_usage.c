#include "sqlite.h"
#include "usage_fold.h"

/* Written as numbers below: SQL knows no enum. */
_Static_assert(TG_UNIT_IMAGE == 1 && TG_UNIT_MILLISECOND == 2 &&
                   TG_UNIT_CHARACTER == 3,
               "units");

#define NAMES "key_id, account_id, model, upstream_id, endpoint, status, "
#define SUMS                                                                   \
    "requests, errors, prompt_tokens, prompt_cache_hit_tokens, "               \
    "cache_write_tokens, completion_tokens, reasoning_tokens, cost_nanos, "    \
    "images, audio_ms, characters"

/*
 * Where an answer comes from: of whole quarter-hours, rollups of all keys, or
 * of one, quarter by quarter, or of all keys together; of the rest, calls.
 */
static const char of_all_keys[] =
    "SELECT quarter, " NAMES SUMS ", latency, ttft FROM rollups "
    "WHERE quarter >= ?1 AND quarter < ?2";
static const char of_a_key[] =
    "WITH RECURSIVE quarters (number) AS (SELECT ?1 WHERE ?1 < ?2 UNION ALL "
    "SELECT number + 1 FROM quarters WHERE number + 1 < ?2) "
    "SELECT quarter, " NAMES SUMS ", latency, ttft FROM quarters "
    "CROSS JOIN rollups ON rollups.quarter = quarters.number AND key_id = ?3";
static const char of_all_together[] =
    "SELECT quarter, '', '', model, '', 0, 0, " SUMS " FROM totals "
    "WHERE quarter >= ?1 AND quarter < ?2";

#define CALLS(from, at)                                                        \
    "SELECT at / 900000, " NAMES "1, status >= 400 OR code <> 0, "             \
    "prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens, "             \
    "completion_tokens, reasoning_tokens, cost_nanos, "                        \
    "iif(unit = 1, units, 0), iif(unit = 2, units, 0), "                       \
    "iif(unit = 3, units, 0), latency_ms, coalesce(ttft_ms, -1) "              \
    "FROM " from " WHERE " at " >= ?1 AND " at " < ?2"

static const char of_recent_calls[] = CALLS("recent_calls", "+at");
static const char of_rolled_calls[] = CALLS("rolled_calls", "at");

enum { LATENCY_COLUMN = 18, TTFT_COLUMN };

/* Instants, and the whole quarter-hours between them for which rollups are. */
struct span {
    int64_t since, until;
    int64_t first, end;       /* quarter-hours */
    int64_t first_at, end_at; /* outside of which calls are asked */
};

static int
find_span(struct tg_sqlite *db, const struct tg_usage_question *question,
          struct span *span)
{
    int64_t least = 0, most = -1;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT coalesce((SELECT min(quarter) FROM "
                           "rollups), 0), coalesce((SELECT max(quarter) FROM "
                           "rollups), -1)",
                           "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        least = sqlite3_column_int64(stmt, 0);
        most = sqlite3_column_int64(stmt, 1);
    }
    err = tg_sql_end(stmt, err > 0 ? 0 : err);
    span->since = question->since > 0 ? question->since : 0;
    span->until = question->until ? question->until : INT64_MAX;
    span->first =
        span->since / TG_QUARTER_MS + (span->since % TG_QUARTER_MS != 0);
    span->end = span->until / TG_QUARTER_MS;
    span->first_at = span->end_at = span->until;
    if (span->first < span->end) {
        span->first_at = span->first * TG_QUARTER_MS;
        span->end_at = span->end * TG_QUARTER_MS;
    } else {
        span->end = span->first;
    }
    if (span->first < least)
        span->first = least;
    if (span->end > most + 1)
        span->end = most + 1;
    return err;
}

/* Whether calls of an instant's quarter-hour are gone. */
static int
is_thinned(struct tg_sqlite *db, int64_t at, bool *is)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT 1 FROM thinned WHERE quarter = ?",
                           "i", at / TG_QUARTER_MS);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *is = err > 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

static int
find_first_quarter(struct tg_sqlite *db, int64_t *quarter)
{
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt, "SELECT first_quarter FROM retention", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *quarter = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

/* What can be answered: outward to quarter-hours, up to where rollups are. */
static int
cover(struct tg_sqlite *db, struct tg_usage_question *question)
{
    bool is_since = false, is_until = false;
    int64_t first = 0;
    int err = is_thinned(db, question->since, &is_since);

    if (err == 0)
        err = is_thinned(db, question->until, &is_until);
    if (err == 0)
        err = find_first_quarter(db, &first);
    if (err != 0)
        return err;
    if (is_since)
        question->since -= question->since % TG_QUARTER_MS;
    if (is_until && question->until % TG_QUARTER_MS != 0)
        question->until += TG_QUARTER_MS - question->until % TG_QUARTER_MS;
    if (question->since < first * TG_QUARTER_MS)
        question->since = first * TG_QUARTER_MS;
    if (question->until != 0 && question->until < question->since)
        question->until = question->since;
    return 0;
}

static void
read_part(sqlite3_stmt *stmt, struct tg_usage_part *part)
{
    int n = 7;

    *part = (struct tg_usage_part){
        .quarter = sqlite3_column_int64(stmt, 0),
        .key_id = tg_sql_text(stmt, 1),
        .account_id = tg_sql_text(stmt, 2),
        .model = tg_sql_text(stmt, 3),
        .upstream_id = tg_sql_text(stmt, 4),
        .endpoint = sqlite3_column_int64(stmt, 5),
        .status = sqlite3_column_int64(stmt, 6),
        .sums = {.requests = sqlite3_column_int64(stmt, n),
                 .errors = sqlite3_column_int64(stmt, n + 1),
                 .prompt_tokens = sqlite3_column_int64(stmt, n + 2),
                 .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, n + 3),
                 .cache_write_tokens = sqlite3_column_int64(stmt, n + 4),
                 .completion_tokens = sqlite3_column_int64(stmt, n + 5),
                 .reasoning_tokens = sqlite3_column_int64(stmt, n + 6),
                 .cost_nanos = sqlite3_column_int64(stmt, n + 7),
                 .images = sqlite3_column_int64(stmt, n + 8),
                 .audio_ms = sqlite3_column_int64(stmt, n + 9),
                 .characters = sqlite3_column_int64(stmt, n + 10)},
        .latency_ms = -1,
        .ttft_ms = -1,
    };
}

static void
read_times(sqlite3_stmt *stmt, struct tg_usage_part *part)
{
    if (sqlite3_column_type(stmt, LATENCY_COLUMN) == SQLITE_INTEGER) {
        part->latency_ms = sqlite3_column_int64(stmt, LATENCY_COLUMN);
        part->ttft_ms = sqlite3_column_int64(stmt, TTFT_COLUMN);
        return;
    }
    part->latency = tg_sql_bytes(stmt, LATENCY_COLUMN);
    part->ttft = tg_sql_bytes(stmt, TTFT_COLUMN);
}

static void
say_why(struct tg_sqlite *db, int err)
{
    const char *why = err == TG_ERR_LIMIT   ? "there are too many rows"
                      : err == TG_ERR_RANGE ? "a sum is too large"
                                            : "a histogram cannot be read";

    tg_error_set(&db->store.error, err,
                 "the store: usage cannot be added up: %s", why);
}

/* Takes all that a source has from one number up to another. */
static int
take_from(struct tg_sqlite *db, struct tg_usage_fold *fold, const char *sql,
          int64_t from, int64_t to)
{
    struct tg_usage_part part;
    sqlite3_stmt *stmt;
    int err;

    if (from >= to)
        return 0;
    err = sql == of_a_key ? tg_sql_begin(db, &stmt, sql, "iit", from, to,
                                         fold->question->key_id)
                          : tg_sql_begin(db, &stmt, sql, "ii", from, to);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_part(stmt, &part);
        if (fold->question->has_latency)
            read_times(stmt, &part);
        err = tg_usage_fold_take(fold, &part);
        if (err != 0) {
            say_why(db, err);
            break;
        }
    }
    return tg_sql_end(stmt, err);
}

static const char *
rollups_for(const struct tg_usage_question *question)
{
    if (question->key_id != NULL)
        return of_a_key;
    return question->account_id == NULL && question->upstream_id == NULL &&
                   question->status == 0 && question->endpoints == 0 &&
                   !question->has_latency &&
                   (question->by == TG_BY_TOTAL || question->by == TG_BY_MODEL)
               ? of_all_together
               : of_all_keys;
}

static int
take_all(struct tg_sqlite *db, struct tg_usage_fold *fold,
         const struct span *span)
{
    int err = take_from(db, fold, rollups_for(fold->question), span->first,
                        span->end);

    if (err == 0)
        err = take_from(db, fold, of_recent_calls, span->since, span->until);
    if (err == 0)
        err = take_from(db, fold, of_rolled_calls, span->since, span->first_at);
    if (err == 0)
        err = take_from(db, fold, of_rolled_calls, span->end_at, span->until);
    return err;
}

int
tg_sqlite_usage(struct tg_store *store, struct tg_usage_question *question,
                struct tg_store_usage *total,
                int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_usage_fold fold;
    struct span span;
    int err = cover(db, question);

    if (err == 0)
        err = find_span(db, question, &span);
    if (err != 0)
        return err;
    tg_usage_fold_init(&fold, question);
    err = take_all(db, &fold, &span);
    if (err == 0)
        err = tg_usage_fold_end(&fold, total, visit, arg);
    tg_usage_fold_release(&fold);
    return err;
}

int
tg_sqlite_spend_each(struct tg_store *store, int64_t since,
                     int (*visit)(void *, const struct tg_store_spend *),
                     void *arg)
{
    static const char sql[] =
        "SELECT key_id, quarter * 900000, 0, 0, cost_nanos FROM rollups "
        "WHERE quarter >= ?1 / 900000 UNION ALL "
        "SELECT key_id, at, 0, 0, cost_nanos FROM recent_calls "
        "WHERE +at >= ?1 / 900000 * 900000 UNION ALL "
        /* What moved is counted there as if it had not. */
        "SELECT key_id, at, 0, 0, -cost_nanos FROM moved_calls "
        "WHERE at >= ?1 / 900000 * 900000 UNION ALL "
        "SELECT key_id, at, day, month, cost_nanos FROM moved_calls "
        "WHERE at >= ?1 / 900000 * 900000";
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, sql, "i", since);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_spend spend = {
            .key_id = tg_sql_text(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .day = sqlite3_column_int64(stmt, 2),
            .month = sqlite3_column_int64(stmt, 3),
            .cost_nanos = sqlite3_column_int64(stmt, 4),
        };

        err = visit(arg, &spend);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
