#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "migrate.h"

#define STEP_PAGES 2048
#define BUSY_TIMEOUT_MS 10000
#define BACKUP_AT "backup_at"

static int
fail(sqlite3 *db, const char *path, struct tg_error *error)
{
    int result = sqlite3_errcode(db) & 0xff;

    return tg_error_set(error,
                        result == SQLITE_CORRUPT || result == SQLITE_NOTADB
                            ? TG_ERR_CORRUPT
                            : TG_ERR_SYSTEM,
                        "%s: %s", path, sqlite3_errmsg(db));
}

/* One that is not there is not made. */
static int
open_file(sqlite3 **db, const char *path, struct tg_error *error)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

    if (sqlite3_open_v2(path, db, flags, NULL) == SQLITE_OK)
        return sqlite3_busy_timeout(*db, BUSY_TIMEOUT_MS);
    tg_error_set(error, TG_ERR_SYSTEM, "cannot open %s: %s", path,
                 *db != NULL ? sqlite3_errmsg(*db) : "no memory");
    sqlite3_close(*db);
    *db = NULL;
    return access(path, F_OK) == 0 ? TG_ERR_SYSTEM : TG_ERR_NOT_FOUND;
}

static int
run(sqlite3 *db, const char *path, const char *sql, struct tg_error *error)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : fail(db, path, error);
}

/* The first value of the first row; 0 when it is NULL or there is none. */
static int
number(sqlite3 *db, const char *path, const char *sql, int64_t *value,
       struct tg_error *error)
{
    sqlite3_stmt *stmt;
    int result;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return fail(db, path, error);
    result = sqlite3_step(stmt);
    *value = result == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return result == SQLITE_ROW || result == SQLITE_DONE
               ? 0
               : fail(db, path, error);
}

static int
read_version(sqlite3 *db, const char *path, struct tg_store_facts *facts,
             struct tg_error *error)
{
    int err = tg_migrate_check(db, path, &facts->version, error);

    if (err == 0 && facts->version == 0)
        err = tg_error_set(error, TG_ERR_FORMAT, "%s is an empty file", path);
    return err;
}

static int
read_facts(sqlite3 *db, const char *path, struct tg_store_facts *facts,
           struct tg_error *error)
{
    int err =
        number(db, path, "SELECT value FROM meta WHERE name = '" BACKUP_AT "'",
               &facts->backup_at, error);

    if (err == 0)
        err = number(db, path, "SELECT count(*) FROM calls", &facts->calls,
                     error);
    if (err == 0)
        err = number(db, path, "SELECT max(at) FROM calls",
                     &facts->last_call_at, error);
    return err;
}

/* All of it is of one instant: from keeps its transaction until the end. */
static int
copy_pages(sqlite3 *from, sqlite3 *to, const char *copy,
           const struct tg_store_progress *progress, struct tg_error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int result;

    if (backup == NULL)
        return fail(to, copy, error);
    do {
        int total;

        result = sqlite3_backup_step(backup, STEP_PAGES);
        total = sqlite3_backup_pagecount(backup);
        progress->say(progress->arg, total - sqlite3_backup_remaining(backup),
                      total);
    } while (result == SQLITE_OK);
    sqlite3_backup_finish(backup);
    return result == SQLITE_DONE ? 0 : fail(to, copy, error);
}

/* Ours is not the store: no WAL beside it, so that it is one file. */
static int
mark(sqlite3 *to, const char *copy, int64_t at_ms, struct tg_error *error)
{
    char sql[160];

    sqlite3_snprintf(sizeof(sql), sql,
                     "INSERT OR REPLACE INTO meta (name, value) VALUES ('%s', "
                     "'%lld')",
                     BACKUP_AT, at_ms);
    return run(to, copy, sql, error);
}

static int
sync_file(const char *path, struct tg_error *error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int err = 0;

    if (fd < 0 || fsync(fd) != 0)
        err = tg_error_set(error, TG_ERR_SYSTEM, "cannot write %s: %s", path,
                           strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

static int
copy_from(sqlite3 *from, const char *path, const char *copy, int64_t at_ms,
          const struct tg_store_progress *progress,
          struct tg_store_facts *facts, struct tg_error *error)
{
    sqlite3 *to = NULL;
    int err = open_file(&to, copy, error);

    if (err == 0)
        err = run(from, path, "BEGIN", error);
    if (err == 0)
        err = read_version(from, path, facts, error);
    if (err == 0)
        err = read_facts(from, path, facts, error);
    if (err == 0)
        err = copy_pages(from, to, copy, progress, error);
    if (err == 0)
        err = run(to, copy, "PRAGMA journal_mode = DELETE", error);
    if (err == 0)
        err = mark(to, copy, at_ms, error);
    sqlite3_close(to);
    facts->backup_at = at_ms;
    return err == 0 ? sync_file(copy, error) : err;
}

int
tg_store_copy(const char *path, const char *copy, int64_t at_ms,
              const struct tg_store_progress *progress,
              struct tg_store_facts *facts, struct tg_error *error)
{
    sqlite3 *from = NULL;
    int err = open_file(&from, path, error);

    if (err == TG_ERR_NOT_FOUND)
        tg_error_set(error, err, "there is no store %s", path);
    if (err == 0)
        err = copy_from(from, path, copy, at_ms, progress, facts, error);
    sqlite3_close(from);
    return err;
}

static int
check_pages(sqlite3 *db, const char *path, struct tg_error *error)
{
    sqlite3_stmt *stmt;
    int result, err = 0;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) !=
        SQLITE_OK)
        return fail(db, path, error);
    result = sqlite3_step(stmt);
    if (result != SQLITE_ROW)
        err = fail(db, path, error);
    else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
        err = tg_error_set(error, TG_ERR_CORRUPT, "%s is damaged: %s", path,
                           sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return err;
}

int
tg_store_examine(const char *path, const char *name,
                 struct tg_store_facts *facts, struct tg_error *error)
{
    sqlite3 *db = NULL;
    int err = open_file(&db, path, error);

    if (err == 0)
        err = read_version(db, name, facts, error);
    if (err == 0)
        err = check_pages(db, name, error);
    if (err == 0)
        err = read_facts(db, name, facts, error);
    sqlite3_close(db);
    return err;
}
