#include "migrate.h"

#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "sqlite_pack.h"

static int
fail(sqlite3 *db, const char *path, struct tg_error *error)
{
    int result = sqlite3_errcode(db) & 0xff;

    if (result == SQLITE_NOTADB)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "%s is not a Tollgate store (%s); it was left as "
                            "it is. Move it away or choose another --home",
                            path, sqlite3_errmsg(db));
    if (result == SQLITE_CORRUPT)
        return tg_error_set(error, TG_ERR_CORRUPT,
                            "the store %s is damaged (%s); it was left as it "
                            "is. Put a backup back: tollgate restore FILE",
                            path, sqlite3_errmsg(db));
    return tg_error_set(
        error, result == SQLITE_BUSY ? TG_ERR_BUSY : TG_ERR_SYSTEM,
        "cannot use the store %s: %s", path, sqlite3_errmsg(db));
}

static int
number(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *stmt;
    int result;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return TG_ERR_SYSTEM;
    result = sqlite3_step(stmt);
    if (result == SQLITE_ROW)
        *value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return result == SQLITE_ROW ? 0 : TG_ERR_SYSTEM;
}

int
tg_migrate_check(sqlite3 *db, const char *path, int *version,
                 struct tg_error *error)
{
    int64_t application, user, tables;

    if (number(db, "PRAGMA application_id", &application) != 0 ||
        number(db, "PRAGMA user_version", &user) != 0 ||
        number(db, "SELECT count(*) FROM sqlite_schema", &tables) != 0)
        return fail(db, path, error);
    if (application != TG_STORE_APPLICATION_ID &&
        (application != 0 || user != 0 || tables != 0))
        return tg_error_set(error, TG_ERR_FORMAT,
                            "%s is a database of another program; it was left "
                            "as it is. Move it away or choose another --home",
                            path);
    if (user > tg_migration_count)
        return tg_error_set(error, TG_ERR_VERSION,
                            "%s was made by a newer Tollgate (store version "
                            "%lld, this one knows %d); it was left as it is. "
                            "Install that version or newer",
                            path, (long long)user, tg_migration_count);
    *version = (int)user;
    return 0;
}

static int
run_all(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int result;

    while (*sql != '\0') {
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, &sql) != SQLITE_OK)
            return TG_ERR_SYSTEM;
        if (stmt == NULL)
            continue;
        do
            result = sqlite3_step(stmt);
        while (result == SQLITE_ROW);
        sqlite3_finalize(stmt);
        if (result != SQLITE_DONE)
            return TG_ERR_SYSTEM;
    }
    return 0;
}

static int
step_to(sqlite3 *db, int version)
{
    char pragmas[96];

    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             TG_STORE_APPLICATION_ID, version);
    if (run_all(db, "BEGIN IMMEDIATE") != 0)
        return TG_ERR_SYSTEM;
    if (run_all(db, tg_migrations[version - 1]) == 0 &&
        run_all(db, pragmas) == 0)
        return 0;
    return TG_ERR_SYSTEM;
}

int
tg_migrate_run(sqlite3 *db, const char *path, struct tg_error *error)
{
    int version, err;

    err = tg_migrate_check(db, path, &version, error);
    if (err != 0)
        return err;
    if (tg_pack_functions(db) != SQLITE_OK)
        return fail(db, path, error);
    while (version < tg_migration_count) {
        if (step_to(db, version + 1) != 0) {
            err = fail(db, path, error);
            run_all(db, "ROLLBACK");
            return err;
        }
        version++;
    }
    return 0;
}
