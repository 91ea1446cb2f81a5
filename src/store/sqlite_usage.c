#include "sqlite.h"

/* Written as numbers below: SQL knows no enum. */
_Static_assert(TG_UNIT_IMAGE == 1 && TG_UNIT_MILLISECOND == 2 &&
                   TG_UNIT_CHARACTER == 3,
               "units");

#define QUARTER_MS INT64_C(900000)

#define COLUMNS                                                                \
    "key_id, account_id, model, requests, errors, prompt_tokens, "             \
    "prompt_cache_hit_tokens, completion_tokens, reasoning_tokens, "           \
    "cost_nanos, images, audio_ms, characters "

/*
 * Of whole quarter-hours, ?6 up to ?7; all keys, or one, quarter by quarter,
 * or all keys together.
 */
#define ALL_ROLLUPS                                                            \
    "SELECT quarter, " COLUMNS "FROM rollups "                                 \
    "WHERE quarter >= ?6 AND quarter < ?7 "
#define KEY_ROLLUPS                                                            \
    "SELECT quarter, " COLUMNS "FROM quarters CROSS JOIN rollups "             \
    "ON rollups.quarter = quarters.number AND key_id = ?1 "

#define TOTALS                                                                 \
    "SELECT quarter, '' AS key_id, '' AS account_id, model, requests, "        \
    "errors, prompt_tokens, prompt_cache_hit_tokens, completion_tokens, "      \
    "reasoning_tokens, cost_nanos, images, audio_ms, characters FROM totals "  \
    "WHERE quarter >= ?6 AND quarter < ?7 "

#define CALLS(from, span)                                                      \
    "SELECT at / 900000, key_id, account_id, model, 1, "                       \
    "status >= 400 OR code <> 0, prompt_tokens, prompt_cache_hit_tokens, "     \
    "completion_tokens, reasoning_tokens, cost_nanos, "                        \
    "iif(unit = 1, units, 0), iif(unit = 2, units, 0), "                       \
    "iif(unit = 3, units, 0) FROM " from " WHERE " span " "

/* Rolled-up calls are asked themselves for what is no whole quarter-hour. */
#define SELECT_USAGE(with, group, rollups)                                     \
    with                                                                       \
        "SELECT " group ", coalesce(sum(requests), 0), "                       \
        "coalesce(sum(errors), 0), coalesce(sum(prompt_tokens), 0), "          \
        "coalesce(sum(prompt_cache_hit_tokens), 0), "                          \
        "coalesce(sum(completion_tokens), 0), "                                \
        "coalesce(sum(reasoning_tokens), 0), coalesce(sum(cost_nanos), 0), "   \
        "coalesce(sum(images), 0), coalesce(sum(audio_ms), 0), "               \
        "coalesce(sum(characters), 0) FROM (" rollups "UNION ALL " CALLS(      \
            "recent_calls",                                                    \
            "+at >= ?4 AND +at < ?5") "UNION ALL " CALLS("rolled_calls",       \
                                                         "at >= ?4 AND at < "  \
                                                         "?8") "UNION "        \
                                                               "ALL " CALLS(   \
                                                                   "rolled_"   \
                                                                   "calls",    \
                                                                   "at >= ?9 " \
                                                                   "AND at < " \
                                                                   "?5") ") "  \
                                                                         "WHE" \
                                                                         "RE " \
                                                                         "(?"  \
                                                                         "1 "  \
                                                                         "IS " \
                                                                         "NUL" \
                                                                         "L "  \
                                                                         "OR " \
                                                                         "key" \
                                                                         "_id" \
                                                                         " = " \
                                                                         "?1)" \
                                                                         " "   \
                                                                         "AND" \
                                                                         " (?" \
                                                                         "2 "  \
                                                                         "IS " \
                                                                         "NUL" \
                                                                         "L "  \
                                                                         "OR " \
                                                                         "acc" \
                                                                         "oun" \
                                                                         "t_"  \
                                                                         "id " \
                                                                         "= "  \
                                                                         "?2)" \
                                                                         " AN" \
                                                                         "D "  \
                                                                         "(?"  \
                                                                         "3 "  \
                                                                         "IS " \
                                                                         "NUL" \
                                                                         "L "  \
                                                                         "OR " \
                                                                         "mod" \
                                                                         "el " \
                                                                         "= "  \
                                                                         "?3)" \
                                                                         " "

