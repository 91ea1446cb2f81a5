#include "sqlite.h"

/* Written as numbers below: SQL knows no enum. */
_Static_assert(TG_UNIT_IMAGE == 1 && TG_UNIT_MILLISECOND == 2 &&
                   TG_UNIT_CHARACTER == 3,
               "units");

#define SELECT_USAGE(group, scope)                                             \
    "SELECT " group ", count(*), "                                             \
    "coalesce(sum(status >= 400 OR code <> 0), 0), "                           \
    "coalesce(sum(prompt_tokens), 0), "                                        \
    "coalesce(sum(prompt_cache_hit_tokens), 0), "                              \
    "coalesce(sum(completion_tokens), 0), "                                    \
    "coalesce(sum(reasoning_tokens), 0), coalesce(sum(cost_nanos), 0), "       \
    "coalesce(sum(units) FILTER (WHERE unit = 1), 0), "                        \
    "coalesce(sum(units) FILTER (WHERE unit = 2), 0), "                        \
    "coalesce(sum(units) FILTER (WHERE unit = 3), 0) "                         \
    "FROM calls WHERE " scope " AND (?2 IS NULL OR account_id = ?2) "          \
    "AND (?3 IS NULL OR model = ?3) AND at >= ?4 AND at < ?5 "

#define BOTH(group, tail)                                                      \
    {                                                                          \
        SELECT_USAGE(group, "?1 IS NULL")                                      \
        tail, SELECT_USAGE(group, "key_id = ?1") tail                          \
    }

/* By enum tg_usage_by; then without a key, and for one. */
static const char *const queries[][2] = {
    [TG_BY_TOTAL] = BOTH("''", ""),
    [TG_BY_KEY] = BOTH("key_id", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_ACCOUNT] = BOTH("account_id", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_MODEL] = BOTH("model", "GROUP BY 1 ORDER BY 1"),
    [TG_BY_QUARTER] = BOTH("at / 900000", "GROUP BY 1 ORDER BY 1"),
};

int
tg_sqlite_usage(struct tg_store *store, const struct tg_store_filter *filter,
                enum tg_usage_by by,
                int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err =
        tg_sql_begin(db, &stmt, queries[by][filter->key_id != NULL], "tttii",
                     filter->key_id, filter->account_id, filter->model,
                     filter->since, filter->until ? filter->until : INT64_MAX);
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
                     int (*visit)(void *, const char *, int64_t, int64_t),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int result = tg_sql_begin(db, &stmt,
                              "SELECT key_id, at, cost_nanos FROM calls "
                              "WHERE at >= ? ORDER BY key_id, at",
                              "i", since);

    if (result != 0)
        return result;
    while ((result = tg_sql_next(db, stmt)) == 1) {
        result = visit(arg, tg_sql_text(stmt, 0), sqlite3_column_int64(stmt, 1),
                       sqlite3_column_int64(stmt, 2));
        if (result != 0)
            break;
    }
    return tg_sql_end(stmt, result);
}
