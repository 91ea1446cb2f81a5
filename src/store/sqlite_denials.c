#include "sqlite_metrics.h"

#include "throttle.h"

#define QUARTER_MS 900000

/* As much as two may be added of without overflow. */
#define COUNT_MAX (INT64_MAX / 2)

/* A row as SQLite wants it. */
struct texts {
    int64_t quarter, count;
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    char ip[TG_THROTTLE_TEXT_SIZE];
    char model[TG_MODEL_NAME_MAX + 1], agent[TG_DENIAL_AGENT_MAX + 1];
};

static void
field_text(const char *field, size_t size, char *out)
{
    size_t len = tg_field_len(field, size);

    memcpy(out, field, len);
    out[len] = '\0';
}

static void
make_rest(struct texts *texts)
{
    texts->key_id[0] = texts->account_id[0] = texts->ip[0] = '\0';
}

static bool
is_rest(const struct texts *texts)
{
    return texts->ip[0] == '\0';
}

/* Workers own the journal, so numbers are made sound. */
static void
fill_texts(const struct tg_denial *row, struct texts *texts)
{
    texts->quarter = row->last_ms / QUARTER_MS;
    texts->count = row->count < 0           ? 0
                   : row->count > COUNT_MAX ? COUNT_MAX
                                            : row->count;
    field_text(row->key_id, sizeof(row->key_id), texts->key_id);
    field_text(row->account_id, sizeof(row->account_id), texts->account_id);
    field_text(row->model, sizeof(row->model), texts->model);
    field_text(row->agent, sizeof(row->agent), texts->agent);
    if (row->scope == TG_DENIAL_REST)
        make_rest(texts);
    else
        tg_throttle_text(texts->ip, row->ip);
}

#define SUM                                                                    \
    "count = min(count + ?5, 4611686018427387903), "                           \
    "first_at = min(first_at, ?6), last_at = max(last_at, ?7), "               \
    "sample_at = ?6, request_id = ?8, endpoint = ?9, model = ?10, "            \
    "user_agent = ?11"

/* Adds it to the row that there is; *changes is 0 when there is none. */
static int
update(struct tg_sqlite *db, const struct tg_denial *row,
       const struct texts *texts, int *changes)
{
    struct tg_str id = {(const char *)row->request_id.bytes,
                        sizeof(row->request_id.bytes)};

    return tg_sql_run(db, changes,
                      "UPDATE denials SET " SUM " WHERE quarter = ?1 AND "
                      "key_id = ?2 AND code = ?3 AND ip = ?4",
                      "ititiiibitt", texts->quarter, texts->key_id,
                      (int64_t)row->code, texts->ip, texts->count, row->at_ms,
                      row->last_ms, id, (int64_t)row->endpoint, texts->model,
                      texts->agent);
}

static int
insert(struct tg_sqlite *db, const struct tg_denial *row,
       const struct texts *texts)
{
    struct tg_str id = {(const char *)row->request_id.bytes,
                        sizeof(row->request_id.bytes)};

    return tg_sql_run(db, NULL,
                      "INSERT INTO denials (quarter, key_id, code, ip, count, "
                      "first_at, last_at, sample_at, request_id, endpoint, "
                      "model, user_agent, account_id) VALUES (?1, ?2, ?3, ?4, "
                      "?5, ?6, ?7, ?6, ?8, ?9, ?10, ?11, ?12)",
                      "ititiiibittt", texts->quarter, texts->key_id,
                      (int64_t)row->code, texts->ip, texts->count, row->at_ms,
                      row->last_ms, id, (int64_t)row->endpoint, texts->model,
                      texts->agent, texts->account_id);
}

/* How many rows a quarter has, counted once while it is the one that grows. */
static int
look_at_quarter(struct tg_sqlite *db, int64_t quarter)
{
    sqlite3_stmt *stmt;
    int err;

    if (db->denials.is_known && db->denials.quarter == quarter)
        return 0;
    db->denials.is_known = false;
    err = tg_sql_begin(db, &stmt,
                       "SELECT count(*) FILTER (WHERE key_id = ''), "
                       "count(*) FILTER (WHERE key_id <> '') FROM denials "
                       "WHERE quarter = ? AND ip <> ''",
                       "i", quarter);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        db->denials.quarter = quarter;
        db->denials.strangers = sqlite3_column_int64(stmt, 0);
        db->denials.holders = sqlite3_column_int64(stmt, 1);
        db->denials.is_known = true;
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

/* Whether its quarter may have one more row of its kind. */
static int
take_room(struct tg_sqlite *db, const struct texts *texts, bool *has_room)
{
    bool is_stranger = texts->key_id[0] == '\0';
    int err = look_at_quarter(db, texts->quarter);
    int64_t *used = is_stranger ? &db->denials.strangers : &db->denials.holders;

    if (err != 0)
        return err;
    *has_room = *used < (is_stranger ? TG_STORE_DENIAL_STRANGERS
                                     : TG_STORE_DENIAL_HOLDERS);
    if (*has_room)
        (*used)++;
    return 0;
}

static int
add(struct tg_sqlite *db, const struct tg_denial *row)
{
    struct texts texts;
    bool has_room = false;
    int changes = 0, err;

    fill_texts(row, &texts);
    err = update(db, row, &texts, &changes);
    if (err == 0 && changes == 0 && !is_rest(&texts)) {
        err = take_room(db, &texts, &has_room);
        if (err == 0 && !has_room) {
            make_rest(&texts);
            err = update(db, row, &texts, &changes);
        }
    }
    return err == 0 && changes == 0 ? insert(db, row, &texts) : err;
}

int
tg_sqlite_denial_add(struct tg_store *store, const struct tg_denial *row)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = add(db, row);

    return err == 0 ? tg_metrics_note_denials(db, row->code, row->count) : err;
}

