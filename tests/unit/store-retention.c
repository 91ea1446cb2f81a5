/*
 * Goal: what goes by age is never more than that, and what was said of it, the
 * sums, the accounts' totals and the keys' last use, stays said; wherever a
 * kill comes between.  A copy of all calls says what is true.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_test.h"
#include "tap.h"

#define CALLS 140000 /* a block, and some */
#define KEYS 40
#define ACCOUNTS 3
#define QUARTER_MS INT64_C(900000)
#define DAY_MS INT64_C(86400000)
#define BEGUN_AT (INT64_C(1750000000000) / DAY_MS * DAY_MS)
#define DAYS 100
#define SPREAD_MS (20 * 60 * 1000) /* calls are not quite in order */
#define AT(day) (BEGUN_AT + (day)*DAY_MS)

static char folder[] = "/dev/shm/tollgate-retention-XXXXXX";
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

static void
add_key(uint32_t number, const char *account_id)
{
    char id[TG_ID_TEXT_SIZE], secret_id[TG_ID_TEXT_SIZE];
    struct tg_store_key key = test_key_row(id, account_id);
    struct tg_store_secret secret = {
        .id = secret_id, .key_id = id, .prefix = "sk-", .last4 = "0000"};

    snprintf(id, sizeof(id), "key_%020u", number);
    snprintf(secret_id, sizeof(secret_id), "sec_%020u", number);
    memcpy(secret.digest.bytes, &number, sizeof(number));
    if (store->ops->key_add(store, &key) != 0 ||
        store->ops->secret_add(store, &secret) != 0)
        abort();
}

static void
add_keys(void)
{
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        char id[TG_ID_TEXT_SIZE];
        struct tg_store_account row = test_account_row(id, id);

        snprintf(id, sizeof(id), "acct_%019u", i);
        if (store->ops->account_add(store, &row) != 0)
            abort();
        for (uint32_t key = i; key < KEYS; key += ACCOUNTS)
            add_key(key, id);
    }
}

/* The last ten keys are used in the first thirty days alone. */
static void
add_call(uint32_t n, int64_t at)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;
    uint32_t key = test_any(at < AT(30) ? KEYS : KEYS - 10);
    char id[TG_ID_TEXT_SIZE];
    bool is_new;

    call->id = tg_call_id_make(1, n);
    call->at_ms = at;
    snprintf(id, sizeof(id), "key_%020u", key);
    memcpy(call->key_id, id, TG_ID_LEN);
    snprintf(id, sizeof(id), "acct_%019u", key % ACCOUNTS);
    memcpy(call->account_id, id, TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model), test_any(3) ? "one" : "two",
                 3);
    call->status = test_any(5) ? 200 : 429;
    call->cost_nanos = test_any(1 << 30);
    memcpy(call->ip, (uint8_t[16]){[10] = 255, 255, 10}, 16);
    memcpy(call->ip + 13, &n, 3);
    if (test_any(1000) == 0) {
        call->flags = TG_CALL_MOVED;
        call->day = (uint16_t)(at / DAY_MS + 1);
    }
    record.agent = (struct tg_str){id, strlen(id)};
    if (store->ops->call_add(store, &record, &is_new) != 0 || !is_new)
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
fill(void)
{
    store->ops->begin(store);
    add_keys();
    for (uint32_t n = 0; n < CALLS; n++)
        add_call(n, AT(0) + (int64_t)n * DAYS * DAY_MS / CALLS +
                        test_any(SPREAD_MS));
    store->ops->commit(store);
    number("PRAGMA busy_timeout = 10000");
    number("CREATE TABLE truth AS SELECT * FROM calls");
    number("CREATE INDEX truth_by_key ON truth (key_id, at)");
    number("CREATE INDEX truth_by_time ON truth (at)");
}

static int64_t
quarter_itself(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter;
}

static int
take_usage(void *arg, const struct tg_store_usage *row)
{
    int64_t *sums = arg;

    sums[0] += row->sums.requests;
    sums[1] += row->sums.cost_nanos;
    return 0;
}

/* What is answered is what it says it is of, and is all that was asked. */
static void
check_sums(const char *what, const char *key_id, int64_t since, int64_t until,
           int64_t kept_from)
{
    struct tg_usage_question filter = {
        .key_id = key_id, .since = since, .until = until};
    int64_t sums[2] = {0, 0}, days[2] = {0, 0};
    char sql[512], where[256];
    int err = store->ops->usage(store, &filter, NULL, take_usage, sums);

    filter.span_of = quarter_itself;
    if (err == 0)
        err = store->ops->usage(store, &filter, NULL, take_usage, days);
    snprintf(where, sizeof(where),
             "FROM truth WHERE at >= %lld AND at < %lld AND (%s)",
             (long long)filter.since, (long long)filter.until,
             key_id ? "key_id = 'key_00000000000000000035'" : "1");
    snprintf(sql, sizeof(sql), "SELECT count(*) %s", where);
    ok(err == 0 && sums[0] == number(sql) && days[0] == sums[0],
       "%s: %lld requests", what, (long long)sums[0]);
    snprintf(sql, sizeof(sql), "SELECT sum(cost_nanos) %s", where);
    ok(sums[1] == number(sql) && days[1] == sums[1], "%s: cost", what);
    if (since < kept_from)
        is_int(filter.since, kept_from, "%s: from where it is kept", what);
    else
        ok(filter.since <= since && since - filter.since < QUARTER_MS &&
               filter.until >= until && filter.until - until < QUARTER_MS,
           "%s: outward by less than a quarter-hour", what);
}

