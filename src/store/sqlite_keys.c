#include "sqlite_secrets.h"

#define COLUMNS_OF(t)                                                          \
    t "id, " t "account_id, " t "name, " t "description, " t "owner, " t       \
      "labels, " t "kind, " t "status, " t "scopes, " t "models, " t           \
      "endpoints, " t "requests_per_second, " t "requests_per_minute, " t      \
      "requests_per_day, " t "tokens_per_minute, " t "concurrency, " t         \
      "max_queue_ms, " t "daily_nanos, " t "monthly_nanos, " t "timezone, " t  \
      "allowed_ips, " t "allowed_referrers, " t "hours, " t "created_at, " t   \
      "expires_at, " t "ended_at, " t "rotate_days, " t "grace_days, " t       \
      "rotated_at, " t "responses, " t "response, " t "response_event, " t     \
      "response_at, " t "response_until "
#define COLUMNS COLUMNS_OF("")

int
tg_sqlite_key_add(struct tg_store *store, const struct tg_store_key *row)
{
    return tg_sql_run(
        tg_sqlite_of(store), NULL,
        "INSERT INTO keys (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "coalesce(?, '{}'), '', '', 0, 0)",
        "tttttttttttiiiiiiiittttiiiiiit", row->id, row->account_id, row->name,
        row->description, row->owner, row->labels, row->kind, row->status,
        row->scopes, row->models, row->endpoints, row->requests_per_second,
        row->requests_per_minute, row->requests_per_day, row->tokens_per_minute,
        row->concurrency, row->max_queue_ms, row->daily_nanos,
        row->monthly_nanos, row->timezone, row->allowed_ips,
        row->allowed_referrers, row->hours, row->created_at, row->expires_at,
        row->ended_at, row->rotate_days, row->grace_days, row->rotated_at,
        row->responses);
}

