/*
 * Goal: whatever is asked about usage, by any group, span and filter, the
 * answer is what the calls say one by one: before they are rolled up, while
 * they are, wherever a transaction is taken back, and after; and what an older
 * store had added up says the same when it is made into packs.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "histogram.h"
#include "migrate.h"
#include "route.h"
#include "sqlite_pack.h"
#include "store_test.h"
#include "tap.h"
#include "unit.h"

#define CALLS 150000     /* a block, and some */
#define CALLS_MAX 400000 /* three blocks, and some */
#define KEYS 25
#define QUARTER_MS INT64_C(900000)
#define DAY_MS INT64_C(86400000)
#define BEGUN_AT INT64_C(1742947200000) /* 2025-03-26; clocks went on on 30 */
#define SPAN_MS (8 * DAY_MS)
#define OLD_ROWS 4000

static char folder[] = "/dev/shm/tollgate-packs-XXXXXX";
static char path[64];
static struct tg_store *store;

/* A call as it is told apart, and what it adds: the truth. */
struct truth {
    int64_t at;
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    char upstream_id[TG_ID_TEXT_SIZE];
    const char *model;
    enum tg_endpoint endpoint;
    int64_t status;
    uint32_t latency_ms, ttft_ms;
    struct tg_sums sums;
};

static bool has_twins = true; /* calls that come a second time */
static struct truth truths[CALLS_MAX];
static uint32_t truth_count;

static void
open_store(void)
{
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

static void
make_names(struct truth *call, uint32_t n)
{
    static const char *const models[] = {"one", "two", "three"};
    static const int64_t statuses[] = {200, 200, 429, 502};
    uint32_t key = test_any(2) ? 0 : test_any(KEYS);

    snprintf(call->key_id, TG_ID_TEXT_SIZE, "key_%020u", key);
    /* Keys go to another account half way. */
    snprintf(call->account_id, TG_ID_TEXT_SIZE, "acct_%019u",
             (key + n / (CALLS / 2)) % 4);
    snprintf(call->upstream_id, TG_ID_TEXT_SIZE, "up_%021u", test_any(2));
    call->model = models[test_any(3)];
    call->endpoint = test_any(4) ? TG_ENDPOINT_CHAT : TG_ENDPOINT_EMBEDDINGS;
    call->status = statuses[test_any(4)];
}

static struct tg_record
record_of(const struct truth *from, uint32_t n)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;

    call->id = tg_call_id_make(1, n);
    call->at_ms = from->at;
    memcpy(call->key_id, from->key_id, TG_ID_LEN);
    memcpy(call->account_id, from->account_id, TG_ID_LEN);
    memcpy(call->upstream_id, from->upstream_id, TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model), from->model,
                 strlen(from->model));
    call->endpoint = from->endpoint;
    call->status = (uint16_t)from->status;
    call->code = from->status == 200 && from->sums.errors > 0;
    call->latency_ms = from->latency_ms;
    call->ttft_ms = from->ttft_ms;
    call->prompt_tokens = from->sums.prompt_tokens;
    call->cached_tokens = from->sums.prompt_cache_hit_tokens;
    call->written_tokens = from->sums.cache_write_tokens;
    call->completion_tokens = from->sums.completion_tokens;
    call->reasoning_tokens = from->sums.reasoning_tokens;
    call->cost_nanos = from->sums.cost_nanos;
    call->unit = from->sums.images > 0       ? TG_UNIT_IMAGE
                 : from->sums.audio_ms > 0   ? TG_UNIT_MILLISECOND
                 : from->sums.characters > 0 ? TG_UNIT_CHARACTER
                                             : 0;
    call->units =
        from->sums.images + from->sums.audio_ms + from->sums.characters;
    return record;
}