static int
check_account(void *arg, const struct tg_store_account *row)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT sum(cost_nanos) FROM truth WHERE account_id = '%s'",
             row->id);
    if (row->base_nanos != number(sql))
        ++*(int *)arg;
    return 0;
}

static int
take_call(void *arg, const struct tg_store_call *row)
{
    *(int64_t *)arg = row->at;
    return 0;
}

static int
take_secret(void *arg, const struct tg_store_secret *row)
{
    int64_t *last = arg;

    /* Each call has its own address, and its key's id as its agent. */
    if (row->last_used_at > *last) {
        char sql[256];

        *last = row->last_used_at;
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM truth WHERE at = %lld AND ip = '%s' "
                 "AND user_agent = '%s' AND key_id = '%s'",
                 (long long)row->last_used_at, row->last_used_ip,
                 row->last_used_agent, row->key_id);
        if (number(sql) != 1)
            *last = -1;
    }
    return 0;
}

static void
check_uses(const char *what)
{
    int wrong = 0;

    for (uint32_t i = 0; i < KEYS; i++) {
        char key_id[TG_ID_TEXT_SIZE], sql[256];
        struct tg_store_filter filter = {.key_id = key_id};
        int64_t last = 0;

        snprintf(key_id, sizeof(key_id), "key_%020u", i);
        snprintf(sql, sizeof(sql),
                 "SELECT max(at) FROM truth WHERE key_id = '%s'", key_id);
        store->ops->call_each(store, &filter, NULL, 1, take_call, &last);
        store->ops->secret_each(store, key_id, take_secret, &last);
        wrong += last != number(sql);
    }
    is_int(wrong, 0, "%s: each key's last use", what);
}

static void
check_all(const char *what, int64_t kept_from)
{
    struct tg_store_page all = {NULL, 0};
    int wrong = 0;

    check_sums(what, NULL, 1, AT(DAYS + 1), kept_from);
    check_sums(what, NULL, AT(38) + 123456, AT(90) + 7654321, kept_from);
    check_sums(what, NULL, AT(40) + 123456, AT(40) + 234567, kept_from);
    check_sums(what, "key_00000000000000000035", AT(20) + 1, AT(70) + 99999,
               kept_from);
    store->ops->begin(store);
    store->ops->account_rebase(store);
    store->ops->account_each(store, &all, check_account, &wrong);
    store->ops->rollback(store);
    is_int(wrong, 0, "%s: the accounts' totals", what);
    check_uses(what);
}

/* One transaction in ten is not committed, and some are the last of a life. */
static bool
step(const struct tg_store_age *age, uint32_t rows)
{
    bool has_more, rolls_up = test_any(3) == 0, is_cut = test_any(10) == 0;
    int err;

    store->ops->begin(store);
    err = rolls_up ? store->ops->roll_up(store, rows, &has_more)
                   : store->ops->forget(store, age, rows, &has_more);
    if (err != 0) {
        fprintf(stderr, "%s\n", store->error.text);
        abort();
    }
    if (is_cut)
        store->ops->rollback(store);
    else
        store->ops->commit(store);
    if (test_any(40) == 0) {
        store->ops->close(store);
        open_store();
    }
    return rolls_up || is_cut || has_more;
}

static void
forget(const struct tg_store_age *age, uint32_t steps)
{
    for (uint32_t i = 0; i < steps && step(age, 1 + test_any(3000)); i++)
        continue;
}

static void
test_calls(void)
{
    struct tg_store_age age = {.now_ms = AT(DAYS), .calls_before = AT(40)};

    check_all("all are there", 0);
    is_int(number("SELECT count(*) FROM calls"), CALLS, "none has gone");
    forget(&age, 60);
    check_all("in between", 0);
    forget(&age, UINT32_MAX);
    check_all("calls went", 0);
    ok(number("SELECT min(at) FROM calls") >= AT(40) - SPREAD_MS,
       "none that is older, but for some behind one that is not");
    is_int(number("SELECT count(*) FROM truth WHERE seq >= (SELECT min(seq) "
                  "FROM calls)"),
           number("SELECT count(*) FROM calls"), "and none in between");
    ok(number("SELECT count(*) FROM calls") >=
           number("SELECT count(*) FROM truth WHERE at >= 1753401600000"),
       "none that is newer went");
    is_int(AT(40), INT64_C(1753401600000), "which is that day");
    ok(number("SELECT count(*) FROM key_calls") > 0,
       "of a block that goes on, a key's calls stay");
    ok(number("SELECT count(*) FROM key_loads") > 0, "and what they were");
}

