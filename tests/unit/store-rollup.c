/*
 * Sums and lists are the same before, while and after calls are rolled up:
 * what the store says is compared with a plain query over all calls.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "route.h"
#include "store_test.h"
#include "tap.h"
#include "unit.h"

#define CALLS 270000 /* two blocks, and some */
#define KEYS 37
#define BEGUN_AT INT64_C(1750000000000)
#define FIGURES 11
#define SPAN_MS 20000000 /* five hours and a half */

static char folder[] = "/dev/shm/tollgate-rollup-XXXXXX";
static char path[64];
static struct tg_store *store;
static sqlite3 *plain;

/* Key 0 has most of the calls. */
static void
key_of(char *id, uint32_t number)
{
    snprintf(id, TG_ID_TEXT_SIZE, "key_%020u", number);
}

static struct tg_record
make_call(uint32_t n)
{
    static const uint16_t statuses[] = {200, 200, 200, 429, 502};
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;
    char id[TG_ID_TEXT_SIZE];
    uint32_t key;

    call->id = tg_call_id_make(1, n);
    /* In order but for some that took long. */
    call->at_ms = BEGUN_AT + (int64_t)n * SPAN_MS / CALLS -
                  (test_any(50) == 0 ? test_any(2000000) : test_any(1000));
    key = test_any(2) ? 0 : test_any(KEYS);
    key_of(id, key);
    memcpy(call->key_id, id, TG_ID_LEN);
    snprintf(id, sizeof(id), "acct_%019u", key % 3);
    memcpy(call->account_id, id, TG_ID_LEN);
    snprintf(id, sizeof(id), "up_%021u", test_any(2));
    memcpy(call->upstream_id, id, TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model), test_any(3) ? "one" : "two",
                 3);
    call->endpoint = test_any(4) ? TG_ENDPOINT_CHAT : TG_ENDPOINT_EMBEDDINGS;
    call->status = statuses[test_any(5)];
    call->code = test_any(20) == 0;
    call->ttft_ms = test_any(3) ? test_any(5000) : TG_ABSENT_MS;
    call->latency_ms = test_any(100000);
    call->prompt_tokens = test_any(10000);
    call->cached_tokens = test_any(1000);
    call->written_tokens = test_any(100);
    call->completion_tokens = test_any(2000);
    call->reasoning_tokens = test_any(500);
    call->unit = (uint8_t)test_any(4);
    call->units = test_any(100);
    call->cost_nanos = (int64_t)test_any(1 << 30) * 1000;
    return record;
}

/* As ingest does: many together, of which some were there before. */
static void
add_calls(uint32_t from, uint32_t to)
{
    struct tg_record records[TG_CALLS_AT_ONCE];
    size_t count = 0;

    while (from < to) {
        records[count++] = make_call(from++);
        if (count < TG_CALLS_AT_ONCE && test_any(40) == 0) {
            records[count] = records[count - 1];
            count++;
        }
        if (count < TG_CALLS_AT_ONCE && from < to)
            continue;
        if (store->ops->calls_add(store, records, count) != 0 ||
            (test_any(10) == 0 &&
             store->ops->calls_add(store, records, count) != 0))
            abort();
        count = 0;
    }
}

/* A line of numbers for what a row says. */
struct lines {
    char *text;
    size_t len, room;
};

static void
append(struct lines *lines, const char *line)
{
    size_t len = strlen(line);

    if (lines->len + len + 1 > lines->room) {
        lines->room = (lines->len + len + 1) * 2;
        lines->text = realloc(lines->text, lines->room);
        if (lines->text == NULL)
            abort();
    }
    memcpy(lines->text + lines->len, line, len + 1);
    lines->len += len;
}

static void
append_row(struct lines *lines, const char *group, const int64_t sums[FIGURES])
{
    char line[512];
    size_t len = (size_t)snprintf(line, sizeof(line), "%s", group);

    for (int i = 0; i < FIGURES; i++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, " %lld",
                                (long long)sums[i]);
    snprintf(line + len, sizeof(line) - len, "\n");
    append(lines, line);
}