static void
read_key(sqlite3_stmt *stmt, struct tg_store_key *row)
{
    *row = (struct tg_store_key){
        .id = tg_sql_text(stmt, 0),
        .account_id = tg_sql_text(stmt, 1),
        .name = tg_sql_text(stmt, 2),
        .description = tg_sql_text(stmt, 3),
        .owner = tg_sql_text(stmt, 4),
        .labels = tg_sql_text(stmt, 5),
        .kind = tg_sql_text(stmt, 6),
        .status = tg_sql_text(stmt, 7),
        .scopes = tg_sql_text(stmt, 8),
        .models = tg_sql_text(stmt, 9),
        .endpoints = tg_sql_text(stmt, 10),
        .requests_per_second = sqlite3_column_int64(stmt, 11),
        .requests_per_minute = sqlite3_column_int64(stmt, 12),
        .requests_per_day = sqlite3_column_int64(stmt, 13),
        .tokens_per_minute = sqlite3_column_int64(stmt, 14),
        .concurrency = sqlite3_column_int64(stmt, 15),
        .max_queue_ms = sqlite3_column_int64(stmt, 16),
        .daily_nanos = sqlite3_column_int64(stmt, 17),
        .monthly_nanos = sqlite3_column_int64(stmt, 18),
        .timezone = tg_sql_text(stmt, 19),
        .allowed_ips = tg_sql_text(stmt, 20),
        .allowed_referrers = tg_sql_text(stmt, 21),
        .hours = tg_sql_text(stmt, 22),
        .created_at = sqlite3_column_int64(stmt, 23),
        .expires_at = sqlite3_column_int64(stmt, 24),
        .ended_at = sqlite3_column_int64(stmt, 25),
        .rotate_days = sqlite3_column_int64(stmt, 26),
        .grace_days = sqlite3_column_int64(stmt, 27),
        .rotated_at = sqlite3_column_int64(stmt, 28),
        .responses = tg_sql_text(stmt, 29),
        .response = tg_sql_text(stmt, 30),
        .response_event = tg_sql_text(stmt, 31),
        .response_at = sqlite3_column_int64(stmt, 32),
        .response_until = sqlite3_column_int64(stmt, 33),
    };
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     int (*visit)(void *, const struct tg_store_key *), void *arg)
{
    struct tg_store_key row;
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_key(stmt, &row);
        if (count)
            ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_key_get(struct tg_store *store, const char *id,
                  int (*visit)(void *, const struct tg_store_key *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0, err;

    err = tg_sql_begin(db, &stmt, "SELECT " COLUMNS "FROM keys WHERE id = ?",
                       "t", id);
    if (err == 0)
        err = walk(db, stmt, &count, visit, arg);
    return err == 0 && count == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_key_each(struct tg_store *store,
                   const struct tg_store_key_filter *filter,
                   const struct tg_store_page *page,
                   int (*visit)(void *, const struct tg_store_key *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = page->limit ? (int64_t)page->limit : -1;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT " COLUMNS
                       "FROM keys WHERE (?1 IS NULL OR account_id = ?1) "
                       "AND CASE WHEN ?2 IS NULL THEN status <> 'deleted' "
                       "ELSE ?2 = CASE WHEN status = 'active' AND "
                       "expires_at BETWEEN 1 AND ?5 THEN 'expired' "
                       "ELSE status END END AND (?3 IS NULL OR number < "
                       "(SELECT number FROM keys WHERE id = ?3)) "
                       "ORDER BY number DESC LIMIT ?4",
                       "tttii", filter->account_id, filter->status, page->after,
                       limit, filter->now_ms);
    return err ? err : walk(db, stmt, NULL, visit, arg);
}

/* Columns of a secret behind those of its key. */
#define FIRST_SECRET_COLUMN 34

static const struct tg_store_secret *
read_joined(sqlite3_stmt *stmt, const char *key_id,
            struct tg_store_secret *secret)
{
    struct tg_str digest = tg_sql_bytes(stmt, FIRST_SECRET_COLUMN);

    if (digest.len != sizeof(secret->digest.bytes))
        return NULL;
    *secret = (struct tg_store_secret){
        .key_id = key_id,
        .prefix = tg_sql_text(stmt, FIRST_SECRET_COLUMN + 1),
        .last4 = tg_sql_text(stmt, FIRST_SECRET_COLUMN + 2),
        .valid_until = sqlite3_column_int64(stmt, FIRST_SECRET_COLUMN + 3),
        .ordinal = sqlite3_column_int64(stmt, FIRST_SECRET_COLUMN + 4),
    };
    memcpy(secret->digest.bytes, digest.data, digest.len);
    return secret;
}

int
tg_sqlite_key_count(struct tg_store *store, uint32_t *count)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT count(*) FROM keys", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *count = (uint32_t)sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_sqlite_key_all(struct tg_store *store, uint32_t part, uint32_t parts,
                  int (*visit)(void *, const struct tg_store_key *,
                               const struct tg_store_secret *),
                  void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_secret secret;
    struct tg_store_key row;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(
        db, &stmt,
        "SELECT " COLUMNS_OF(
            "k.") ", s.digest, s.prefix, "
                  "s.last4, s.valid_until, s.ordinal FROM keys k LEFT JOIN "
                  "secrets s "
                  "ON s.key_id = k.id WHERE "
                  "k.number > (SELECT max(number) FROM keys) * ?1 / ?2 AND "
                  "k.number <= (SELECT max(number) FROM keys) * (?1 + 1) / ?2 "
                  "ORDER BY k.number, s.number DESC",
        "ii", (int64_t)part, (int64_t)parts);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_key(stmt, &row);
        err = visit(arg, &row, read_joined(stmt, row.id, &secret));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_key_set(struct tg_store *store, const struct tg_store_key *row)
{
    int changes, err;

    err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "UPDATE keys SET name = ?2, description = ?3, owner = ?4, labels = ?5, "
        "status = ?6, scopes = ?7, models = ?8, endpoints = ?9, "
        "requests_per_second = ?10, requests_per_minute = ?11, "
        "requests_per_day = ?12, tokens_per_minute = ?13, concurrency = ?14, "
        "max_queue_ms = ?15, daily_nanos = ?16, monthly_nanos = ?17, "
        "timezone = ?18, allowed_ips = ?19, allowed_referrers = ?20, "
        "hours = ?21, expires_at = ?22, ended_at = ?23, rotate_days = ?24, "
        "grace_days = ?25, rotated_at = ?26, "
        "responses = coalesce(?27, responses) WHERE id = ?1",
        "tttttttttiiiiiiiittttiiiiit", row->id, row->name, row->description,
        row->owner, row->labels, row->status, row->scopes, row->models,
        row->endpoints, row->requests_per_second, row->requests_per_minute,
        row->requests_per_day, row->tokens_per_minute, row->concurrency,
        row->max_queue_ms, row->daily_nanos, row->monthly_nanos, row->timezone,
        row->allowed_ips, row->allowed_referrers, row->hours, row->expires_at,
        row->ended_at, row->rotate_days, row->grace_days, row->rotated_at,
        row->responses);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_key_end(struct tg_store *store, const char *id, const char *status,
                  int64_t ended_at)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE keys SET status = ?2, ended_at = ?3, "
                     "response = '', response_event = '', response_at = 0, "
                     "response_until = 0 WHERE id = ?1",
                     "tti", id, status, ended_at);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static void
was_used(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct tg_sqlite *db = sqlite3_user_data(context);
    const struct tg_store_key_filter *filter = db->listing;
    const char *id = (const char *)sqlite3_value_text(argv[0]);

    (void)argc;
    sqlite3_result_int(context, filter != NULL && filter->was_used != NULL &&
                                    filter->was_used(filter->arg, id));
}

int
tg_sqlite_key_functions(struct tg_sqlite *db)
{
    int result = sqlite3_create_function(db->db, "was_used", 1,
                                         SQLITE_UTF8 | SQLITE_DIRECTONLY, db,
                                         was_used, NULL, NULL);

    return result == SQLITE_OK ? 0 : tg_sqlite_fail(db, result);
}

/*
 * The page is chosen in the inner select, which reads of a key that is not on
 * it only what is asked for.  A label begins behind '{' or ',', a name's '%'
 * and '_' are escaped by whoever binds it.
 */
static const char list_sql[] =
    "SELECT " COLUMNS_OF("k.") ", " TG_SECRET_COLUMNS_OF(
        "s.") "FROM (SELECT number FROM keys "
              "WHERE (?1 IS NULL OR account_id = ?1) "
              "AND CASE WHEN ?2 IS NULL THEN status <> 'deleted' "
              "ELSE ?2 = CASE WHEN status = 'active' AND "
              "expires_at BETWEEN 1 AND ?5 THEN 'expired' ELSE status END END "
              "AND (?3 IS NULL OR number < "
              "(SELECT number FROM keys WHERE id = ?3)) "
              "AND (?6 IS NULL OR name LIKE ?6 ESCAPE '\\') "
              "AND (?7 IS NULL OR kind = ?7) "
              "AND (?8 IS NULL OR owner = ?8) "
              "AND (?9 IS NULL OR instr(labels, '{' || ?9) "
              "OR instr(labels, ',' || ?9)) "
              "AND (?10 = 0 OR expires_at BETWEEN 1 AND ?10 - 1) "
              "AND (?11 = 0 OR NOT (was_used(id) OR EXISTS (SELECT 1 FROM "
              "secrets AS u WHERE u.key_id = keys.id AND "
              "u.last_used_at >= ?11))) "
              "ORDER BY number DESC LIMIT ?4) AS page "
              "JOIN keys AS k ON k.number = page.number "
              "LEFT JOIN secrets AS s ON s.key_id = k.id "
              "ORDER BY k.number DESC, s.number DESC";

static int
walk_list(struct tg_sqlite *db, sqlite3_stmt *stmt,
          int (*visit)(void *, const struct tg_store_key *,
                       const struct tg_store_secret *),
          void *arg)
{
    struct tg_store_secret secret;
    struct tg_store_key row;
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        bool has_secret =
            sqlite3_column_type(stmt, FIRST_SECRET_COLUMN) != SQLITE_NULL;

        read_key(stmt, &row);
        if (has_secret)
            tg_sqlite_read_secret(stmt, FIRST_SECRET_COLUMN, row.id, &secret);
        err = visit(arg, &row, has_secret ? &secret : NULL);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* A pattern of what contains text; NULL for NULL, and when out is too small. */
static const char *
contains(const char *text, char *out, size_t cap)
{
    size_t len = 0;

    if (text == NULL || 2 * strlen(text) + 3 > cap)
        return NULL;
    out[len++] = '%';
    for (; *text != '\0'; text++) {
        if (*text == '%' || *text == '_' || *text == '\\')
            out[len++] = '\\';
        out[len++] = *text;
    }
    out[len++] = '%';
    out[len] = '\0';
    return out;
}

int
tg_sqlite_key_list(struct tg_store *store,
                   const struct tg_store_key_filter *filter,
                   const struct tg_store_page *page,
                   int (*visit)(void *, const struct tg_store_key *,
                                const struct tg_store_secret *),
                   void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = page->limit ? (int64_t)page->limit : -1;
    char pattern[2 * TG_STORE_NAME_BYTES + 3];
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt, list_sql, "tttiittttii", filter->account_id,
                       filter->status, page->after, limit, filter->now_ms,
                       contains(filter->name, pattern, sizeof(pattern)),
                       filter->kind, filter->owner, filter->label,
                       filter->expires_before, filter->used_before);
    if (err != 0)
        return err;
    db->listing = filter;
    err = walk_list(db, stmt, visit, arg);
    db->listing = NULL;
    return err;
}
