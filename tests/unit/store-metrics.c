/* Sums of calls and refusals: exact, with the transaction, and bounded. */
#include "store_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code.h"
#include "err.h"
#include "store_test.h"
#include "tap.h"

static struct tg_store *store;
static char path[64];

/* What the store has, added up over all series that match. */
struct found {
    const char *model;    /* NULL: any */
    int64_t status_class; /* -1: any */
    int64_t rows;
    struct tg_metric_figures sum;
};

static int
take(void *arg, const struct tg_metric_series *row)
{
    struct found *found = arg;

    if ((found->model != NULL && strcmp(row->model, found->model) != 0) ||
        (found->status_class >= 0 && row->status_class != found->status_class))
        return 0;
    found->rows++;
    for (int i = 0; i < TG_METRIC_SUMS; i++)
        found->sum.sums[i] += row->figures->sums[i];
    for (int kind = 0; kind < TG_METRIC_KINDS; kind++) {
        for (int i = 0; i <= TG_METRIC_BOUNDS; i++)
            found->sum.buckets[kind][i] += row->figures->buckets[kind][i];
    }
    return 0;
}

static struct found
find(const char *model, int64_t status_class)
{
    struct found found = {.model = model, .status_class = status_class};

    if (store->metrics->series_each(store, take, &found) != 0)
        printf("Bail out! %s\n", store->error.text);
    return found;
}

struct wanted {
    const char *name, *label;
    int64_t count;
};

static int
take_count(void *arg, const struct tg_metric_count *row)
{
    struct wanted *wanted = arg;

    if (strcmp(row->name, wanted->name) == 0 &&
        strcmp(row->label, wanted->label) == 0)
        wanted->count = row->count;
    return 0;
}

static int64_t
count_of(const char *name, const char *label)
{
    struct wanted wanted = {name, label, 0};

    store->metrics->count_each(store, take_count, &wanted);
    return wanted.count;
}

static void
open_store(void)
{
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

/* The n-th call: of its own id. */
static struct tg_record
call(uint32_t n, const char *model, uint16_t status)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *it = &record.call;

    memcpy(it->id.bytes, &n, sizeof(n));
    it->at_ms = 1700000000000 + n;
    memcpy(it->key_id, "key_00000000000000000000", TG_ID_LEN);
    memcpy(it->account_id, "acct_0000000000000000000", TG_ID_LEN);
    memcpy(it->upstream_id, "up_000000000000000000000", TG_ID_LEN);
    tg_field_set(it->model, sizeof(it->model), model, strlen(model));
    it->endpoint = 1;
    it->status = status;
    it->ttft_ms = TG_ABSENT_MS;
    return record;
}

static void
begin(void)
{
    if (store->ops->begin(store) != 0)
        printf("Bail out! %s\n", store->error.text);
}

static void
add(const struct tg_record *records, size_t count)
{
    is_int(store->ops->calls_add(store, records, count), 0, "%zu calls: %s",
           count, store->error.text);
}

static void
test_figures(void)
{
    struct tg_record record = call(1, "a", 200);
    struct found found;

    record.call.prompt_tokens = 100;
    record.call.cached_tokens = 40;
    record.call.written_tokens = 7;
    record.call.completion_tokens = 11;
    record.call.reasoning_tokens = 3;
    record.call.cost_nanos = 123456789;
    record.call.latency_ms = 640;
    record.call.ttft_ms = 141;
    record.call.flags = TG_CALL_STREAM;
    begin();
    add(&record, 1);
    is_int(find("a", 2).rows, 0, "nothing is written before the end");
    store->ops->commit(store);
    found = find("a", 2);
    is_int(found.rows, 1, "one series");
    is_int(found.sum.sums[TG_METRIC_CALLS], 1, "calls");
    is_int(found.sum.sums[TG_METRIC_PROMPT], 100, "prompt");
    is_int(found.sum.sums[TG_METRIC_CACHED], 40, "cached");
    is_int(found.sum.sums[TG_METRIC_WRITTEN], 7, "written");
    is_int(found.sum.sums[TG_METRIC_COMPLETION], 11, "completion");
    is_int(found.sum.sums[TG_METRIC_REASONING], 3, "reasoning");
    is_int(found.sum.sums[TG_METRIC_COST_NANOS], 123456789, "cost");
    is_int(found.sum.sums[TG_METRIC_LATENCY_MS], 640, "latency");
    is_int(found.sum.sums[TG_METRIC_TTFT_MS], 141, "time to the first token");
    is_int(found.sum.sums[TG_METRIC_PACE_US], 49900, "from token to token");
    is_int(found.sum.buckets[TG_METRIC_OF_LATENCY][6], 1, "640 is at most 640");
    is_int(found.sum.buckets[TG_METRIC_OF_TTFT][8], 1, "141 is at most 250");
    is_int(found.sum.buckets[TG_METRIC_OF_INPUT][4], 1, "100 is at most 256");
    is_int(found.sum.buckets[TG_METRIC_OF_OUTPUT][2], 1, "11 is at most 16");
    is_int(found.sum.buckets[TG_METRIC_OF_PACE][2], 1, "49.9 ms at most 50");
}

