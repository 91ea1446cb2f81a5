/*
 * Goal: blocks of 131072 calls, as all were once, and of twice as many, as
 * those of many keys are, stand side by side, and no call of a key is missing
 * from its list, its sums or its last use; wherever the oldest call is that
 * has not gone by age.  A copy of all calls says what is true.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_test.h"
#include "tap.h"

#define LEAST 131072
#define MANY 4096 /* keys; of more a block is longer */
#define BATCH 4096
#define CALL_MS 1000
#define SPREAD_MS 20000 /* calls are not quite in order */
#define BEGUN_AT INT64_C(1750000000000)
#define AT(seq) (BEGUN_AT + (int64_t)(seq)*CALL_MS)

/* The key of one call in a hundred. */
#define KEY "key_00000000000000000000"
#define EVERY 100

static char folder[] = "/dev/shm/tollgate-blocks-XXXXXX";
static char path[64];
static struct tg_store *store;
static sqlite3 *plain;

static void
open_store(void)
{
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0)
        abort();
}

static int64_t
number(const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t value;

    if (sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(plain));
        abort();
    }
    sqlite3_step(stmt);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void
id_of(char *id, const char *prefix, uint32_t of)
{
    snprintf(id, TG_ID_TEXT_SIZE, "%s%0*u", prefix,
             TG_ID_LEN - (int)strlen(prefix), of);
}

static void
add_keys(uint32_t count)
{
    char account_id[TG_ID_TEXT_SIZE], id[TG_ID_TEXT_SIZE];
    char secret_id[TG_ID_TEXT_SIZE];
    struct tg_store_account account = test_account_row(account_id, "all");
    struct tg_store_key key = test_key_row(id, account_id);
    struct tg_store_secret secret = {
        .id = secret_id, .key_id = id, .prefix = "sk-", .last4 = "0000"};

    id_of(account_id, "acct_", 0);
    store->ops->begin(store);
    if (store->ops->account_add(store, &account) != 0)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        id_of(id, "key_", i);
        id_of(secret_id, "sec_", i);
        memcpy(secret.digest.bytes, &i, sizeof(i));
        if (store->ops->key_add(store, &key) != 0 ||
            store->ops->secret_add(store, &secret) != 0)
            abort();
    }
    store->ops->commit(store);
}

static struct tg_record
call_of(int64_t seq, uint32_t keys)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;
    char id[TG_ID_TEXT_SIZE];

    call->id = tg_call_id_make(1, (uint64_t)seq);
    call->at_ms = AT(seq) + test_any(SPREAD_MS);
    id_of(id, "key_", seq % EVERY == 0 ? 0 : 1 + (uint32_t)seq % (keys - 1));
    memcpy(call->key_id, id, TG_ID_LEN);
    id_of(id, "acct_", 0);
    memcpy(call->account_id, id, TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model), "one", 3);
    call->status = 200;
    call->latency_ms = test_any(1000);
    call->prompt_tokens = test_any(1000);
    call->cost_nanos = test_any(1 << 30);
    return record;
}

/* Rolls up as ingest does, some in each transaction: whether there is more. */
static bool
roll_up(uint32_t rows)
{
    bool has_more, is_ready;

    store->ops->begin(store);
    if (store->ops->roll_up(store, rows, &has_more) != 0)
        abort();
    store->ops->commit(store);
    if (store->ops->roll_up_ahead(store, &is_ready) != 0)
        abort();
    return has_more || is_ready;
}

/* Calls from one number up to another, of so many keys; rolled up meanwhile. */
static void
add_calls(int64_t seq, int64_t end, uint32_t keys)
{
    struct tg_record records[TG_CALLS_AT_ONCE];

    while (seq < end) {
        store->ops->begin(store);
        for (int64_t stop = seq + BATCH; seq < stop && seq < end;) {
            size_t count = 0;

            for (; count < TG_CALLS_AT_ONCE && seq < end; seq++)
                records[count++] = call_of(seq, keys);
            if (store->ops->calls_add(store, records, count) != 0)
                abort();
        }
        store->ops->commit(store);
        roll_up(BATCH);
    }
}