static void
make_figures(struct truth *call)
{
    call->latency_ms = test_any(100000) >> test_any(16);
    call->ttft_ms = test_any(3) ? test_any(5000) : TG_ABSENT_MS;
    call->sums = (struct tg_sums){
        .requests = 1,
        .errors = call->status != 200 || test_any(20) == 0,
        .prompt_tokens = test_any(10000),
        .prompt_cache_hit_tokens = test_any(1000),
        .cache_write_tokens = test_any(2),
        .completion_tokens = test_any(2000),
        .reasoning_tokens = test_any(500),
        .cost_nanos = (int64_t)test_any(1 << 30) * 1000,
    };
    switch (test_any(6)) {
    case 0:
        call->sums.images = 1 + test_any(9);
        break;
    case 1:
        call->sums.audio_ms = 1 + test_any(60000);
        break;
    case 2:
        call->sums.characters = 1 + test_any(9999);
        break;
    }
}

/* As ingest does: many together, of which some were there before. */
static void
add_calls(uint32_t to)
{
    struct tg_record records[TG_CALLS_AT_ONCE];
    size_t count = 0;

    store->ops->begin(store);
    while (truth_count < to) {
        struct truth *call = &truths[truth_count];

        make_names(call, truth_count);
        make_figures(call);
        call->at = BEGUN_AT + (int64_t)truth_count * SPAN_MS / CALLS +
                   (test_any(50) == 0 ? test_any(3000000) : test_any(1000));
        records[count++] = record_of(call, truth_count++);
        if (count < TG_CALLS_AT_ONCE && has_twins && test_any(100) == 0) {
            records[count] = records[count - 1];
            count++;
        }
        if (count < TG_CALLS_AT_ONCE && truth_count < to)
            continue;
        if (store->ops->calls_add(store, records, count) != 0 ||
            (has_twins && test_any(10) == 0 &&
             store->ops->calls_add(store, records, count) != 0))
            abort();
        count = 0;
    }
    store->ops->commit(store);
}

static int64_t
day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter / 96;
}

/* An hour east of UTC, and two from 2025-03-30 01:00 on. */
static int64_t
berlin_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter +
            (quarter >= INT64_C(1743296400000) / QUARTER_MS ? 8 : 4)) /
           96;
}

static int64_t
kathmandu_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter + 23) / 96;
}

/* A third of a day, and half of one, east of UTC. */
static int64_t
shanghai_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter + 32) / 96;
}

static int64_t
auckland_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter + 48) / 96;
}

/* Three hours and a half west of it. */
static int64_t
newfoundland_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter - 14) / 96;
}

/* Wherever a day is cut. */
static uint32_t any_cut;

static int64_t
any_day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return (quarter - any_cut) / 96;
}

static int64_t
hour_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter / 4;
}

static int64_t
quarter_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter;
}

static int64_t (*const spans[])(void *, int64_t) = {
    NULL,
    day_of,
    berlin_day_of,
    kathmandu_day_of,
    shanghai_day_of,
    auckland_day_of,
    newfoundland_day_of,
    any_day_of,
    hour_of,
    quarter_of,
};

static const struct {
    int64_t since, until;
} times[] = {
    {0, 0},
    {BEGUN_AT + 2 * DAY_MS, BEGUN_AT + 5 * DAY_MS},
    {BEGUN_AT + DAY_MS + 3 * QUARTER_MS, BEGUN_AT + 6 * DAY_MS - QUARTER_MS},
    {BEGUN_AT + DAY_MS + 12345678, BEGUN_AT + 6 * DAY_MS + 7654321},
    {BEGUN_AT + 3 * DAY_MS + 100000, BEGUN_AT + 3 * DAY_MS + 800000},
    {BEGUN_AT + 4 * DAY_MS - 1, BEGUN_AT + 4 * DAY_MS + 1},
};