#define QUARTERS                                                               \
    "WITH RECURSIVE quarters (number) AS (SELECT ?6 WHERE ?6 < ?7 UNION ALL "  \
    "SELECT number + 1 FROM quarters WHERE number + 1 < ?7) "

#define EACH(group, tail)                                                      \
    {                                                                          \
        SELECT_USAGE("", group, ALL_ROLLUPS)                                   \
        tail, SELECT_USAGE(QUARTERS, group, KEY_ROLLUPS) tail,                 \
            SELECT_USAGE("", group, TOTALS) tail                               \
    }

/* By enum tg_usage_by; then of which rollups. */
enum source { OF_ALL_KEYS, OF_A_KEY, OF_ALL_TOGETHER };

static const char *const queries[][3] = {
    [TG_BY_TOTAL] = EACH("''", ""),
    [TG_BY_KEY] = EACH("key_id", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_ACCOUNT] = EACH("account_id", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_MODEL] = EACH("model", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_QUARTER] = EACH("quarter", "GROUP BY 1 ORDER BY 1"),
};

static enum source
source_of(const struct tg_store_filter *filter, enum tg_usage_by by)
{
    if (filter->key_id != NULL)
        return OF_A_KEY;
    return filter->account_id != NULL || by == TG_BY_KEY || by == TG_BY_ACCOUNT
               ? OF_ALL_KEYS
               : OF_ALL_TOGETHER;
}

/* Instants, and the whole quarter-hours between them for which rollups are. */
struct span {
    int64_t since, until;
    int64_t first, end;       /* quarter-hours */
    int64_t first_at, end_at; /* outside of which calls are asked */
};

static int
find_span(struct tg_sqlite *db, const struct tg_store_filter *filter,
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
    span->since = filter->since > 0 ? filter->since : 0;
    span->until = filter->until ? filter->until : INT64_MAX;
    span->first = span->since / QUARTER_MS + (span->since % QUARTER_MS != 0);
    span->end = span->until / QUARTER_MS;
    span->first_at = span->end_at = span->until;
    if (span->first < span->end) {
        span->first_at = span->first * QUARTER_MS;
        span->end_at = span->end * QUARTER_MS;
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
                           "i", at / QUARTER_MS);

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
cover(struct tg_sqlite *db, struct tg_store_filter *filter)
{
    bool is_since = false, is_until = false;
    int64_t first = 0;
    int err = is_thinned(db, filter->since, &is_since);

    if (err == 0)
        err = is_thinned(db, filter->until, &is_until);
    if (err == 0)
        err = find_first_quarter(db, &first);
    if (err != 0)
        return err;
    if (is_since)
        filter->since -= filter->since % QUARTER_MS;
    if (is_until && filter->until % QUARTER_MS != 0)
        filter->until += QUARTER_MS - filter->until % QUARTER_MS;
    if (filter->since < first * QUARTER_MS)
        filter->since = first * QUARTER_MS;
    if (filter->until != 0 && filter->until < filter->since)
        filter->until = filter->since;
    return 0;
}

int
tg_sqlite_usage(struct tg_store *store, struct tg_store_filter *filter,
                enum tg_usage_by by,
                int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    struct span span;
    int err = cover(db, filter);

    if (err == 0)
        err = find_span(db, filter, &span);
    if (err == 0)
        err = tg_sql_begin(db, &stmt, queries[by][source_of(filter, by)],
                           "tttiiiiii", filter->key_id, filter->account_id,
                           filter->model, span.since, span.until, span.first,
                           span.end, span.first_at, span.end_at);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_usage row = {
            .group = tg_sql_text(stmt, 0),
            .quarter = sqlite3_column_int64(stmt, 0),
            .requests = sqlite3_column_int64(stmt, 1),
            .errors = sqlite3_column_int64(stmt, 2),
            .prompt_tokens = sqlite3_column_int64(stmt, 3),
            .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, 4),
            .completion_tokens = sqlite3_column_int64(stmt, 5),
            .reasoning_tokens = sqlite3_column_int64(stmt, 6),
            .cost_nanos = sqlite3_column_int64(stmt, 7),
            .images = sqlite3_column_int64(stmt, 8),
            .audio_ms = sqlite3_column_int64(stmt, 9),
            .characters = sqlite3_column_int64(stmt, 10),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
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