static void
test_once(void)
{
    struct tg_record records[TG_CALLS_AT_ONCE];

    for (uint32_t i = 0; i < TG_CALLS_AT_ONCE; i++)
        records[i] = call(100 + i, "once", i < 4 ? 500 : 200);
    begin();
    add(records, TG_CALLS_AT_ONCE);
    add(records, TG_CALLS_AT_ONCE);
    store->ops->commit(store);
    is_int(find("once", 2).sum.sums[TG_METRIC_CALLS], 28, "each call once");
    is_int(find("once", 5).sum.sums[TG_METRIC_CALLS], 4, "by class");
    /* Half of these are there. */
    for (uint32_t i = 0; i < TG_CALLS_AT_ONCE; i++)
        records[i] = call(116 + i, "once", 200);
    begin();
    add(records, TG_CALLS_AT_ONCE);
    store->ops->commit(store);
    is_int(find("once", -1).sum.sums[TG_METRIC_CALLS], 48,
           "of calls that are partly there, the new ones");
    begin();
    for (uint32_t i = 0; i < 5; i++)
        add(&records[i], 1);
    store->ops->commit(store);
    is_int(find("once", -1).sum.sums[TG_METRIC_CALLS], 48, "one by one, too");
}

static void
test_rollback(void)
{
    struct tg_record record = call(200, "back", 200);
    struct tg_denial denial = {.count = 5, .code = TG_CODE_NOT_FOUND};

    begin();
    add(&record, 1);
    store->ops->denial_add(store, &denial);
    store->ops->rollback(store);
    is_int(find("back", -1).rows, 0, "what is rolled back does not count");
    is_int(count_of("denials", "not_found"), 0, "of refusals, too");
    begin();
    add(&record, 1);
    store->ops->denial_add(store, &denial);
    store->ops->commit(store);
    is_int(find("back", -1).sum.sums[TG_METRIC_CALLS], 1,
           "and once it is committed");
    is_int(count_of("denials", "not_found"), 5, "refusals count by code");
}

static void
test_codes(void)
{
    struct tg_record record = call(300, "codes", 502);

    record.call.code = TG_CODE_UPSTREAM_ERROR;
    begin();
    add(&record, 1);
    store->ops->commit(store);
    is_int(count_of("failed", "upstream_error"), 1, "what a call failed of");
}

static void
test_restart(void)
{
    struct tg_record record = call(400, "a", 200);

    store->ops->close(store);
    open_store();
    begin();
    add(&record, 1);
    store->ops->commit(store);
    is_int(find("a", 2).sum.sums[TG_METRIC_CALLS], 2, "a start goes on");
    is_int(find("a", 2).sum.sums[TG_METRIC_COST_NANOS], 123456789,
           "with all figures");
}