static const struct tg_usage_question filters[] = {
    {.key_id = NULL},
    {.key_id = "key_00000000000000000000"},
    {.key_id = "key_00000000000000000007", .model = "two"},
    {.account_id = "acct_0000000000000000002"},
    {.account_id = "acct_0000000000000000002", .status = 502},
    {.model = "three"},
    {.upstream_id = "up_000000000000000000001"},
    {.status = 429},
    {.endpoints = UINT64_C(1) << TG_ENDPOINT_EMBEDDINGS},
    {.key_id = "key_00000000000000000000",
     .account_id = "acct_0000000000000000001"},
    {.account_id = "acct_nobody"},
};

#define COUNT(list) (sizeof(list) / sizeof(list[0]))

static bool
is_one_of(const char *wanted, const char *id)
{
    return wanted == NULL || strcmp(wanted, id) == 0;
}

static bool
is_asked(const struct tg_usage_question *question, const struct truth *call)
{
    return is_one_of(question->key_id, call->key_id) &&
           is_one_of(question->account_id, call->account_id) &&
           is_one_of(question->model, call->model) &&
           is_one_of(question->upstream_id, call->upstream_id) &&
           (question->status == 0 || question->status == call->status) &&
           (question->endpoints == 0 ||
            (question->endpoints >> call->endpoint & 1) != 0) &&
           call->at >= question->since &&
           (question->until == 0 || call->at < question->until);
}

static void
name_group(enum tg_usage_by by, const struct truth *call, char group[64])
{
    bool is_chat = call->endpoint == TG_ENDPOINT_CHAT;

    snprintf(group, 64, "%s",
             by == TG_BY_KEY        ? call->key_id
             : by == TG_BY_ACCOUNT  ? call->account_id
             : by == TG_BY_MODEL    ? call->model
             : by == TG_BY_UPSTREAM ? call->upstream_id
             : by == TG_BY_SCOPE    ? (is_chat ? "chat" : "embeddings")
             : by == TG_BY_ENDPOINT ? (is_chat ? "POST /v1/chat/completions"
                                               : "POST /v1/embeddings")
                                    : "");
    if (by == TG_BY_STATUS)
        snprintf(group, 64, "%lld", (long long)call->status);
}

/* A call that is asked for, and the row it is in. */
struct member {
    int64_t span;
    char group[64];
    const struct truth *call;
};

static struct member members[CALLS_MAX];

static int
by_row(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order;

    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    order = strcmp(x->group, y->group);
    if (order != 0)
        return order;
    return (x->call->latency_ms > y->call->latency_ms) -
           (x->call->latency_ms < y->call->latency_ms);
}

static size_t
find_members(const struct tg_usage_question *question)
{
    size_t count = 0;

    for (uint32_t i = 0; i < truth_count; i++) {
        const struct truth *call = &truths[i];
        struct member *member = &members[count];

        if (!is_asked(question, call))
            continue;
        memset(member, 0, sizeof(*member));
        member->call = call;
        member->span = question->span_of == NULL
                           ? 0
                           : question->span_of(NULL, call->at / QUARTER_MS);
        name_group(question->by, call, member->group);
        count++;
    }
    if (count > 0)
        qsort(members, count, sizeof(members[0]), by_row);
    return count;
}

/* What is said, row by row, against members in their order. */
struct check {
    size_t next, count;
    int wrong;
};

static bool
is_near(int64_t said, uint32_t value)
{
    return said >= value && said - value <= value / 16;
}

/* The truth's quantiles are those of the sorted values themselves. */
static bool
is_latency(const struct member *first, size_t n, const int64_t *said)
{
    return is_near(said[0],
                   first[(n * 500 + 999) / 1000 - 1].call->latency_ms) &&
           is_near(said[1],
                   first[(n * 950 + 999) / 1000 - 1].call->latency_ms) &&
           is_near(said[2], first[(n * 990 + 999) / 1000 - 1].call->latency_ms);
}