int
tg_sqlite_denial_mark(struct tg_store *store, uint64_t writer_id,
                      uint32_t number, uint64_t sequence, int64_t at,
                      bool *is_new)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "INSERT INTO denial_marks (writer_id, number, sequence, "
                     "at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (writer_id, "
                     "number) DO UPDATE SET sequence = ?3, at = ?4 WHERE "
                     "sequence < ?3",
                     "iiii", (int64_t)writer_id, (int64_t)number,
                     (int64_t)sequence, at);
    if (err == 0)
        *is_new = changes > 0;
    return err;
}

int
tg_sqlite_denial_expire(struct tg_store *store, int64_t before, uint32_t limit,
                        uint32_t *gone)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int rows = 0, marks = 0, err;

    db->denials.is_known = false;
    err = tg_sql_run(db, &rows,
                     "DELETE FROM denials WHERE number IN (SELECT number FROM "
                     "denials WHERE quarter < ? ORDER BY quarter LIMIT ?)",
                     "ii", before / QUARTER_MS, (int64_t)limit);
    if (err == 0)
        err = tg_sql_run(db, &marks, "DELETE FROM denial_marks WHERE at < ?",
                         "i", before);
    if (err == 0)
        *gone = (uint32_t)(rows + marks);
    return err;
}

/* The quarter of a row that was seen. */
static int
quarter_of(struct tg_sqlite *db, int64_t number, int64_t *quarter)
{
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(
        db, &stmt, "SELECT quarter FROM denials WHERE number = ?", "i", number);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *quarter = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

static void
read_denial(sqlite3_stmt *stmt, struct tg_store_denial *row)
{
    struct tg_str id = tg_sql_bytes(stmt, 8);

    *row = (struct tg_store_denial){
        .number = sqlite3_column_int64(stmt, 0),
        .key_id = tg_sql_text(stmt, 1),
        .account_id = tg_sql_text(stmt, 2),
        .code = sqlite3_column_int64(stmt, 3),
        .ip = tg_sql_text(stmt, 4),
        .count = sqlite3_column_int64(stmt, 5),
        .first_at = sqlite3_column_int64(stmt, 6),
        .last_at = sqlite3_column_int64(stmt, 7),
        .sample_at = sqlite3_column_int64(stmt, 9),
        .endpoint = sqlite3_column_int64(stmt, 10),
        .model = tg_sql_text(stmt, 11),
        .user_agent = tg_sql_text(stmt, 12),
    };
    if (id.len == sizeof(row->request_id.bytes))
        memcpy(row->request_id.bytes, id.data, id.len);
}

/* scope names an index; what it does not use of ?1 and ?2 is asked here. */
#define SELECT_DENIALS(scope)                                                  \
    "SELECT number, key_id, account_id, code, ip, count, first_at, last_at, "  \
    "request_id, sample_at, endpoint, model, user_agent FROM denials "         \
    "WHERE " scope " AND (?2 IS NULL OR account_id = ?2) "                     \
    "AND (?3 = 0 OR code = ?3) AND quarter >= ?4 / 900000 AND last_at >= ?4 "  \
    "AND (?5 = 0 OR first_at < ?5) AND (quarter, number) < (?6, ?7) "          \
    "ORDER BY quarter DESC, number DESC LIMIT ?8"

static const char *
select_by(const struct tg_store_denial_filter *filter)
{
    static const char by_key[] = SELECT_DENIALS("key_id = ?1 AND key_id <> ''");
    static const char by_account[] =
        SELECT_DENIALS("?1 IS NULL AND account_id = ?2 AND account_id <> ''");
    static const char by_time[] = SELECT_DENIALS("?1 IS NULL");

    return filter->key_id != NULL       ? by_key
           : filter->account_id != NULL ? by_account
                                        : by_time;
}

int
tg_sqlite_denial_each(struct tg_store *store,
                      const struct tg_store_denial_filter *filter,
                      int (*visit)(void *, const struct tg_store_denial *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t quarter = INT64_MAX, number = filter->after;
    struct tg_store_denial row;
    sqlite3_stmt *stmt;
    int err = 0;

    if (number != 0)
        err = quarter_of(db, number, &quarter);
    if (err == 0)
        err =
            tg_sql_begin(db, &stmt, select_by(filter), "ttiiiiii",
                         filter->key_id, filter->account_id, filter->code,
                         filter->since, filter->until, quarter, number,
                         filter->limit ? (int64_t)filter->limit : INT64_C(-1));
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_denial(stmt, &row);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