static int
take_usage(void *arg, const struct tg_store_usage *row)
{
    const struct tg_sums *sums = &row->sums;
    const int64_t figures[FIGURES] = {sums->requests,
                                      sums->errors,
                                      sums->prompt_tokens,
                                      sums->prompt_cache_hit_tokens,
                                      sums->cache_write_tokens,
                                      sums->completion_tokens,
                                      sums->reasoning_tokens,
                                      sums->cost_nanos,
                                      sums->images,
                                      sums->audio_ms,
                                      sums->characters};
    char group[160];

    snprintf(group, sizeof(group), "%lld|%s", (long long)row->span, row->group);
    append_row(arg, group, figures);
    return 0;
}

/* Hours, here; any number that grows with time will do. */
static int64_t
hour_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter / 4;
}

/* Endpoints are 1, a chat, and 4, embeddings. */
static const struct {
    enum tg_usage_by by;
    bool is_by_hour;
    const char *column;
} groups[] = {
    {TG_BY_TOTAL, false, "''"},
    {TG_BY_TOTAL, true, "''"},
    {TG_BY_KEY, false, "key_id"},
    {TG_BY_ACCOUNT, false, "account_id"},
    {TG_BY_MODEL, false, "model"},
    {TG_BY_MODEL, true, "model"},
    {TG_BY_UPSTREAM, false, "upstream_id"},
    {TG_BY_STATUS, true, "status"},
    {TG_BY_SCOPE, false, "iif(endpoint = 1, 'chat', 'embeddings')"},
    {TG_BY_ENDPOINT, true,
     "iif(endpoint = 1, 'POST /v1/chat/completions', 'POST /v1/embeddings')"},
};

static void
bind_filter(sqlite3_stmt *stmt, const struct tg_store_filter *filter)
{
    sqlite3_bind_text(stmt, 1, filter->key_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, filter->account_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, filter->model, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, filter->since);
    sqlite3_bind_int64(stmt, 5, filter->until ? filter->until : INT64_MAX);
}

#define WHERE                                                                  \
    " FROM calls WHERE (?1 IS NULL OR key_id = ?1) AND (?2 IS NULL OR "        \
    "account_id = ?2) AND (?3 IS NULL OR model = ?3) AND at >= ?4 AND at < "   \
    "?5 "

static sqlite3_stmt *
prepare(const char *sql, const struct tg_store_filter *filter)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s\n", sqlite3_errmsg(plain));
        abort();
    }
    bind_filter(stmt, filter);
    return stmt;
}

static struct lines
sums_of_calls(const struct tg_store_filter *filter, size_t group)
{
    struct lines lines = {NULL, 0, 0};
    char sql[1024];
    sqlite3_stmt *stmt;

    snprintf(sql, sizeof(sql),
             "SELECT %s || '|' || %s, count(*), "
             "sum(status >= 400 OR code <> 0), "
             "sum(prompt_tokens), sum(prompt_cache_hit_tokens), "
             "sum(cache_write_tokens), sum(completion_tokens), "
             "sum(reasoning_tokens), sum(cost_nanos), "
             "sum(units * (unit = 1)), sum(units * (unit = 2)), "
             "sum(units * (unit = 3))" WHERE "%s",
             groups[group].is_by_hour ? "(at / 3600000)" : "0",
             groups[group].column, group == 0 ? "" : "GROUP BY 1 ORDER BY 1");
    stmt = prepare(sql, filter);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int64_t sums[FIGURES];

        for (int i = 0; i < FIGURES; i++)
            sums[i] = sqlite3_column_int64(stmt, i + 1);
        append_row(&lines, (const char *)sqlite3_column_text(stmt, 0), sums);
    }
    sqlite3_finalize(stmt);
    return lines;
}

static bool
says_the_same(const struct lines *a, const struct lines *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

/* By the first count groups. */
static void
check_sums(const struct tg_store_filter *filter, size_t count, const char *what)
{
    int wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct lines expected = sums_of_calls(filter, i), got = {NULL, 0, 0};
        struct tg_usage_question asked = {
            .key_id = filter->key_id,
            .account_id = filter->account_id,
            .model = filter->model,
            .since = filter->since,
            .until = filter->until,
            .by = groups[i].by,
            .span_of = groups[i].is_by_hour ? hour_of : NULL};
        int err = store->ops->usage(store, &asked, NULL, take_usage, &got);

        if (err != 0 || !says_the_same(&expected, &got)) {
            wrong++;
            printf("# by %s: error %d\n# want %.200s\n# got %.200s\n",
                   groups[i].column, err, expected.text ? expected.text : "",
                   got.text ? got.text : "");
        }
        free(expected.text);
        free(got.text);
    }
    ok(wrong == 0, "%s: sums", what);
}