/* The calls of all keys, or of a key, that are there, as SQL says it. */
static void
fill_truth(void)
{
    number("DROP TABLE IF EXISTS truth");
    number("CREATE TABLE truth AS SELECT * FROM call_rows");
    number("CREATE INDEX truth_by_key ON truth (key_id, at DESC, seq DESC)");
}

static int
take_call(void *arg, const struct tg_store_call *row)
{
    sqlite3_stmt *stmt = arg;

    if (sqlite3_step(stmt) != SQLITE_ROW ||
        memcmp(sqlite3_column_blob(stmt, 0), row->id.bytes, 16) != 0)
        return -1;
    return 0;
}

static sqlite3_stmt *
select_key(const char *column)
{
    char sql[256];
    sqlite3_stmt *stmt;

    snprintf(sql, sizeof(sql),
             "SELECT %s FROM truth WHERE key_id = '" KEY "' AND seq >= "
             "(SELECT coalesce(min(seq), 1 << 40) FROM call_rows) "
             "ORDER BY at DESC, seq DESC",
             column);
    if (sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL) != SQLITE_OK)
        abort();
    return stmt;
}

static void
check_list(const char *when)
{
    struct tg_store_filter filter = {.key_id = KEY};
    sqlite3_stmt *stmt = select_key("id");
    int err = store->ops->call_each(store, &filter, NULL, 0, take_call, stmt);

    ok(err == 0 && sqlite3_step(stmt) == SQLITE_DONE,
       "%s: a key's calls, the newest first", when);
    sqlite3_finalize(stmt);
}

static void
check_loads(const char *when)
{
    struct tg_store_filter filter = {.key_id = KEY};
    sqlite3_stmt *stmt = select_key("seq, latency_ms, prompt_tokens");
    struct tg_store_load *loads = NULL;
    size_t count = 0, same = 0, rows = 0;
    int err = store->ops->key_loads(store, &filter, &loads, &count);

    for (; sqlite3_step(stmt) == SQLITE_ROW; rows++)
        same += rows < count &&
                loads[rows].seq == sqlite3_column_int64(stmt, 0) &&
                loads[rows].latency_ms == sqlite3_column_int64(stmt, 1) &&
                loads[rows].tokens == sqlite3_column_int64(stmt, 2);
    ok(err == 0 && same == rows && count == rows,
       "%s: what its limits are made of, %zu calls", when, count);
    sqlite3_finalize(stmt);
    free(loads);
}

static int
take_usage(void *arg, const struct tg_store_usage *row)
{
    int64_t *nanos = arg;

    *nanos += row->sums.cost_nanos;
    return 0;
}

static void
check_sums(const char *when)
{
    struct tg_usage_question all = {.until = 0}, of = {.key_id = KEY};
    int64_t nanos = 0, own = 0;

    store->ops->usage(store, &all, NULL, take_usage, &nanos);
    store->ops->usage(store, &of, NULL, take_usage, &own);
    is_int(nanos, number("SELECT sum(cost_nanos) FROM truth"),
           "%s: what all cost", when);
    is_int(own,
           number("SELECT sum(cost_nanos) FROM truth WHERE key_id = '" KEY "'"),
           "%s: and the key", when);
}

/* What secrets say of a key, or a later call that is there. */
static void
check_uses(const char *when)
{
    is_int(number("WITH old AS (SELECT key_id, max(at) AS at FROM truth GROUP "
                  "BY key_id), new AS (SELECT key_id, max(at) AS at FROM "
                  "call_rows GROUP BY key_id) SELECT count(*) FROM old LEFT "
                  "JOIN new USING (key_id) JOIN secrets USING (key_id) WHERE "
                  "old.at <> max(last_used_at, coalesce(new.at, 0))"),
           0, "%s: no key's last use is forgotten", when);
}

static void
check_all(const char *when)
{
    check_list(when);
    check_loads(when);
    check_sums(when);
}