/* The second block is not full; old, it goes all the same. */
static void
test_last_block(void)
{
    struct tg_store_age age = {.now_ms = AT(DAYS + 3),
                               .calls_before = AT(DAYS + 2)};

    add_call(CALLS, AT(DAYS + 2) + 5);
    number("INSERT INTO truth SELECT * FROM calls ORDER BY seq DESC LIMIT 1");
    forget(&age, UINT32_MAX);
    check_all("all but one went", 0);
    is_int(number("SELECT count(*) FROM calls"), 1, "one is left");
    is_int(number("SELECT count(*) FROM key_calls WHERE block = 0"), 0,
           "a block without calls has none of a key");
    is_int(number("SELECT count(*) FROM key_loads WHERE id NOT IN (SELECT "
                  "loads FROM key_calls)"),
           0, "and nothing else of it");
    add_call(CALLS + 1, AT(DAYS + 2) + 6);
    number("INSERT INTO truth SELECT * FROM calls ORDER BY seq DESC LIMIT 1");
    check_all("and others come", 0);
}

/* A clock that was wrong for one call does not keep all others for ever. */
static void
test_wrong_clock(void)
{
    struct tg_store_age age = {.now_ms = AT(DAYS + 5),
                               .calls_before = AT(DAYS + 3)};

    add_call(CALLS + 2, AT(5 * DAYS));
    add_call(CALLS + 3, AT(DAYS + 2) + 7);
    add_call(CALLS + 4, AT(DAYS + 3) + 8);
    number("INSERT INTO truth SELECT * FROM calls WHERE seq > (SELECT "
           "max(seq) FROM truth)");
    forget(&age, UINT32_MAX);
    is_int(number("SELECT count(*) FROM calls"), 1, "it goes with the others");
    check_all("a call of the future went", 0);
}

static void
test_rollups(void)
{
    struct tg_store_age age = {.now_ms = AT(DAYS),
                               .rollups_before = AT(39) + 777};
    struct tg_usage_question gone = {.since = AT(3), .until = AT(4)};
    int64_t sums[2] = {0, 0},
            cells = number("SELECT count(*) FROM pack_sixths_1");

    forget(&age, 5);
    check_all("some rollups went", AT(39));
    forget(&age, UINT32_MAX);
    check_all("rollups went", AT(39));
    is_int(number("SELECT min(day) FROM packs") >= AT(39) / DAY_MS, 1,
           "none that is older");
    ok(number("SELECT count(*) FROM packs WHERE day < 20295") > 0,
       "and they begin there");
    is_int(AT(40) / DAY_MS, 20294, "which is that day");
    is_int(number("SELECT count(*) FROM (SELECT id FROM pack_sixths_0 UNION "
                  "SELECT id FROM pack_sixths_1 UNION SELECT id FROM "
                  "pack_sixths_2 UNION SELECT id FROM pack_sixths_3 UNION "
                  "SELECT id FROM pack_sixths_4 UNION SELECT id FROM "
                  "pack_sixths_5)"),
           number("SELECT count(*) FROM packs WHERE typeof(cells) = "
                  "'integer'"),
           "cells that stand elsewhere go with their packs");
    ok(number("SELECT count(*) FROM pack_sixths_1") < cells,
       "some of them went");
    store->ops->usage(store, &gone, NULL, take_usage, sums);
    is_int(sums[0], 0, "nothing is said of what is gone");
    ok(gone.since == AT(39) && gone.until == AT(39), "and that it is nothing");
}

static void
test_moved(void)
{
    struct tg_store_age age = {.now_ms = AT(DAYS), .moved_before = AT(60)};

    ok(number("SELECT count(*) FROM moved_calls WHERE at < 1755129600000") > 0,
       "calls that moved stay when the calls go");
    forget(&age, UINT32_MAX);
    is_int(AT(60), INT64_C(1755129600000), "up to a day");
    is_int(number("SELECT count(*) FROM moved_calls WHERE at < 1755129600000"),
           0, "and go when nobody asks");
    ok(number("SELECT count(*) FROM moved_calls") > 0, "not the newer ones");
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
    fill();
    test_calls();
    test_last_block();
    test_wrong_clock();
    test_moved();
    test_rollups();
    store->ops->close(store);
    sqlite3_close(plain);
    unlink(path);
    rmdir(folder);
    return done();
}