static int
take_call(void *arg, const struct tg_store_call *row)
{
    char line[TG_CALL_ID_TEXT_SIZE + 1];

    tg_call_id_text(&row->id, line);
    strcat(line, "\n");
    append(arg, line);
    return 0;
}

/* By pages of 997, so that cursors are used; of a part of them. */
static void
check_list(const struct tg_store_filter *filter, uint32_t limit,
           const char *what)
{
    struct lines expected = {NULL, 0, 0}, got = {NULL, 0, 0};
    struct tg_call_id after;
    uint32_t count = 0;
    int err;
    sqlite3_stmt *stmt =
        prepare("SELECT id" WHERE "ORDER BY at DESC, seq DESC", filter);

    for (; count < limit && sqlite3_step(stmt) == SQLITE_ROW; count++) {
        struct tg_store_call row = {.at = 0};

        memcpy(row.id.bytes, sqlite3_column_blob(stmt, 0), 16);
        after = row.id;
        if (count < 500 || count >= 510)
            take_call(&expected, &row);
        if (count == 499) {
            err = store->ops->call_each(store, filter, NULL, 500, take_call,
                                        &got);
            /* The rest is asked for by a cursor, ten further on. */
            is_int(err, 0, "%s: a first page", what);
        }
        if (count == 509) {
            uint32_t left = limit == UINT32_MAX ? 0 : limit - 510;

            err = store->ops->call_each(store, filter, &after, left, take_call,
                                        &got);
            is_int(err, 0, "%s: the rest", what);
        }
    }
    sqlite3_finalize(stmt);
    ok(count > 510 && says_the_same(&expected, &got), "%s: %u calls in order",
       what, count);
    free(expected.text);
    free(got.text);
}

/* All of them by slices that look at 7001 and show 997 at most. */
static void
check_slices(const struct tg_store_filter *asked, const char *what)
{
    struct tg_store_call_filter filter = {.key_id = asked->key_id,
                                          .account_id = asked->account_id,
                                          .model = asked->model,
                                          .since = asked->since,
                                          .until = asked->until};
    struct tg_store_call_slice slice = {.look = 7001,
                                        .limit = 997,
                                        .place = TG_CALLS_FROM_NEWEST,
                                        .is_kept = asked->model == NULL};
    struct lines expected = {NULL, 0, 0}, got = {NULL, 0, 0};
    int64_t first, last;
    sqlite3_stmt *stmt =
        prepare("SELECT id" WHERE "ORDER BY at DESC, seq DESC", asked);

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        struct tg_store_call row = {.at = 0};

        memcpy(row.id.bytes, sqlite3_column_blob(stmt, 0), 16);
        take_call(&expected, &row);
    }
    sqlite3_finalize(stmt);
    store->ops->call_span(store, &first, &last);
    filter.seq_end = last + 1;
    while (!slice.is_over &&
           store->ops->call_slice(store, &filter, &slice, take_call, &got) == 0)
        ;
    store->ops->call_slice_end(&slice);
    ok(slice.is_over && says_the_same(&expected, &got), "%s: by slices", what);
    free(expected.text);
    free(got.text);
}

/* What limits are made of is what the calls themselves say. */
static void
check_loads(const struct tg_store_filter *filter, const char *what)
{
    sqlite3_stmt *stmt =
        prepare("SELECT seq, at, latency_ms, prompt_tokens + "
                "completion_tokens" WHERE "ORDER BY at DESC, seq DESC",
                filter);
    struct tg_store_load *loads = NULL;
    size_t count = 0, same = 0, rows = 0;
    int err = store->ops->key_loads(store, filter, &loads, &count);

    for (; sqlite3_step(stmt) == SQLITE_ROW; rows++)
        same += rows < count &&
                loads[rows].seq == sqlite3_column_int64(stmt, 0) &&
                loads[rows].at == sqlite3_column_int64(stmt, 1) &&
                loads[rows].latency_ms == sqlite3_column_int64(stmt, 2) &&
                loads[rows].tokens == sqlite3_column_int64(stmt, 3);
    ok(err == 0 && same == rows && count == rows && rows > 0,
       "%s: what limits are made of, %zu calls", what, count);
    sqlite3_finalize(stmt);
    free(loads);
}