/* The numbers of the blocks, each behind a blank. */
static void
check_blocks(const char *wanted, const char *what)
{
    char got[64] = "";
    sqlite3_stmt *stmt;

    sqlite3_prepare_v2(plain, "SELECT DISTINCT block FROM key_calls", -1, &stmt,
                       NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), " %d",
                 sqlite3_column_int(stmt, 0));
    sqlite3_finalize(stmt);
    is_str(got, wanted, "%s", what);
}

static void
forget(int64_t calls_before)
{
    struct tg_store_age age = {.now_ms = AT(10 * LEAST),
                               .calls_before = calls_before};
    bool has_more = true;

    while (has_more) {
        store->ops->begin(store);
        if (store->ops->forget(store, &age, 3000, &has_more) != 0) {
            printf("Bail out! %s\n", store->error.text);
            exit(1);
        }
        store->ops->commit(store);
    }
}

/* What was begun goes on to where it was to end, whoever goes on with it. */
static void
test_lengths(void)
{
    add_calls(1, LEAST, MANY);
    check_blocks(" 0", "a block of 4096 keys is rolled up");
    while (roll_up(BATCH))
        ;
    is_int(number("SELECT first FROM rolled_up"), LEAST,
           "when it has 131072 calls");
    /* One key more, and in the second half far fewer. */
    add_calls(LEAST, 2 * LEAST, MANY + 1);
    check_blocks(" 0", "one of more keys is not, then");
    add_calls(2 * LEAST, 3 * LEAST - 1, 2000);
    check_blocks(" 0", "nor one call before it has twice as many");
    fill_truth();
    check_all("before a longer block");
    add_calls(3 * LEAST - 1, 3 * LEAST, 2000);
    ok(roll_up(100), "it is rolled up then");
    fill_truth();
    check_all("in the middle of a longer block");
    store->ops->close(store);
    open_store();
    while (roll_up(BATCH))
        ;
    check_blocks(" 0 1", "as one");
    is_int(number("SELECT first FROM rolled_up"), 3 * LEAST,
           "and the next begins behind it");
    check_all("two blocks, the second one longer");
    add_calls(3 * LEAST, 4 * LEAST + 1000, MANY + 1);
    fill_truth();
    check_blocks(" 0 1", "the next one waits, too");
    check_all("and a part of another");
}

/* The oldest call that is there is in each half of the longer one. */
static void
test_age(void)
{
    forget(AT(LEAST / 2));
    check_blocks(" 0 1", "all blocks have calls");
    check_all("the oldest is in the first block");
    forget(AT(LEAST + 5000));
    check_blocks(" 1", "the first block is gone");
    check_uses("without the first block");
    check_all("the oldest is in the first half of a longer block");
    forget(AT(2 * LEAST + 5000));
    check_blocks(" 1", "a longer block stays with its second half");
    check_all("the oldest is in the second half");
    forget(AT(3 * LEAST - 100));
    check_blocks(" 1", "and with the last of its calls");
    check_all("a few are left");
}

/* One that waits is ended as it is when its calls are old. */
static void
test_end(void)
{
    forget(AT(4 * LEAST - 5000));
    check_blocks(" 3", "a block that is not full is ended");
    is_int(number("SELECT first FROM rolled_up"), 4 * LEAST,
           "with 131072 calls, though its keys are many");
    check_all("of a block that was ended");
    forget(AT(6 * LEAST));
    is_int(number("SELECT count(*) FROM call_rows"), 0, "all calls went");
    check_blocks("", "and all blocks");
    check_uses("without any block");
    check_all("of nothing");
    is_int(number("SELECT count(*) FROM call_kinds"), 0, "and their kinds");
}

int
main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/store.db", folder);
    open_store();
    if (sqlite3_open(path, &plain) != SQLITE_OK)
        return 1;
    number("PRAGMA busy_timeout = 10000");
    add_keys(MANY + 1);
    test_lengths();
    test_age();
    test_end();
    store->ops->close(store);
    sqlite3_close(plain);
    unlink(path);
    rmdir(folder);
    return done();
}