static int
by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool
is_ttft(const struct member *first, size_t n, const int64_t *said)
{
    static uint32_t values[CALLS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (first[i].call->ttft_ms != TG_ABSENT_MS)
            values[count++] = first[i].call->ttft_ms;
    }
    if (count == 0)
        return said[0] == -1 && said[2] == -1;
    qsort(values, count, sizeof(values[0]), by_number);
    return is_near(said[0], values[(count * 500 + 999) / 1000 - 1]) &&
           is_near(said[1], values[(count * 950 + 999) / 1000 - 1]) &&
           is_near(said[2], values[(count * 990 + 999) / 1000 - 1]);
}

static int
check_row(void *arg, const struct tg_store_usage *row)
{
    struct check *check = arg;
    const struct member *first = &members[check->next];
    struct tg_sums sums = {0};
    size_t n = 0;

    while (check->next < check->count &&
           members[check->next].span == first->span &&
           strcmp(members[check->next].group, first->group) == 0) {
        if (tg_sums_add(&sums, &members[check->next].call->sums) != 0)
            abort();
        check->next++;
        n++;
    }
    /* Of nothing at all there is one row of zeros. */
    if (n == 0)
        check->wrong += row->sums.requests != 0 || row->latency_ms[0] != -1;
    else
        check->wrong += row->span != first->span ||
                        strcmp(row->group, first->group) != 0 ||
                        memcmp(&row->sums, &sums, sizeof(sums)) != 0 ||
                        !is_latency(first, n, row->latency_ms) ||
                        !is_ttft(first, n, row->ttft_ms);
    return 0;
}

/* 0 when all of the answer is right, which is of the time that it says. */
static int
ask(const struct tg_usage_question *asked)
{
    struct tg_usage_question question = *asked;
    struct check check = {.next = 0};
    struct tg_store_usage total;
    struct tg_sums sums = {0};
    int err = store->ops->usage(store, &question, &total, NULL, NULL);

    check.count = find_members(&question);
    if (err == 0)
        err = store->ops->usage(store, &question, &total, check_row, &check);

    for (size_t i = 0; i < check.count; i++)
        tg_sums_add(&sums, &members[i].call->sums);
    return (err != 0) + check.wrong + (check.next != check.count) +
           (memcmp(&sums, &total.sums, sizeof(sums)) != 0);
}

/* One in some of all groups, filters, spans and times. */
static void
ask_all(const char *when, uint32_t one_in)
{
    int wrong = 0, count = 0;

    for (size_t n = 0;
         n < COUNT(filters) * COUNT(spans) * COUNT(times) * (TG_BY_STATUS + 1);
         n++) {
        size_t rest = n;
        struct tg_usage_question question = filters[rest % COUNT(filters)];

        rest /= COUNT(filters);
        question.span_of = spans[rest % COUNT(spans)];
        rest /= COUNT(spans);
        question.since = times[rest % COUNT(times)].since;
        question.until = times[rest % COUNT(times)].until;
        question.by = (enum tg_usage_by)(rest / COUNT(times));
        question.has_latency = true;
        any_cut = test_any(96);
        if (test_any(one_in) != 0)
            continue;
        count++;
        if (ask(&question) == 0)
            continue;
        wrong++;
        printf("# by %d, span %zu, filter %zu, time %zu\n", question.by,
               n / COUNT(filters) % COUNT(spans), n % COUNT(filters),
               n / COUNT(filters) / COUNT(spans) % COUNT(times));
    }
    is_int(wrong, 0, "%s: %d questions", when, count);
}

/* A few steps; one in five is taken back, and some are the last of a life. */
static void
roll_up(uint32_t steps)
{
    bool has_more = true;

    for (uint32_t i = 0; i < steps && has_more; i++) {
        store->ops->begin(store);
        if (store->ops->roll_up(store, 1 + test_any(4000), &has_more) != 0)
            abort();
        if (test_any(5) == 0) {
            store->ops->rollback(store);
            has_more = true;
        } else {
            store->ops->commit(store);
        }
        if (test_any(5) == 0) {
            store->ops->close(store);
            open_store();
        }
    }
}