static void
check_all(const char *when)
{
    char key[TG_ID_TEXT_SIZE], what[128];
    struct tg_store_filter all = {.key_id = NULL}, filter;

    check_sums(&all, sizeof(groups) / sizeof(groups[0]), when);
    filter = (struct tg_store_filter){.since = BEGUN_AT + 2345678,
                                      .until = BEGUN_AT + SPAN_MS - 1234567,
                                      .model = "two"};
    snprintf(what, sizeof(what), "%s, from and to within quarters", when);
    check_sums(&filter, 2, what);
    filter = (struct tg_store_filter){.since = BEGUN_AT + 2345678,
                                      .until = BEGUN_AT + 2345999};
    snprintf(what, sizeof(what), "%s, a third of a second", when);
    check_sums(&filter, 2, what);
    for (uint32_t number = 0; number < 2; number++) {
        key_of(key, number);
        filter = (struct tg_store_filter){.key_id = key};
        snprintf(what, sizeof(what), "%s, of key %u", when, number);
        check_sums(&filter, 2, what);
        check_list(&filter, 5000, what);
        check_loads(&filter, what);
        filter.since = BEGUN_AT + 4000000;
        filter.until = BEGUN_AT + 12345678;
        snprintf(what, sizeof(what), "%s, of key %u and a time", when, number);
        check_sums(&filter, 2, what);
        check_list(&filter, number == 0 ? 9000 : UINT32_MAX, what);
        check_slices(&filter, what);
        check_loads(&filter, what);
        filter.model = "two";
        check_slices(&filter, what);
    }
    check_list(&all, 3000, when);
    check_slices(&all, when);
    filter = (struct tg_store_filter){.account_id = "acct_0000000000000000002",
                                      .since = BEGUN_AT + 4000000};
    check_slices(&filter, when);
}

static int
add_spend(void *arg, const struct tg_store_spend *row)
{
    *(int64_t *)arg += row->cost_nanos;
    return 0;
}

static void
check_spend(const char *when)
{
    struct tg_store_filter since = {.since = BEGUN_AT / 900000 * 900000};
    sqlite3_stmt *stmt = prepare("SELECT sum(cost_nanos)" WHERE, &since);
    int64_t spent = 0, middle = BEGUN_AT + SPAN_MS / 2;

    sqlite3_step(stmt);
    store->ops->spend_each(store, since.since + 1234, INT64_MAX, add_spend,
                           &spent);
    is_int(spent, sqlite3_column_int64(stmt, 0), "%s: what was spent", when);
    sqlite3_finalize(stmt);
    spent = -spent;
    store->ops->spend_each(store, since.since, middle, add_spend, &spent);
    store->ops->spend_each(store, middle, INT64_MAX, add_spend, &spent);
    is_int(spent, 0, "%s: the same before an instant and from then on", when);
}

struct key_spend {
    const char *key_id;
    int64_t nanos;
};

static int
add_key_spend(void *arg, const struct tg_store_spend *row)
{
    struct key_spend *spend = arg;

    if (strcmp(row->key_id, spend->key_id) == 0)
        spend->nanos += row->cost_nanos;
    return 0;
}

/* Of one key, what is in packs and what is not, as of all keys. */
static void
check_key_spend(const char *when, uint32_t number)
{
    char id[TG_ID_TEXT_SIZE];
    struct key_spend all = {.key_id = id}, one = {.key_id = id};

    key_of(id, number);
    store->ops->spend_each(store, BEGUN_AT, INT64_MAX, add_key_spend, &all);
    store->ops->spend_of(store, id, BEGUN_AT, add_key_spend, &one);
    store->ops->spend_recent(store, BEGUN_AT, add_key_spend, &one);
    is_int(one.nanos, all.nanos, "%s: what key %u has spent", when, number);
}

/* Steps of a few rows, one in ten of them taken back; or only read ahead. */
static void
roll_up(uint32_t steps)
{
    bool has_more = true, is_ready = true;

    for (uint32_t i = 0; i < steps && has_more; i++) {
        if (test_any(2) && store->ops->roll_up_ahead(store, &is_ready) != 0)
            abort();
        store->ops->begin(store);
        if (store->ops->roll_up(store, 1 + test_any(40), &has_more) != 0)
            abort();
        if (test_any(10) == 0) {
            store->ops->rollback(store);
            has_more = true;
        } else {
            store->ops->commit(store);
        }
    }
}

