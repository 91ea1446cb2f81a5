/*
 * Calls name their kind by a number, and are what they were all the same: in a
 * store that is made over, after a transaction that was taken back, beside
 * another connection, and when calls and their kinds go by age.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrate.h"
#include "sqlite.h"
#include "sqlite_pack.h"
#include "store_test.h"
#include "tap.h"

#define DAY_MS INT64_C(86400000)
#define BLOCK_CALLS 131072

static char path[64];

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

static void
run(sqlite3 *db, const char *sql)
{
    char *error = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", sql, error);
        exit(1);
    }
}

static int64_t
number(struct tg_store *store, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t value;

    if (sqlite3_prepare_v2(tg_sqlite_of(store)->db, sql, -1, &stmt, NULL) !=
        SQLITE_OK) {
        printf("Bail out! %s\n", sql);
        exit(1);
    }
    sqlite3_step(stmt);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/*
 * As the twenty-fourth migration left a store: each column of each call has a
 * value of its own, of eleven kinds that differ in one column each, and as many
 * with the largest price that there is.
 */
static const char old_calls[] =
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE "
    "i < 3000) INSERT INTO calls SELECT i * 3, "
    "CAST(printf('%016d', i) AS BLOB), 1750000000000 + i % 7, "
    "'key_' || i % 50, 'acct_' || i % 5, 'up_' || (i % 11 = 1), "
    "'cred_' || (i % 11 = 2), CASE i % 11 WHEN 3 THEN '' WHEN 4 THEN "
    "CAST(x'e9ff' AS TEXT) ELSE 'm' END, 1 + (i % 11 = 5), i % 512, "
    "200 + i % 3, i % 4, i % 3, i, CASE WHEN i % 2 THEN i + 1 END, i + 2, "
    "i + 3, i + 4, i + 5, i + 6, (i % 11 = 6), i + 7, 1 + (i % 11 = 7), "
    "2 + (i % 11 = 8), 3 + (i % 11 = 9), 4 + (i % 11 = 10), "
    "CASE i % 97 WHEN 0 THEN 9223372036854775807 ELSE 5 END, i + 8, i + 9, "
    "i + 10, i + 11, '10.0.0.' || i % 9, 'agent ' || i, 'trace ' || i FROM n";

static void
make_old(void)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        tg_pack_functions(db) != SQLITE_OK)
        abort();
    run(db, "PRAGMA journal_mode = WAL");
    for (int i = 0; i < 24; i++)
        run(db, tg_migrations[i]);
    run(db, "PRAGMA application_id = 0x746f6c6c; PRAGMA user_version = 24");
    run(db, old_calls);
    run(db, "UPDATE rolled_up SET first = 3000, next = 6000, key_id = 'key_3'");
    run(db, "CREATE TABLE truth AS SELECT * FROM calls");
    run(db, "CREATE TABLE recent AS SELECT * FROM recent_calls");
    run(db, "CREATE TABLE rolled AS SELECT * FROM rolled_calls");
    /* Cut short once. */
    run(db, "BEGIN");
    run(db, tg_migrations[24]);
    sqlite3_close(db);
}

#define DIFFERENCE(a, b)                                                       \
    "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM " a                    \
    " EXCEPT SELECT * FROM " b ") UNION ALL SELECT * FROM (SELECT * FROM " b   \
    " EXCEPT SELECT * FROM " a "))"

static void
test_old_store(void)
{
    struct tg_store *store;

    make_old();
    store = open_store();
    is_int(number(store, "SELECT count(*) FROM call_rows"), 3000,
           "all calls of an older store are there");
    is_int(number(store, DIFFERENCE("truth", "calls")), 0,
           "each value of them is what it was");
    is_int(number(store, "SELECT count(*) FROM truth t JOIN calls c USING "
                         "(seq) WHERE t.ttft_ms IS c.ttft_ms AND "
                         "typeof(t.ttft_ms) = typeof(c.ttft_ms)"),
           3000, "and no time to a first token is none");
    is_int(number(store, "SELECT count(*) FROM calls WHERE ttft_ms IS NULL"),
           1500, "of half of them");
    is_int(number(store, DIFFERENCE("recent", "recent_calls")), 0,
           "those that are not rolled up");
    is_int(number(store, DIFFERENCE("rolled", "rolled_calls")), 0,
           "and those that are");
    is_int(number(store, "SELECT count(*) FROM call_kinds"), 22,
           "and a row a kind");
    is_int(number(store, "SELECT count(*) FROM call_kinds WHERE block <> "
                         "9000 >> 17"),
           0, "which stays as long as the last call does");
    is_int(number(store, "SELECT count(*) FROM pragma_table_info('calls')"), 34,
           "no column is missing");
    store->ops->close(store);
    unlink(path);
}

static struct tg_record
call_of(uint32_t n, const char *model, int64_t at)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;

    call->id = tg_call_id_make(1, n);
    call->at_ms = at;
    call->status = 200;
    tg_field_set(call->key_id, TG_ID_LEN, "key_a", 5);
    tg_field_set(call->account_id, TG_ID_LEN, "acct_a", 6);
    tg_field_set(call->upstream_id, TG_ID_LEN, "up_a", 4);
    tg_field_set(call->credential_id, TG_ID_LEN, "cred_a", 6);
    tg_field_set(call->model, TG_MODEL_NAME_MAX, model, strlen(model));
    return record;
}