static void
test_life(void)
{
    add_calls(CALLS / 3);
    ask_all("none rolled up", 150);
    add_calls(CALLS - 9000);
    roll_up(3);
    ask_all("some keys rolled up", 60);
    add_calls(CALLS - 5000);
    ask_all("more calls came", 150);
    roll_up(UINT32_MAX);
    add_calls(CALLS);
    ask_all("a block rolled up", 40);
    store->ops->close(store);
    open_store();
    ask_all("opened anew", 150);
}

/* What was read of calls that are taken back is not said any more. */
static void
test_taken_back(void)
{
    struct tg_usage_question all = {.has_latency = true};
    struct truth call = truths[0];
    struct tg_record record = record_of(&call, CALLS + 1);
    struct tg_usage_question question = all;
    struct tg_store_usage total;
    bool is_new;

    store->ops->begin(store);
    if (store->ops->call_add(store, &record, &is_new) != 0 ||
        store->ops->usage(store, &question, &total, NULL, NULL) != 0)
        abort();
    is_int(total.sums.requests, CALLS + 1, "a call that is not committed");
    store->ops->rollback(store);
    is_int(ask(&all), 0, "is not there when it is taken back");
}

static void
roll_up_all(void)
{
    bool has_more = true;

    while (has_more) {
        store->ops->begin(store);
        if (store->ops->roll_up(store, 100000, &has_more) != 0)
            abort();
        store->ops->commit(store);
    }
}

/* It may grow by some pages. */
static int
set_pages(void *arg, int columns, char **values, char **names)
{
    char sql[64];

    (void)columns;
    (void)names;
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d",
             atoi(values[0]) + 40);
    return sqlite3_exec(arg, sql, NULL, NULL, NULL);
}

/* Where the disk itself is full, SQLite takes the transaction back alone. */
static void
test_full(void)
{
    struct tg_usage_question all = {.has_latency = true};
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_record records[TG_CALLS_AT_ONCE];
    uint32_t count = 0;
    int err = 0;

    /* From the beginning of a block on, so that its calls are gathered. */
    has_twins = false;
    add_calls(CALLS_MAX - 135000);
    roll_up_all();
    sqlite3_exec(db->db, "PRAGMA page_count", set_pages, db->db, NULL);
    store->ops->begin(store);
    while (count < 100000 && err == 0) {
        for (size_t i = 0; i < TG_CALLS_AT_ONCE; i++)
            records[i] = record_of(&truths[0], 2 * CALLS_MAX + count++);
        err = store->ops->calls_add(store, records, TG_CALLS_AT_ONCE);
    }
    ok(err != 0 && count > 2 * TG_CALLS_AT_ONCE, "the store is full");
    sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
    store->ops->rollback(store);
    tg_sql_run(db, NULL, "PRAGMA max_page_count = 1000000", "");
    is_int(ask(&all), 0, "what did not fit is not there");
    /* Up to the end of the block, which is rolled up then. */
    add_calls(CALLS_MAX);
    roll_up_all();
    is_int(ask(&all), 0, "and not in packs that are made later");
}

static void
test_rows_max(void)
{
    struct tg_usage_question many = {
        .by = TG_BY_KEY, .span_of = hour_of, .rows_max = 100};

    is_int(store->ops->usage(store, &many, NULL, NULL, NULL), TG_ERR_LIMIT,
           "more rows than may be");
}

static void
remove_store(void)
{
    char name[80];

    store->ops->close(store);
    unlink(path);
    snprintf(name, sizeof(name), "%s-wal", path);
    unlink(name);
    snprintf(name, sizeof(name), "%s-shm", path);
    unlink(name);
}

static void
run(sqlite3 *db, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
}

static void
bind_times(sqlite3_stmt *stmt, int index, uint32_t value)
{
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    struct tg_histogram one = {.used = {0}};
    size_t len = 0;

    if (value != TG_ABSENT_MS) {
        tg_histogram_add(&one, value);
        len = tg_histogram_encode(&one, bytes);
    }
    sqlite3_bind_blob(stmt, index, len > 0 ? (char *)bytes : "", (int)len,
                      SQLITE_TRANSIENT);
}

