#include "sqlite.h"

int
tg_sqlite_fail(struct tg_sqlite *db, int result)
{
    int code = TG_ERR_SYSTEM;

    switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return TG_ERR_DUPLICATE;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return TG_ERR_NOT_FOUND;
    }
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = TG_ERR_BUSY;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = TG_ERR_CORRUPT;
        break;
    }
    return tg_error_set(&db->store.error, code, "the store: %s",
                        db->db ? sqlite3_errmsg(db->db)
                               : sqlite3_errstr(result));
}

int
tg_sql_prepare(struct tg_sqlite *db, sqlite3_stmt **stmt, const char *sql)
{
    int result;

    for (size_t i = 0; i < db->statement_count; i++) {
        if (db->statements[i].sql == sql) {
            *stmt = db->statements[i].stmt;
            return 0;
        }
    }
    if (db->statement_count == TG_SQLITE_STATEMENTS)
        return tg_error_set(&db->store.error, TG_ERR_FULL,
                            "the store: too many statements");
    result = sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                stmt, NULL);
    if (result != SQLITE_OK)
        return tg_sqlite_fail(db, result);
    db->statements[db->statement_count].sql = sql;
    db->statements[db->statement_count++].stmt = *stmt;
    return 0;
}

static int
bind_one(sqlite3_stmt *stmt, int index, char type, va_list *ap)
{
    struct tg_str bytes;

    switch (type) {
    case 't':
        return sqlite3_bind_text(stmt, index, va_arg(*ap, const char *), -1,
                                 SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(stmt, index, va_arg(*ap, int64_t));
    case 'b':
        bytes = va_arg(*ap, struct tg_str);
        return sqlite3_bind_blob64(stmt, index, bytes.data, bytes.len,
                                   SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int
begin(struct tg_sqlite *db, sqlite3_stmt **stmt, const char *sql,
      const char *types, va_list *ap)
{
    int result, err;

    err = tg_sql_prepare(db, stmt, sql);
    if (err != 0)
        return err;
    for (int i = 0; types[i] != '\0'; i++) {
        result = bind_one(*stmt, i + 1, types[i], ap);
        if (result != SQLITE_OK)
            return tg_sql_end(*stmt, tg_sqlite_fail(db, result));
    }
    return 0;
}

int
tg_sql_begin(struct tg_sqlite *db, sqlite3_stmt **stmt, const char *sql,
             const char *types, ...)
{
    va_list ap;
    int err;

    va_start(ap, types);
    err = begin(db, stmt, sql, types, &ap);
    va_end(ap);
    return err;
}

int
tg_sql_next(struct tg_sqlite *db, sqlite3_stmt *stmt)
{
    int result = sqlite3_step(stmt);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : tg_sqlite_fail(db, result);
}

int
tg_sql_end(sqlite3_stmt *stmt, int result)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return result;
}

int
tg_sql_run(struct tg_sqlite *db, int *changes, const char *sql,
           const char *types, ...)
{
    sqlite3_stmt *stmt;
    va_list ap;
    int err;

    va_start(ap, types);
    err = begin(db, &stmt, sql, types, &ap);
    va_end(ap);
    if (err != 0)
        return err;
    do
        err = tg_sql_next(db, stmt);
    while (err > 0);
    if (err == 0 && changes)
        *changes = sqlite3_changes(db->db);
    return tg_sql_end(stmt, err);
}

const char *
tg_sql_text(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);

    return text ? (const char *)text : "";
}

struct tg_str
tg_sql_bytes(sqlite3_stmt *stmt, int column)
{
    struct tg_str bytes = {sqlite3_column_blob(stmt, column), 0};

    bytes.len = (size_t)sqlite3_column_bytes(stmt, column);
    return bytes;
}