static void
add(struct tg_store *store, uint32_t n, const char *model, int64_t at)
{
    struct tg_record record = call_of(n, model, at);
    bool is_new;

    if (store->ops->call_add(store, &record, &is_new) != 0 || !is_new)
        abort();
}

/* Models of all calls, in order. */
static const char *
models(struct tg_store *store)
{
    static char text[256];
    sqlite3_stmt *stmt;

    text[0] = '\0';
    sqlite3_prepare_v2(tg_sqlite_of(store)->db,
                       "SELECT model FROM calls ORDER BY seq", -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_snprintf((int)(sizeof(text) - strlen(text)),
                         text + strlen(text), "%s ",
                         sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

/* The number that was taken back is another kind's afterwards. */
static void
test_taken_back(void)
{
    struct tg_store *store = open_store();

    store->ops->begin(store);
    add(store, 1, "a", 1);
    store->ops->commit(store);
    store->ops->begin(store);
    add(store, 2, "gone", 2);
    add(store, 3, "b", 3);
    store->ops->rollback(store);
    store->ops->begin(store);
    add(store, 3, "b", 3);
    add(store, 4, "a", 4);
    add(store, 5, "gone", 5);
    store->ops->commit(store);
    is_str(models(store), "a b a gone ",
           "calls keep their kinds after a transaction was taken back");
    is_int(number(store, "SELECT count(*) FROM call_kinds"), 3, "each is once");
    store->ops->close(store);
    unlink(path);
}

static void
test_two_connections(void)
{
    struct tg_store *store = open_store(), *other = open_store();

    add(store, 1, "a", 1);
    other->ops->begin(other);
    add(other, 2, "b", 2);
    add(other, 3, "c", 3);
    add(other, 4, "a", 4);
    other->ops->commit(other);
    store->ops->begin(store);
    store->ops->rollback(store); /* asks for the next number anew */
    add(store, 5, "c", 5);
    add(store, 6, "d", 6);
    add(store, 7, "b", 7);
    is_str(models(store), "a b c a c d b ",
           "two connections name the same kinds");
    is_int(number(store, "SELECT count(*) FROM call_kinds"), 4, "each is once");
    other->ops->close(other);
    store->ops->close(store);
    unlink(path);
}

static void
forget(struct tg_store *store, int64_t calls_before)
{
    struct tg_store_age age = {.now_ms = 30 * DAY_MS,
                               .calls_before = calls_before};
    bool has_more = true;

    while (has_more) {
        if (store->ops->begin(store) != 0 ||
            store->ops->forget(store, &age, 3, &has_more) != 0 ||
            store->ops->commit(store) != 0) {
            printf("Bail out! %s\n", store->error.text);
            exit(1);
        }
    }
}

static void
test_age(void)
{
    struct tg_store *store = open_store();
    char model[16];

    store->ops->begin(store);
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(model, sizeof(model), "old-%u", i);
        add(store, i, model, DAY_MS);
    }
    add(store, 20, "a", DAY_MS);
    store->ops->commit(store);
    forget(store, DAY_MS);
    is_int(number(store, "SELECT count(*) FROM call_kinds"), 21,
           "kinds stay with their calls");
    forget(store, 2 * DAY_MS);
    is_int(number(store, "SELECT count(*) FROM call_rows"), 0,
           "when all calls have gone");
    is_int(number(store, "SELECT count(*) FROM call_kinds"), 0,
           "all kinds have");
    add(store, 21, "a", 3 * DAY_MS);
    add(store, 22, "old-7", 3 * DAY_MS);
    is_str(models(store), "a old-7 ", "and come again with calls of theirs");
    is_int(number(store, "SELECT min(seq) FROM calls"), BLOCK_CALLS,
           "in another block");
    forget(store, 2 * DAY_MS);
    is_str(models(store), "a old-7 ", "and stay with these");
    store->ops->close(store);
    unlink(path);
}

static int
count_faults(void *arg, const char *fault)
{
    ++*(int *)arg;
    is_str(fault,
           "a row of call_rows refers to one of call_kinds that is not there",
           "a kind that is not there");
    return 0;
}

static void
test_missing(void)
{
    struct tg_store *store = open_store();
    int faults = 0;

    add(store, 1, "a", 1);
    add(store, 2, "b", 2);
    store->ops->check(store, count_faults, &faults);
    is_int(faults, 0, "all kinds are there");
    run(tg_sqlite_of(store)->db, "DELETE FROM call_kinds WHERE model = 'b'");
    store->ops->check(store, count_faults, &faults);
    is_int(faults, 1, "is found by whoever checks the store");
    store->ops->close(store);
    unlink(path);
}

int
main(void)
{
    char folder[] = "/dev/shm/tollgate-kinds-XXXXXX", command[160];

    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/store.db", folder);
    test_old_store();
    test_taken_back();
    test_two_connections();
    test_age();
    test_missing();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
