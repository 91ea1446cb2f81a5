#include "sqlite.h"

#define UPSTREAM_COLUMNS                                                       \
    "id, name, position, dialect, base_url, addresses, created_at "

int
tg_sqlite_upstream_add(struct tg_store *store,
                       const struct tg_store_upstream *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO upstreams (" UPSTREAM_COLUMNS
                      ") VALUES (?, ?, ?, ?, ?, ?, ?)",
                      "ttittti", row->id, row->name, row->position,
                      row->dialect, row->base_url, row->addresses,
                      row->created_at);
}

static int
walk_upstreams(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
               int (*visit)(void *, const struct tg_store_upstream *),
               void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_upstream row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .position = sqlite3_column_int64(stmt, 2),
            .dialect = tg_sql_text(stmt, 3),
            .base_url = tg_sql_text(stmt, 4),
            .addresses = tg_sql_text(stmt, 5),
            .created_at = sqlite3_column_int64(stmt, 6),
        };

        ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_upstream_get(struct tg_store *store, const char *id_or_name,
                       int (*visit)(void *, const struct tg_store_upstream *),
                       void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0, err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT " UPSTREAM_COLUMNS
                       "FROM upstreams WHERE id = ?1 OR name = ?1 "
                       "ORDER BY id <> ?1 LIMIT 1",
                       "t", id_or_name);
    if (err == 0)
        err = walk_upstreams(db, stmt, &count, visit, arg);
    return err == 0 && count == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_upstream_each(struct tg_store *store,
                        int (*visit)(void *, const struct tg_store_upstream *),
                        void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0, err;

    err = tg_sql_begin(
        db, &stmt, "SELECT " UPSTREAM_COLUMNS "FROM upstreams ORDER BY number",
        "");
    return err ? err : walk_upstreams(db, stmt, &count, visit, arg);
}

int
tg_sqlite_upstream_set(struct tg_store *store,
                       const struct tg_store_upstream *row)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE upstreams SET dialect = ?2, base_url = ?3, "
                     "addresses = ?4 WHERE id = ?1",
                     "tttt", row->id, row->dialect, row->base_url,
                     row->addresses);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_upstream_addresses(struct tg_store *store, const char *id,
                             const char *addresses)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE upstreams SET addresses = ?2 WHERE id = ?1", "tt",
                     id, addresses);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_model_put(struct tg_store *store, const struct tg_store_model *row)
{
    return tg_sql_run(
        tg_sqlite_of(store), NULL,
        "INSERT INTO models (name, scopes, development, max_context_tokens, "
        "max_output_tokens, max_fim_tokens, created_at, max_image_tokens) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name) DO "
        "UPDATE SET scopes = ?2, development = ?3, max_context_tokens = ?4, "
        "max_output_tokens = ?5, max_fim_tokens = ?6, max_image_tokens = ?8",
        "ttiiiiii", row->name, row->scopes, (int64_t)row->is_development,
        row->max_context_tokens, row->max_output_tokens, row->max_fim_tokens,
        row->created_at, row->max_image_tokens);
}