/* Whatever names come, there are no more series than that. */
static void
test_bounded(void)
{
    char model[32];
    struct tg_record record;
    int64_t before = find(NULL, -1).rows, all;

    for (uint32_t i = 0; i < TG_METRIC_SERIES_MAX + 500; i++) {
        if (i % 700 == 0)
            begin();
        snprintf(model, sizeof(model), "model-%u", i);
        record = call(1000 + i, model, 200);
        if (store->ops->calls_add(store, &record, 1) != 0)
            printf("Bail out! %s\n", store->error.text);
        if (i % 700 == 699 || i == TG_METRIC_SERIES_MAX + 499)
            store->ops->commit(store);
    }
    is_int(find(NULL, -1).rows, TG_METRIC_SERIES_MAX + 1,
           "so many, and one of the others");
    is_int(find(TG_METRIC_OTHER, 2).sum.sums[TG_METRIC_CALLS], 500 + before,
           "where the calls are that found no room");
    all = find(NULL, -1).sum.sums[TG_METRIC_CALLS];
    record = call(5000, "model-1", 200);
    begin();
    add(&record, 1);
    record = call(5001, "yet another", 404);
    add(&record, 1);
    store->ops->commit(store);
    is_int(find("model-1", 2).sum.sums[TG_METRIC_CALLS], 2,
           "one that is there goes on");
    is_int(find(TG_METRIC_OTHER, 4).sum.sums[TG_METRIC_CALLS], 1,
           "the others have their class");
    is_int(find(NULL, -1).sum.sums[TG_METRIC_CALLS], all + 2,
           "and no call is lost");
}

static void
test_huge(void)
{
    struct tg_record record = call(6000, "a", 200);

    record.call.cost_nanos = INT64_MAX;
    begin();
    add(&record, 1);
    record = call(6001, "a", 200);
    record.call.cost_nanos = 1;
    record.call.prompt_tokens = -5;
    add(&record, 1);
    store->ops->commit(store);
    is_int(find("a", 2).sum.sums[TG_METRIC_COST_NANOS], INT64_MAX,
           "a sum that does not fit stops at the end");
    is_int(find("a", 2).sum.sums[TG_METRIC_PROMPT], 100,
           "and nothing goes back");
}

static void
test_events(void)
{
    struct tg_store_event event = {.id = "evt_0000000000000000000a",
                                   .at = 1,
                                   .type = "upstream_down",
                                   .severity = "info",
                                   .key_id = "",
                                   .account_id = "",
                                   .upstream_id = "",
                                   .credential_id = "",
                                   .message = "m",
                                   .evidence = "{}",
                                   .once = "x"};
    struct tg_store_episode episode = {.id = "eps_0000000000000000000a",
                                       .rule_id = "r",
                                       .rule = "r",
                                       .kind = "k",
                                       .severity = "critical",
                                       .once = "o",
                                       .key_id = "",
                                       .account_id = "",
                                       .upstream_id = "",
                                       .credential_id = "",
                                       .message = "m",
                                       .evidence = "{}",
                                       .opened_at = 1,
                                       .last_at = 1};
    bool is_new;

    store->ops->event_add(store, &event, &is_new);
    event.id = "evt_0000000000000000000b";
    store->ops->event_add(store, &event, &is_new);
    is_int(count_of("events", "upstream_down"), 1,
           "an event that was told "
           "before is none");
    store->ops->episode_open(store, &episode, &is_new);
    is_int(count_of("alerts_opened", "critical"), 1, "an alert opens");
    store->ops->episode_close(store, episode.id, 2, "recovered");
    store->ops->episode_close(store, episode.id, 3, "recovered");
    is_int(count_of("alerts_closed", "critical"), 1, "and closes once");
    is_int(count_of("alerts_opened", "critical"), 1, "and was opened");
}

int
main(void)
{
    snprintf(path, sizeof(path), "/dev/shm/tollgate-test-metrics-%d.db",
             (int)getpid());
    unlink(path);
    open_store();
    test_figures();
    test_once();
    test_rollback();
    test_codes();
    test_restart();
    test_events();
    test_bounded();
    test_huge();
    store->ops->close(store);
    for (const char *const *tail =
             (const char *const[]){"", "-wal", "-shm", NULL};
         *tail != NULL; tail++) {
        char name[80];

        snprintf(name, sizeof(name), "%s%s", path, *tail);
        unlink(name);
    }
    return done();
}
