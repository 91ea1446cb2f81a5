#include "sqlite.h"
#include "sqlite_deliveries.h"
#include "store_sinks.h"

/* No credentials are an empty blob, not NULL. */
static struct tg_str
sealed_of(const struct tg_store_sink *row)
{
    return row->sealed.data != NULL ? row->sealed : TG_STR("");
}

static int
add(struct tg_store *store, const struct tg_store_sink *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO sinks (id, name, kind, config, sealed, "
                      "created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                      "ttttbii", row->id, row->name, row->kind, row->config,
                      sealed_of(row), row->created_at, row->changed_at);
}

static struct tg_store_sink
read_sink(sqlite3_stmt *stmt)
{
    return (struct tg_store_sink){
        .id = tg_sql_text(stmt, 0),
        .name = tg_sql_text(stmt, 1),
        .kind = tg_sql_text(stmt, 2),
        .config = tg_sql_text(stmt, 3),
        .sealed = tg_sql_bytes(stmt, 4),
        .created_at = sqlite3_column_int64(stmt, 5),
        .changed_at = sqlite3_column_int64(stmt, 6),
    };
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, tg_sink_visit *visit, void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_sink row = read_sink(stmt);

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
get(struct tg_store *store, const char *id_or_name, tg_sink_visit *visit,
    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT id, name, kind, config, sealed, created_at, "
                           "changed_at FROM sinks WHERE id = ?1 OR name = ?1 "
                           "ORDER BY id = ?1 DESC LIMIT 1",
                           "t", id_or_name);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        struct tg_store_sink row = read_sink(stmt);

        return tg_sql_end(stmt, visit(arg, &row));
    }
    return tg_sql_end(stmt, err == 0 ? TG_ERR_NOT_FOUND : err);
}

static int
each(struct tg_store *store, const char *after, uint32_t limit,
     tg_sink_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT id, name, kind, config, sealed, created_at, "
                           "changed_at FROM sinks WHERE number > coalesce("
                           "(SELECT number FROM sinks WHERE id = ?1), 0) "
                           "ORDER BY number LIMIT ?2",
                           "ti", after, limit != 0 ? (int64_t)limit : -1);

    return err != 0 ? err : walk(db, stmt, visit, arg);
}

static int
set(struct tg_store *store, const struct tg_store_sink *row)
{
    int changes, err = tg_sql_run(tg_sqlite_of(store), &changes,
                                  "UPDATE sinks SET config = ?2, sealed = ?3, "
                                  "changed_at = ?4 WHERE id = ?1",
                                  "ttbi", row->id, row->config, sealed_of(row),
                                  row->changed_at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
remove_sink(struct tg_store *store, const char *id)
{
    int changes, err = tg_sql_run(tg_sqlite_of(store), &changes,
                                  "DELETE FROM sinks WHERE id = ?", "t", id);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
key_add(struct tg_store *store, const struct tg_store_key_sink *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO key_sinks (key_id, sink_id, place, name) "
                      "VALUES (?, ?, ?, ?)",
                      "tttt", row->key_id, row->sink_id, row->place, row->name);
}

static int
key_clear(struct tg_store *store, const char *key_id)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "DELETE FROM key_sinks WHERE key_id = ?", "t", key_id);
}

static int
key_each(struct tg_store *store, const char *key_id, const char *sink_id,
         tg_key_sink_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    if (key_id != NULL)
        err = tg_sql_begin(db, &stmt,
                           "SELECT key_id, sink_id, place, key_sinks.name, "
                           "sinks.name FROM key_sinks JOIN sinks ON sinks.id = "
                           "sink_id WHERE key_id = ? ORDER BY sinks.number, "
                           "place, key_sinks.name",
                           "t", key_id);
    else
        err = tg_sql_begin(db, &stmt,
                           "SELECT key_id, sink_id, place, key_sinks.name, "
                           "sinks.name FROM key_sinks JOIN sinks ON sinks.id = "
                           "sink_id WHERE sink_id = ? ORDER BY key_id, place",
                           "t", sink_id);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_key_sink row = {
            .key_id = tg_sql_text(stmt, 0),
            .sink_id = tg_sql_text(stmt, 1),
            .place = tg_sql_text(stmt, 2),
            .name = tg_sql_text(stmt, 3),
            .sink = tg_sql_text(stmt, 4),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

const struct tg_store_sink_ops tg_sqlite_sink_ops = {
    .add = add,
    .get = get,
    .each = each,
    .set = set,
    .remove = remove_sink,
    .key_add = key_add,
    .key_clear = key_clear,
    .key_each = key_each,
    .delivery_add = tg_sqlite_delivery_add,
    .delivery_set = tg_sqlite_delivery_set,
    .delivery_drop = tg_sqlite_delivery_drop,
    .delivery_hasten = tg_sqlite_delivery_hasten,
    .delivery_each = tg_sqlite_delivery_each,
    .delivery_count = tg_sqlite_delivery_count,
};