int
tg_sqlite_model_each(struct tg_store *store,
                     int (*visit)(void *, const struct tg_store_model *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT name, scopes, (SELECT "
                       "json_group_array(upstream_id) FROM (SELECT "
                       "upstream_id FROM model_upstreams WHERE model = name "
                       "ORDER BY position)), development, "
                       "max_context_tokens, max_output_tokens, "
                       "max_fim_tokens, created_at, max_image_tokens "
                       "FROM models ORDER BY name",
                       "");
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_model row = {
            .name = tg_sql_text(stmt, 0),
            .scopes = tg_sql_text(stmt, 1),
            .upstream_ids = tg_sql_text(stmt, 2),
            .is_development = sqlite3_column_int64(stmt, 3) != 0,
            .max_context_tokens = sqlite3_column_int64(stmt, 4),
            .max_output_tokens = sqlite3_column_int64(stmt, 5),
            .max_fim_tokens = sqlite3_column_int64(stmt, 6),
            .created_at = sqlite3_column_int64(stmt, 7),
            .max_image_tokens = sqlite3_column_int64(stmt, 8),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_model_serve(struct tg_store *store, const char *name,
                      const char *upstream_ids)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err;

    err = tg_sql_run(db, NULL, "DELETE FROM model_upstreams WHERE model = ?",
                     "t", name);
    if (err != 0)
        return err;
    /* A model or an upstream that is not there breaks a foreign key. */
    return tg_sql_run(db, NULL,
                      "INSERT INTO model_upstreams (model, position, "
                      "upstream_id) SELECT ?1, key, value FROM json_each(?2)",
                      "tt", name, upstream_ids);
}

int
tg_sqlite_price_put(struct tg_store *store, const struct tg_store_price *row)
{
    const struct tg_price *price = &row->price;
    struct tg_str quarters = {(const char *)price->peak_quarters,
                              sizeof(price->peak_quarters)};
    struct tg_str sizes = {(const char *)price->sizes,
                           price->size_count * sizeof(price->sizes[0])};

    return tg_sql_run(
        tg_sqlite_of(store), NULL,
        "INSERT OR REPLACE INTO prices (model, effective_at, hit_picos, "
        "miss_picos, output_picos, peak_hit_picos, peak_miss_picos, "
        "peak_output_picos, peak_quarters, flags, source, write_picos, "
        "peak_write_picos, unit, unit_picos, peak_unit_picos, sizes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "tiiiiiiibitiiiiib", row->model, price->effective_at_ms,
        price->off_peak.hit_picos, price->off_peak.miss_picos,
        price->off_peak.output_picos, price->peak.hit_picos,
        price->peak.miss_picos, price->peak.output_picos, quarters,
        (int64_t)price->flags, row->source, price->off_peak.write_picos,
        price->peak.write_picos, (int64_t)price->unit,
        price->off_peak.unit_picos, price->peak.unit_picos, sizes);
}

static void
read_price(sqlite3_stmt *stmt, struct tg_store_price *row)
{
    struct tg_str quarters = tg_sql_bytes(stmt, 8);
    struct tg_str sizes = tg_sql_bytes(stmt, 16);
    struct tg_price *price = &row->price;

    memset(price, 0, sizeof(*price));
    row->model = tg_sql_text(stmt, 0);
    row->source = tg_sql_text(stmt, 10);
    price->effective_at_ms = sqlite3_column_int64(stmt, 1);
    price->off_peak.hit_picos = sqlite3_column_int64(stmt, 2);
    price->off_peak.miss_picos = sqlite3_column_int64(stmt, 3);
    price->off_peak.output_picos = sqlite3_column_int64(stmt, 4);
    price->peak.hit_picos = sqlite3_column_int64(stmt, 5);
    price->peak.miss_picos = sqlite3_column_int64(stmt, 6);
    price->peak.output_picos = sqlite3_column_int64(stmt, 7);
    price->flags = (uint32_t)sqlite3_column_int64(stmt, 9);
    price->off_peak.write_picos = sqlite3_column_int64(stmt, 11);
    price->peak.write_picos = sqlite3_column_int64(stmt, 12);
    price->unit = (uint32_t)sqlite3_column_int64(stmt, 13);
    price->off_peak.unit_picos = sqlite3_column_int64(stmt, 14);
    price->peak.unit_picos = sqlite3_column_int64(stmt, 15);
    if (quarters.len == sizeof(price->peak_quarters))
        memcpy(price->peak_quarters, quarters.data, quarters.len);
    if (sizes.len > 0 && sizes.len <= sizeof(price->sizes)) {
        memcpy(price->sizes, sizes.data, sizes.len);
        price->size_count = (uint32_t)(sizes.len / sizeof(price->sizes[0]));
    }
}

int
tg_sqlite_price_each(struct tg_store *store, const char *model,
                     int (*visit)(void *, const struct tg_store_price *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_price row;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT model, effective_at, hit_picos, miss_picos, "
                       "output_picos, peak_hit_picos, peak_miss_picos, "
                       "peak_output_picos, peak_quarters, flags, source, "
                       "write_picos, peak_write_picos, unit, unit_picos, "
                       "peak_unit_picos, sizes "
                       "FROM prices WHERE ?1 IS NULL OR model = ?1 "
                       "ORDER BY model, effective_at",
                       "t", model);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_price(stmt, &row);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