/* A rollup of one call, where it is the only one of its place. */
static bool
add_rollup(sqlite3_stmt *stmt, const struct truth *call)
{
    int64_t sums[11];
    bool is_new;

    memcpy(sums, &call->sums, sizeof(sums));
    sqlite3_bind_int64(stmt, 1, call->at / QUARTER_MS);
    sqlite3_bind_text(stmt, 2, call->key_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, call->model, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, call->endpoint);
    sqlite3_bind_text(stmt, 5, call->upstream_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 6, call->status);
    sqlite3_bind_text(stmt, 7, call->account_id, -1, SQLITE_STATIC);
    for (int i = 0; i < 11; i++)
        sqlite3_bind_int64(stmt, 8 + i, sums[i]);
    bind_times(stmt, 19, call->latency_ms);
    bind_times(stmt, 20, call->ttft_ms);
    is_new = sqlite3_step(stmt) == SQLITE_DONE;
    sqlite3_reset(stmt);
    return is_new;
}

static sqlite3 *
open_plain(void)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        tg_pack_functions(db) != SQLITE_OK)
        abort();
    return db;
}

/* As the seventeenth migration left a store: with rollups and totals. */
static void
make_old(void)
{
    sqlite3 *db = open_plain();
    sqlite3_stmt *stmt;

    run(db, "PRAGMA application_id = 0x746f6c6c; PRAGMA user_version = 17");
    for (int i = 0; i < 17; i++)
        run(db, tg_migrations[i]);
    run(db, "UPDATE rolled_up SET first = 1310720, next = 1310720");
    run(db, "INSERT INTO thinned WITH RECURSIVE n (i) AS (VALUES (1936608) "
            "UNION ALL SELECT i + 1 FROM n WHERE i < 1936608 + 768) "
            "SELECT i FROM n");
    is_int(BEGUN_AT / QUARTER_MS, 1936608, "the first quarter-hour");
    sqlite3_prepare_v2(db,
                       "INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
                       "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       -1, &stmt, NULL);
    run(db, "BEGIN");
    truth_count = 0;
    while (truth_count < OLD_ROWS) {
        struct truth *call = &truths[truth_count];

        make_names(call, truth_count);
        make_figures(call);
        /* Calls themselves are gone, so instants are whole quarter-hours. */
        call->at = BEGUN_AT + test_any(8 * 96) * QUARTER_MS;
        truth_count += add_rollup(stmt, call);
    }
    run(db, "COMMIT");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static int64_t
number(sqlite3 *db, const char *sql)
{
    int64_t value = -1;
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

#define THIRDS                                                                 \
    "SELECT id FROM pack_thirds_0 UNION SELECT id FROM pack_thirds_1 UNION "   \
    "SELECT id FROM pack_thirds_2"
#define SIXTHS                                                                 \
    "SELECT id FROM pack_sixths_0 UNION SELECT id FROM pack_sixths_1 UNION "   \
    "SELECT id FROM pack_sixths_2 UNION SELECT id FROM pack_sixths_3 UNION "   \
    "SELECT id FROM pack_sixths_4 UNION SELECT id FROM pack_sixths_5"

/* That sixths are those of packs, and as they would be made now. */
static void
check_sixths(void)
{
    sqlite3 *db = open_plain();

    ok(number(db, "SELECT count(*) FROM (" SIXTHS ")") > 100, "sixths");
    is_int(number(db, "SELECT count(*) FROM (" SIXTHS ")"),
           number(db, "SELECT count(*) FROM packs WHERE typeof(cells) = "
                      "'integer'"),
           "of packs");
    is_int(number(db, "SELECT count(*) FROM (" SIXTHS ") WHERE id NOT IN "
                      "(SELECT cells FROM packs)"),
           0, "and of nothing else");
    is_int(number(db, "SELECT count(*) FROM pack_sixths_0 WHERE sums <> x''"),
           0, "the first of which has no sums");
    for (int i = 1; i < TG_PACK_SIXTHS; i++) {
        char sql[600];

        snprintf(sql, sizeof(sql),
                 "SELECT sum(s%d.sums <> tg_pack_sums(all_day, %u, %u)) FROM "
                 "(SELECT id, tg_packs(cells) AS all_day FROM "
                 "(SELECT * FROM pack_sixths_0 UNION ALL "
                 "SELECT * FROM pack_sixths_1 UNION ALL "
                 "SELECT * FROM pack_sixths_2 UNION ALL "
                 "SELECT * FROM pack_sixths_3 UNION ALL "
                 "SELECT * FROM pack_sixths_4 UNION ALL "
                 "SELECT * FROM pack_sixths_5) GROUP BY id) AS days "
                 "JOIN pack_sixths_%d s%d ON s%d.id = days.id",
                 i, tg_pack_sixths[i].sums.from, tg_pack_sixths[i].sums.to, i,
                 i, i);
        is_int(number(db, sql), 0, "sums of the sixth %d", i);
    }
    sqlite3_close(db);
}

/*
 * As the twentieth left one: with cells of a whole day, and some that no pack
 * names.  Its making over is cut short once.
 */
static void
test_whole_days(void)
{
    sqlite3 *db;

    make_old();
    db = open_plain();
    for (int i = 17; i < 20; i++)
        run(db, tg_migrations[i]);
    run(db, "PRAGMA user_version = 20");
    ok(number(db, "SELECT count(*) FROM pack_cells") > 100, "many large packs");
    run(db, "INSERT INTO pack_cells (cells) SELECT cells FROM pack_cells "
            "WHERE id % 7 = 0");
    run(db, "BEGIN");
    run(db, tg_migrations[20]);
    ok(number(db, "SELECT count(*) FROM (" THIRDS ")") > 100,
       "thirds of them were made");
    sqlite3_close(db);
    open_store();
    ask_all("cells of whole days of an older store", 8);
    check_sixths();
}

/*
 * As the twenty-third left one: with thirds of days, and some that no pack
 * names.  Its making over is cut short once, too.
 */
static void
test_thirds(void)
{
    sqlite3 *db;

    make_old();
    db = open_plain();
    for (int i = 17; i < 23; i++)
        run(db, tg_migrations[i]);
    run(db, "PRAGMA user_version = 23");
    ok(number(db, "SELECT count(*) FROM (" THIRDS ")") > 100, "many thirds");
    run(db, "INSERT INTO pack_thirds_1 SELECT id + 1000000, cells FROM "
            "pack_thirds_1 WHERE id % 7 = 0");
    run(db, "BEGIN");
    run(db, tg_migrations[23]);
    ok(number(db, "SELECT count(*) FROM (" SIXTHS ")") > 100,
       "sixths of them were made");
    sqlite3_close(db);
    open_store();
    ask_all("thirds of days of an older store", 8);
    check_sixths();
    is_int(truth_count, OLD_ROWS, "all of them");
    store->ops->close(store);
    open_store();
    add_calls(OLD_ROWS + 5000);
    ask_all("and calls that come then", 30);
    check_sixths();
}

static void
test_old_store(void)
{
    make_old();
    open_store();
    ask_all("rollups of an older store", 8);
    is_int(truth_count, OLD_ROWS, "all of them");
    store->ops->close(store);
    open_store();
    add_calls(OLD_ROWS + 5000);
    ask_all("and calls that come then", 30);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/store.db", folder);
    open_store();
    test_life();
    test_taken_back();
    test_rows_max();
    test_full();
    remove_store();
    test_old_store();
    remove_store();
    test_whole_days();
    remove_store();
    test_thirds();
    remove_store();
    rmdir(folder);
    return done();
}