/* As migration 22 leaves the blocks that were there before it. */
static void
test_old_blocks(void)
{
    char key[TG_ID_TEXT_SIZE];
    struct tg_store_filter filter = {.key_id = key,
                                     .since = BEGUN_AT + 4000000};

    key_of(key, 1);
    if (sqlite3_exec(plain, "UPDATE key_calls SET loads = x'' WHERE block = 0",
                     NULL, NULL, NULL) != SQLITE_OK)
        abort();
    check_loads(&filter, "a block of before");
}

/* All keys of an account are known: its calls are found by them. */
static void
test_calls_of_an_account(void)
{
    static const char account[] = "acct_0000000000000000002";
    struct tg_store_account row = test_account_row(account, "two");
    struct tg_store_filter filter = {.account_id = account, .model = "two"};
    char key[TG_ID_TEXT_SIZE];

    store->ops->account_add(store, &row);
    for (uint32_t i = 2; i < KEYS; i += 3) {
        struct tg_store_key of = test_key_row(key, account);

        key_of(key, i);
        if (store->ops->key_add(store, &of) != 0)
            abort();
    }
    check_slices(&filter, "of an account with few keys");
    filter.since = BEGUN_AT + 4000000;
    filter.until = BEGUN_AT + 12345678;
    check_slices(&filter, "and of a time");
}

static void
test_whole_life(void)
{
    struct tg_error error;

    store->ops->begin(store);
    add_calls(0, CALLS / 2);
    store->ops->commit(store);
    check_all("none rolled up");
    check_spend("none rolled up");
    check_key_spend("none rolled up", 0);
    check_key_spend("none rolled up", 1);
    roll_up(30);
    check_all("in the first block");
    check_spend("in the first block");
    check_key_spend("in the first block", 0);
    check_key_spend("in the first block", 1);
    store->ops->close(store);
    if (tg_store_open_sqlite(&store, path, &error) != 0)
        abort();
    store->ops->begin(store);
    add_calls(CALLS / 2, CALLS);
    store->ops->commit(store);
    roll_up(UINT32_MAX);
    check_all("two blocks rolled up");
    test_old_blocks();
    test_calls_of_an_account();
    check_spend("two blocks rolled up");
    check_key_spend("two blocks rolled up", 0);
    check_key_spend("two blocks rolled up", 1);
}

static int
count_rows(const char *sql)
{
    static const struct tg_store_filter none;
    sqlite3_stmt *stmt = prepare(sql, &none);
    int count;

    sqlite3_step(stmt);
    count = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return count;
}

static int
count_usage(void *arg, const struct tg_store_usage *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static void
test_too_many_rows(void)
{
    struct tg_usage_question question = {.by = TG_BY_KEY, .rows_max = KEYS};
    int rows = 0;

    is_int(store->ops->usage(store, &question, NULL, count_usage, &rows), 0,
           "as many rows as there may be");
    is_int(rows, KEYS, "are said");
    question.rows_max--;
    rows = 0;
    is_int(store->ops->usage(store, &question, NULL, count_usage, &rows),
           TG_ERR_LIMIT, "one more is too many");
    is_int(rows, 0, "and nothing is said");
}

/* What a call adds is found where calls that moved are looked for. */
static void
test_moved(void)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    int64_t spent = 0;
    bool is_new;

    record.call.id = tg_call_id_make(2, 0);
    record.call.flags = TG_CALL_MOVED;
    record.call.at_ms = BEGUN_AT + 10 * SPAN_MS;
    record.call.cost_nanos = 77;
    record.call.day = 20000;
    record.call.month = 700;
    store->ops->call_add(store, &record, &is_new);
    store->ops->call_add(store, &record, &is_new);
    store->ops->spend_each(store, record.call.at_ms, INT64_MAX, add_spend,
                           &spent);
    is_int(spent, 77, "a call that moved is counted once");
    is_int(count_rows("SELECT count(*) FROM moved_calls WHERE day = 20000 AND "
                      "month = 700"),
           1, "in its day");
}

int
main(void)
{
    struct tg_error error;

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/store.db", folder);
    if (tg_store_open_sqlite(&store, path, &error) != 0 ||
        sqlite3_open(path, &plain) != SQLITE_OK)
        return 1;
    test_whole_life();
    is_int(count_rows("SELECT count(DISTINCT block) FROM key_calls"), 2,
           "two blocks");
    test_too_many_rows();
    test_moved();
    store->ops->close(store);
    sqlite3_close(plain);
    unlink(path);
    rmdir(folder);
    return done();
}
