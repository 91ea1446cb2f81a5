/*
 * The WAL is copied beside whoever writes: before the writer would do it, to
 * the last page, and so that it begins anew and does not grow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint.h"
#include "sqlite.h"
#include "store_test.h"
#include "tap.h"

#define FRAME (4096 + 24)
#define ROUNDS 400 /* some 100 frames each */
#define WAIT_S 60

static char path[64], wal[80];

static struct tg_store *
open_store(void)
{
    struct tg_store *store;
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    return store;
}

static int64_t
size_of(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int64_t
number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t value = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        abort();
    if (sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* 100 pages of bytes in a transaction of their own. */
static void
write_round(struct tg_store *store, int round)
{
    char name[32], *value = malloc(400001);

    if (value == NULL)
        abort();
    memset(value, 'a' + round % 26, 400000);
    value[400000] = '\0';
    snprintf(name, sizeof(name), "round-%d", round % 50);
    if (store->ops->begin(store) != 0 ||
        store->ops->meta_set(store, name, value) != 0 ||
        store->ops->commit(store) != 0) {
        printf("Bail out! %s\n", store->error.text);
        exit(1);
    }
    free(value);
}

/* Up to a WAL of so many frames, which is not yet what the writer copies. */
static int
write_frames(struct tg_store *store, int64_t frames)
{
    int round = 0;

    while (size_of(wal) < frames * FRAME)
        write_round(store, round++);
    return round;
}

static bool
comes_to(const char *file, int64_t size)
{
    time_t until = time(NULL) + WAIT_S;

    while (size_of(file) < size && time(NULL) < until)
        usleep(1000);
    return size_of(file) >= size;
}

static void
test_beside(struct tg_store *store)
{
    int64_t before = size_of(path);

    write_frames(store, 3600);
    ok(size_of(wal) < 8000 * FRAME, "before the writer copies the WAL");
    ok(comes_to(path, before + 3000 * INT64_C(4096)),
       "another thread has copied it");
}

static void
test_bound(struct tg_store *store)
{
    int64_t most = 0;

    for (int i = 0; i < ROUNDS; i++) {
        write_round(store, i);
        if (size_of(wal) > most)
            most = size_of(wal);
    }
    ok(most < 24500 * (int64_t)FRAME, "the WAL begins anew");
    is_int(number(tg_sqlite_of(store)->db,
                  "SELECT count(*) FROM meta WHERE name LIKE 'round-%' AND "
                  "length(value) = 400000"),
           50, "and all that was written is there");
}

/* As a list that is read: the WAL cannot begin anew, and does once it ends. */
static void
test_reader(struct tg_store *store)
{
    struct tg_store *reader = open_store();
    int64_t grown;

    reader->ops->begin_reading(reader);
    number(tg_sqlite_of(reader)->db, "SELECT count(*) FROM meta");
    for (int i = 0; i < ROUNDS; i++)
        write_round(store, i);
    grown = size_of(wal);
    ok(grown > 8000 * (int64_t)FRAME, "a reader holds the WAL");
    reader->ops->rollback(reader);
    reader->ops->close(reader);
    for (int i = 0; i < ROUNDS; i++)
        write_round(store, i);
    ok(size_of(wal) <= grown + 500 * (int64_t)FRAME,
       "which grows no more when it has gone");
}

/* What a kill leaves: the files as they are while the writer goes on. */
static void
test_copy(struct tg_store *store)
{
    char command[512];
    struct tg_store *copy;
    struct tg_error error;

    write_round(store, 24);
    snprintf(command, sizeof(command),
             "cp %s %s-copy.db && cp %s %s-copy.db-wal", path, path, wal, path);
    if (system(command) != 0)
        abort();
    snprintf(command, sizeof(command), "%s-copy.db", path);
    if (tg_store_open_sqlite(&copy, command, &error) != 0)
        abort();
    is_int(number(tg_sqlite_of(copy)->db,
                  "SELECT count(*) FROM pragma_integrity_check WHERE "
                  "integrity_check = 'ok'"),
           1, "what a kill leaves is whole");
    is_int(number(tg_sqlite_of(copy)->db,
                  "SELECT unicode(value) FROM meta WHERE name = 'round-24'"),
           'a' + 24, "and has the last transaction");
    copy->ops->close(copy);
}

int
main(void)
{
    char folder[] = "/dev/shm/tollgate-checkpoint-XXXXXX", command[160];
    struct tg_store *store;
    struct tg_error error;

    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/store.db", folder);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    store = open_store();
    is_int(tg_checkpoint_beside(store, path, &error), 0, "a thread begins");
    test_beside(store);
    test_bound(store);
    test_reader(store);
    test_copy(store);
    store->ops->close(store);
    ok(size_of(wal) == 0, "closing the store ends it");
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
